use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    id::{AppointmentId, ClinicId, PatientId, StaffId},
    time::Wall,
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
        sheet.entries.insert(AppointmentId::random_at(at(0), date), entry);
    }
    sheet
}

fn sheet(owner: SheetOwner, taken: &[(i64, i64)]) -> DaySheet {
    with_entries(owner, taken.iter().map(|(from, minutes)| slot(*from, *minutes).entry()))
}

fn held(from: i64, minutes: i64, expires_at: Timestamp) -> Entry {
    let hold_expires_at = Some(expires_at.as_second());
    Entry { hold_expires_at, ..slot(from, minutes).entry() }
}

fn ask<'a>(
    sheets: impl IntoIterator<Item = &'a DaySheet>,
    visit: Slot,
    now: Timestamp,
) -> Result<Vec<(AppointmentId, ClinicId)>, Clash> {
    let parties: Vec<_> =
        sheets.into_iter().map(|sheet| Party::new(&sheet.owner, [sheet], None)).collect();
    decide(&parties, &visit, false, now)
}

#[test]
fn a_hold_is_in_the_way_until_it_is_over_for_every_clock() {
    let expiry = at(100);
    let on_hold = with_entries(staff(), [held(600, 30, expiry)]);
    let ask = |now: Timestamp, overbooked| {
        let party = Party::new(&on_hold.owner, [&on_hold], None);
        decide(&[party], &slot(610, 30), overbooked, now)
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
    let clinic = of_staff.owner.clinic_id().cloned();
    let id = AppointmentId::random_at(at(600), of_staff.utc_date);
    of_staff.entries.insert(id.clone(), entry.clone());
    of_patient.entries.insert(id.clone(), Entry { clinic_id: clinic.clone(), ..entry });
    let lapsed = ask([&of_staff, &of_patient], slot(600, 30), at(100)).unwrap();
    assert_eq!(lapsed, [(id, clinic.unwrap())]);
}

#[test]
fn a_day_takes_as_many_entries_as_it_may_have_lapsed_holds_and_its_own_left_out() {
    let full = |entries: usize| {
        let overbooked = Entry { overbooked: true, ..slot(600, 30).entry() };
        let lapsed = (0..20).map(|number| held(number * 5, 5, at(0)));
        with_entries(staff(), std::iter::repeat_n(overbooked, entries).chain(lapsed))
    };
    let ask = |sheet: &DaySheet, own: Option<&AppointmentId>, visit: Slot, overbooked| {
        let party = Party::new(&sheet.owner, [sheet], own);
        decide(&[party], &visit, overbooked, at(100)).map_err(|clash| clash.obstacle)
    };
    let (almost, full) = (full(MAX_ENTRIES - 1), full(MAX_ENTRIES));
    for (visit, overbooked) in [(slot(610, 30), true), (slot(900, 30), false)] {
        assert_eq!(ask(&almost, None, visit, overbooked), Ok(vec![]));
        assert_eq!(ask(&full, None, visit, overbooked), Err(Obstacle::Full));
        // The appointment is moved within the day.
        let own = full.entries.iter().find(|(_, entry)| entry.overbooked).map(|(id, _)| id);
        assert_eq!(ask(&full, own, visit, overbooked), Ok(vec![]));
    }
    assert_eq!(ask(&full, None, slot(610, 30), false), Err(Obstacle::Busy));
    assert_eq!(ask(&full, None, slot(24 * 60, 30), false), Ok(vec![]), "the next day is not full");
    let over_midnight = slot(24 * 60 - 10, 30);
    assert_eq!(ask(&full, None, over_midnight, false), Err(Obstacle::Full));
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
    fn the_named_starts_are_the_nearest_of_the_grid_and_beside_what_is_taken(
        taken in spans(), others in spans(), from in 0_i64..1320, minutes in 5_i64..120, now in 0_i64..1440,
    ) {
        let (of_staff, of_patient) = (sheet(staff(), &taken), sheet(patient(), &others));
        let sheets = [&of_staff, &of_patient];
        let parties = sheets.map(|sheet| Party::new(&sheet.owner, [sheet], None));
        let date = crate::time::utc_date(at(0));
        let wall = Wall::new(&"UTC".parse().unwrap(), date, date);
        let within = (at(0).as_second(), at(1440 - minutes).as_second());
        let named = nearest_free(&parties, &slot(from, minutes), &wall, within, at(now));
        let beside = |start: i64| {
            let mut all = taken.iter().chain(&others);
            all.any(|(from, length)| [*from - minutes, from + length].contains(&start))
        };
        let mut nearest: Vec<_> = (now..1440 - minutes)
            .filter(|start| start % 15 == 0 || beside(*start))
            .filter(|start| ask(sheets, slot(*start, minutes), at(now)).is_ok())
            .collect();
        nearest.sort_by_key(|start| ((start - from).abs(), *start));
        nearest.truncate(NEAREST);
        prop_assert_eq!(named, nearest.into_iter().map(at).collect::<Vec<_>>());
    }
}
