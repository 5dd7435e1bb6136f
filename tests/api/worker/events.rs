//! Events: the type and the data that follow from each change.

use std::collections::BTreeSet;

use clinic_api::{
    events::{Event, EventType},
    store::{Item, attributes::string},
    worker::{change::Change, change_record::ChangeRecord},
};
use serde_json::{Value, json};

use crate::support::{Held, NOW, TestApp, booking, document::DOCUMENT};

const START: &str = "2035-01-16T09:00:00";
/// On the day of the test's clock, so that outcomes can be set.
const TODAY: &str = "2035-01-15T16:00:00";

/// The event types of a subject, in the order of its revisions; a deletion comes last.
fn types_of(events: &[Event], subject: &str) -> Vec<&'static str> {
    let mut of_subject: Vec<_> = events.iter().filter(|event| event.subject == subject).collect();
    of_subject.sort_by_key(|event| {
        serde_json::to_value(&event.data).unwrap()["rev"].as_u64().unwrap_or(u64::MAX)
    });
    of_subject.iter().map(|event| event.r#type.as_str()).collect()
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn every_step_of_an_appointments_life_is_an_event() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let kept = app.booked(&clinic, TODAY).await;
    for status in ["confirmed", "checked_in", "scheduled"] {
        app.step(&kept, status).await.expect(200);
    }
    let moved = json!({ "start": "2035-01-15T17:00:00" });
    app.post(&format!("{kept}/reschedule")).json(&moved).send().await.expect(200);
    let moved = json!({ "start": "2035-01-15T18:00:00" });
    app.post(&format!("{kept}/reschedule")).json(&moved).send().await.expect(200);
    app.patch(&kept).json(&json!({ "notes": "Bring the letter" })).send().await.expect(200);
    for status in ["confirmed", "checked_in", "completed"] {
        app.step(&kept, status).await.expect(200);
    }
    app.delete(&kept).send().await.expect(204);
    let cancelled = app.booked(&clinic, TODAY).await;
    app.post(&format!("{cancelled}/cancel")).send().await.expect(200);
    let missed = app.booked(&clinic, TODAY).await;
    for status in ["no_show", "checked_in", "completed", "checked_in"] {
        app.step(&missed, status).await.expect(200);
    }

    let events = app.events().await;
    let of = |path: &str| types_of(&events, last_part(path));
    assert_eq!(
        of(&kept),
        [
            "clinic.appointment.booked.v1",
            "clinic.appointment.confirmed.v1",
            "clinic.appointment.checked_in.v1",
            "clinic.appointment.check_in_undone.v1",
            "clinic.appointment.rescheduled.v1",
            "clinic.appointment.rescheduled.v1",
            "clinic.appointment.updated.v1",
            "clinic.appointment.confirmed.v1",
            "clinic.appointment.checked_in.v1",
            "clinic.appointment.completed.v1",
            "clinic.appointment.deleted.v1",
        ]
    );
    assert_eq!(of(&cancelled), ["clinic.appointment.booked.v1", "clinic.appointment.cancelled.v1"]);
    assert_eq!(
        of(&missed),
        [
            "clinic.appointment.booked.v1",
            "clinic.appointment.no_show.v1",
            "clinic.appointment.checked_in.v1",
            "clinic.appointment.completed.v1",
            "clinic.appointment.checked_in.v1",
        ]
    );
}

#[tokio::test]
async fn holds_are_offered_and_then_booked_or_over() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut body = booking(&clinic.staff, &clinic.patient, START, 30);
    body["hold_minutes"] = json!(5);
    let hold = async || {
        Held::of(&app.post(&format!("{}/holds", clinic.path)).json(&body).send().await.expect(201))
    };
    let released = hold().await;
    let end = json!({ "hold_secret": released.secret });
    app.post(&format!("{}/release", released.path)).json(&end).send().await.expect(200);
    let confirmed = hold().await;
    let end = json!({ "hold_secret": confirmed.secret });
    app.post(&format!("{}/confirm", confirmed.path)).json(&end).send().await.expect(200);
    let events = app.events().await;
    let of = |held: &Held| types_of(&events, last_part(&held.path));
    assert_eq!(
        of(&released),
        ["clinic.appointment.offered.v1", "clinic.appointment.hold_expired.v1"]
    );
    assert_eq!(of(&confirmed), ["clinic.appointment.offered.v1", "clinic.appointment.booked.v1"]);
    let offered =
        events.iter().find(|event| event.r#type == EventType::AppointmentOffered).unwrap();
    let offered = serde_json::to_value(offered).unwrap();
    assert_eq!(offered["data"]["hold_expires_at"], "2035-01-15T08:05:00Z");
}

#[tokio::test]
async fn events_of_other_records_name_who_changed_them() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let patient = format!("/v1/patients/{}", clinic.patient);
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let resource = format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await);
    let visit_type = format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await);
    let records = [
        (&patient, "patient"),
        (&staff, "staff"),
        (&resource, "resource"),
        (&visit_type, "visit_type"),
        (&clinic.path, "clinic"),
    ];
    for (path, _) in records {
        app.patch(path).json(&json!({ "name": "Secret Name" })).send().await.expect(200);
    }
    for (path, _) in records {
        app.delete(path).send().await.expect(204);
    }
    let events = app.events().await;
    for (path, kind) in records {
        let told = types_of(&events, last_part(path));
        let expected =
            ["created", "updated", "deleted"].map(|what| format!("clinic.{kind}.{what}.v1"));
        assert_eq!(told, expected);
    }
    for event in &events {
        let event = serde_json::to_value(event).unwrap();
        assert_eq!(event["data"]["by"]["subject"], "test-admin", "{event}");
        assert!(event["data"]["by"]["request_id"].as_str().is_some_and(|id| id.len() > 10));
        assert_eq!((&event["specversion"], &event["org"]), (&json!("1.0"), &json!("ORG-DEMO")));
        assert!(!event.to_string().contains("Secret"), "no values: {event}");
    }
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "every event has an id of its own");
    let again = app.events().await;
    assert!(again.iter().all(|event| ids.contains(&event.id)), "and keeps it");
}

/// An exception's event names its owner, also after the deletion. Exceptions that are deleted with their owner have no event.
#[tokio::test]
async fn events_of_exceptions_name_their_owner() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let room = app.resource(&clinic.path).await;
    let none = Value::Null;
    let owners = [
        (json!({}), (none.clone(), none.clone())),
        (json!({ "staff_id": clinic.staff }), (json!(clinic.staff), none.clone())),
        (json!({ "resource_id": room }), (none, json!(room))),
    ];
    let except = async |of: &Value, date: &str| {
        let mut body = json!({ "first_date": date, "last_date": date, "effect": "closed", "reason": "Secret" });
        body.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        let call = app.post(&format!("{}/exceptions", clinic.path)).json(&body);
        call.send().await.expect(201).location()
    };
    let (mut deleted, mut left) = (Vec::new(), Vec::new());
    for (of, owner) in &owners {
        deleted.push((except(of, "2035-02-01").await, owner));
        left.push(except(of, "2035-02-02").await);
    }
    for (path, _) in &deleted {
        app.delete(path).send().await.expect(204);
    }
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let room = format!("{}/resources/{room}", clinic.path);
    for path in [&staff, &room, &clinic.path] {
        app.delete(path).send().await.expect(204);
    }
    let events = app.events().await;
    for (path, owner) in deleted {
        let id = last_part(&path);
        let told = types_of(&events, id);
        assert_eq!(told, ["clinic.exception.created.v1", "clinic.exception.deleted.v1"]);
        for event in events.iter().filter(|event| event.subject == id) {
            let event = serde_json::to_value(event).unwrap();
            let data = &event["data"];
            assert_eq!((&data["staff_id"], &data["resource_id"]), (&owner.0, &owner.1), "{event}");
            assert_eq!(data["clinic_id"], last_part(&clinic.path));
            assert!(!event.to_string().contains("Secret"), "no values: {event}");
        }
    }
    for path in left {
        assert_eq!(types_of(&events, last_part(&path)), ["clinic.exception.created.v1"]);
    }
}

#[tokio::test]
async fn a_move_tells_the_old_and_the_new_time() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    for start in ["2035-01-16T10:00:00", "2035-01-18T10:00:00"] {
        let moved = json!({ "start": start, "duration_minutes": 45 });
        app.post(&format!("{path}/reschedule")).json(&moved).send().await.expect(200);
    }
    let mut moves: Vec<Value> = app
        .events()
        .await
        .iter()
        .filter(|event| event.r#type == EventType::AppointmentRescheduled)
        .map(|event| serde_json::to_value(&event.data).unwrap())
        .collect();
    moves.sort_by_key(|data| data["rev"].as_u64());
    let times = |data: &Value| (data["previous"]["start"].clone(), data["start"].clone());
    assert_eq!(times(&moves[0]), (json!("2035-01-16T08:00:00Z"), json!("2035-01-16T09:00:00Z")));
    assert_eq!(times(&moves[1]), (json!("2035-01-16T09:00:00Z"), json!("2035-01-18T09:00:00Z")));
    assert_eq!(
        moves[0]["changed"],
        json!(["duration_minutes", "local_start", "rescheduled_from", "start"])
    );
    assert_eq!(moves[1]["changed"], json!(["date", "local_start", "rescheduled_from", "start"]));
}

/// A move to another start is a new item under another key. The stream has no old image of it.
#[tokio::test]
async fn a_move_tells_all_that_it_changed() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let (room, other) = (app.resource(&clinic.path).await, app.staff_member(&clinic.path).await);
    let overrides = json!({ "overbook": true, "reason": "emergency" });
    for to in [
        json!({ "start": "2035-01-16T10:00:00", "resource_ids": [room], "overrides": overrides }),
        json!({ "staff_id": other }),
        json!({ "start": "2035-01-17T10:00:00", "staff_id": clinic.staff, "resource_ids": [] }),
    ] {
        app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
    }
    let mut moves: Vec<Value> = app
        .events()
        .await
        .iter()
        .filter(|event| event.r#type == EventType::AppointmentRescheduled)
        .map(|event| serde_json::to_value(&event.data).unwrap())
        .collect();
    moves.sort_by_key(|data| data["rev"].as_u64());
    let changed: Vec<_> = moves.iter().map(|data| data["changed"].clone()).collect();
    let expected = [
        json!([
            "local_start",
            "overbooked",
            "override_reason",
            "rescheduled_from",
            "resource_ids",
            "start"
        ]),
        json!(["overbooked", "override_reason", "rescheduled_from", "staff_id"]),
        json!(["date", "local_start", "rescheduled_from", "resource_ids", "staff_id", "start"]),
    ];
    assert_eq!(changed, expected);
    app.process_changes().await;
    let trail = app.get(&format!("{path}/audit")).send().await.expect(200).json();
    let items = trail["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|item| (&item["rev"], &item["changed"])).collect();
    assert_eq!(told.len(), 4);
    for (rev, names) in [(2, &expected[0]), (3, &expected[1]), (4, &expected[2])] {
        assert!(told.contains(&(&json!(rev), names)), "{told:?}");
    }
}

fn removed(image: Item) -> ChangeRecord {
    ChangeRecord { event_id: "1".to_owned(), at: NOW.parse().unwrap(), old: Some(image), new: None }
}

#[tokio::test]
async fn what_is_removed_without_a_mark_and_what_is_rewritten_unchanged_tell_nothing() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let patients = app.changes().await.into_iter().filter_map(|record| record.new);
    let patient = patients.filter(|item| item["type"] == string("patient")).last().unwrap();
    assert!(Change::of(&removed(patient.clone())).unwrap().is_none());
    let mut marked = patient.clone();
    marked.insert("deleting".to_owned(), string("h2q4 at 2035-01-15T08:00:00Z by anna by the sea"));
    let record = removed(marked);
    let change = Change::of(&record).unwrap().unwrap();
    let entry = change.entry;
    assert_eq!((entry.subject.as_str(), entry.asked_by.as_str()), ("anna by the sea", "h2q4"));
    assert_eq!(entry.record_id.to_string(), clinic.patient);
    let rewritten =
        ChangeRecord { old: Some(patient.clone()), new: Some(patient.clone()), ..removed(patient) };
    assert!(Change::of(&rewritten).unwrap().is_none());
}

fn members(schema: &Value) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let all = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let required = schema["required"].as_array().unwrap().iter();
    (all, required.map(|name| name.as_str().unwrap()).collect())
}

/// Does everything that causes an event.
async fn everything_happens(app: &TestApp) {
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, TODAY).await;
    let moved = json!({ "start": "2035-01-15T17:00:00" });
    app.post(&format!("{appointment}/reschedule")).json(&moved).send().await.expect(200);
    app.patch(&appointment).json(&json!({ "notes": "N" })).send().await.expect(200);
    for status in ["confirmed", "checked_in", "scheduled", "confirmed", "checked_in", "completed"] {
        app.step(&appointment, status).await.expect(200);
    }
    app.delete(&appointment).send().await.expect(204);
    let cancelled = app.booked(&clinic, TODAY).await;
    app.post(&format!("{cancelled}/cancel")).send().await.expect(200);
    let missed = app.booked(&clinic, TODAY).await;
    app.step(&missed, "no_show").await.expect(200);
    app.delete(&missed).send().await.expect(204);
    let held = app.held(&clinic, TODAY, 5).await;
    let end = json!({ "hold_secret": held.secret });
    app.post(&format!("{}/release", held.path)).json(&end).send().await.expect(200);
    let exception = app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    app.delete(&format!("{}/exceptions/{exception}", clinic.path)).send().await.expect(204);
    for path in [
        format!("/v1/patients/{}", clinic.patient),
        format!("{}/staff/{}", clinic.path, clinic.staff),
        format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await),
        format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await),
        clinic.path,
    ] {
        app.patch(&path).json(&json!({ "name": "Other" })).send().await.expect(200);
        app.delete(&path).send().await.expect(204);
    }
}

/// Events match the section `webhooks` of the document, and every event in it is sent.
#[tokio::test]
async fn every_event_of_the_document_is_sent_with_the_documented_members() {
    let webhooks = DOCUMENT["webhooks"].as_object().unwrap();
    let types: BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(webhooks.keys().map(String::as_str).collect::<BTreeSet<_>>(), types);
    let app = TestApp::spawn().await;
    everything_happens(&app).await;
    let mut seen = BTreeSet::new();
    for event in app.events().await {
        let event = serde_json::to_value(event).unwrap();
        let kind = event["type"].as_str().unwrap();
        seen.insert(kind.to_owned());
        let body = &webhooks[kind]["post"]["requestBody"]["content"];
        let parts = &body["application/cloudevents+json"]["schema"]["allOf"];
        assert_eq!(parts[1]["properties"]["type"]["enum"], json!([kind]));
        let data = parts[1]["properties"]["data"]["$ref"].as_str().unwrap();
        for (part, schema) in [(&event, parts[0]["$ref"].as_str().unwrap()), (&event["data"], data)]
        {
            let schema = DOCUMENT.pointer(schema.trim_start_matches('#')).unwrap();
            let (all, required) = members(schema);
            let sent: BTreeSet<_> = part.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(sent.is_subset(&all) && required.is_subset(&sent), "{kind}: {part}");
        }
    }
    assert_eq!(seen.iter().map(String::as_str).collect::<BTreeSet<_>>(), types);
}
