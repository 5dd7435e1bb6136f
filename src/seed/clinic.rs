//! A clinic with all that is its, and its items.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom as _};

use super::{
    Plan, SUBJECT,
    diary::{Visit, life, opening_hours, visits, working_hours},
    people,
};
use crate::{
    appointments::{
        model::{Appointment, Status},
        repo::{claims_of, entry_of},
    },
    clinics::model::{Address, Clinic},
    id::{AppointmentId, ClinicId, OrgId, StaffId, VisitTypeId, token_from},
    patients::{self, model::Patient},
    schedule::model::{Claim, DaySheet, SheetOwner},
    staff::model::StaffMember,
    store::{Entity, Item, Precondition, Record, StoreError, WriteContext, write::Write},
    time::{Zone, utc_midnight},
    visit_types::model::VisitType,
};

/// One clinic after the other; in Los Angeles an afternoon runs over UTC midnight.
const PLACES: [(&str, &str, &str); 5] = [
    ("Zurich", "CH", "Europe/Zurich"),
    ("London", "GB", "Europe/London"),
    ("Los Angeles", "US", "America/Los_Angeles"),
    ("Auckland", "NZ", "Pacific/Auckland"),
    ("Bengaluru", "IN", "Asia/Kolkata"),
];
/// Each is over before the next one may begin.
const VISIT_TYPES: [(&str, u16); 3] = [("check-up", 15), ("consultation", 20), ("first visit", 30)];
/// Roles and specialities, one staff member after the other.
const WORK: [(&str, Option<&str>); 5] = [
    ("physician", Some("general practice")),
    ("physician", Some("paediatrics")),
    ("nurse", None),
    ("physician", Some("dermatology")),
    ("physiotherapist", None),
];
const REASONS: [&str; 4] = ["made-up cough", "made-up back pain", "made-up check", "made-up rash"];
/// Before everything else that is made up.
const OPENED_BEFORE: SignedDuration = SignedDuration::from_hours(60 * 24);

/// A clinic with all that is its.
pub struct MadeUpClinic {
    /// The clinic.
    pub clinic: Entity<Clinic>,
    /// What its staff give.
    pub visit_types: Vec<Entity<VisitType>>,
    /// Its staff.
    pub staff: Vec<Entity<StaffMember>>,
    /// Its patients.
    pub patients: Vec<Entity<Patient>>,
    /// Its appointments, by their starts.
    pub appointments: Vec<Entity<Appointment>>,
    record_numbers: Vec<Item>,
    sheets: BTreeMap<(SheetOwner, Date), Entity<DaySheet>>,
}

/// Whose writes these are: each has a request of its own.
struct Writer<'a> {
    org: &'a OrgId,
    chance: StdRng,
}

impl Writer<'_> {
    fn at(&mut self, now: Timestamp) -> WriteContext {
        WriteContext {
            org: self.org.clone(),
            subject: SUBJECT.to_owned(),
            request_id: token_from(&mut self.chance),
            now,
            precondition: Precondition::None,
            idempotency: None,
        }
    }
}

/// That an appointment took its time, or freed it.
struct Turn {
    context: WriteContext,
    appointment: usize,
    takes: bool,
}

impl MadeUpClinic {
    pub(super) fn new(plan: &Plan, number: u32) -> Result<Self, StoreError> {
        let mut writer = Writer { org: &plan.org, chance: plan.chance(number) };
        // The first of all that is by chance: `Plan::clinic_id` tells it without the rest.
        let id = ClinicId::random_from(&mut writer.chance);
        // Clinics of one organisation are listed by when they were made.
        let opened = utc_midnight(plan.first_date()) - OPENED_BEFORE;
        let opened = opened + SignedDuration::from_millis(number.into());
        let clinic =
            Entity::new(clinic(id.clone(), number, &mut writer.chance), &writer.at(opened));
        let visit_types: Vec<_> = VISIT_TYPES
            .iter()
            .map(|&(name, minutes)| visit_type(&id, name, minutes, &mut writer, opened))
            .collect();
        let staff: Vec<_> =
            (0..plan.staff).map(|number| staff_member(&id, number, &mut writer, opened)).collect();
        let (mut patients, mut record_numbers) = (Vec::new(), Vec::new());
        for of_clinic in 0..plan.patients {
            let patient = people::patient(number, of_clinic, &mut writer.chance);
            let context = writer.at(opened);
            if let Some(Write::Put { item, .. }) =
                patients::repo::record_number(&context, &patient)?
            {
                record_numbers.push(item);
            }
            patients.push(Entity::new(patient, &context));
        }
        let mut made = Self {
            clinic,
            visit_types,
            staff,
            patients,
            appointments: Vec::with_capacity(plan.appointments as usize),
            record_numbers,
            sheets: BTreeMap::new(),
        };
        made.keep_diary(plan, &mut writer);
        Ok(made)
    }

    fn keep_diary(&mut self, plan: &Plan, writer: &mut Writer<'_>) {
        let mut turns = Vec::new();
        for visit in visits(plan, &self.clinic.value.time_zone, &mut writer.chance) {
            let appointment = self.appointments.len();
            let life = life(visit.start, plan.now(), &mut writer.chance);
            let context = writer.at(life.booked);
            let mut entity = Entity::new(self.appointment(&visit, &mut writer.chance), &context);
            turns.push(Turn { context, appointment, takes: true });
            for (at, status) in life.steps {
                let context = writer.at(at);
                let mut value = Appointment { status, ..entity.value.clone() };
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
            self.take(turn);
        }
    }

    fn appointment(&self, visit: &Visit, chance: &mut impl Rng) -> Appointment {
        let of_type = self.visit_types.choose(chance);
        let reason = REASONS.choose(chance).filter(|_| chance.random_ratio(7, 10));
        Appointment {
            id: AppointmentId::random_on_from(visit.date, chance),
            clinic_id: self.clinic.value.id.clone(),
            staff_id: self.staff[visit.staff].value.id.clone(),
            patient_id: Some(self.patients[visit.patient].value.id.clone()),
            resource_ids: Vec::new(),
            visit_type_id: of_type.map(|of_type| of_type.value.id.clone()),
            date: visit.date,
            start: visit.start,
            duration_minutes: of_type.map_or(30, |of_type| of_type.value.duration_minutes),
            buffer_before_minutes: 0,
            buffer_after_minutes: 0,
            time_zone: self.clinic.value.time_zone.clone(),
            status: Status::Scheduled,
            hold_expires_at: None,
            overbooked: false,
            override_reason: None,
            rescheduled_from: None,
            reason: reason.map(|reason| (*reason).to_owned().into()),
            notes: None,
            cancellation_reason: None,
        }
    }

    /// Enters an appointment in its sheets, or takes it out of them: each has one revision more.
    fn take(&mut self, turn: &Turn) {
        let appointment = &self.appointments[turn.appointment].value;
        for claim in &claims_of(appointment) {
            for (owner, date) in Claim::sheets(claim) {
                let before = self.sheets.remove(&(owner.clone(), date));
                let mut sheet = before.as_ref().map_or_else(
                    || DaySheet::empty(owner.clone(), date),
                    |entity| entity.value.clone(),
                );
                if turn.takes {
                    let entry = entry_of(appointment, &claim.slot);
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

    /// How many items it is in all.
    pub(super) fn items(&self) -> usize {
        let middle = self.visit_types.len()
            + self.patients.len()
            + self.record_numbers.len()
            + self.appointments.len()
            + self.sheets.len();
        1 + middle + self.staff.len()
    }

    /// All items but the clinic's own and its staff's. Each comes when it is asked for: a big clinic has many.
    pub(super) fn middle(&self) -> impl Iterator<Item = Result<Item, StoreError>> {
        items(&self.visit_types)
            .chain(items(&self.patients))
            .chain(self.record_numbers.iter().cloned().map(Ok))
            .chain(items(&self.appointments))
            .chain(items(self.sheets.values()))
    }
}

/// Records as items.
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
    Clinic {
        id,
        name: format!("Made-up Clinic {}, {city}", number + 1),
        time_zone: zone.parse::<Zone>().expect("the database has the zone"),
        address: Some(address),
        position: None,
        phone: Some(people::phone(chance)),
        opening_hours: opening_hours(),
    }
}

fn visit_type(
    clinic_id: &ClinicId,
    name: &str,
    duration_minutes: u16,
    writer: &mut Writer<'_>,
    opened: Timestamp,
) -> Entity<VisitType> {
    let visit_type = VisitType {
        id: VisitTypeId::random_from(&mut writer.chance),
        clinic_id: clinic_id.clone(),
        name: name.to_owned(),
        duration_minutes,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        roles: Vec::new(),
    };
    Entity::new(visit_type, &writer.at(opened))
}

fn staff_member(
    clinic_id: &ClinicId,
    number: u16,
    writer: &mut Writer<'_>,
    opened: Timestamp,
) -> Entity<StaffMember> {
    let (role, speciality) = WORK[usize::from(number) % WORK.len()];
    let title = if role == "physician" { "Dr. " } else { "" };
    let staff = StaffMember {
        id: StaffId::random_from(&mut writer.chance),
        clinic_id: clinic_id.clone(),
        name: format!("{title}{}", people::name(&mut writer.chance)),
        role: role.to_owned(),
        speciality: speciality.map(str::to_owned),
        active: true,
        working_hours: working_hours(),
    };
    Entity::new(staff, &writer.at(opened))
}
