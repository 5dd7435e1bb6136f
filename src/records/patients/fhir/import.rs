//! The patient of a FHIR resource, and what the patient cannot hold.

use serde_json::{Map, Value};

use super::{
    super::model::PatientDetails, IDENTIFIER_TYPES, LANGUAGES, NOTE, PHONE_EXTENSION, RECORD_NUMBER,
};
use crate::{
    error::{ApiError, ErrorCode},
    http::{body::from_value, escape},
};

/// A patient from a FHIR resource.
#[derive(Debug)]
pub struct Imported {
    /// The patient.
    pub details: PatientDetails,
    /// JSON pointers to what is in the resource but not in the patient. `id`, `meta` and a generated
    /// narrative are not part of it.
    pub not_held: Vec<String>,
}

/// Returns the patient of a FHIR R4 resource. Errors point to members of the patient, not of the
/// resource.
pub fn from_fhir(resource: &Value) -> Result<Imported, ApiError> {
    if resource["resourceType"] != "Patient" {
        let message = "must be Patient";
        return Err(ApiError::field(ErrorCode::ValidationFailed, "/resourceType", message));
    }
    let mut rest = resource.clone();
    let patient = patient(&mut rest);
    let details = from_value(&patient)?;
    let mut not_held = Vec::new();
    compare(resource, &rest, "", &mut not_held);
    Ok(Imported { details, not_held })
}

/// Takes the members of a patient out of a resource. What is taken becomes null, so that the rest
/// keeps its place.
fn patient(rest: &mut Value) -> Value {
    for name in ["resourceType", "id", "meta"] {
        take(rest, name);
    }
    if rest["text"]["status"] == "generated" {
        take(rest, "text");
    }
    let mrn = entries(rest, "identifier").find_map(record_number);
    let identifiers = entries(rest, "identifier").filter_map(identifier).take(6).collect();
    let named = entries(rest, "name").collect::<Vec<_>>();
    let official = named.iter().position(|name| name["use"] == "official").unwrap_or_default();
    let name = named.into_iter().nth(official).map(|name| {
        take_equal(name, "use", "official");
        person_name(name)
    });
    let phones = entries(rest, "telecom").filter_map(phone).take(4).collect();
    let email = entries(rest, "telecom").find_map(email);
    let address = entries(rest, "address").next().map(address);
    let language = entries(rest, "communication").find_map(language);
    let contacts = entries(rest, "contact").filter_map(contact).take(5).collect();
    let notes = entries(rest, "extension").find_map(|extension| {
        take_equal(extension, "url", NOTE)?;
        take_text(extension.get_mut("valueAnnotation")?, "text")
    });
    object([
        ("mrn", mrn),
        ("name", name),
        ("gender", take_text(rest, "gender")),
        ("birth_date", take_text(rest, "birthDate")),
        ("phones", Some(Value::Array(phones))),
        ("email", email),
        ("address", address),
        ("language", language),
        ("contacts", Some(Value::Array(contacts))),
        ("identifiers", Some(Value::Array(identifiers))),
        ("deceased", take(rest, "deceasedBoolean").or_else(|| take_text(rest, "deceasedDateTime"))),
        ("notes", notes),
        ("active", take(rest, "active")),
    ])
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>())
}

fn entries<'a>(of: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    of.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn take(of: &mut Value, name: &str) -> Option<Value> {
    of.get_mut(name).map(Value::take).filter(|value| !value.is_null())
}

fn take_text(of: &mut Value, name: &str) -> Option<Value> {
    of.get(name)?.as_str()?;
    take(of, name)
}

fn take_equal(of: &mut Value, name: &str, expected: &str) -> Option<Value> {
    (of.get(name)? == expected).then(|| take(of, name))?
}

/// Takes the first texts of a list.
fn take_texts(of: &mut Value, name: &str, most: usize) -> Vec<Value> {
    entries(of, name).filter(|text| text.is_string()).take(most).map(Value::take).collect()
}

fn record_number(identifier: &mut Value) -> Option<Value> {
    let is_its_code = |coding: &&mut Value| {
        coding["system"] == IDENTIFIER_TYPES && coding["code"] == RECORD_NUMBER
    };
    identifier.get("value")?.as_str()?;
    let coding = entries(identifier.get_mut("type")?, "coding").find(is_its_code)?;
    take(coding, "system");
    take(coding, "code");
    take_equal(identifier, "use", "usual");
    take(identifier, "value")
}

fn identifier(identifier: &mut Value) -> Option<Value> {
    let system = identifier.get("system")?.as_str()?.to_owned();
    let value = take_text(identifier, "value")?;
    take(identifier, "system");
    Some(object([("system", Some(system.into())), ("value", Some(value))]))
}

fn person_name(name: &mut Value) -> Value {
    let given = take_texts(name, "given", 6);
    object([
        ("family", take_text(name, "family")),
        ("given", Some(Value::Array(given))),
        ("prefix", take_texts(name, "prefix", 1).pop()),
        ("text", take_text(name, "text")),
    ])
}

fn phone(entry: &mut Value) -> Option<Value> {
    entry.get("value")?.as_str()?;
    take_equal(entry, "system", "phone")?;
    let number = take(entry, "value")?;
    let number = number.as_str()?;
    let (number, extension) = match number.split_once(PHONE_EXTENSION) {
        Some((number, extension)) => (number, Some(extension.into())),
        None => (number, None),
    };
    let purpose = take_text(entry, "use");
    Some(object([("value", Some(number.into())), ("extension", extension), ("use", purpose)]))
}

fn email(entry: &mut Value) -> Option<Value> {
    entry.get("value")?.as_str()?;
    take_equal(entry, "system", "email")?;
    take(entry, "value")
}

fn address(address: &mut Value) -> Value {
    let lines = take_texts(address, "line", 4);
    object([
        ("lines", Some(Value::Array(lines))),
        ("city", take_text(address, "city")),
        ("district", take_text(address, "district")),
        ("state", take_text(address, "state")),
        ("postal_code", take_text(address, "postalCode")),
        ("country", take_text(address, "country")),
    ])
}

fn language(communication: &mut Value) -> Option<Value> {
    let coding = communication.pointer("/language/coding/0/code").filter(|code| code.is_string());
    (communication["preferred"] == true && coding.is_some()).then_some(())?;
    take(communication, "preferred");
    let coding = communication.pointer_mut("/language/coding/0")?;
    take_equal(coding, "system", LANGUAGES);
    take(coding, "code")
}

/// Takes a contact that has a family name or a text. Others cannot be held.
fn contact(contact: &mut Value) -> Option<Value> {
    let is_named = |name: &Value| name["family"].is_string() || name["text"].is_string();
    let name = contact.get_mut("name").filter(|name| is_named(name))?;
    let name = person_name(name);
    let relationship = entries(contact, "relationship").find_map(|one| take_text(one, "text"));
    let phone = entries(contact, "telecom").find_map(phone);
    Some(object([("relationship", relationship), ("name", Some(name)), ("phone", phone)]))
}

/// Collects pointers to what is left: to a whole member if nothing of it was taken.
fn compare(all: &Value, rest: &Value, pointer: &str, not_held: &mut Vec<String>) {
    match (all, rest) {
        (_, Value::Null) => {}
        (all, rest) if all == rest => not_held.push(pointer.to_owned()),
        (Value::Object(all), Value::Object(rest)) => {
            for (name, value) in rest {
                compare(&all[name], value, &format!("{pointer}/{}", escape(name)), not_held);
            }
        }
        (Value::Array(all), Value::Array(rest)) => {
            for (at, value) in rest.iter().enumerate() {
                compare(&all[at], value, &format!("{pointer}/{at}"), not_held);
            }
        }
        _ => not_held.push(pointer.to_owned()),
    }
}
