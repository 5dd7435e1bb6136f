//! Names that are recognisably invented, and phone numbers and addresses that reach nobody.

use jiff::{Span, civil::date};
use rand::{Rng, seq::IndexedRandom as _};

use crate::{
    id::PatientId,
    records::patients::model::{
        Gender, PartialDate, PatientDetails, PatientRecord, PersonName, Phone, PhoneUse,
    },
};

const GIVEN: [&str; 16] = [
    "Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana", "Ida", "Jon", "Kim", "Lea", "Max",
    "Nils", "Olga", "Pia",
];
const FAMILY: [&str; 12] = [
    "Dummy",
    "Example",
    "Fictive",
    "Invented",
    "Madeup",
    "Mockup",
    "Nobody",
    "Placeholder",
    "Sample",
    "Specimen",
    "Testcase",
    "Unreal",
];

pub(super) fn name(chance: &mut impl Rng) -> String {
    let (given, family) = names(chance);
    format!("{given} {family}")
}

fn names(chance: &mut impl Rng) -> (&'static str, &'static str) {
    let given = GIVEN.choose(chance).copied().unwrap_or_default();
    (given, FAMILY.choose(chance).copied().unwrap_or_default())
}

/// Returns a phone number reserved for drama, +44 1632 960000 to 960999 (Ofcom, "Telephone numbers
/// for use in TV and radio drama programmes").
pub(super) fn phone(chance: &mut impl Rng) -> String {
    format!("+441632960{:03}", chance.random_range(0..1000))
}

/// Returns the patient with this number at a clinic. Three in four have a medical record number.
pub(super) fn patient(clinic: u32, number: u32, chance: &mut impl Rng) -> PatientRecord {
    let id = PatientId::random_from(chance);
    let (given, family) = names(chance);
    let name = PersonName {
        family: Some(family.to_owned().into()),
        given: vec![given.to_owned().into()],
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
