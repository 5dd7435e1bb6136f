//! What a merge does with the data of the patients: identifiers, exports, erasures and events.

use std::slice;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Twice, id_in, last};
use crate::support::{TestApp, records::id};

#[tokio::test]
async fn identifiers_move_if_there_is_room_and_a_search_finds_what_stays() {
    let app = TestApp::spawn().await;
    let identifier = |value: u8| json!({ "system": "urn:a", "value": value.to_string() });
    let create = async |mrn: Option<&str>, identifiers: std::ops::Range<u8>| {
        let identifiers: Vec<_> = identifiers.map(identifier).collect();
        let body = json!({ "name": "Ida Example", "mrn": mrn, "identifiers": identifiers });
        id(&app.post("/v1/patients").json(&body).send().await.expect(201))
    };
    let found = async |query: &str| {
        let page = app.get(&format!("/v1/patients?{query}")).send().await.expect(200).json();
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| (id_in(item).to_owned(), item["merged_into"].clone())).collect::<Vec<_>>()
    };
    let merge = async |from: &str, into: &str| {
        let merge = app.post(&format!("/v1/patients/{from}/merge")).json(&json!({ "into": into }));
        let merged = merge.send().await.expect(200).json();
        app.check_search().await;
        app.check_merges().await;
        (merged["kept_mrn"].as_bool().unwrap(), merged["kept_identifiers"].as_bool().unwrap())
    };
    let survivor = create(None, 0..4).await;
    let (first, second) = (create(Some("A-1"), 4..6).await, create(Some("A-2"), 6..7).await);
    assert_eq!(merge(&first, &survivor).await, (false, false));
    assert_eq!(merge(&second, &survivor).await, (true, true));
    assert_eq!(found("mrn=A-1").await, [(survivor.clone(), Value::Null)]);
    assert_eq!(found("identifier=urn:a%7C5").await, [(survivor.clone(), Value::Null)]);
    let merged = (second.clone(), json!(survivor));
    assert_eq!(found("mrn=A-2").await, slice::from_ref(&merged));
    assert_eq!(found("identifier=urn:a%7C6").await, [merged]);
    assert_eq!(found("name=ida").await, [(survivor.clone(), Value::Null)]);
    assert_eq!(found("name=ida&include_inactive=true").await.len(), 3);
    let taken = app.post("/v1/patients").json(&json!({ "name": "N", "mrn": "A-2" })).send().await;
    taken.problem(409, "mrn_taken");
}

/// The two largest patients: six words, four telephone numbers and six identifiers each.
#[tokio::test]
async fn the_largest_merge_fits_into_one_transaction() {
    let app = TestApp::spawn().await;
    let create = async |letter: char, mrn: Option<&str>| {
        let word = |begin: &str| format!("{begin}{letter}example");
        let phone =
            |at: usize| json!({ "value": format!("+41795{}{at}0000", u32::from(letter) % 10) });
        let identifier = |at: usize| json!({ "system": "urn:a", "value": format!("{letter}{at}") });
        let given = ["do", "fi", "gu", "la", "me"].map(word);
        let phones: Vec<_> = (0..4).map(phone).collect();
        let identifiers: Vec<_> = (0..6).map(identifier).collect();
        let body = json!({
            "name": { "family": word("ba"), "given": given }, "birth_date": "1984-02-29", "phones": phones,
            "email": format!("{letter}@example.org"), "mrn": mrn, "identifiers": identifiers,
        });
        id(&app.post("/v1/patients").json(&body).send().await.expect(201))
    };
    let (from, into) = (create('k', Some("A-1")).await, create('t', None).await);
    app.wire.forget();
    let merge = app.post(&format!("/v1/patients/{from}/merge")).json(&json!({ "into": into }));
    let merged = merge.send().await.expect(200).json();
    assert_eq!((&merged["kept_mrn"], &merged["kept_identifiers"]), (&json!(false), &json!(true)));
    let calls = app.wire.take_calls();
    let sizes = calls.iter().filter_map(|call| call.request["TransactItems"].as_array());
    let largest = sizes.map(Vec::len).max().unwrap();
    assert!((95..=100).contains(&largest), "{largest}");
    app.check_search().await;
    app.check_merges().await;
}

#[tokio::test]
async fn export_and_erasure_cover_the_merged_patient() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    let path = format!("/v1/patients/{}", clinic.patient);
    app.patch(&format!("/v1/patients/{twin}"))
        .json(&json!({ "notes": "Erased-Notes" }))
        .send()
        .await
        .expect(200);
    let own = app.booked(clinic, "2035-01-16T09:00:00").await;
    let kept = twice.booked_for_twin("2035-01-16T09:00:00").await;
    app.patch(&kept).json(&json!({ "reason": "Erased-Reason" })).send().await.expect(200);
    twice.merged().await;
    let (mut exported, mut cursor) = (Vec::new(), String::new());
    let merged = loop {
        let page = app.get(&format!("{path}/export{cursor}")).send().await.expect(200).json();
        let ids = |name: &str| -> Vec<String> {
            let items = page[name].as_array().unwrap().iter();
            items.map(|item| id_in(item).to_owned()).collect()
        };
        exported.extend(ids("appointments"));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("?cursor={next}"),
            None => break ids("merged"),
        }
    };
    // Appointments move to the patient, who comes last. So an export misses none.
    assert_eq!(exported, [last(&kept), last(&own)]);
    let of_twin = format!("/v1/patients/{twin}");
    for refused in [
        app.get(&format!("{of_twin}/export")).send().await,
        app.delete(&format!("{of_twin}?mode=erase")).send().await,
    ] {
        assert_eq!(refused.problem(409, "patient_merged")["merged_into"], json!(clinic.patient));
    }
    assert_eq!(merged, slice::from_ref(twin));
    // Nothing is erased while the merged patient has a future appointment.
    app.delete(&own).send().await.expect(204);
    let items = app.all_items().await;
    let erase = format!("{path}?mode=erase");
    app.delete(&erase).send().await.problem(409, "has_future_appointments");
    assert_eq!(app.all_items().await, items);
    app.clock.advance(SignedDuration::from_hours(48));
    app.delete(&erase).send().await.expect(204);
    let items = format!("{:?}", app.all_items_and_accesses().await);
    assert!(!items.contains("Erased-") && !items.contains("Ida Example"), "{items}");
    app.get(&format!("/v1/patients/{twin}")).send().await.problem(404, "not_found");
    assert_eq!(app.get(&kept).send().await.expect(200).json()["erased"], true);
    let accesses = format!("/v1/patients/{twin}/accesses?consistent=true");
    let accesses = app.get(&accesses).send().await.expect(200).json();
    assert!(accesses.to_string().contains("erase_patient"), "{accesses}");
    app.check_day_sheets().await;
}

/// A deletion keeps the merge, so an erasure after it still reaches the merged patient.
#[tokio::test]
async fn an_erasure_after_a_deletion_covers_the_merged_patient() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    twice.merged().await;
    let path = format!("/v1/patients/{}", clinic.patient);
    app.delete(&path).send().await.expect(204);
    app.get(&format!("/v1/patients/{twin}")).send().await.expect(200);
    app.delete(&format!("{path}?mode=erase")).send().await.expect(204);
    app.get(&format!("/v1/patients/{twin}")).send().await.problem(404, "not_found");
}

/// An import derives ids from the content, so a deleted patient can exist again.
#[tokio::test]
async fn a_patient_that_exists_again_is_merged_anew_and_not_erased_with_the_other() {
    for reversed in [false, true] {
        let twice = Twice::new().await;
        let Twice { app, clinic, twin, .. } = &twice;
        let before = app.stored(twin).await;
        let exists_again = async || {
            app.delete(&format!("/v1/patients/{twin}")).send().await.expect(204);
            app.put_item(before.clone()).await;
        };
        twice.merged().await;
        exists_again().await;
        twice.merged().await;
        assert_eq!(twice.patient(&clinic.patient).await["replaces"], json!([twin]));
        exists_again().await;
        let (mut erased, mut left) = (&clinic.patient, twin);
        if reversed {
            twice.merge(&clinic.patient, twin).await.expect(200);
            (erased, left) = (twin, &clinic.patient);
        }
        let path = format!("/v1/patients/{erased}");
        let export = app.get(&format!("{path}/export")).send().await.expect(200).json();
        let merged = export["merged"].as_array().map_or(0, Vec::len);
        assert_eq!(merged, usize::from(reversed), "{export}");
        app.delete(&format!("{path}?mode=erase")).send().await.expect(204);
        let left = app.get(&format!("/v1/patients/{left}")).send().await;
        if reversed {
            left.problem(404, "not_found");
        } else {
            left.expect(200);
        }
    }
}

#[tokio::test]
async fn events_name_the_changed_members_of_both_patients_and_each_appointment() {
    let twice = Twice::new().await;
    let Twice { app, clinic, twin, .. } = &twice;
    app.patch(&format!("/v1/patients/{twin}"))
        .json(&json!({ "mrn": "A-1" }))
        .send()
        .await
        .expect(200);
    let visit = twice.booked_for_twin("2035-01-16T10:00:00").await;
    app.clock.advance(SignedDuration::from_mins(1));
    twice.merged().await;
    app.process_changes().await;
    let changed = async |path: &str| {
        let audit = app.get(&format!("{path}/audit")).send().await.expect(200).json();
        audit["items"][0]["changed"].clone()
    };
    let path = |patient: &str| format!("/v1/patients/{patient}");
    assert_eq!(changed(&path(twin)).await, json!(["active", "merged_into", "mrn"]));
    assert_eq!(changed(&path(&clinic.patient)).await, json!(["mrn", "replaces"]));
    assert_eq!(changed(&visit).await, json!(["patient_id"]));
}
