//! Calls every operation, with markers in all text fields.

use clinic_api::time::{Clock as _, SystemClock, utc_date};
use jiff::ToSpan as _;
use serde_json::json;

use super::{caller::Caller, patient};
use crate::support::{
    document::{good_body, good_patch, plain_collections},
    receiver::Receiver,
};

pub async fn every_operation(caller: &mut Caller, receiver: &Receiver) {
    let webhook = caller.made("/v1/webhooks", json!({ "url": receiver.url() })).await;
    let clinic = caller.made("/v1/clinics", json!({ "name": "A", "time_zone": "UTC" })).await;
    caller.made("/v1/clinics", json!({ "name": "B", "time_zone": "UTC" })).await;
    let staff =
        caller.made(&format!("{clinic}/staff"), json!({ "name": "S", "role": "nurse" })).await;
    caller.made(&format!("{clinic}/staff"), json!({ "name": "T", "role": "nurse" })).await;
    let one = caller.made("/v1/patients", patient()).await;
    assert_eq!(caller.send("POST", "/v1/patients", Some(patient())).await.0, 409);
    let day = |days: i64| {
        let day = utc_date(SystemClock.now()).saturating_add(days.days());
        format!("{day}T09:00:00Z")
    };
    let visits = format!("{clinic}/appointments");
    let visit = |start: String| {
        json!({
            "staff_id": staff.rsplit('/').next().unwrap(), "patient_id": one.rsplit('/').next().unwrap(),
            "start": start, "duration_minutes": 30, "reason": "Canary-Reason", "notes": "Canary-Visit-Notes",
        })
    };
    // The outcome of the first appointment can only be set on its day.
    let today = SystemClock.now().strftime("%Y-%m-%dT%H:%MZ").to_string();
    let first = caller.made(&visits, visit(today)).await;
    let second = caller.made(&visits, visit(day(2))).await;
    let third = caller.made(&visits, visit(day(3))).await;
    assert_eq!(caller.send("POST", &visits, Some(visit(day(2)))).await.0, 409);
    let steps = [("confirmed", 200), ("completed", 409), ("checked_in", 200), ("completed", 200)];
    for (status, expected) in steps {
        let step = Some(json!({ "status": status }));
        assert_eq!(caller.send("POST", &format!("{first}/status"), step).await.0, expected);
    }
    let cancelled = Some(json!({ "reason": "Canary-Cancelled" }));
    for expected in [200, 409] {
        assert_eq!(
            caller.send("POST", &format!("{second}/cancel"), cancelled.clone()).await.0,
            expected
        );
    }
    scheduling(caller, &clinic, &staff, &one).await;
    plain_records(caller, &clinic).await;
    let reads = [
        "/v1/clinics?limit=1".to_owned(),
        clinic.clone(),
        format!("{clinic}/overview?limit=1"),
        format!("{clinic}/staff?limit=1"),
        staff.clone(),
        "/v1/patients?mrn=CANARY-MRN".to_owned(),
        one.clone(),
        format!("{one}/appointments?limit=1"),
        format!("{one}/export"),
        format!("{one}/accesses?limit=1"),
        format!("{one}/audit?limit=1"),
        format!("{clinic}/audit?limit=1"),
        format!("{first}/audit?limit=1"),
        format!("{visits}?limit=1"),
        first.clone(),
        "/livez".to_owned(),
        "/readyz".to_owned(),
        "/version".to_owned(),
    ];
    for read in &reads {
        assert_eq!(caller.send("GET", read, None).await.0, 200, "{read}");
    }
    let changes = [
        (&clinic, json!({ "name": "C" })),
        (&staff, json!({ "name": "U" })),
        (&one, json!({ "name": "Canary-Name-2", "mrn": "CANARY-OTHER-MRN", "notes": null })),
        (&first, json!({ "notes": "Canary-Visit-Notes-2", "reason": null })),
    ];
    for (path, patch) in changes {
        assert_eq!(caller.send("PATCH", path, Some(patch)).await.0, 200, "{path}");
    }
    rubbish(caller, &one, &visits, &first).await;
    assert_eq!(caller.send("DELETE", &one, None).await.0, 409);
    assert_eq!(caller.send("DELETE", &third, None).await.0, 204);
    assert_eq!(caller.send("DELETE", &format!("{one}?mode=Canary-Wrong"), None).await.0, 400);
    assert_eq!(caller.send("DELETE", &clinic, None).await.0, 409);
    webhooks(caller, &webhook, receiver).await;
    // The completed visit still counts as future. So another patient is erased, and other staff and another clinic are deleted.
    let other = caller.made("/v1/patients", json!({ "name": "Canary-Name" })).await;
    let merged = caller.made("/v1/patients", json!({ "name": "Canary-Name" })).await;
    let (merge, into) = (format!("{merged}/merge"), other.rsplit('/').next().unwrap());
    for _ in 0..2 {
        let body = Some(json!({ "into": into }));
        assert_eq!(caller.send("POST", &merge, body).await.0, 200);
    }
    assert_eq!(caller.send("DELETE", &format!("{other}?mode=erase"), None).await.0, 204);
    let empty = caller.made("/v1/clinics", json!({ "name": "D", "time_zone": "UTC" })).await;
    let leaves =
        caller.made(&format!("{empty}/staff"), json!({ "name": "V", "role": "nurse" })).await;
    for path in [leaves, empty] {
        assert_eq!(caller.send("DELETE", &path, None).await.0, 204);
    }
}

/// Events, as they are sent and as they are shown.
async fn webhooks(caller: &mut Caller, webhook: &str, receiver: &Receiver) {
    for received in receiver.wait_for(10).await {
        caller.kept.push(("event".to_owned(), format!("{received:?}")));
    }
    let deliveries = format!("{webhook}/deliveries?limit=1");
    let (status, listed) = caller.send("GET", &deliveries, None).await;
    assert_eq!(status, 200, "{listed}");
    let delivery = format!("{webhook}/deliveries/{}", listed["items"][0]["id"].as_str().unwrap());
    for (method, path, body) in [
        ("GET", delivery.clone(), None),
        ("POST", format!("{delivery}/replay"), None),
        ("GET", "/v1/webhooks?limit=1".to_owned(), None),
        ("GET", webhook.to_owned(), None),
        ("POST", format!("{webhook}/rotate-secret"), None),
        ("PATCH", webhook.to_owned(), Some(json!({ "active": false }))),
    ] {
        let (status, answer) = caller.send(method, &path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
    }
    assert_eq!(caller.send("DELETE", webhook, None).await.0, 204);
}

/// Hours, exceptions, holds, moves and availability, with markers in all text fields.
async fn scheduling(caller: &mut Caller, clinic: &str, staff: &str, one: &str) {
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let room = json!({ "name": "R", "kind": "room" });
    let room = caller.made(&format!("{clinic}/resources"), room).await;
    let visit_type = json!({ "name": "V", "duration_minutes": 30 });
    let visit_type = caller.made(&format!("{clinic}/visit-types"), visit_type).await;
    let tomorrow = utc_date(SystemClock.now()).tomorrow().unwrap();
    let later = tomorrow.saturating_add(30.days());
    let leave = json!({
        "staff_id": id(staff), "first_date": later, "last_date": later,
        "effect": "closed", "reason": "Canary-Leave"
    });
    let leave = caller.made(&format!("{clinic}/exceptions"), leave).await;
    for (start, end) in [("14:00", "confirm"), ("16:00", "release")] {
        let hold = json!({
            "staff_id": id(staff), "resource_ids": [id(&room)], "visit_type_id": id(&visit_type),
            "start": format!("{tomorrow}T{start}:00Z")
        });
        let (status, held) = caller.send("POST", &format!("{clinic}/holds"), Some(hold)).await;
        assert_eq!(status, 201, "{held}");
        let path = format!("{clinic}/holds/{}", held["id"].as_str().unwrap());
        let mut body = json!({ "hold_secret": "Canary-Wrong" });
        assert_eq!(caller.send("POST", &format!("{path}/{end}"), Some(body.clone())).await.0, 403);
        body["hold_secret"] = held["hold_secret"].clone();
        if end == "confirm" {
            body["patient_id"] = json!(id(one));
            body["reason"] = json!("Canary-Reason");
            body["notes"] = json!("Canary-Visit-Notes");
        }
        assert_eq!(caller.send("POST", &format!("{path}/{end}"), Some(body)).await.0, 200);
        if end == "confirm" {
            let booked = path.replace("/holds/", "/appointments/");
            let to = json!({
                "start": format!("{tomorrow}T14:10:00Z"),
                "overrides": { "overbook": true, "any_hours": true, "reason": "Canary-Override" }
            });
            let moved = caller.send("POST", &format!("{booked}/reschedule"), Some(to)).await;
            assert_eq!(moved.0, 200);
            assert_eq!(caller.send("DELETE", &booked, None).await.0, 204);
        }
    }
    let of_type = format!("visit_type_id={}", id(&visit_type));
    for read in [
        leave.clone(),
        format!("{clinic}/exceptions?limit=1"),
        format!("{clinic}/availability?{of_type}"),
        format!("{clinic}/day/{tomorrow}"),
    ] {
        assert_eq!(caller.send("GET", &read, None).await.0, 200, "{read}");
    }
    for path in [&leave, &visit_type, &room] {
        assert_eq!(caller.send("DELETE", path, None).await.0, 204, "{path}");
    }
}

/// The operations of every plain record of a clinic.
async fn plain_records(caller: &mut Caller, clinic: &str) {
    for collection in plain_collections() {
        let all = format!("{clinic}/{collection}");
        let one = caller.made(&all, good_body(&collection)).await;
        let patch = Some(good_patch(&collection));
        assert_eq!(caller.send("GET", &format!("{all}?limit=1"), None).await.0, 200, "{all}");
        assert_eq!(caller.send("GET", &one, None).await.0, 200, "{one}");
        assert_eq!(caller.send("PATCH", &one, patch).await.0, 200, "{one}");
        assert_eq!(caller.send("DELETE", &one, None).await.0, 204, "{one}");
    }
}

/// Invalid requests that contain markers.
async fn rubbish(caller: &mut Caller, one: &str, visits: &str, first: &str) {
    let rubbish = [
        ("PATCH", one.to_owned(), json!({ "name": ["Canary-Wrong"], "phones": ["Canary-Wrong"] })),
        (
            "PATCH",
            one.to_owned(),
            json!({ "birth_date": "Canary-Wrong", "unknown": "Canary-Wrong" }),
        ),
        (
            "PATCH",
            one.to_owned(),
            json!({ "phones": [{ "value": "Canary-Wrong" }], "language": "Canary-Wrong" }),
        ),
        (
            "PATCH",
            one.to_owned(),
            json!({ "name": { "family": "Canary-Wrong", "unknown": "Canary-Wrong" } }),
        ),
        ("PATCH", one.to_owned(), json!({ "deceased": "Canary-Wrong", "gender": "Canary-Wrong" })),
        ("PATCH", one.to_owned(), json!("Canary-Wrong")),
        ("PATCH", first.to_owned(), json!({ "notes": { "canary-wrong": 1 } })),
        (
            "POST",
            "/v1/patients".to_owned(),
            json!({ "name": "Canary-Wrong\u{0}", "mrn": "Canary-Wrong!", "email": "Canary-Wrong" }),
        ),
        (
            "POST",
            visits.to_owned(),
            json!({ "start": "Canary-Wrong", "duration_minutes": "Canary-Wrong" }),
        ),
        ("POST", format!("{first}/status"), json!({ "status": "Canary-Wrong" })),
    ];
    for (method, path, body) in rubbish {
        assert_eq!(caller.send(method, &path, Some(body)).await.0, 422, "{method} {path}");
    }
    for path in [
        "/v1/patients/Canary-Wrong",
        "/v1/patients?mrn=Canary%20Wrong&unknown=Canary-Wrong",
        "/Canary-Wrong",
        "/v1/clinics?cursor=Canary-Wrong",
    ] {
        assert!(caller.send("GET", path, None).await.0 >= 400);
    }
    assert_eq!(caller.send_as("canary-wrong", "GET", one, None).await.0, 401);
}
