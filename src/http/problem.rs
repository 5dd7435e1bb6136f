//! The last middleware on the way out: every error leaves as a problem with its request's id, whoever made it.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use problem_details::ProblemDetails;

use super::{body, request_id::RequestId};
use crate::error::{ApiError, ErrorCode, PendingProblem};

/// The content type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Makes a problem of every error response.
pub async fn render(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.public.clone());
    let mut response = next(request).await;
    let mut pending = response.extensions_mut().remove::<PendingProblem>();
    // Made by axum or by a layer, which know nothing of problems.
    if pending.is_none()
        && let Some(foreign) = foreign(response.status())
    {
        let (mut parts, _) = foreign.into_response().into_parts();
        pending = parts.extensions.remove();
        for (name, value) in &parts.headers {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    let Some(pending) = pending else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    let pending = PendingProblem { request_id: id.unwrap_or_default(), ..pending };
    let bytes = json(pending, parts.status);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, bytes.into())
}

fn json(mut pending: PendingProblem, status: StatusCode) -> Vec<u8> {
    let code = pending.code;
    let kind = format!("/problems/{}", code.as_str()).parse::<Uri>().unwrap_or_default();
    let problem = ProblemDetails::from_status_code(status)
        .with_type(kind)
        .with_title(code.title())
        .with_detail(std::mem::take(&mut pending.detail))
        .with_extensions(pending);
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// The code that the problem of an error response has, or will have once it is rendered.
pub(super) fn code(response: &Response) -> Option<ErrorCode> {
    let pending = response.extensions().get::<PendingProblem>().map(|problem| problem.code);
    pending.or_else(|| foreign(response.status()).map(|error| error.code()))
}

/// The error that an error response stands for which no handler of ours made.
fn foreign(status: StatusCode) -> Option<ApiError> {
    let error = match status {
        StatusCode::NOT_FOUND => {
            ApiError::new(ErrorCode::NoRoute, "See /docs for the paths there are.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = "The Allow header names the methods there are.";
            ApiError::new(ErrorCode::MethodNotAllowed, detail)
        }
        StatusCode::PAYLOAD_TOO_LARGE => body::too_large(),
        StatusCode::SERVICE_UNAVAILABLE => ApiError::new(
            ErrorCode::DeadlineExceeded,
            "Whether a change was written is not known; try again with the same Idempotency-Key.",
        )
        .retry_later(),
        status if status.is_client_error() => {
            ApiError::new(ErrorCode::InvalidParameter, "The request can't be understood.")
        }
        status if status.is_server_error() => ApiError::internal(),
        _ => return None,
    };
    Some(error)
}
