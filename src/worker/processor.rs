//! Processes the changes of the stream: an entry of the audit log, and a delivery to every webhook that wants the event. Each is
//! stored under a key that follows from the change, so that a repetition changes nothing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanKind},
};
use tokio::sync::Mutex;

use super::{
    SUBJECT,
    backoff::Backoff,
    change::Change,
    change_record::ChangeRecord,
    dead_letter::{dead_letter_of, keys_of, org_of},
    metrics,
};
use crate::{
    id::OrgId,
    records::{
        deliveries::model::Delivery,
        webhooks::{self, model::Webhook},
    },
    store::{Entity, Store, StoreError, WriteContext, errors::chain},
    telemetry,
    time::Retention,
};

/// How many changes are processed at once.
const CONCURRENCY: usize = 16;
/// How often a change is tried that can't be processed, before it becomes a dead letter.
const TRIES: u32 = 5;
/// The pause after the first try, which doubles with every other.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Processes changes. Clones are the same.
#[derive(Debug, Clone)]
pub struct Processor {
    store: Store,
    audit_retention: Retention,
}

/// The webhooks of organisations, as they were after the changes of one batch had been read: every webhook that existed when
/// they happened is among them.
#[derive(Debug, Default)]
struct Webhooks(Mutex<HashMap<OrgId, Arc<Vec<Entity<Webhook>>>>>);

impl Webhooks {
    async fn of(
        &self,
        store: &Store,
        org: &OrgId,
    ) -> Result<Arc<Vec<Entity<Webhook>>>, StoreError> {
        let mut cached = self.0.lock().await;
        if let Some(webhooks) = cached.get(org) {
            return Ok(webhooks.clone());
        }
        let webhooks = Arc::new(webhooks::repo::all(store, org).await?);
        cached.insert(org.clone(), webhooks.clone());
        Ok(webhooks)
    }
}

impl Processor {
    /// A processor on this table that keeps entries of the audit log for so long.
    pub fn new(store: Store, audit_retention: Retention) -> Self {
        Self { store, audit_retention }
    }

    /// Processes a batch of changes, each until it is done or a dead letter. Returns by position whether there was anything to
    /// do, or the error with which the database refuses it for now.
    pub async fn process_all(&self, records: &[ChangeRecord]) -> Vec<Result<bool, StoreError>> {
        if records.is_empty() {
            return Vec::new();
        }
        let webhooks = Webhooks::default();
        let work: Vec<_> = records.iter().map(|record| self.process(record, &webhooks)).collect();
        let span = || {
            let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
            SpanBuilder::from_name("process stream").with_kind(SpanKind::Consumer).with_attributes(
                [
                    KeyValue::new("messaging.operation.type", "process"),
                    KeyValue::new("messaging.batch.message_count", count),
                ],
            )
        };
        telemetry::in_span(span, stream::iter(work).buffered(CONCURRENCY).collect()).await
    }

    async fn process(
        &self,
        record: &ChangeRecord,
        webhooks: &Webhooks,
    ) -> Result<bool, StoreError> {
        let mut backoff = Backoff::new(FIRST_PAUSE, TRIES - 1);
        loop {
            let error = match self.try_process(record, webhooks).await {
                Ok(done) => {
                    metrics::record(if done { "processed" } else { "ignored" });
                    return Ok(done);
                }
                Err(error) => error,
            };
            metrics::record("failed");
            if error.is_transient() {
                return Err(error);
            }
            if !backoff.pause().await {
                self.add_dead_letter(record, &error).await?;
                return Ok(true);
            }
        }
    }

    /// Processes the change of a dead letter again.
    pub async fn retry(&self, record: &ChangeRecord) -> Result<(), StoreError> {
        self.try_process(record, &Webhooks::default()).await.map(|_| ())
    }

    async fn try_process(
        &self,
        record: &ChangeRecord,
        webhooks: &Webhooks,
    ) -> Result<bool, StoreError> {
        let Some(change) = Change::of(record)? else {
            return Ok(false);
        };
        let event = change.event()?;
        let (request_id, now) = (change.entry.event_id.clone(), change.entry.recorded);
        let context = WriteContext::internal(change.org, SUBJECT, request_id, now);
        let expires_at = self.audit_retention.expiry(now);
        self.store.add_expiring(&context, change.entry, expires_at).await?;
        let Some(event) = event else {
            return Ok(true);
        };
        let payload =
            serde_json::to_string(&event).map_err(|error| StoreError::corrupt("event", error))?;
        let webhooks = webhooks.of(&self.store, &context.org).await?;
        for Entity { value: webhook, .. } in webhooks.iter() {
            if webhook.wants(event.r#type) {
                let (org, id) = (webhook.org.clone(), webhook.id.clone());
                let (event_id, payload) = (event.id.clone(), payload.clone());
                let delivery = Delivery::new(org, id, event_id, event.r#type, event.time, payload);
                self.store.add(&context, delivery).await?;
            }
        }
        Ok(true)
    }

    async fn add_dead_letter(
        &self,
        record: &ChangeRecord,
        error: &StoreError,
    ) -> Result<(), StoreError> {
        let error = chain(error);
        let (request_id, now) = (record.event_id.clone(), record.at);
        let context = WriteContext::internal(org_of(record), SUBJECT, request_id, now);
        let whole = dead_letter_of(record, error.clone(), TRIES)?;
        match self.store.add(&context, whole).await {
            // Two images can be larger than an item may be; a change that blocks its shard would lose more.
            Err(StoreError::TooLarge { .. }) => {
                let error = format!("{error}; its images are too large to be kept");
                let keys = dead_letter_of(&keys_of(record), error, TRIES)?;
                self.store.add(&context, keys).await?;
            }
            other => other?,
        }
        tracing::error!(
            event.id = record.event_id,
            error.message = error,
            "a change became a dead letter"
        );
        metrics::dead_letter();
        Ok(())
    }
}
