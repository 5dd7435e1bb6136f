//! Availability follows the rules of booking: every offered slot can be booked, and every other one is refused.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::support::{ClinicMade, TestApp, booking, weekly_span};

/// A random week, exceptions and bookings of a clinic.
#[derive(Debug, Clone)]
struct Case {
    zone: &'static str,
    /// A weekday (0 is Monday), from and to in quarters of an hour; without any, always open.
    opening: Option<Vec<(usize, u8, u8)>>,
    working: Option<Vec<(usize, u8, u8)>>,
    /// Days from the first, whether it is the staff member's, whether it opens, from and to.
    exceptions: Vec<(i64, bool, bool, u8, u8)>,
    /// Minutes from noon UTC of the first day, length, whether it is only held.
    taken: Vec<(i64, u16, bool)>,
    minutes: u16,
    buffers: (u16, u16),
    with_room: bool,
}

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// A Saturday. The clocks of two of the zones change in the night to Sunday.
const FIRST: &str = "2035-03-24";
const LAST: &str = "2035-03-26";

fn hours() -> impl Strategy<Value = Option<Vec<(usize, u8, u8)>>> {
    let span = (0..7_usize, 0..90_u8, 1..60_u8);
    let spans = prop::collection::vec(
        span.prop_map(|(day, from, length)| (day, from, (from + length).min(96))),
        0..8,
    )
    .prop_map(|mut spans| {
        spans.sort_unstable();
        // Spans of one day must not overlap.
        let mut kept: Vec<(usize, u8, u8)> = Vec::new();
        for span in spans {
            if kept.last().is_none_or(|last| last.0 != span.0 || last.2 <= span.1) {
                kept.push(span);
            }
        }
        kept
    });
    prop::option::weighted(0.8, spans)
}

fn case() -> impl Strategy<Value = Case> {
    let zone = prop::sample::select(vec![
        "Europe/London",
        "Europe/Zurich",
        "America/Los_Angeles",
        "Asia/Kathmandu",
        "Pacific/Kiritimati",
    ]);
    let exceptions =
        prop::collection::vec((0..3_i64, any::<bool>(), any::<bool>(), 0..90_u8, 1..40_u8), 0..4);
    let taken = prop::collection::vec((-600..3600_i64, 1..30_u16, any::<bool>()), 0..8);
    let visit = (1..20_u16, (0..7_u16, 0..7_u16), any::<bool>());
    (zone, hours(), hours(), exceptions, taken, visit).prop_map(
        |(zone, opening, working, exceptions, taken, (length, buffers, with_room))| Case {
            zone,
            opening,
            working,
            exceptions: exceptions
                .into_iter()
                .map(|(day, own, open, from, length)| {
                    (day, own, open, from, (from + length).min(96))
                })
                .collect(),
            taken: taken
                .into_iter()
                .map(|(at, length, held)| (at - at % 5, length * 5, held))
                .collect(),
            minutes: length * 5,
            buffers: (buffers.0 * 5, buffers.1 * 5),
            with_room,
        },
    )
}

fn clock(quarters: u8) -> String {
    let quarters = quarters % 96;
    format!("{:02}:{:02}", quarters / 4, quarters % 4 * 15)
}

fn weekly(spans: Option<&[(usize, u8, u8)]>) -> Value {
    let span =
        |(day, from, to): &(usize, u8, u8)| weekly_span(DAYS[*day], &clock(*from), &clock(*to));
    spans.map(|spans| spans.iter().map(span).collect()).unwrap_or_default()
}

struct Made {
    clinic: ClinicMade,
    room: String,
    visit_type: String,
}

async fn make(app: &TestApp, case: &Case) -> Made {
    let path = app.clinic_in(case.zone).await;
    let hours = json!({ "opening_hours": weekly(case.opening.as_deref()) });
    app.patch(&path).json(&hours).send().await.expect(200);
    let clinic =
        ClinicMade { staff: app.staff_member(&path).await, patient: app.patient().await, path };
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let hours = json!({ "working_hours": weekly(case.working.as_deref()) });
    app.patch(&staff).json(&hours).send().await.expect(200);
    let room = app.resource(&clinic.path).await;
    let first: jiff::civil::Date = FIRST.parse().unwrap();
    for (day, own, open, from, to) in &case.exceptions {
        let date = first.saturating_add(jiff::Span::new().days(*day)).to_string();
        let mut body = json!({
            "first_date": date, "last_date": date, "from": clock(*from), "to": clock(*to),
            "effect": if *open { "open" } else { "closed" }
        });
        if *own {
            body["staff_id"] = json!(clinic.staff);
        }
        app.post(&format!("{}/exceptions", clinic.path)).json(&body).send().await.expect(201);
    }
    let noon: Timestamp = format!("{FIRST}T12:00:00Z").parse().unwrap();
    for (index, (at, minutes, held)) in case.taken.iter().enumerate() {
        let start = (noon + SignedDuration::from_mins(*at)).to_string();
        let mut body = booking(&clinic.staff, &app.patient().await, &start, *minutes);
        body["overrides"] = json!({ "any_hours": true, "overbook": true, "reason": "as drawn" });
        if index % 2 == 0 {
            body["resource_ids"] = json!([room]);
        }
        let mut path = format!("{}/appointments", clinic.path);
        if *held {
            path = format!("{}/holds", clinic.path);
            body.as_object_mut().unwrap().remove("overrides");
        }
        // A booking that overlaps another one is refused, and ignored.
        app.post(&path).json(&body).send().await;
    }
    let visit_type = json!({
        "name": "V", "duration_minutes": case.minutes,
        "buffer_before_minutes": case.buffers.0, "buffer_after_minutes": case.buffers.1
    });
    let made = app.post(&format!("{}/visit-types", clinic.path)).json(&visit_type).send().await;
    Made { clinic, room, visit_type: crate::support::id(&made.expect(201)) }
}

/// Books every offered slot, which must succeed, and a sample of the other slots of the grid, which must fail.
async fn offered_is_what_can_be_booked(case: Case) {
    let app = TestApp::builder().for_many().spawn().await;
    let Made { clinic, room, visit_type } = make(&app, &case).await;
    let mut query = format!("from={FIRST}&to={LAST}&visit_type_id={visit_type}");
    if case.with_room {
        query = format!("{query}&resource_ids={room}");
    }
    let path = format!("{}/availability", clinic.path);
    let found = app.get(&format!("{path}?{query}&limit=1000")).send().await.expect(200).json();
    let starts = |found: &Value| -> Vec<Timestamp> {
        let slots = found["slots"].as_array().unwrap().iter();
        slots.map(|slot| slot["start"].as_str().unwrap().parse().unwrap()).collect()
    };
    let offered: BTreeSet<_> = starts(&found).into_iter().collect();
    assert_eq!(
        offered.len(),
        found["slots"].as_array().unwrap().len(),
        "one staff member, once each"
    );
    let tz = jiff::tz::TimeZone::get(case.zone).unwrap();
    let first: jiff::civil::Date = FIRST.parse().unwrap();
    let begin = first.to_zoned(tz.clone()).unwrap().timestamp();
    let (first, last): (jiff::civil::Date, jiff::civil::Date) = (first, LAST.parse().unwrap());
    let mut body = booking(&clinic.staff, &clinic.patient, "", 0);
    body.as_object_mut().unwrap().remove("duration_minutes");
    body["visit_type_id"] = json!(visit_type);
    if case.with_room {
        body["resource_ids"] = json!([room]);
    }
    let bookings = format!("{}/appointments", clinic.path);
    let mut samples = 0;
    for quarter in 0..(4 * 24 * 3 + 4) {
        let at = begin + SignedDuration::from_mins(15 * quarter);
        let local = tz.to_datetime(at);
        let on_grid = local.time().minute() % 15 == 0 && (first..=last).contains(&local.date());
        // A sample of the refused slots is enough; every offered slot is tried.
        let tried = offered.contains(&at) || (on_grid && quarter % 7 == 0);
        if !tried {
            continue;
        }
        body["start"] = json!(at.to_string());
        let answer = app.post(&bookings).json(&body).send().await;
        if offered.contains(&at) {
            let path = answer.expect(201).location();
            app.delete(&path).send().await.expect(204);
        } else {
            assert_eq!(answer.status, 409, "{at} is not offered: {answer:?}");
            samples += 1;
        }
    }
    assert!(samples > 0 || offered.len() > 250, "something was refused");
    // A search with a limit returns the first slots.
    let next = app.get(&format!("{path}?{query}&limit=5")).send().await.expect(200).json();
    assert_eq!(starts(&next), offered.iter().copied().take(5).collect::<Vec<_>>());
    app.check_day_sheets().await;
}

#[test]
fn what_is_offered_can_be_booked_and_what_is_not_is_refused() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cases = std::env::var("CLINIC_TEST_CASES").map_or(12, |cases| cases.parse().unwrap());
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 30,
        ..Default::default()
    };
    let result = TestRunner::new(config).run(&case(), |case| {
        runtime.block_on(async {
            // A panic is the failure of the case.
            tokio::spawn(offered_is_what_can_be_booked(case))
                .await
                .map_err(|error| TestCaseError::fail(error.to_string()))
        })
    });
    result.unwrap();
}
