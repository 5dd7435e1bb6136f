//! Random patients.

use clinic_api::{
    http::body::from_value,
    id::PatientId,
    records::patients::{
        model::{Patient, PatientDetails, PatientRecord},
        repo::indexed,
    },
    store::Entity,
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value;

use crate::support::{builder::search_of_tests, write_context};

/// One line of text, as people write it.
fn line(max: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!['a', 'É', '王', '\'', '-', ' ', '😀']), 1..=max)
        .prop_map(|letters| letters.into_iter().collect::<String>().trim().to_owned())
        .prop_filter("is not blank", |text| !text.is_empty())
}

fn maybe(strategy: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop::option::of(strategy).boxed()
}

/// An object with some of the members.
fn object(
    members: Vec<(&'static str, BoxedStrategy<Option<Value>>)>,
) -> impl Strategy<Value = Value> {
    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    values.prop_map(move |values| {
        let members = names.iter().zip(values).filter_map(|(name, value)| Some((*name, value?)));
        members.map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

fn must(strategy: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    strategy.prop_map(Some).boxed()
}

fn list(item: impl Strategy<Value = Value> + 'static, max: usize) -> BoxedStrategy<Option<Value>> {
    maybe(prop::collection::vec(item, 1..=max).prop_map(Value::Array))
}

fn text(max: usize) -> impl Strategy<Value = Value> {
    line(max).prop_map(Value::String)
}

fn matching(regex: &'static str) -> impl Strategy<Value = Value> {
    regex.prop_map(Value::String)
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(values).prop_map(Value::from)
}

fn name() -> impl Strategy<Value = Value> {
    let parts = |text_must| {
        object(vec![
            ("family", if text_must { maybe(text(100)) } else { must(text(100)) }),
            ("given", list(text(100), 6)),
            ("prefix", maybe(text(100))),
            ("text", if text_must { must(text(200)) } else { maybe(text(200)) }),
        ])
    };
    prop_oneof![parts(true), parts(false)]
}

fn phone() -> impl Strategy<Value = Value> {
    object(vec![
        ("value", must(matching(r"\+[1-9][0-9]{6,14}"))),
        ("extension", maybe(matching("[0-9]{1,10}"))),
        ("use", maybe(one_of(&["home", "work", "temp", "old", "mobile"]))),
    ])
}

/// Valid patients, spelled as the service writes them.
pub fn patient() -> impl Strategy<Value = Value> {
    let date = r"(18[5-9][0-9]|19[0-9]{2})(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?";
    let moment = r"20[0-3][0-9]-0[1-9]-[0-2][1-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{2}[1-9])?(Z|[+-](0[1-9]|1[01]):[0-5][0-9])";
    let address = object(vec![
        ("lines", list(text(200), 4)),
        ("city", must(text(100))),
        ("district", maybe(text(100))),
        ("state", maybe(text(100))),
        ("postal_code", maybe(text(20))),
        ("country", maybe(matching("[A-Z]{2}"))),
    ]);
    let contact = object(vec![
        ("relationship", maybe(text(60))),
        ("name", must(name())),
        ("phone", maybe(phone())),
    ]);
    let identifier = object(vec![
        ("system", must(matching("urn:[a-z]{1,9}:[0-9]{9}"))),
        ("value", must(text(100))),
    ]);
    object(vec![
        ("mrn", maybe(matching("[A-Za-z0-9._/-]{1,64}"))),
        ("name", must(name())),
        ("gender", maybe(one_of(&["male", "female", "other", "unknown"]))),
        ("birth_date", maybe(matching(date))),
        ("phones", list(phone(), 4)),
        ("email", maybe(matching("[a-z]{1,9}@[a-z]{1,9}\\.example"))),
        ("address", maybe(address)),
        ("language", maybe(matching("[a-z]{2}(-[A-Z][a-z]{3})?(-[A-Z]{2})?"))),
        ("contacts", list(contact, 5)),
        ("identifiers", list(identifier, 3)),
        (
            "deceased",
            maybe(prop_oneof![
                any::<bool>().prop_map(Value::Bool),
                matching(date),
                matching(moment),
            ]),
        ),
        ("notes", maybe(text(200))),
        ("active", must(any::<bool>().prop_map(Value::Bool))),
    ])
    .prop_map(died_after_birth)
}

/// Removes a date of death that is before the date of birth.
fn died_after_birth(mut patient: Value) -> Value {
    if let (Some(born), Some(died)) = (patient["birth_date"].as_str(), patient["deceased"].as_str())
    {
        let known = born.len().min(died.len());
        if died[..known] < born[..known] {
            patient.as_object_mut().unwrap().remove("deceased");
        }
    }
    patient
}

#[test]
fn every_valid_patient_survives_json_and_the_item() {
    TestRunner::default()
        .run(&patient(), |json| {
            let details: PatientDetails =
                from_value(&json).unwrap_or_else(|error| panic!("{error:?}"));
            prop_assert_eq!(&serde_json::to_value(&details).unwrap(), &json);
            let id = PatientId::random();
            let record = PatientRecord { id, details };
            let context = write_context("request-1");
            let (patient, _, writes) = indexed(&search_of_tests(), &context.org, record).unwrap();
            // A change replaces up to twice as many, beside the patient and the answer under a key.
            prop_assert!(writes.len() <= 49, "{}", writes.len());
            let entity = Entity::new(patient, &context);
            let item = entity.to_item().unwrap();
            prop_assert_eq!(Entity::<Patient>::from_item(item).unwrap(), entity);
            Ok(())
        })
        .unwrap();
}
