//! The schema of a problem, and the problem responses by status.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
        example::Example, extensions::ExtensionsBuilder, path::Operation,
    },
};

use crate::{
    appointments::model::Status,
    error::{Blocking, ErrorCode, FieldError},
    http::problem::PROBLEM_JSON,
    id::PatientId,
};

/// An error in the format of RFC 9457, with additional members.
#[derive(ToSchema)]
#[schema(example = json!({
    "type": "/problems/staff_busy",
    "title": "Staff member not available",
    "status": 409,
    "detail": "Another appointment of the staff member overlaps the requested time. Choose a start from nearest_free.",
    "code": "staff_busy",
    "request_id": "7k2m9q0a4d",
    "nearest_free": ["2027-03-02T09:30:00+01:00"]
}))]
#[expect(dead_code, reason = "the schema of what http::problem renders")]
pub struct Problem {
    /// The path of the explanation of `code`.
    r#type: String,
    /// The summary of `code`, the same for every occurrence.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The explanation of this occurrence.
    detail: String,
    /// The machine-readable error code. `/problems` explains each code.
    #[schema(schema_with = codes)]
    code: String,
    /// The request's id, as in the header `X-Request-Id`.
    request_id: String,
    /// The invalid fields and parameters.
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// With a 409 for a time that is not available: up to three free starts, the nearest to the requested one first.
    #[schema(required = false)]
    nearest_free: Vec<jiff::Timestamp>,
    /// With a 409 for a time that is not available: the record that conflicts with the request.
    #[schema(nullable = false)]
    blocking: Option<Blocking>,
    /// With `patient_merged`: the patient into which the requested one was merged.
    #[schema(nullable = false)]
    merged_into: Option<PatientId>,
    /// With `invalid_transition`: the current status of the appointment.
    #[schema(nullable = false)]
    current_status: Option<Status>,
    /// With `invalid_transition`: the allowed next statuses. `cancelled` has its own operation.
    #[schema(required = false)]
    allowed: Vec<Status>,
    /// With `before_visit_day`: the earliest time of the status change, with the clinic's UTC offset.
    #[schema(nullable = false)]
    allowed_from: Option<jiff::Timestamp>,
}

/// A string: clients that generate an enum would reject the codes of later releases.
fn codes() -> utoipa::openapi::schema::Object {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let extensions = ExtensionsBuilder::new().add("x-extensible-enum", codes).build();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("The error code, for programs. `/problems` explains each. Later releases may add codes."))
        .extensions(Some(extensions))
        .build()
}

/// The meaning of a status.
fn describe(status: u16) -> &'static str {
    match status {
        400 => "The path, the query, a header or the syntax of the body is invalid.",
        401 => "The access token is missing or invalid. `detail` states the reason.",
        403 => "The caller may not do this. `detail` states the reason.",
        404 => "The record does not exist, or the caller does not have access to it.",
        408 => "The body did not arrive in time.",
        409 => "The request conflicts with the state of the records. `code` states the conflict.",
        410 => "The hold has expired or was released.",
        412 => "`If-Match` does not list the record's current `ETag`, or `If-None-Match` lists it.",
        413 => "The body or the record to store is too large.",
        415 => "The `Content-Type` of the body is not supported.",
        422 => "The body violates a rule.",
        429 => {
            "The caller, the organisation or the client address exceeded a rate limit or a concurrency limit. Retry after the time in `Retry-After`."
        }
        503 => {
            "The service, the database or the token issuer is not available or overloaded, or the request took too long. Retry after the time in `Retry-After`."
        }
        _ => "An unexpected error occurred.",
    }
}

/// Returns the problem response of a status, without examples.
pub(super) fn problem(status: u16) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(describe(status));
    (status.to_string(), RefOr::T(response.content(PROBLEM_JSON, content).build()))
}

/// The problems that the service returned to a test, by operation; [`ANY`] has those of every operation. The test
/// `error_examples` writes the file.
static EXAMPLES: LazyLock<BTreeMap<String, Vec<Value>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("error-examples.json")).unwrap_or_default());
/// Stands for every operation.
const ANY: &str = "any";
/// Each stands for every operation with this path parameter.
const PATH_PARAMETERS: [&str; 3] = ["clinic_id", "patient_id", "webhook_id"];

/// Adds to the problems of an operation an example of each code that it returns.
pub(super) fn add_examples(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let named = |name: &str| EXAMPLES.get(name).into_iter().flatten();
    let any: Vec<_> = named(ANY).filter(|problem| applies(problem, operation)).collect();
    // A path parameter is an example where `limit` is none.
    let of_path = PATH_PARAMETERS.iter().find(|name| parameter(operation, name).is_some());
    let any: Vec<_> = of_path.into_iter().flat_map(|name| named(name)).chain(any).collect();
    let own: Vec<_> = named(&id).collect();
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let Some(RefOr::T(content)) = response.content.get_mut(PROBLEM_JSON) else { continue };
        let of = |problems: &[&Value]| -> BTreeMap<_, _> {
            let has_status = |problem: &&&Value| problem["status"].as_u64() == status.parse().ok();
            problems.iter().filter(has_status).map(|problem| example(problem)).collect()
        };
        let examples = of(&own);
        content.examples = if examples.is_empty() { of(&any) } else { examples };
    }
}

/// A parameter of an operation, by name.
fn parameter(operation: &Operation, name: &str) -> Option<Value> {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.find_map(|it| match it {
        RefOr::T(parameter) if parameter.name == name => serde_json::to_value(parameter).ok(),
        _ => None,
    })
}

/// Whether an operation can return a problem of [`ANY`].
fn applies(problem: &Value, operation: &Operation) -> bool {
    match problem["code"].as_str() {
        Some("invalid_json") => operation.request_body.is_some(),
        Some("invalid_cursor") => parameter(operation, "cursor").is_some(),
        // The recorded problem is about a `limit` of at most 100.
        Some("invalid_parameter") => {
            parameter(operation, "limit").is_some_and(|limit| limit["schema"]["maximum"] == 100)
        }
        _ => true,
    }
}

fn example(problem: &Value) -> (String, RefOr<Example>) {
    let code = problem["code"].as_str().unwrap_or_default().to_owned();
    (code, Example::builder().value(Some(problem.clone())).build().into())
}

/// 409: the request conflicts with the state of the records.
pub struct Conflict;

/// 409, and 410: the hold has expired or was released.
pub struct HoldOver;

impl IntoResponses for Conflict {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [problem(409)].into()
    }
}

impl IntoResponses for HoldOver {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        [problem(409), problem(410)].into()
    }
}
