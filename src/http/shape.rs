//! Deserialisation errors of bodies and parameters, with our own messages.

use std::fmt::Display;

use serde::de::{Error, Expected, Unexpected};

use crate::error::{FieldCode, FieldError};

/// The reason why a value does not match a type. It contains no message of serde, no name of a Rust
/// type, and not the value, which may be patient data.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ShapeError {
    /// The invalid member, unless the value itself is invalid.
    member: Option<String>,
    code: FieldCode,
    detail: String,
}

impl ShapeError {
    fn new(code: FieldCode, detail: impl Into<String>) -> Self {
        Self { member: None, code, detail: detail.into() }
    }

    /// Returns the error for a repeated member.
    pub fn repeated(member: &str) -> Self {
        let member = Some(member.to_owned());
        Self { member, ..Self::new(FieldCode::Repeated, "is given twice") }
    }

    /// Returns the error for a value of another type than `expected`.
    pub fn wrong_type(expected: &str) -> Self {
        Self::new(FieldCode::WrongType, format!("must be {expected}"))
    }

    /// Converts to the error of a body, for the value at a JSON pointer.
    pub fn at_pointer(self, pointer: &str) -> FieldError {
        let pointer = match &self.member {
            Some(member) => format!("{pointer}/{}", escape(member)),
            None => pointer.to_owned(),
        };
        FieldError::of_body(pointer, self.code, self.detail)
    }

    /// Converts to the error of a parameter.
    pub fn of_parameter(self, name: &str) -> FieldError {
        let name = self.member.as_deref().unwrap_or(name);
        FieldError::of_parameter(name, self.code, self.detail.as_str())
    }
}

/// Escapes a member's name for a JSON pointer.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Returns the JSON type for a type that serde expects.
fn json_type(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    let name = match expected.as_str() {
        "a string"
        | "a boolean"
        | "an object"
        | "a string or an object"
        | "a boolean or a string" => &expected,
        "u8" | "u16" | "u32" | "u64" | "i64" => "a whole number within the allowed range",
        "f64" | "a JSON number" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        text if text.starts_with("struct ") => "an object",
        _ => "of a different type",
    };
    name.to_owned()
}

fn one_of(known: &[&str]) -> String {
    format!("one of `{}`", known.join("`, `"))
}

/// Returns the message for an unknown member or parameter.
pub fn unknown(known: &[&str]) -> String {
    match known {
        [] => "is unknown; this operation has no query parameters".to_owned(),
        known => format!("is unknown; must be {}", one_of(known)),
    }
}

impl Error for ShapeError {
    /// Takes the message of our own types. Bodies and parameters contain no type whose messages
    /// come from its library.
    fn custom<T: Display>(detail: T) -> Self {
        Self::new(FieldCode::Invalid, detail.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(&json_type(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(FieldCode::Invalid, format!("must be {}", json_type(expected)))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(FieldCode::Length, format!("must be {}", json_type(expected)))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(FieldCode::UnknownValue, format!("must be {}", one_of(known)))
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(FieldCode::Unknown, unknown(known))
    }

    fn missing_field(field: &'static str) -> Self {
        let member = Some(field.to_owned());
        Self { member, ..Self::new(FieldCode::Required, "is required") }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::repeated(field)
    }
}
