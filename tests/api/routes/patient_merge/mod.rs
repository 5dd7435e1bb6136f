//! Merges of two records of one person: the appointments, and what is refused.

mod data;

use std::slice;

use clinic_api::http::auth::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{
    Answer, ClinicMade, Fault, Held, TestApp, booking,
    callers::{at_clinic, token},
};

/// A clinic with two staff members, and two records of its patient.
struct Twice {
    app: TestApp,
    clinic: ClinicMade,
    other_staff: String,
    /// The record that is merged into the clinic's patient.
    twin: String,
}

impl Twice {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let other_staff = app.staff_member(&clinic.path).await;
        let twin = app.patient().await;
        Self { app, clinic, other_staff, twin }
    }

    /// Books for the twin with the other staff member. Returns the path.
    async fn booked_for_twin(&self, start: &str) -> String {
        let body = booking(&self.other_staff, &self.twin, start, 30);
        let book = self.app.post(&format!("{}/appointments", self.clinic.path)).json(&body);
        book.send().await.expect(201).location()
    }

    async fn merge(&self, from: &str, into: &str) -> Answer {
        let merge = self.app.post(&format!("/v1/patients/{from}/merge"));
        merge.json(&json!({ "into": into })).send().await
    }

    async fn merged(&self) -> Value {
        self.merge(&self.twin, &self.clinic.patient).await.expect(200).json()
    }

    async fn patient(&self, id: &str) -> Value {
        self.app.get(&format!("/v1/patients/{id}?consistent=true")).send().await.expect(200).json()
    }

    async fn appointments(&self, patient: &str) -> Vec<String> {
        let path = format!("/v1/patients/{patient}/appointments?consistent=true");
        let page = self.app.get(&path).send().await.expect(200).json();
        let of_item = |item| format!("{}/appointments/{}", self.clinic.path, id_in(item));
        page["items"].as_array().unwrap().iter().map(of_item).collect()
    }

    async fn check(&self) {
        self.app.check_day_sheets().await;
        self.app.check_search().await;
        self.app.check_merges().await;
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn id_in(item: &Value) -> &str {
    text(&item["id"])
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn appointments_of_every_status_move_and_overlapping_ones_stay() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    let own = app.booked(clinic, "2035-01-16T09:00:00").await;
    let overlapping = twice.booked_for_twin("2035-01-16T09:15:00").await;
    let cancelled = twice.booked_for_twin("2035-01-16T09:45:00").await;
    app.post(&format!("{cancelled}/cancel")).send().await.expect(200);
    let free = twice.booked_for_twin("2035-01-16T10:00:00").await;
    let before = app.get(&free).send().await.expect(200).header("etag").to_owned();
    let merged = twice.merged().await;
    let expected = json!({
        "patient_id": twin, "merged_into": clinic.patient, "kept_mrn": false, "kept_identifiers": false,
        "kept": [{
            "appointment_id": last(&overlapping), "clinic_id": last(&clinic.path), "start": "2035-01-16T09:15:00+01:00"
        }],
    });
    assert_eq!(merged, expected);
    twice.check().await;
    assert_eq!(twice.appointments(twin).await, slice::from_ref(&overlapping));
    let of_both = [own.clone(), cancelled, free.clone()];
    assert_eq!(twice.appointments(&clinic.patient).await, of_both);
    let moved = app.get(&free).send().await.expect(200);
    assert_eq!((before.as_str(), moved.header("etag")), ("\"1\"", "\"2\""));
    assert_eq!(moved.json()["patient_id"], clinic.patient);
    let old = twice.patient(twin).await;
    assert_eq!((&old["merged_into"], &old["active"]), (&json!(clinic.patient), &json!(false)));
    assert_eq!(twice.patient(&clinic.patient).await["replaces"], json!([twin]));
    // Another request moves the appointment that stayed, when there is room. A third one changes nothing.
    assert_eq!(twice.merged().await, expected);
    app.post(&format!("{own}/cancel")).send().await.expect(200);
    let again = twice.merged().await;
    assert_eq!(again["kept"], json!([]));
    assert_eq!(twice.appointments(twin).await, [""; 0]);
    let items = app.all_items().await;
    assert_eq!(twice.merged().await, again);
    assert_eq!(app.all_items().await, items);
    twice.check().await;
}

#[tokio::test]
async fn the_merged_patient_is_readable_and_accepts_nothing_new() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, other_staff } = &twice;
    let own = app.booked(clinic, "2035-01-16T09:00:00").await;
    let kept = twice.booked_for_twin("2035-01-16T09:00:00").await;
    let held = app.held(clinic, "2035-01-16T13:00:00", 10).await;
    twice.merged().await;
    let path = format!("/v1/patients/{twin}");
    let start = "2035-01-17T09:00:00";
    let hold = json!({
        "staff_id": other_staff, "patient_id": twin, "start": start, "duration_minutes": 30, "hold_minutes": 5
    });
    let confirmation = json!({ "hold_secret": held.secret, "patient_id": twin });
    let third = app.patient().await;
    let merge = |from: &str, into: &str| {
        app.post(&format!("/v1/patients/{from}/merge")).json(&json!({ "into": into }))
    };
    let visit = booking(other_staff, twin, start, 30);
    for refused in [
        app.post(&format!("{}/appointments", clinic.path)).json(&visit),
        app.post(&format!("{}/holds", clinic.path)).json(&hold),
        app.post(&format!("{}/confirm", held.path)).json(&confirmation),
        app.post(&format!("{kept}/reschedule")).json(&json!({ "start": start })),
        app.patch(&path).json(&json!({ "active": true })),
        merge(twin, &third),
        merge(&third, twin),
        merge(&clinic.patient, twin),
    ] {
        let problem = refused.send().await.problem(409, "patient_merged");
        assert_eq!(problem["merged_into"], clinic.patient);
    }
    merge(twin, twin).send().await.problem(422, "validation_failed");
    let nobody = "PAT-000000000000000000000000";
    merge(&third, nobody).send().await.problem(422, "unknown_reference");
    merge(nobody, &third).send().await.problem(404, "not_found");
    // What stays can still get an outcome.
    app.step(&kept, "confirmed").await.expect(200);
    app.patch(&kept).json(&json!({ "notes": "N" })).send().await.expect(200);
    app.delete(&own).send().await.expect(204);
    app.post(&format!("{kept}/cancel")).send().await.expect(200);
    twice.check().await;
}

#[tokio::test]
async fn a_chain_of_merges_leads_to_the_last_patient() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    let last_one = app.patient().await;
    let visit = twice.booked_for_twin("2035-01-16T10:00:00").await;
    let late = twice.booked_for_twin("2035-01-16T11:00:00").await;
    // The first merge stops after one appointment. Meanwhile its survivor is merged as well.
    app.wire.disturb_later(2, "TransactWriteItems", Fault::Unforeseen);
    twice.merge(twin, &clinic.patient).await.problem(500, "internal_error");
    twice.check().await;
    twice.merge(&clinic.patient, &last_one).await.expect(200);
    assert_eq!(twice.appointments(&last_one).await, slice::from_ref(&visit));
    twice.check().await;
    let merged = twice.merged().await;
    assert_eq!(merged["merged_into"], json!(clinic.patient));
    assert_eq!(twice.appointments(&last_one).await, [visit, late]);
    twice.check().await;
    let third = app.patient().await;
    let refused = twice.merge(&third, twin).await.problem(409, "patient_merged");
    assert_eq!(refused["merged_into"], json!(last_one));
}

#[tokio::test]
async fn holds_move_and_lapsed_ones_end() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, other_staff } = &twice;
    let hold = async |staff: &str, patient: &str, start: &str, minutes: u16| {
        let body = json!({
            "staff_id": staff, "patient_id": patient, "start": start, "duration_minutes": 30, "hold_minutes": minutes
        });
        let hold = app.post(&format!("{}/holds", clinic.path)).json(&body);
        Held::of(&hold.send().await.expect(201))
    };
    let lapsed = hold(other_staff, twin, "2035-01-16T09:00:00", 1).await;
    hold(&clinic.staff, &clinic.patient, "2035-01-16T10:00:00", 1).await;
    let valid = hold(other_staff, twin, "2035-01-16T11:00:00", 15).await;
    app.clock.advance(SignedDuration::from_mins(2));
    // It overlaps a lapsed hold of the other patient.
    let visit = twice.booked_for_twin("2035-01-16T10:15:00").await;
    assert_eq!(twice.merged().await["kept"], json!([]));
    twice.check().await;
    let read = async |path: &str| app.get(path).send().await.expect(200).json();
    assert_eq!(read(&visit).await["patient_id"], clinic.patient);
    let ended = read(&lapsed.path.replace("/holds/", "/appointments/")).await;
    assert_eq!(ended["status"], "expired");
    let confirmation = json!({ "hold_secret": valid.secret });
    let confirm = app.post(&format!("{}/confirm", valid.path)).json(&confirmation);
    assert_eq!(confirm.send().await.expect(200).json()["patient_id"], clinic.patient);
    twice.check().await;
}

#[tokio::test]
async fn a_key_has_one_answer_and_a_precondition_is_kept() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    let own = app.booked(clinic, "2035-01-16T09:00:00").await;
    twice.booked_for_twin("2035-01-16T09:00:00").await;
    let merge = app.post(&format!("/v1/patients/{twin}/merge"));
    let merge = merge.json(&json!({ "into": clinic.patient }));
    merge.clone().header("if-match", "\"7\"").send().await.problem(412, "precondition_failed");
    let keyed = merge.clone().header("if-match", "\"1\"").idempotent("k");
    let first = keyed.clone().send().await.expect(200);
    // Whoever got no response sends the same request again.
    merge.clone().header("if-match", "\"1\"").send().await.expect(200);
    app.delete(&own).send().await.expect(204);
    let items = app.all_items().await;
    assert_eq!(keyed.send().await.replayed(), first.replayed());
    assert_eq!(app.all_items().await, items, "a replay moves nothing");
    assert_eq!(merge.send().await.expect(200).json()["kept"], json!([]));
    twice.check().await;
}

#[tokio::test]
async fn an_active_patient_is_not_merged_into_an_inactive_one() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    let activity = async |id: &str, active: bool| {
        let patch = app.patch(&format!("/v1/patients/{id}"));
        patch.json(&json!({ "active": active })).send().await.expect(200);
    };
    activity(&clinic.patient, false).await;
    let refused = twice.merge(twin, &clinic.patient).await.problem(409, "patient_inactive");
    assert_eq!(refused["blocking"], json!({ "type": "patient", "id": clinic.patient }));
    assert_eq!(twice.patient(twin).await["active"], true);
    activity(twin, false).await;
    twice.merged().await;
    twice.check().await;
}

#[tokio::test]
async fn a_merge_into_a_merged_patient_names_the_last_one() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    twice.merged().await;
    let reversed = twice.merge(&clinic.patient, twin).await.problem(409, "patient_merged");
    assert_eq!(reversed["merged_into"], json!(clinic.patient));
    assert!(text(&reversed["detail"]).contains("already merged into this patient"), "{reversed}");
    let third = app.patient().await;
    let stale = twice.merge(&third, twin).await.problem(409, "patient_merged");
    assert_eq!(stale["merged_into"], json!(clinic.patient));
    assert!(text(&stale["detail"]).contains("as into"), "{stale}");
}

#[tokio::test]
async fn after_a_deletion_of_the_other_patient_the_merged_one_can_be_merged_again() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    let own = app.booked(clinic, "2035-01-16T09:00:00").await;
    let kept = twice.booked_for_twin("2035-01-16T09:00:00").await;
    twice.merged().await;
    let third = app.patient().await;
    twice.merge(twin, &third).await.problem(409, "patient_merged");
    app.delete(&own).send().await.expect(204);
    app.delete(&format!("/v1/patients/{}", clinic.patient)).send().await.expect(204);
    assert_eq!(twice.merge(twin, &third).await.expect(200).json()["kept"], json!([]));
    assert_eq!(twice.patient(twin).await["merged_into"], json!(third));
    assert_eq!(twice.patient(&third).await["replaces"], json!([twin]));
    assert_eq!(twice.appointments(&third).await, [kept]);
    twice.check().await;
}

#[tokio::test]
async fn a_manager_of_other_clinics_sees_no_appointment_of_this_one() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    let elsewhere = app.ready_clinic().await;
    app.booked(clinic, "2035-01-16T09:00:00").await;
    twice.booked_for_twin("2035-01-16T09:00:00").await;
    let merge = |clinic: &ClinicMade| {
        let manager = token(&at_clinic(Role::Manager, &clinic.path));
        let merge = app.post(&format!("/v1/patients/{twin}/merge"));
        merge.bearer(&manager).json(&json!({ "into": twice.clinic.patient })).send()
    };
    assert_eq!(merge(&elsewhere).await.expect(200).json()["kept"], json!([]));
    let kept = merge(clinic).await.expect(200).json();
    assert_eq!(kept["kept"].as_array().unwrap().len(), 1, "{kept}");
}

#[tokio::test]
async fn a_merge_is_refused_while_one_of_the_patients_is_being_deleted() {
    for of_twin in [true, false] {
        let twice = Twice::new().await;
        let Twice { app, clinic, twin, .. } = &twice;
        let marked = if of_twin { twin } else { &clinic.patient };
        app.mark_as_being_deleted(marked, false).await;
        let refused = twice.merge(twin, &clinic.patient).await.problem(409, "patient_inactive");
        assert_eq!(refused["blocking"], json!({ "type": "patient", "id": marked }));
        // An abandoned mark does not count any more.
        app.clock.advance(SignedDuration::from_mins(6));
        twice.merged().await;
        twice.check().await;
    }
}

#[tokio::test]
async fn a_merge_costs_one_transaction_for_each_appointment() {
    let twice = Twice::new().await;
    let Twice { app, clinic, .. } = &twice;
    app.booked(clinic, "2035-01-16T09:00:00").await;
    twice.booked_for_twin("2035-01-16T09:00:00").await;
    twice.booked_for_twin("2035-01-16T10:00:00").await;
    app.settle().await;
    app.wire.forget();
    twice.merged().await;
    let calls = app.wire.take_calls();
    let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    let expected = [
        "GetItem",
        "GetItem",
        "TransactWriteItems", // the records
        "Query",
        "GetItem",
        "BatchGetItem", // an appointment that stays
        "GetItem",
        "BatchGetItem",
        "TransactWriteItems", // one that moves
        "GetItem",
        "PutItem", // the answer
    ];
    assert_eq!(operations, expected);
    let of_appointment = calls[8].request["TransactItems"].as_array().unwrap().len();
    assert_eq!(of_appointment, 6, "the appointment, two links, two sheets and a check");
}
