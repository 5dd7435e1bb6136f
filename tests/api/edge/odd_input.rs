//! Unusual input: texts with control characters, absurd dates, deeply nested and duplicate JSON. It is refused with a reason or
//! stored exactly. It is never a 500, and refused input changes nothing.

use axum::http::Method;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn names_of_the_whole_world_come_back_as_they_were_given() {
    let app = TestApp::spawn().await;
    let names = [
        "Nguyễn Thị Minh Khai",
        "محمد بن سلمان",
        "עדה יונת",
        "𠮷野家 太郎",
        "O’Brien-Smith, Jr.",
        "👩🏽‍⚕️ Dr. Grün",
        "किरण राव",
        "e\u{301}clair",
        "\u{200F}שלום\u{200E} Ltd",
        "نام\u{200C}خانوادگی",
    ];
    for name in names {
        let made = app.post("/v1/patients").json(&json!({ "name": name })).send().await.expect(201);
        let found = app.get(&made.location()).send().await.expect(200).json();
        assert_eq!(found["name"], json!({ "text": name }));
    }
    // Length is counted in characters, not in bytes.
    let long = "𠮷".repeat(200);
    app.post("/v1/patients").json(&json!({ "name": long })).send().await.expect(201);
    let longer = "𠮷".repeat(201);
    let refused = app.post("/v1/patients").json(&json!({ "name": longer })).send().await;
    assert_eq!(refused.invalid_fields(), ["/name"]);
}

#[tokio::test]
async fn what_would_read_as_something_else_is_refused() {
    let app = TestApp::spawn().await;
    let before = app.all_items().await;
    let bad = [
        "\u{0}Ida",
        "I\nda",
        "I\tda",
        "\u{7f}",
        "\u{85}",
        "\u{1b}[31mIda",
        "Ida\u{202E}adI",
        "\u{2066}Ida\u{2069}",
        "I\u{2028}da",
        "\u{FEFF}Ida",
        "",
        "   ",
        "\u{3000}",
    ];
    for name in bad {
        let answer = app.post("/v1/patients").json(&json!({ "name": name })).send().await;
        assert_eq!(answer.invalid_fields(), ["/name"], "{name:?}");
    }
    for notes in ["a\u{0}b", "a\u{202E}b", "a\u{1b}b"] {
        let body = json!({ "name": "Ida", "notes": notes });
        let answer = app.post("/v1/patients").json(&body).send().await;
        assert_eq!(answer.invalid_fields(), ["/notes"], "{notes:?}");
    }
    let dates = [
        "1849-12-31",
        "9999-12-31",
        "2035-02-29",
        "0000-00-00",
        "35-01-01",
        "2034-13",
        "2034-2",
        "1849",
        "0000",
        "2035-1-1",
        "2035-01-01T00:00:00Z",
        "+002035-01-01",
        "-000001-01-01",
        "tomorrow",
        "",
    ];
    for date in dates {
        let body = json!({ "name": "Ida", "birth_date": date });
        let answer = app.post("/v1/patients").json(&body).send().await;
        assert_eq!(answer.invalid_fields(), ["/birth_date"], "{date}");
    }
    assert_eq!(app.all_items().await, before);
}

#[tokio::test]
async fn json_that_is_too_deep_or_says_two_things_is_refused() {
    let app = TestApp::spawn().await;
    let patient = format!("/v1/patients/{}", app.patient().await);
    let before = app.all_items().await;
    let deep = [
        "[".repeat(10_000),
        format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("{}1{}", r#"{"name":"#.repeat(5_000), "}".repeat(5_000)),
    ];
    for body in &deep {
        for (method, path) in [(Method::POST, "/v1/patients"), (Method::PATCH, patient.as_str())] {
            let answer =
                app.request(method, path).bytes("application/json", body.as_bytes()).send().await;
            answer.problem(400, "invalid_json");
        }
    }
    let double = [
        r#"{"name":"A","name":"B"}"#,
        r#"{"name":"A","\u006eame":"B"}"#,
        r#"{"name":"A","email":null,"email":"a@example.org"}"#,
    ];
    for body in double {
        for (method, path) in [(Method::POST, "/v1/patients"), (Method::PATCH, patient.as_str())] {
            let answer = app
                .request(method.clone(), path)
                .bytes("application/json", body.as_bytes())
                .send()
                .await;
            let problem = answer.problem(422, "validation_failed");
            assert!(!problem.to_string().contains("example.org"), "{method} {problem}");
        }
    }
    let odd = r#"{"x at line 5":1,"x at line 5":2}"#;
    let odd = app.post("/v1/patients").bytes("application/json", odd.as_bytes()).send().await;
    assert_eq!(odd.invalid_fields(), ["/x at line 5"]);
    let clinic = app.clinic().await;
    let nested = r#"{"address":{"city":"Bern","city":"Basel"}}"#;
    app.patch(&clinic)
        .bytes("application/json", nested.as_bytes())
        .send()
        .await
        .problem(422, "validation_failed");
    let untidy: [&[u8]; 8] = [
        b"{\"name\":\"\xff\"}",
        b"{\"\xff\":1}",
        b"\xef\xbb\xbf{}",
        b"{\"name\":\"\\ud800\"}",
        b"{} {}",
        b"NaN",
        b"'a'",
        b"\0",
    ];
    for body in untidy {
        let answer = app.post("/v1/patients").bytes("application/json", body).send().await;
        answer.problem(400, "invalid_json");
    }
    let numbers = ["1e400", "-1", "5.5", "1e2", "99999999999999999999", "\"30\"", "true"];
    for number in numbers {
        let body = format!(r#"{{"duration_minutes":{number}}}"#);
        let path = format!("{clinic}/appointments");
        let status = app.post(&path).bytes("application/json", body.as_bytes()).send().await.status;
        assert!(status.is_client_error(), "{number}: {status}");
    }
    for status in ["4", "-1.5", "44444444444444444444.8687", "true", "null", "[]", "{}"] {
        let body = format!(r#"{{"status":{status}}}"#);
        let path = format!("{clinic}/appointments/APT-A1TQ7M2K9QW4X8B1N6T5V0C3/status");
        let answer = app.post(&path).bytes("application/json", body.as_bytes()).send().await;
        assert_eq!(answer.invalid_fields(), ["/status"], "{status}");
    }
    let after: Vec<_> = app.all_items().await;
    assert_eq!(after.len(), before.len() + 1, "the clinic alone");
}

#[tokio::test]
async fn odd_headers_and_paths_cause_no_failure() {
    let app = TestApp::spawn().await;
    let patient = format!("/v1/patients/{}", app.patient().await);
    for path in [
        "/v1/patients/%00",
        "/v1/patients/%FF%FE",
        "/v1/patients/..%2f..",
        "/v1/patients/PAT-%F0%9F%92%80",
        "/v1/patients/PAT-000000000000000000000000%20",
        "/v1/patients?mrn=%00",
        "/v1/patients?mrn=%FF",
        "/v1/patients?mrn=a&mrn=b",
        "/v1/clinics?limit=1e1",
        "/v1/clinics?cursor=%00",
    ] {
        let answer = app.get(path).send().await;
        let problem = answer.problem(
            400,
            if path.contains("cursor") { "invalid_cursor" } else { "invalid_parameter" },
        );
        assert!(!problem.to_string().contains("%F0"), "{problem}");
    }
    // Non-ASCII bytes are well-formed in a header.
    for (name, status) in [("if-none-match", 400), ("x-request-id", 200), ("accept", 200)] {
        let answer = app.get(&patient).header(name, "W/é").send().await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
    }
    let body = json!({ "name": "Ida" });
    let key = app.post("/v1/patients").json(&body).idempotent("é").send().await;
    key.problem(400, "invalid_idempotency_key");
    let tag = app.patch(&patient).json(&body).header("if-match", "é").send().await;
    tag.problem(400, "invalid_parameter");
}

/// DynamoDB refuses a key range whose end is before its beginning.
#[tokio::test]
async fn dates_far_away_and_the_wrong_way_round_are_answered() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let webhook = app.webhook("https://example.org/").await;
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    let (path, patient) = (&clinic.path, format!("/v1/patients/{}", clinic.patient));
    let dates = ["0000-01-01", "2025-11-01", "2035-01-15", "2035-01-16", "9999-12-31"];
    for from in dates {
        for query in [format!("{path}/day/{from}"), format!("{path}/appointments?date={from}")] {
            app.get(&query).send().await.expect(200);
        }
        for to in dates {
            let range = format!("from={from}&to={to}");
            let instants = format!("from={from}T00:00:00Z&to={to}T00:00:00Z");
            for query in [
                format!("{path}/availability?duration_minutes=30&{range}"),
                format!("{path}/appointments?{range}"),
                format!("{path}/appointments?{range}&order=descending"),
                format!("{patient}/appointments?{range}"),
                format!("{path}/exceptions?{range}"),
                format!("{path}/audit?{instants}"),
                format!("{patient}/audit?{instants}"),
            ] {
                let answer = app.get(&query).send().await;
                // A range of too many days, with its end before its start, or beyond all instants, is refused with a reason.
                let refused = to < from || query.contains("availability") || query.contains("0Z");
                let expected: &[u16] = if refused { &[200, 400] } else { &[200] };
                assert!(expected.contains(&answer.status.as_u16()), "{query}: {answer:?}");
            }
        }
    }
    for query in [
        format!("{path}/overview"),
        format!("{patient}/accesses"),
        format!("{patient}/export"),
        format!("{webhook}/deliveries"),
    ] {
        app.get(&query).send().await.expect(200);
    }
}

#[tokio::test]
async fn reserved_words_and_odd_texts_are_ordinary_values() {
    let app = TestApp::spawn().await;
    for name in ["SET", "attribute_exists(PK)", "#n0", ":v0", "null", "\\\"'`;--", "{{}}", "𝔘𝔫𝔦"]
    {
        let body = json!({ "name": name, "time_zone": "UTC" });
        let path = app.post("/v1/clinics").json(&body).send().await.expect(201).location();
        app.patch(&path).json(&json!({ "address": { "city": name } })).send().await.expect(200);
        let read = app.get(&path).send().await.json();
        assert_eq!((&read["name"], &read["address"]["city"]), (&json!(name), &json!(name)));
    }
}
