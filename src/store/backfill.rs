//! Rewrites every item that this version would store differently, with other attributes or index
//! keys.

use super::{
    Item, Key, Meta, Store, StoreError,
    attributes::text,
    errors::chain,
    expression::Condition,
    item_type::ItemType,
    scan::{Scan, Segment, patiently},
    write::Write,
};

/// The number of attempts for an item that others keep changing.
const TRIES: u32 = 8;

/// The counts of a backfill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Items that were read.
    pub examined: u64,
    /// Items that were rewritten, or would be.
    pub rewritten: u64,
    /// Items that could not be rewritten: of an unknown type, unreadable, or changed by others at
    /// each attempt.
    pub failed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.examined += other.examined;
        self.rewritten += other.rewritten;
        self.failed += other.failed;
    }
}

/// The settings of a backfill.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// All item types.
    pub item_types: Vec<ItemType>,
    /// The maximum number of items read per second.
    pub rate: f64,
    /// Whether to only count outdated items.
    pub dry_run: bool,
}

impl Backfill {
    /// Processes one segment of the table. `also` rewrites what an item's rewrite alone cannot, and
    /// returns whether there was anything. After each page, reports the counts and the failures of
    /// the page.
    pub async fn run<Also>(
        &self,
        store: &Store,
        segment: Segment,
        also: impl Fn(Item) -> Also,
        mut report: impl FnMut(Tally, Vec<String>),
    ) -> Result<(), StoreError>
    where
        Also: Future<Output = Result<bool, StoreError>>,
    {
        let mut scan = Scan::new(segment, self.rate);
        while let Some(items) = scan.next_page(store).await? {
            let mut tally = Tally::default();
            let mut failures = Vec::new();
            for item in items {
                tally.examined += 1;
                let name = described(&item);
                let outcome = match self.rewrite(store, item.clone()).await? {
                    Ok(rewritten) => match also(item).await {
                        Ok(also) => Ok(rewritten || also),
                        Err(error) => Err(format!("{name}: {}", chain(&error))),
                    },
                    failed => failed,
                };
                match outcome {
                    Ok(true) => tally.rewritten += 1,
                    Ok(false) => {}
                    Err(failure) => {
                        tally.failed += 1;
                        failures.push(failure);
                    }
                }
            }
            report(tally, failures);
        }
        Ok(())
    }

    /// Rewrites an item if needed. Returns whether it was outdated, or why it can't be rewritten.
    async fn rewrite(&self, store: &Store, item: Item) -> Result<Result<bool, String>, StoreError> {
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
                return Ok(Err(format!("{name}: its key does not match its attributes")));
            }
            if self.dry_run {
                return Ok(Ok(true));
            }
            match patiently(|| store.replace_unchanged(&item, &rewritten)).await {
                Ok(()) => return Ok(Ok(true)),
                Err(StoreError::ConditionFailed(_)) => {}
                Err(StoreError::TooLarge { bytes }) => {
                    return Ok(Err(format!("{name}: it would be too large with {bytes} bytes")));
                }
                Err(other) => return Err(other),
            }
            // Another write changed it, or an attempt without a response succeeded after all.
            let Some(key) = Key::of(&item) else { break };
            match patiently(|| store.get_item(&key, true)).await? {
                Some(now) => item = now,
                None => return Ok(Ok(false)),
            }
        }
        Ok(Err(format!("{name}: it was changed concurrently at each attempt")))
    }
}

impl Store {
    /// Stores `item` if `seen` is still stored. The revision alone can't distinguish a record from
    /// one that was deleted and created again under the same key.
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

/// Describes an item by its type and key.
fn described(item: &Item) -> String {
    // An unknown `type` may hold any text, so it is not printed.
    let known = |kind: &&str| kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let kind = text(item, "type").filter(known).unwrap_or("item");
    let key = Key::of(item).map(|key| key.for_people()).unwrap_or_default();
    format!("{kind} {key}")
}
