//! The day of a front desk, call by call, and the next morning. `docs/tour.md` describes the same day.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Held, TestApp, booking, id, weekly_span};

/// A front desk, and the number of calls per task.
struct Desk {
    app: TestApp,
    clinic: String,
    staff: String,
    calls: Vec<(&'static str, usize)>,
}

impl Desk {
    fn task(&mut self, name: &'static str) {
        self.calls.push((name, 0));
    }

    async fn send(&mut self, call: Call) -> Answer {
        self.calls.last_mut().unwrap().1 += 1;
        call.send().await
    }

    async fn post(&mut self, path: &str, body: &Value) -> Answer {
        let call = self.app.post(path).json(body);
        self.send(call).await
    }

    async fn book(&mut self, patient: &str, start: &str) -> Answer {
        let body = booking(&self.staff, patient, start, 30);
        self.post(&format!("{}/appointments", self.clinic), &body).await
    }

    async fn step(&mut self, appointment: &str, status: &str) -> Answer {
        self.post(&format!("{appointment}/status"), &json!({ "status": status })).await
    }

    /// The status of each appointment of a day, by start.
    async fn day(&mut self, date: &str) -> Vec<(String, String)> {
        let call = self.app.get(&format!("{}/day/{date}", self.clinic));
        let day = self.send(call).await.expect(200).json();
        let text = |appointment: &Value, name: &str| appointment[name].as_str().unwrap().to_owned();
        let appointments = day["staff"][0]["appointments"].as_array().unwrap().iter();
        appointments
            .map(|it| (text(it, "local_start")[11..16].to_owned(), text(it, "status")))
            .collect()
    }
}

#[tokio::test]
async fn a_clinics_day_from_opening_to_closing_and_the_next_morning() {
    // Monday, 09:00 in Zurich.
    let app = TestApp::spawn().await;
    let (clinic, staff) = (String::new(), String::new());
    let mut desk = Desk { app, clinic, staff, calls: Vec::new() };

    desk.task("open");
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
    let hours = days.map(|day| weekly_span(day, "08:00", "18:00"));
    let clinic = json!({ "name": "Seefeld", "time_zone": "Europe/Zurich", "opening_hours": hours });
    desk.clinic = desk.post("/v1/clinics", &clinic).await.expect(201).location();
    let staff = json!({ "name": "Dr. Anna Keller", "role": "physician" });
    let path = format!("{}/staff", desk.clinic);
    desk.staff = id(&desk.post(&path, &staff).await.expect(201));
    let mut patients = Vec::new();
    for name in ["Ida Example", "Ben Example"] {
        let patient = desk.post("/v1/patients", &json!({ "name": name })).await.expect(201);
        patients.push(id(&patient));
    }
    let [ida, ben] = patients.try_into().unwrap();

    desk.task("find");
    let query = "from=2035-01-15&to=2035-01-15&duration_minutes=30";
    let call = desk.app.get(&format!("{}/availability?{query}", desk.clinic));
    let free = desk.send(call).await.expect(200).json();
    let starts =
        free["slots"].as_array().unwrap().iter().map(|slot| slot["start"].as_str().unwrap());
    let at_two = starts.into_iter().find(|start| start.contains("T14:00")).unwrap().to_owned();

    desk.task("book");
    let idas = desk.book(&ida, &at_two).await.expect(201).location();

    desk.task("refuse and book another time");
    let refused = desk.book(&ben, &at_two).await.problem(409, "staff_busy");
    assert_eq!(refused["nearest_free"][0], "2035-01-15T13:30:00+01:00");
    let bens = desk.book(&ben, refused["nearest_free"][0].as_str().unwrap()).await;
    let bens = bens.expect(201).location();
    let closed = desk.book(&ben, "2035-01-15T20:00").await.problem(409, "outside_working_hours");
    assert_eq!(closed["blocking"]["type"], "clinic");

    desk.task("hold and confirm");
    let wanted = json!({
        "staff_id": desk.staff, "start": "2035-01-15T14:30", "duration_minutes": 30,
        "hold_minutes": 10
    });
    let held = desk.post(&format!("{}/holds", desk.clinic), &wanted).await;
    let held = Held::of(&held.expect(201));
    let refused = desk.book(&ben, "2035-01-15T14:30").await.problem(409, "staff_busy");
    assert_eq!(refused["blocking"]["held_until"], "2035-01-15T09:10:06+01:00");
    let confirmed = json!({ "hold_secret": held.secret, "patient_id": ben });
    let confirmed = desk.post(&format!("{}/confirm", held.path), &confirmed).await;
    assert_eq!(confirmed.expect(200).json()["status"], "scheduled");

    desk.task("move");
    let to = json!({ "start": "2035-01-15T15:00" });
    desk.post(&format!("{idas}/reschedule"), &to).await.expect(200);

    desk.task("look at the day");
    let scheduled = |start: &str| (start.to_owned(), "scheduled".to_owned());
    let expected = ["13:30", "14:30", "15:00"].map(scheduled);
    assert_eq!(desk.day("2035-01-15").await, expected);

    desk.task("a patient comes");
    desk.app.clock.advance(SignedDuration::from_hours(4));
    desk.step(&bens, "checked_in").await.expect(200);
    desk.step(&bens, "completed").await.expect(200);

    desk.task("a late patient");
    desk.app.clock.advance(SignedDuration::from_hours(2));
    desk.step(&idas, "no_show").await.expect(200);
    let back = desk.step(&idas, "checked_in").await.expect(200).json();
    assert_eq!(back["checked_in_at"], "2035-01-15T14:00:00Z");
    desk.step(&idas, "completed").await.expect(200);

    desk.task("a visit of tomorrow");
    let next = desk.book(&ida, "2035-01-16T08:00").await.expect(201).location();
    let early = desk.step(&next, "checked_in").await.problem(409, "before_visit_day");
    assert_eq!(early["allowed_from"], "2035-01-16T00:00:00+01:00");

    desk.task("close");
    let closed = json!({
        "effect": "closed", "first_date": "2035-01-15", "last_date": "2035-01-15",
        "from": "16:00", "to": "18:00"
    });
    desk.post(&format!("{}/exceptions", desk.clinic), &closed).await.expect(201);
    desk.book(&ben, "2035-01-15T16:30").await.problem(409, "outside_working_hours");

    desk.task("a walk-in the next morning");
    desk.app.clock.advance(SignedDuration::from_hours(17));
    let walk_in = desk.book(&ben, "2035-01-16T08:30").await.expect(201).location();
    desk.step(&walk_in, "checked_in").await.expect(200);
    desk.step(&next, "checked_in").await.expect(200);

    let calls = [
        ("open", 4),
        ("find", 1),
        ("book", 1),
        ("refuse and book another time", 3),
        ("hold and confirm", 3),
        ("move", 1),
        ("look at the day", 1),
        ("a patient comes", 2),
        ("a late patient", 3),
        ("a visit of tomorrow", 2),
        ("close", 2),
        ("a walk-in the next morning", 3),
    ];
    assert_eq!(desk.calls, calls);
    desk.app.check_day_sheets().await;
}
