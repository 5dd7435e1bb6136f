//! What the OpenAPI document says beside the operations: title, tags, security, headers, and what belongs to each of them.

mod links;
mod problems;
mod texts;
mod webhooks;

use std::collections::HashSet;

use utoipa::{
    PartialSchema as _,
    openapi::{
        Header, HeaderBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, OpenApiBuilder,
        RefOr, ResponseBuilder, Schema, SecurityRequirement, ServerBuilder, Type,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};

use self::problems::problem;
pub use self::problems::{
    ActProblems, AnyProblems, BookProblems, CreateProblems, CreateUnderProblems,
    CreateUniqueProblems, DeleteGuardedProblems, DeleteProblems, HoldProblems, ListProblems,
    Problem, ReadProblems, UpdateProblems, UpdateStateProblems,
};
use crate::error::{Blocking, FieldError};

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
            tag("webhooks", "Who is told of what happens, and what they were told."),
            tag("audit", "Who changed what, and when."),
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
    webhooks::add(document);
    let components = document.components.get_or_insert_default();
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
    drop_unused(document);
}

/// Drops the schemas that nothing refers to: pages hold what they list.
fn drop_unused(document: &mut OpenApi) {
    let Ok(text) = serde_json::to_string(document) else { return };
    let references = text.split("\"#/components/schemas/").skip(1);
    let used: HashSet<&str> = references.filter_map(|rest| rest.split('"').next()).collect();
    let components = document.components.get_or_insert_default();
    components.schemas.retain(|name, _| used.contains(name.as_str()));
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
        "webhook_id" => Some("The webhook."),
        "delivery_id" => Some("The delivery, to that webhook."),
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
