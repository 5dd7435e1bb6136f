//! One attempt to deliver an event: claims the delivery, signs and sends the event, and stores the
//! outcome.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{SUBJECT, metrics, sender::Sender};
use crate::{
    id::{OrgId, random_token},
    keyring::SealingKeys,
    records::{
        deliveries::{
            self,
            model::{Attempt, Delivery, Outcome},
        },
        webhooks::{
            self,
            model::{SealedSecret, Webhook, signature::sign},
        },
    },
    store::{Entity, Store, StoreError, WriteContext, errors::chain},
    telemetry,
    time::Clock,
};

/// How long a claim keeps other workers from trying the delivery. It exceeds the duration of an
/// attempt.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);
/// How long a webhook must fail before it is disabled.
const SWITCHED_OFF_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

pub(super) struct Attempts {
    pub(super) store: Store,
    pub(super) keys: SealingKeys,
    pub(super) sender: Sender,
    pub(super) clock: Arc<dyn Clock>,
}

impl Attempts {
    fn context(&self, org: &OrgId) -> WriteContext {
        WriteContext::internal(org.clone(), SUBJECT, random_token(), self.clock.now())
    }

    /// Claims a due delivery. Returns `None` if it has changed since it was read: another worker
    /// has claimed it, or the index lags.
    pub(super) async fn claim(
        &self,
        due: &Entity<Delivery>,
    ) -> Result<Option<Entity<Delivery>>, StoreError> {
        let now = self.clock.now();
        let claim = due.value.claimed(now.saturating_add(CLAIM).unwrap_or(now));
        deliveries::repo::replace(&self.store, &self.context(&due.value.org), due, claim).await
    }

    /// Attempts a claimed delivery once. Sets `tried` as soon as the outcome is known.
    pub(super) async fn attempt(
        &self,
        claimed: &Entity<Delivery>,
        tried: &mut Option<Outcome>,
    ) -> Result<(), StoreError> {
        let Delivery { org, webhook_id, .. } = &claimed.value;
        let now = self.clock.now();
        let webhook = webhooks::repo::get(&self.store, org, webhook_id, true).await;
        let begun = Instant::now();
        let (webhook, (outcome, response_status)) = match webhook.map(|webhook| webhook.value) {
            Ok(webhook) if webhook.active => {
                let answer = self.send(&webhook, &claimed.value, now).await;
                (Some(webhook), answer)
            }
            Ok(_) | Err(StoreError::NotFound) => (None, (Outcome::SwitchedOff, None)),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::NewerShape { .. })) => {
                tracing::error!(webhook.id = %webhook_id, error.message = chain(&error), "a webhook can't be read");
                (None, (Outcome::Unsigned, None))
            }
            Err(other) => return Err(other),
        };
        *tried = Some(outcome);
        telemetry::note("clinic_api.delivery.outcome", outcome.as_str());
        let took = begun.elapsed();
        metrics::delivery(outcome, took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let attempt = Attempt { at: now, duration_ms, outcome, response_status };
        let after = claimed.value.after(attempt.clone(), self.clock.now(), rand::random());
        let context = self.context(org);
        if deliveries::repo::replace(&self.store, &context, claimed, after).await?.is_none() {
            // The delivery was replayed meanwhile. It stays due, with one more attempt.
            deliveries::repo::add_attempt(&self.store, &context, &claimed.value, &attempt).await?;
        }
        match webhook {
            Some(webhook) => self.store_health(&context, &webhook, outcome).await,
            None => Ok(()),
        }
    }

    async fn send(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        at: Timestamp,
    ) -> (Outcome, Option<u16>) {
        let open = |sealed: &SealedSecret| self.keys.open(sealed.expose(), webhook.id.as_str());
        let secrets: Vec<_> = webhook.secrets(at).filter_map(open).collect();
        if secrets.is_empty() {
            tracing::error!(webhook.id = %webhook.id, "none of the secret keys decrypts the webhook's secret");
            return (Outcome::Unsigned, None);
        }
        let secrets = secrets.iter().map(Vec::as_slice);
        match sign(secrets, &delivery.event_id, at, &delivery.payload) {
            Ok(signature) => self.sender.send(&webhook.url, delivery, at, &signature).await,
            Err(_) => (Outcome::Unsigned, None),
        }
    }

    /// Stores since when deliveries to the webhook fail, and switches it off after
    /// [`SWITCHED_OFF_AFTER`].
    async fn store_health(
        &self,
        context: &WriteContext,
        webhook: &Webhook,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let next = |current: &Webhook| current.after(outcome, context.now, SWITCHED_OFF_AFTER);
        if next(webhook) == *webhook {
            return Ok(());
        }
        let modify = |current: &Webhook| Ok::<_, StoreError>(next(current));
        match webhooks::repo::update(&self.store, context, &webhook.id, modify).await {
            Ok(stored) => {
                if webhook.active && !stored.value.active {
                    tracing::warn!(webhook.id = %webhook.id, "a webhook was disabled");
                    metrics::disabled();
                }
                Ok(())
            }
            // The webhook was deleted meanwhile.
            Err(StoreError::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }
}
