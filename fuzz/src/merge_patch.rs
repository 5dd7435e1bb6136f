//! Merge patches of a clinic and of a patient, compared with another implementation of RFC 7396.

use std::sync::LazyLock;

use axum::{
    body::Body,
    extract::{FromRequest as _, Request},
    http::header::CONTENT_TYPE,
};
use clinic_api::{
    error::ErrorCode,
    http::{
        body::from_value,
        merge_patch::{MERGE_PATCH_JSON, MergePatch},
    },
    records::{clinics::model::ClinicDetails, patients::model::PatientDetails},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use validator::Validate;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

fn patch<T>(current: &Value, bytes: &[u8])
where
    T: Serialize + DeserializeOwned + Validate + 'static,
{
    let request = Request::builder()
        .header(CONTENT_TYPE, MERGE_PATCH_JSON)
        .body(Body::from(bytes.to_vec()))
        .expect("a request");
    let Ok(patch) = RUNTIME.block_on(MergePatch::<T>::from_request(request, &())) else {
        return;
    };
    let record = || from_value::<T>(current).expect("the record is valid");
    let patched = match patch.apply(record()) {
        Ok(patched) => json_of(&patched),
        Err(error) => return assert_eq!(error.code(), ErrorCode::ValidationFailed),
    };
    let again = patch.apply(from_value(&patched).expect("what a patch leaves is valid"));
    assert_eq!(
        again.map(|again| json_of(&again)).ok().as_ref(),
        Some(&patched),
        "twice is as once"
    );

    let mut expected = json_of(&record());
    let body: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    json_patch::merge(&mut expected, &serde_json::from_slice(body).expect("JSON"));
    let expected = from_value::<T>(&expected).expect("what RFC 7396 says is valid as well");
    assert_eq!(json_of(&expected), patched);
}

fn json_of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("it can be written")
}

/// Panics if the two implementations differ, or if a patch is not idempotent.
pub fn check(bytes: &[u8]) {
    let clinic = json!({
        "name": "Seefeld", "time_zone": "Europe/Zurich", "phone": "+41445551234",
        "address": { "lines": ["Seefeldstrasse 1"], "city": "Zurich", "postal_code": "8008", "country": "CH" },
        "opening_hours": [{ "weekday": "monday", "from": "08:00", "to": "17:30" }]
    });
    let patient = json!({
        "mrn": "A-1", "name": { "family": "Example", "given": ["Ida"] }, "gender": "female",
        "birth_date": "1984-02", "phones": [{ "value": "+41795551234", "use": "mobile" }],
        "email": "ida@example.org", "address": { "city": "Bern" }, "deceased": false,
        "contacts": [{ "name": { "text": "Ada" } }], "notes": "none", "active": true
    });
    patch::<ClinicDetails>(&clinic, bytes);
    patch::<PatientDetails>(&patient, bytes);
}
