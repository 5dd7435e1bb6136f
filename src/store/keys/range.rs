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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortRange {
    All,
    BeginsWith(String),
    Between(String, String),
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

/// A clinic's staff.
#[must_use]
pub fn staff_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::BeginsWith("STAFF#".to_owned()),
    }
}

/// A clinic's rooms and equipment.
#[must_use]
pub fn resources_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::BeginsWith("RESOURCE#".to_owned()),
    }
}

/// A clinic's types of visits.
#[must_use]
pub fn visit_types_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::BeginsWith("VISIT_TYPE#".to_owned()),
    }
}

/// A clinic itself, then its resources, its staff and its types of visits, without its appointments.
#[must_use]
pub fn setup_of_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::Between("META".to_owned(), LAST.to_string()),
    }
}

/// A clinic's resources, staff and types of visits.
#[must_use]
pub fn setup_beside_clinic(clinic: &ClinicId) -> KeyRange {
    KeyRange {
        index: false,
        pk: clinic_partition(clinic),
        sort: SortRange::Between("META#".to_owned(), LAST.to_string()),
    }
}

/// A clinic's exceptions that end on a date from `first_end` to `last_end`, both included.
#[must_use]
pub fn exceptions_of_clinic(clinic: &ClinicId, first_end: Date, last_end: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: sheets_partition(clinic),
        sort: SortRange::Between(
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
    let sort = SortRange::Between(format!("CHANGE#{from}"), format!("CHANGE#{to}#{LAST}"));
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
    let sort = SortRange::Between(String::from("0"), format!("{}#{LAST}", sortable(by)));
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
        sort: SortRange::Between(first.to_string(), format!("{last}#{LAST}")),
    }
}

/// The day sheets of a clinic's staff and resources from a UTC date on.
#[must_use]
pub fn staff_day_sheets_from(clinic: &ClinicId, utc_date: Date) -> KeyRange {
    KeyRange {
        index: false,
        pk: sheets_partition(clinic),
        sort: SortRange::Between(utc_date.to_string(), AFTER_DATES.to_string()),
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

#[cfg(test)]
mod tests {
    use jiff::{Span, civil::date};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        id::AppointmentId,
        store::keys::{Key, SK, appointment, patient_day_sheet, staff, staff_day_sheet},
    };

    fn holds(range: &KeyRange, key: &Key) -> bool {
        let attributes = key.attributes();
        let sk = attributes[SK].as_s().unwrap();
        match &range.sort {
            SortRange::All => true,
            SortRange::BeginsWith(prefix) => sk.starts_with(prefix),
            SortRange::Between(from, to) => (from..=to).contains(&sk),
        }
    }

    fn any_date() -> impl Strategy<Value = Date> {
        (0_i32..60_000).prop_map(|days| date(1970, 1, 1).saturating_add(Span::new().days(days)))
    }

    proptest! {
        #[test]
        fn dates_hold_the_appointments_of_those_days_and_no_others(
            at in any_date(), from in any_date(), length in 0_i32..400,
        ) {
            let clinic = ClinicId::random();
            let key = appointment(&clinic, at, &AppointmentId::random_on(at));
            let to = from.saturating_add(Span::new().days(length));
            let held = |dates| holds(&appointments_of_clinic(&clinic, dates), &key);
            prop_assert!(held(Dates::All));
            prop_assert_eq!(held(Dates::Between(from, to)), (from..=to).contains(&at));
            prop_assert_eq!(held(Dates::On(from)), from == at);
            prop_assert!(held(Dates::On(at)) && held(Dates::Month(at)));
            let same_month = (from.year(), from.month()) == (at.year(), at.month());
            prop_assert_eq!(held(Dates::Month(from)), same_month);
        }

        #[test]
        fn appointments_and_staff_are_never_taken_for_each_other(at in any_date()) {
            let clinic = ClinicId::random();
            let appointment = appointment(&clinic, at, &AppointmentId::random_on(at));
            let staff = staff(&clinic, &crate::id::StaffId::random());
            let of_staff = staff_of_clinic(&clinic);
            let of_appointments = appointments_of_clinic(&clinic, Dates::All);
            prop_assert!(holds(&of_staff, &staff) && !holds(&of_staff, &appointment));
            prop_assert!(holds(&of_appointments, &appointment) && !holds(&of_appointments, &staff));
        }

        #[test]
        fn sheets_from_a_day_on_are_those_of_that_day_and_later(at in any_date(), from in any_date()) {
            let (clinic, patient) = (ClinicId::random(), PatientId::random());
            let of_staff = staff_day_sheet(&clinic, &crate::id::StaffId::random(), at);
            let of_patient = patient_day_sheet(&patient, at);
            prop_assert_eq!(holds(&staff_day_sheets_from(&clinic, from), &of_staff), at >= from);
            prop_assert_eq!(holds(&patient_day_sheets_from(&patient, from), &of_patient), at >= from);
            let meta = crate::store::keys::patient(&patient);
            prop_assert!(!holds(&patient_day_sheets_from(&patient, from), &meta));
        }
    }
}
