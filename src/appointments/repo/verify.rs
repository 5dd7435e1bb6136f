//! The comparison of the day sheets and the patients' links with the appointments. The service keeps them equal; a table that was restored to a point in
//! time may hold one half of a transaction of that second.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;

use super::{
    claims::{claims_of, entry_of, visit_of},
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
        scan::{Scan, Segment},
    },
    time::utc_date,
};

/// A mismatch on one day sheet, of one link, or of one appointment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// An appointment takes time that its sheet does not show: others can be booked over it.
    #[error("{0} occupies time that the sheet does not show")]
    Missing(AppointmentId),
    /// A sheet shows time as taken that no appointment takes: nobody can be booked there.
    #[error("the sheet shows {0}, which occupies no time there")]
    Stray(AppointmentId),
    /// A sheet shows another time than the appointment's.
    #[error("the sheet shows {0} at another time than its own")]
    Differs(AppointmentId),
    /// Two appointments overlap, and neither was booked over others.
    #[error("{0} and {1} overlap")]
    Overlap(AppointmentId, AppointmentId),
    /// A patient has no link to their appointment, which erasing and exporting do not find then.
    #[error("{0} has no link of its patient")]
    Unlinked(AppointmentId),
    /// A patient's link leads to an appointment that is not there.
    #[error("the link leads to {0}, which is not there")]
    StrayLink(AppointmentId),
    /// The table has an appointment twice: a move was cut in two. Nobody can tell which one is right.
    #[error("{0} is stored twice")]
    Twice(AppointmentId),
    /// The rules of the clinic's time zone have changed since the start was asked for.
    #[error("{0} does not begin at the local time that was asked for")]
    LocalTime(AppointmentId),
}

/// The result of verifying a table.
#[derive(Debug, Default)]
pub struct Verification {
    sheets: BTreeMap<(SheetOwner, Date), Compared>,
    /// By the key of the link, the links without their appointments, and the other way round.
    pub(super) unmatched: BTreeMap<Key, LoneEnd>,
    /// The appointments whose instant is another local time by now.
    pub(super) shifted: Vec<(Key, Mismatch)>,
    /// The staff members and resources that there are. Those that were deleted had no appointments to come, and took their
    /// sheets with them.
    existing: HashSet<String>,
    ids: HashSet<AppointmentId>,
    /// The appointments that are stored twice. Nothing of theirs is repaired.
    twice: BTreeMap<AppointmentId, Key>,
    /// The appointments that take time from the first day on.
    pub appointments: u64,
}

/// A link without its appointment, or the other way round.
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

/// An entry as it follows from the appointment, and as the sheet has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sides {
    pub(super) of_appointment: Option<Entry>,
    pub(super) of_sheet: Option<Entry>,
}

/// Reads the whole table, at most `rate` items a second, and compares the sheets and appointments of UTC days from `from` on.
/// `report` gets the number of items of each page.
pub async fn verify(
    store: &Store,
    from: Date,
    rate: f64,
    mut report: impl FnMut(usize),
) -> Result<Verification, StoreError> {
    let mut found = Verification::default();
    let mut scan = Scan::new(Segment::WHOLE, rate);
    while let Some(items) = scan.next_page(store).await? {
        report(items.len());
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
            let id = &appointment.value.id;
            if !self.ids.insert(id.clone()) {
                self.twice.insert(id.clone(), appointment.value.key());
            }
            if let Some(link) = AppointmentLink::to(&appointment.value) {
                self.add_end(link, &appointment.meta.org, from, Mismatch::Unlinked);
            }
            self.add_appointment(&appointment, from);
        } else if is_of_type::<AppointmentLink>(&item) {
            let Entity { value, meta } = Entity::<AppointmentLink>::from_item(item)?;
            self.add_end(value, &meta.org, from, Mismatch::StrayLink);
        } else if is_of_type::<DaySheet>(&item) {
            self.add_sheet(Entity::from_item(item)?, from);
        } else if is_of_type::<StaffMember>(&item) || is_of_type::<Resource>(&item) {
            self.existing.extend(text(&item, "id").map(str::to_owned));
        }
        Ok(())
    }

    /// One end of a link, the appointment or the link: with the other one it is as it should be.
    fn add_end(
        &mut self,
        link: AppointmentLink,
        org: &OrgId,
        from: Date,
        alone: impl Fn(AppointmentId) -> Mismatch,
    ) {
        if utc_date(link.start) >= from && self.unmatched.remove(&link.key()).is_none() {
            let mismatch = alone(link.appointment_id.clone());
            let org = org.clone();
            self.unmatched.insert(link.key(), LoneEnd { org, link, mismatch });
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

    /// Whether the appointment of a mismatch is stored once: else nothing of it can be set right.
    pub(super) fn is_stored_once(&self, id: &AppointmentId) -> bool {
        !self.twice.contains_key(id)
    }

    /// The appointments that are stored twice.
    pub(super) fn twice(&self) -> impl Iterator<Item = (Key, Mismatch)> {
        self.twice.iter().map(|(id, key)| (key.clone(), Mismatch::Twice(id.clone())))
    }

    /// The sheets of those that there are.
    pub(super) fn sheets(&self) -> impl Iterator<Item = (&(SheetOwner, Date), &Compared)> {
        self.sheets.iter().filter(|((owner, _), _)| match owner {
            SheetOwner::Staff { staff_id, .. } => self.existing.contains(staff_id.as_str()),
            SheetOwner::Resource { resource_id, .. } => {
                self.existing.contains(resource_id.as_str())
            }
            SheetOwner::Patient { .. } => true,
        })
    }

    /// The mismatches, by sheet, link or appointment.
    pub fn mismatches(&self) -> impl Iterator<Item = (Key, Mismatch)> {
        let sheets = self.sheets().flat_map(|((owner, date), compared)| {
            let key = sheet_key(owner, *date);
            compared.mismatches().map(move |mismatch| (key.clone(), mismatch))
        });
        let links = self.unmatched.iter();
        let links = links.map(|(key, end)| (key.clone(), end.mismatch.clone()));
        sheets.chain(links).chain(self.shifted.iter().cloned()).chain(self.twice())
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

/// Appointments of one sheet that overlap one before them, where neither is marked as overbooked.
fn overlaps(entries: &BTreeMap<AppointmentId, Sides>) -> Vec<Mismatch> {
    let of_appointments =
        |(id, sides): (&AppointmentId, &Sides)| Some((sides.of_appointment.clone()?, id.clone()));
    let mut taken: Vec<_> = entries.iter().filter_map(of_appointments).collect();
    taken.retain(|(entry, _)| !entry.overbooked);
    taken.sort_by_key(|(entry, _)| (entry.start, entry.end));
    let pairs = taken.windows(2).filter(|pair| pair[0].0.overlaps(&pair[1].0));
    pairs.map(|pair| Mismatch::Overlap(pair[0].1.clone(), pair[1].1.clone())).collect()
}
