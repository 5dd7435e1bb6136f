//! Processes the changes of the stream. Each change becomes an audit log entry, and a delivery to
//! every webhook that subscribes to its event. Access requests become access log entries. The key
//! of each item is derived from the change, so a repetition changes nothing.
//!
//! A batch is processed in phases: first the audit log entries, then the deliveries, then the
//! access log entries, of which one request may have a thousand. Deliveries and access log entries
//! have a time budget per organisation. The rest is deferred, so that no other organisation waits
//! for it. At the end, failed changes are retried and then become dead letters.

mod retry;

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanKind},
};

use super::{
    SUBJECT,
    accesses::{self, Accesses, shown_by},
    budget::{Budget, Budgets, OF_BATCH},
    change::Change,
    change_record::ChangeRecord,
    dead_letter::org_of,
    fan_out::{FanOut, context},
    lanes::{Lane, by_organisation, in_lane, in_lanes},
    metrics,
};
use crate::{
    audit::model::AccessRequest,
    records::deferred::model::{DeferredAccesses, DeferredEvent},
    store::{Entity, Store, StoreError, WriteContext},
    telemetry,
    time::Retention,
};

/// Processes changes. Clones share all state.
#[derive(Debug, Clone)]
pub struct Processor {
    store: Store,
    accesses: Accesses,
    audit_retention: Retention,
    budgets_of_deliveries: Budgets,
    budgets_of_accesses: Budgets,
}

/// The result of the first phase for a record.
enum Recorded {
    /// The record needs no further processing and had no effect.
    Ignored,
    /// The record is fully processed.
    Done,
    /// An event must be delivered. Its webhooks are not determined yet.
    Event(Box<DeferredEvent>),
}

/// The position of a record and its outcome: whether there was anything to do, or the error.
type Outcome = (usize, Result<bool, StoreError>);

impl Processor {
    /// Creates a processor that keeps audit log and access log entries for `audit_retention`.
    pub fn new(store: Store, audit_retention: Retention) -> Self {
        let accesses = Accesses::new(store.clone(), audit_retention);
        let budgets = || Budgets::new(OF_BATCH);
        let (budgets_of_deliveries, budgets_of_accesses) = (budgets(), budgets());
        Self { store, accesses, audit_retention, budgets_of_deliveries, budgets_of_accesses }
    }

    /// Sets the time budget per organisation and batch, for deliveries and for accesses each.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        let budgets = || Budgets::new(budget);
        Self { budgets_of_deliveries: budgets(), budgets_of_accesses: budgets(), ..self }
    }

    /// Processes a batch of changes. Each one ends processed, as a dead letter, or refused by the
    /// database for now. Returns by position whether there was anything to do, or the error of a
    /// temporary refusal.
    pub async fn process_all(&self, records: &[ChangeRecord]) -> Vec<Result<bool, StoreError>> {
        if records.is_empty() {
            return Vec::new();
        }
        let span = || {
            let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
            SpanBuilder::from_name("process stream").with_kind(SpanKind::Consumer).with_attributes(
                [
                    KeyValue::new("messaging.operation.type", "process"),
                    KeyValue::new("messaging.batch.message_count", count),
                ],
            )
        };
        telemetry::in_span(span, Box::pin(self.in_phases(records))).await
    }

    async fn in_phases(&self, records: &[ChangeRecord]) -> Vec<Result<bool, StoreError>> {
        let (mut outcomes, mut events) = (Vec::with_capacity(records.len()), Vec::new());
        let (shown, changes): (Vec<_>, Vec<_>) =
            (0..records.len()).partition(|position| shown_by(&records[*position]).is_some());
        for (position, recorded) in self.record_all(records, changes).await {
            match recorded {
                Ok(Recorded::Ignored) => outcomes.push((position, Ok(false))),
                Ok(Recorded::Done) => outcomes.push((position, Ok(true))),
                Ok(Recorded::Event(event)) => events.push((position, *event)),
                Err(error) => outcomes.push((position, Err(error))),
            }
        }
        outcomes.extend(self.deliver_all(events).await);
        outcomes.extend(self.log_all(records, shown).await);
        let (failing, mut outcomes): (Vec<_>, Vec<_>) = outcomes
            .into_iter()
            .partition(|(_, outcome)| matches!(outcome, Err(error) if !error.is_transient()));
        for (_, outcome) in &outcomes {
            count(outcome);
        }
        let failing = failing.into_iter().map(|(position, outcome)| async move {
            let outcome = self.retry_or_bury(&records[position], outcome).await;
            (position, outcome)
        });
        outcomes.extend(in_lane(failing.collect()).await);
        outcomes.sort_by_key(|(position, _)| *position);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Runs the first phase for the records at these positions. After a temporary refusal, the
    /// later records of the same organisation wait as well.
    async fn record_all(
        &self,
        records: &[ChangeRecord],
        positions: Vec<usize>,
    ) -> Vec<(usize, Result<Recorded, StoreError>)> {
        let positions = positions.into_iter();
        let positions = positions.map(|position| (org_of(&records[position]), position));
        let lanes = by_organisation(positions).into_values().map(|positions| async move {
            let lane = Lane::default();
            let work = positions.into_iter().map(async |position| {
                (position, lane.run(Box::pin(self.record(&records[position]))).await)
            });
            in_lane(work.collect()).await
        });
        in_lanes(lanes.collect()).await
    }

    /// Stores the audit log entry, if the record reports a change.
    async fn record(&self, record: &ChangeRecord) -> Result<Recorded, StoreError> {
        let Some(change) = Change::of(record)? else {
            return Ok(Recorded::Ignored);
        };
        let event = change.event()?;
        let (request_id, now) = (change.entry.event_id.clone(), change.entry.recorded);
        let context = WriteContext::internal(change.org, SUBJECT, request_id, now);
        let expires_at = self.audit_retention.expiry(now);
        self.store.add_expiring(&context, change.entry, expires_at).await?;
        let Some(event) = event else {
            return Ok(Recorded::Done);
        };
        let payload =
            serde_json::to_string(&event).map_err(|error| StoreError::corrupt("event", error))?;
        Ok(Recorded::Event(Box::new(DeferredEvent {
            org: context.org,
            event_id: event.id,
            event_type: event.r#type.into(),
            at: event.time,
            payload,
            webhook_ids: None,
        })))
    }

    /// The second phase: deliveries.
    async fn deliver_all(&self, events: Vec<(usize, DeferredEvent)>) -> Vec<Outcome> {
        let events = events.into_iter().map(|event| (event.1.org.clone(), event));
        let lanes = by_organisation(events).into_iter().map(|(org, events)| async move {
            let budget = self.budgets_of_deliveries.of(&org);
            let (fan_out, deferring) = (FanOut::new(&self.store, &org, &budget), Lane::default());
            let work = events.into_iter().map(async |(position, event)| {
                let outcome = self.deliver(&fan_out, &deferring, event).await;
                (position, outcome.map(|()| true))
            });
            in_lane(work.collect()).await
        });
        in_lanes(lanes.collect()).await
    }

    /// Stores the deliveries of an event, and defers the rest.
    async fn deliver(
        &self,
        fan_out: &FanOut<'_>,
        deferring: &Lane,
        event: DeferredEvent,
    ) -> Result<(), StoreError> {
        let Some(left) = fan_out.deliver(event).await? else {
            return Ok(());
        };
        self.budgets_of_deliveries.note_spent(&left.org);
        // If an earlier attempt has already deferred the event, that item lists at least the
        // webhooks that are left.
        deferring.run(Box::pin(self.store.add(&context(&left), left))).await?;
        metrics::deferred();
        Ok(())
    }

    /// The third phase: accesses.
    async fn log_all(&self, records: &[ChangeRecord], shown: Vec<usize>) -> Vec<Outcome> {
        let shown = shown.into_iter().map(|position| (org_of(&records[position]), position));
        let lanes = by_organisation(shown).into_iter().map(|(org, shown)| async move {
            let (budget, deferring) = (self.budgets_of_accesses.of(&org), Lane::default());
            let work = shown.into_iter().map(async |position| {
                (position, self.log(&budget, &deferring, &records[position]).await)
            });
            in_lane(work.collect()).await
        });
        in_lanes(lanes.collect()).await
    }

    /// Writes the accesses of an access request, or defers it. Returns whether there was anything
    /// to do.
    async fn log(
        &self,
        budget: &Budget,
        deferring: &Lane,
        record: &ChangeRecord,
    ) -> Result<bool, StoreError> {
        let Some(shown) = shown_by(record) else {
            return Ok(false);
        };
        if let Some(any) = budget.run(Box::pin(self.accesses.add(shown))).await? {
            return Ok(any);
        }
        let Entity { meta, value } = Entity::<AccessRequest>::from_item(shown.clone())?;
        self.budgets_of_accesses.note_spent(&meta.org);
        let left = DeferredAccesses { org: meta.org, request: value.request, at: value.at };
        deferring.run(Box::pin(self.store.add(&accesses::context(&left), left))).await?;
        metrics::deferred();
        Ok(true)
    }
}

fn count(outcome: &Result<bool, StoreError>) {
    metrics::record(match outcome {
        Ok(true) => "processed",
        Ok(false) => "ignored",
        Err(_) => "failed",
    });
}
