//! The last middleware on the way out: every error leaves as a problem with its request's id, whoever made it.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use problem_details::ProblemDetails;
use serde::Serialize;

use super::request_id::RequestId;
use crate::error::{ApiError, ErrorCode, PendingProblem, ProblemMembers};

/// The content type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

#[derive(Serialize)]
struct Members {
    #[serde(flatten)]
    known: ProblemMembers,
    request_id: String,
}

/// Makes a problem of every error response.
pub async fn render(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.public.clone());
    let mut response = next.run(request).await;
    let pending = response.extensions_mut().remove::<PendingProblem>();
    let pending = pending.or_else(|| foreign(response.status()));
    let Some(pending) = pending else {
        return response;
    };
    let (parts, _) = response.into_parts();
    let mut rendered = body(pending, parts.status, id.unwrap_or_default());
    for (name, value) in parts.headers {
        if let Some(name) = name
            && name != header::CONTENT_TYPE
            && name != header::CONTENT_LENGTH
        {
            rendered.headers_mut().insert(name, value);
        }
    }
    rendered
}

fn body(pending: PendingProblem, status: StatusCode, request_id: String) -> Response {
    let code = pending.code;
    let kind = format!("/problems/{}", code.as_str()).parse::<Uri>().unwrap_or_default();
    let problem = ProblemDetails::from_status_code(status)
        .with_type(kind)
        .with_title(code.title())
        .with_detail(pending.detail)
        .with_extensions(Members { known: pending.members, request_id });
    let bytes = serde_json::to_vec(&problem).unwrap_or_default();
    let content_type = HeaderValue::from_static(PROBLEM_JSON);
    (status, [(header::CONTENT_TYPE, content_type)], bytes).into_response()
}

/// The problem of an error response that no handler of ours made.
fn foreign(status: StatusCode) -> Option<PendingProblem> {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => (ErrorCode::NoRoute, "See /docs for the paths there are."),
        StatusCode::METHOD_NOT_ALLOWED => {
            (ErrorCode::MethodNotAllowed, "The Allow header names the methods there are.")
        }
        StatusCode::REQUEST_TIMEOUT => {
            (ErrorCode::RequestTimeout, "Whether a change was written is not known.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => (ErrorCode::BodyTooLarge, "A body has at most 64 KiB."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (ErrorCode::UnsupportedMediaType, "Send application/json.")
        }
        status if status.is_client_error() => {
            (ErrorCode::InvalidParameter, "The request can't be understood.")
        }
        status if status.is_server_error() => {
            (ErrorCode::InternalError, "The error is in our log under this request id.")
        }
        _ => return None,
    };
    let mut response = ApiError::new(code, detail).into_response();
    response.extensions_mut().remove()
}
