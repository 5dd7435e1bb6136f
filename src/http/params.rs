//! Path and query parameters. Their errors are problems.

use axum::{
    extract::{FromRequestParts, Path, path::ErrorKind, rejection::PathRejection},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};
use url::form_urlencoded;
use utoipa::IntoParams;

use super::text;
use crate::error::{ApiError, ErrorCode};

/// The path parameters.
#[derive(Debug, Clone)]
pub struct ApiPath<T>(pub T);

impl<T, S> FromRequestParts<S> for ApiPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = named(parts, state).await?;
        let named = named.iter().map(|(name, text)| (name.as_str().into(), text.as_str().into()));
        text::read(named).map(Self)
    }
}

/// Returns the path parameters with their names.
pub(super) async fn named<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<Vec<(String, String)>, ApiError> {
    let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
    path.map(|Path(named)| named).map_err(|rejection| refused(&rejection))
}

fn refused(rejection: &PathRejection) -> ApiError {
    if let PathRejection::FailedToDeserializePathParams(failed) = rejection
        && let ErrorKind::InvalidUtf8InPathParam { key } = failed.kind()
    {
        return ApiError::field(ErrorCode::InvalidParameter, key, "must be UTF-8");
    }
    ApiError::new(ErrorCode::InvalidParameter, "The path is malformed. Check its parameters.")
}

/// The query parameter for strong consistency.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Consistent {
    /// Read with strong consistency: the response reflects all earlier writes. The read consumes twice as much read capacity of the table.
    #[serde(default)]
    #[param(default = false)]
    pub consistent: bool,
}

/// The query parameters. The guard has already rejected unknown ones.
#[derive(Debug, Clone)]
pub struct ApiQuery<T>(pub T);

impl<T, S> FromRequestParts<S> for ApiQuery<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        text::read(form_urlencoded::parse(query.as_bytes())).map(Self)
    }
}
