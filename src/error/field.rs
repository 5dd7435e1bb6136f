//! Errors of single fields and parameters.

use serde::Serialize;
use utoipa::ToSchema;

/// The machine-readable reason why a field or parameter is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldCode {
    /// The member or parameter is missing.
    Required,
    /// The member or parameter is unknown.
    Unknown,
    /// The member or parameter is given twice.
    Repeated,
    /// The value has the wrong JSON type.
    WrongType,
    /// The value is not one of the allowed values.
    UnknownValue,
    /// The value has too few or too many characters or elements.
    Length,
    /// The number is out of range.
    Range,
    /// The value violates another rule, which `detail` states.
    Invalid,
}

/// One invalid field of the body, or one invalid parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The location in the body: a JSON pointer (RFC 6901), empty for the whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/start")]
    pub pointer: Option<String>,
    /// The name of the path, query or header parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// What is wrong, as the end of a sentence that begins with the field's name.
    #[schema(example = "must be at most 400 days from now")]
    pub detail: String,
    /// The machine-readable reason.
    pub code: FieldCode,
}

impl FieldError {
    /// Returns an error for the body member at a JSON pointer.
    pub fn of_body(pointer: impl Into<String>, code: FieldCode, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, detail: detail.into(), code }
    }

    /// Returns an error for a path, query or header parameter.
    pub fn of_parameter(
        name: impl Into<String>,
        code: FieldCode,
        detail: impl Into<String>,
    ) -> Self {
        Self { pointer: None, parameter: Some(name.into()), detail: detail.into(), code }
    }

    /// Returns the pointer or the parameter's name, as the subject of a sentence.
    pub(super) fn name(&self) -> &str {
        let name = self.pointer.as_deref().or(self.parameter.as_deref());
        name.filter(|name| !name.is_empty()).unwrap_or("The body")
    }
}
