//! The ranges of keys that a Query may ask for.

use jiff::{Timestamp, civil::Date};

use super::{
    audit_partition, clinic_partition,
    events::{DEAD_LETTERS, deliveries_partition, due_partition, webhooks_partition},
    patient_partition, sheets_partition,
};
use crate::{
    id::{ClinicId, OrgId, PatientId, RecordId, WebhookId},
    time::sortable,
};

/// Sorts after every character that an id or a date has.
const LAST: char = '~';

/// Sorts after every date, and before every letter.
const AFTER_DATES: char = ':';

/// A range of sort keys in one partition, of the table or of the index: all that a Query may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    pub(in crate::store) index: bool,
    pub(in crate::store) pk: String,
    pub(in crate::store) sort: SortRange,
}

/// Which sort keys of the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortRange {
    /// None: bounds the wrong way round. DynamoDB refuses to be asked for that, so it is not asked.
    Empty,
    /// All of them.
    All,
    /// Those that begin with a text.
    BeginsWith(String),
    /// Those between two bounds.
    Between(Bounds),
}

/// Two sort keys, both included; the first is never after the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    first: String,
    last: String,
}

impl Bounds {
    /// The first and the last sort key.
    pub(in crate::store) fn ends(&self) -> (&str, &str) {
        (&self.first, &self.last)
    }
}

impl SortRange {
    /// The sort keys from `first` to `last`, both included: none if `last` comes before `first`.
    fn between(first: impl Into<String>, last: impl Into<String>) -> Self {
        let (first, last) = (first.into(), last.into());
        if first <= last { Self::Between(Bounds { first, last }) } else { Self::Empty }
    }
}

/// The calendar days a list of appointments is asked for, by clinic-local date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// All there are.
    All,
    /// One day.
    On(Date),
    /// One month; any of its days names it.
    Month(Date),
    /// From the first to the second, both included.
    Between(Date, Date),
}

impl Dates {
    fn range(self) -> SortRange {
        match self {
            Dates::All => SortRange::BeginsWith("APPT#".to_owned()),
            Dates::On(date) => SortRange::BeginsWith(format!("APPT#{date}#")),
            Dates::Month(day) => SortRange::BeginsWith(format!("APPT#{}-", day.strftime("%Y-%m"))),
            Dates::Between(from, to) => {
                SortRange::between(format!("APPT#{from}"), format!("APPT#{to}#{LAST}"))
            }
        }
    }
}

/// An organisation's clinics, by the time they were made.
#[must_use]
pub fn clinics_of_org(org: &OrgId) -> KeyRange {
    KeyRange {
        index: true,
        pk: format!("ORG#{org}"),
        sort: SortRange::BeginsWith("CLINIC#".to_owned()),
    }
}

/// All of a clinic: its appointments by date, then itself, its resources, its staff and its visit types.
#[must_use]
pub fn all_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange { index: false, pk: clinic_partition(clinic), sort: SortRange::All }
}

/// A clinic's plain records of one kind.
#[must_use]
pub fn all_of_clinic_with(clinic: &ClinicId, prefix: &str) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::BeginsWith(format!("{prefix}#")),
    }
}

/// A clinic itself, then its resources, its staff and its types of visits, without its appointments.
#[must_use]
pub fn setup_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::between("META", LAST.to_string()),
    }
}

/// A clinic's resources, staff and types of visits.
#[must_use]
pub fn setup_beside_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::between("META#", LAST.to_string()),
    }
}

/// Whether the records of a prefix are in [`setup_beside_clinic`].
#[must_use]
pub const fn is_in_setup(prefix: &str) -> bool {
    prefix.as_bytes()[0] > b'M'
}

/// A clinic's exceptions that end on a date from `first_end` to `last_end`, both included.
#[must_use]
pub fn exceptions_of_clinic(clinic: &ClinicId, first_end: Date, last_end: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: sheets_partition(clinic),
        sort: SortRange::between(
            format!("EXCEPTION#{first_end}"),
            format!("EXCEPTION#{last_end}#{LAST}"),
        ),
    }
}

/// A clinic's appointments on the given days.
#[must_use]
pub fn appointments_of_clinic(clinic: &ClinicId, dates: Dates) -> KeyRange {
    KeyRange { index: false, pk: clinic_partition(clinic), sort: dates.range() }
}

/// A patient's appointments at all clinics on the given days.
#[must_use]
pub fn appointments_of_patient(patient: &PatientId, dates: Dates) -> KeyRange {
    KeyRange { index: true, pk: patient_partition(patient), sort: dates.range() }
}

/// The accesses to what is known of a patient, by time.
#[must_use]
pub fn accesses_of_patient(patient: &PatientId) -> KeyRange {
    KeyRange {
        index: false,
        pk: audit_partition(&patient.into()),
        sort: SortRange::BeginsWith("ACCESS#".to_owned()),
    }
}

/// The changes of a record from one instant to another, both included.
#[must_use]
pub fn changes_of_record(record: &RecordId, from: Timestamp, to: Timestamp) -> KeyRange {
    let (from, to) = (sortable(from), sortable(to));
    let sort = SortRange::between(format!("CHANGE#{from}"), format!("CHANGE#{to}#{LAST}"));
    KeyRange { index: false, pk: audit_partition(record), sort }
}

/// The changes of a clinic and of all that is its from one instant to another, both included.
#[must_use]
pub fn changes_at_clinic(clinic: &ClinicId, from: Timestamp, to: Timestamp) -> KeyRange {
    KeyRange { index: true, ..changes_of_record(&clinic.into(), from, to) }
}

/// An organisation's webhooks.
#[must_use]
pub fn webhooks_of_org(org: &OrgId) -> KeyRange {
    KeyRange { index: false, pk: webhooks_partition(org), sort: SortRange::All }
}

/// The deliveries to a webhook, by their events' time.
#[must_use]
pub fn deliveries_of_webhook(webhook: &WebhookId) -> KeyRange {
    KeyRange { index: false, pk: deliveries_partition(webhook), sort: SortRange::All }
}

/// The deliveries of one part that are due by an instant, the earliest first.
#[must_use]
pub fn due_deliveries(part: u16, by: Timestamp) -> KeyRange {
    let sort = SortRange::between("0", format!("{}#{LAST}", sortable(by)));
    KeyRange { index: true, pk: due_partition(part), sort }
}

/// All dead letters, the earliest first.
#[must_use]
pub fn dead_letters() -> KeyRange {
    KeyRange { index: false, pk: DEAD_LETTERS.to_owned(), sort: SortRange::All }
}

/// The day sheets of a clinic's staff and resources from one UTC date to another, both included.
#[must_use]
pub fn day_sheets_of_clinic(clinic: &ClinicId, first: Date, last: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: sheets_partition(clinic),
        sort: SortRange::between(first.to_string(), format!("{last}#{LAST}")),
    }
}

/// The day sheets of a clinic's staff and resources from a UTC date on.
#[must_use]
pub fn staff_day_sheets_from(clinic: &ClinicId, utc_date: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: sheets_partition(clinic),
        sort: SortRange::between(utc_date.to_string(), AFTER_DATES.to_string()),
    }
}

/// The day sheets of a patient from a UTC date on.
#[must_use]
pub fn patient_day_sheets_from(patient: &PatientId, utc_date: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: patient_partition(patient),
        sort: SortRange::between(format!("DAY#{utc_date}"), format!("DAY#{LAST}")),
    }
}

#[cfg(test)]
mod tests;
