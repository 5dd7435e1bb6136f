//! Responses of handlers. Each type is both the response and its description in the OpenAPI
//! document, so that the two cannot diverge.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{self, ContentBuilder, HeaderBuilder, Ref, RefOr, ResponseBuilder},
};

use super::{
    ReadContext,
    etag::{etag, none_match},
};
use crate::{error::ApiError, store::Entity};

type Responses = BTreeMap<String, RefOr<openapi::Response>>;

/// 200 with a body that has no revision.
#[derive(Debug)]
pub struct Content<T>(pub T);

/// 200 with a record and its `ETag`, or 304 if the caller has this revision.
#[derive(Debug)]
pub struct Found<T> {
    rev: u64,
    body: Option<T>,
}

/// 201 with a new record, its `ETag` and its `Location`.
#[derive(Debug)]
pub struct Created<T> {
    rev: u64,
    body: T,
    location: String,
}

/// 200 with a changed record and its `ETag`.
#[derive(Debug)]
pub struct Updated<T> {
    rev: u64,
    body: T,
}

/// 204.
#[derive(Debug, Clone, Copy)]
pub struct Deleted;

impl<T> Found<T> {
    /// Returns the response to a GET of a record.
    pub fn new<R>(record: Entity<R>, context: &ReadContext) -> Result<Self, ApiError>
    where
        T: From<Entity<R>>,
    {
        let rev = record.meta.rev;
        // A decided deletion changes the body (`deleting`) but not the revision.
        let is_current =
            none_match(&context.if_none_match, rev)? && !record.meta.is_deletion_decided();
        Ok(Self { rev, body: (!is_current).then(|| record.into()) })
    }

    /// Converts the body.
    #[must_use]
    pub fn map(self, change: impl FnOnce(T) -> T) -> Self {
        Self { body: self.body.map(change), ..self }
    }
}

impl<T> Created<T> {
    /// Returns the response to a POST that created the record at `location`.
    pub fn new<R>(record: Entity<R>, location: String) -> Self
    where
        T: From<Entity<R>>,
    {
        Self { rev: record.meta.rev, body: record.into(), location }
    }

    /// Converts the body.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Created<U> {
        Created { rev: self.rev, body: change(self.body), location: self.location }
    }
}

impl<T> Updated<T> {
    /// Returns the response to a PATCH or an action that changed the record.
    pub fn new<R>(record: Entity<R>) -> Self
    where
        T: From<Entity<R>>,
    {
        Self { rev: record.meta.rev, body: record.into() }
    }

    /// Converts the body.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Updated<U> {
        Updated { rev: self.rev, body: change(self.body) }
    }
}

impl Deleted {
    /// Returns the response to a DELETE: 204, or the error for what still needs the record.
    pub fn unless(blocker: Option<impl Into<ApiError>>) -> Result<Self, ApiError> {
        blocker.map_or(Ok(Self), |blocker| Err(blocker.into()))
    }
}

impl<T: Serialize> IntoResponse for Content<T> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

impl<T: Serialize> IntoResponse for Found<T> {
    fn into_response(self) -> Response {
        let tag = [(header::ETAG, etag(self.rev))];
        match self.body {
            Some(body) => (tag, Json(body)).into_response(),
            None => (StatusCode::NOT_MODIFIED, tag).into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let tag = [(header::ETAG, etag(self.rev))];
        let mut response = (StatusCode::CREATED, tag, Json(self.body)).into_response();
        if let Ok(location) = HeaderValue::try_from(self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

impl<T: Serialize> IntoResponse for Updated<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, etag(self.rev))], Json(self.body)).into_response()
    }
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl<T: ToSchema> IntoResponses for Content<T> {
    fn responses() -> Responses {
        [response::<T>(StatusCode::OK, "The result.", &[])].into()
    }
}

impl<T: ToSchema> IntoResponses for Found<T> {
    fn responses() -> Responses {
        let not_modified =
            ResponseBuilder::new().description("The caller has the current revision.");
        [
            response::<T>(StatusCode::OK, "The record.", &["ETag"]),
            (StatusCode::NOT_MODIFIED.as_str().to_owned(), not_modified.into()),
        ]
        .into()
    }
}

impl<T: ToSchema> IntoResponses for Created<T> {
    fn responses() -> Responses {
        [response::<T>(StatusCode::CREATED, "The new record.", &["ETag", "Location"])].into()
    }
}

impl<T: ToSchema> IntoResponses for Updated<T> {
    fn responses() -> Responses {
        [response::<T>(StatusCode::OK, "The updated record.", &["ETag"])].into()
    }
}

impl IntoResponses for Deleted {
    fn responses() -> Responses {
        let deleted = ResponseBuilder::new().description("The record is deleted.");
        [(StatusCode::NO_CONTENT.as_str().to_owned(), deleted.into())].into()
    }
}

/// `openapi` adds the errors of every operation: their statuses follow from its parameters and
/// body.
impl IntoResponses for ApiError {
    fn responses() -> Responses {
        Responses::new()
    }
}

/// Returns a response with a JSON body. `openapi` describes its headers.
pub(super) fn response<T: ToSchema>(
    status: StatusCode,
    description: &str,
    headers: &[&str],
) -> (String, RefOr<openapi::Response>) {
    let schema = Ref::from_schema_name(T::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response =
        ResponseBuilder::new().description(description).content("application/json", content);
    let response = headers
        .iter()
        .fold(response, |response, name| response.header(*name, HeaderBuilder::new().build()));
    (status.as_str().to_owned(), response.into())
}
