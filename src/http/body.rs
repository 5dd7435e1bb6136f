//! JSON request bodies: media type, syntax, types and validation rules, each with its own error.

use std::{error::Error, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, header},
};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::{
    json::{self, JsonError},
    shape::escape,
};
use crate::{
    error::{ApiError, ErrorCode, FieldCode, FieldError},
    validation,
};

/// The maximum size of a request body, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// The timeout for receiving a body.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a body whose `Content-Type` is one of `types`. An empty body reads as `{}`.
pub async fn read(headers: &HeaderMap, body: Body, types: &[&str]) -> Result<Bytes, ApiError> {
    let untyped = !headers.contains_key(header::CONTENT_TYPE);
    let wrong_type = || {
        let detail =
            format!("The Content-Type is missing or not supported. Send {}.", types.join(" or "));
        ApiError::new(ErrorCode::UnsupportedMediaType, detail)
    };
    // Check the headers before waiting for the body.
    if !untyped && !has_type(headers, types) {
        return Err(wrong_type());
    }
    if announces_too_much(headers) {
        return Err(too_large());
    }
    let reading = tokio::time::timeout(TIMEOUT, to_bytes(body, MAX_BYTES)).await;
    let slow = "The body did not arrive within 10 seconds. Send the request again.";
    let read = reading.map_err(|_| ApiError::new(ErrorCode::RequestTimeout, slow))?;
    let bytes = read.map_err(|error| unreadable(&error))?;
    if bytes.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    if untyped {
        return Err(wrong_type());
    }
    // JSON must be UTF-8 (RFC 8259).
    std::str::from_utf8(&bytes).map_err(|error| {
        let place = error.valid_up_to() + 1;
        ApiError::new(
            ErrorCode::InvalidJson,
            format!("The body is not valid UTF-8 at byte {place}."),
        )
    })?;
    Ok(bytes)
}

fn has_type(headers: &HeaderMap, types: &[&str]) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    types.iter().any(|known| essence.eq_ignore_ascii_case(known))
}

fn announces_too_much(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|bytes| bytes > MAX_BYTES)
}

pub(super) fn too_large() -> ApiError {
    ApiError::new(
        ErrorCode::BodyTooLarge,
        "The body is larger than the limit of 64 KiB. Send a smaller body.",
    )
}

fn unreadable(error: &axum::Error) -> ApiError {
    if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
        return too_large();
    }
    ApiError::new(
        ErrorCode::InvalidJson,
        "The body ended before it was complete. Send the request again.",
    )
}

/// Parses a body as JSON.
pub fn value(bytes: &[u8]) -> Result<Value, ApiError> {
    json::parse(bytes).map_err(misshapen)
}

/// Deserialises parsed JSON into `T` and validates it.
pub fn from_value<T: DeserializeOwned + Validate>(json: &Value) -> Result<T, ApiError> {
    let value: T = json::read(json).map_err(misshapen)?;
    let Err(errors) = value.validate() else { return Ok(value) };
    let mut fields = Vec::new();
    collect(&errors, "", &mut fields);
    fields.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    let detail = "The body violates validation rules. Correct the fields listed in errors.";
    Err(ApiError::new(ErrorCode::ValidationFailed, detail).with_errors(fields))
}

/// Returns the error for a body that is not JSON or does not match the type.
fn misshapen(error: JsonError) -> ApiError {
    let error = match error {
        JsonError::Syntax(error) => error,
        JsonError::Shape { pointer, error } => {
            return ApiError::of_field(ErrorCode::ValidationFailed, error.at_pointer(&pointer));
        }
    };
    let position = format!("at line {}, column {}", error.line(), error.column());
    // serde_json reports nesting deeper than 127 levels, and text or numbers that Rust cannot hold, as syntax errors.
    let text = error.to_string();
    let is = |kinds: &[&str]| kinds.iter().any(|kind| text.starts_with(kind));
    let fault = if is(&["recursion limit"]) {
        "is nested too deeply"
    } else if is(&["number out of range"]) {
        "has a number that is too large"
    } else if is(&["lone leading surrogate", "unexpected end of hex escape"]) {
        "has a string with an incomplete surrogate pair"
    } else {
        "is not valid JSON"
    };
    ApiError::new(ErrorCode::InvalidJson, format!("The body {fault} {position}."))
}

fn collect(errors: &ValidationErrors, prefix: &str, fields: &mut Vec<FieldError>) {
    for (field, kind) in errors.errors() {
        let pointer = format!("{prefix}/{}", escape(field));
        match kind {
            ValidationErrorsKind::Struct(nested) => collect(nested, &pointer, fields),
            ValidationErrorsKind::List(items) => {
                for (index, nested) in items {
                    collect(nested, &format!("{pointer}/{index}"), fields);
                }
            }
            ValidationErrorsKind::Field(broken) => fields.extend(broken.iter().map(|error| {
                // A rule about several members names the one that is wrong.
                let parameter = |name| error.params.get(name).and_then(Value::as_str);
                let of = parameter(validation::MEMBER);
                let pointer = of.map_or_else(|| pointer.clone(), |of| format!("{prefix}/{of}"));
                let pointer = pointer + parameter(validation::BELOW).unwrap_or_default();
                FieldError::of_body(pointer, code_of(error), rule(error))
            })),
        }
    }
}

fn code_of(error: &validator::ValidationError) -> FieldCode {
    match error.code.as_ref() {
        "length" => FieldCode::Length,
        "range" => FieldCode::Range,
        "required" => FieldCode::Required,
        _ => FieldCode::Invalid,
    }
}

/// Returns the message for a violated rule.
fn rule(error: &validator::ValidationError) -> String {
    if let Some(message) = &error.message {
        return message.to_string();
    }
    let bound = |name: &str| error.params.get(name).map(ToString::to_string);
    match (error.code.as_ref(), bound("min"), bound("max")) {
        ("length", Some(min), Some(max)) => format!("must have {min} to {max} elements"),
        ("length", None, Some(max)) => format!("must have a length of at most {max}"),
        ("range", Some(min), Some(max)) => format!("must be between {min} and {max}"),
        (code, ..) => format!("violates the rule {code}"),
    }
}
