//! Who calls, and what they may do: decided before any handler, for every operation, by one policy.

pub mod claims;
pub mod development;
mod fetch;
pub mod grant;
pub mod keys;
pub mod policy;
pub mod principal;
pub mod token;

use std::{collections::HashMap, sync::Arc};

use axum::{
    RequestPartsExt as _,
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    response::{IntoResponse as _, Response},
};
pub use grant::Grant;
pub use principal::{Principal, Role};
use utoipa::openapi::OpenApi;

use self::{
    policy::{PUBLIC, Row},
    token::TokenError,
};
use super::rate::{self, Standing};
use crate::{
    app::AppState,
    error::{ApiError, ErrorCode},
};

/// What stands before every operation.
#[derive(Clone)]
pub struct Guard {
    app: AppState,
    rules: Rules,
}

/// Which rule is for which operation: by path, and then by method. Clones share them.
#[derive(Clone)]
pub struct Rules(Arc<HashMap<String, HashMap<Method, Rule>>>);

#[derive(Debug, Clone, Copy)]
enum Rule {
    Public,
    Policy(&'static Row),
    /// The policy does not know it.
    Closed,
}

impl Rules {
    /// The rules for the operations of a document.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let mut rules: HashMap<_, HashMap<_, _>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                let id = operation.operation_id.as_deref().unwrap_or_default();
                let rule = match Row::of(id) {
                    Some(row) => Rule::Policy(row),
                    None if PUBLIC.contains(&id) => Rule::Public,
                    None => Rule::Closed,
                };
                rules.entry(path.clone()).or_default().insert(method, rule);
            }
        }
        Self(Arc::new(rules))
    }
}

impl Guard {
    /// A guard that applies these rules.
    #[must_use]
    pub fn new(app: AppState, rules: Rules) -> Self {
        Self { app, rules }
    }

    fn rule(&self, request: &Request) -> Option<Rule> {
        // HEAD is answered by the handlers of GET.
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            other => other,
        };
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        self.rules.0.get(path)?.get(method).copied()
    }
}

/// Lets a request pass to its handler if the policy grants what it asks for.
pub async fn authorise(
    guard: &Guard,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let row = match guard.rule(&request) {
        // No operation: the router says which methods there are.
        None | Some(Rule::Public) => return next(request).await,
        Some(Rule::Policy(row)) => Some(row),
        Some(Rule::Closed) => None,
    };
    let (mut parts, body) = request.into_parts();
    let mut standing = Standing::default();
    let mut response = match admit(&guard.app, row, &mut parts, &mut standing).await {
        Ok(grant) => {
            parts.extensions.insert(grant);
            next(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refusal.into_response(),
    };
    standing.tell(response.headers_mut());
    response
}

async fn admit(
    app: &AppState,
    row: Option<&'static Row>,
    parts: &mut Parts,
    standing: &mut Standing,
) -> Result<Grant, ApiError> {
    let rates = app.rates();
    if let Some(address) = rate::client_address(parts, rates.trusted_proxies()) {
        rates.charge_address(address, standing)?;
    }
    let token = bearer(&parts.headers)?;
    let authenticated = app.authenticator().authenticate(token, app.now()).await;
    let principal = authenticated.map_err(refused)?;
    rates.charge(&principal, standing)?;
    let row = row.ok_or_else(forbidden)?;
    let scope = row.scope_of(&principal).ok_or_else(forbidden)?;
    let grant = Grant::new(row.operation, principal, scope);
    let named = parts.extract::<RawPathParams>().await;
    let named = named.map_err(|_| {
        ApiError::new(ErrorCode::InvalidParameter, "A part of the path is malformed.")
    })?;
    let part = |name: &str| named.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    grant.check_path(part("clinic_id"), part("patient_id"))?;
    Ok(grant)
}

/// The token of the one `Authorization: Bearer` (RFC 6750, section 2.1). Tokens elsewhere are not taken: they would
/// stand in logs.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut sent = headers.get_all(header::AUTHORIZATION).into_iter();
    let (first, second) = (sent.next(), sent.next());
    let Some(value) = first else {
        let detail = "Send a token as Authorization: Bearer ….";
        return Err(challenged(ApiError::new(ErrorCode::Unauthenticated, detail), ""));
    };
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    match token {
        Some((scheme, token)) if second.is_none() && scheme.eq_ignore_ascii_case("bearer") => {
            Ok(token.trim())
        }
        _ => Err(refused(TokenError::Invalid("it is not one Authorization: Bearer"))),
    }
}

fn refused(error: TokenError) -> ApiError {
    match error {
        TokenError::Invalid(why) => {
            let error =
                ApiError::new(ErrorCode::Unauthenticated, format!("The token is refused: {why}."));
            challenged(error, ", error=\"invalid_token\"")
        }
        TokenError::KeysUnavailable => ApiError::new(
            ErrorCode::IdentityUnavailable,
            "The issuer's keys can't be had, so nothing can be said of the token.",
        )
        .retry_later(),
    }
}

fn forbidden() -> ApiError {
    let detail = "The caller's roles do not allow this operation.";
    challenged(ApiError::new(ErrorCode::Forbidden, detail), ", error=\"insufficient_scope\"")
}

/// With the challenge that RFC 6750 (section 3) asks for.
fn challenged(error: ApiError, attributes: &str) -> ApiError {
    let value = HeaderValue::from_str(&format!("Bearer realm=\"clinic-api\"{attributes}"));
    error.with_header(header::WWW_AUTHENTICATE, value.ok())
}

/// Who has passed.
impl FromRequestParts<AppState> for Grant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        // A route that the guard does not stand before has no business with records.
        let missing = || {
            tracing::error!("a handler asks for a grant where the policy was not read");
            ApiError::new(
                ErrorCode::InternalError,
                "The error is in our log under this request id.",
            )
        };
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
