//! The OpenAPI document except the operations: title, tags, security, and what follows for each
//! operation from its method, its parameters and its responses.

mod dates;
mod guide;
mod links;
mod problems;
mod shared;
mod text;
mod texts;
mod webhooks;

use std::collections::HashSet;

use utoipa::{
    PartialSchema as _,
    openapi::{
        Header, HeaderBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, OpenApiBuilder,
        Paths, Ref, RefOr, ResponseBuilder, Schema, SecurityRequirement, ServerBuilder, Type,
        path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use self::problems::problem;
pub use self::{
    dates::move_dates,
    guide::page as page_of_guide,
    problems::{Conflict, HoldOver, Problem},
    text::text,
};
use crate::{
    error::{Blocking, FieldCode, FieldError},
    http::{
        auth::{
            policy::{PolicyRule, Scope},
            principal::Role,
        },
        merge_patch::MERGE_PATCH_JSON,
    },
};

/// The name of the only security scheme.
const BEARER: &str = "bearer";

/// Returns the document without operations.
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
    let guide = guide::link("/guide", "The guide: pages to read beside this document.");
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url("/").description(Some("This service")).build()]))
        .external_docs(Some(guide))
        .security(Some([SecurityRequirement::new::<_, _, String>(BEARER, [])]))
        .build()
}

/// Sets the tag of every operation of a document.
pub fn tag(document: &mut OpenApi, tag: &str) {
    for (_, _, operation) in operations(&mut document.paths) {
        operation.tags = Some(vec![tag.to_owned()]);
    }
}

/// Returns every operation, with its path and its method.
fn operations(paths: &mut Paths) -> impl Iterator<Item = (&str, HttpMethod, &mut Operation)> {
    paths.paths.iter_mut().flat_map(|(path, item)| {
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

/// Adds the common parts of all operations, and the roles that the policy allows to call each.
pub fn complete(document: &mut OpenApi, policy: &[&PolicyRule]) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    components.schemas.insert("FieldError".to_owned(), FieldError::schema());
    components.schemas.insert("FieldCode".to_owned(), FieldCode::schema());
    components.schemas.insert("Blocking".to_owned(), Blocking::schema());
    webhooks::add(document);
    let components = document.components.get_or_insert_default();
    components.schemas.values_mut().for_each(texts::describe);
    components.headers.extend(HEADERS.map(|(name, text)| (name.to_owned(), header(text))));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A JWT from the issuer that the service trusts."));
    components
        .security_schemes
        .insert(BEARER.to_owned(), SecurityScheme::Http(bearer.build()).into());
    for (path, method, operation) in operations(&mut document.paths) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let rule = policy.iter().find(|rule| rule.operation == id);
        let is_public = rule.is_some_and(|rule| rule.is_public());
        if is_public {
            operation.security = Some(vec![]);
        } else if let Some(rule) = rule {
            let description = operation.description.take().unwrap_or_default();
            operation.description = Some(format!("{description}\n\n{}", roles(rule)));
        }
        add_headers(&method, operation);
        add_problems(path, is_public, operation);
        complete_operation(&method, operation);
        problems::add_examples(operation);
    }
    let by_path = operations(&mut document.paths).map(|(path, _, operation)| {
        (path.to_owned(), operation.operation_id.clone().unwrap_or_default())
    });
    let by_path: Vec<_> = by_path.collect();
    links::add(&mut document.paths, &by_path);
    let of_webhooks = document.webhooks.iter_mut().flat_map(operations);
    let every = operations(&mut document.paths).chain(of_webhooks);
    let every = every.map(|(_, _, operation)| operation);
    shared::share(every, document.components.get_or_insert_default());
    drop_unused(document);
}

/// The sentence that names the roles of an operation.
fn roles(rule: &PolicyRule) -> String {
    let of = |scope| {
        let roles = Role::ALL.iter().filter(|role| rule.scope(**role) == Some(scope));
        roles.map(|role| format!("`{}`", role.as_str())).collect::<Vec<_>>().join(", ")
    };
    let scopes = [
        (Scope::Organisation, ""),
        (Scope::OwnClinics, " at their own clinics"),
        (Scope::OwnRecords, " for their own records"),
    ];
    let parts = scopes.map(|(scope, text)| (of(scope), text));
    let parts = parts.iter().filter(|(roles, _)| !roles.is_empty());
    let parts: Vec<_> = parts.map(|(roles, text)| format!("{roles}{text}")).collect();
    format!("**Roles:** {}.", parts.join("; "))
}

/// Adds the headers for retries and preconditions. Every POST can be retried, and every change of a
/// record can have a precondition.
fn add_headers(method: &HttpMethod, operation: &mut Operation) {
    let has = |status: &str| operation.responses.responses.contains_key(status);
    let mut headers = Vec::new();
    if *method == HttpMethod::Post {
        let text = "A unique text, for example a UUID. For 24 hours, the same key has one effect and returns the same response.";
        headers.push(header_parameter("Idempotency-Key", text, "^[!-~]+$"));
    }
    if has("304") {
        let text = "The `ETag` of the record that the caller has. The response is 304 if the record has not changed.";
        headers.push(header_parameter("If-None-Match", text, ENTITY_TAGS));
    }
    if *method != HttpMethod::Get && !has("201") {
        let text = "The `ETag` of the record that the caller has read. The response is 412 if the record has changed.";
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
    // Without an example: Swagger UI would send it.
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .description(Some(text))
        .schema(Some(schema))
        .build()
}

/// Adds the errors that follow from the request. Each operation declares those that follow from the
/// state of its records.
fn add_problems(path: &str, is_public: bool, operation: &mut Operation) {
    let parameters = operation.parameters.iter().flatten();
    let names: Vec<&str> = parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter.name.as_str()),
            RefOr::Ref(_) => None,
        })
        .collect();
    let has_body = operation.request_body.is_some();
    let mut statuses = vec![500];
    let mut add = |applies: bool, added: &[u16]| {
        if applies {
            statuses.extend_from_slice(added);
        }
    };
    // The limits of requests do not apply to probes, and only one of them reads the table.
    add(!is_public || path == "/readyz", &[503]);
    add(!is_public, &[401, 403, 429]);
    add(!names.is_empty() || has_body, &[400]);
    add(path.contains('{'), &[404]);
    add(has_body, &[408, 413, 415, 422]);
    add(names.contains(&"If-Match"), &[412]);
    let responses = &mut operation.responses.responses;
    for status in statuses {
        let (status, problem) = problem(status);
        responses.entry(status).or_insert(problem);
    }
}

/// Removes schemas without references, such as those of items that pages contain inline.
fn drop_unused(document: &mut OpenApi) {
    let Ok(text) = serde_json::to_string(document) else { return };
    let references = text.split("\"#/components/schemas/").skip(1);
    let used: HashSet<&str> = references.filter_map(|rest| rest.split('"').next()).collect();
    let components = document.components.get_or_insert_default();
    components.schemas.retain(|name, _| used.contains(name.as_str()));
}

fn complete_operation(method: &HttpMethod, operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        // An optional body can be absent but not null.
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
    // The HTTP server itself returns 431, before routing, so it has no problem.
    let headers_too_large = ResponseBuilder::new()
        .description("The request has too many or too large headers. The response has no body.");
    let responses = &mut operation.responses.responses;
    if *method == HttpMethod::Post
        && let Some(RefOr::T(invalid)) = responses.get_mut("422")
    {
        invalid.description += " Or the `Idempotency-Key` was used with a different request.";
    }
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
        for name in further {
            response.headers.insert((*name).to_owned(), header_of(name));
        }
        for (name, described) in &mut response.headers {
            *described = header_of(name);
        }
    }
}

/// Replaces a `oneOf` of a schema and null with the schema.
fn not_null(body: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::OneOf(either)) = body
        && let Some(RefOr::Ref(only)) =
            either.items.iter().find(|item| matches!(item, RefOr::Ref(_)))
    {
        *body = RefOr::Ref(only.clone());
    }
}

/// The headers of responses.
const HEADERS: [(&str, &str); 6] = [
    ("ETag", "The record's revision, for `If-Match` and `If-None-Match`."),
    ("Location", "The path of the new record."),
    ("Retry-After", "The number of seconds to wait before a retry."),
    ("WWW-Authenticate", "The required credentials, and what is wrong with those sent (RFC 6750)."),
    (
        "RateLimit",
        "For each limit: the remaining requests (`r`), and the seconds until all are available again (`t`).",
    ),
    ("RateLimit-Policy", "For each limit: the allowed requests (`q`) per window in seconds (`w`)."),
];

fn header(text: &str) -> RefOr<Header> {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().description(Some(text)).schema(Some(schema)).build().into()
}

fn header_of(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}
