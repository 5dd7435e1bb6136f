//! Every item of the table, at a bounded rate: for operators, under a role of their own. No request comes here.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Item, Store, StoreError, errors::of_read};

/// Items that are read at once, at most.
const PAGE: f64 = 100.0;
/// How often a call is tried that the database refuses for now.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// One of the parts of the table that are read side by side.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// Which one, from 0.
    pub number: u16,
    /// Of how many.
    pub of: u16,
}

impl Segment {
    /// The table in one part.
    pub const WHOLE: Self = Self { number: 0, of: 1 };
}

/// The pages of one part of the table.
#[derive(Debug)]
pub struct Scan {
    segment: Segment,
    rate: f64,
    /// When the next page is due, and after which item; none behind the last one.
    next: Option<(Instant, Option<Item>)>,
}

impl Scan {
    /// A scan that reads at most `rate` items a second.
    pub fn new(segment: Segment, rate: f64) -> Self {
        Self { segment, rate, next: Some((Instant::now(), None)) }
    }

    /// The next page, not before its time; `None` behind the last one.
    pub async fn next_page(&mut self, store: &Store) -> Result<Option<Vec<Item>>, StoreError> {
        let Some((due, after)) = self.next.take() else { return Ok(None) };
        sleep_until(due).await;
        let began = Instant::now();
        let read = || store.scan_page(self.segment, self.page(), after.clone());
        let (items, after) = patiently(read).await?;
        if after.is_some() {
            #[expect(clippy::cast_precision_loss, reason = "a page has few items")]
            let due = began + Duration::from_secs_f64(items.len() as f64 / self.rate);
            self.next = Some((due, after));
        }
        Ok(Some(items))
    }

    /// How many items are read at once: no more than a second's.
    #[expect(clippy::cast_possible_truncation, reason = "it is between 1 and 100")]
    fn page(&self) -> i32 {
        self.rate.clamp(1.0, PAGE) as i32
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
            // The whole table is asked for without parts: for those the embedded engine sorts all of it with every page.
            .set_segment((segment.of > 1).then_some(segment.number.into()))
            .set_total_segments((segment.of > 1).then_some(segment.of.into()))
            .limit(limit)
            .set_exclusive_start_key(after);
        let page = scan.send().await.map_err(of_read)?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((page.items.unwrap_or_default(), next))
    }

    /// About how many items the table has: DynamoDB counts them every six hours.
    pub async fn item_count(&self) -> Result<u64, StoreError> {
        let table = self.describe_table().await?;
        let count = table.and_then(|table| table.item_count);
        Ok(count.and_then(|count| count.try_into().ok()).unwrap_or(0))
    }
}

/// Calls again after a pause that doubles, while the database refuses for now or is out of reach.
pub async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    mut call: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match call().await {
            Err(error) if error.is_transient() => {
                sleep(pause).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    call().await
}
