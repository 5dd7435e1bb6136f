//! The routes of the API and of its documentation.

use axum::{Router, body::Bytes, http::header, response::IntoResponse, routing::get};
use utoipa::openapi::{OpenApi, Tag};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    aggregate::{Aggregate, Schemas},
    aggregates,
    app::AppState,
    error::{ApiError, ApiResult},
    http::ApiPath,
    openapi,
};

/// Every operation, with the document that describes them.
pub fn api() -> (Router<AppState>, OpenApi) {
    let mut api = OpenApiRouter::with_openapi(openapi::document());
    let mut tags: Vec<Tag> = Vec::new();
    let mut schemas = Schemas::default();
    for Aggregate { tag: (name, description), routes, schemas: add, .. } in aggregates::ALL {
        let mut routes = routes();
        openapi::tag(routes.get_openapi_mut(), name);
        api = api.merge(routes);
        if !tags.iter().any(|tag| tag.name == *name) {
            tags.push(Tag::builder().name(*name).description(Some(*description)).build());
        }
        add(&mut schemas);
    }
    let (router, mut document) = api.split_for_parts();
    document.tags = Some(tags);
    document.components.get_or_insert_default().schemas.extend(schemas.0);
    let public = aggregates::policy().filter(|rule| rule.is_public()).map(|rule| rule.operation);
    openapi::complete(&mut document, &public.collect::<Vec<_>>());
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
