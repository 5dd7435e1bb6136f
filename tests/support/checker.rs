//! Checks the invariants of day sheets: recomputes them from the appointments in the table.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    appointments::{
        model::Appointment,
        repo::{AppointmentLink, claims_of, entry_of},
    },
    audit::model::{Access, AccessRequest},
    id::AppointmentId,
    scheduling::model::{DaySheet, Entry, SheetOwner},
    store::{Entity, Item, Record, Store, codec::is_of_type, format::TableFormat},
};

use super::{TestApp, search::is_search_item};

impl TestApp {
    /// Every item of the table except the format and accesses, which are written in the background. The checker scans, because it
    /// must also see items that the service does not read.
    pub async fn all_items(&self) -> Vec<Item> {
        let mut items = self.all_items_and_accesses().await;
        let counts = |item: &Item| {
            !is_of_type::<Access>(item)
                && !is_of_type::<AccessRequest>(item)
                && !is_of_type::<TableFormat>(item)
        };
        items.retain(counts);
        items
    }

    /// Every item of the table.
    pub async fn all_items_and_accesses(&self) -> Vec<Item> {
        items_of(&self.store).await
    }

    /// Every record of a type.
    pub async fn records_of<T: Record>(&self) -> Vec<Entity<T>> {
        let items = self.all_items_and_accesses().await.into_iter().filter(is_of_type::<T>);
        items.map(|item| Entity::from_item(item).unwrap()).collect()
    }

    /// Every appointment of the table.
    pub async fn all_appointments(&self) -> Vec<Entity<Appointment>> {
        appointments_among(&self.all_items().await)
    }

    /// Asserts the invariants of the whole table. The entries of the day sheets are exactly the occupying appointments, and no
    /// two of them overlap on one sheet. The links are exactly the patients' appointments. Every item has the common attributes.
    pub async fn check_day_sheets(&self) {
        check_day_sheets_among(&self.all_items().await);
    }
}

/// Every item of a table.
pub async fn items_of(store: &Store) -> Vec<Item> {
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let scan = store.client().scan().table_name(store.table());
        let scan = scan.consistent_read(true).set_exclusive_start_key(after);
        let page = scan.send().await.unwrap();
        items.extend(page.items.unwrap_or_default());
        after = page.last_evaluated_key.filter(|key| !key.is_empty());
        if after.is_none() {
            return items;
        }
    }
}

/// Every appointment among the items.
pub fn appointments_among(items: &[Item]) -> Vec<Entity<Appointment>> {
    let appointments = items.iter().filter(|item| is_of_type::<Appointment>(item));
    appointments.map(|item| Entity::from_item(item.clone()).unwrap()).collect()
}

/// Asserts the invariants of [`TestApp::check_day_sheets`] for a table's items.
pub fn check_day_sheets_among(items: &[Item]) {
    items.iter().for_each(assert_common_attributes);
    assert_links_are_the_appointments(items);
    // Deleted staff and resources had no future appointments, and their sheets are deleted with them.
    let text =
        |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let owners = items.iter().filter(|item| {
        text(item, "type").is_some_and(|name| ["staff", "resource"].contains(&name.as_str()))
    });
    let owners: BTreeSet<_> = owners.filter_map(|item| text(item, "id")).collect();
    let is_there = |owner: &SheetOwner| match owner {
        SheetOwner::Staff { staff_id, .. } => owners.contains(staff_id.as_str()),
        SheetOwner::Resource { resource_id, .. } => owners.contains(resource_id.as_str()),
        SheetOwner::Patient { .. } => true,
    };
    let expected: BTreeMap<_, _> = appointments_among(items)
        .into_iter()
        .map(|appointment| appointment.value)
        .filter(|appointment| appointment.status.is_occupying())
        .flat_map(|appointment| entries_of(&appointment))
        .filter(|((owner, ..), _)| is_there(owner))
        .collect();
    let sheets = items.iter().filter(|item| is_of_type::<DaySheet>(item));
    let sheets = sheets.map(|item| Entity::<DaySheet>::from_item(item.clone()).unwrap().value);
    let found: BTreeMap<_, _> = sheets
        .flat_map(|sheet| {
            let DaySheet { owner, utc_date, entries, .. } = sheet;
            entries
                .into_iter()
                .map(move |(id, entry)| ((owner.clone(), utc_date.to_string(), id), entry))
        })
        .collect();
    assert_eq!(found, expected, "the sheets' entries, and what the appointments make of them");
    assert_no_overlap(&found);
}

fn assert_links_are_the_appointments(items: &[Item]) {
    let sorted = |mut links: Vec<AppointmentLink>| {
        links.sort_by_key(|link| (link.appointment_id.clone(), link.key()));
        links
    };
    let appointments = appointments_among(items);
    let expected = appointments.iter().filter_map(|found| AppointmentLink::to(&found.value));
    let links = items.iter().filter(|item| is_of_type::<AppointmentLink>(item));
    let links = links.map(|item| Entity::<AppointmentLink>::from_item(item.clone()).unwrap().value);
    assert_eq!(
        sorted(links.collect()),
        sorted(expected.collect()),
        "the links, and the patients' appointments"
    );
}

/// The place of an entry: owner, UTC day, appointment.
type Place = (SheetOwner, String, AppointmentId);

fn entries_of(appointment: &Appointment) -> Vec<(Place, Entry)> {
    let claims = claims_of(appointment);
    let places = claims.iter().flat_map(|claim| {
        let entry = entry_of(appointment, claim);
        claim.sheets().map(move |(owner, date)| {
            ((owner.clone(), date.to_string(), appointment.id.clone()), entry.clone())
        })
    });
    places.collect()
}

/// Asserts that two appointments of one owner overlap only if one of them is overbooked.
fn assert_no_overlap(entries: &BTreeMap<Place, Entry>) {
    let mut by_owner: BTreeMap<&SheetOwner, BTreeMap<&AppointmentId, &Entry>> = BTreeMap::new();
    for ((owner, _, id), entry) in entries {
        by_owner.entry(owner).or_default().insert(id, entry);
    }
    for (owner, entries) in by_owner {
        let mut ordinary: Vec<_> =
            entries.into_iter().filter(|(_, entry)| !entry.overbooked).collect();
        ordinary.sort_by_key(|(_, entry)| (entry.start, entry.end));
        for pair in ordinary.windows(2) {
            assert!(pair[0].1.end <= pair[1].1.start, "{owner:?}: {pair:?} overlap");
        }
    }
}

fn assert_common_attributes(item: &Item) {
    // Search items are many, so they have only what a search needs.
    if is_search_item(item) {
        return;
    }
    for name in ["type", "org", "created_at", "updated_at", "updated_by", "request_id"] {
        assert!(matches!(item.get(name), Some(AttributeValue::S(_))), "no {name} in {item:?}");
    }
    for name in ["v", "rev"] {
        assert!(matches!(item.get(name), Some(AttributeValue::N(_))), "no {name} in {item:?}");
    }
}
