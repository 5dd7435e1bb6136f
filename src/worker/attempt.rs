//! One attempt to deliver an event: claim the delivery, sign the event, send it, and store the outcome.

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

/// For how long no other worker tries a claimed delivery: longer than an attempt takes.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);
/// How long no delivery has to reach a webhook until it is switched off.
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

    /// Tries a delivery once, unless another worker does. `tried` becomes the outcome as soon as it is known.
    pub(super) async fn attempt(
        &self,
        due: &Entity<Delivery>,
        tried: &mut Option<Outcome>,
    ) -> Result<(), StoreError> {
        let Delivery { org, webhook_id, .. } = &due.value;
        let now = self.clock.now();
        let claim = due.value.claimed(now.saturating_add(CLAIM).unwrap_or(now));
        let claimed =
            deliveries::repo::replace(&self.store, &self.context(org), due, claim).await?;
        let Some(claimed) = claimed else {
            return Ok(());
        };
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
        if deliveries::repo::replace(&self.store, &context, &claimed, after).await?.is_none() {
            // It was replayed meanwhile: it stays due, with one more attempt.
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
            tracing::error!(webhook.id = %webhook.id, "no secret key opens the webhook's secret");
            return (Outcome::Unsigned, None);
        }
        let secrets = secrets.iter().map(Vec::as_slice);
        match sign(secrets, &delivery.event_id, at, &delivery.payload) {
            Ok(signature) => self.sender.send(&webhook.url, delivery, at, &signature).await,
            Err(_) => (Outcome::Unsigned, None),
        }
    }

    /// Stores since when no delivery reaches a webhook, and switches it off after [`SWITCHED_OFF_AFTER`].
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
                    tracing::warn!(webhook.id = %webhook.id, "a webhook was switched off");
                    metrics::disabled();
                }
                Ok(())
            }
            // It was deleted meanwhile.
            Err(StoreError::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }
}
