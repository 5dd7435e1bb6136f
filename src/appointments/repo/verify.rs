//! The comparison of the day sheets with the appointments. The service keeps them equal; a table that was restored to a point in
//! time may hold one half of a transaction of that second.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::claims::{claims_of, entry_of, visit_of};
use crate::{
    appointments::model::Appointment,
    id::AppointmentId,
    scheduling::{
        model::{Claim, DaySheet, Entry},
        repo::sheet_key,
    },
    store::{
        Entity, Item, Key, Store, StoreError,
        codec::is_of_type,
        scan::{Scan, Segment},
    },
};

/// A mismatch on one day sheet.
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
}

/// The result of verifying a table.
#[derive(Debug, Default)]
pub struct Verification {
    sheets: HashMap<Key, BTreeMap<AppointmentId, Sides>>,
    /// The appointments that take time from the first day on.
    pub appointments: u64,
}

#[derive(Debug, Clone, Default)]
struct Sides {
    of_appointment: Option<Entry>,
    of_sheet: Option<Entry>,
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
            self.add_appointment(&Entity::from_item(item)?.value, from);
        } else if is_of_type::<DaySheet>(&item) {
            self.add_sheet(Entity::from_item(item)?.value, from);
        }
        Ok(())
    }

    fn add_appointment(&mut self, appointment: &Appointment, from: Date) {
        let dates = visit_of(appointment).utc_dates();
        if !appointment.status.is_occupying() || dates.iter().all(|date| *date < from) {
            return;
        }
        self.appointments += 1;
        for claim in &claims_of(appointment) {
            let entry = entry_of(appointment, &claim.slot);
            for (owner, date) in Claim::sheets(claim).filter(|(_, date)| *date >= from) {
                let sides = self.sides(sheet_key(owner, date), &appointment.id);
                sides.of_appointment = Some(entry.clone());
            }
        }
    }

    fn add_sheet(&mut self, sheet: DaySheet, from: Date) {
        if sheet.utc_date >= from {
            let key = sheet_key(&sheet.owner, sheet.utc_date);
            for (id, entry) in sheet.entries {
                self.sides(key.clone(), &id).of_sheet = Some(entry);
            }
        }
    }

    fn sides(&mut self, key: Key, id: &AppointmentId) -> &mut Sides {
        self.sheets.entry(key).or_default().entry(id.clone()).or_default()
    }

    /// The mismatches, by sheet.
    pub fn mismatches(&self) -> impl Iterator<Item = (&Key, Mismatch)> {
        self.sheets.iter().flat_map(|(key, entries)| {
            let one_sided = entries.iter().filter_map(|(id, sides)| {
                match (&sides.of_appointment, &sides.of_sheet) {
                    (Some(_), None) => Some(Mismatch::Missing(id.clone())),
                    (None, Some(_)) => Some(Mismatch::Stray(id.clone())),
                    (appointment, sheet) if appointment != sheet => {
                        Some(Mismatch::Differs(id.clone()))
                    }
                    _ => None,
                }
            });
            one_sided.chain(overlaps(entries)).map(move |mismatch| (key, mismatch))
        })
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
