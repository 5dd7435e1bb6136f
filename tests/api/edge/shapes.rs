//! Requests with invalid shapes, to every operation of the document. The refusal locates the error in the service's own words
//! (`Answer::problem` checks both) and does not quote the input.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp,
    document::{id_of, members, operations, parameter_names},
    requests::{Records, request},
};

/// A value that must not be returned.
const SECRET: &str = "Secret-4711";

async fn send(app: &TestApp, method: &Method, path: &str, body: Option<&Value>) -> Answer {
    let call = app.request(method.clone(), path);
    match body {
        Some(body) => call.json(body),
        None => call,
    }
    .send()
    .await
}

/// The problem of a response with one of two statuses and codes.
#[track_caller]
fn refused(answer: Answer, either: [(u16, &str); 2]) -> Value {
    let code = answer.json()["code"].to_string();
    let (status, code) = either[usize::from(!code.contains(either[0].1))];
    let problem = answer.problem(status, code);
    assert!(!problem.to_string().contains(SECRET), "{problem}");
    problem
}

fn with_query(path: &str, name: &str, value: &str) -> String {
    format!("{path}{}{name}={value}", if path.contains('?') { '&' } else { '?' })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_query_parameter_is_refused_by_every_operation() {
    let app = TestApp::spawn().await;
    let at = Records::make(&app).await;
    let before = app.all_items().await;
    for (.., operation) in operations() {
        let (method, path, body) = request(id_of(operation), &at);
        let answer = send(&app, &method, &with_query(&path, "nope", "1"), body.as_ref()).await;
        // Probes may add parameters.
        if operation["security"] == json!([]) {
            answer.expect(200);
            continue;
        }
        let problem = answer.problem(400, "invalid_parameter");
        let error = &problem["errors"][0];
        assert_eq!((&error["parameter"], &error["code"]), (&json!("nope"), &json!("unknown")));
        let detail = error["detail"].as_str().unwrap();
        let known = parameter_names(operation, "query");
        assert!(known.iter().all(|name| detail.contains(&format!("`{name}`"))), "{detail}");
    }
    assert_eq!(app.all_items().await, before);
    app.get("/v1/clinics?l%69mit=1").send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_parameter_is_named_by_every_operation() {
    let app = TestApp::spawn().await;
    let at = Records::make(&app).await;
    for (.., operation) in operations() {
        let (method, path, body) = request(id_of(operation), &at);
        let path = path.split('?').next().unwrap();
        for name in parameter_names(operation, "query") {
            let answer = send(&app, &method, &with_query(path, name, SECRET), body.as_ref()).await;
            // Some parameters accept any text.
            if !answer.status.is_success() {
                refused(answer, [(400, "invalid_parameter"), (400, "invalid_cursor")]);
            }
            let twice = with_query(&with_query(path, name, "1"), name, "1");
            let answer = send(&app, &method, &twice, body.as_ref()).await;
            let problem = answer.problem(400, "invalid_parameter");
            assert_eq!(problem["errors"][0]["parameter"], name, "{problem}");
        }
        for name in parameter_names(operation, "header") {
            let call = app.request(method.clone(), path).header(name, "é");
            let call = match &body {
                Some(body) => call.json(body),
                None => call,
            };
            let either = [(400, "invalid_parameter"), (400, "invalid_idempotency_key")];
            let answer = call.send().await;
            let key = name == "Idempotency-Key";
            let problem = refused(answer, [either[usize::from(key)]; 2]);
            let named = problem["errors"][0]["parameter"].as_str().unwrap();
            assert!(named.eq_ignore_ascii_case(name), "{problem}");
        }
    }
    let missing = app.get("/v1/patients").send().await.problem(400, "invalid_parameter");
    let detail = "is required, unless birth_date, phone, email, identifier or mrn is given";
    let error = json!({ "parameter": "name", "detail": detail, "code": "required" });
    assert_eq!(missing["errors"], json!([error]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_part_of_the_path_is_named_by_every_operation() {
    let app = TestApp::spawn().await;
    for (template, method, operation) in operations() {
        for name in parameter_names(operation, "path") {
            for bad in [SECRET, "%ff"] {
                let path = template.replace(&format!("{{{name}}}"), bad);
                // The other parameters keep their placeholder, which is not an id.
                let path = path.replace(['{', '}'], "");
                let method: Method = method.to_uppercase().parse().unwrap();
                let answer = send(&app, &method, &path, Some(&json!({}))).await;
                let problem =
                    refused(answer, [(400, "invalid_parameter"), (422, "validation_failed")]);
                assert!(problem["errors"][0]["parameter"].is_string(), "{problem}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_body_is_told_by_every_operation() {
    let app = TestApp::spawn().await;
    let at = Records::make(&app).await;
    let odd =
        [json!([]), json!({ "x": SECRET }), json!(SECRET), json!(-1.5), json!(true), Value::Null];
    for (.., operation) in operations().filter(|(.., found)| found.get("requestBody").is_some()) {
        let (method, path, Some(good)) = request(id_of(operation), &at) else { continue };
        let invalid = [(422, "validation_failed"), (422, "unknown_reference")];
        for whole in odd.iter().filter(|whole| !whole.is_object()) {
            let problem = refused(send(&app, &method, &path, Some(whole)).await, invalid);
            let error =
                json!({ "pointer": "", "detail": "must be an object", "code": "wrong_type" });
            assert_eq!(problem["errors"], json!([error]), "{path} {whole}");
        }
        let mut unknown = good.clone();
        unknown["nope"] = json!(SECRET);
        let problem = refused(send(&app, &method, &path, Some(&unknown)).await, invalid);
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/nope"), &json!("unknown")));
        for member in members(operation) {
            for value in &odd {
                let mut body = good.clone();
                body[member] = value.clone();
                let answer = send(&app, &method, &path, Some(&body)).await;
                // Some values are valid.
                if answer.status != 422 {
                    assert!(!answer.status.is_server_error(), "{member} {value}: {answer:?}");
                    continue;
                }
                let problem = refused(answer, invalid);
                let pointer = problem["errors"][0]["pointer"].as_str().unwrap().to_owned();
                assert!(pointer.starts_with(&format!("/{member}")), "{member} {value}: {problem}");
            }
            let mut body = good.clone();
            body.as_object_mut().unwrap().remove(member);
            let answer = send(&app, &method, &path, Some(&body)).await;
            if answer.status == 422 {
                refused(answer, invalid);
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_member_has_its_type_its_values_or_its_bounds_told() {
    let app = TestApp::spawn().await;
    let good = json!({ "name": "A", "time_zone": "UTC" });
    let hours = |weekday: Value| json!([{ "weekday": weekday, "from": "08:00", "to": "09:00" }]);
    let cases = [
        ("/name", json!(1), "must be a string", "wrong_type"),
        ("/position", json!(1), "must be an object", "wrong_type"),
        ("/position/longitude", json!({ "latitude": 1 }), "is required", "required"),
        (
            "/position/latitude",
            json!({ "latitude": "1", "longitude": 1 }),
            "must be a number",
            "wrong_type",
        ),
        (
            "/position/latitude",
            json!({ "latitude": 91, "longitude": 1 }),
            "must be between -90.0 and 90.0",
            "range",
        ),
        ("/opening_hours", json!({}), "must be an array", "wrong_type"),
        ("/opening_hours/0/weekday", hours(json!(1)), "must be a string", "wrong_type"),
        (
            "/opening_hours/0/weekday",
            hours(json!("someday")),
            "must be one of `monday`, `tuesday`, `wednesday`, `thursday`, `friday`, `saturday`, `sunday`",
            "unknown_value",
        ),
        (
            "/address/town",
            json!({ "town": "A" }),
            "is unknown; must be one of `lines`, `city`, `postal_code`, `state`, `country`",
            "unknown",
        ),
    ];
    for (pointer, value, detail, code) in cases {
        let mut body = good.clone();
        body[pointer.split('/').nth(1).unwrap()] = value;
        let refused = app.post("/v1/clinics").json(&body).send().await;
        let error = json!({ "pointer": pointer, "detail": detail, "code": code });
        assert_eq!(refused.problem(422, "validation_failed")["errors"], json!([error]));
    }
    for (body, code) in [("{", "invalid_json"), ("\u{feff}{}", "invalid_json")] {
        let refused = app.post("/v1/clinics").bytes("application/json", body.as_bytes());
        refused.send().await.problem(400, code);
    }
    let twice = br#"{"name":"A","address":{"a~/b":1,"a~/b":2}}"#;
    let refused = app.post("/v1/clinics").bytes("application/json", twice).send().await;
    let error =
        json!({ "pointer": "/address/a~0~1b", "detail": "is given twice", "code": "repeated" });
    assert_eq!(refused.problem(422, "validation_failed")["errors"], json!([error]));
}
