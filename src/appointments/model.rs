//! Appointments, and the steps of their status life.

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

/// The shortest appointment, in minutes.
pub const MIN_MINUTES: u16 = 5;
/// The longest one, in minutes.
pub const MAX_MINUTES: u16 = 12 * 60;
/// The time ahead within which an appointment may begin.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The time ago at which an appointment may have begun when it is booked.
pub const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// The longest buffer before or after an appointment, in minutes.
pub const MAX_BUFFER_MINUTES: u16 = 120;
/// The most resources of an appointment.
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
    /// The patient; a hold may have none yet.
    pub patient_id: Option<PatientId>,
    /// The rooms and devices that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_ids: Vec<ResourceId>,
    /// The visit type.
    pub visit_type_id: Option<VisitTypeId>,
    /// The date of the start in the clinic's local time, under which it is stored.
    pub date: Date,
    /// The start.
    pub start: Timestamp,
    /// The start that was asked for, in the clinic's local time. It differs from that of the instant if the rules of the zone
    /// have changed since.
    pub local_start: DateTime,
    /// The version of the time zone database by which the two were the same.
    pub tzdb_version: String,
    /// The length.
    pub duration_minutes: u16,
    /// The buffer of staff and resources before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub buffer_before_minutes: u16,
    /// The buffer of staff and resources after it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub buffer_after_minutes: u16,
    /// The clinic's time zone, which never changes.
    pub time_zone: Zone,
    /// The status.
    pub status: Status,
    /// The expiry of the hold, if it is or was one.
    pub hold_expires_at: Option<Timestamp>,
    /// Whether it was booked over others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overbooked: bool,
    /// The reason for booking it over others or outside of working hours.
    pub override_reason: Option<Sensitive<String>>,
    /// The last move: what it changed, and the time and staff member before it.
    pub rescheduled_from: Option<Rescheduled>,
    /// The reason for the visit.
    pub reason: Option<Sensitive<String>>,
    /// The notes of staff.
    pub notes: Option<Sensitive<String>>,
    /// The reason for cancelling it.
    pub cancellation_reason: Option<Sensitive<String>>,
    /// Whether its patient was erased; then it has none of these texts, and accepts none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// A move of an appointment: what it changed, and the time and the staff member before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescheduled {
    /// The start.
    pub start: Timestamp,
    /// The length.
    pub duration_minutes: u16,
    /// The staff member.
    pub staff_id: StaffId,
    /// The names of the members that it changed. A new start stores the appointment under another key, so that the table's
    /// stream has no image of it before.
    pub changed: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(minutes: &u16) -> bool {
    *minutes == 0
}

impl Appointment {
    /// A new appointment of nobody yet, without a length.
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

    /// The appointment at a start that was asked for, with the local time that it is today. It is the same if it is there already.
    #[must_use]
    pub fn starting_at(self, start: Timestamp) -> Self {
        let local_start = self.time_zone.local(start);
        if (start, local_start) == (self.start, self.local_start) {
            return self;
        }
        let (date, tzdb_version) = (local_start.date(), Zone::tzdb_version().to_owned());
        Self { date, start, local_start, tzdb_version, ..self }
    }

    /// Whether the start still is the local time that was asked for, by the zone's rules of today.
    pub fn is_at_local_start(&self) -> bool {
        self.time_zone.local(self.start) == self.local_start
    }

    /// Whether there is a text about the patient.
    pub fn has_text(&self) -> bool {
        let Self { override_reason, reason, notes, cancellation_reason, .. } = self;
        [override_reason, reason, notes, cancellation_reason].into_iter().any(Option::is_some)
    }

    /// The end, which is no longer part of it.
    pub fn end(&self) -> Timestamp {
        self.start.saturating_add(minutes(self.duration_minutes)).unwrap_or(Timestamp::MAX)
    }
}

/// A length of time in whole minutes.
pub fn minutes(minutes: u16) -> SignedDuration {
    SignedDuration::from_mins(minutes.into())
}

/// The status of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Kept free for a few minutes, until it is confirmed into a booking.
    Held,
    /// Booked.
    Scheduled,
    /// Confirmed by the patient.
    Confirmed,
    /// The patient has arrived.
    CheckedIn,
    /// It has taken place.
    Completed,
    /// It will not take place.
    Cancelled,
    /// The patient did not come.
    NoShow,
    /// A hold that nobody confirmed in time.
    Expired,
}

impl Status {
    /// Whether its time is taken: such an appointment has its entries in the day sheets.
    pub fn is_occupying(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Expired)
    }

    /// The statuses from which an appointment may step to this one.
    pub fn predecessors(self) -> &'static [Self] {
        match self {
            Self::Held => &[],
            // Confirming a hold, and taking back a check-in.
            Self::Scheduled => &[Self::Held, Self::CheckedIn],
            Self::Confirmed => &[Self::Scheduled],
            Self::CheckedIn => &[Self::Confirmed],
            Self::Completed => &[Self::CheckedIn],
            Self::Cancelled | Self::NoShow => &[Self::Scheduled, Self::Confirmed],
            Self::Expired => &[Self::Held],
        }
    }
}

impl std::fmt::Display for Status {
    /// The name in items and JSON.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// Refuses starts that no appointment may have, with the reason.
pub fn check_start(start: Timestamp, now: Timestamp) -> Result<(), &'static str> {
    let ahead = start.duration_since(now);
    if start.as_nanosecond() % 60_000_000_000 != 0 {
        Err("must be on a whole minute")
    } else if ahead < -GRACE {
        Err("must lie in the future")
    } else if ahead > HORIZON {
        Err("must be within 400 days from now")
    } else {
        Ok(())
    }
}
