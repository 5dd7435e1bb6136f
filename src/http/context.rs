//! The context of a request: the caller, the current time and the preconditions.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderValue, request::Parts},
};
use serde::{Serialize, de::DeserializeOwned};
use validator::Validate;

use super::{
    auth::Grant,
    body,
    etag::{if_none_match, precondition},
    idempotency,
    request_id::RequestId,
};
use crate::{error::ApiError, store::WriteContext};

/// The context of a read.
#[derive(Clone)]
pub struct ReadContext {
    /// The caller and the records that they may read.
    pub grant: Grant,
    /// The values of `If-None-Match`.
    pub if_none_match: Vec<HeaderValue>,
    /// The request's unique id.
    pub request_id: Arc<str>,
}

impl<S: Sync> FromRequestParts<S> for ReadContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let grant = Grant::from_request_parts(parts, state).await?;
        let if_none_match = if_none_match(&parts.headers);
        Ok(Self { grant, if_none_match, request_id: request_id(parts) })
    }
}

fn request_id(parts: &Parts) -> Arc<str> {
    let id = parts.extensions.get::<RequestId>().cloned();
    id.unwrap_or_else(|| RequestId::from_header(None)).unique
}

fn write_context(
    parts: &Parts,
    grant: &Grant,
    command: &impl Serialize,
) -> Result<WriteContext, ApiError> {
    let (org, subject) = (grant.org(), grant.principal().subject.as_str());
    let (headers, method, path) = (&parts.headers, &parts.method, parts.uri.path());
    Ok(WriteContext {
        idempotency: idempotency::from_request(headers, org, subject, method, path, command)?,
        precondition: precondition(headers)?,
        org: org.clone(),
        subject: subject.to_owned(),
        operation: grant.operation(),
        request_id: request_id(parts).as_ref().to_owned(),
        now: grant.now(),
    })
}

/// The context of a write without a body.
impl<S: Sync> FromRequestParts<S> for WriteContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let grant = Grant::from_request_parts(parts, state).await?;
        write_context(parts, &grant, &())
    }
}

/// A validated JSON body and the context of the write.
#[derive(Debug, Clone)]
pub struct WriteCommand<T> {
    /// The body.
    pub body: T,
    /// The caller, the current time and the preconditions.
    pub context: WriteContext,
}

impl<T, S> FromRequest<S> for WriteCommand<T>
where
    T: DeserializeOwned + Serialize + Validate + Send,
    S: Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (mut parts, sent) = request.into_parts();
        let bytes = body::read(&parts.headers, sent, &["application/json"]).await?;
        let body = body::from_value(&body::value(&bytes)?)?;
        let grant = Grant::from_request_parts(&mut parts, state).await?;
        let context = write_context(&parts, &grant, &body)?;
        Ok(Self { body, context })
    }
}
