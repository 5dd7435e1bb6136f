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
    policy::PolicyRule,
    token::{Authenticator, TokenError},
};
use super::rate::{Rates, Standing};
use crate::{
    error::{ApiError, ErrorCode},
    time::Clock,
};

/// Authentication, rate limits and authorisation in front of every operation.
pub struct Guard {
    /// The verifier of tokens.
    pub authenticator: Authenticator,
    /// The rate limits.
    pub rates: Rates,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The policy's rule for each operation.
    pub rules: Rules,
}

/// Which rule is for which operation: by path, and then by method; none if the policy knows none. Clones share them.
#[derive(Clone)]
pub struct Rules(Arc<HashMap<String, HashMap<Method, Rule>>>);

type Rule = Option<&'static PolicyRule>;

impl Rules {
    /// The rules for the operations of a document.
    pub fn new(document: &OpenApi, policy: impl Iterator<Item = &'static PolicyRule>) -> Self {
        let policy: HashMap<_, _> = policy.map(|rule| (rule.operation, rule)).collect();
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
                rules.entry(path.clone()).or_default().insert(method, policy.get(id).copied());
            }
        }
        Self(Arc::new(rules))
    }
}

impl Guard {
    fn rule(&self, request: &Request) -> Option<&Rule> {
        // HEAD is answered by the handlers of GET.
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            other => other,
        };
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        self.rules.0.get(path)?.get(method)
    }

    async fn admit(
        &self,
        rule: Rule,
        parts: &mut Parts,
        standing: &mut Standing,
    ) -> Result<Grant, ApiError> {
        self.rates.charge_address(parts, standing)?;
        let now = self.clock.now();
        let authenticated = self.authenticator.authenticate(bearer(&parts.headers)?, now).await;
        let principal = authenticated.map_err(refused)?;
        self.rates.charge(&principal, standing)?;
        let rule = rule.ok_or_else(forbidden)?;
        let scope = rule.scope_of(&principal).ok_or_else(forbidden)?;
        let grant = Grant::new(rule.operation, principal, scope, self.clock.clone());
        let named = parts.extract::<RawPathParams>().await.map_err(|_| {
            ApiError::new(ErrorCode::InvalidParameter, "A part of the path is malformed.")
        })?;
        let part = |name: &str| named.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        grant.check_path(part("clinic_id"), part("patient_id"))?;
        Ok(grant)
    }
}

/// Lets a request pass to its handler if the policy grants what it asks for.
pub async fn authorise(
    guard: &Guard,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    // Where there is no operation, the router says which methods there are.
    let Some(&rule) = guard.rule(&request) else { return next(request).await };
    if rule.is_some_and(PolicyRule::is_public) {
        return next(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let mut standing = Standing::default();
    let mut response = match guard.admit(rule, &mut parts, &mut standing).await {
        Ok(grant) => {
            parts.extensions.insert(grant);
            next(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refusal.into_response(),
    };
    standing.tell(response.headers_mut());
    response
}

/// The token of the one `Authorization: Bearer` (RFC 6750, section 2.1). Tokens elsewhere would stand in logs.
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
            let detail = format!("The token is refused: {why}.");
            let error = ApiError::new(ErrorCode::Unauthenticated, detail);
            challenged(error, ", error=\"invalid_token\"")
        }
        TokenError::KeysUnavailable => {
            let detail = "The issuer's keys can't be had, so nothing can be said of the token.";
            ApiError::new(ErrorCode::IdentityUnavailable, detail).retry_later()
        }
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
impl<S: Sync> FromRequestParts<S> for Grant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // A route that the guard does not stand before has no business with records.
        let missing = || {
            tracing::error!("a handler asks for a grant where the policy was not read");
            ApiError::internal()
        };
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
