//! The problems that every operation may return.

use std::num::NonZeroU32;

use clinic_api::{
    app::RequestLimits,
    error::ErrorCode as Code,
    http::{auth::Role, rate::RateSettings},
};
use serde_json::json;

use super::Recorder;
use crate::support::{
    TestApp,
    callers::{principal, token},
    wire::Fault,
};

const ANY: &str = "any";

/// What a request above the organisation's share, and above the limit of the service, is refused with.
async fn record_concurrency(recorder: &mut Recorder, app: &TestApp, clinic: &str) {
    let limited = |concurrent| {
        let limits = RequestLimits { concurrent, ..RequestLimits::default() };
        TestApp::builder().limits(limits).replica_of(app)
    };
    let full = limited(0).get("/v1/clinics").send().await;
    recorder.keep(ANY, Code::Overloaded, full);
    let one = limited(2);
    let (has_come, go_on) = app.wire.pause_before("GetItem");
    let held = tokio::spawn(one.get(clinic).send());
    has_come.await.unwrap();
    recorder.keep(ANY, Code::ConcurrencyLimited, one.get(clinic).send().await);
    go_on.send(()).unwrap();
    held.await.unwrap().expect(200);
}

/// An example of each status that does not depend on the operation.
pub async fn record(recorder: &mut Recorder) {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let clinics = || app.get("/v1/clinics");
    let limit = app.get("/v1/clinics?limit=1000").send().await;
    recorder.keep(ANY, Code::InvalidParameter, limit);
    for (parameter, path) in [
        ("clinic_id", "/v1/clinics/CLN-1"),
        ("patient_id", "/v1/patients/PAT-1"),
        ("webhook_id", "/v1/webhooks/WHK-1"),
    ] {
        recorder.keep(parameter, Code::InvalidParameter, app.get(path).send().await);
    }
    let missing = app.get("/v1/patients").send().await;
    recorder.keep("find_patients", Code::InvalidParameter, missing);
    let broken = app.post("/v1/clinics").bytes("application/json", b"{\"name\": ").send().await;
    recorder.keep(ANY, Code::InvalidJson, broken);
    let cursor = app.get("/v1/clinics?cursor=abc").send().await;
    recorder.keep(ANY, Code::InvalidCursor, cursor);
    recorder.keep(ANY, Code::Unauthenticated, clinics().anonymous().send().await);
    let patient = app.with_bearer(token(&principal(Role::Patient)));
    recorder.keep(ANY, Code::Forbidden, patient.get("/v1/clinics").send().await);
    let nowhere = app.get("/v1/clinics/CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R").send().await;
    recorder.keep(ANY, Code::NotFound, nowhere);
    let stale = app.patch(&clinic.path).header("if-match", "\"7\"").json(&json!({ "name": "A" }));
    recorder.keep(ANY, Code::PreconditionFailed, stale.send().await);
    let large = json!({ "name": "x".repeat(70_000), "time_zone": "UTC" });
    let large = app.post("/v1/clinics").json(&large).send().await;
    recorder.keep(ANY, Code::BodyTooLarge, large);
    let text = app.post("/v1/clinics").bytes("text/plain", b"Seefeld").send().await;
    recorder.keep(ANY, Code::UnsupportedMediaType, text);
    let rates = RateSettings { per_principal: NonZeroU32::MIN, ..RateSettings::default() };
    let limited = TestApp::builder().limits(RequestLimits { rates, ..RequestLimits::default() });
    let limited = limited.spawn().await;
    limited.get("/v1/clinics").send().await.expect(200);
    recorder.keep(ANY, Code::RateLimited, limited.get("/v1/clinics").send().await);
    app.wire.disturb_times(20, "Query", Fault::Throttled);
    recorder.keep(ANY, Code::Throttled, clinics().send().await);
    app.wire.calm();
    app.wire.disturb_times(20, "GetItem", Fault::Unreachable);
    let unready = app.get("/readyz").anonymous().send().await;
    recorder.keep("get_readiness", Code::StoreUnreachable, unready);
    app.wire.calm();
    record_concurrency(recorder, &app, &clinic.path).await;
    // A record that no version of the service wrote.
    let mut item = app.stored(clinic.path.rsplit('/').next().unwrap()).await;
    item.remove("name");
    app.put_item(item).await;
    recorder.keep(ANY, Code::InternalError, app.get(&clinic.path).send().await);
    // Nothing else waits in this runtime: its time goes on at once.
    tokio::time::pause();
    let slow = app.post("/v1/clinics").header("content-type", "application/json");
    recorder.keep(ANY, Code::RequestTimeout, slow.send_endless().await);
    tokio::time::resume();
}
