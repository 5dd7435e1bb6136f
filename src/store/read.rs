//! Reads: one item, several at once, and pages of a key range. Never a Scan.

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
    retry::Backoff,
    throttling::ThrottlingReason,
};

/// How many DynamoDB pages a filtered list reads before it answers with what it has.
const MAX_FILTERED_PAGES: usize = 4;
/// How many items each of those pages examines.
const FILTERED_PAGE: i32 = 250;

/// The most keys of one BatchGetItem (AWS, "BatchGetItem").
const MAX_KEYS: usize = 100;

/// The last item that a list examined: its keys, by attribute name. Positions of one list are in its order.
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

/// What to list: a key range, from where, in which order, which of its items, and how many.
#[derive(Clone)]
#[must_use]
pub struct List {
    /// The sort keys of one partition.
    pub range: KeyRange,
    /// Descending sort keys.
    pub descending: bool,
    /// Keep only the items for which this holds.
    pub filter: Option<Condition>,
    /// Which part of it.
    pub page: PageRequest,
}

/// Which part of a list, and how to read it.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Begin after this one.
    pub after: Option<Position>,
    /// The most items to return.
    pub limit: u16,
    /// Read what all writes before it have left (not on the index, which always lags).
    pub consistent: bool,
}

impl PageRequest {
    fn consistently(limit: u16) -> Self {
        Self { after: None, limit, consistent: true }
    }
}

/// Some items of a list, in its order.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The items; fewer than asked for, or none, does not mean that the list has ended.
    pub items: Vec<T>,
    /// Where to go on; the list has ended only where this is `None`.
    pub next: Option<Position>,
}

impl Store {
    /// One record by its key.
    pub async fn get<T: Record>(
        &self,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<Entity<T>>, StoreError> {
        let item = self.get_item(key, consistent).await?;
        item.map(Entity::from_item).transpose()
    }

    /// One item by its key.
    pub async fn get_item(&self, key: &Key, consistent: bool) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let get = get
            .set_key(Some(key.attributes()))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        get.send().await.map(|output| output.item).map_err(of_read)
    }

    /// Several items by their keys, consistently; what does not exist is left out. One BatchGetItem for 100 of them.
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
        let mut backoff = Backoff::default();
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

    /// A page of a list. A filtered one examines a bounded number of items and may come back short or empty.
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

    /// The first item of a range, read consistently.
    pub async fn first(&self, range: KeyRange) -> Result<Option<Item>, StoreError> {
        let first = List::of(range, PageRequest::consistently(1));
        Ok(self.query(&first, None).await?.items.into_iter().next())
    }

    /// The first item of a range for which `wanted` holds, read consistently and to the range's end.
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

    /// One page of a list as a Query reads it: 1 MB at most, less of a list with a filter.
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
                .ok_or_else(|| StoreError::corrupt("key", "no text in a last key"))
        };
        let next = last.map(position).transpose()?;
        Ok(Listed { items: output.items.unwrap_or_default(), next })
    }

    /// Whether the table answers, within `patience`.
    pub async fn ping(&self, patience: Duration) -> Result<(), StoreError> {
        let timeouts = TimeoutConfig::builder().operation_timeout(patience).build();
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::never_written().attributes()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .config_override(Config::builder().timeout_config(timeouts));
        get.send().await.map(|_| ()).map_err(of_read)
    }
}

/// The condition that a range is; none for a range that nothing is in.
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
