//! The FHIR resource of a patient.

use serde_json::{Value, json};

use super::{
    super::model::{Address, Contact, Deceased, Patient, PatientDetails, PersonName, Phone},
    IDENTIFIER_TYPES, LANGUAGES, NOTE, PHONE_EXTENSION, RECORD_NUMBER,
};
use crate::{id::PatientId, sensitive::Sensitive};

/// Returns the FHIR R4 resource of a patient, without `id`, `meta` and `link`. It holds every member,
/// except empty notes: FHIR has no empty text.
pub fn to_fhir(patient: &PatientDetails) -> Value {
    let (is_dead, died) = match patient.deceased {
        Some(Deceased::Known(dead)) => (Some(dead), None),
        died => (None, died),
    };
    let birth_date = patient.birth_date.as_ref().map(|date| json!(date.expose()));
    object([
        ("resourceType", Some("Patient".into())),
        ("extension", list(notes(patient))),
        ("identifier", list(identifiers(patient))),
        ("active", Some(patient.active.into())),
        ("name", list([with_use(name(&patient.name), "official")])),
        ("telecom", list(phones(patient).chain(email(patient)))),
        ("gender", patient.gender.map(|gender| json!(gender))),
        ("birthDate", birth_date),
        ("deceasedBoolean", is_dead.map(Value::from)),
        ("deceasedDateTime", died.map(|died| json!(died))),
        ("address", list(patient.address.iter().map(address))),
        ("contact", list(patient.contacts.iter().map(contact))),
        ("communication", list(patient.language.iter().map(communication))),
    ])
}

/// Returns the links to the patients that were merged into this one, and to the one it was merged
/// into.
pub fn links(patient: &Patient) -> Option<Value> {
    let link = |kind: &str, other: &PatientId| {
        let reference = format!("Patient/{other}");
        json!({ "other": { "reference": reference }, "type": kind })
    };
    let replaced_by = patient.merged_into.iter().map(|other| link("replaced-by", other));
    list(replaced_by.chain(patient.replaces.iter().map(|other| link("replaces", other))))
}

/// Returns an object of the members that have a value.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Returns a list, or `None` for an empty one: FHIR has no empty lists.
fn list(items: impl IntoIterator<Item = Value>) -> Option<Value> {
    let items: Vec<_> = items.into_iter().collect();
    (!items.is_empty()).then(|| items.into())
}

fn text(text: Option<&Sensitive<String>>) -> Option<Value> {
    text.map(|text| json!(text.expose()))
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a Sensitive<String>>) -> Option<Value> {
    list(texts.into_iter().map(|text| json!(text.expose())))
}

fn with_use(mut value: Value, purpose: &str) -> Value {
    value["use"] = purpose.into();
    value
}

fn notes(patient: &PatientDetails) -> Option<Value> {
    let notes = patient.notes.as_ref().filter(|notes| !notes.expose().is_empty())?;
    Some(json!({ "url": NOTE, "valueAnnotation": { "text": notes.expose() } }))
}

fn identifiers(patient: &PatientDetails) -> impl Iterator<Item = Value> {
    let kind = || json!({ "coding": [{ "system": IDENTIFIER_TYPES, "code": RECORD_NUMBER }] });
    let mrn = patient
        .mrn
        .as_ref()
        .map(move |mrn| json!({ "use": "usual", "type": kind(), "value": mrn.expose() }));
    let others = patient
        .identifiers
        .iter()
        .map(|other| json!({ "system": other.system, "value": other.value.expose() }));
    mrn.into_iter().chain(others)
}

fn name(name: &PersonName) -> Value {
    object([
        ("text", text(name.text.as_ref())),
        ("family", text(name.family.as_ref())),
        ("given", texts(&name.given)),
        ("prefix", texts(&name.prefix)),
    ])
}

fn phone(phone: &Phone) -> Value {
    let mut number = phone.value.expose().clone();
    if let Some(extension) = &phone.extension {
        number += PHONE_EXTENSION;
        number += extension.expose();
    }
    object([
        ("system", Some("phone".into())),
        ("value", Some(number.into())),
        ("use", phone.purpose.map(|purpose| json!(purpose))),
    ])
}

/// Returns the telephone numbers with their ranks: the first one is preferred.
fn phones(patient: &PatientDetails) -> impl Iterator<Item = Value> {
    patient.phones.iter().zip(1_u64..).map(|(one, rank)| {
        let mut phone = phone(one);
        phone["rank"] = Value::from(rank);
        phone
    })
}

fn email(patient: &PatientDetails) -> Option<Value> {
    let email = patient.email.as_ref()?;
    Some(json!({ "system": "email", "value": email.expose() }))
}

fn address(address: &Address) -> Value {
    object([
        ("line", texts(&address.lines)),
        ("city", text(address.city.as_ref())),
        ("district", text(address.district.as_ref())),
        ("state", text(address.state.as_ref())),
        ("postalCode", text(address.postal_code.as_ref())),
        ("country", text(address.country.as_ref())),
    ])
}

fn contact(contact: &Contact) -> Value {
    let relationship = contact.relationship.as_ref();
    object([
        ("relationship", list(relationship.map(|text| json!({ "text": text.expose() })))),
        ("name", Some(name(&contact.name))),
        ("telecom", list(contact.phone.iter().map(phone))),
    ])
}

fn communication(language: &Sensitive<String>) -> Value {
    let language = json!({ "coding": [{ "system": LANGUAGES, "code": language.expose() }] });
    json!({ "language": language, "preferred": true })
}
