//! People with phone numbers and e-mail addresses that reach nobody.

use jiff::{Span, civil::date};
use rand::{Rng, seq::IndexedRandom as _};

use super::names::names;
use crate::{
    id::PatientId,
    records::patients::{
        model::{
            Gender, Indexed, PartialDate, Patient, PatientDetails, PatientRecord, PersonName,
            Phone, PhoneUse, search::PatientSearch,
        },
        repo::Index,
    },
    store::{Entity, Item, StoreError, write::Write},
};

pub(super) fn name(chance: &mut impl Rng) -> String {
    let (family, given) = names(chance);
    format!("{} {family}", given.join(" "))
}

/// Returns a phone number reserved for drama, +44 1632 960000 to 960999 (Ofcom, "Telephone numbers
/// for use in TV and radio drama programmes").
pub(super) fn phone(chance: &mut impl Rng) -> String {
    format!("+441632960{:03}", chance.random_range(0..1000))
}

/// Returns the patient with this number at a clinic. Three in four have a medical record number.
pub(super) fn patient(clinic: u32, number: u32, chance: &mut impl Rng) -> PatientRecord {
    let id = PatientId::random_from(chance);
    let (family, given) = names(chance);
    let name = PersonName {
        family: Some(family.into()),
        given: given.into_iter().map(|name| name.to_owned().into()).collect(),
        ..PersonName::default()
    };
    let born = date(1935, 1, 1).saturating_add(Span::new().days(chance.random_range(0..33_000)));
    let mrn = format!("SEED-{clinic:04}-{number:06}");
    // RFC 2606 reserves example.org.
    let email = format!("patient-{clinic}-{number}@example.org");
    let phone =
        Phone { value: phone(chance).into(), extension: None, purpose: Some(PhoneUse::Mobile) };
    let gender = [Gender::Female, Gender::Male, Gender::Other].choose(chance).copied();
    let mut in_hundred = |of: u32| chance.random_ratio(of, 100);
    let details = PatientDetails {
        mrn: in_hundred(75).then(|| mrn.into()),
        gender,
        birth_date: in_hundred(95).then(|| PartialDate::from(born).into()),
        phones: in_hundred(80).then_some(phone).into_iter().collect(),
        email: in_hundred(60).then(|| email.into()),
        notes: in_hundred(10).then(|| "made up".to_owned().into()),
        ..PatientDetails::named(name)
    };
    PatientRecord { id, details }
}

/// Returns the number of items of a patient.
pub(super) fn items(patient: &Entity<Patient>) -> usize {
    1 + patient.value.search.as_ref().map_or(0, Indexed::items)
}

/// Returns the search items and identifier markers of a patient. A large clinic has millions, so
/// they are not kept.
pub(super) fn search_items(
    search: &PatientSearch,
    patient: &Entity<Patient>,
) -> Vec<Result<Item, StoreError>> {
    let index = Index::new(search, &patient.meta.org, &patient.value);
    let writes = match index.and_then(|index| index.writes(None)) {
        Ok(writes) => writes,
        Err(error) => return vec![Err(error)],
    };
    let items = writes.into_iter().filter_map(|write| match write {
        Write::Put { item, .. } => Some(Ok(item)),
        _ => None,
    });
    items.collect()
}
