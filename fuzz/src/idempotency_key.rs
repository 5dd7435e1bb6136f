//! `Idempotency-Key`: the first line is the header's value, the rest the body.

use axum::http::{HeaderMap, HeaderValue, Method};
use clinic_api::{
    http::idempotency::{IDEMPOTENCY_KEY, from_request},
    id::OrgId,
    store::Idempotency,
};
use serde_json::{Value, json};

const PATH: &str = "/v1/patients";

fn read(
    headers: &HeaderMap,
    org: &str,
    subject: &str,
    path: &str,
    body: &Value,
) -> Option<Idempotency> {
    let org: OrgId = org.parse().expect("an organisation");
    from_request(headers, &org, subject, &Method::POST, path, body).ok().flatten()
}

/// Panics if a malformed key is accepted, or if a key is not bound to its caller, path and body.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (key, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let body = &serde_json::from_slice(body).unwrap_or(Value::Null);
    let Ok(value) = HeaderValue::from_bytes(key) else {
        return;
    };
    let mut headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, value.clone())]);
    let read_by = |org, subject, path| read(&headers, org, subject, path, body);

    let org = "ORG-A".parse().expect("an organisation");
    let of_get = from_request(&headers, &org, "ida", &Method::GET, PATH, body);
    assert_eq!(of_get.ok(), Some(None), "it says nothing of a GET");
    let visible = !key.is_empty() && key.len() <= 255 && key.iter().all(u8::is_ascii_graphic);
    let Some(taken) = read_by("ORG-A", "ida", PATH) else {
        assert!(!visible, "a well-formed key is taken");
        return;
    };
    assert!(visible, "a malformed key is refused");
    for other in [
        read_by("ORG-B", "ida", PATH),
        read_by("ORG-A", "eve", PATH),
        read_by("ORG-A", "ida", "/v1/clinics"),
    ] {
        assert_ne!(
            other.map(|other| other.key()),
            Some(taken.key()),
            "it is its caller's and its path's"
        );
    }
    let another = read(&headers, "ORG-A", "ida", PATH, &json!([body])).expect("the same key");
    assert_eq!(another.key(), taken.key());
    assert_ne!(another, taken, "another body is another request");
    headers.append(IDEMPOTENCY_KEY, value);
    assert_eq!(read(&headers, "ORG-A", "ida", PATH, body), None, "two values are none");
}
