//! Verification of day sheets, patients' links and pointers of moved appointments against the
//! appointments. The service keeps them consistent, but a table that was restored to a point in
//! time may contain only a part of a transaction from that second.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{Timestamp, civil::Date};

use super::{
    claims::{claims_of, entry_of, visit_of},
    find::AppointmentPointer,
    links::AppointmentLink,
};
use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, OrgId},
    records::{resources::model::Resource, staff::model::StaffMember},
    scheduling::{
        model::{Claim, DaySheet, Entry, SheetOwner},
        repo::sheet_key,
    },
    store::{
        Entity, Item, Key, Record as _, Store, StoreError,
        attributes::text,
        codec::is_of_type,
        keys,
        scan::{Scan, Segment},
    },
};

/// A mismatch of a day sheet, a link or an appointment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// An appointment has no entry in its sheet, so others can be booked over it.
    #[error("{0} occupies time that the sheet does not show")]
    Missing(AppointmentId),
    /// A sheet has an entry without an appointment, so nobody can be booked there.
    #[error("the sheet shows {0}, which occupies no time there")]
    Stray(AppointmentId),
    /// An entry differs from the appointment.
    #[error("the sheet shows {0} at another time than its own")]
    Differs(AppointmentId),
    /// Two appointments overlap, and neither is overbooked.
    #[error("{0} and {1} overlap")]
    Overlap(AppointmentId, AppointmentId),
    /// A patient has no link to an appointment, so erasure and export do not find it.
    #[error("{0} has no link of its patient; if that patient was erased, erase them again")]
    Unlinked(AppointmentId),
    /// A patient's link points to an appointment that does not exist.
    #[error("the link points to {0}, which does not exist")]
    StrayLink(AppointmentId),
    /// A moved appointment has no pointer to its key. Lists show it, but it cannot be found by its
    /// id.
    #[error("{0} is not found by its id")]
    Lost(AppointmentId),
    /// The table has an appointment twice, because a restore cut a move in two. A program cannot
    /// know which one is right.
    #[error("{0} is stored twice")]
    Twice(AppointmentId),
    /// The rules of the clinic's time zone have changed since the booking, so the start is no
    /// longer at the requested local time.
    #[error("{0} does not begin at the local time that was asked for")]
    LocalTime(AppointmentId),
}

/// The result of verifying a table.
#[derive(Debug, Default)]
pub struct Verification {
    sheets: BTreeMap<(SheetOwner, Date), Compared>,
    /// The links without an appointment and the appointments without a link, by the key of the
    /// link.
    pub(super) unmatched: BTreeMap<Key, LoneEnd>,
    /// The appointments that are not under the key derived from their id, and whose pointer was not
    /// found yet.
    moved: BTreeMap<AppointmentId, Lost>,
    /// The pointers whose appointment was not found yet.
    pointers: HashMap<AppointmentId, AppointmentPointer>,
    /// The appointments that are no longer at the requested local time.
    pub(super) shifted: Vec<(Key, Mismatch)>,
    /// The existing staff members and resources. Deleted ones had no future appointments, and their
    /// sheets were deleted with them.
    existing: HashSet<String>,
    /// The appointments found so far, with the date and start of their keys.
    met: HashMap<AppointmentId, (Date, Timestamp)>,
    /// The keys of appointments that are stored twice. They are not repaired.
    pub(super) twice: BTreeMap<AppointmentId, [Key; 2]>,
    /// The number of appointments that take time from the first verified day on.
    pub appointments: u64,
}

/// An appointment that cannot be found by its id, and the pointer that it should have.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) org: OrgId,
    pub(super) key: Key,
    pub(super) pointer: AppointmentPointer,
}

/// A link without its appointment, or an appointment without its link.
#[derive(Debug)]
pub(super) struct LoneEnd {
    pub(super) org: OrgId,
    pub(super) link: AppointmentLink,
    pub(super) mismatch: Mismatch,
}

/// A day sheet, compared with the appointments.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) org: OrgId,
    pub(super) entries: BTreeMap<AppointmentId, Sides>,
}

/// An entry as the appointment requires it, and as it is in the sheet.
#[derive(Debug, Clone, Default)]
pub(super) struct Sides {
    pub(super) of_appointment: Option<Entry>,
    pub(super) of_sheet: Option<Entry>,
}

/// Reads the whole table, at most `rate` items per second. Compares sheets with appointments for
/// UTC days from `from` on, and links and pointers, which never expire, with all appointments. A
/// pointer without an appointment is not a mismatch, because it does no harm. `also` receives each page,
/// and returns the number of items that it read because of it.
pub async fn verify(
    store: &Store,
    from: Date,
    rate: f64,
    mut also: impl AsyncFnMut(&[Item]) -> Result<usize, StoreError>,
) -> Result<Verification, StoreError> {
    let mut found = Verification::default();
    let mut scan = Scan::new(Segment::WHOLE, rate);
    while let Some(items) = scan.next_page(store).await? {
        scan.also_read(also(&items).await?);
        for item in items {
            found.add(item, from)?;
        }
    }
    Ok(found)
}

impl Verification {
    fn add(&mut self, item: Item, from: Date) -> Result<(), StoreError> {
        if is_of_type::<Appointment>(&item) {
            let appointment = Entity::<Appointment>::from_item(item)?;
            let Appointment { id, clinic_id, date, start, .. } = &appointment.value;
            if let Some(first) = self.met.insert(id.clone(), (*date, *start)) {
                let keys = [first, (*date, *start)].map(|at| keys::appointment(clinic_id, at, id));
                self.twice.insert(id.clone(), keys);
            }
            if let Some(link) = AppointmentLink::to(&appointment.value) {
                self.add_end(link, &appointment.meta.org, Mismatch::Unlinked);
            }
            self.add_moved(&appointment);
            self.add_appointment(&appointment, from);
        } else if is_of_type::<AppointmentPointer>(&item) {
            self.add_pointer(Entity::from_item(item)?.value);
        } else if is_of_type::<AppointmentLink>(&item) {
            let Entity { value, meta } = Entity::<AppointmentLink>::from_item(item)?;
            self.add_end(value, &meta.org, Mismatch::StrayLink);
        } else if is_of_type::<DaySheet>(&item) {
            self.add_sheet(Entity::from_item(item)?, from);
        } else if is_of_type::<StaffMember>(&item) || is_of_type::<Resource>(&item) {
            self.existing.extend(text(&item, "id").map(str::to_owned));
        }
        Ok(())
    }

    /// Adds one end of a link: the appointment or the link. Together the two ends cancel out.
    fn add_end(
        &mut self,
        link: AppointmentLink,
        org: &OrgId,
        alone: impl Fn(AppointmentId) -> Mismatch,
    ) {
        if self.unmatched.remove(&link.key()).is_none() {
            let mismatch = alone(link.appointment_id.clone());
            let org = org.clone();
            self.unmatched.insert(link.key(), LoneEnd { org, link, mismatch });
        }
    }

    /// Adds an appointment that needs a pointer, which is one that is not under the key derived
    /// from its id.
    fn add_moved(&mut self, Entity { value, meta }: &Entity<Appointment>) {
        let key = value.key();
        if key == keys::first_of_appointment(&value.clinic_id, &value.id) {
            return;
        }
        let pointer = AppointmentPointer::to(value);
        if self.pointers.remove(&value.id).as_ref() != Some(&pointer) {
            self.moved.insert(value.id.clone(), Lost { org: meta.org.clone(), key, pointer });
        }
    }

    fn add_pointer(&mut self, pointer: AppointmentPointer) {
        match self.moved.get(&pointer.appointment_id) {
            Some(lost) if lost.pointer == pointer => {
                self.moved.remove(&pointer.appointment_id);
            }
            Some(_) => {}
            None => {
                self.pointers.insert(pointer.appointment_id.clone(), pointer);
            }
        }
    }

    fn add_appointment(&mut self, Entity { value, meta }: &Entity<Appointment>, from: Date) {
        let dates = visit_of(value).utc_dates();
        if !value.status.is_occupying() || dates.iter().all(|date| *date < from) {
            return;
        }
        self.appointments += 1;
        if !value.is_at_local_start() {
            self.shifted.push((value.key(), Mismatch::LocalTime(value.id.clone())));
        }
        for claim in &claims_of(value) {
            let entry = entry_of(value, claim);
            for (owner, date) in Claim::sheets(claim).filter(|(_, date)| *date >= from) {
                let sides = self.sides((owner.clone(), date), &meta.org, &value.id);
                sides.of_appointment = Some(entry.clone());
            }
        }
    }

    fn add_sheet(&mut self, Entity { value, meta }: Entity<DaySheet>, from: Date) {
        if value.utc_date >= from {
            for (id, entry) in value.entries {
                let sheet = (value.owner.clone(), value.utc_date);
                self.sides(sheet, &meta.org, &id).of_sheet = Some(entry);
            }
        }
    }

    fn sides(&mut self, sheet: (SheetOwner, Date), org: &OrgId, id: &AppointmentId) -> &mut Sides {
        let empty = || Compared { org: org.clone(), entries: BTreeMap::new() };
        let compared = self.sheets.entry(sheet).or_insert_with(empty);
        compared.entries.entry(id.clone()).or_default()
    }

    /// Returns whether an appointment is stored only once. Otherwise it cannot be repaired.
    pub(super) fn is_stored_once(&self, id: &AppointmentId) -> bool {
        !self.twice.contains_key(id)
    }

    /// Returns the appointments that are stored twice.
    fn twice(&self) -> impl Iterator<Item = (Key, Mismatch)> {
        self.twice.iter().map(|(id, [_, key])| (key.clone(), Mismatch::Twice(id.clone())))
    }

    /// Returns the appointments that cannot be found by their ids.
    pub(super) fn lost(&self) -> impl Iterator<Item = &Lost> {
        self.moved.values().filter(|lost| self.is_stored_once(&lost.pointer.appointment_id))
    }

    /// Returns the sheets of existing staff members and resources, and of all patients.
    pub(super) fn sheets(&self) -> impl Iterator<Item = (&(SheetOwner, Date), &Compared)> {
        self.sheets.iter().filter(|((owner, _), _)| match owner {
            SheetOwner::Staff { staff_id, .. } => self.existing.contains(staff_id.as_str()),
            SheetOwner::Resource { resource_id, .. } => {
                self.existing.contains(resource_id.as_str())
            }
            SheetOwner::Patient { .. } => true,
        })
    }

    /// Returns the mismatches, by sheet, link or appointment.
    pub fn mismatches(&self) -> impl Iterator<Item = (Key, Mismatch)> {
        let sheets = self.sheets().flat_map(|((owner, date), compared)| {
            let key = sheet_key(owner, *date);
            compared.mismatches().map(move |mismatch| (key.clone(), mismatch))
        });
        let links = self.unmatched.iter();
        let links = links.map(|(key, end)| (key.clone(), end.mismatch.clone()));
        let lost = self
            .lost()
            .map(|lost| (lost.key.clone(), Mismatch::Lost(lost.pointer.appointment_id.clone())));
        sheets.chain(links).chain(lost).chain(self.shifted.iter().cloned()).chain(self.twice())
    }
}

impl Compared {
    pub(super) fn mismatches(&self) -> impl Iterator<Item = Mismatch> {
        let one_sided = self.entries.iter().filter_map(|(id, sides)| {
            match (&sides.of_appointment, &sides.of_sheet) {
                (Some(_), None) => Some(Mismatch::Missing(id.clone())),
                (None, Some(_)) => Some(Mismatch::Stray(id.clone())),
                (appointment, sheet) if appointment != sheet => Some(Mismatch::Differs(id.clone())),
                _ => None,
            }
        });
        one_sided.chain(overlaps(&self.entries))
    }
}

/// Returns the pairs of consecutive appointments of one sheet that overlap. Overbooked ones are
/// left out.
fn overlaps(entries: &BTreeMap<AppointmentId, Sides>) -> Vec<Mismatch> {
    let of_appointments =
        |(id, sides): (&AppointmentId, &Sides)| Some((sides.of_appointment.clone()?, id.clone()));
    let mut taken: Vec<_> = entries.iter().filter_map(of_appointments).collect();
    taken.retain(|(entry, _)| !entry.overbooked);
    taken.sort_by_key(|(entry, _)| (entry.start, entry.end));
    let pairs = taken.windows(2).filter(|pair| pair[0].0.overlaps(&pair[1].0));
    pairs.map(|pair| Mismatch::Overlap(pair[0].1.clone(), pair[1].1.clone())).collect()
}
