//! Writes every item anew that is not stored as it would be written today, with other attributes or index keys.

use super::{
    Item, Key, Meta, Store, StoreError,
    attributes::text,
    errors::chain,
    expression::Condition,
    item_type::ItemType,
    scan::{Scan, Segment, patiently},
    write::Write,
};

/// How often an item is tried that others keep changing.
const TRIES: u32 = 8;

/// What a backfill has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Items that were read.
    pub examined: u64,
    /// Items that were written anew, or would be.
    pub rewritten: u64,
    /// Items that could not be: of an unknown type, unreadable, or changed by others at each try.
    pub failed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.examined += other.examined;
        self.rewritten += other.rewritten;
        self.failed += other.failed;
    }
}

/// How a backfill goes about it.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// The types that there are.
    pub item_types: Vec<ItemType>,
    /// How many items a second are read at most.
    pub rate: f64,
    /// Only says what it would do.
    pub dry_run: bool,
}

impl Backfill {
    /// Works through one part of the table, and tells after every page what was done on it and what went wrong.
    pub async fn run(
        &self,
        store: &Store,
        segment: Segment,
        mut tell: impl FnMut(Tally, Vec<String>),
    ) -> Result<(), StoreError> {
        let mut scan = Scan::new(segment, self.rate);
        while let Some(items) = scan.next_page(store).await? {
            let mut tally = Tally::default();
            let mut failures = Vec::new();
            for item in items {
                tally.examined += 1;
                match self.settle(store, item).await? {
                    Ok(true) => tally.rewritten += 1,
                    Ok(false) => {}
                    Err(failure) => {
                        tally.failed += 1;
                        failures.push(failure);
                    }
                }
            }
            tell(tally, failures);
        }
        Ok(())
    }

    /// Whether the item was outdated, or why nothing can be done about it.
    async fn settle(&self, store: &Store, item: Item) -> Result<Result<bool, String>, StoreError> {
        let name = described(&item);
        let mut item = item;
        for _ in 0..TRIES {
            let Some(item_type) =
                self.item_types.iter().find(|known| Some(known.name) == text(&item, "type"))
            else {
                return Ok(Err(format!("{name}: unknown type")));
            };
            let rewritten = match item_type.rewrite(&item) {
                Ok(None) => return Ok(Ok(false)),
                Ok(Some(rewritten)) => rewritten,
                Err(error) => return Ok(Err(format!("{name}: {}", chain(&error)))),
            };
            if Key::of(&rewritten) != Key::of(&item) {
                return Ok(Err(format!("{name}: its attributes belong under another key")));
            }
            if self.dry_run {
                return Ok(Ok(true));
            }
            match patiently(|| store.replace_unchanged(&item, &rewritten)).await {
                Ok(()) => return Ok(Ok(true)),
                Err(StoreError::ConditionFailed(_)) => {}
                Err(StoreError::TooLarge { bytes }) => {
                    return Ok(Err(format!("{name}: it would take {bytes} bytes")));
                }
                Err(other) => return Err(other),
            }
            // Somebody changed it, or a try without an answer was done after all.
            let Some(key) = Key::of(&item) else { break };
            match patiently(|| store.get_item(&key, true)).await? {
                Some(now) => item = now,
                None => return Ok(Ok(false)),
            }
        }
        Ok(Err(format!("{name}: others kept changing it")))
    }
}

impl Store {
    /// Puts `item` where `seen` still stands. The revision alone would not tell a record from one made anew under its key.
    async fn replace_unchanged(&self, seen: &Item, item: &Item) -> Result<(), StoreError> {
        let meta: Meta = serde_dynamo::aws_sdk_dynamodb_1::from_item(seen.clone())
            .map_err(|error| StoreError::corrupt("item", error))?;
        let mut conditions = vec![meta.unchanged()];
        for name in ["v", "created_at", "request_id"] {
            conditions.extend(seen.get(name).map(|value| Condition::Equals(name, value.clone())));
        }
        let put = Write::Put { item: item.clone(), condition: Condition::All(conditions) };
        self.write(&put).await.map(|_| ())
    }
}

/// An item by its type and key.
fn described(item: &Item) -> String {
    // Whatever else stands there may be anything.
    let known = |kind: &&str| kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let kind = text(item, "type").filter(known).unwrap_or("item of no type of ours");
    let key = Key::of(item).map(|key| key.for_people()).unwrap_or_default();
    format!("{kind} {key}")
}
