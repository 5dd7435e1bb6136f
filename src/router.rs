//! The routes of the API and of its documentation.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, header},
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use utoipa::openapi::{OpenApi, Tag};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    aggregate::{Aggregate, Schemas},
    aggregates,
    app::AppState,
    error::ApiResult,
    guide,
    http::{
        ApiPath,
        problem::{method_not_allowed, no_route},
        published::publish,
    },
    openapi,
    time::utc_date,
};

/// Returns the routes of every operation, and the OpenAPI document that describes them.
pub fn api() -> (Router<AppState>, OpenApi) {
    let mut api = OpenApiRouter::with_openapi(openapi::document());
    let mut tags: Vec<Tag> = Vec::new();
    let mut schemas = Schemas::default();
    for Aggregate { tag: (name, description), routes, guide, schemas: add, .. } in aggregates::ALL {
        let mut routes = routes();
        openapi::tag(routes.get_openapi_mut(), name);
        api = api.merge(routes);
        if !tags.iter().any(|tag| tag.name == *name) {
            let page = guide.map(openapi::page_of_guide);
            let tag = Tag::builder().name(*name).description(Some(*description));
            tags.push(tag.external_docs(page).build());
        }
        add(&mut schemas);
    }
    let (router, mut document) = api.split_for_parts();
    document.tags = Some(tags);
    document.components.get_or_insert_default().schemas.extend(schemas.0);
    openapi::complete(&mut document, &aggregates::policy().collect::<Vec<_>>());
    (router, document)
}

/// Returns the routes of the OpenAPI document, Swagger UI, the guide, and the explanations of problems.
pub fn documentation(document: &OpenApi) -> Router<AppState> {
    let swagger_ui = SwaggerUi::new("/docs").config(
        Config::from("/openapi.json")
            .try_it_out_enabled(true)
            .display_request_duration(true)
            .filter(true)
            .persist_authorization(true)
            .doc_expansion("none")
            .default_models_expand_depth(0),
    );
    let json = serde_json::to_string(document).unwrap_or_default();
    let yaml = serde_saphyr::to_string(document).unwrap_or_default();
    let pages = Router::new()
        .merge(swagger_ui)
        .route("/openapi.json", served("application/json", json))
        .route("/openapi.yaml", served("application/yaml", yaml))
        .route(guide::PATH, get(async || markdown(guide::index())))
        .route("/guide/{page}", get(get_page))
        .route("/problems", get(async || page("errors.md")))
        .route("/problems/{code}", get(get_problem));
    publish(pages)
        .route("/", get(async || axum::response::Redirect::temporary("/docs/")))
        .method_not_allowed_fallback(async || method_not_allowed(&[Method::GET]))
}

/// Serves a text of the document.
fn served(content_type: &'static str, text: String) -> MethodRouter<AppState> {
    let served = Arc::new(Served { text, current: Mutex::default() });
    get(async move |State(app): State<AppState>| {
        ([(header::CONTENT_TYPE, content_type)], served.on(app.now()))
    })
}

/// A text of the document, whose examples move with the date.
struct Served {
    text: String,
    /// The text of the latest date for which it was requested.
    current: Mutex<(Date, Bytes)>,
}

impl Served {
    /// Returns the text for the UTC date of an instant. All responses of a date share it.
    fn on(&self, now: Timestamp) -> Bytes {
        let today = utc_date(now);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 != today {
            *current = (today, openapi::move_dates(&self.text, today).into());
        }
        current.1.clone()
    }
}

fn markdown(text: impl Into<Cow<'static, str>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text.into())
}

fn page(name: &str) -> ApiResult<impl IntoResponse + use<>> {
    guide::page(name).map(markdown).ok_or_else(no_route)
}

#[derive(Deserialize)]
struct PagePath {
    page: String,
}

async fn get_page(ApiPath(PagePath { page: name }): ApiPath<PagePath>) -> impl IntoResponse {
    page(&name)
}

#[derive(Deserialize)]
struct ProblemPath {
    code: String,
}

async fn get_problem(
    ApiPath(ProblemPath { code }): ApiPath<ProblemPath>,
) -> ApiResult<impl IntoResponse> {
    guide::problem(&code).map(markdown).ok_or_else(no_route)
}
