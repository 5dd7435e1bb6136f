//! Reads: single items, batches, and pages of a key range. Never a Scan.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use aws_sdk_dynamodb::{
    config::{Config, timeout::TimeoutConfig},
    types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity},
};
use serde::{Deserialize, Serialize};

use super::{
    Entity, Item, Key, Record, Store, StoreError,
    errors::of_read,
    expression::{Condition, Placeholders},
    keys::{self, GSI1, GSI1PK, GSI1SK, KeyRange, PK, SK, SortRange},
    metrics,
    throttling::ThrottlingReason,
};

/// The maximum number of DynamoDB pages that one page of a filtered list reads.
const MAX_FILTERED_PAGES: usize = 4;
/// The number of items that each of those pages examines.
const FILTERED_PAGE: i32 = 250;

/// The maximum number of keys per BatchGetItem (AWS, "BatchGetItem").
const MAX_KEYS: usize = 100;

/// The keys of the last examined item of a list, by attribute name. Positions of one list sort in
/// list order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(BTreeMap<String, String>);

impl Position {
    pub(super) fn of(item: &Item, index: bool) -> Option<Self> {
        let names: &[&str] = if index { &[PK, SK, GSI1PK, GSI1SK] } else { &[PK, SK] };
        let part = |name: &&str| Some(((*name).to_owned(), item.get(*name)?.as_s().ok()?.clone()));
        names.iter().map(part).collect::<Option<_>>().map(Self)
    }

    fn attributes(&self) -> Item {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), AttributeValue::S(value.clone())))
            .collect()
    }
}

/// A list request: key range, order, filter and page.
#[derive(Clone)]
#[must_use]
pub struct List {
    /// The sort keys of one partition.
    pub range: KeyRange,
    /// Whether the sort keys are in descending order.
    pub descending: bool,
    /// The filter: only items that satisfy it are returned.
    pub filter: Option<Condition>,
    /// The page.
    pub page: PageRequest,
}

/// The page of a list, and how to read it.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// The position after which the page begins.
    pub after: Option<Position>,
    /// The maximum number of items.
    pub limit: u16,
    /// Whether to read with strong consistency. Has no effect on the index, which is eventually
    /// consistent.
    pub consistent: bool,
}

impl PageRequest {
    fn consistently(limit: u16) -> Self {
        Self { after: None, limit, consistent: true }
    }
}

/// A page of a list, in list order.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The items. A short or empty page does not mean that the list has ended.
    pub items: Vec<T>,
    /// The position of the next page. The list has ended only if this is `None`.
    pub next: Option<Position>,
}

impl Store {
    /// Reads a record by its key.
    pub async fn get<T: Record>(
        &self,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<Entity<T>>, StoreError> {
        let item = self.get_item(key, consistent).await?;
        item.map(Entity::from_item).transpose()
    }

    /// Reads an item by its key.
    pub async fn get_item(&self, key: &Key, consistent: bool) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let get = get
            .set_key(Some(key.attributes()))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        get.send().await.map(|output| output.item).map_err(of_read)
    }

    /// Reads items by their keys with strong consistency. Missing items are left out. Uses one
    /// BatchGetItem per 100 keys.
    pub async fn batch_get(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, StoreError> {
        let mut found = HashMap::new();
        for keys in keys.chunks(MAX_KEYS) {
            self.get_all(keys, &mut found).await?;
        }
        Ok(found)
    }

    async fn get_all(
        &self,
        keys: &[Key],
        found: &mut HashMap<Key, Item>,
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<Item> = keys.iter().map(Key::attributes).collect();
        let mut backoff = self.backoff();
        loop {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build()?;
            let batch = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let mut output = batch.send().await.map_err(of_read)?;
            let mut responses = output.responses.take().unwrap_or_default();
            let items = responses.remove(&self.table).unwrap_or_default();
            found.extend(items.into_iter().filter_map(|item| Some((Key::of(&item)?, item))));
            let mut unprocessed = output.unprocessed_keys.take().unwrap_or_default();
            match unprocessed.remove(&self.table) {
                Some(rest) if !rest.keys().is_empty() => wanted = rest.keys,
                _ => return Ok(()),
            }
            if !self.repeats.spend() || !backoff.pause().await {
                return Err(StoreError::Throttled(ThrottlingReason::Other));
            }
            metrics::retried("BatchGetItem", 1);
        }
    }

    /// Reads a page of a list. A filtered list examines a bounded number of items, so the page may
    /// be short or empty.
    pub async fn list(&self, list: List) -> Result<Listed<Item>, StoreError> {
        let wanted = usize::from(list.page.limit);
        let pages = if list.filter.is_some() { MAX_FILTERED_PAGES } else { 1 };
        let mut listed = Listed { items: Vec::new(), next: list.page.after.clone() };
        for _ in 0..pages {
            let page = self.query(&list, listed.next.as_ref()).await?;
            listed.items.extend(page.items);
            listed.next = page.next;
            if listed.items.len() > wanted {
                listed.items.truncate(wanted);
                listed.next =
                    listed.items.last().and_then(|item| Position::of(item, list.range.index));
            }
            if listed.next.is_none() || listed.items.len() == wanted {
                break;
            }
        }
        Ok(listed)
    }

    /// Returns the first item of a range, read with strong consistency.
    pub async fn first(&self, range: KeyRange) -> Result<Option<Item>, StoreError> {
        let first = List::of(range, PageRequest::consistently(1));
        Ok(self.query(&first, None).await?.items.into_iter().next())
    }

    /// Returns the first item of a range for which `wanted` holds. Reads the range to its end, with
    /// strong consistency.
    pub async fn find(
        &self,
        range: KeyRange,
        filter: Option<Condition>,
        mut wanted: impl FnMut(&Item) -> bool + Send,
    ) -> Result<Option<Item>, StoreError> {
        let list = List::of(range, PageRequest::consistently(u16::MAX))
            .filter(filter.into_iter().collect());
        let mut after = None;
        loop {
            let page = self.query(&list, after.as_ref()).await?;
            if let Some(item) = page.items.into_iter().find(|item| wanted(item)) {
                return Ok(Some(item));
            }
            after = page.next;
            if after.is_none() {
                return Ok(None);
            }
        }
    }

    /// Reads one page of a list with a single Query: at most 1 MB, less with a filter.
    pub(super) async fn page(&self, list: List) -> Result<Listed<Item>, StoreError> {
        self.query(&list, list.page.after.as_ref()).await
    }

    async fn query(
        &self,
        list: &List,
        after: Option<&Position>,
    ) -> Result<Listed<Item>, StoreError> {
        let mut placeholders = Placeholders::default();
        let Some(condition) = key_condition(&list.range, &mut placeholders) else {
            return Ok(Listed { items: Vec::new(), next: None });
        };
        let filter = list.filter.as_ref().map(|filter| filter.render(&mut placeholders));
        let examined = match &list.filter {
            Some(_) => FILTERED_PAGE.max(i32::from(list.page.limit)),
            None => i32::from(list.page.limit),
        };
        let query = self.client.query().table_name(&self.table);
        let output = query
            .set_index_name(list.range.index.then(|| GSI1.to_owned()))
            .key_condition_expression(condition)
            .set_filter_expression(filter)
            .set_expression_attribute_names(placeholders.names())
            .set_expression_attribute_values(placeholders.values())
            .scan_index_forward(!list.descending)
            .consistent_read(list.page.consistent && !list.range.index)
            .set_exclusive_start_key(after.map(Position::attributes))
            .limit(examined)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(of_read)?;
        let last = output.last_evaluated_key.filter(|key| !key.is_empty());
        let position = |key| {
            Position::of(&key, list.range.index)
                .ok_or_else(|| StoreError::corrupt("key", "the last evaluated key holds no text"))
        };
        let next = last.map(position).transpose()?;
        Ok(Listed { items: output.items.unwrap_or_default(), next })
    }

    /// Reads the table's format, within `limit`. Returns `None` if it has none.
    pub async fn ping(&self, limit: Duration) -> Result<Option<u32>, StoreError> {
        let timeouts = TimeoutConfig::builder().operation_timeout(limit).build();
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::table_format().attributes()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .config_override(Config::builder().timeout_config(timeouts));
        let found = get.send().await.map_err(of_read)?.item;
        Ok(found.and_then(|item| item.get("format")?.as_n().ok()?.parse().ok()))
    }
}

/// Returns the key condition of a range. Returns `None` for an empty range.
fn key_condition(range: &KeyRange, placeholders: &mut Placeholders) -> Option<String> {
    let (pk, sk) = if range.index { (GSI1PK, GSI1SK) } else { (PK, SK) };
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let partition = format!("{} = {}", placeholders.name(pk), placeholders.value(text(&range.pk)));
    let condition = match &range.sort {
        SortRange::Empty => return None,
        SortRange::All => partition,
        SortRange::BeginsWith(prefix) => {
            let (sk, prefix) = (placeholders.name(sk), placeholders.value(text(prefix)));
            format!("{partition} AND begins_with({sk}, {prefix})")
        }
        SortRange::Between(from, to) => {
            let (from, to) = (placeholders.value(text(from)), placeholders.value(text(to)));
            format!("{partition} AND {} BETWEEN {from} AND {to}", placeholders.name(sk))
        }
    };
    Some(condition)
}
