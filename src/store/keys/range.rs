//! The key ranges of Queries.

use jiff::{Timestamp, ToSpan as _, civil::Date};

use super::{
    audit_partition, clinic_partition,
    events::{
        DEAD_LETTERS, WORKERS, deferred_part, deferred_partition, deliveries_partition,
        due_partition, webhooks_partition,
    },
    found_partition, patient_partition, sheets_partition,
};
use crate::{
    id::{ClinicId, OrgId, OwnerTag, PatientId, RecordId, WebhookId},
    time::sortable,
};

/// Sorts after every character of ids and dates.
const LAST: &str = "~";

/// Sorts after every date and before every letter.
const AFTER_DATES: &str = ":";

/// A range of sort keys in one partition of the table or of the index. A Query reads exactly one
/// such range.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct KeyRange {
    pub(in crate::store) index: bool,
    pub(in crate::store) pk: String,
    pub(in crate::store) sort: SortRange,
}

impl KeyRange {
    fn of_table(pk: String, sort: SortRange) -> Self {
        Self { index: false, pk, sort }
    }

    fn of_index(pk: String, sort: SortRange) -> Self {
        Self { index: true, pk, sort }
    }
}

/// The selected sort keys of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortRange {
    /// No sort keys, because the bounds are reversed. DynamoDB refuses such a Query, so none is
    /// sent.
    Empty,
    /// All of them.
    All,
    /// The sort keys with a prefix.
    BeginsWith(String),
    /// The sort keys between two bounds, both inclusive. The first is never greater than the
    /// second.
    Between(String, String),
}

impl SortRange {
    /// Returns the sort keys from `first` to `last`, both inclusive, or none if `last` sorts before
    /// `first`.
    fn between(first: impl Into<String>, last: impl Into<String>) -> Self {
        let (first, last) = (first.into(), last.into());
        if first <= last { Self::Between(first, last) } else { Self::Empty }
    }
}

/// The calendar days of a list of appointments, by clinic-local date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// All days.
    All,
    /// One day.
    On(Date),
    /// One month, given by any of its days.
    Month(Date),
    /// A range of days, both inclusive.
    Between(Date, Date),
}

impl Dates {
    /// Returns the first and the last day, or `None` for all days.
    fn bounds(self) -> Option<(Date, Date)> {
        match self {
            Dates::All => None,
            Dates::On(date) => Some((date, date)),
            Dates::Month(day) => Some((day.first_of_month(), day.last_of_month())),
            Dates::Between(from, to) => Some((from, to)),
        }
    }

    /// Returns whether a day is included.
    pub fn hold(self, date: Date) -> bool {
        self.bounds().is_none_or(|(from, to)| (from..=to).contains(&date))
    }

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

/// The patients under a search term whose date of birth begins with `birth`.
pub fn search_entries(tag: &str, birth: &str) -> KeyRange {
    let sort = match birth {
        "" => SortRange::All,
        birth => SortRange::BeginsWith(birth.to_owned()),
    };
    KeyRange::of_table(found_partition(tag), sort)
}

/// An organisation's clinics, sorted by creation time.
pub fn clinics_of_org(org: &OrgId) -> KeyRange {
    KeyRange::of_index(format!("ORG#{org}"), SortRange::BeginsWith("CLINIC#".to_owned()))
}

/// The whole partition of a clinic: its appointments by start, then the clinic, its resources,
/// staff and visit types.
pub fn all_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange::of_table(clinic_partition(clinic), SortRange::All)
}

/// A clinic's plain records of one kind.
pub fn all_of_clinic_with(clinic: &ClinicId, prefix: &str) -> KeyRange {
    KeyRange::of_table(clinic_partition(clinic), SortRange::BeginsWith(format!("{prefix}#")))
}

/// The clinic, then its resources, staff and visit types, without appointments.
pub fn setup_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange::of_table(clinic_partition(clinic), SortRange::between("META", LAST))
}

/// A clinic's resources, staff and visit types.
pub fn setup_beside_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange::of_table(clinic_partition(clinic), SortRange::between("META#", LAST))
}

/// Returns whether records with this prefix are in [`setup_beside_clinic`].
pub const fn is_in_setup(prefix: &str) -> bool {
    prefix.as_bytes()[0] > b'M'
}

/// The exceptions of one owner that end on a date from `first_end` to `last_end`, both inclusive.
/// The range may include those of other owners with the same tag.
pub fn exceptions_of_owner(
    clinic: &ClinicId,
    owner: OwnerTag,
    (first_end, last_end): (Date, Date),
) -> KeyRange {
    let prefix = format!("EXCEPTION#{owner}#");
    let sort =
        SortRange::between(format!("{prefix}{first_end}"), format!("{prefix}{last_end}#{LAST}"));
    KeyRange::of_table(sheets_partition(clinic), sort)
}

/// All exceptions of a clinic that end on a date from `first_end` to `last_end`, both inclusive,
/// sorted by their last date.
pub fn exceptions_at_clinic(clinic: &ClinicId, (first_end, last_end): (Date, Date)) -> KeyRange {
    let (first, last) = (format!("EXCEPTION#{first_end}"), format!("EXCEPTION#{last_end}#{LAST}"));
    KeyRange::of_index(sheets_partition(clinic), SortRange::between(first, last))
}

/// A clinic's appointments on the given days.
pub fn appointments_of_clinic(clinic: &ClinicId, dates: Dates) -> KeyRange {
    KeyRange::of_table(clinic_partition(clinic), dates.range())
}

/// A patient's links to the appointments of [`appointments_of_patient`].
pub fn links_of_patient(patient: &PatientId, dates: Dates) -> KeyRange {
    KeyRange { index: false, ..appointments_of_patient(patient, dates) }
}

/// A patient's appointments at all clinics, sorted by start. The range is in UTC, so it also
/// includes appointments of the day before and after: the UTC date of a clinic's local date depends
/// on its time zone.
pub fn appointments_of_patient(patient: &PatientId, dates: Dates) -> KeyRange {
    let sort = match dates.bounds() {
        None => SortRange::BeginsWith("APPT#".to_owned()),
        Some((from, to)) if to < from => SortRange::Empty,
        Some((from, to)) => {
            let (from, to) = (from.saturating_sub(1.day()), to.saturating_add(1.day()));
            SortRange::between(format!("APPT#{from}"), format!("APPT#{to}{LAST}"))
        }
    };
    KeyRange::of_index(patient_partition(patient), sort)
}

/// The merges of other patients into a patient.
pub fn merges_into(patient: &PatientId) -> KeyRange {
    let sort = SortRange::BeginsWith("MERGED#".to_owned());
    KeyRange::of_table(patient_partition(patient), sort)
}

/// The accesses to a patient's data, sorted by time.
pub fn accesses_of_patient(patient: &PatientId) -> KeyRange {
    let sort = SortRange::BeginsWith("ACCESS#".to_owned());
    KeyRange::of_table(audit_partition(&patient.into()), sort)
}

/// The changes of a record between two instants, both inclusive.
pub fn changes_of_record(record: &RecordId, from: Timestamp, to: Timestamp) -> KeyRange {
    let (from, to) = (sortable(from), sortable(to));
    let sort = SortRange::between(format!("CHANGE#{from}"), format!("CHANGE#{to}#{LAST}"));
    KeyRange::of_table(audit_partition(record), sort)
}

/// The changes of a clinic and of everything that belongs to it between two instants, both
/// inclusive.
pub fn changes_at_clinic(clinic: &ClinicId, from: Timestamp, to: Timestamp) -> KeyRange {
    KeyRange { index: true, ..changes_of_record(&clinic.into(), from, to) }
}

/// An organisation's webhooks.
pub fn webhooks_of_org(org: &OrgId) -> KeyRange {
    KeyRange::of_table(webhooks_partition(org), SortRange::All)
}

/// The deliveries to a webhook, sorted by the time of their events.
pub fn deliveries_of_webhook(webhook: &WebhookId) -> KeyRange {
    KeyRange::of_table(deliveries_partition(webhook), SortRange::All)
}

/// The deliveries of one partition that are due at an instant, earliest first.
pub fn due_deliveries(part: u16, by: Timestamp) -> KeyRange {
    let sort = SortRange::between("0", format!("{}#{LAST}", sortable(by)));
    KeyRange::of_index(due_partition(part), sort)
}

/// All dead letters, oldest first.
pub fn dead_letters() -> KeyRange {
    KeyRange::of_table(DEAD_LETTERS.to_owned(), SortRange::All)
}

/// The deferred work of one partition after that of the organisation `after`, sorted by
/// organisation.
pub fn deferred_of_part(part: u16, after: Option<&OrgId>) -> KeyRange {
    let first = after.map_or_else(|| "-".to_owned(), |org| format!("{org}#{LAST}"));
    KeyRange::of_table(deferred_partition(part), SortRange::between(first, LAST))
}

/// The deferred work of an organisation, oldest first.
pub fn deferred_of_org(org: &OrgId) -> KeyRange {
    let sort = SortRange::BeginsWith(format!("{org}#"));
    KeyRange::of_table(deferred_partition(deferred_part(org)), sort)
}

/// The workers that send deliveries.
pub fn workers() -> KeyRange {
    KeyRange::of_table(WORKERS.to_owned(), SortRange::All)
}

/// The day sheets of a clinic's staff and resources, and all its exceptions.
pub fn days_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange::of_table(sheets_partition(clinic), SortRange::All)
}

/// The day sheets of a clinic's staff and resources between two UTC dates, both inclusive.
pub fn day_sheets_of_clinic(clinic: &ClinicId, first: Date, last: Date) -> KeyRange {
    let sort = SortRange::between(first.to_string(), format!("{last}#{LAST}"));
    KeyRange::of_table(sheets_partition(clinic), sort)
}

/// The day sheets of a clinic's staff and resources from a UTC date on.
pub fn staff_day_sheets_from(clinic: &ClinicId, utc_date: Date) -> KeyRange {
    let sort = SortRange::between(utc_date.to_string(), AFTER_DATES);
    KeyRange::of_table(sheets_partition(clinic), sort)
}

/// The day sheets of a patient from a UTC date on.
pub fn patient_day_sheets_from(patient: &PatientId, utc_date: Date) -> KeyRange {
    let sort = SortRange::between(format!("DAY#{utc_date}"), format!("DAY#{LAST}"));
    KeyRange::of_table(patient_partition(patient), sort)
}

#[cfg(test)]
mod tests;
