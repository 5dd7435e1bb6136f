//! Writes every item anew that is not stored as it would be written today: after its shape has changed, or the index
//! keys that it needs. This alone scans; it is for operators, under a role of its own, and no request comes here.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    Item, Key, Meta, Store, StoreError,
    attributes::text,
    errors::of_read,
    expression::Condition,
    kind::{Kind, Rewrite},
    write::Write,
};

/// Items that are read at once, at most.
const PAGE: f64 = 100.0;
/// How often an item is tried that others keep changing, and a call that the database refuses for now.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

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

/// One of the parts of the table that are read side by side.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// Which one, from 0.
    pub number: u16,
    /// Of how many.
    pub of: u16,
}

/// How a backfill goes about it.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// The types that there are.
    pub kinds: Vec<Kind>,
    /// How many items a second are read at most.
    pub rate: f64,
    /// Only says what it would do.
    pub dry_run: bool,
}

impl Backfill {
    /// Works through one part of the table, and tells after every page what was done on it and what went wrong.
    ///
    /// # Errors
    /// What the database keeps answering.
    pub async fn run(
        &self,
        store: &Store,
        segment: Segment,
        mut tell: impl FnMut(Tally, Vec<String>),
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let began = Instant::now();
            let (items, next) =
                patiently(|| store.scan_page(segment, self.page(), after.clone())).await?;
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
            #[expect(clippy::cast_precision_loss, reason = "a page has few items")]
            let due = Duration::from_secs_f64(tally.examined as f64 / self.rate);
            tell(tally, failures);
            after = next;
            if after.is_none() {
                return Ok(());
            }
            sleep(due.saturating_sub(began.elapsed())).await;
        }
    }

    /// How many items are read at once: no more than a second's.
    #[expect(clippy::cast_possible_truncation, reason = "it is between 1 and 100")]
    fn page(&self) -> i32 {
        self.rate.clamp(1.0, PAGE) as i32
    }

    /// Whether the item was outdated, or why nothing can be done about it.
    async fn settle(&self, store: &Store, item: Item) -> Result<Result<bool, String>, StoreError> {
        let name = described(&item);
        let mut item = item;
        for _ in 0..TRIES {
            let Some(kind) = self.kinds.iter().find(|kind| Some(kind.name) == text(&item, "type"))
            else {
                return Ok(Err(format!("{name}: unknown type")));
            };
            let rewritten = match kind.rewrite(&item) {
                Ok(Rewrite::Current) => return Ok(Ok(false)),
                Ok(Rewrite::Outdated(rewritten)) => rewritten,
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
    async fn scan_page(
        &self,
        segment: Segment,
        limit: i32,
        after: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .segment(segment.number.into())
            .total_segments(segment.of.into())
            .limit(limit)
            .set_exclusive_start_key(after);
        let page = scan.send().await.map_err(of_read)?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((page.items.unwrap_or_default(), next))
    }

    /// Puts `item` where `seen` still stands, with the same revision: to its readers it is the same record. A revision
    /// alone would not tell a record from one that was made anew under its key.
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

    /// About how many items the table has: DynamoDB counts them every six hours.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub async fn item_count(&self) -> Result<u64, StoreError> {
        let table = self.describe_table().await?;
        let count = table.and_then(|table| table.item_count);
        Ok(count.and_then(|count| count.try_into().ok()).unwrap_or(0))
    }
}

/// Calls again after a pause that doubles, while the database refuses for now or is out of reach.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    mut call: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match call().await {
            Err(StoreError::Throttled | StoreError::Contention | StoreError::Unreachable(_)) => {
                sleep(pause).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    call().await
}

/// An item by its type and key.
fn described(item: &Item) -> String {
    // Whatever else stands there may be anything.
    let known = |kind: &&str| kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let kind = text(item, "type").filter(known).unwrap_or("item of no type of ours");
    let key = Key::of(item).map(|key| key.for_people()).unwrap_or_default();
    format!("{kind} {key}")
}

fn chain(error: &StoreError) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
