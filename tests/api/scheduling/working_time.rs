//! Working time: weekly hours, exceptions and overrides.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::{ClinicMade, TestApp, id, weekly_span};

#[tokio::test]
async fn bookings_lie_within_the_hours_of_clinic_and_staff() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_with_hours().await;
    for start in ["07:30", "07:45", "11:45", "12:00", "12:45", "15:45", "16:00"] {
        let answer = app.book_with(&clinic, &format!("2035-01-16T{start}:00"), json!({})).await;
        let problem = answer.problem(409, "outside_working_hours");
        // The clinic is open from 8 to 12 and from 13 to 18, the staff member works until 16.
        let blocking = match start {
            "15:45" | "16:00" => json!({ "type": "staff", "id": clinic.staff }),
            _ => json!({ "type": "clinic", "id": clinic.path.rsplit('/').next().unwrap() }),
        };
        assert_eq!(problem["blocking"], blocking, "{start}");
        let nearest = problem["nearest_free"].as_array().unwrap();
        assert_eq!(nearest.len(), 3, "{start}: {problem}");
        for free in nearest {
            let time = &free.as_str().unwrap()[11..16];
            let within = ("08:00"..="11:30").contains(&time) || ("13:00"..="15:30").contains(&time);
            assert!(within, "{start}: {problem}");
        }
    }
    app.book_with(&clinic, "2035-01-17T09:00:00", json!({}))
        .await
        .problem(409, "outside_working_hours");
    for start in ["08:00", "11:30", "13:00", "15:30"] {
        app.book_with(&clinic, &format!("2035-01-16T{start}:00"), json!({})).await.expect(201);
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn exceptions_close_and_open_for_clinic_staff_and_rooms() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_with_hours().await;
    let room = app.resource(&clinic.path).await;
    let except = |body: Value| app.post(&format!("{}/exceptions", clinic.path)).json(&body);
    let day = json!({ "first_date": "2035-01-17", "last_date": "2035-01-17" });
    let on_that_day = |more: Value| {
        let mut body = day.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    // An extra Wednesday needs an exception of the clinic and one of the staff member.
    let extra = json!({ "effect": "open", "from": "09:00", "to": "11:00" });
    except(on_that_day(extra.clone())).send().await.expect(201);
    app.book_with(&clinic, "2035-01-17T09:00:00", json!({}))
        .await
        .problem(409, "outside_working_hours");
    let mut mine = extra.clone();
    mine["staff_id"] = json!(clinic.staff);
    except(on_that_day(mine)).send().await.expect(201);
    app.book_with(&clinic, "2035-01-17T09:00:00", json!({})).await.expect(201);
    // The room is closed, others are not.
    let closed = json!({ "effect": "closed", "from": "10:00", "to": "00:00", "resource_id": room });
    let closed = except(on_that_day(closed)).send().await.expect(201);
    let in_room = json!({ "resource_ids": [room] });
    let answer = app.book_with(&clinic, "2035-01-17T10:00:00", in_room.clone()).await;
    let problem = answer.problem(409, "outside_working_hours");
    assert_eq!(problem["blocking"], json!({ "type": "resource", "id": room }));
    let path = format!("{}/exceptions/{}", clinic.path, id(&closed));
    app.delete(&path).header("if-match", "\"9\"").send().await.problem(412, "precondition_failed");
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    app.book_with(&clinic, "2035-01-17T10:00:00", in_room).await.expect(201);
    // A holiday overrides everything else.
    app.closed(&clinic.path, "2035-01-10", "2035-01-20").await;
    for start in ["2035-01-16T09:00:00", "2035-01-17T10:30:00"] {
        app.book_with(&clinic, start, json!({})).await.problem(409, "outside_working_hours");
    }
    app.book_with(&clinic, "2035-01-23T09:00:00", json!({})).await.expect(201);
    let list = |query: &str| app.get(&format!("{}/exceptions{query}", clinic.path));
    for (query, found) in [
        ("", 3),
        ("?from=2035-01-18", 1),
        ("?to=2035-01-16", 1),
        ("?from=2035-01-17&to=2035-01-17", 3),
        ("?from=2035-01-21", 0),
    ] {
        let listed = list(query).send().await.expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), found, "{query}");
    }
    app.check_day_sheets().await;
}

/// Without hours, or with null, there is no restriction; an empty list means never. All readers of hours agree.
#[tokio::test]
async fn no_hours_are_no_restriction_and_an_empty_list_is_never() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let booked = app.booked(&clinic, "2035-01-16T03:00:00").await;
    for (path, name) in [(&clinic.path, "opening_hours"), (&staff, "working_hours")] {
        let shown = |body: &Value| body.as_object().unwrap().get(name).cloned();
        assert_eq!(shown(&app.get(path).send().await.json()), None);
        let never = app.patch(path).json(&json!({ name: [] })).send().await.expect(200);
        assert_eq!(shown(&never.json()), Some(json!([])));
        assert_eq!(shown(&app.get(path).send().await.json()), Some(json!([])));
        let start = "2035-01-16T09:00:00";
        let to = app.post(&format!("{booked}/reschedule")).json(&json!({ "start": start }));
        for refused in
            [app.book(&clinic, start, 30).await, app.hold(&clinic, start, 5).await, to.send().await]
        {
            let problem = refused.problem(409, "outside_working_hours");
            assert_eq!(problem["nearest_free"], json!([]));
        }
        let free = format!("{}/availability?duration_minutes=30", clinic.path);
        assert_eq!(app.get(&free).send().await.expect(200).json()["slots"], json!([]));
        let day = app.get(&format!("{}/day/2035-01-16", clinic.path)).send().await.expect(200);
        assert_eq!(day.json()["staff"][0]["working"], json!([]));
        let again = app.patch(path).json(&json!({ name: null })).send().await.expect(200);
        assert_eq!(shown(&again.json()), None);
        app.post(&format!("{}/cancel", app.booked(&clinic, start).await)).send().await.expect(200);
    }
    // Created with an empty list.
    let never = json!({ "name": "A", "role": "nurse", "working_hours": [] });
    let never = id(&app.post(&format!("{}/staff", clinic.path)).json(&never).send().await);
    let always = json!({ "name": "B", "role": "nurse", "working_hours": null });
    let always = id(&app.post(&format!("{}/staff", clinic.path)).json(&always).send().await);
    let with = |staff: &str| json!({ "staff_id": staff, "patient_id": clinic.patient });
    let start = "2035-01-17T03:00:00";
    let refused = app.book_with(&clinic, start, with(&never)).await;
    refused.problem(409, "outside_working_hours");
    app.book_with(&clinic, start, with(&always)).await.expect(201);
    // Only the time that an exception opens is working time.
    let open = json!({
        "first_date": "2035-01-18", "last_date": "2035-01-18", "effect": "open",
        "from": "09:00", "to": "10:00", "staff_id": never
    });
    app.post(&format!("{}/exceptions", clinic.path)).json(&open).send().await.expect(201);
    app.book_with(&clinic, "2035-01-18T09:30:00", with(&never)).await.expect(201);
}

/// In items of the first shape, an empty list means no restriction.
#[tokio::test]
async fn an_empty_list_of_the_first_shape_is_no_restriction() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let clinic_id = clinic.path.rsplit('/').next().unwrap();
    for (id, name) in [(clinic_id, "opening_hours"), (&clinic.staff, "working_hours")] {
        let mut item = app.stored(id).await;
        item.insert("v".to_owned(), AttributeValue::N("1".to_owned()));
        item.insert(name.to_owned(), AttributeValue::L(vec![]));
        app.put_item(item).await;
    }
    assert!(app.get(&clinic.path).send().await.json().get("opening_hours").is_none());
    app.booked(&clinic, "2035-01-16T03:00:00").await;
}

/// Hours from 00:00 to 04:00 on the day on which the clocks change and on the day after: what can be booked follows the local
/// time.
#[tokio::test]
async fn working_time_follows_the_wall_over_changes_of_the_clocks() {
    let app = TestApp::spawn().await;
    // Zone, date, and the minutes that local time shows from 00:00 to 04:00.
    for (zone, date, minutes) in [
        ("America/New_York", "2035-03-11", 180),
        ("America/New_York", "2035-11-04", 300),
        ("Europe/London", "2035-03-25", 180),
        ("Europe/London", "2035-10-28", 300),
        ("Australia/Lord_Howe", "2035-04-01", 270),
        ("Australia/Lord_Howe", "2035-10-07", 210),
        ("Asia/Kathmandu", "2035-03-25", 240),
    ] {
        let clinic = app.clinic_in(zone).await;
        let day: jiff::civil::Date = date.parse().unwrap();
        let weekday = format!("{:?}", day.weekday()).to_lowercase();
        let open = json!({ "opening_hours": [weekly_span(&weekday, "00:00", "04:00")] });
        app.patch(&clinic).json(&open).send().await.expect(200);
        let made = ClinicMade {
            staff: app.staff_member(&clinic).await,
            patient: app.patient().await,
            path: clinic.clone(),
        };
        let range = format!("from={date}&to={date}&duration_minutes=5&step_minutes=5");
        let free = app.get(&format!("{clinic}/availability?{range}")).send().await.expect(200);
        let slots = free.json()["slots"].as_array().unwrap().clone();
        assert_eq!(slots.len(), minutes / 5, "{zone} {date}");
        // They are different instants, each with its UTC offset.
        let starts: Vec<jiff::Timestamp> =
            slots.iter().map(|slot| slot["start"].as_str().unwrap().parse().unwrap()).collect();
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{zone} {date}");
        let tz = jiff::tz::TimeZone::get(zone).unwrap();
        for (start, slot) in starts.iter().zip(&slots) {
            let shown = start.display_with_offset(tz.to_offset(*start)).to_string();
            assert_eq!(slot["start"], shown, "{zone}");
        }
        // The first and the last start can be booked; before and after there is no working time.
        for (at, bookable) in [
            (starts[0], true),
            (*starts.last().unwrap(), true),
            (starts[0] - jiff::SignedDuration::from_mins(5), false),
            (*starts.last().unwrap() + jiff::SignedDuration::from_mins(5), false),
        ] {
            let answer = app.book(&made, &at.to_string(), 5).await;
            assert_eq!(answer.status == 201, bookable, "{zone} {at}: {answer:?}");
        }
    }
}
