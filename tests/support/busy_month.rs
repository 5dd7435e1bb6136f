//! Writes the day sheets of a busy clinic directly, without a booking for each entry.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use clinic_api::{
    id::{AppointmentId, ClinicId, StaffId},
    scheduling::model::{DaySheet, SheetOwner, Slot},
    store::{Entity, Store, WriteContext},
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};

/// A visit takes 20 minutes of every 45.
const VISIT: i64 = 20 * 60;
const EVERY: i64 = 45 * 60;

/// Fills the workdays among the next `days` for every staff member, with this number of appointments per day from 07:00 UTC on.
/// Returns the number of entries.
pub async fn fill(
    store: &Store,
    context: &WriteContext,
    (clinic, staff): (&ClinicId, &[StaffId]),
    (first, days): (Date, i32),
    appointments: i64,
) -> usize {
    let mut writes = Vec::new();
    let dates = (0..days).map(|day| first.saturating_add(day.days()));
    for date in dates.filter(|date| date.weekday().to_monday_one_offset() <= 5) {
        let opens = date.at(7, 0, 0, 0).in_tz("UTC").unwrap().timestamp().as_second();
        for staff_id in staff {
            let owner = SheetOwner::Staff { clinic_id: clinic.clone(), staff_id: staff_id.clone() };
            let mut sheet = DaySheet::empty(owner, date);
            for number in 0..appointments {
                let start = opens + number * EVERY;
                let at = Timestamp::from_second(start).unwrap();
                let slot = Slot::new(at, SignedDuration::from_secs(VISIT));
                sheet.entries.insert(AppointmentId::random_at(at, date), slot.entry());
            }
            let item = Entity::new(sheet, context).to_item().unwrap();
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            writes.push(WriteRequest::builder().put_request(put).build());
        }
    }
    let made = writes.len() * usize::try_from(appointments).unwrap();
    for batch in writes.chunks(25) {
        let items = HashMap::from([(store.table().to_owned(), batch.to_vec())]);
        let written =
            store.client().batch_write_item().set_request_items(Some(items)).send().await.unwrap();
        assert!(written.unprocessed_items.unwrap_or_default().is_empty());
    }
    made
}
