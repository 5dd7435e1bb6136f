//! Availability exceptions.

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::{
    id::{self, ClinicId, ExceptionId, ResourceId, StaffId},
    records::{
        details::{ClinicDetails, Details},
        of_clinic::OfClinic,
    },
    sensitive::Sensitive,
    store::{
        Key,
        keys::{self, IndexKey},
    },
    time::{Effect, date_only, optional_date, optional_hour_minute},
    validation::{AFTER_FROM, member, missing, sensitive as hidden},
};

/// The maximum number of days of one exception.
pub const MAX_DAYS: i32 = 366;

/// The maximum number of exceptions of one owner (a clinic, a staff member or a resource) that have
/// not ended. A booking reads all of them that touch its days.
pub const MAX_PER_OWNER: usize = 400;

/// An availability exception: dates on which the hours of a clinic, a staff member or a resource
/// differ from the weekly ones. Its id contains the owner and the last date.
pub type AvailabilityException = OfClinic<ExceptionDetails>;

/// An exception to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(from = "Sent", deny_unknown_fields)]
#[validate(schema(function = consistent))]
#[schema(as = AvailabilityExceptionIn, example = json!({
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "first_date": "2027-07-05",
    "last_date": "2027-07-16",
    "effect": "closed",
    "reason": "annual leave"
}))]
pub struct ExceptionDetails {
    /// The staff member whose hours differ. Without `staff_id` and `resource_id`, the exception
    /// applies to the whole clinic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff_id: Option<StaffId>,
    /// The resource whose hours differ. Cannot be combined with `staff_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<ResourceId>,
    /// The first date, in the clinic's local time.
    #[schema(format = Date, example = "2027-07-05")]
    pub first_date: Date,
    /// The last date (inclusive). An exception covers at most 366 days. If absent, it covers only
    /// `first_date`.
    #[schema(value_type = Option<String>, format = Date, example = "2027-07-16")]
    pub last_date: Date,
    /// Whether it opens or closes hours.
    pub effect: Effect,
    /// The start on each date, in local time. Required if `effect` is `open`. If absent, the
    /// exception covers whole days.
    #[serde(
        serialize_with = "optional_hour_minute::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    pub from: Option<Time>,
    /// The end on each date. Required with `from`, and not allowed without it. `24:00` is the end
    /// of the day; it is stored and returned as `00:00`.
    #[serde(
        serialize_with = "optional_hour_minute::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "12:00")]
    pub to: Option<Time>,
    /// The reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
}

/// An exception as it is sent or stored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    staff_id: Option<StaffId>,
    resource_id: Option<ResourceId>,
    #[serde(deserialize_with = "date_only")]
    first_date: Date,
    #[serde(default, deserialize_with = "optional_date")]
    last_date: Option<Date>,
    effect: Effect,
    #[serde(default, deserialize_with = "optional_hour_minute::deserialize")]
    from: Option<Time>,
    #[serde(default, deserialize_with = "optional_hour_minute::end")]
    to: Option<Time>,
    reason: Option<Sensitive<String>>,
}

impl From<Sent> for ExceptionDetails {
    fn from(sent: Sent) -> Self {
        let Sent { staff_id, resource_id, first_date, last_date, effect, from, to, reason } = sent;
        let last_date = last_date.unwrap_or(first_date);
        Self { staff_id, resource_id, first_date, last_date, effect, from, to, reason }
    }
}

fn consistent(exception: &ExceptionDetails) -> Result<(), ValidationError> {
    let wrong = |name, message| Err(member(name, message));
    let needed = |name, message| Err(missing(name, message));
    let days = (exception.last_date - exception.first_date).get_days();
    let ends = |to: Time| if to == Time::midnight() { Time::MAX } else { to };
    if exception.staff_id.is_some() && exception.resource_id.is_some() {
        return wrong("resource_id", "cannot be combined with staff_id");
    }
    if days < 0 {
        return wrong("last_date", "must not be before first_date");
    }
    if days >= MAX_DAYS {
        return wrong("last_date", "must be at most 365 days after first_date");
    }
    match (exception.from, exception.to, exception.effect) {
        (None, None, Effect::Closed) => Ok(()),
        (Some(from), Some(to), _) if from < ends(to) => Ok(()),
        (Some(_), Some(_), _) => wrong("to", AFTER_FROM),
        (None, None, Effect::Open) => needed("from", "is required, like to, if effect is open"),
        (None, Some(_), _) => needed("from", "is required, because to is given"),
        (Some(_), None, _) => needed("to", "is required, because from is given"),
    }
}

impl Details for ExceptionDetails {
    type Kind = id::Exception;
    const SCHEMA: &'static str = "AvailabilityException";
    const DESCRIPTION: &'static str = "Dates on which the hours differ from the weekly ones.";
}

impl ClinicDetails for ExceptionDetails {
    const TYPE: &'static str = "exception";
    const PREFIX: &'static str = "EXCEPTION";

    /// Sorts by owner and last date, so that the exceptions of one owner on some dates are one
    /// range of keys.
    fn key(clinic: &ClinicId, id: &ExceptionId) -> Key {
        keys::exception(clinic, id)
    }

    fn index_key(clinic: &ClinicId, id: &ExceptionId) -> Option<IndexKey> {
        Some(keys::exception_at_clinic(clinic, id))
    }
}
