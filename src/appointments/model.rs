//! What an appointment is, and the steps of its life.

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId, VisitTypeId},
    sensitive::Sensitive,
    time::{Zone, is_whole_minute},
};

/// The shortest appointment, in minutes.
pub const MIN_MINUTES: u16 = 5;
/// The longest one, in minutes.
pub const MAX_MINUTES: u16 = 12 * 60;
/// How far ahead one may begin.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How long ago one may have begun when it is booked.
pub const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// The longest that staff and resources may need before or after one, in minutes.
pub const MAX_BUFFER_MINUTES: u16 = 120;
/// The most resources that one may need.
pub const MAX_RESOURCES: u64 = 5;

/// An appointment of a patient with a staff member of a clinic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Appointment {
    /// Its id.
    pub id: AppointmentId,
    /// The clinic where it takes place.
    pub clinic_id: ClinicId,
    /// The staff member.
    pub staff_id: StaffId,
    /// The patient; a hold may have none yet.
    pub patient_id: Option<PatientId>,
    /// The rooms and the equipment that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_ids: Vec<ResourceId>,
    /// What type of visit it is.
    pub visit_type_id: Option<VisitTypeId>,
    /// The date of the start on the clinic's wall, under which it is stored.
    pub date: Date,
    /// When it begins.
    pub start: Timestamp,
    /// How long it takes.
    pub duration_minutes: u16,
    /// What staff and resources need before it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub buffer_before_minutes: u16,
    /// What staff and resources need after it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub buffer_after_minutes: u16,
    /// The clinic's time zone, which never changes.
    pub time_zone: Zone,
    /// Where it stands in its life.
    pub status: Status,
    /// Until when it is held, if it is, or was.
    pub hold_expires_at: Option<Timestamp>,
    /// Whether it was booked over others.
    #[serde(default, skip_serializing_if = "is_not")]
    pub overbooked: bool,
    /// Why it was booked over others, or outside of working hours.
    pub override_reason: Option<Sensitive<String>>,
    /// From where it was moved last.
    pub rescheduled_from: Option<Rescheduled>,
    /// What it is for.
    pub reason: Option<Sensitive<String>>,
    /// What staff noted of it.
    pub notes: Option<Sensitive<String>>,
    /// Why it was cancelled.
    pub cancellation_reason: Option<Sensitive<String>>,
}

/// Where an appointment was before it was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescheduled {
    /// When it was to begin.
    pub start: Timestamp,
    /// How long it was to take.
    pub duration_minutes: u16,
    /// With which staff member.
    pub staff_id: StaffId,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(minutes: &u16) -> bool {
    *minutes == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_not(flag: &bool) -> bool {
    !flag
}

impl Appointment {
    /// When it ends; that instant is no longer part of it.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        end_of(self.start, self.duration_minutes)
    }
}

/// The end of what begins at `start` and takes `minutes`.
#[must_use]
pub fn end_of(start: Timestamp, minutes: u16) -> Timestamp {
    start.saturating_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(Timestamp::MAX)
}

/// Where an appointment stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::Scheduled,
        Self::Confirmed,
        Self::CheckedIn,
        Self::Completed,
        Self::Cancelled,
        Self::NoShow,
        Self::Expired,
    ];

    /// The name in items and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Scheduled => "scheduled",
            Self::Confirmed => "confirmed",
            Self::CheckedIn => "checked_in",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no_show",
            Self::Expired => "expired",
        }
    }

    /// Whether its time is taken: such an appointment has its entries in the day sheets.
    #[must_use]
    pub fn is_occupying(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Expired)
    }

    /// The statuses from which an appointment may step to this one.
    #[must_use]
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

    /// Whether an appointment may step from this status to `next`.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        next.predecessors().contains(&self)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why no appointment may begin at an instant, whoever it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It is over.
    #[error("must lie in the future")]
    Past,
    /// It is too far ahead.
    #[error("must be within 400 days from now")]
    TooFar,
    /// It has seconds.
    #[error("must be on a whole minute")]
    NotOnMinute,
}

/// Refuses starts that no appointment may have.
///
/// # Errors
/// [`StartError`].
pub fn check_start(start: Timestamp, now: Timestamp) -> Result<(), StartError> {
    if !is_whole_minute(start) {
        return Err(StartError::NotOnMinute);
    }
    let ahead = start.duration_since(now);
    if ahead < -GRACE {
        return Err(StartError::Past);
    }
    if ahead > HORIZON {
        return Err(StartError::TooFar);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_life_is_the_designs() {
        use Status::*;
        let steps = [
            (Held, Scheduled),
            (Held, Expired),
            (Scheduled, Confirmed),
            (Confirmed, CheckedIn),
            (CheckedIn, Completed),
            (Scheduled, Cancelled),
            (Confirmed, Cancelled),
            (Scheduled, NoShow),
            (Confirmed, NoShow),
            (CheckedIn, Scheduled),
        ];
        for from in Status::ALL {
            for to in Status::ALL {
                assert_eq!(from.can_become(to), steps.contains(&(from, to)), "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_status_is_named_as_it_is_stored() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn starts_have_grace_and_horizon_to_the_minute() {
        let now: Timestamp = "2027-03-01T08:00:00Z".parse().unwrap();
        let at = |seconds| check_start(now + SignedDuration::from_secs(seconds), now);
        assert_eq!(at(-300), Ok(()));
        assert_eq!(at(-360), Err(StartError::Past));
        assert_eq!(at(400 * 86_400), Ok(()));
        assert_eq!(at(400 * 86_400 + 60), Err(StartError::TooFar));
        assert_eq!(at(30), Err(StartError::NotOnMinute));
    }
}
