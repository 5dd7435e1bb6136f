//! Day sheets: the time that is taken of a staff member, a resource or a patient on one UTC day.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId},
    time::utc_midnight,
};

/// The time after a hold's expiry from which others may take its time. No server's clock is off by more.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// The most entries of a sheet, lapsed holds left out. Only overbooking leads there: 289 of the shortest appointments side by
/// side fill a day. Lapsed holds are side by side as well, so a sheet stays far below DynamoDB's 400 KB.
pub const MAX_ENTRIES: usize = 400;

/// The days that a sheet is kept after its own.
const KEPT_DAYS: i32 = 90;

/// The owner of a day sheet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the ids say what they are")]
pub enum SheetOwner {
    /// A staff member of a clinic.
    Staff { clinic_id: ClinicId, staff_id: StaffId },
    /// A room or a device of a clinic.
    Resource { clinic_id: ClinicId, resource_id: ResourceId },
    /// A patient, at any clinic.
    Patient { patient_id: PatientId },
}

impl SheetOwner {
    /// The owners at a clinic whose time a visit takes: the staff member first, then the resources.
    pub fn at_clinic<'a>(
        clinic_id: &'a ClinicId,
        staff_id: &StaffId,
        resource_ids: &'a [ResourceId],
    ) -> impl Iterator<Item = Self> + use<'a> {
        let staff = Self::Staff { clinic_id: clinic_id.clone(), staff_id: staff_id.clone() };
        let resources = resource_ids.iter().map(|resource_id| Self::Resource {
            clinic_id: clinic_id.clone(),
            resource_id: resource_id.clone(),
        });
        [staff].into_iter().chain(resources)
    }

    /// The clinic of a staff member or a resource.
    pub fn clinic_id(&self) -> Option<&ClinicId> {
        match self {
            Self::Staff { clinic_id, .. } | Self::Resource { clinic_id, .. } => Some(clinic_id),
            Self::Patient { .. } => None,
        }
    }
}

/// The time that is taken of one owner on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySheet {
    /// The owner.
    #[serde(flatten)]
    pub owner: SheetOwner,
    /// The UTC day.
    pub utc_date: Date,
    /// The time that each appointment takes.
    pub entries: BTreeMap<AppointmentId, Entry>,
    /// The instant from which TTL may delete it, in epoch seconds.
    pub expires_at: i64,
}

impl DaySheet {
    /// A day of which nothing is taken.
    pub fn empty(owner: SheetOwner, utc_date: Date) -> Self {
        let kept_until = utc_date.saturating_add(Span::new().days(KEPT_DAYS + 1));
        let expires_at = utc_midnight(kept_until).as_second();
        Self { owner, utc_date, entries: BTreeMap::new(), expires_at }
    }

    /// The first UTC day of which no sheet has expired.
    pub fn first_kept(today: Date) -> Date {
        today.saturating_sub(Span::new().days(KEPT_DAYS))
    }

    /// Whether an entry ends after `now`, lapsed holds left out.
    pub fn has_future_entry(&self, now: Timestamp) -> bool {
        self.entries.values().any(|entry| entry.end > now.as_second() && !entry.has_lapsed(now))
    }
}

/// The time that one appointment takes, in epoch seconds. An appointment over UTC midnight is entered whole in the sheets of
/// both days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The start.
    pub start: i64,
    /// The end, which is no longer part of it.
    pub end: i64,
    /// The expiry of the hold, in epoch seconds, if the time is only held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<i64>,
    /// The clinic, in a patient's sheet: whoever finds an entry finds its appointment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clinic_id: Option<ClinicId>,
    /// Whether it was booked over others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overbooked: bool,
}

impl Entry {
    /// Whether two entries have an instant in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether it is a hold that expired so long ago that its time may be taken.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        let lapsed = |expires_at| expires_at + CLOCK_SKEW.as_secs() < now.as_second();
        self.hold_expires_at.is_some_and(lapsed)
    }
}
