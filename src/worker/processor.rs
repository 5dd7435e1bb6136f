//! From a change of the stream to what follows from it: an item of the trail of changes, and a delivery to every webhook
//! that wants the event. Each is stored under a key that follows from the change, so that doing it again does nothing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanKind},
};
use tokio::{sync::Mutex, time::sleep};

use crate::{
    audit_events::{self, model::AuditEvent},
    dead_letters,
    deliveries::{
        self,
        model::{Delivery, KEPT, Status},
    },
    id::{DeliveryId, OrgId, RecordId},
    kinds,
    store::{
        Entity, Precondition, Store, StoreError, WriteContext, attributes::text, errors::chain,
    },
    stream::{change::Change, event::Event, record::ChangeRecord},
    telemetry,
    webhooks::{self, model::Webhook},
};

use super::{
    metrics,
    put_aside::{letter_of, letter_of_keys, org_of},
};

/// Who writes what is written here.
const SUBJECT: &str = "system:worker";
/// How many changes are worked on at once.
const AT_ONCE: usize = 16;
/// How often a change is tried that can't be processed, before it is put aside.
const TRIES: u32 = 5;
/// The pause after the first try, which doubles with every other.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Works on changes. Clones are the same.
#[derive(Debug, Clone)]
pub struct Processor {
    store: Store,
    kinds: Arc<Vec<&'static str>>,
}

/// The webhooks of organisations, as they were after the changes of one batch had been read: whoever was to be told of them
/// when they happened is among them.
#[derive(Debug, Default)]
struct Webhooks(Mutex<HashMap<OrgId, Arc<Vec<Entity<Webhook>>>>>);

impl Webhooks {
    async fn of(
        &self,
        store: &Store,
        org: &OrgId,
    ) -> Result<Arc<Vec<Entity<Webhook>>>, StoreError> {
        let mut known = self.0.lock().await;
        if let Some(webhooks) = known.get(org) {
            return Ok(webhooks.clone());
        }
        let webhooks = Arc::new(webhooks::repo::all(store, org).await?);
        known.insert(org.clone(), webhooks.clone());
        Ok(webhooks)
    }
}

impl Processor {
    /// One on this table.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let kinds = kinds::all().iter().map(|kind| kind.name).collect();
        Self { store, kinds: Arc::new(kinds) }
    }

    /// Works on a batch of changes, each until it is done or put aside; by position, what came of it: whether there was
    /// anything to do, or what keeps the database from doing it.
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
        telemetry::in_span(span, stream::iter(work).buffered(AT_ONCE).collect()).await
    }

    async fn process(
        &self,
        record: &ChangeRecord,
        webhooks: &Webhooks,
    ) -> Result<bool, StoreError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let error = match self.try_process(record, webhooks).await {
                Ok(done) => {
                    metrics::record(if done { "processed" } else { "ignored" });
                    return Ok(done);
                }
                Err(error) => error,
            };
            metrics::record("failed");
            if is_transient(&error) {
                return Err(error);
            }
            if tries == TRIES {
                self.put_aside(record, &error, tries).await?;
                return Ok(true);
            }
            sleep(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// Works on one change again that was put aside.
    ///
    /// # Errors
    /// What keeps it from being done.
    pub async fn retry(&self, record: &ChangeRecord) -> Result<(), StoreError> {
        self.try_process(record, &Webhooks::default()).await.map(|_| ())
    }

    async fn try_process(
        &self,
        record: &ChangeRecord,
        webhooks: &Webhooks,
    ) -> Result<bool, StoreError> {
        let Some(change) = Change::of(record)? else {
            return self.is_known(record).map(|()| false);
        };
        let event = Event::of(&change)?;
        let context = WriteContext {
            org: change.org.clone(),
            subject: SUBJECT.to_owned(),
            request_id: change.event_id.to_owned(),
            now: change.at,
            precondition: Precondition::None,
            idempotency: None,
        };
        audit_events::repo::add(&self.store, &context, audit_event(&change)?).await?;
        if let Some(event) = event {
            self.deliver(&context, &event, webhooks).await?;
        }
        Ok(true)
    }

    /// Refuses what is of a type that only a later release knows: that one is to process it.
    fn is_known(&self, record: &ChangeRecord) -> Result<(), StoreError> {
        let image = record.new.as_ref().or(record.old.as_ref());
        let kind = image.and_then(|image| text(image, "type")).unwrap_or_default();
        if self.kinds.contains(&kind) {
            return Ok(());
        }
        Err(StoreError::corrupt("change", "the item is of a type that this release does not know"))
    }

    async fn deliver(
        &self,
        context: &WriteContext,
        event: &Event,
        webhooks: &Webhooks,
    ) -> Result<(), StoreError> {
        let event_type = event.r#type.as_str();
        let webhooks = webhooks.of(&self.store, &context.org).await?;
        for webhook in webhooks.iter().filter(|webhook| webhook.value.wants(event_type)) {
            let delivery = delivery(event, &webhook.value)?;
            deliveries::repo::add(&self.store, context, delivery).await?;
        }
        Ok(())
    }

    async fn put_aside(
        &self,
        record: &ChangeRecord,
        error: &StoreError,
        tries: u32,
    ) -> Result<(), StoreError> {
        let error = chain(error);
        let add = |letter| dead_letters::repo::add(&self.store, org_of(record), SUBJECT, letter);
        match add(letter_of(record, error.clone(), tries)?).await {
            // Two images can be more than one item takes; what holds up its shard loses more.
            Err(StoreError::TooLarge { .. }) => {
                add(letter_of_keys(record, &error, tries)?).await?;
            }
            other => other?,
        }
        tracing::error!(
            event.id = record.event_id,
            error.message = error,
            "a change was put aside"
        );
        metrics::dead_letter();
        Ok(())
    }
}

/// Whether it is the database that is in the way, and not the change.
fn is_transient(error: &StoreError) -> bool {
    error.is_transient()
}

fn audit_event(change: &Change<'_>) -> Result<AuditEvent, StoreError> {
    let corrupt = |error| StoreError::corrupt("change", error);
    let clinic_id = change.clinic_id.map(|id| id.to_owned().try_into()).transpose();
    Ok(AuditEvent {
        event_id: change.event_id.to_owned(),
        action: change.action,
        record_kind: change.kind.to_owned(),
        record_id: RecordId::try_from(change.record_id.to_owned())
            .map_err(|error| StoreError::corrupt("change", error))?,
        clinic_id: clinic_id.map_err(|error: crate::id::InvalidId| corrupt(error))?,
        recorded: change.at,
        subject: change.subject.to_owned(),
        asked_by: change.request_id.to_owned(),
        record_rev: change.rev,
        changed: change.changed.iter().map(|name| (*name).to_owned()).collect(),
    })
}

fn delivery(event: &Event, webhook: &Webhook) -> Result<Delivery, StoreError> {
    let payload =
        serde_json::to_string(event).map_err(|error| StoreError::corrupt("event", error))?;
    let forgotten: Timestamp = event.time.saturating_add(KEPT).unwrap_or(event.time);
    Ok(Delivery {
        id: DeliveryId::of_event(event.time, &event.id),
        org: webhook.org.clone(),
        webhook_id: webhook.id.clone(),
        event_id: event.id.clone(),
        event_type: event.r#type.as_str().to_owned(),
        payload,
        status: Status::Pending,
        next_attempt_at: Some(event.time),
        tries: 0,
        attempts: Vec::new(),
        expires_at: forgotten.as_second(),
    })
}
