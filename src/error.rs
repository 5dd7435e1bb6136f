//! The errors that the API returns, as `application/problem+json` (RFC 9457).

mod field;
mod store;

use std::sync::Arc;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub use field::{FieldCode, FieldError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::errors::Cause;

macro_rules! error_codes {
    ($($name:ident: $code:literal, $status:ident, $title:literal;)*) => {
        /// The machine-readable code of an error. `docs/errors.md` explains each code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub enum ErrorCode {
            $(#[doc = $title] #[serde(rename = $code)] $name,)*
        }

        impl ErrorCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the value of the problem's `code`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns the HTTP status of the response.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Returns the problem's `title`, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

error_codes! {
    InvalidJson: "invalid_json", BAD_REQUEST, "Invalid JSON";
    InvalidParameter: "invalid_parameter", BAD_REQUEST, "Invalid path, query or header parameter";
    InvalidCursor: "invalid_cursor", BAD_REQUEST, "Invalid pagination cursor";
    InvalidIdempotencyKey: "invalid_idempotency_key", BAD_REQUEST, "Invalid Idempotency-Key";
    Unauthenticated: "unauthenticated", UNAUTHORIZED, "Missing or invalid access token";
    Forbidden: "forbidden", FORBIDDEN, "Permission denied";
    NotFound: "not_found", NOT_FOUND, "Record not found";
    NoRoute: "no_route", NOT_FOUND, "Path not found";
    MethodNotAllowed: "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    RequestTimeout: "request_timeout", REQUEST_TIMEOUT, "Request body timeout";
    StaffBusy: "staff_busy", CONFLICT, "Staff member not available";
    PatientBusy: "patient_busy", CONFLICT, "Patient not available";
    ResourceBusy: "resource_busy", CONFLICT, "Resource not available";
    DayFull: "day_full", CONFLICT, "Daily appointment limit reached";
    OutsideWorkingHours: "outside_working_hours", CONFLICT, "Outside opening or working hours";
    StaffInactive: "staff_inactive", CONFLICT, "Staff member inactive or being deleted";
    ResourceInactive: "resource_inactive", CONFLICT, "Resource inactive or being deleted";
    RoleNotAllowed: "role_not_allowed", CONFLICT, "Staff role not allowed for this visit type";
    PatientInactive: "patient_inactive", CONFLICT, "Patient inactive or being deleted";
    PatientMerged: "patient_merged", CONFLICT, "Patient merged into another one";
    InvalidTransition: "invalid_transition", CONFLICT, "Not allowed in the current appointment status";
    BeforeVisitDay: "before_visit_day", CONFLICT, "Too early for this status";
    AppointmentErased: "appointment_erased", CONFLICT, "Patient of the appointment was erased";
    MrnTaken: "mrn_taken", CONFLICT, "Medical record number already in use";
    IdentifierTaken: "identifier_taken", CONFLICT, "Identifier already in use";
    ClinicHasStaff: "clinic_has_staff", CONFLICT, "Clinic still has staff members";
    ClinicHasResources: "clinic_has_resources", CONFLICT, "Clinic still has resources or visit types";
    HasFutureAppointments: "has_future_appointments", CONFLICT, "Record has current or future appointments";
    TooManyWebhooks: "too_many_webhooks", CONFLICT, "Webhook limit reached";
    TooManyExceptions: "too_many_exceptions", CONFLICT, "Availability exception limit reached";
    HoldExpired: "hold_expired", GONE, "Hold expired or released";
    PreconditionFailed: "precondition_failed", PRECONDITION_FAILED, "Precondition failed";
    BodyTooLarge: "body_too_large", PAYLOAD_TOO_LARGE, "Request body too large";
    ItemTooLarge: "item_too_large", PAYLOAD_TOO_LARGE, "Record or transaction too large";
    UnsupportedMediaType: "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported Content-Type";
    ValidationFailed: "validation_failed", UNPROCESSABLE_ENTITY, "Validation failed";
    AmbiguousLocalTime: "ambiguous_local_time", UNPROCESSABLE_ENTITY, "Local time does not exist or is ambiguous";
    UnknownReference: "unknown_reference", UNPROCESSABLE_ENTITY, "Referenced record not found";
    IdempotencyKeyReused: "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Idempotency-Key reused with a different request";
    RateLimited: "rate_limited", TOO_MANY_REQUESTS, "Rate limit exceeded";
    ConcurrencyLimited: "concurrency_limited", TOO_MANY_REQUESTS, "Concurrency limit exceeded";
    TooManyHeaders: "too_many_headers", REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many request headers";
    InternalError: "internal_error", INTERNAL_SERVER_ERROR, "Internal server error";
    Contention: "contention", SERVICE_UNAVAILABLE, "Conflicting concurrent writes";
    Throttled: "throttled", SERVICE_UNAVAILABLE, "Database throttling";
    Overloaded: "overloaded", SERVICE_UNAVAILABLE, "Service overloaded";
    AccessLogFull: "access_log_full", SERVICE_UNAVAILABLE, "Access log queue full";
    IdentityUnavailable: "identity_unavailable", SERVICE_UNAVAILABLE, "Token issuer not available";
    DeadlineExceeded: "deadline_exceeded", SERVICE_UNAVAILABLE, "Request deadline exceeded";
    Stopping: "stopping", SERVICE_UNAVAILABLE, "Service shutting down";
    NewerVersion: "newer_version", SERVICE_UNAVAILABLE, "Record written by a newer service version";
    StoreUnreachable: "store_unreachable", SERVICE_UNAVAILABLE, "Database not available";
}

/// The record that conflicts with a booking. It is always one that the request names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Blocking {
    /// The type of the record: `staff`, `resource`, `patient` or `clinic`.
    #[schema(example = "staff")]
    pub r#type: &'static str,
    /// The id of the record.
    #[schema(example = "STF-2B7M1X9D4K8R0W5T3V6N8Q1C")]
    pub id: String,
    /// If only holds conflict: when the last of them frees the time, 6 seconds after it expires. It
    /// may be released or confirmed earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date-time", example = "2027-03-02T08:12:05+01:00")]
    pub held_until: Option<String>,
}

impl Blocking {
    /// Returns a conflict with the record of this type and id.
    pub fn new(r#type: &'static str, id: &impl ToString) -> Self {
        Self { r#type, id: id.to_string(), held_until: None }
    }
}

/// An error response: the problem, its headers, and the cause for the log.
#[derive(Debug)]
#[must_use]
pub struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: PendingProblem,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
}

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// Returns an error with a detail for this occurrence. The detail must not contain patient
    /// data.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        // Every 400 and 422 has an entry in `errors`: the whole body if no field is known.
        let errors = match code.status() {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                vec![FieldError::of_body("", FieldCode::Invalid, detail.clone())]
            }
            _ => Vec::new(),
        };
        let problem = PendingProblem {
            code,
            detail,
            errors,
            nearest_free: None,
            blocking: None,
            merged_into: None,
            current_status: None,
            allowed: None,
            allowed_from: None,
            request_id: Arc::default(),
        };
        Self(Box::new(Parts { problem, headers: Vec::new(), cause: None }))
    }

    /// Returns an error about one field or parameter. `place` is a JSON pointer into the body, or
    /// the name of a parameter.
    pub fn field(code: ErrorCode, place: impl Into<String>, detail: impl Into<String>) -> Self {
        let (place, kind) = (place.into(), FieldCode::Invalid);
        let is_pointer = place.is_empty() || place.starts_with('/');
        let error = if is_pointer { FieldError::of_body } else { FieldError::of_parameter };
        Self::of_field(code, error(place, kind, detail))
    }

    /// Returns an error with one entry in `errors`. The problem's detail repeats that entry.
    pub fn of_field(code: ErrorCode, error: FieldError) -> Self {
        Self::new(code, format!("{} {}", error.name(), error.detail)).with_errors(vec![error])
    }

    /// Returns the error for a record that does not exist or that the caller may not see.
    pub fn not_found() -> Self {
        let detail = "The record does not exist, or you do not have access to it. Check the ids in the path.";
        Self::new(ErrorCode::NotFound, detail)
    }

    /// Returns a 500 whose cause is only in the log.
    pub fn internal() -> Self {
        let detail = "An unexpected error occurred. Report the request_id to the operator, whose log has the cause.";
        Self::new(ErrorCode::InternalError, detail)
    }

    /// Replaces the entries of `errors`.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.problem.errors = errors;
        self
    }

    /// Adds the free starts nearest to the requested one.
    pub fn with_nearest_free(mut self, starts: Vec<String>) -> Self {
        self.0.problem.nearest_free = Some(starts);
        self
    }

    /// Adds the record that conflicts with the request.
    pub fn with_blocking(mut self, blocking: Blocking) -> Self {
        self.0.problem.blocking = Some(blocking);
        self
    }

    /// Adds the patient into which the requested one was merged.
    pub fn with_merged_into(mut self, patient: &impl ToString) -> Self {
        self.0.problem.merged_into = Some(patient.to_string());
        self
    }

    /// Adds the appointment's current status and the allowed next statuses.
    pub fn with_current_status(mut self, status: &impl ToString, allowed: Vec<String>) -> Self {
        self.0.problem.current_status = Some(status.to_string());
        self.0.problem.allowed = Some(allowed);
        self
    }

    /// Adds the earliest time at which the request is allowed.
    pub fn with_allowed_from(mut self, from: String) -> Self {
        self.0.problem.allowed_from = Some(from);
        self
    }

    fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a response header, if there is a value.
    pub fn with_header(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        self.0.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// Adds `Retry-After: 1`.
    pub fn retry_later(self) -> Self {
        self.with_header(header::RETRY_AFTER, Some(HeaderValue::from_static("1")))
    }

    /// Returns the error's code.
    pub fn code(&self) -> ErrorCode {
        self.0.problem.code
    }

    /// Returns the entries of `errors`. They quote no values.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.problem.errors
    }
}

/// The data from which the problem middleware renders the response body. It serialises to the
/// members beyond those of RFC 9457.
#[derive(Debug, Clone, Serialize)]
pub struct PendingProblem {
    /// The error's code.
    pub code: ErrorCode,
    /// The explanation of this occurrence.
    #[serde(skip)]
    pub detail: String,
    /// The invalid fields and parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The free starts nearest to the requested one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest_free: Option<Vec<String>>,
    /// The record that conflicts with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocking: Option<Blocking>,
    /// The patient into which the requested one was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
    /// The appointment's current status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_status: Option<String>,
    /// The allowed next statuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
    /// The earliest time at which the request is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_from: Option<String>,
    /// The request's id, set by the middleware.
    pub request_id: Arc<str>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Parts { problem, headers, cause } = *self.0;
        if let Some(cause) = &cause {
            tracing::error!("error.type" = problem.code.as_str(), error.message = %cause, "request failed");
        }
        let mut response = problem.code.status().into_response();
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(problem);
        response
    }
}
