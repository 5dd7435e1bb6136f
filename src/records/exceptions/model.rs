//! Exceptions to the weekly hours.

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
    time::{Effect, date_only, optional_hour_minute},
    validation::{member, sensitive as hidden},
};

/// The most days that one exception is for.
pub const MAX_DAYS: i32 = 366;

/// The most exceptions of one owner that are not over: a clinic, a staff member or a resource. A booking reads them.
pub const MAX_PER_OWNER: usize = 400;

/// Dates on which a clinic, a staff member or a resource works otherwise than by the week. Its id carries whose it is, and the
/// last date.
pub type AvailabilityException = OfClinic<ExceptionDetails>;

/// An exception to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = consistent))]
#[schema(as = ExceptionIn, example = json!({
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "first_date": "2027-07-05",
    "last_date": "2027-07-16",
    "effect": "closed",
    "reason": "summer leave"
}))]
pub struct ExceptionDetails {
    /// Whose it is, if it is one staff member's; else it is the whole clinic's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff_id: Option<StaffId>,
    /// Whose it is, if it is one resource's. Not together with `staff_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<ResourceId>,
    /// The first date, on the clinic's wall.
    #[serde(deserialize_with = "date_only")]
    #[schema(format = Date, example = "2027-07-05")]
    pub first_date: Date,
    /// The last date, included; at most 366 days in all.
    #[serde(deserialize_with = "date_only")]
    #[schema(format = Date, example = "2027-07-16")]
    pub last_date: Date,
    /// What it does.
    pub effect: Effect,
    /// From when on each of the dates; all of each, if it is left out. `open` needs it.
    #[serde(default, with = "optional_hour_minute", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    pub from: Option<Time>,
    /// Until when on the same date; `00:00` is its end. Together with `from`.
    #[serde(default, with = "optional_hour_minute", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "12:00")]
    pub to: Option<Time>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
}

fn consistent(exception: &ExceptionDetails) -> Result<(), ValidationError> {
    let wrong = |name, message| Err(member(name, message));
    let days = (exception.last_date - exception.first_date).get_days();
    let ends = |to: Time| if to == Time::midnight() { Time::MAX } else { to };
    if exception.staff_id.is_some() && exception.resource_id.is_some() {
        return wrong("resource_id", "can't be combined with staff_id");
    }
    if days < 0 {
        return wrong("last_date", "must not be before first_date");
    }
    if days >= MAX_DAYS {
        return wrong("last_date", "must be within 366 days, first_date included");
    }
    match (exception.from, exception.to, exception.effect) {
        (None, None, Effect::Closed) => Ok(()),
        (Some(from), Some(to), _) if from < ends(to) => Ok(()),
        (Some(_), Some(_), _) => wrong("to", "must be after from, on the same day"),
        (None, None, Effect::Open) => wrong("from", "is required, and to: the exception is open"),
        (None, Some(_), _) => wrong("from", "is required: there is to"),
        (Some(_), None, _) => wrong("to", "is required: there is from"),
    }
}

impl Details for ExceptionDetails {
    type Kind = id::Exception;
    const SCHEMA: &'static str = "Exception";
    const DESCRIPTION: &'static str = "An exception to the weekly hours.";
}

impl ClinicDetails for ExceptionDetails {
    const TYPE: &'static str = "exception";
    const PREFIX: &'static str = "EXCEPTION";

    /// By owner and last date, so that the exceptions of one owner on some dates are one range of keys.
    fn key(clinic: &ClinicId, id: &ExceptionId) -> Key {
        keys::exception(clinic, id)
    }

    fn index_key(clinic: &ClinicId, id: &ExceptionId) -> Option<IndexKey> {
        Some(keys::exception_at_clinic(clinic, id))
    }
}
