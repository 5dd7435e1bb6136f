//! A sample clinic with everything that belongs to it, and its items.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom as _};

use super::{
    diary::{Visit, life, opening_hours, visits, working_hours},
    people,
    plan::{Plan, SUBJECT},
};
use crate::{
    appointments::{
        model::{Appointment, Status},
        repo::{AppointmentLink, claims_of, entry_of},
    },
    id::{AppointmentId, ClinicId, OrgId, StaffId, VisitTypeId, token_from},
    records::{
        clinics::model::{Address, Clinic, ClinicDetails},
        patients::{
            model::{Patient, search::PatientSearch},
            repo::Index,
        },
        staff::model::{StaffDetails, StaffMember},
        visit_types::model::{VisitType, VisitTypeDetails},
    },
    scheduling::model::{Claim, DaySheet, SheetOwner},
    store::{Entity, Item, Record, StoreError, WriteContext},
    time::{Zone, utc_midnight},
};

/// City, country and time zone, assigned to the clinics in turn. In Los Angeles, an afternoon
/// crosses UTC midnight.
const PLACES: [(&str, &str, &str); 5] = [
    ("Zurich", "CH", "Europe/Zurich"),
    ("London", "GB", "Europe/London"),
    ("Los Angeles", "US", "America/Los_Angeles"),
    ("Auckland", "NZ", "Pacific/Auckland"),
    ("Bengaluru", "IN", "Asia/Kolkata"),
];
/// Names and minutes. Each visit ends before the next one can begin.
const VISIT_TYPES: [(&str, u16); 3] = [("check-up", 15), ("consultation", 20), ("first visit", 30)];
/// Roles and specialities, assigned to the staff members in turn.
const WORK: [(&str, Option<&str>); 5] = [
    ("physician", Some("general practice")),
    ("physician", Some("paediatrics")),
    ("nurse", None),
    ("physician", Some("dermatology")),
    ("physiotherapist", None),
];
const REASONS: [&str; 4] = ["made-up cough", "made-up back pain", "made-up check", "made-up rash"];
/// The time between the creation of a clinic and the first date with appointments.
const OPENED_BEFORE: SignedDuration = SignedDuration::from_hours(60 * 24);

/// A sample clinic with everything that belongs to it.
pub struct MadeUpClinic {
    /// The clinic.
    pub clinic: Entity<Clinic>,
    /// Its visit types.
    pub visit_types: Vec<Entity<VisitType>>,
    /// Its staff.
    pub staff: Vec<Entity<StaffMember>>,
    /// Its patients.
    pub patients: Vec<Entity<Patient>>,
    /// Its appointments, sorted by start.
    pub appointments: Vec<Entity<Appointment>>,
    links: Vec<Entity<AppointmentLink>>,
    sheets: BTreeMap<(SheetOwner, Date), Entity<DaySheet>>,
}

/// Creates the context of each write, with its own request id.
struct Writer<'a> {
    org: &'a OrgId,
    opened: Timestamp,
    chance: StdRng,
}

impl Writer<'_> {
    fn at(&mut self, now: Timestamp) -> WriteContext {
        WriteContext::internal(self.org.clone(), SUBJECT, token_from(&mut self.chance), now)
    }

    /// Returns a record as it was when the clinic opened.
    fn entity<T: Record>(&mut self, value: T) -> Entity<T> {
        Entity::new(value, &self.at(self.opened))
    }
}

/// A change that adds an appointment to its day sheets, or removes it.
struct Turn {
    context: WriteContext,
    appointment: usize,
    takes: bool,
}

impl Plan {
    /// Returns the clinic with this number, counted from 0.
    pub fn clinic(&self, number: u32, search: &PatientSearch) -> Result<MadeUpClinic, StoreError> {
        // Clinics of an organisation are listed by their creation time.
        let opened = utc_midnight(self.first_date()) - OPENED_BEFORE;
        let opened = opened + SignedDuration::from_millis(number.into());
        let mut writer = Writer { org: &self.org, opened, chance: self.chance(number) };
        // The id must be the first random value: `Plan::clinic_id` computes it alone.
        let id = ClinicId::random_from(&mut writer.chance);
        let clinic = clinic(id.clone(), number, &mut writer.chance);
        let clinic = writer.entity(clinic);
        let (mut visit_types, mut staff) = (Vec::new(), Vec::new());
        for (name, minutes) in VISIT_TYPES {
            let visit_type = visit_type(&id, name, minutes, &mut writer.chance);
            visit_types.push(writer.entity(visit_type));
        }
        for number in 0..self.staff {
            let member = staff_member(&id, number, &mut writer.chance);
            staff.push(writer.entity(member));
        }
        let mut patients = Vec::with_capacity(self.patients as usize);
        for of_clinic in 0..self.patients {
            let patient = Patient::new(people::patient(number, of_clinic, &mut writer.chance));
            let index = Index::new(search, &self.org, &patient)?;
            let indexed = Patient { search: Some(index.indexed().clone()), ..patient };
            patients.push(writer.entity(indexed));
        }
        let mut made = MadeUpClinic {
            clinic,
            visit_types,
            staff,
            patients,
            appointments: Vec::with_capacity(self.appointments as usize),
            links: Vec::with_capacity(self.appointments as usize),
            sheets: BTreeMap::new(),
        };
        made.add_appointments(self, &mut writer);
        Ok(made)
    }
}

impl MadeUpClinic {
    fn add_appointments(&mut self, plan: &Plan, writer: &mut Writer<'_>) {
        let mut turns = Vec::new();
        for visit in visits(plan, &self.clinic.value.time_zone, &mut writer.chance) {
            let appointment = self.appointments.len();
            let life = life(visit.start, plan.now(), &mut writer.chance);
            let context = writer.at(life.booked);
            let mut entity = Entity::new(self.appointment(&visit, &mut writer.chance), &context);
            let link = AppointmentLink::to(&entity.value);
            self.links.extend(link.map(|link| Entity::new(link, &context)));
            turns.push(Turn { context, appointment, takes: true });
            for (at, status) in life.steps {
                let context = writer.at(at);
                let arrived = (status == Status::CheckedIn).then_some(at);
                let checked_in_at = arrived.or(entity.value.checked_in_at);
                let mut value = Appointment { status, checked_in_at, ..entity.value.clone() };
                if status == Status::Cancelled {
                    value.cancellation_reason = Some("made-up holiday".to_owned().into());
                }
                entity = entity.changed(value, &context);
                if !status.is_occupying() {
                    turns.push(Turn { context, appointment, takes: false });
                }
            }
            self.appointments.push(entity);
        }
        turns.sort_by_key(|turn| turn.context.now);
        for turn in &turns {
            self.apply(turn);
        }
    }

    fn appointment(&self, visit: &Visit, chance: &mut impl Rng) -> Appointment {
        let of_type = self.visit_types.choose(chance);
        let reason = REASONS.choose(chance).filter(|_| chance.random_ratio(7, 10));
        let Clinic { id, details } = &self.clinic.value;
        let staff_id = self.staff[visit.staff].value.id.clone();
        let new = Appointment::new(id.clone(), details.time_zone.clone(), staff_id, visit.start);
        Appointment {
            id: AppointmentId::random_at_from(visit.start, new.date, chance),
            patient_id: Some(self.patients[visit.patient].value.id.clone()),
            visit_type_id: of_type.map(|of_type| of_type.value.id.clone()),
            duration_minutes: of_type.map_or(30, |of_type| of_type.value.duration_minutes),
            reason: reason.map(|reason| (*reason).to_owned().into()),
            ..new
        }
    }

    /// Adds an appointment to its day sheets, or removes it. Each change increments the revision.
    fn apply(&mut self, turn: &Turn) {
        let appointment = &self.appointments[turn.appointment].value;
        for claim in &claims_of(appointment) {
            for (owner, date) in Claim::sheets(claim) {
                let before = self.sheets.remove(&(owner.clone(), date));
                let mut sheet = before.as_ref().map_or_else(
                    || DaySheet::empty(owner.clone(), date),
                    |entity| entity.value.clone(),
                );
                if turn.takes {
                    let entry = entry_of(appointment, claim);
                    sheet.entries.insert(appointment.id.clone(), entry);
                } else {
                    sheet.entries.remove(&appointment.id);
                }
                let entity = match before {
                    None => Entity::new(sheet, &turn.context),
                    Some(before) => before.changed(sheet, &turn.context),
                };
                self.sheets.insert((owner.clone(), date), entity);
            }
        }
    }

    /// Returns the number of items.
    pub(super) fn items(&self) -> usize {
        let middle = self.visit_types.len()
            + self.patients.iter().map(people::items).sum::<usize>()
            + self.appointments.len()
            + self.links.len()
            + self.sheets.len();
        1 + middle + self.staff.len()
    }

    /// Returns all items but the clinic and its staff. They are created lazily, because a large
    /// clinic has many.
    pub(super) fn middle(
        &self,
        search: &PatientSearch,
    ) -> impl Iterator<Item = Result<Item, StoreError>> {
        items(&self.visit_types)
            .chain(items(&self.patients))
            .chain(self.patients.iter().flat_map(|patient| people::search_items(search, patient)))
            .chain(items(&self.appointments))
            .chain(items(&self.links))
            .chain(items(self.sheets.values()))
    }
}

pub(super) fn items<'a, T: Record + 'a>(
    entities: impl IntoIterator<Item = &'a Entity<T>>,
) -> impl Iterator<Item = Result<Item, StoreError>> {
    entities.into_iter().map(Entity::to_item)
}

fn clinic(id: ClinicId, number: u32, chance: &mut impl Rng) -> Clinic {
    let (city, country, zone) = PLACES[number as usize % PLACES.len()];
    let address = Address {
        lines: vec![format!("{} Nowhere Street", number + 1)],
        city: Some(city.to_owned()),
        country: Some(country.to_owned()),
        ..Address::default()
    };
    let details = ClinicDetails {
        name: format!("Made-up Clinic {}, {city}", number + 1),
        time_zone: zone.parse::<Zone>().expect("the database has the zone"),
        address: Some(address),
        position: None,
        phone: Some(people::phone(chance)),
        opening_hours: Some(opening_hours()),
    };
    Clinic { id, details }
}

fn visit_type(
    clinic_id: &ClinicId,
    name: &str,
    duration_minutes: u16,
    chance: &mut impl Rng,
) -> VisitType {
    let id = VisitTypeId::random_from(chance);
    let details = VisitTypeDetails {
        name: name.to_owned(),
        duration_minutes,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        roles: Vec::new(),
    };
    VisitType { id, clinic_id: clinic_id.clone(), details }
}

fn staff_member(clinic_id: &ClinicId, number: u16, chance: &mut impl Rng) -> StaffMember {
    let (role, specialty) = WORK[usize::from(number) % WORK.len()];
    let title = if role == "physician" { "Dr. " } else { "" };
    let id = StaffId::random_from(chance);
    let details = StaffDetails {
        name: format!("{title}{}", people::name(chance)),
        role: role.to_owned(),
        specialty: specialty.map(str::to_owned),
        active: true,
        working_hours: Some(working_hours()),
    };
    StaffMember { id, clinic_id: clinic_id.clone(), details }
}
