//! JSON bodies: media type, syntax, shape and rules, each with an error of its own.

use std::{error::Error, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, header},
};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::json::{self, JsonError, escape};
use crate::{
    error::{ApiError, ErrorCode, FieldError},
    validation,
};

/// The most bytes of a body.
pub const MAX_BYTES: usize = 64 * 1024;

/// The time in which a body must arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The bytes of the body that came with these headers, if their type is one of `types`. A body left out reads as `{}`.
pub async fn read(headers: &HeaderMap, body: Body, types: &[&str]) -> Result<Bytes, ApiError> {
    let untyped = !headers.contains_key(header::CONTENT_TYPE);
    let wrong_type = || {
        let detail = format!("Send {}.", types.join(" or "));
        ApiError::new(ErrorCode::UnsupportedMediaType, detail)
    };
    // What is known from the headers is refused before the body is waited for.
    if !untyped && !has_type(headers, types) {
        return Err(wrong_type());
    }
    if announces_too_much(headers) {
        return Err(too_large());
    }
    let reading = tokio::time::timeout(TIMEOUT, to_bytes(body, MAX_BYTES)).await;
    let slow = "Nothing was written; send it again.";
    let read = reading.map_err(|_| ApiError::new(ErrorCode::RequestTimeout, slow))?;
    let bytes = read.map_err(|error| unreadable(&error))?;
    if bytes.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    if untyped {
        return Err(wrong_type());
    }
    // As JSON must be (RFC 8259).
    std::str::from_utf8(&bytes).map_err(|error| {
        let place = error.valid_up_to() + 1;
        ApiError::new(ErrorCode::InvalidJson, format!("The body is not UTF-8 at byte {place}."))
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
    ApiError::new(ErrorCode::BodyTooLarge, "A body has at most 64 KiB.")
}

fn unreadable(error: &axum::Error) -> ApiError {
    if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
        return too_large();
    }
    ApiError::new(ErrorCode::InvalidJson, "The body ended before it was complete.")
}

/// Parses a body.
pub fn value(bytes: &[u8]) -> Result<Value, ApiError> {
    json::parse(bytes).map_err(|error| misshapen(&error))
}

/// Reads a parsed body into a type whose rules hold.
pub fn from_value<T: DeserializeOwned + Validate>(json: &Value) -> Result<T, ApiError> {
    let value: T = json::read(json).map_err(|error| misshapen(&error))?;
    let Err(errors) = value.validate() else { return Ok(value) };
    let mut fields = Vec::new();
    collect(&errors, "", &mut fields);
    fields.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    let detail = "The fields that are wrong stand in errors. Nothing was written.";
    Err(ApiError::new(ErrorCode::ValidationFailed, detail).with_errors(fields))
}

/// The problem of a body that is no JSON, or has another shape. It never quotes the value: that may be a patient's.
fn misshapen(JsonError { error, pointer }: &JsonError) -> ApiError {
    if !error.is_data() {
        let position = format!("at line {}, column {}", error.line(), error.column());
        // serde_json counts more than 127 levels among the syntax errors.
        let deep = error.to_string().starts_with("recursion limit");
        let fault = if deep { "nested too deeply" } else { "not JSON" };
        return ApiError::new(ErrorCode::InvalidJson, format!("The body is {fault} {position}."));
    }
    let text = error.to_string();
    // An error of the parser ends with its position; one of a parsed value has none.
    let message = match text.rsplit_once(" at line ") {
        Some((message, _)) if error.line() > 0 => message,
        _ => &text,
    };
    for (kind, said) in
        [("missing field `", "is required"), ("duplicate field `", "is given twice")]
    {
        if let Some(field) = message.strip_prefix(kind).and_then(|rest| rest.strip_suffix('`')) {
            let pointer = format!("{pointer}/{}", escape(field));
            return ApiError::field(ErrorCode::ValidationFailed, pointer, said);
        }
    }
    ApiError::field(ErrorCode::ValidationFailed, pointer.as_str(), without_value(message))
}

/// A message of serde's without the value that it quotes.
pub(super) fn without_value(message: &str) -> String {
    if let Some((_, known)) =
        message.strip_prefix("unknown field `").and_then(|m| m.split_once("`, "))
    {
        return format!("is not known here: {known}");
    }
    for kind in ["invalid type: ", "invalid value: ", "unknown variant "] {
        if let Some(rest) = message.strip_prefix(kind) {
            let expected = rest.rsplit_once(", expected ").map_or("something else", |(_, e)| e);
            let expected = match expected {
                "u16" | "u64" | "i64" => "a whole number, and not too large",
                "f64" => "a number",
                "a sequence" => "a list",
                text if text.starts_with("struct ") => "an object",
                text => text,
            };
            return format!("must be {expected}");
        }
    }
    message.to_owned()
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
                // What members say together is wrong of the one that the rule names.
                let of = error.params.get(validation::MEMBER).and_then(Value::as_str);
                let pointer = of.map_or_else(|| pointer.clone(), |of| format!("{prefix}/{of}"));
                FieldError { pointer, message: rule(error) }
            })),
        }
    }
}

/// A broken rule in words.
fn rule(error: &validator::ValidationError) -> String {
    if let Some(message) = &error.message {
        return message.to_string();
    }
    let bound = |name: &str| error.params.get(name).map(ToString::to_string);
    match (error.code.as_ref(), bound("min"), bound("max")) {
        ("length", Some(min), Some(max)) => format!("must have {min} to {max} elements"),
        ("length", None, Some(max)) => format!("must have at most {max} characters or elements"),
        ("range", Some(min), Some(max)) => format!("must be between {min} and {max}"),
        ("email", ..) => "must be an e-mail address".to_owned(),
        (code, ..) => format!("breaks the rule {code}"),
    }
}
