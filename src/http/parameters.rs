//! Parameters that many operations have, for the document and for their handlers.

use serde::Deserialize;
use utoipa::IntoParams;

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

/// The header of safe retries.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "for the document; http::idempotency reads the header")]
pub struct IdempotencyKey {
    /// Any unique text. The same key has one effect and the same answer for 24 hours.
    #[param(rename = "Idempotency-Key", required = false, value_type = String, min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// The header of changes that must not overwrite another's.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "for the document; http::etag reads the header")]
pub struct IfMatch {
    /// The `ETag` of the record as the caller knows it; 412 if it has changed since.
    #[param(
        rename = "If-Match",
        required = false,
        value_type = String,
        pattern = r#"^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$"#,
        example = "\"3\""
    )]
    if_match: Option<String>,
}

/// The header of reads that may be answered with "you have it already".
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "for the document; http::etag reads the header")]
pub struct IfNoneMatch {
    /// The `ETag` of the record as the caller has it; 304 if it has not changed since.
    #[param(
        rename = "If-None-Match",
        required = false,
        value_type = String,
        pattern = r#"^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$"#,
        example = "\"3\""
    )]
    if_none_match: Option<String>,
}
