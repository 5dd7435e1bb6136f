//! The requests to a seeded organisation: to some of its clinics, evenly distributed, and to their free slots.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::Bytes,
    http::{Request, StatusCode},
};
use clinic_api::{
    appointments::model::{Appointment, Status},
    keyring::SearchKeys,
    records::patients::model::search::{PatientSearch, Phonetics},
    seed::{MadeUpClinic, Plan, START_TIMES},
};
use http_body_util::Full;
use jiff::{ToSpan as _, civil::Date};
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};

use super::{
    drive::Asks,
    service::{Api, HttpClient},
};

/// The number of clinics that get requests.
const CLINICS: u32 = 50;
/// The number of appointments of each that are read.
const APPOINTMENTS: usize = 200;
/// The number of days that are requested.
const DAYS: usize = 20;
/// Per staff member and day: the free slots to book, and the appointments to cancel and to move.
const TO_BOOK: usize = 3;
const TO_CANCEL: usize = 2;
const TO_MOVE: usize = 2;

/// The kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Clinics,
    Appointment,
    Patient,
    OfPatient,
    List,
    Day,
    Free,
    Book,
    Move,
    Cancel,
}

impl Target {
    /// All kinds, in the order of the measurement.
    pub const ALL: [Self; 10] = [
        Self::Clinics,
        Self::Appointment,
        Self::Patient,
        Self::OfPatient,
        Self::Free,
        Self::Book,
        Self::Move,
        Self::Cancel,
        // Requests that show many patients come last, because the worker's writes can be late.
        Self::List,
        Self::Day,
    ];

    /// The display name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clinics => "list the organisation's clinics, 25",
            Self::Appointment => "get an appointment",
            Self::Patient => "get a patient",
            Self::OfPatient => "list a patient's appointments",
            Self::List => "list a clinic's appointments, 25",
            Self::Day => "a clinic's day",
            Self::Free => "free times of a week",
            Self::Book => "book",
            Self::Move => "move, same day",
            Self::Cancel => "cancel",
        }
    }
}

/// A request: method, path, body.
type Asked = (&'static str, String, Option<Value>);

/// The requests, in order.
pub struct Sample {
    api: Api,
    clinics: Vec<String>,
    asked: [Vec<Asked>; Target::ALL.len()],
    next: [AtomicUsize; Target::ALL.len()],
}

impl Sample {
    /// Chooses the requests from a plan.
    pub fn of(plan: &Plan, api: Api) -> Self {
        let mut sample =
            Self { api, clinics: Vec::new(), asked: Default::default(), next: Default::default() };
        let many = plan.clinics.min(CLINICS);
        // The requests need only ids and starts, which do not depend on the keys.
        let search = PatientSearch { keys: SearchKeys::random(), phonetics: Phonetics::default() };
        for number in 0..many {
            sample.add(plan, &plan.clinic(number * plan.clinics / many, &search).unwrap());
        }
        sample.add_lists(&plan.clinic(plan.clinics / 2, &search).unwrap());
        sample.add_to(Target::Clinics, ("GET", "/v1/clinics?limit=25".to_owned(), None));
        for asked in &mut sample.asked {
            asked.shuffle(&mut StdRng::seed_from_u64(1));
        }
        sample
    }

    fn add_to(&mut self, target: Target, asked: Asked) {
        self.asked[target as usize].push(asked);
    }

    fn add(&mut self, plan: &Plan, made: &MadeUpClinic) {
        let path = format!("/v1/clinics/{}", made.clinic.value.id);
        let mut read: Vec<_> = made.appointments.iter().map(|it| &it.value).collect();
        read.shuffle(&mut StdRng::seed_from_u64(1));
        for appointment in read.iter().take(APPOINTMENTS) {
            let patient = format!("/v1/patients/{}", appointment.patient_id.as_ref().unwrap());
            let get = |path: String| ("GET", path, None);
            let of_clinic = format!("{path}/appointments");
            self.add_to(Target::Appointment, get(format!("{of_clinic}/{}", appointment.id)));
            self.add_to(Target::OfPatient, get(format!("{patient}/appointments")));
            self.add_to(Target::Patient, get(patient));
        }
        let mut days: HashMap<Date, Vec<&Appointment>> = HashMap::new();
        let first = plan.today + 2.days();
        for appointment in read.iter().filter(|it| it.date >= first) {
            days.entry(appointment.date).or_default().push(appointment);
        }
        for (date, appointments) in &days {
            let week = format!("from={date}&to={}", *date + 6.days());
            let free = format!("{path}/availability?duration_minutes=30&{week}");
            self.add_to(Target::Free, ("GET", free, None));
            self.add_day(made, *date, appointments, &path);
        }
        self.clinics.push(path);
    }

    /// Adds requests that show many patients. They use one clinic for every size, because an access is recorded once an hour per
    /// patient, and the number of accesses must not depend on the number of clinics.
    fn add_lists(&mut self, made: &MadeUpClinic) {
        let path = format!("/v1/clinics/{}", made.clinic.value.id);
        self.add_to(Target::List, ("GET", format!("{path}/appointments?limit=25"), None));
        let days: BTreeSet<_> = made.appointments.iter().map(|it| it.value.date).collect();
        for day in days.into_iter().take(DAYS) {
            self.add_to(Target::Day, ("GET", format!("{path}/day/{day}"), None));
        }
    }

    /// Adds writes that do not conflict with each other.
    fn add_day(&mut self, made: &MadeUpClinic, date: Date, taken: &[&Appointment], path: &str) {
        let busy: HashSet<_> = taken.iter().filter_map(|it| it.patient_id.as_ref()).collect();
        let patients = made.patients.iter().map(|patient| &patient.value.id);
        let mut patients = patients.filter(|id| !busy.contains(id));
        for staff in &made.staff {
            let staff = &staff.value.id;
            let own: Vec<_> = taken.iter().filter(|it| it.staff_id == *staff).collect();
            let mut free = free_starts(made, date, &own).into_iter();
            for start in free.by_ref().take(TO_BOOK) {
                let Some(patient) = patients.next() else { return };
                let body = json!({
                    "staff_id": staff, "patient_id": patient, "start": start, "duration_minutes": 15,
                });
                self.add_to(Target::Book, ("POST", format!("{path}/appointments"), Some(body)));
            }
            let changeable = [Status::Scheduled, Status::Confirmed];
            let mut own = own.into_iter().filter(|it| changeable.contains(&it.status));
            for appointment in own.by_ref().take(TO_CANCEL) {
                let cancel = format!("{path}/appointments/{}/cancel", appointment.id);
                self.add_to(Target::Cancel, ("POST", cancel, Some(json!({}))));
            }
            for (appointment, start) in own.take(TO_MOVE).zip(free) {
                let to = format!("{path}/appointments/{}/reschedule", appointment.id);
                self.add_to(Target::Move, ("POST", to, Some(json!({ "start": start }))));
            }
        }
    }

    /// Sends a request to each clinic, so that the service caches their time zones.
    pub async fn warm_up(&self) {
        let first = self.asked[Target::Free as usize][0].1.split_once('?').unwrap().1;
        for clinic in &self.clinics {
            let path = format!("{clinic}/availability?{first}");
            let (status, body) = self.api.send("GET", &path, None).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        }
    }
}

/// The free starts of a staff member's day.
fn free_starts(made: &MadeUpClinic, date: Date, own: &[&&Appointment]) -> Vec<String> {
    let zone = &made.clinic.value.time_zone;
    let starts =
        START_TIMES.iter().filter_map(|time| zone.instant_of(date.to_datetime(*time)).ok());
    starts
        .filter(|start| own.iter().all(|it| it.start != *start))
        .map(|start| start.to_string())
        .collect()
}

impl Asks for Sample {
    type Target = Target;

    fn client(&self) -> &HttpClient {
        &self.api.client
    }

    fn request(&self, target: Target) -> (Request<Full<Bytes>>, StatusCode) {
        let number = self.next[target as usize].fetch_add(1, Ordering::Relaxed);
        let asked = &self.asked[target as usize];
        let writes = matches!(target, Target::Book | Target::Move | Target::Cancel);
        assert!(!writes || number < asked.len(), "{} of {}", asked.len(), target.name());
        let (method, path, body) = &asked[number % asked.len()];
        let expected = if target == Target::Book { StatusCode::CREATED } else { StatusCode::OK };
        (self.api.build(method, path, body.clone()), expected)
    }
}
