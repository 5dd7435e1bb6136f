//! Authentication and authorisation: one policy decides for every operation, before its handler.

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
    extract::{FromRequestParts, MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts},
    response::{IntoResponse as _, Response},
};
pub use grant::Grant;
pub use principal::{Principal, Role};
use url::form_urlencoded;
use utoipa::openapi::{
    self, OpenApi, RefOr,
    path::{Parameter, ParameterIn},
};

use self::{
    policy::PolicyRule,
    token::{Authenticator, TokenError},
};
use super::{
    params, problem,
    rate::{Rates, Standing},
    shape,
    share::{Share, Shares},
};
use crate::{
    error::{ApiError, ErrorCode, FieldCode, FieldError},
    time::Clock,
};

/// Authentication, rate limits and authorisation, in front of every operation.
pub struct Guard {
    /// The verifier of tokens.
    pub authenticator: Authenticator,
    /// The rate limits.
    pub rates: Rates,
    /// The concurrency limits of organisations.
    pub shares: Arc<Shares>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The operations with their rules.
    pub rules: Rules,
}

/// The operations by path and method. Clones share them.
#[derive(Clone)]
pub struct Rules(Arc<HashMap<String, HashMap<Method, Operation>>>);

/// The rule and the query parameters of an operation.
struct Operation {
    /// The rule. `None` if the policy has no rule for the operation.
    rule: Option<&'static PolicyRule>,
    /// The names of its query parameters.
    query: Vec<String>,
}

impl Operation {
    fn new(
        rule: Option<&'static PolicyRule>,
        documented: &openapi::path::Operation,
        document: &OpenApi,
    ) -> Self {
        let parameters = documented.parameters.iter().flatten();
        let parameters = parameters.filter_map(|parameter| resolved(parameter, document));
        let query = parameters.filter(|parameter| parameter.parameter_in == ParameterIn::Query);
        Self { rule, query: query.map(|parameter| parameter.name.clone()).collect() }
    }

    /// Rejects unknown query parameters. Otherwise a misspelled filter would be ignored. Probes may
    /// add parameters.
    fn check_query(&self, uri: &Uri) -> Result<(), ApiError> {
        if self.rule.is_some_and(PolicyRule::is_public) {
            return Ok(());
        }
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let mut names = query.map(|(name, _)| name);
        let Some(name) = names.find(|name| self.query.iter().all(|known| known != name)) else {
            return Ok(());
        };
        let known: Vec<_> = self.query.iter().map(String::as_str).collect();
        let error = FieldError::of_parameter(name, FieldCode::Unknown, shape::unknown(&known));
        Err(ApiError::of_field(ErrorCode::InvalidParameter, error))
    }
}

/// Returns a parameter, or the component that it refers to.
fn resolved<'a>(parameter: &'a RefOr<Parameter>, document: &'a OpenApi) -> Option<&'a Parameter> {
    match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next()?;
            match document.components.as_ref()?.parameters.get(name)? {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            }
        }
    }
}

impl Rules {
    /// Returns the rules for the operations of a document.
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
                let operation = Operation::new(policy.get(id).copied(), operation, document);
                rules.entry(path.clone()).or_default().insert(method, operation);
            }
        }
        Self(Arc::new(rules))
    }
}

impl Guard {
    fn operation(&self, request: &Request) -> Option<&Operation> {
        // The handlers of GET also serve HEAD.
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            other => other,
        };
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        self.rules.0.get(path)?.get(method)
    }

    /// The methods of the request's path, if it is a path of the API.
    fn other_methods(&self, request: &Request) -> Option<Vec<Method>> {
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        self.rules.0.get(path).map(|operations| operations.keys().cloned().collect())
    }

    async fn admit(
        &self,
        operation: &Operation,
        parts: &mut Parts,
        standing: &mut Standing,
    ) -> Result<(Grant, Share), ApiError> {
        self.rates.charge_address(parts, standing)?;
        let now = self.clock.now();
        let authenticated = self.authenticator.authenticate(bearer(&parts.headers)?, now).await;
        let principal = authenticated.map_err(refused)?;
        self.rates.charge(&principal, standing)?;
        if operation.rule.is_some_and(|rule| rule.is_search) {
            self.rates.charge_search(&principal, standing)?;
        }
        let is_heavy = operation.rule.is_some_and(|rule| rule.is_heavy);
        let share = self.shares.take(&principal.org, &principal.subject, is_heavy)?;
        let rule = operation.rule.ok_or_else(forbidden)?;
        let scope = rule.scope_of(&principal).ok_or_else(forbidden)?;
        let grant = Grant::new(rule.operation, principal, scope, self.clock.clone());
        let named = params::named(parts, &()).await?;
        let part = |name| named.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str());
        grant.check_path(part("clinic_id"), part("patient_id"))?;
        operation.check_query(&parts.uri)?;
        Ok((grant, share))
    }
}

/// Calls the handler if the policy allows the request.
pub async fn authorise(
    guard: &Guard,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let Some(operation) = guard.operation(&request) else {
        return match guard.other_methods(&request) {
            Some(methods) => problem::method_not_allowed(&methods).into_response(),
            None => next(request).await,
        };
    };
    if operation.rule.is_some_and(PolicyRule::is_public) {
        return match operation.check_query(request.uri()) {
            Ok(()) => next(request).await,
            Err(refusal) => refusal.into_response(),
        };
    }
    let (mut parts, body) = request.into_parts();
    let mut standing = Standing::default();
    let mut response = match guard.admit(operation, &mut parts, &mut standing).await {
        Ok((grant, share)) => {
            parts.extensions.insert(grant);
            let turn = share.turn().await;
            let response = next(Request::from_parts(parts, body)).await;
            drop(turn);
            share.until_taken(response)
        }
        Err(refusal) => refusal.into_response(),
    };
    standing.tell(response.headers_mut());
    response
}

/// Returns the token of the only `Authorization: Bearer` (RFC 6750, section 2.1). Tokens elsewhere
/// would appear in logs.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut sent = headers.get_all(header::AUTHORIZATION).into_iter();
    let (first, second) = (sent.next(), sent.next());
    let Some(value) = first else {
        let detail =
            "The request has no access token. Send one in the header Authorization: Bearer TOKEN.";
        return Err(challenged(ApiError::new(ErrorCode::Unauthenticated, detail), ""));
    };
    let scheme = |text: &str| text.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("bearer "));
    match value.to_str() {
        Ok(text) if second.is_none() && scheme(text) => match text[7..].trim() {
            token if scheme(token) => Err(refused(TokenError::Invalid(
                "the header has Bearer twice. Swagger UI and other clients add Bearer, so enter the token alone",
            ))),
            // RFC 6750, section 2.1: b64token.
            token
                if !token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)) =>
            {
                Err(refused(TokenError::Invalid(
                    "it has a character that no token has, such as a quote or a space. Send only the token after Bearer",
                )))
            }
            token => Ok(token),
        },
        _ => Err(refused(TokenError::Invalid(
            "the request must have one header Authorization: Bearer TOKEN",
        ))),
    }
}

fn refused(error: TokenError) -> ApiError {
    match error {
        TokenError::Invalid(why) => {
            let detail = format!("The access token was rejected: {why}.");
            let error = ApiError::new(ErrorCode::Unauthenticated, detail);
            challenged(error, ", error=\"invalid_token\"")
        }
        TokenError::KeysUnavailable => {
            let detail = "The service cannot verify the token, because the issuer's keys are not available. Retry after the time in Retry-After.";
            ApiError::new(ErrorCode::IdentityUnavailable, detail).retry_later()
        }
    }
}

fn forbidden() -> ApiError {
    let detail =
        "The caller's roles do not allow this operation. Use a token with a role that does.";
    challenged(ApiError::new(ErrorCode::Forbidden, detail), ", error=\"insufficient_scope\"")
}

/// Adds the challenge that RFC 6750 requires (section 3).
fn challenged(error: ApiError, attributes: &str) -> ApiError {
    let value = HeaderValue::from_str(&format!("Bearer realm=\"clinic-api\"{attributes}"));
    error.with_header(header::WWW_AUTHENTICATE, value.ok())
}

/// The grant from the guard.
impl<S: Sync> FromRequestParts<S> for Grant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // A handler without the guard must not access records.
        let missing = || {
            tracing::error!("a handler needs a grant but its route has no guard");
            ApiError::internal()
        };
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
