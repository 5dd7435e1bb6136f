//! One attempt to deliver an event: claimed, signed, sent, and what came of it remembered.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    super::{metrics, sender::Message},
    Shared,
};
use crate::{
    deliveries::{
        self,
        model::{Attempt, Delivery, Outcome},
    },
    id::{OrgId, random_token},
    store::{Entity, Precondition, StoreError, WriteContext, errors::chain},
    telemetry,
    webhooks::{
        self,
        model::{
            Webhook,
            signature::{secret_purpose, sign},
        },
    },
};

/// Who writes what is written here.
const SUBJECT: &str = "system:worker";
/// For how long nobody else tries what is being tried: longer than an attempt takes.
const CLAIMED: SignedDuration = SignedDuration::from_secs(60);
/// How long nothing has to reach a webhook until it is switched off.
const SWITCHED_OFF_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

impl Shared {
    fn context(&self, org: &OrgId) -> WriteContext {
        WriteContext {
            org: org.clone(),
            subject: SUBJECT.to_owned(),
            request_id: random_token(),
            now: self.clock.now(),
            precondition: Precondition::None,
            idempotency: None,
        }
    }

    /// Tries a delivery once, unless somebody else does. `tried` is what came of it, as soon as that is known.
    pub(super) async fn attempt(
        &self,
        due: &Entity<Delivery>,
        tried: &mut Option<Outcome>,
    ) -> Result<(), StoreError> {
        let org = due.value.org.clone();
        let now = self.clock.now();
        let until = now.saturating_add(CLAIMED).unwrap_or(now);
        let claimed = due.value.claimed(until);
        let context = self.context(&org);
        let claimed = deliveries::repo::replace(&self.store, &context, due, claimed).await?;
        let Some(claimed) = claimed else {
            return Ok(());
        };
        let webhook = webhooks::repo::get(&self.store, &org, &due.value.webhook_id, true).await;
        let begun = Instant::now();
        let (webhook, (outcome, response_status)) = match webhook.map(|webhook| webhook.value) {
            Ok(webhook) if webhook.active => {
                let answer = self.send(&webhook, &claimed.value, now).await;
                (Some(webhook), answer)
            }
            Ok(_) | Err(StoreError::NotFound) => (None, (Outcome::SwitchedOff, None)),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::NewerShape { .. })) => {
                tracing::error!(webhook.id = %due.value.webhook_id, error.message = chain(&error), "it can't be read");
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
        let context = self.context(&org);
        if deliveries::repo::replace(&self.store, &context, &claimed, after).await?.is_none() {
            // It was replayed meanwhile: it stays as it is, and has been tried all the same.
            deliveries::repo::note(&self.store, &context, &claimed.value, &attempt).await?;
        }
        match webhook {
            Some(webhook) => self.note_health(&context, &webhook, outcome).await,
            None => Ok(()),
        }
    }

    async fn send(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        at: Timestamp,
    ) -> (Outcome, Option<u16>) {
        let purpose = secret_purpose(&webhook.id);
        let secrets =
            webhook.secrets(at).filter_map(|sealed| self.keys.open_bytes(&sealed.0, &purpose));
        let secrets: Vec<_> = secrets.collect();
        if secrets.is_empty() {
            tracing::error!(webhook.id = %webhook.id, "no cursor key opens the webhook's secret");
            return (Outcome::Unsigned, None);
        }
        let (id, payload) = (delivery.event_id.as_str(), delivery.payload.as_str());
        let Ok(signature) = sign(secrets.iter().map(Vec::as_slice), id, at, payload) else {
            return (Outcome::Unsigned, None);
        };
        let message = Message { url: &webhook.url, id, at, signature: &signature, payload };
        self.sender.send(&message).await
    }

    /// Remembers whether a webhook can be reached, and switches it off once it could not be for long.
    async fn note_health(
        &self,
        context: &WriteContext,
        webhook: &Webhook,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let now = context.now;
        let next = |current: &Webhook| current.after(outcome.into(), now, SWITCHED_OFF_AFTER);
        if next(webhook) == *webhook {
            return Ok(());
        }
        let modify = |current: &Webhook| Ok::<_, StoreError>(next(current));
        match webhooks::repo::update(&self.store, context, &webhook.id, modify).await {
            Ok(noted) => {
                if webhook.active && !noted.value.active {
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

impl From<Outcome> for webhooks::model::Reached {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Yes,
            Outcome::Gone => Self::NeverAgain,
            Outcome::SwitchedOff | Outcome::Unsigned => Self::NotTried,
            Outcome::Refused | Outcome::TimedOut | Outcome::Unreachable | Outcome::Forbidden => {
                Self::No
            }
        }
    }
}
