//! Every key of the table is written and read here, out of typed ids; the table of them is in `docs/`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, civil::Date};

use crate::{
    id::{AppointmentId, ClinicId, OrgId, PatientId, StaffId},
    time::sortable,
};

/// Partition key attribute.
pub const PK: &str = "PK";
/// Sort key attribute.
pub const SK: &str = "SK";
/// The index's name.
pub const GSI1: &str = "GSI1";
/// Partition key attribute of [`GSI1`].
pub const GSI1PK: &str = "GSI1PK";
/// Sort key attribute of [`GSI1`].
pub const GSI1SK: &str = "GSI1SK";
/// The attribute by which DynamoDB expires items, epoch seconds.
pub const EXPIRES_AT: &str = "expires_at";

const META: &str = "META";
/// Sorts after every character that an id or a date has.
const LAST: char = '~';

/// Where an item lives in the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pk: String,
    sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The key's two attributes.
    #[must_use]
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// The key of an item as it was read.
    #[must_use]
    pub fn of(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name| item.get(name)?.as_s().ok().cloned();
        Some(Self { pk: text(PK)?, sk: text(SK)? })
    }
}

/// Where an item lives in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    pk: String,
    sk: String,
}

impl IndexKey {
    /// The index key's two attributes.
    #[must_use]
    pub fn attributes(&self) -> [(String, AttributeValue); 2] {
        [
            (GSI1PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (GSI1SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ]
    }
}

/// A range of sort keys in one partition, of the table or of the index: all that a Query may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    pub(super) index: bool,
    pub(super) pk: String,
    pub(super) sort: SortRange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SortRange {
    All,
    BeginsWith(String),
    Between(String, String),
}

impl KeyRange {
    /// What a cursor into this range must be bound to.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{self:?}")
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
                SortRange::Between(format!("APPT#{from}"), format!("APPT#{to}#{LAST}"))
            }
        }
    }
}

fn clinic_partition(clinic: &ClinicId) -> String {
    format!("CLINIC#{clinic}")
}

fn patient_partition(patient: &PatientId) -> String {
    format!("PATIENT#{patient}")
}

fn sheets_partition(clinic: &ClinicId) -> String {
    format!("DAYS#{clinic}")
}

/// `CLINIC#{clinic}` / `META`.
#[must_use]
pub fn clinic(clinic: &ClinicId) -> Key {
    Key::new(clinic_partition(clinic), META)
}

/// `ORG#{org}` / `CLINIC#{created_at}#{clinic}` in the index.
#[must_use]
pub fn clinic_in_org(org: &OrgId, created_at: Timestamp, clinic: &ClinicId) -> IndexKey {
    IndexKey { pk: format!("ORG#{org}"), sk: format!("CLINIC#{}#{clinic}", sortable(created_at)) }
}

/// `CLINIC#{clinic}` / `STAFF#{staff}`.
#[must_use]
pub fn staff(clinic: &ClinicId, staff: &StaffId) -> Key {
    Key::new(clinic_partition(clinic), format!("STAFF#{staff}"))
}

/// `CLINIC#{clinic}` / `APPT#{date}#{appt}`.
#[must_use]
pub fn appointment(clinic: &ClinicId, date: Date, appointment: &AppointmentId) -> Key {
    Key::new(clinic_partition(clinic), format!("APPT#{date}#{appointment}"))
}

/// `PATIENT#{patient}` / `APPT#{date}#{appt}` in the index.
#[must_use]
pub fn appointment_of_patient(
    patient: &PatientId,
    date: Date,
    appointment: &AppointmentId,
) -> IndexKey {
    IndexKey { pk: patient_partition(patient), sk: format!("APPT#{date}#{appointment}") }
}

/// `APPT#{appt}` / `MOVED`: the date under which a moved appointment lives now.
#[must_use]
pub fn moved_appointment(appointment: &AppointmentId) -> Key {
    Key::new(format!("APPT#{appointment}"), "MOVED")
}

/// `APPT#{appt}` / `DELETED`: who deleted it and when.
#[must_use]
pub fn deleted_appointment(appointment: &AppointmentId) -> Key {
    Key::new(format!("APPT#{appointment}"), "DELETED")
}

/// `PATIENT#{patient}` / `META`.
#[must_use]
pub fn patient(patient: &PatientId) -> Key {
    Key::new(patient_partition(patient), META)
}

/// `PATIENT#{patient}` / `META` in the index.
#[must_use]
pub fn patient_in_index(patient: &PatientId) -> IndexKey {
    IndexKey { pk: patient_partition(patient), sk: META.to_owned() }
}

/// `MRN#{org}#{mrn}` / `META`: the marker that keeps a record number unique in its organisation.
#[must_use]
pub fn record_number(org: &OrgId, mrn: &str) -> Key {
    Key::new(format!("MRN#{org}#{mrn}"), META)
}

/// `DAYS#{clinic}` / `{utc date}#STAFF#{staff}`.
#[must_use]
pub fn staff_day_sheet(clinic: &ClinicId, staff: &StaffId, utc_date: Date) -> Key {
    Key::new(sheets_partition(clinic), format!("{utc_date}#STAFF#{staff}"))
}

/// `PATIENT#{patient}` / `DAY#{utc date}`.
#[must_use]
pub fn patient_day_sheet(patient: &PatientId, utc_date: Date) -> Key {
    Key::new(patient_partition(patient), format!("DAY#{utc_date}"))
}

/// `IDEMPOTENCY#{hash}` / `META`.
#[must_use]
pub fn idempotency(hash: &str) -> Key {
    Key::new(format!("IDEMPOTENCY#{hash}"), META)
}

/// A key at which nothing is ever written, for a readiness check to read.
#[must_use]
pub fn never_written() -> Key {
    Key::new("READINESS".to_owned(), META)
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

/// All of a clinic: its appointments by date, then itself, then its staff.
#[must_use]
pub fn all_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange { index: false, pk: clinic_partition(clinic), sort: SortRange::All }
}

/// A clinic's staff.
#[must_use]
pub fn staff_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::BeginsWith("STAFF#".to_owned()),
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

/// The day sheets of a clinic's staff from a UTC date on.
#[must_use]
pub fn staff_day_sheets_from(clinic: &ClinicId, utc_date: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: sheets_partition(clinic),
        sort: SortRange::Between(utc_date.to_string(), LAST.to_string()),
    }
}

/// The day sheets of a patient from a UTC date on.
#[must_use]
pub fn patient_day_sheets_from(patient: &PatientId, utc_date: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: patient_partition(patient),
        sort: SortRange::Between(format!("DAY#{utc_date}"), format!("DAY#{LAST}")),
    }
}
