//! AWS's clock, and the check of signature times.

use axum::http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};

/// The allowed difference between a signature's time and AWS's clock (AWS General Reference, "Elements of an AWS API request
/// signature").
const ALLOWED: SignedDuration = SignedDuration::from_mins(5);

/// Whether a request was signed at a time that is accepted at `now`.
pub fn is_timely(headers: &HeaderMap, now: Timestamp) -> bool {
    let signed = headers["x-amz-date"].to_str().unwrap();
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", signed).unwrap();
    let signed = signed.to_zoned(TimeZone::UTC).unwrap().timestamp();
    signed.duration_since(now).abs() <= ALLOWED
}

/// The `Date` header of a response (RFC 9110, section 6.6.1).
pub fn date(now: Timestamp) -> HeaderValue {
    let printed = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap();
    printed.parse().unwrap()
}
