//! Day sheets: the busy intervals of a staff member, a resource or a patient on one UTC day.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId},
    time::utc_midnight,
};

/// The margin after a hold's expiry before others may take its time: the assumed maximum difference
/// between the servers' clocks.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// The maximum number of entries of a sheet, not counting lapsed holds. Only overbooking can reach
/// it: 289 of the shortest appointments fill a day without overlap. Lapsed holds do not overlap
/// either, so a sheet stays far below DynamoDB's 400 KB.
pub const MAX_ENTRIES: usize = 400;

/// The number of days that a sheet is kept after its own day.
const KEPT_DAYS: i32 = 90;

/// The owner of a day sheet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the ids say what they are")]
pub enum SheetOwner {
    /// A staff member of a clinic.
    Staff { clinic_id: ClinicId, staff_id: StaffId },
    /// A resource of a clinic.
    Resource { clinic_id: ClinicId, resource_id: ResourceId },
    /// A patient, at any clinic.
    Patient { patient_id: PatientId },
}

impl SheetOwner {
    /// Returns the owners at a clinic whose time a visit takes: first the staff member, then the
    /// resources.
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

    /// Returns the clinic of a staff member or a resource.
    pub fn clinic_id(&self) -> Option<&ClinicId> {
        match self {
            Self::Staff { clinic_id, .. } | Self::Resource { clinic_id, .. } => Some(clinic_id),
            Self::Patient { .. } => None,
        }
    }
}

/// The busy intervals of one owner on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySheet {
    /// The owner.
    #[serde(flatten)]
    pub owner: SheetOwner,
    /// The UTC day.
    pub utc_date: Date,
    /// The time that each appointment takes.
    pub entries: BTreeMap<AppointmentId, Entry>,
    /// When it expires (TTL), in epoch seconds.
    pub expires_at: i64,
}

impl DaySheet {
    /// Returns the sheet of a day without entries.
    pub fn empty(owner: SheetOwner, utc_date: Date) -> Self {
        let kept_until = utc_date.saturating_add(Span::new().days(KEPT_DAYS + 1));
        let expires_at = utc_midnight(kept_until).as_second();
        Self { owner, utc_date, entries: BTreeMap::new(), expires_at }
    }

    /// Returns the first UTC day whose sheets have not expired.
    pub fn first_kept(today: Date) -> Date {
        today.saturating_sub(Span::new().days(KEPT_DAYS))
    }

    /// Returns whether an entry ends after `now`, not counting lapsed holds.
    pub fn has_future_entry(&self, now: Timestamp) -> bool {
        self.entries.values().any(|entry| entry.end > now.as_second() && !entry.has_lapsed(now))
    }
}

/// The time that one appointment takes, in epoch seconds. An appointment across UTC midnight has
/// the same whole entry in the sheets of both days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The start.
    pub start: i64,
    /// The end (exclusive).
    pub end: i64,
    /// The expiry of the hold in epoch seconds, if the entry is a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<i64>,
    /// The clinic, in a patient's sheet. It is needed to find the appointment of an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clinic_id: Option<ClinicId>,
    /// Whether the appointment was allowed to overlap others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overbooked: bool,
}

impl Entry {
    /// Returns whether two entries overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Returns whether it is a lapsed hold: one that expired more than [`CLOCK_SKEW`] ago, so that
    /// others may take its time.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.lapses_at().is_some_and(|at| at <= now.as_second())
    }

    /// Returns the first epoch second at which others may take the time of a hold.
    pub fn lapses_at(&self) -> Option<i64> {
        self.hold_expires_at.map(|expires_at| expires_at + CLOCK_SKEW.as_secs() + 1)
    }
}
