//! Retries failed changes: by the worker until they become dead letters, and by operators.

use std::time::Duration;

use super::{Processor, Recorded, count};
use crate::{
    store::{StoreError, WriteContext, errors::chain},
    worker::{
        SUBJECT,
        accesses::shown_by,
        backoff::Backoff,
        budget::Budget,
        change_record::ChangeRecord,
        dead_letter::{BECAME_DEAD_LETTER, dead_letter_of, keys_of, org_of},
        fan_out::FanOut,
        lanes::Lane,
        metrics,
    },
};

/// The number of attempts before a change becomes a dead letter.
const TRIES: u32 = 5;
/// The pause after the first attempt. It doubles with each further attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

impl Processor {
    /// Processes the change of a dead letter again. Accesses are written at once, not deferred: the
    /// access request in the table may have expired, so the change can be the only copy.
    pub async fn retry(&self, record: &ChangeRecord) -> Result<(), StoreError> {
        if let Some(shown) = shown_by(record) {
            return self.accesses.add(shown).await.map(|_| ());
        }
        let Recorded::Event(event) = Box::pin(self.record(record)).await? else {
            return Ok(());
        };
        let (org, budget) = (event.org.clone(), Budget::default());
        let fan_out = FanOut::new(&self.store, &org, &budget);
        self.deliver(&fan_out, &Lane::default(), *event).await
    }

    /// Retries a change until it is processed or becomes a dead letter.
    pub(super) async fn retry_or_bury(
        &self,
        record: &ChangeRecord,
        mut outcome: Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut backoff = Backoff::new(FIRST_PAUSE, TRIES - 1);
        loop {
            count(&outcome);
            match &outcome {
                Err(error) if !error.is_transient() => {
                    if !backoff.pause().await {
                        self.add_dead_letter(record, error).await?;
                        return Ok(true);
                    }
                }
                _ => return outcome,
            }
            outcome = self.retry(record).await.map(|()| true);
        }
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
            // Two images can exceed the item size limit. Store the keys only, because a change that
            // blocks its shard would lose more.
            Err(StoreError::TooLarge { .. }) => {
                let error = format!("{error}; its images are too large to be stored");
                let keys = dead_letter_of(&keys_of(record), error, TRIES)?;
                self.store.add(&context, keys).await?;
            }
            other => other?,
        }
        tracing::error!(event.id = record.event_id, error.message = error, "{BECAME_DEAD_LETTER}");
        metrics::dead_letter();
        Ok(())
    }
}
