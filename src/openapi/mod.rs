//! What the OpenAPI document says beside the operations: title, tags, the problem schema, and which problems an
//! operation of each kind can answer.

mod links;
mod texts;

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, PartialSchema as _, ToSchema,
    openapi::{
        ContentBuilder, Header, HeaderBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
        OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder, Schema, SecurityRequirement,
        ServerBuilder, Type,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
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

/// The name of the one way to tell who calls.
const BEARER: &str = "bearer";

/// The document before the operations are in it.
#[must_use]
pub fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("clinic-api")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("description.md")))
        .license(Some(
            LicenseBuilder::new()
                .name(env!("CARGO_PKG_LICENSE"))
                .identifier(Some(env!("CARGO_PKG_LICENSE")))
                .build(),
        ));
    let tag = |name: &str, text: &str| TagBuilder::new().name(name).description(Some(text)).build();
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url("/").description(Some("This service")).build()]))
        .security(Some([SecurityRequirement::new::<_, _, String>(BEARER, [])]))
        .tags(Some([
            tag("clinics", "Where, in which time zone, and open when."),
            tag("staff", "Who works at a clinic and can be booked there."),
            tag("patients", "Who appointments are made for, at all clinics of the organisation."),
            tag("resources", "The rooms and the equipment that appointments need."),
            tag("visit types", "What staff give, how long it takes, and what it needs around it."),
            tag("working time", "Closed days, leave, extra days."),
            tag("appointments", "Held, booked, moved, taken along their status life, cancelled."),
            tag("availability", "What is free, and what a day looks like."),
            tag("operations", "For those who run the service."),
        ]))
        .build()
}

/// Adds what belongs to every operation; those of the ids in `public` ask nobody who they are.
pub fn complete(document: &mut OpenApi, public: &[&str]) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    components.schemas.insert("FieldError".to_owned(), FieldError::schema());
    components.schemas.insert("Blocking".to_owned(), Blocking::schema());
    components.schemas.values_mut().for_each(texts::describe);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A JWT of the issuer that the service trusts."));
    components
        .security_schemes
        .insert(BEARER.to_owned(), SecurityScheme::Http(bearer.build()).into());
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let id = operation.operation_id.as_deref().unwrap_or_default();
            if public.contains(&id) {
                operation.security = Some(vec![]);
            } else {
                operation.responses.responses.extend([401, 403, 429].map(problem));
            }
            complete_operation(operation);
            links::add(operation);
        }
    }
}

fn complete_operation(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.description.is_none()
        {
            parameter.description = describe_parameter(&parameter.name).map(str::to_owned);
        }
    }
    // A body that may be left out is still never null.
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content {
                content.schema.iter_mut().for_each(not_null);
            }
        }
    }
    // The HTTP server's own answer, before there is a route, and so without a problem.
    let headers_too_large = ResponseBuilder::new()
        .description("The request's headers are too many or too large. The answer has no body.");
    let responses = &mut operation.responses.responses;
    responses.insert("431".to_owned(), RefOr::T(headers_too_large.build()));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let further: &[&str] = match status.as_str() {
            "304" | "412" => &["ETag"],
            "401" | "403" => &["WWW-Authenticate"],
            "429" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
            "503" => &["Retry-After"],
            _ => &[],
        };
        let id = (status != "431").then_some("X-Request-Id");
        for name in id.into_iter().chain(further.iter().copied()) {
            response.headers.insert(name.to_owned(), header(name));
        }
        for (name, described) in &mut response.headers {
            *described = header(name);
        }
    }
}

/// Of a schema beside null, the schema.
fn not_null(body: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::OneOf(either)) = body
        && let Some(RefOr::Ref(only)) =
            either.items.iter().find(|item| matches!(item, RefOr::Ref(_)))
    {
        *body = RefOr::Ref(only.clone());
    }
}

fn describe_parameter(name: &str) -> Option<&'static str> {
    match name {
        "clinic_id" => Some("The clinic."),
        "staff_id" => Some("The staff member, one of the clinic's."),
        "patient_id" => Some("The patient."),
        "resource_id" => Some("The resource, one of the clinic's."),
        "visit_type_id" => Some("The visit type, one of the clinic's."),
        "exception_id" => Some("The exception, one of the clinic's."),
        "date" => Some("The day of the clinic's calendar."),
        "appointment_id" => Some("The appointment, at the clinic where it takes place."),
        _ => None,
    }
}

fn header(name: &str) -> RefOr<Header> {
    let text = match name {
        "ETag" => "The record's revision, for `If-Match` and `If-None-Match`.",
        "Location" => "The path of what was made.",
        "Retry-After" => "In how many seconds to try again.",
        "WWW-Authenticate" => {
            "Which credentials are asked for, and what is wrong with those sent (RFC 6750)."
        }
        "RateLimit" => {
            "How many requests are left, and in how many seconds all are again, of each limit."
        }
        "RateLimit-Policy" => "How many requests there may be in how many seconds, of each limit.",
        _ => "The request's id: the caller's, if it sent a well-formed one.",
    };
    let schema = ObjectBuilder::new().schema_type(Type::String);
    let header = HeaderBuilder::new().description(Some(text)).schema(Some(schema));
    RefOr::T(header.build())
}

/// What each status means where an operation lists it, and an error that has it.
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

fn problem(status: u16) -> (String, RefOr<Response>) {
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

macro_rules! problems {
    ($($(#[$meta:meta])* $name:ident: $($status:literal)*;)*) => {$(
        $(#[$meta])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($status),*].map(problem).into()
            }
        }
    )*};
}

problems! {
    /// What anything can answer.
    AnyProblems: 500 503;
    /// What a list or a search under no other record can answer.
    ListProblems: 400 500 503;
    /// What reading a record, or a list under one, can answer.
    ReadProblems: 400 404 500 503;
    /// What making a record can answer.
    CreateProblems: 400 408 413 415 422 500 503;
    /// What making a record that must be the only one of its kind can answer.
    CreateUniqueProblems: 400 408 409 413 415 422 500 503;
    /// What making a record under another can answer.
    CreateUnderProblems: 400 404 408 413 415 422 500 503;
    /// What booking can answer.
    BookProblems: 400 404 408 409 413 415 422 500 503;
    /// What confirming or releasing a hold can answer besides.
    HoldProblems: 410;
    /// What changing a record can answer.
    UpdateProblems: 400 404 408 412 413 415 422 500 503;
    /// What changing a record whose state may not allow it can answer.
    UpdateStateProblems: 400 404 408 409 412 413 415 422 500 503;
    /// What deleting a record can answer.
    DeleteProblems: 400 404 412 500 503;
    /// What deleting a record that others may need can answer.
    DeleteGuardedProblems: 400 404 409 412 500 503;
}
