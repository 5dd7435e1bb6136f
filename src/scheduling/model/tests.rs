use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    id::{AppointmentId, ClinicId, PatientId, StaffId},
    time::Spans,
};

const DAY: i64 = 1_800_057_600; // 2027-01-16T00:00:00Z

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(DAY + minute * 60).unwrap()
}

fn slot(from: i64, minutes: i64) -> Slot {
    Slot { start: at(from), end: at(from + minutes) }
}

fn staff() -> SheetOwner {
    SheetOwner::Staff { clinic_id: ClinicId::random(), staff_id: StaffId::random() }
}

fn patient() -> SheetOwner {
    SheetOwner::Patient { patient_id: PatientId::random() }
}

fn with_entries(owner: SheetOwner, entries: impl IntoIterator<Item = Entry>) -> DaySheet {
    let date = crate::time::utc_date(at(0));
    let mut sheet = DaySheet::empty(owner, date);
    for entry in entries {
        sheet.entries.insert(AppointmentId::random_on(date), entry);
    }
    sheet
}

fn sheet(owner: SheetOwner, taken: &[(i64, i64)]) -> DaySheet {
    with_entries(owner, taken.iter().map(|(from, minutes)| slot(*from, *minutes).entry()))
}

fn held(from: i64, minutes: i64, expires_at: Timestamp) -> Entry {
    let expires_at = expires_at.as_second();
    let hold = Some(HoldMark { expires_at, clinic_id: ClinicId::random() });
    Entry { hold, ..slot(from, minutes).entry() }
}

fn ask<'a>(
    sheets: impl IntoIterator<Item = &'a DaySheet>,
    visit: Slot,
    now: Timestamp,
) -> Result<Vec<(AppointmentId, HoldMark)>, Clash> {
    let parties: Vec<_> =
        sheets.into_iter().map(|sheet| Party::new(&sheet.owner, [sheet], None)).collect();
    decide(&parties, &Question { visit, overbooked: false, now })
}

#[test]
fn what_touches_does_not_overlap() {
    let taken = sheet(staff(), &[(600, 30)]);
    let free = |from, minutes| ask([&taken], slot(from, minutes), at(0)).is_ok();
    assert!(free(570, 30) && free(630, 30));
    assert!(!free(629, 30) && !free(571, 30) && !free(610, 5) && !free(500, 300));
}

#[test]
fn the_first_of_those_asked_about_is_named() {
    let (of_staff, of_patient) = (sheet(staff(), &[(600, 30)]), sheet(patient(), &[(600, 30)]));
    let blocking = |sheets: [&DaySheet; 2]| ask(sheets, slot(600, 30), at(0)).unwrap_err().owner;
    assert_eq!(blocking([&of_staff, &of_patient]), of_staff.owner);
    assert_eq!(blocking([&sheet(staff(), &[]), &of_patient]), of_patient.owner);
}

#[test]
fn nearest_starts_are_the_three_closest_in_order_of_time() {
    let taken = sheet(staff(), &[(600, 30), (660, 30)]);
    let clash = ask([&taken], slot(610, 30), at(0)).unwrap_err();
    assert_eq!(clash.nearest_free, [at(570), at(630), at(690)]);
}

#[test]
fn a_full_day_has_no_nearest_start() {
    let taken = sheet(staff(), &[(0, 1440)]);
    assert_eq!(ask([&taken], slot(600, 30), at(0)).unwrap_err().nearest_free, []);
}

#[test]
fn what_is_needed_around_a_visit_is_kept_free_of_staff_and_not_of_patients() {
    let taken = sheet(staff(), &[(600, 30)]);
    let of_patient = sheet(patient(), &[(600, 30)]);
    let minutes = SignedDuration::from_mins;
    let ask = |from: i64, sheet: &DaySheet, before, after| {
        let party = Party::new(&sheet.owner, [sheet], None);
        let party = Party { before: minutes(before), after: minutes(after), ..party };
        decide(&[party], &Question { visit: slot(from, 30), overbooked: false, now: at(0) })
    };
    assert!(ask(630, &taken, 0, 10).is_ok() && ask(560, &taken, 0, 10).is_ok());
    assert!(ask(570, &taken, 0, 10).is_err() && ask(639, &taken, 10, 0).is_err());
    assert_eq!(ask(600, &taken, 10, 5).unwrap_err().nearest_free, [at(565), at(640)]);
    assert!(ask(570, &of_patient, 0, 0).is_ok());
}

#[test]
fn hours_are_kept_and_their_edges_are_offered() {
    let free = sheet(staff(), &[(600, 30)]);
    let working: Spans = [(480, 720), (780, 1020)]
        .map(|(from, to)| (at(from).as_second(), at(to).as_second()))
        .into_iter()
        .collect();
    let ask = |from| {
        let party = Party { working: Some(&working), ..Party::new(&free.owner, [&free], None) };
        decide(&[party], &Question { visit: slot(from, 30), overbooked: false, now: at(0) })
    };
    assert!(ask(480).is_ok() && ask(690).is_ok() && ask(990).is_ok());
    let early = ask(470).unwrap_err();
    assert_eq!(early.obstacle, Obstacle::OffHours);
    assert_eq!(early.nearest_free, [at(480), at(570), at(630)]);
    assert_eq!(ask(700).unwrap_err().nearest_free, [at(630), at(690), at(780)]);
}

#[test]
fn a_hold_is_in_the_way_until_it_is_over_for_every_clock() {
    let expiry = at(100);
    let on_hold = with_entries(staff(), [held(600, 30, expiry)]);
    let ask = |now: Timestamp, overbooked| {
        let party = Party::new(&on_hold.owner, [&on_hold], None);
        decide(&[party], &Question { visit: slot(610, 30), overbooked, now })
    };
    let seconds = SignedDuration::from_secs;
    for overbooked in [false, true] {
        assert!(ask(expiry, overbooked).is_err());
        assert!(ask(expiry + CLOCK_SKEW, overbooked).is_err());
        let lapsed = ask(expiry + CLOCK_SKEW + seconds(1), overbooked).unwrap();
        assert_eq!(lapsed.len(), 1);
    }
}

#[test]
fn a_lapsed_hold_that_several_sheets_name_is_one() {
    let entry = held(600, 30, at(0));
    let (mut of_staff, mut of_patient) = (sheet(staff(), &[]), sheet(patient(), &[]));
    let id = AppointmentId::random_on(of_staff.utc_date);
    of_staff.entries.insert(id.clone(), entry.clone());
    of_patient.entries.insert(id.clone(), entry);
    let lapsed = ask([&of_staff, &of_patient], slot(600, 30), at(100)).unwrap();
    assert_eq!(lapsed.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&id]);
}

#[test]
fn an_overbooked_visit_passes_over_bookings_and_an_ordinary_one_not_over_it() {
    let over = Entry { overbooked: true, ..slot(600, 30).entry() };
    let sheet = with_entries(staff(), [over, slot(600, 30).entry()]);
    let ask = |overbooked| {
        let party = Party::new(&sheet.owner, [&sheet], None);
        decide(&[party], &Question { visit: slot(610, 30), overbooked, now: at(0) })
    };
    assert_eq!(ask(true), Ok(vec![]));
    assert!(ask(false).is_err());
}

fn spans() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0_i64..1400, 5_i64..120), 0..12)
}

proptest! {
    #[test]
    fn a_slot_is_accepted_exactly_if_no_minute_of_it_is_taken(
        taken in spans(), others in spans(), from in 0_i64..1320, minutes in 5_i64..120,
    ) {
        let (of_staff, of_patient) = (sheet(staff(), &taken), sheet(patient(), &others));
        let busy = |minute: i64| {
            taken.iter().chain(&others).any(|(from, length)| (*from..from + length).contains(&minute))
        };
        let free = !(from..from + minutes).any(busy);
        let decided = ask([&of_staff, &of_patient], slot(from, minutes), at(0));
        prop_assert_eq!(decided.is_ok(), free);
    }

    #[test]
    fn every_start_that_a_refusal_names_can_be_had_and_none_is_nearer(
        taken in spans(), others in spans(), from in 0_i64..1320, minutes in 5_i64..120, now in 0_i64..1440,
    ) {
        let (of_staff, of_patient) = (sheet(staff(), &taken), sheet(patient(), &others));
        let sheets = [&of_staff, &of_patient];
        if let Err(clash) = ask(sheets, slot(from, minutes), at(now)) {
            let length = SignedDuration::from_mins(minutes);
            for start in &clash.nearest_free {
                prop_assert!(*start >= at(now));
                let named = Slot { start: *start, end: *start + length };
                prop_assert_eq!(ask(sheets, named, at(now)), Ok(vec![]));
            }
            let farthest = clash.nearest_free.iter().map(|s| s.duration_since(at(from)).abs()).max();
            let free = (now..=1440 - minutes)
                .filter(|start| ask(sheets, slot(*start, minutes), at(now)).is_ok());
            for start in free {
                // Minutes behind an edge are no better than the edge.
                let edge = ask(sheets, slot(start - 1, minutes), at(now)).is_err()
                    || ask(sheets, slot(start + 1, minutes), at(now)).is_err();
                let distance = at(start).duration_since(at(from)).abs();
                let better = farthest.is_none_or(|farthest| distance < farthest);
                let named = clash.nearest_free.contains(&at(start));
                prop_assert!(!(edge && better && start > now) || named || start + minutes == 1440, "{start}");
            }
        }
    }
}
