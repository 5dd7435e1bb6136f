//! Renders every error response as a problem with the request's id, including those from axum.

use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use problem_details::ProblemDetails;

use super::{body, request_id::RequestId};
use crate::error::{ApiError, ErrorCode, PendingProblem};

/// The content type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Renders every error response as a problem.
pub async fn render(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.public.clone());
    let is_read = request.method().is_safe();
    let mut response = next(request).await;
    let mut pending = response.extensions_mut().remove::<PendingProblem>();
    // An error from axum or a layer is not a problem yet.
    if pending.is_none()
        && let Some(foreign) = foreign(response.status())
    {
        let (mut parts, _) = foreign.into_response().into_parts();
        pending = parts.extensions.remove();
        for (name, value) in &parts.headers {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    let Some(mut pending) = pending else {
        return response;
    };
    if is_read && let Some(detail) = detail_of_read(pending.code) {
        detail.clone_into(&mut pending.detail);
    }
    let (mut parts, _) = response.into_parts();
    let pending = PendingProblem { request_id: id.unwrap_or_default(), ..pending };
    let bytes = json(pending, parts.status);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, bytes.into())
}

/// The detail for a request that writes nothing, if the usual one is about writes.
fn detail_of_read(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::StoreUnreachable => {
            Some("The database failed or did not respond. Retry after the time in Retry-After.")
        }
        ErrorCode::Throttled => {
            Some("The database throttled the request. Retry after the time in Retry-After.")
        }
        ErrorCode::DeadlineExceeded => {
            Some("The request exceeded its deadline. Retry after the time in Retry-After.")
        }
        _ => None,
    }
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

/// Returns the 404 of a path that the service does not have.
pub fn no_route() -> ApiError {
    ApiError::new(ErrorCode::NoRoute, "The service has no such path. See /docs for the paths.")
}

/// Returns the 405 of a path with these methods. The router adds `Allow`.
pub fn method_not_allowed(methods: &[Method]) -> ApiError {
    // GET answers HEAD as well.
    let head = methods.contains(&Method::GET).then_some(Method::HEAD);
    let mut names: Vec<_> = methods.iter().chain(&head).map(Method::as_str).collect();
    names.sort_unstable();
    let detail = format!("This path has the methods {}.", names.join(", "));
    ApiError::new(ErrorCode::MethodNotAllowed, detail)
}

/// Returns the code of the problem that an error response is or will be rendered as.
pub(super) fn code(response: &Response) -> Option<ErrorCode> {
    let pending = response.extensions().get::<PendingProblem>().map(|problem| problem.code);
    pending.or_else(|| foreign(response.status()).map(|error| error.code()))
}

/// Returns the error for an error response that no handler created.
fn foreign(status: StatusCode) -> Option<ApiError> {
    let error = match status {
        StatusCode::NOT_FOUND => no_route(),
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = "The path does not support this method. The Allow header lists the supported methods.";
            ApiError::new(ErrorCode::MethodNotAllowed, detail)
        }
        StatusCode::PAYLOAD_TOO_LARGE => body::too_large(),
        StatusCode::SERVICE_UNAVAILABLE => ApiError::new(
            ErrorCode::DeadlineExceeded,
            "The request exceeded its deadline, and whether a change was written is not known. Retry, with the same Idempotency-Key if you sent one.",
        )
        .retry_later(),
        status if status.is_client_error() => {
            ApiError::new(ErrorCode::InvalidParameter, "The request is malformed. Check its path, query and headers.")
        }
        status if status.is_server_error() => ApiError::internal(),
        _ => return None,
    };
    Some(error)
}
