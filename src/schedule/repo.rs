//! Day sheets as items, and the pieces of a transaction that occupy and free time.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, civil::Date};

use super::model::{DaySheet, Entry, SheetOwner, has_future_entry};
use crate::{
    id::{AppointmentId, ClinicId, OrgId, PatientId, ResourceId, StaffId},
    store::{
        Entity, Key, Kind, Meta, Record, Store, StoreError, WriteContext,
        attributes::{number, string},
        expression::Condition,
        keys::{self, KeyRange},
        write::Write,
    },
    time::utc_date,
};

const ENTRIES: &str = "entries";

/// The types of items that are stored here.
pub const KINDS: &[Kind] = &[Kind::of::<DaySheet>()];

impl Record for DaySheet {
    const TYPE: &'static str = "day_sheet";

    fn key(&self) -> Key {
        sheet_key(&self.owner, self.utc_date)
    }
}

/// The key of a sheet.
#[must_use]
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

/// The changes of day sheets that one transaction makes: of each sheet one write, whatever happens on it.
#[derive(Debug, Default)]
pub struct SheetChanges<'a> {
    sheets: BTreeMap<(&'a SheetOwner, Date), SheetChange<'a>>,
}

/// What was read of a sheet.
#[derive(Debug, Default)]
enum Read<'a> {
    /// Nothing: its entries tell whether it can be changed.
    #[default]
    Unread,
    /// That there is none.
    Missing,
    /// That it was so.
    Found(&'a Meta),
}

#[derive(Debug, Default)]
struct SheetChange<'a> {
    read: Read<'a>,
    set: Vec<(&'a AppointmentId, Entry)>,
    remove: Vec<&'a AppointmentId>,
}

impl<'a> SheetChanges<'a> {
    /// Enters an appointment in a sheet, if that is as it was read: nothing else may have come in between.
    pub fn occupy(
        &mut self,
        sheet: (&'a SheetOwner, Date),
        read: Option<&'a Meta>,
        appointment: &'a AppointmentId,
        entry: Entry,
    ) {
        let change = self.sheets.entry(sheet).or_default();
        change.read = read.map_or(Read::Missing, Read::Found);
        change.set.push((appointment, entry));
    }

    /// Changes what a sheet says of an appointment that stands in it, and goes on to.
    pub fn restate(
        &mut self,
        sheet: (&'a SheetOwner, Date),
        appointment: &'a AppointmentId,
        entry: Entry,
    ) {
        self.sheets.entry(sheet).or_default().set.push((appointment, entry));
    }

    /// Takes an appointment out of a sheet, if it stands there.
    pub fn free(&mut self, sheet: (&'a SheetOwner, Date), appointment: &'a AppointmentId) {
        self.sheets.entry(sheet).or_default().remove.push(appointment);
    }

    /// The writes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a sheet does not serialise.
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
        if matches!(self.read, Read::Missing) {
            let mut sheet = DaySheet::empty(owner.clone(), utc_date);
            sheet.entries.extend(self.set.into_iter().map(|(id, entry)| (id.clone(), entry)));
            return Entity::new(sheet, context).create();
        }
        let stands = |id: &&AppointmentId| Condition::HasEntry(ENTRIES, id.to_string());
        let condition = if let Read::Found(read) = self.read {
            read.unchanged()
        } else {
            let restated = self.set.iter().map(|(id, _)| id);
            Condition::All(self.remove.iter().chain(restated).map(stands).collect())
        };
        let mut change = context.touch();
        for (id, entry) in &self.set {
            change = change.set_entry(ENTRIES, id.as_str(), attribute(entry));
        }
        for id in &self.remove {
            change = change.remove_entry(ENTRIES, id.as_str());
        }
        Ok(Write::Update { key: sheet_key(owner, utc_date), change, condition })
    }
}

fn attribute(entry: &Entry) -> AttributeValue {
    let mut members: BTreeMap<_, _> =
        [("start", number(entry.start)), ("end", number(entry.end))].into();
    if let Some(hold) = &entry.hold {
        let mark = [
            ("expires_at".to_owned(), number(hold.expires_at)),
            ("clinic_id".to_owned(), string(&hold.clinic_id)),
        ];
        members.insert("hold", AttributeValue::M(mark.into()));
    }
    if entry.overbooked {
        members.insert("overbooked", AttributeValue::Bool(true));
    }
    AttributeValue::M(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Day sheets of a clinic's staff and resources.
pub type Sheets = HashMap<SheetOwner, Vec<DaySheet>>;

/// The day sheets of a clinic's staff and resources from one UTC date to another, both included.
///
/// # Errors
/// Whatever the database may answer.
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

/// Whether a staff member has an appointment that is not over; read consistently.
///
/// # Errors
/// Whatever the database may answer.
pub async fn staff_member_is_booked(
    store: &Store,
    clinic: &ClinicId,
    staff: &StaffId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let of_them = Condition::Equals("staff_id", string(staff));
    // Yesterday's sheets hold what runs over midnight as well as today's do, so today is where to begin.
    let range = keys::staff_day_sheets_from(clinic, utc_date(now));
    has_future_entries(store, range, Some(of_them), now).await
}

/// Whether a resource has an appointment that is not over; read consistently.
///
/// # Errors
/// Whatever the database may answer.
pub async fn resource_is_booked(
    store: &Store,
    clinic: &ClinicId,
    resource: &ResourceId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let of_it = Condition::Equals("resource_id", string(resource));
    let range = keys::staff_day_sheets_from(clinic, utc_date(now));
    has_future_entries(store, range, Some(of_it), now).await
}

/// Whether a patient has an appointment that is not over, at whatever clinic; read consistently.
///
/// # Errors
/// Whatever the database may answer.
pub async fn patient_is_booked(
    store: &Store,
    patient: &PatientId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    has_future_entries(store, keys::patient_day_sheets_from(patient, utc_date(now)), None, now)
        .await
}

/// Whether anybody at a clinic has an appointment that is not over; read consistently.
///
/// # Errors
/// Whatever the database may answer.
pub async fn clinic_is_booked(
    store: &Store,
    clinic: &ClinicId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    has_future_entries(store, keys::staff_day_sheets_from(clinic, utc_date(now)), None, now).await
}

async fn has_future_entries(
    store: &Store,
    range: KeyRange,
    filter: Option<Condition>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut corrupt = None;
    let found = store
        .find(range, filter, |item| {
            match Entity::<DaySheet>::from_item(item.clone()) {
                Ok(sheet) => has_future_entry(&sheet.value, now),
                // What can't be read may be an appointment: it stops the search, and is told.
                Err(error) => {
                    corrupt = Some(error);
                    true
                }
            }
        })
        .await?;
    corrupt.map_or(Ok(found.is_some()), Err)
}
