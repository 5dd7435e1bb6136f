//! Appointments and the transitions of their status.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId, VisitTypeId},
    sensitive::Sensitive,
    time::Zone,
};

/// The shortest duration of an appointment, in minutes.
pub const MIN_MINUTES: u16 = 5;
/// The longest duration of an appointment, in minutes.
pub const MAX_MINUTES: u16 = 12 * 60;
/// How far ahead an appointment may begin.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How long ago an appointment may have begun when it is booked.
pub const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// The longest buffer before or after an appointment, in minutes.
pub const MAX_BUFFER_MINUTES: u16 = 120;
/// The maximum number of resources of an appointment.
pub const MAX_RESOURCES: u64 = 5;

/// An appointment of a patient with a staff member of a clinic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Appointment {
    /// The id.
    pub id: AppointmentId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The staff member.
    pub staff_id: StaffId,
    /// The patient. A hold may have none.
    pub patient_id: Option<PatientId>,
    /// The rooms and equipment that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_ids: Vec<ResourceId>,
    /// The visit type.
    pub visit_type_id: Option<VisitTypeId>,
    /// The date of the start in the clinic's local time. It is part of the key.
    pub date: Date,
    /// The start.
    pub start: Timestamp,
    /// The requested start, in the clinic's local time. It differs from the local time of `start`
    /// if the time zone's rules have changed since.
    pub local_start: DateTime,
    /// The version of the time zone database with which `local_start` was computed.
    pub tzdb_version: String,
    /// The duration.
    pub duration_minutes: u16,
    /// The buffer of staff and resources before the visit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub buffer_before_minutes: u16,
    /// The buffer of staff and resources after the visit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub buffer_after_minutes: u16,
    /// The clinic's time zone, which never changes.
    pub time_zone: Zone,
    /// The status.
    pub status: Status,
    /// When the patient was checked in. Undoing the check-in removes it.
    pub checked_in_at: Option<Timestamp>,
    /// The expiry of a hold. A confirmed hold has none.
    pub hold_expires_at: Option<Timestamp>,
    /// Whether it was allowed to overlap other appointments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overbooked: bool,
    /// The reason why it may overlap others or lie outside working hours.
    pub override_reason: Option<Sensitive<String>>,
    /// The last move.
    pub rescheduled_from: Option<Rescheduled>,
    /// The reason for the visit.
    pub reason: Option<Sensitive<String>>,
    /// Notes for staff.
    pub notes: Option<Sensitive<String>>,
    /// The reason for the cancellation.
    pub cancellation_reason: Option<Sensitive<String>>,
    /// Whether its patient was erased. It then has none of these texts and accepts none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// A move of an appointment, with the time and the staff member before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescheduled {
    /// The start.
    pub start: Timestamp,
    /// The duration.
    pub duration_minutes: u16,
    /// The staff member.
    pub staff_id: StaffId,
    /// The names of the members that the move changed. A move to another start stores the
    /// appointment under another key, so the table's stream has no image of it before the move.
    pub changed: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(minutes: &u16) -> bool {
    *minutes == 0
}

impl Appointment {
    /// Returns a new appointment without a patient and without a duration.
    pub fn new(clinic_id: ClinicId, time_zone: Zone, staff_id: StaffId, start: Timestamp) -> Self {
        let local_start = time_zone.local(start);
        let date = local_start.date();
        Self {
            id: AppointmentId::random_at(start, date),
            clinic_id,
            staff_id,
            patient_id: None,
            resource_ids: Vec::new(),
            visit_type_id: None,
            date,
            start,
            local_start,
            tzdb_version: Zone::tzdb_version().to_owned(),
            duration_minutes: 0,
            buffer_before_minutes: 0,
            buffer_after_minutes: 0,
            time_zone,
            status: Status::Scheduled,
            checked_in_at: None,
            hold_expires_at: None,
            overbooked: false,
            override_reason: None,
            rescheduled_from: None,
            reason: None,
            notes: None,
            cancellation_reason: None,
            erased: false,
        }
    }

    /// Returns the appointment with another start, and the local time by today's rules of the time
    /// zone. Returns it unchanged if it already has this start.
    #[must_use]
    pub fn starting_at(self, start: Timestamp) -> Self {
        let local_start = self.time_zone.local(start);
        if (start, local_start) == (self.start, self.local_start) {
            return self;
        }
        let (date, tzdb_version) = (local_start.date(), Zone::tzdb_version().to_owned());
        Self { date, start, local_start, tzdb_version, ..self }
    }

    /// Returns whether the start still falls on the requested local time, by today's rules of the
    /// time zone.
    pub fn is_at_local_start(&self) -> bool {
        self.time_zone.local(self.start) == self.local_start
    }

    /// Returns the first instant of the visit's day at the clinic.
    pub fn day_begins(&self) -> Timestamp {
        self.time_zone.start_of(self.date)
    }

    /// Returns whether the appointment has a text about the patient.
    pub fn has_text(&self) -> bool {
        let Self { override_reason, reason, notes, cancellation_reason, .. } = self;
        [override_reason, reason, notes, cancellation_reason].into_iter().any(Option::is_some)
    }

    /// Returns the end (exclusive).
    pub fn end(&self) -> Timestamp {
        self.start.saturating_add(minutes(self.duration_minutes)).unwrap_or(Timestamp::MAX)
    }
}

/// Converts minutes to a duration.
pub fn minutes(minutes: u16) -> SignedDuration {
    SignedDuration::from_mins(minutes.into())
}

/// The status of an appointment. `held`: reserved until the hold expires. `scheduled`: booked, also
/// from a hold. `confirmed`: the patient has confirmed attendance. `expired`: a hold that was
/// released or not confirmed in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = AppointmentStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Reserved for a few minutes. A confirmation turns it into a booking, which is `scheduled`.
    Held,
    /// Booked. The patient has not confirmed attendance yet.
    Scheduled,
    /// The patient has confirmed attendance. This is not the confirmation of a hold.
    Confirmed,
    /// The patient has arrived.
    CheckedIn,
    /// The visit has taken place.
    Completed,
    /// The visit will not take place.
    Cancelled,
    /// The patient did not come.
    NoShow,
    /// A hold that was released or not confirmed in time.
    Expired,
}

impl Status {
    /// Returns whether the appointment takes time. If so, it has entries in the day sheets.
    pub fn is_occupying(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Expired)
    }

    /// Returns the statuses that may follow this one. A hold changes its status only by
    /// confirmation, release or expiry.
    pub fn steps(self) -> &'static [Self] {
        match self {
            Self::Scheduled => &[Self::Confirmed, Self::CheckedIn, Self::NoShow, Self::Cancelled],
            Self::Confirmed => &[Self::CheckedIn, Self::NoShow, Self::Cancelled],
            // The second one undoes the check-in.
            Self::CheckedIn => &[Self::Completed, Self::Scheduled],
            // The patient came late, or the outcome was set by mistake.
            Self::Completed | Self::NoShow => &[Self::CheckedIn],
            Self::Held | Self::Cancelled | Self::Expired => &[],
        }
    }

    /// Returns whether it is an outcome of the visit, which is accepted only from the day of the
    /// visit on.
    pub fn is_outcome(self) -> bool {
        matches!(self, Self::CheckedIn | Self::Completed | Self::NoShow)
    }
}

impl std::fmt::Display for Status {
    /// Writes the name as in items and JSON.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// Checks that an appointment may have this start. The error is the reason.
pub fn check_start(start: Timestamp, now: Timestamp) -> Result<(), &'static str> {
    let ahead = start.duration_since(now);
    if start.as_nanosecond() % 60_000_000_000 != 0 {
        Err("must be on a whole minute")
    } else if ahead < -GRACE {
        Err("must not be more than 5 minutes ago")
    } else if ahead > HORIZON {
        Err("must be at most 400 days from now")
    } else {
        Ok(())
    }
}
