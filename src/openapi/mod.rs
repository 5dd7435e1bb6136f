//! The OpenAPI document besides the operations: title, tags, security, and what follows for each operation from its method, its
//! parameters and its responses.

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
        path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use self::problems::problem;
pub use self::problems::{Conflict, HoldOver, Problem};
use crate::{
    error::{Blocking, FieldError},
    http::merge_patch::MERGE_PATCH_JSON,
};

/// The name of the one way to tell who calls.
const BEARER: &str = "bearer";

/// The document before the operations are in it.
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
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url("/").description(Some("This service")).build()]))
        .security(Some([SecurityRequirement::new::<_, _, String>(BEARER, [])]))
        .build()
}

/// Gives every operation of a document one tag.
pub fn tag(document: &mut OpenApi, tag: &str) {
    for (_, _, operation) in operations(document) {
        operation.tags = Some(vec![tag.to_owned()]);
    }
}

/// Every operation, with its path and its method.
fn operations(document: &mut OpenApi) -> impl Iterator<Item = (&str, HttpMethod, &mut Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ];
        let path = path.as_str();
        operations.into_iter().filter_map(move |(method, it)| Some((path, method, it.as_mut()?)))
    })
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
    for (path, method, operation) in operations(document) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let is_public = public.contains(&id);
        if is_public {
            operation.security = Some(vec![]);
        }
        add_headers(&method, operation);
        add_problems(path, &method, is_public, operation);
        complete_operation(&method, operation);
    }
    let by_path = operations(document).map(|(path, _, operation)| {
        (path.to_owned(), operation.operation_id.clone().unwrap_or_default())
    });
    let by_path: Vec<_> = by_path.collect();
    links::add(&mut document.paths, &by_path);
    drop_unused(document);
}

/// Adds the headers of retries and preconditions: every POST may be retried, every change of a record may have a precondition.
fn add_headers(method: &HttpMethod, operation: &mut Operation) {
    let has = |status: &str| operation.responses.responses.contains_key(status);
    let mut headers = Vec::new();
    if *method == HttpMethod::Post {
        let text = "Any unique text. The same key has one effect and the same answer for 24 hours.";
        headers.push(header_parameter("Idempotency-Key", text, "^[!-~]+$"));
    }
    if has("304") {
        let text =
            "The `ETag` of the record as the caller has it; 304 if it has not changed since.";
        headers.push(header_parameter("If-None-Match", text, ENTITY_TAGS));
    }
    if *method != HttpMethod::Get && !has("201") {
        let text = "The `ETag` of the record as the caller knows it; 412 if it has changed since.";
        headers.push(header_parameter("If-Match", text, ENTITY_TAGS));
    }
    if !headers.is_empty() {
        operation.parameters.get_or_insert_default().extend(headers.into_iter().map(RefOr::T));
    }
}

/// Entity tags (RFC 9110, section 8.8.3).
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$"#;

fn header_parameter(name: &str, text: &str, pattern: &str) -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    let tags = pattern == ENTITY_TAGS;
    let schema = if tags { schema } else { schema.min_length(Some(1)).max_length(Some(255)) };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .description(Some(text))
        .schema(Some(schema))
        .example(tags.then(|| "\"3\"".into()))
        .build()
}

/// Adds the problems that follow from the request. An operation names those that follow from the state of its records.
fn add_problems(path: &str, method: &HttpMethod, is_public: bool, operation: &mut Operation) {
    let parameters = operation.parameters.iter().flatten();
    let names: Vec<&str> = parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter.name.as_str()),
            RefOr::Ref(_) => None,
        })
        .collect();
    let has_body = operation.request_body.is_some();
    let mut statuses = vec![500, 503];
    let mut add = |applies: bool, added: &[u16]| {
        if applies {
            statuses.extend_from_slice(added);
        }
    };
    add(!is_public, &[401, 403, 429]);
    add(!names.is_empty() || has_body, &[400]);
    add(path.contains('{'), &[404]);
    add(has_body, &[408, 413, 415, 422]);
    add(*method == HttpMethod::Post, &[422]);
    add(names.contains(&"If-Match"), &[412]);
    let responses = &mut operation.responses.responses;
    for status in statuses {
        let (status, problem) = problem(status);
        responses.entry(status).or_insert(problem);
    }
}

/// Drops the schemas that nothing refers to: pages hold what they list.
fn drop_unused(document: &mut OpenApi) {
    let Ok(text) = serde_json::to_string(document) else { return };
    let references = text.split("\"#/components/schemas/").skip(1);
    let used: HashSet<&str> = references.filter_map(|rest| rest.split('"').next()).collect();
    let components = document.components.get_or_insert_default();
    components.schemas.retain(|name, _| used.contains(name.as_str()));
}

fn complete_operation(method: &HttpMethod, operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        // A body that may be left out is still never null.
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content {
                content.schema.iter_mut().for_each(not_null);
            }
        }
        if *method == HttpMethod::Patch
            && let Some(content) = body.content.get("application/json").cloned()
        {
            body.content.insert(MERGE_PATCH_JSON.to_owned(), content);
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
