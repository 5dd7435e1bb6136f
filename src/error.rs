//! Every error that a caller can see, as `application/problem+json` (RFC 9457).

mod store;

use std::sync::Arc;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::errors::Cause;

macro_rules! error_codes {
    ($($name:ident: $code:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, for programs. `docs/errors.md` tells what to do about each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub enum ErrorCode {
            $(#[doc = $title] #[serde(rename = $code)] $name,)*
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code in the problem's `code`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that it comes with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The problem's `title`, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

error_codes! {
    InvalidJson: "invalid_json", BAD_REQUEST, "The body is not JSON";
    InvalidParameter: "invalid_parameter", BAD_REQUEST, "A path, query or header value is wrong";
    InvalidCursor: "invalid_cursor", BAD_REQUEST, "The cursor is not one of this list";
    InvalidIdempotencyKey: "invalid_idempotency_key", BAD_REQUEST, "The Idempotency-Key is malformed";
    Unauthenticated: "unauthenticated", UNAUTHORIZED, "The caller has not proven who they are";
    Forbidden: "forbidden", FORBIDDEN, "The caller may not do this";
    NotFound: "not_found", NOT_FOUND, "There is no such record";
    NoRoute: "no_route", NOT_FOUND, "There is nothing under this path";
    MethodNotAllowed: "method_not_allowed", METHOD_NOT_ALLOWED, "The path has no such method";
    RequestTimeout: "request_timeout", REQUEST_TIMEOUT, "The body took too long to arrive";
    StaffBusy: "staff_busy", CONFLICT, "The staff member is taken at that time";
    PatientBusy: "patient_busy", CONFLICT, "The patient has another appointment at that time";
    ResourceBusy: "resource_busy", CONFLICT, "The resource is taken at that time";
    DayFull: "day_full", CONFLICT, "The day takes no more appointments";
    OutsideWorkingHours: "outside_working_hours", CONFLICT, "There is no work at that time";
    StaffInactive: "staff_inactive", CONFLICT, "The staff member takes no appointments";
    ResourceInactive: "resource_inactive", CONFLICT, "The resource can't be booked";
    RoleNotAllowed: "role_not_allowed", CONFLICT, "The staff member gives no visits of this type";
    PatientInactive: "patient_inactive", CONFLICT, "No appointments are made for the patient";
    InvalidTransition: "invalid_transition", CONFLICT, "The appointment's status has no such step";
    AppointmentErased: "appointment_erased", CONFLICT, "The appointment's patient was erased";
    MrnTaken: "mrn_taken", CONFLICT, "Another patient has the record number";
    ClinicHasStaff: "clinic_has_staff", CONFLICT, "The clinic has staff members";
    ClinicHasResources: "clinic_has_resources", CONFLICT, "The clinic has resources or visit types";
    HasFutureAppointments: "has_future_appointments", CONFLICT, "There are appointments to come";
    TooManyWebhooks: "too_many_webhooks", CONFLICT, "The organisation has as many webhooks as it may have";
    TooManyExceptions: "too_many_exceptions", CONFLICT, "The owner has as many exceptions as it may have";
    HoldExpired: "hold_expired", GONE, "The hold is over";
    PreconditionFailed: "precondition_failed", PRECONDITION_FAILED, "The record has changed";
    BodyTooLarge: "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    ItemTooLarge: "item_too_large", PAYLOAD_TOO_LARGE, "The record would be too large to store";
    UnsupportedMediaType: "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is of a type that is not taken here";
    ValidationFailed: "validation_failed", UNPROCESSABLE_ENTITY, "The body breaks a rule";
    AmbiguousLocalTime: "ambiguous_local_time", UNPROCESSABLE_ENTITY, "The local time names no single instant";
    UnknownReference: "unknown_reference", UNPROCESSABLE_ENTITY, "The body names a record that does not exist";
    IdempotencyKeyReused: "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request";
    RateLimited: "rate_limited", TOO_MANY_REQUESTS, "Too many requests in too short a time";
    TooManyHeaders: "too_many_headers", REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many headers";
    InternalError: "internal_error", INTERNAL_SERVER_ERROR, "Something went wrong on our side";
    Contention: "contention", SERVICE_UNAVAILABLE, "Too many writers at the same records";
    Throttled: "throttled", SERVICE_UNAVAILABLE, "The database limits its rate";
    Overloaded: "overloaded", SERVICE_UNAVAILABLE, "Too many concurrent requests";
    IdentityUnavailable: "identity_unavailable", SERVICE_UNAVAILABLE, "The issuer of tokens can't be reached";
    DeadlineExceeded: "deadline_exceeded", SERVICE_UNAVAILABLE, "The request took too long";
    Stopping: "stopping", SERVICE_UNAVAILABLE, "The process is about to stop";
    NewerVersion: "newer_version", SERVICE_UNAVAILABLE, "A newer version of the service wrote the record";
    StoreUnreachable: "store_unreachable", SERVICE_UNAVAILABLE, "The database can't be reached";
}

/// One field of a body, or one parameter, that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) of the field in the body, or the parameter's name.
    #[schema(example = "/start")]
    pub pointer: String,
    /// What is wrong with it.
    #[schema(example = "must lie in the future")]
    pub message: String,
}

/// Who or what stands in the way of an appointment: one of those that it names, never another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Blocking {
    /// `staff`, `resource` or `patient`.
    #[schema(example = "staff")]
    pub r#type: &'static str,
    /// Its id.
    #[schema(example = "STF-2B7M1X9D4K8R0W5T3V6N8Q1C")]
    pub id: String,
}

impl Blocking {
    /// One of a type, by its id.
    pub fn new(r#type: &'static str, id: &impl ToString) -> Self {
        Self { r#type, id: id.to_string() }
    }
}

/// A refusal or a failure, on its way to the caller.
#[derive(Debug)]
#[must_use]
pub struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: PendingProblem,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
}

/// The outcome of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error with a detail of this occurrence; it must not hold what a patient's record holds.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let problem = PendingProblem {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            nearest_free: None,
            blocking: None,
            current_status: None,
            request_id: Arc::default(),
        };
        Self(Box::new(Parts { problem, headers: Vec::new(), cause: None }))
    }

    /// A rule that one field or parameter breaks.
    pub fn field(code: ErrorCode, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        Self::new(code, format!("{pointer} {message}"))
            .with_errors(vec![FieldError { pointer, message }])
    }

    /// The record asked for is not there, or is another organisation's.
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "There is no such record, or it is not yours to see.")
    }

    /// An error whose cause is in our log alone.
    pub fn internal() -> Self {
        Self::new(ErrorCode::InternalError, "The error is in our log under this request id.")
    }

    /// The same with the fields that are wrong.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.problem.errors = errors;
        self
    }

    /// The same with the free starts nearest to the one that is taken.
    pub fn with_nearest_free(mut self, starts: Vec<String>) -> Self {
        self.0.problem.nearest_free = Some(starts);
        self
    }

    /// The same with what stands in the way.
    pub fn with_blocking(mut self, blocking: Blocking) -> Self {
        self.0.problem.blocking = Some(blocking);
        self
    }

    /// The same with the status that an appointment is in.
    pub fn with_current_status(mut self, status: &impl ToString) -> Self {
        self.0.problem.current_status = Some(status.to_string());
        self
    }

    fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same with a header.
    pub fn with_header(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        self.0.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// The same with the advice to try again in a second.
    pub fn retry_later(self) -> Self {
        self.with_header(header::RETRY_AFTER, Some(HeaderValue::from_static("1")))
    }

    /// The error's code.
    pub fn code(&self) -> ErrorCode {
        self.0.problem.code
    }
}

/// What the problem middleware makes the body of. It serialises as the members beyond RFC 9457's.
#[derive(Debug, Clone, Serialize)]
pub struct PendingProblem {
    /// What went wrong.
    pub code: ErrorCode,
    /// This occurrence of it.
    #[serde(skip)]
    pub detail: String,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The free starts nearest to the one that is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest_free: Option<Vec<String>>,
    /// What stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocking: Option<Blocking>,
    /// The status that the appointment is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_status: Option<String>,
    /// The request's id, which is known to the middleware alone.
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
