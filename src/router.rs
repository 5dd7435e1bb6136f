//! The whole API, and its documentation.

use axum::{Router, body::Bytes, http::header, response::IntoResponse, routing::get};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    app::AppState,
    appointments::handlers as appointments,
    audit::handlers as audit,
    audit_events::handlers as audit_events,
    availability::handlers as availability,
    clinics::handlers as clinics,
    day::handlers as day,
    deliveries::handlers as deliveries,
    error::{ApiError, ApiResult},
    exceptions::handlers as exceptions,
    http::{ApiPath, auth::policy, health, version},
    openapi,
    patients::handlers as patients,
    resources::handlers as resources,
    staff::handlers as staff,
    visit_types::handlers as visit_types,
    webhooks::handlers as webhooks,
};

/// Every operation, with the document that describes them.
pub fn api() -> (Router<AppState>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(clinics::list_clinics, clinics::create_clinic))
        .routes(routes!(clinics::get_clinic, clinics::update_clinic, clinics::delete_clinic))
        .routes(routes!(clinics::overview::get_clinic_overview))
        .routes(routes!(staff::list_staff, staff::create_staff_member))
        .routes(routes!(
            staff::get_staff_member,
            staff::update_staff_member,
            staff::delete_staff_member
        ))
        .routes(routes!(patients::find_patients, patients::create_patient))
        .routes(routes!(patients::get_patient, patients::update_patient, patients::delete_patient))
        .routes(routes!(patients::export::export_patient))
        .routes(routes!(audit::list_patient_accesses))
        .routes(routes!(audit_events::list_patient_audit_events))
        .routes(routes!(audit_events::list_appointment_audit_events))
        .routes(routes!(audit_events::list_clinic_audit_events))
        .routes(routes!(appointments::list::list_patient_appointments))
        .routes(routes!(
            appointments::list::list_clinic_appointments,
            appointments::book::create_appointment
        ))
        .routes(routes!(
            appointments::get_appointment,
            appointments::change::update_appointment,
            appointments::change::delete_appointment
        ))
        .routes(routes!(appointments::change::change_appointment_status))
        .routes(routes!(appointments::change::cancel_appointment))
        .routes(routes!(appointments::reschedule::reschedule_appointment))
        .routes(routes!(appointments::hold::create_hold))
        .routes(routes!(appointments::hold::confirm_hold))
        .routes(routes!(appointments::hold::release_hold))
        .routes(routes!(resources::list_resources, resources::create_resource))
        .routes(routes!(
            resources::get_resource,
            resources::update_resource,
            resources::delete_resource
        ))
        .routes(routes!(visit_types::list_visit_types, visit_types::create_visit_type))
        .routes(routes!(
            visit_types::get_visit_type,
            visit_types::update_visit_type,
            visit_types::delete_visit_type
        ))
        .routes(routes!(exceptions::list_exceptions, exceptions::create_exception))
        .routes(routes!(exceptions::get_exception, exceptions::delete_exception))
        .routes(routes!(availability::list_availability))
        .routes(routes!(day::get_day))
        .routes(routes!(webhooks::list_webhooks, webhooks::create_webhook))
        .routes(routes!(webhooks::get_webhook, webhooks::update_webhook, webhooks::delete_webhook))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::get_delivery))
        .routes(routes!(deliveries::replay_delivery))
        .routes(routes!(health::get_liveness))
        .routes(routes!(health::get_readiness))
        .routes(routes!(version::get_version))
        .split_for_parts();
    openapi::complete(&mut document, policy::PUBLIC);
    (router, document)
}

/// The document, Swagger UI, and the explanation of every problem.
pub fn documentation(document: &OpenApi) -> Router {
    let swagger_ui = SwaggerUi::new("/docs").config(
        Config::from("/openapi.json").try_it_out_enabled(true).display_request_duration(true),
    );
    // Made once: every answer shares it.
    let document = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    let document = async move || ([(header::CONTENT_TYPE, "application/json")], document);
    Router::new()
        .merge(swagger_ui)
        .route("/openapi.json", get(document))
        .route("/problems", get(async || markdown(ERRORS)))
        .route("/problems/{code}", get(get_problem))
        .route("/", get(async || axum::response::Redirect::temporary("/docs/")))
}

/// What each problem means; the `type` of a problem leads to its own part.
pub const ERRORS: &str = include_str!("../docs/errors.md");

fn markdown(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text)
}

async fn get_problem(ApiPath(code): ApiPath<String>) -> ApiResult<impl IntoResponse> {
    let heading = format!("`{code}`");
    let part = ERRORS.split("\n### ").find(|part| part.lines().next() == Some(&heading));
    part.map(markdown).ok_or_else(ApiError::not_found)
}
