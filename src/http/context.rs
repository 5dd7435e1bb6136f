//! What a handler needs to know of a request besides its parameters: who asks, when, and on which conditions.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderValue, header, request::Parts},
};
use serde::{Serialize, de::DeserializeOwned};
use validator::Validate;

use super::{auth::Grant, body, etag::if_match, idempotency, request_id::RequestId};
use crate::{app::AppState, error::ApiError, store::WriteContext};

/// What a read needs to know of its request.
#[derive(Debug, Clone)]
pub struct ReadContext {
    /// Who asks, and for what they may.
    pub grant: Grant,
    /// What was sent as `If-None-Match`.
    pub if_none_match: Vec<HeaderValue>,
    /// The request's id, unique to it.
    pub request_id: Arc<str>,
}

impl FromRequestParts<AppState> for ReadContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let grant = Grant::from_request_parts(parts, state).await?;
        let if_none_match = parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        Ok(Self { grant, if_none_match, request_id: request_id(parts) })
    }
}

fn request_id(parts: &Parts) -> Arc<str> {
    let id = parts.extensions.get::<RequestId>().cloned();
    id.unwrap_or_else(|| RequestId::from_header(None)).unique
}

async fn write_context(
    parts: &mut Parts,
    state: &AppState,
    body: &[u8],
) -> Result<WriteContext, ApiError> {
    let grant = Grant::from_request_parts(parts, state).await?;
    let (org, subject) = (grant.org(), grant.principal().subject.as_str());
    let request_id = request_id(parts).as_ref().to_owned();
    let (headers, method, path) = (&parts.headers, &parts.method, parts.uri.path());
    Ok(WriteContext {
        idempotency: idempotency::from_request(headers, org, subject, method, path, body)?,
        precondition: if_match(headers)?,
        org: org.clone(),
        subject: subject.to_owned(),
        request_id,
        now: state.now(),
    })
}

/// The context of a write without a body.
impl FromRequestParts<AppState> for WriteContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        write_context(parts, state, &[]).await
    }
}

/// A write with a JSON body that keeps the rules of `T`, and its context.
#[derive(Debug, Clone)]
pub struct WriteCommand<T> {
    /// What is asked for.
    pub body: T,
    /// By whom, when, and on which conditions.
    pub context: WriteContext,
}

impl<T> FromRequest<AppState> for WriteCommand<T>
where
    T: DeserializeOwned + Serialize + Validate + Send,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (mut parts, sent) = request.into_parts();
        let bytes = body::read(&parts.headers, sent, &["application/json"]).await?;
        let body = body::parse(&bytes)?;
        let context = write_context(&mut parts, state, &bytes).await?;
        Ok(Self { body, context })
    }
}
