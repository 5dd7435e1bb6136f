//! Path and query parameters, whose errors are problems.

use axum::{
    extract::{FromRequestParts, Path, path::ErrorKind, rejection::PathRejection},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use super::body::without_value;
use crate::error::{ApiError, ErrorCode};

/// The path's parameters.
#[derive(Debug, Clone)]
pub struct ApiPath<T>(pub T);

impl<T, S> FromRequestParts<S> for ApiPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|rejection| refused(&rejection))
    }
}

/// The parameter that is wrong and why, without its value.
fn refused(rejection: &PathRejection) -> ApiError {
    let kind = match rejection {
        PathRejection::FailedToDeserializePathParams(failed) => Some(failed.kind()),
        _ => None,
    };
    match kind {
        Some(ErrorKind::DeserializeError { key, message, .. }) => {
            ApiError::field(ErrorCode::InvalidParameter, key, message)
        }
        Some(ErrorKind::Message(message)) => {
            ApiError::new(ErrorCode::InvalidParameter, format!("A part of the path {message}."))
        }
        _ => ApiError::new(ErrorCode::InvalidParameter, "A part of the path is malformed."),
    }
}

/// Whether a read must see what all writes before it have left.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Consistent {
    /// Read what all writes before this request have left, at twice the cost.
    #[serde(default)]
    #[param(default = false)]
    pub consistent: bool,
}

/// The query's parameters; unknown ones are refused where `T` refuses them.
#[derive(Debug, Clone)]
pub struct ApiQuery<T>(pub T);

impl<T, S> FromRequestParts<S> for ApiQuery<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        from_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Reads a query string into a type.
pub(super) fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let pointer = error.path().to_string();
        let message = without_value(&error.inner().to_string());
        if pointer.is_empty() || pointer == "." {
            ApiError::new(ErrorCode::InvalidParameter, message)
        } else {
            ApiError::field(ErrorCode::InvalidParameter, pointer, message)
        }
    })
}
