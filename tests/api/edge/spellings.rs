//! Equivalent bodies: under one `Idempotency-Key` they are the same command, and a different command is refused.

use serde_json::{Map, Value, json};

use crate::support::{
    Call, TestApp, booking_with,
    document::{DOCUMENT, id_of, operations},
    requests::{Records, request},
};

/// The schema, with a `$ref` resolved.
fn resolved(schema: &'static Value) -> &'static Value {
    let named = |schema: &Value| Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned());
    let options = schema["oneOf"].as_array().into_iter().flatten();
    match options.chain([schema]).find_map(named) {
        Some(name) => resolved(&DOCUMENT["components"]["schemas"][name]),
        None => schema,
    }
}

fn may_be_null(schema: &Value) -> bool {
    let options = schema["oneOf"].as_array().into_iter().flatten();
    let mut types = schema["type"].as_array().into_iter().flatten();
    options.into_iter().any(|option| option["type"] == "null") || types.any(|kind| kind == "null")
}

/// The default in a member's description.
fn default_of(member: &Value) -> Option<Value> {
    let (_, told) = member["description"].as_str()?.split_once("Default: `")?;
    Some(serde_json::from_str(told.split('`').next()?).unwrap())
}

/// An equivalent value: whole numbers with a fraction, omitted members as their default or null, instants in another offset.
fn respelled(value: &Value, schema: &'static Value) -> Value {
    let schema = resolved(schema);
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(|item| respelled(item, &schema["items"])).collect(),
        Value::Object(members) => {
            let properties = schema["properties"].as_object().unwrap();
            let respelled = properties.iter().filter_map(|(name, schema)| {
                let value = match members.get(name) {
                    Some(value) => respelled(value, schema),
                    None if default_of(schema).is_some() => default_of(schema).unwrap(),
                    None if may_be_null(schema) => Value::Null,
                    None => return None,
                };
                Some((name.clone(), value))
            });
            Value::Object(respelled.collect::<Map<_, _>>())
        }
        Value::String(text) => {
            let text = text.replace("T09:00:00+01:00", "T08:00:00.000Z");
            json!(text.replace("T10:00:00+01:00", "T06:00-03:00"))
        }
        other => other.clone(),
    }
}

/// All POSTs with a body, each with its schema.
fn posts_with_a_body() -> impl Iterator<Item = (&'static str, &'static Value)> {
    operations().filter(|(_, method, _)| *method == "post").filter_map(|(.., operation)| {
        let schema = operation["requestBody"].pointer("/content/application~1json/schema")?;
        Some((id_of(operation), schema))
    })
}

#[tokio::test]
async fn every_post_is_the_same_command_however_it_is_spelled() {
    for (operation, schema) in posts_with_a_body() {
        let app = TestApp::spawn().await;
        let (method, path, body) = request(operation, &Records::make(&app).await);
        let mut body = body.unwrap();
        if let Some(start) = body.get_mut("start") {
            *start = json!(format!("{}+01:00", start.as_str().unwrap()));
        }
        let send = async |body: &Value| {
            let call = app.request(method.clone(), &path).json(body);
            call.idempotent("k").send().await
        };
        let first = send(&body).await;
        assert!(first.status.is_success(), "{operation}: {first:?}");
        let other = respelled(&body, schema);
        assert_eq!(send(&other).await.replayed(), first.replayed(), "{operation}: {other}");
        // Every member of the body is compared.
        for (name, value) in body.as_object().unwrap() {
            let is_default =
                default_of(&resolved(schema)["properties"][name]).as_ref() == Some(value);
            let mut less = body.clone();
            less.as_object_mut().unwrap().remove(name);
            let answer = send(&less).await;
            if is_default {
                assert_eq!(answer.replayed(), first.replayed(), "{operation}: {name}");
            } else {
                assert_eq!(answer.status, 422, "{operation}: {name}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_booking_is_another_one_where_it_says_something_else() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let room = app.resource(&clinic.path).await;
    let start = "2035-01-16T09:00:00+01:00";
    let book = |body: &str| -> Call {
        let call = app.post(&format!("{}/appointments", clinic.path));
        call.bytes("application/json", body.as_bytes()).idempotent("k")
    };
    let one = booking_with(&clinic, start, json!({ "notes": "A" })).to_string();
    let first = book(&one).send().await.expect(201);
    for (from, to) in [
        (r#""duration_minutes":30"#, r#""duration_minutes":3e1"#),
        (r#""duration_minutes":30"#, r#""duration_minutes":30.0,"resource_ids":[],"reason":null"#),
        ("09:00:00+01:00", "08:00Z"),
        ("09:00:00+01:00", "03:30:00.0-04:30"),
        (r#""A""#, r#""\u0041""#),
    ] {
        let same = one.replace(from, to);
        assert_ne!(same, one);
        assert_eq!(book(&same).send().await.replayed(), first.replayed(), "{same}");
    }
    let with_room = format!(r#""duration_minutes":30,"resource_ids":["{room}"]"#);
    for (from, to) in [
        (r#""duration_minutes":30"#, r#""duration_minutes":31"#),
        (r#""duration_minutes":30"#, with_room.as_str()),
        ("09:00:00+01:00", "09:01:00+01:00"),
        // A local time is what the caller meant, even if the rules of the zone change.
        ("09:00:00+01:00", "09:00:00"),
        (r#""A""#, r#""a""#),
    ] {
        let other = one.replace(from, to);
        assert_ne!(other, one);
        book(&other).send().await.problem(422, "idempotency_key_reused");
    }
    app.check_day_sheets().await;
}
