//! Day sheets as items, and the pieces of a transaction that occupy and free time.

use jiff::{Timestamp, civil::Date};

use super::model::{DaySheet, Entry, SheetOwner, Slot, has_future_entry};
use crate::{
    id::{AppointmentId, ClinicId, PatientId, StaffId},
    store::{
        Entity, Key, Kind, Meta, Record, Store, StoreError, WriteContext,
        attributes::{number, string},
        expression::Condition,
        keys::{self, KeyRange},
        write::Write,
    },
    time::utc_date,
};
use aws_sdk_dynamodb::types::AttributeValue;

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
        SheetOwner::Patient { patient_id } => keys::patient_day_sheet(patient_id, utc_date),
    }
}

/// The sheets that an appointment of these two stands in: the staff member's first.
pub fn sheets_of<'a>(
    owners: &'a [SheetOwner; 2],
    slot: &Slot,
) -> impl Iterator<Item = (&'a SheetOwner, Date)> + use<'a> {
    let dates = slot.utc_dates();
    owners.iter().flat_map(move |owner| dates.clone().into_iter().map(move |date| (owner, date)))
}

/// The write that enters an appointment in a sheet, if that is as it was read; `None` means that there was none.
///
/// # Errors
/// [`StoreError::Corrupt`] if the sheet does not serialise.
pub fn occupy(
    context: &WriteContext,
    owner: &SheetOwner,
    utc_date: Date,
    read: Option<&Meta>,
    appointment: &AppointmentId,
    entry: Entry,
) -> Result<Write, StoreError> {
    let Some(read) = read else {
        let mut sheet = DaySheet::empty(owner.clone(), utc_date);
        sheet.entries.insert(appointment.clone(), entry);
        return Entity::new(sheet, context).create();
    };
    let change = context.touch().set_entry(ENTRIES, appointment.as_str(), attribute(entry));
    Ok(Write::Update { key: sheet_key(owner, utc_date), change, condition: read.unchanged() })
}

/// The write that takes an appointment out of a sheet, if it stands there.
#[must_use]
pub fn free(
    context: &WriteContext,
    owner: &SheetOwner,
    utc_date: Date,
    appointment: &AppointmentId,
) -> Write {
    Write::Update {
        key: sheet_key(owner, utc_date),
        change: context.touch().remove_entry(ENTRIES, appointment.as_str()),
        condition: Condition::HasEntry(ENTRIES, appointment.to_string()),
    }
}

fn attribute(entry: Entry) -> AttributeValue {
    AttributeValue::M(
        [("start", entry.start), ("end", entry.end)]
            .map(|(name, second)| (name.to_owned(), number(second)))
            .into(),
    )
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
