//! The schema of a problem, and the problems of a status.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type},
};

use crate::error::{Blocking, ErrorCode, FieldError};

/// An error, as RFC 9457 has it, with our own members.
#[derive(ToSchema)]
#[schema(example = json!({
    "type": "/problems/staff_busy",
    "title": "The staff member is taken at that time",
    "status": 409,
    "detail": "Another appointment of the staff member overlaps. Nothing was written.",
    "code": "staff_busy",
    "request_id": "7k2m9q0a4d",
    "nearest_free": ["2027-03-02T09:30:00+01:00"]
}))]
#[expect(dead_code, reason = "the schema of what http::problem renders")]
pub struct Problem {
    /// Where the problem is explained.
    r#type: String,
    /// What is wrong in general.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// What is wrong, for programs; `/problems` explains each.
    #[schema(schema_with = codes)]
    code: String,
    /// The request's id, as in `X-Request-Id`.
    request_id: String,
    /// The fields or parameters that are wrong.
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// With a 409 of a time that can't be had: up to three free starts nearest to the wanted one.
    #[schema(required = false)]
    nearest_free: Vec<jiff::Timestamp>,
    /// With a 409 of a time that can't be had: who or what stands in the way.
    blocking: Option<Blocking>,
    /// With `invalid_transition`: the status that the appointment is in.
    current_status: Option<String>,
}

fn codes() -> utoipa::openapi::schema::Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(ErrorCode::ALL.iter().map(|code| code.as_str())))
        .build()
}

/// The meaning of a status, and an example of an error that has it.
fn describe(status: u16) -> (&'static str, ErrorCode, &'static str) {
    match status {
        400 => (
            "The path, the query, a header or the body's syntax is wrong.",
            ErrorCode::InvalidParameter,
            "limit must be between 1 and 100",
        ),
        401 => (
            "There is no token, or it is refused; `detail` says why.",
            ErrorCode::Unauthenticated,
            "The token is refused: it has expired.",
        ),
        403 => (
            "The caller's roles do not allow this operation.",
            ErrorCode::Forbidden,
            "The caller's roles do not allow this operation.",
        ),
        404 => (
            "There is no such record, or it is not the caller's to see.",
            ErrorCode::NotFound,
            "There is no such record, or it is not yours to see.",
        ),
        408 => (
            "The body took too long to arrive.",
            ErrorCode::RequestTimeout,
            "Nothing was written; send it again.",
        ),
        409 => (
            "The state of the records does not allow it; `code` says why.",
            ErrorCode::InvalidTransition,
            "The appointment is cancelled and can't become confirmed. Nothing was written.",
        ),
        410 => (
            "The hold is over.",
            ErrorCode::HoldExpired,
            "The hold is over, or was released: hold or book another time. Nothing was written.",
        ),
        412 => (
            "`If-Match` does not name the record's current ETag.",
            ErrorCode::PreconditionFailed,
            "The record is at ETag \"4\"; read it again and decide anew.",
        ),
        413 => (
            "The body, or what would be stored, is too large.",
            ErrorCode::BodyTooLarge,
            "A body has at most 64 KiB.",
        ),
        415 => (
            "The body is of a type that is not taken here.",
            ErrorCode::UnsupportedMediaType,
            "Send application/json.",
        ),
        422 => (
            "The body breaks a rule (`errors` has a pointer for each field), or the Idempotency-Key was used for another request.",
            ErrorCode::ValidationFailed,
            "/name is required",
        ),
        429 => (
            "Too many requests of the caller, their organisation or their address: try again after `Retry-After`.",
            ErrorCode::RateLimited,
            "Too many requests of this principal; see Retry-After.",
        ),
        503 => (
            "The database or the issuer can't be reached, the database limits its rate, too many requests are under way or write the same records, or the request took too long: try again after `Retry-After`.",
            ErrorCode::Throttled,
            "Try again, with the same Idempotency-Key if there was one.",
        ),
        _ => (
            "Something went wrong on our side.",
            ErrorCode::InternalError,
            "The error is in our log under this request id.",
        ),
    }
}

pub(super) fn problem(status: u16) -> (String, RefOr<Response>) {
    let (description, code, detail) = describe(status);
    let example = serde_json::json!({
        "type": format!("/problems/{}", code.as_str()),
        "title": code.title(),
        "status": status,
        "detail": detail,
        "code": code.as_str(),
        "request_id": "7k2m9q0a4d",
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(example))
        .build();
    let response = ResponseBuilder::new().description(description);
    (status.to_string(), RefOr::T(response.content("application/problem+json", content).build()))
}

/// 409: the state of the records does not allow it.
pub struct Conflict;

/// 410: the hold is over.
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
