//! Creates records over HTTP.

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    events::EventType,
    id::WebhookId,
    records::deliveries::model::Delivery,
    store::{Item, WriteContext, attributes::string},
    time::Clock as _,
};
use serde_json::{Value, json};

use super::{Answer, NOW, TestApp};

/// A clinic with one staff member, and one patient.
#[derive(Debug, Clone)]
pub struct ClinicMade {
    /// The clinic's path.
    pub path: String,
    /// The staff member's id.
    pub staff: String,
    /// The patient's id.
    pub patient: String,
}

/// A held slot.
#[derive(Debug, Clone)]
pub struct Held {
    /// The hold's path, to confirm or release it.
    pub path: String,
    /// The secret that confirms or releases it.
    pub secret: String,
}

impl Held {
    /// The hold in a response.
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        let path = answer.location().replace("/appointments/", "/holds/");
        let secret = answer.json()["hold_secret"].as_str().unwrap().to_owned();
        Self { path, secret }
    }
}

impl TestApp {
    /// Creates a clinic in Zurich. Returns its path.
    pub async fn clinic(&self) -> String {
        self.clinic_in("Europe/Zurich").await
    }

    /// Creates a clinic in a time zone. Returns its path.
    pub async fn clinic_in(&self, zone: &str) -> String {
        let clinic = json!({ "name": "Seefeld", "time_zone": zone });
        self.post("/v1/clinics").json(&clinic).send().await.expect(201).location()
    }

    /// Creates a staff member of a clinic. Returns the id.
    pub async fn staff_member(&self, clinic: &str) -> String {
        let staff = json!({ "name": "Dr. Keller", "role": "physician" });
        let made = self.post(&format!("{clinic}/staff")).json(&staff).send().await.expect(201);
        id(&made)
    }

    /// Creates a patient. Returns the id.
    pub async fn patient(&self) -> String {
        let patient = json!({ "name": "Ida Example" });
        id(&self.post("/v1/patients").json(&patient).send().await.expect(201))
    }

    /// Creates a clinic with everything that a booking needs.
    pub async fn ready_clinic(&self) -> ClinicMade {
        let path = self.clinic().await;
        let staff = self.staff_member(&path).await;
        ClinicMade { staff, path, patient: self.patient().await }
    }

    /// The same with an appointment. Also returns the appointment's path.
    pub async fn clinic_with_booking(&self) -> (ClinicMade, String) {
        let clinic = self.ready_clinic().await;
        let path = self.booked(&clinic, "2035-01-16T09:00:00").await;
        (clinic, path)
    }

    /// Creates a clinic that is open on Tuesdays with a break, and a staff member who works until 16:00. 16 January 2035 is a
    /// Tuesday.
    pub async fn clinic_with_hours(&self) -> ClinicMade {
        let clinic = self.ready_clinic().await;
        let hours =
            [weekly_span("tuesday", "08:00", "12:00"), weekly_span("tuesday", "13:00", "18:00")];
        let open = json!({ "opening_hours": hours });
        self.patch(&clinic.path).json(&open).send().await.expect(200);
        let working = json!({ "working_hours": [weekly_span("tuesday", "07:00", "16:00")] });
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        self.patch(&staff).json(&working).send().await.expect(200);
        clinic
    }

    /// Books and returns the response, whatever it is.
    pub async fn book(&self, clinic: &ClinicMade, start: &str, minutes: u16) -> Answer {
        let body = booking(&clinic.staff, &clinic.patient, start, minutes);
        self.post(&format!("{}/appointments", clinic.path)).json(&body).send().await
    }

    /// Books with changed or additional members and returns the response, whatever it is.
    pub async fn book_with(&self, clinic: &ClinicMade, start: &str, more: Value) -> Answer {
        let body = booking_with(clinic, start, more);
        self.post(&format!("{}/appointments", clinic.path)).json(&body).send().await
    }

    /// Books successfully. Returns the appointment's path.
    pub async fn booked(&self, clinic: &ClinicMade, start: &str) -> String {
        self.book(clinic, start, 30).await.expect(201).location()
    }

    /// Holds a slot without a patient and returns the response, whatever it is.
    pub async fn hold(&self, clinic: &ClinicMade, start: &str, minutes: u16) -> Answer {
        let body = json!({
            "staff_id": clinic.staff, "start": start, "duration_minutes": 30, "hold_minutes": minutes
        });
        self.post(&format!("{}/holds", clinic.path)).json(&body).send().await
    }

    /// Holds a slot without a patient.
    pub async fn held(&self, clinic: &ClinicMade, start: &str, minutes: u16) -> Held {
        Held::of(&self.hold(clinic, start, minutes).await.expect(201))
    }

    /// Creates a room of a clinic. Returns the id.
    pub async fn resource(&self, clinic: &str) -> String {
        let room = json!({ "name": "Room 2", "kind": "room" });
        id(&self.post(&format!("{clinic}/resources")).json(&room).send().await.expect(201))
    }

    /// Creates a visit type of 20 minutes for physicians, with buffers of 5 minutes before and 10 after. Returns the id.
    pub async fn visit_type(&self, clinic: &str) -> String {
        let visit_type = json!({
            "name": "Check-up", "duration_minutes": 20,
            "buffer_before_minutes": 5, "buffer_after_minutes": 10, "roles": ["physician"]
        });
        id(&self.post(&format!("{clinic}/visit-types")).json(&visit_type).send().await.expect(201))
    }

    /// Closes a clinic on some dates. Returns the exception's id.
    pub async fn closed(&self, clinic: &str, first: &str, last: &str) -> String {
        let closed = json!({ "first_date": first, "last_date": last, "effect": "closed" });
        id(&self.post(&format!("{clinic}/exceptions")).json(&closed).send().await.expect(201))
    }

    /// Creates a webhook for all events. Returns its path.
    pub async fn webhook(&self, url: &str) -> String {
        self.post("/v1/webhooks").json(&json!({ "url": url })).send().await.expect(201).location()
    }

    /// Creates a pending delivery to a webhook. Returns its path.
    pub async fn delivery(&self, webhook: &str) -> String {
        let id: WebhookId = webhook.rsplit('/').next().unwrap().parse().unwrap();
        let now = self.clock.now();
        let event_id = format!("{:032x}", rand::random::<u128>());
        let payload = json!({ "id": event_id }).to_string();
        let (org, request) = (self.org.clone(), event_id.clone());
        let context = WriteContext::internal(org.clone(), "test", request, now);
        let delivery = Delivery::new(org, id, event_id, EventType::PatientCreated, now, payload);
        let path = format!("{webhook}/deliveries/{}", delivery.id);
        self.store.add(&context, delivery).await.unwrap();
        path
    }

    /// Puts an item without a condition.
    pub async fn put_item(&self, item: Item) {
        let put = self.store.client().put_item().table_name(self.store.table());
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// Deletes an item, but nothing that belongs to it.
    pub async fn delete_item(&self, item: &Item) {
        let delete = self.store.client().delete_item().table_name(self.store.table());
        let delete =
            ["PK", "SK"].iter().fold(delete, |delete, name| delete.key(*name, item[*name].clone()));
        delete.send().await.unwrap();
    }

    /// Leaves a record as an interrupted deletion does, before or after the deletion is final.
    pub async fn mark_as_being_deleted(&self, id: &str, decided: bool) {
        let item = self.stored(id).await;
        let decided = if decided { " decided" } else { "" };
        let mark = format!("request-1 at {}{decided} by cut-short", self.clock.now());
        let update = self.store.client().update_item().table_name(self.store.table());
        update
            .key("PK", item["PK"].clone())
            .key("SK", item["SK"].clone())
            .update_expression("SET deleting = :mark")
            .expression_attribute_values(":mark", AttributeValue::S(mark))
            .send()
            .await
            .unwrap();
    }

    /// The item of a record.
    pub async fn stored(&self, id: &str) -> Item {
        let is_it = |item: &Item| item.get("id").is_some_and(|found| *found == string(id));
        self.all_items().await.into_iter().find(is_it).unwrap()
    }

    /// Changes the status of an appointment.
    pub async fn step(&self, appointment: &str, status: &str) -> Answer {
        let body = json!({ "status": status });
        self.post(&format!("{appointment}/status")).json(&body).send().await
    }
}

/// The context of a write that a test makes without HTTP.
pub fn write_context(request_id: &str) -> WriteContext {
    let org = "ORG-DEMO".parse().unwrap();
    WriteContext::internal(org, "test", request_id.to_owned(), NOW.parse().unwrap())
}

/// The body of a booking.
pub fn booking(staff: &str, patient: &str, start: &str, minutes: u16) -> Value {
    json!({ "staff_id": staff, "patient_id": patient, "start": start, "duration_minutes": minutes })
}

/// The body of a booking with changed or additional members.
pub fn booking_with(clinic: &ClinicMade, start: &str, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no members: {more}") };
    let mut body = booking(&clinic.staff, &clinic.patient, start, 30);
    body.as_object_mut().unwrap().extend(more);
    body
}

/// Weekly hours of one weekday.
pub fn weekly_span(weekday: &str, from: &str, to: &str) -> Value {
    json!({ "weekday": weekday, "from": from, "to": to })
}

/// The id in a response.
#[track_caller]
pub fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}
