//! Scans the whole table at a limited rate, for operators with their own role. Requests do not use
//! it.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Item, Store, StoreError, errors::of_read};

/// The maximum number of items per page.
const PAGE: f64 = 100.0;
/// The maximum number of attempts of a call that the database refuses for now.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A segment of the table. Segments are scanned in parallel.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// The number of the segment, counted from 0.
    pub number: u16,
    /// The total number of segments.
    pub of: u16,
}

impl Segment {
    /// The whole table as one segment.
    pub const WHOLE: Self = Self { number: 0, of: 1 };
}

/// The scan of one segment.
#[derive(Debug)]
pub struct Scan {
    segment: Segment,
    rate: f64,
    /// The due time of the next page, and the item after which it starts. `None` after the last
    /// page.
    next: Option<(Instant, Option<Item>)>,
}

impl Scan {
    /// Creates a scan that reads at most `rate` items per second.
    pub fn new(segment: Segment, rate: f64) -> Self {
        Self { segment, rate, next: Some((Instant::now(), None)) }
    }

    /// Waits until the next page is due and returns it. Returns `None` after the last page.
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

    /// Counts items that the caller has read because of the last page. The next page is due later.
    #[expect(clippy::cast_precision_loss, reason = "a page leads to some thousand items at most")]
    pub fn also_read(&mut self, items: usize) {
        if let Some((due, _)) = &mut self.next {
            *due += Duration::from_secs_f64(items as f64 / self.rate);
        }
    }

    /// Returns the page size: at most the items of one second.
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
            // A single segment omits the parameters: with them, the embedded engine sorts the whole
            // table for every page.
            .set_segment((segment.of > 1).then_some(segment.number.into()))
            .set_total_segments((segment.of > 1).then_some(segment.of.into()))
            .limit(limit)
            .set_exclusive_start_key(after);
        let page = scan.send().await.map_err(of_read)?;
        let next = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((page.items.unwrap_or_default(), next))
    }

    /// Returns the approximate number of items in the table. DynamoDB counts them every six hours.
    pub async fn item_count(&self) -> Result<u64, StoreError> {
        let table = self.describe_table().await?;
        let count = table.and_then(|table| table.item_count);
        Ok(count.and_then(|count| count.try_into().ok()).unwrap_or(0))
    }
}

/// Retries with doubling pauses while the database refuses the call or is unreachable.
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
