//! The patient of a FHIR resource, and what the patient cannot hold.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    super::model::PatientDetails,
    IDENTIFIER_TYPES, LANGUAGES, NOTE, PHONE_EXTENSION, RECORD_NUMBER,
    choice::{best, entries, phones_first},
};
use crate::{
    error::{ApiError, ErrorCode, FieldCode, FieldError},
    http::{body::from_value, escape},
};

/// Elements that can change the meaning of the others. FHIR forbids to ignore them.
const MODIFIERS: [&str; 2] = ["implicitRules", "modifierExtension"];
const MAX_IDENTIFIERS: usize = 6;

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
/// resource, except for those that no patient can be made of.
pub fn from_fhir(resource: &Value, now: Timestamp) -> Result<Imported, ApiError> {
    if resource["resourceType"] != "Patient" {
        let message = if resource["resourceType"] == "Bundle" {
            "must be Patient; write each patient of the Bundle on a line of its own"
        } else {
            "must be Patient"
        };
        return Err(ApiError::field(ErrorCode::ValidationFailed, "/resourceType", message));
    }
    let mut modifiers = Vec::new();
    find_modifiers(resource, "", &mut modifiers);
    if !modifiers.is_empty() {
        let detail = "The resource has elements that can change its meaning.";
        return Err(ApiError::new(ErrorCode::ValidationFailed, detail).with_errors(modifiers));
    }
    let mut rest = resource.clone();
    // The day in UTC.
    let patient = patient(&mut rest, &now.to_string()[..10]);
    let details = from_value(&patient)?;
    let mut not_held = Vec::new();
    compare(resource, &rest, "", &mut not_held);
    Ok(Imported { details, not_held })
}

fn find_modifiers(value: &Value, pointer: &str, found: &mut Vec<FieldError>) {
    let members = value.as_object().into_iter().flatten();
    let members = members.map(|(name, value)| (escape(name), value));
    let entries = value.as_array().into_iter().flatten().enumerate();
    let entries = entries.map(|(at, value)| (at.to_string(), value));
    for (name, value) in members.chain(entries) {
        let pointer = format!("{pointer}/{name}");
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        if MODIFIERS.contains(&name.as_str()) && !is_empty {
            let detail = "can change the meaning of the resource, and is not supported";
            found.push(FieldError::of_body(pointer, FieldCode::Invalid, detail));
        } else {
            find_modifiers(value, &pointer, found);
        }
    }
}

/// Takes the members of a patient out of a resource. What is taken becomes null, so that the rest
/// keeps its place.
fn patient(rest: &mut Value, today: &str) -> Value {
    for name in ["resourceType", "id", "meta"] {
        take(rest, name);
    }
    if rest["text"]["status"] == "generated" {
        take(rest, "text");
    }
    let (mut mrn, mut identifiers) = (None, Vec::new());
    for entry in best(rest, "identifier", today) {
        if mrn.is_none() {
            mrn = record_number(entry);
        }
        if identifiers.len() < MAX_IDENTIFIERS {
            identifiers.extend(identifier(entry));
        }
    }
    let name = best(rest, "name", today).into_iter().next().map(|name| {
        take_equal(name, "use", "official");
        person_name(name)
    });
    let phones = phones_first(rest, "telecom", today).filter_map(ranked_phone).take(4).collect();
    let email = best(rest, "telecom", today).into_iter().find_map(email);
    let address = best(rest, "address", today).into_iter().next().map(address);
    let language = entries(rest, "communication").find_map(language);
    let contacts = best(rest, "contact", today).into_iter();
    let contacts = contacts.filter_map(|one| contact(one, today)).take(5).collect();
    let notes = entries(rest, "extension").find_map(|extension| {
        take_equal(extension, "url", NOTE)?;
        take_text(extension.get_mut("valueAnnotation")?, "text")
    });
    let active = take(rest, "active");
    // A record that was replaced by another one must not get appointments.
    let is_replaced = entries(rest, "link").any(|link| link["type"] == "replaced-by");
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
        ("active", if is_replaced { Some(false.into()) } else { active }),
    ])
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>())
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

/// Returns a medical record number. One with a system stays, to become an identifier as well: a
/// record number has no system.
fn record_number(identifier: &mut Value) -> Option<Value> {
    let is_its_code = |coding: &&mut Value| {
        coding["system"] == IDENTIFIER_TYPES && coding["code"] == RECORD_NUMBER
    };
    identifier.get("value")?.as_str()?;
    let coding = entries(identifier.get_mut("type")?, "coding").find(is_its_code)?;
    take(coding, "system");
    take(coding, "code");
    take_equal(identifier, "use", "usual");
    if identifier.get("system").is_some() {
        return identifier.get("value").cloned();
    }
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

/// Takes a phone of a list, whose order holds the rank.
fn ranked_phone(entry: &mut Value) -> Option<Value> {
    let phone = phone(entry)?;
    take(entry, "rank");
    Some(phone)
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
fn contact(contact: &mut Value, today: &str) -> Option<Value> {
    let is_named = |name: &Value| name["family"].is_string() || name["text"].is_string();
    let name = contact.get_mut("name").filter(|name| is_named(name))?;
    let name = person_name(name);
    let relationship = entries(contact, "relationship").find_map(|one| take_text(one, "text"));
    let phone = phones_first(contact, "telecom", today).find_map(phone);
    Some(object([("relationship", relationship), ("name", Some(name)), ("phone", phone)]))
}

/// Collects pointers to what is left: to a whole member if nothing of it was taken. An empty list or
/// object says nothing.
fn compare(all: &Value, rest: &Value, pointer: &str, not_held: &mut Vec<String>) {
    match (all, rest) {
        (_, Value::Null) => {}
        (Value::Array(all), _) if all.is_empty() => {}
        (Value::Object(all), _) if all.is_empty() => {}
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
