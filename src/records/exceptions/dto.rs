//! Exceptions as they come and go over HTTP.

use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::model::{AvailabilityException, MAX_DAYS};
use crate::{
    id::{ClinicId, ExceptionId, ResourceId, StaffId},
    sensitive::Sensitive,
    store::Entity,
    time::{DatedHours, Effect, date_only, optional_hour_minute},
    validation::{member, sensitive as hidden},
};

/// An exception to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = consistent))]
#[schema(example = json!({
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "first_date": "2027-07-05",
    "last_date": "2027-07-16",
    "effect": "closed",
    "reason": "summer leave"
}))]
pub struct ExceptionIn {
    /// Whose it is, if it is one staff member's; else it is the whole clinic's.
    pub staff_id: Option<StaffId>,
    /// Whose it is, if it is one resource's. Not together with `staff_id`.
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
    #[serde(default, with = "optional_hour_minute")]
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    pub from: Option<Time>,
    /// Until when on the same date; `00:00` is its end. Together with `from`.
    #[serde(default, with = "optional_hour_minute")]
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "12:00")]
    pub to: Option<Time>,
    /// Why.
    #[validate(length(max = 500), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: Option<Sensitive<String>>,
}

fn consistent(exception: &ExceptionIn) -> Result<(), ValidationError> {
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

/// An exception to the weekly hours.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Exception, example = json!({
    "id": "EXC-A4BQ2M7K9TW6X1B8N5T3V0C9",
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "first_date": "2027-07-05",
    "last_date": "2027-07-16",
    "effect": "closed",
    "reason": "summer leave",
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct ExceptionOut {
    /// Its id.
    pub id: ExceptionId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The staff member whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub staff_id: Option<StaffId>,
    /// The resource whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resource_id: Option<ResourceId>,
    /// The first date, on the clinic's wall.
    #[schema(format = Date)]
    pub first_date: Date,
    /// The last date, included.
    #[schema(format = Date)]
    pub last_date: Date,
    /// What it does.
    pub effect: Effect,
    /// From when on each of the dates.
    #[serde(with = "optional_hour_minute", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub from: Option<Time>,
    /// Until when on the same date; `00:00` is its end.
    #[serde(with = "optional_hour_minute", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub to: Option<Time>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub reason: Option<Sensitive<String>>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl From<Entity<AvailabilityException>> for ExceptionOut {
    fn from(Entity { value, meta }: Entity<AvailabilityException>) -> Self {
        let AvailabilityException { id, clinic_id, staff_id, resource_id, hours, reason } = value;
        let DatedHours { first, last, effect, from, to } = hours;
        Self {
            id,
            clinic_id,
            staff_id,
            resource_id,
            first_date: first,
            last_date: last,
            effect,
            from,
            to,
            reason,
            created_at: meta.created_at,
            updated_at: meta.updated_at,
        }
    }
}

impl ExceptionIn {
    /// The exception that this describes, at a clinic and under a new id.
    #[must_use]
    pub fn into_exception(self, clinic_id: ClinicId) -> AvailabilityException {
        let Self { staff_id, resource_id, first_date, last_date, effect, from, to, reason } = self;
        let hours = DatedHours { first: first_date, last: last_date, effect, from, to };
        let id = ExceptionId::random_on(last_date);
        AvailabilityException { id, clinic_id, staff_id, resource_id, hours, reason }
    }
}
