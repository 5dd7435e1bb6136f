//! Day sheets in the table, and the writes that add and remove their entries.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, civil::Date};
use serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value;

use super::model::{DaySheet, Entry, SheetOwner};
use crate::{
    error::{ApiError, ErrorCode},
    id::{AppointmentId, ClinicId, OrgId, PatientId, ResourceId, StaffId},
    store::{
        Entity, ItemType, Key, Meta, Record, Store, StoreError, WriteContext, attributes::string,
        expression::Condition, keys, write::Write,
    },
    time::utc_date,
};

const ENTRIES: &str = "entries";

/// The item types of this module.
pub const ITEM_TYPES: &[ItemType] = &[ItemType::of::<DaySheet>()];

impl Record for DaySheet {
    const TYPE: &'static str = "day_sheet";

    fn key(&self) -> Key {
        sheet_key(&self.owner, self.utc_date)
    }
}

/// Returns the key of a day sheet.
pub fn sheet_key(owner: &SheetOwner, utc_date: Date) -> Key {
    match owner {
        SheetOwner::Staff { clinic_id, staff_id } => {
            keys::staff_day_sheet(clinic_id, staff_id, utc_date)
        }
        SheetOwner::Resource { clinic_id, resource_id } => {
            keys::resource_day_sheet(clinic_id, resource_id, utc_date)
        }
        SheetOwner::Patient { patient_id } => keys::patient_day_sheet(patient_id, utc_date),
    }
}

/// The changes of day sheets in one transaction: one write per sheet.
#[derive(Debug, Default)]
pub struct SheetChanges<'a> {
    sheets: BTreeMap<(&'a SheetOwner, Date), SheetChange<'a>>,
}

#[derive(Debug, Default)]
struct SheetChange<'a> {
    /// The sheet that was read, if it exists.
    read: Option<&'a Meta>,
    set: Vec<(&'a AppointmentId, Entry)>,
    remove: Vec<&'a AppointmentId>,
}

impl<'a> SheetChanges<'a> {
    /// Adds an appointment to a sheet, on the condition that the sheet has not changed since it was
    /// read.
    pub fn occupy(
        &mut self,
        sheet: (&'a SheetOwner, Date),
        read: Option<&'a Meta>,
        appointment: &'a AppointmentId,
        entry: Entry,
    ) {
        let change = self.sheets.entry(sheet).or_default();
        change.read = read;
        change.set.push((appointment, entry));
    }

    /// Removes an appointment from a sheet, unless this transaction also adds it there.
    ///
    /// A sheet that was not read may be missing or have no such entry, because a restore or TTL may
    /// have removed it. The caller checks the appointment in the same transaction.
    pub fn free(&mut self, sheet: (&'a SheetOwner, Date), appointment: &'a AppointmentId) {
        let change = self.sheets.entry(sheet).or_default();
        if !change.set.iter().any(|(entered, _)| *entered == appointment) {
            change.remove.push(appointment);
        }
    }

    /// Removes an appointment from a sheet, on the condition that the sheet has not changed since
    /// it was read.
    pub fn remove(
        &mut self,
        sheet: (&'a SheetOwner, Date),
        read: Option<&'a Meta>,
        appointment: &'a AppointmentId,
    ) {
        self.sheets.entry(sheet).or_default().read = read;
        self.free(sheet, appointment);
    }

    /// Returns the writes.
    pub fn into_writes(self, context: &WriteContext) -> Result<Vec<Write>, StoreError> {
        let writes = self.sheets.into_iter().map(|(sheet, change)| change.write(context, sheet));
        writes.collect()
    }
}

impl SheetChange<'_> {
    fn write(
        self,
        context: &WriteContext,
        (owner, utc_date): (&SheetOwner, Date),
    ) -> Result<Write, StoreError> {
        if self.read.is_none() && !self.set.is_empty() {
            let mut sheet = DaySheet::empty(owner.clone(), utc_date);
            sheet.entries.extend(self.set.into_iter().map(|(id, entry)| (id.clone(), entry)));
            return Entity::new(sheet, context).create();
        }
        let mut change = context.touch();
        for (id, entry) in self.set {
            let entry = to_attribute_value(entry)
                .map_err(|error| StoreError::corrupt(DaySheet::TYPE, error))?;
            change = change.set_entry(ENTRIES, id.as_str(), entry);
        }
        for id in &self.remove {
            change = change.remove_entry(ENTRIES, id.as_str());
        }
        let key = sheet_key(owner, utc_date);
        Ok(match self.read {
            Some(read) => Write::Update { key, change, condition: read.unchanged() },
            None => Write::UpdateIfPresent { key, change },
        })
    }
}

/// Day sheets of a clinic's staff and resources.
pub type Sheets = HashMap<SheetOwner, Vec<DaySheet>>;

/// Reads the day sheets of a clinic's staff and resources for a range of UTC dates, both included.
pub async fn sheets_of_clinic(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    (first, last): (Date, Date),
) -> Result<Sheets, StoreError> {
    let mut sheets = Sheets::new();
    let range = keys::day_sheets_of_clinic(clinic, first, last);
    for sheet in store.all_of_org::<DaySheet>(org, range, false).await? {
        sheets.entry(sheet.value.owner.clone()).or_default().push(sheet.value);
    }
    Ok(sheets)
}

/// A record that can have appointments.
#[derive(Debug, Clone, Copy)]
pub enum Bookable<'a> {
    /// A clinic, with all of its staff and resources.
    Clinic(&'a ClinicId),
    /// A staff member of a clinic.
    Staff(&'a ClinicId, &'a StaffId),
    /// A resource of a clinic.
    Resource(&'a ClinicId, &'a ResourceId),
    /// A patient, at any clinic.
    Patient(&'a PatientId),
}

/// The record has current or future appointments or holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked;

impl From<Booked> for ApiError {
    fn from(Booked: Booked) -> Self {
        let detail = "The record has appointments or holds that have not ended. Cancel or delete them first, or wait until they have ended.";
        Self::new(ErrorCode::HasFutureAppointments, detail)
    }
}

/// Returns [`Booked`] if an appointment or a hold has not ended. Uses strong
/// consistency.
pub async fn find_booked(
    store: &Store,
    bookable: Bookable<'_>,
    now: Timestamp,
) -> Result<Option<Booked>, StoreError> {
    // Today's sheets also contain entries that began yesterday and have not ended.
    let today = utc_date(now);
    let (range, filter) = match bookable {
        Bookable::Clinic(clinic) => (keys::staff_day_sheets_from(clinic, today), None),
        Bookable::Staff(clinic, id) => {
            (keys::staff_day_sheets_from(clinic, today), Some(("staff_id", string(id))))
        }
        Bookable::Resource(clinic, id) => {
            (keys::staff_day_sheets_from(clinic, today), Some(("resource_id", string(id))))
        }
        Bookable::Patient(id) => (keys::patient_day_sheets_from(id, today), None),
    };
    let filter = filter.map(|(name, id)| Condition::Equals(name, id));
    let mut corrupt = None;
    let found = store
        .find(range, filter, |item| match Entity::<DaySheet>::from_item(item.clone()) {
            Ok(sheet) => sheet.value.has_future_entry(now),
            // An unreadable sheet may contain an appointment: end the search with an error.
            Err(error) => {
                corrupt = Some(error);
                true
            }
        })
        .await?;
    corrupt.map_or(Ok(found.map(|_| Booked)), Err)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::Item;

    /// The version of a day sheet's item, the attributes of a sheet, and those of an entry.
    ///
    /// If this test fails because you add an attribute that decides whether time is free, raise the
    /// version (`Record::SHAPES` of the day sheet) and update both constants here. Let
    /// [`SheetChange::write`] put the whole sheet if its version is older. While two releases run,
    /// the older one would ignore the attribute; it refuses a version that it does not know.
    const VERSION: &str = "1";
    const OF_SHEET: [&str; 6] =
        ["clinic_id", "entries", "expires_at", "patient_id", "staff_id", "utc_date"];
    const OF_ENTRY: [&str; 5] = ["clinic_id", "end", "hold_expires_at", "overbooked", "start"];

    fn item_of(owner: SheetOwner) -> Item {
        let date = utc_date(Timestamp::UNIX_EPOCH);
        let mut sheet = DaySheet::empty(owner, date);
        let clinic_id = Some(ClinicId::random());
        let entry =
            Entry { start: 0, end: 60, hold_expires_at: Some(9), clinic_id, overbooked: true };
        sheet.entries.insert(AppointmentId::random_at(Timestamp::UNIX_EPOCH, date), entry);
        let org = "ORG-1".parse().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let context = WriteContext::internal(org, "test", "request".to_owned(), now);
        Entity::new(sheet, &context).to_item().unwrap()
    }

    #[test]
    fn the_attributes_of_sheets_and_entries_are_those_of_the_items_version() {
        let of_staff = item_of(SheetOwner::Staff {
            clinic_id: ClinicId::random(),
            staff_id: StaffId::random(),
        });
        let of_patient = item_of(SheetOwner::Patient { patient_id: PatientId::random() });
        let of_every_item = |name: &&str| {
            Meta::ATTRIBUTES.contains(name) || ["PK", "SK", "type", "v"].contains(name)
        };
        let mut names: BTreeSet<_> =
            of_staff.keys().chain(of_patient.keys()).map(String::as_str).collect();
        names.retain(|name| !of_every_item(name));
        assert_eq!(names, BTreeSet::from(OF_SHEET));
        let entries = of_staff[ENTRIES].as_m().unwrap();
        let of_entry = entries.values().flat_map(|entry| entry.as_m().unwrap().keys());
        let of_entry: BTreeSet<_> = of_entry.map(String::as_str).collect();
        assert_eq!(of_entry, BTreeSet::from(OF_ENTRY));
        assert_eq!(of_staff["v"].as_n().map(String::as_str), Ok(VERSION));
    }
}
