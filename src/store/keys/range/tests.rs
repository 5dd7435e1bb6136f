//! The contents of key ranges.

use jiff::{Span, civil::date};
use proptest::prelude::*;

use super::*;
use crate::{
    id::{AppointmentId, ExceptionId},
    store::keys::{
        Key, SK, appointment_link, deferred, exception, first_of_appointment, org_of_deferred,
        patient_day_sheet, staff, staff_day_sheet, time_of_deferred,
    },
};

fn holds(range: &KeyRange, key: &Key) -> bool {
    let attributes = key.attributes();
    let sk = attributes[SK].as_s().unwrap();
    match &range.sort {
        SortRange::Empty => false,
        SortRange::All => true,
        SortRange::BeginsWith(prefix) => sk.starts_with(prefix),
        SortRange::Between(first, last) => (first..=last).contains(&sk),
    }
}

fn id_on(date: Date) -> AppointmentId {
    AppointmentId::random_at(crate::time::utc_midnight(date), date)
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
        let key = first_of_appointment(&clinic, &id_on(at));
        let to = from.saturating_add(Span::new().days(length));
        let held = |dates| holds(&appointments_of_clinic(&clinic, dates), &key);
        prop_assert!(held(Dates::All));
        prop_assert_eq!(held(Dates::Between(from, to)), (from..=to).contains(&at));
        prop_assert_eq!(held(Dates::On(from)), from == at);
        prop_assert!(held(Dates::On(at)) && held(Dates::Month(at)));
        let same_month = (from.year(), from.month()) == (at.year(), at.month());
        prop_assert_eq!(held(Dates::Month(from)), same_month);
    }

    /// DynamoDB refuses a BETWEEN whose upper bound is below its lower one.
    #[test]
    fn bounds_in_any_order_make_a_valid_range(
        from in any_date(), to in any_date(), at in any_date(),
    ) {
        let (clinic, patient) = (ClinicId::random(), PatientId::random());
        let instant = |date: Date| crate::time::utc_midnight(date);
        let record = (&clinic).into();
        let dated = [
            exceptions_at_clinic(&clinic, (from, to)),
            appointments_of_clinic(&clinic, Dates::Between(from, to)),
            appointments_of_patient(&patient, Dates::Between(from, to)),
            changes_of_record(&record, instant(from), instant(to)),
            changes_at_clinic(&clinic, instant(from), instant(to)),
            day_sheets_of_clinic(&clinic, from, to),
            exceptions_of_owner(&clinic, (&clinic).into(), (from, to)),
        ];
        for range in &dated {
            match &range.sort {
                SortRange::Empty => prop_assert!(to < from),
                SortRange::Between(first, last) => prop_assert!(from <= to && first <= last),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        let sheet = staff_day_sheet(&clinic, &crate::id::StaffId::random(), at);
        prop_assert_eq!(holds(&dated[5], &sheet), from <= at && at <= to);
        let appointment = first_of_appointment(&clinic, &id_on(at));
        prop_assert_eq!(holds(&dated[1], &appointment), from <= at && at <= to);
    }

    #[test]
    fn exceptions_of_an_owner_are_those_that_end_on_these_dates(
        at in any_date(), from in any_date(), length in 0_i32..400,
    ) {
        let (clinic, staff) = (ClinicId::random(), crate::id::StaffId::random());
        let to = from.saturating_add(Span::new().days(length));
        let range = exceptions_of_owner(&clinic, (&staff).into(), (from, to));
        let of_staff = exception(&clinic, &ExceptionId::random_of((&staff).into(), at));
        let of_clinic = exception(&clinic, &ExceptionId::random_of((&clinic).into(), at));
        prop_assert_eq!(holds(&range, &of_staff), (from..=to).contains(&at));
        prop_assert!(!holds(&range, &of_clinic));
    }

    #[test]
    fn appointments_and_staff_are_never_confused(at in any_date()) {
        let clinic = ClinicId::random();
        let appointment = first_of_appointment(&clinic, &id_on(at));
        let staff = staff(&clinic, &crate::id::StaffId::random());
        let of_staff = all_of_clinic_with(&clinic, "STAFF");
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
        let link = appointment_link(&patient, crate::time::utc_midnight(at), &id_on(at));
        prop_assert!(!holds(&patient_day_sheets_from(&patient, from), &link));
        let links = links_of_patient(&patient, Dates::All);
        prop_assert!(holds(&links, &link) && !holds(&links, &meta) && !holds(&links, &of_patient));
        let near = from.yesterday().unwrap()..=from.tomorrow().unwrap();
        prop_assert_eq!(holds(&links_of_patient(&patient, Dates::On(from)), &link), near.contains(&at));
    }
}

#[test]
fn deferred_work_is_listed_by_organisation() {
    let orgs = ["-A", "A", "A-1", "A.B", "AB", "a_"].map(|org| org.parse::<OrgId>().unwrap());
    let keys = orgs.each_ref().map(|org| deferred(org, Timestamp::UNIX_EPOCH, "1"));
    for (at, org) in orgs.iter().enumerate() {
        for (other, key) in keys.iter().enumerate() {
            assert!(holds(&deferred_of_part(0, None), key));
            assert_eq!(holds(&deferred_of_part(0, Some(org)), key), other > at, "{org} {other}");
            assert_eq!(holds(&deferred_of_org(org), key), other == at, "{org} {other}");
        }
        assert_eq!(org_of_deferred(&keys[at].attributes()).as_ref(), Some(org));
        assert_eq!(time_of_deferred(&keys[at].attributes()), Some(Timestamp::UNIX_EPOCH));
    }
}
