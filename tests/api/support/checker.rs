//! The invariants of day sheets, recomputed from the appointments as they stand in the table.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    appointments::model::Appointment,
    audit::model::Access,
    schedule::model::{DaySheet, SheetOwner, Slot},
    store::{Entity, Item, codec::is_of_type},
};

use super::TestApp;

impl TestApp {
    /// Every item of the table but accesses, which are written at any time. The service itself never scans; the
    /// checker must see what it does not ask for.
    pub async fn all_items(&self) -> Vec<Item> {
        let mut items = self.all_items_and_accesses().await;
        items.retain(|item| !is_of_type::<Access>(item));
        items
    }

    /// Every item of the table.
    pub async fn all_items_and_accesses(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let scan = self.store.client().scan().table_name(self.store.table());
            let scan = scan.consistent_read(true).set_exclusive_start_key(after);
            let page = scan.send().await.unwrap();
            items.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                return items;
            }
        }
    }

    /// Every appointment of the table.
    pub async fn all_appointments(&self) -> Vec<Entity<Appointment>> {
        let items = self.all_items().await.into_iter().filter(is_of_type::<Appointment>);
        items.map(|item| Entity::from_item(item).unwrap()).collect()
    }

    /// Asserts that the entries of the day sheets are exactly the occupying appointments, that no two of them
    /// overlap on one sheet, and that every item has what every item must have.
    pub async fn check_day_sheets(&self) {
        let items = self.all_items().await;
        items.iter().for_each(assert_common_attributes);
        let appointments = items.iter().filter(|item| is_of_type::<Appointment>(item));
        let expected: BTreeSet<_> = appointments
            .map(|item| Entity::<Appointment>::from_item(item.clone()).unwrap().value)
            .filter(|appointment| appointment.status.is_occupying())
            .flat_map(|appointment| entries_of(&appointment))
            .collect();
        let sheets = items.iter().filter(|item| is_of_type::<DaySheet>(item));
        let sheets = sheets.map(|item| Entity::<DaySheet>::from_item(item.clone()).unwrap().value);
        let found: BTreeSet<_> = sheets
            .flat_map(|sheet| {
                let owner = owner(&sheet.owner);
                let date = sheet.utc_date.to_string();
                sheet.entries.into_iter().map(move |(id, entry)| {
                    (owner.clone(), date.clone(), id.to_string(), entry.start, entry.end)
                })
            })
            .collect();
        assert_eq!(found, expected, "the sheets' entries, and what the appointments make of them");
        assert_no_overlap(&found);
    }
}

type Row = (String, String, String, i64, i64);

fn entries_of(appointment: &Appointment) -> Vec<Row> {
    let slot = Slot { start: appointment.start, end: appointment.end() };
    let entry = slot.entry();
    let staff = format!("{} {}", appointment.clinic_id, appointment.staff_id);
    let owners = [staff, appointment.patient_id.to_string()];
    let row = |owner: &String, date: String| {
        (owner.clone(), date, appointment.id.to_string(), entry.start, entry.end)
    };
    let dates: Vec<_> = slot.utc_dates().iter().map(ToString::to_string).collect();
    owners.iter().flat_map(|owner| dates.iter().map(|date| row(owner, date.clone()))).collect()
}

fn owner(owner: &SheetOwner) -> String {
    match owner {
        SheetOwner::Staff { clinic_id, staff_id } => format!("{clinic_id} {staff_id}"),
        SheetOwner::Patient { patient_id } => patient_id.to_string(),
    }
}

fn assert_no_overlap(rows: &BTreeSet<Row>) {
    let mut by_owner: BTreeMap<&str, BTreeSet<(i64, i64, &str)>> = BTreeMap::new();
    for (owner, _, id, start, end) in rows {
        by_owner.entry(owner).or_default().insert((*start, *end, id));
    }
    for (owner, spans) in by_owner {
        let spans: Vec<_> = spans.into_iter().collect();
        for pair in spans.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{owner}: {pair:?} overlap");
        }
    }
}

fn assert_common_attributes(item: &Item) {
    for name in ["type", "org", "created_at", "updated_at", "updated_by", "request_id"] {
        assert!(matches!(item.get(name), Some(AttributeValue::S(_))), "no {name} in {item:?}");
    }
    for name in ["v", "rev"] {
        assert!(matches!(item.get(name), Some(AttributeValue::N(_))), "no {name} in {item:?}");
    }
}
