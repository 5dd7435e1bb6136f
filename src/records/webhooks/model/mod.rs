//! The model of webhooks.

pub mod signature;
pub mod target;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    events::StoredEventType,
    id::{OrgId, WebhookId},
    records::deliveries::model::Outcome,
    sensitive::Sensitive,
};

/// How long a replaced secret still signs next to the new one.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// A URL to which events are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// The id.
    pub id: WebhookId,
    /// The organisation.
    pub org: OrgId,
    /// The target of events.
    pub url: String,
    /// A name or a note for people.
    pub description: Option<String>,
    /// The event types that it receives. An empty list means all types.
    pub event_types: Vec<StoredEventType>,
    /// Whether events are sent to it.
    pub active: bool,
    /// The secret that signs deliveries.
    pub secret: SealedSecret,
    /// The previous secret, which also signs for a while.
    pub previous_secret: Option<PreviousSecret>,
    /// When the attempts began to fail. `None` while they succeed.
    pub failing_since: Option<Timestamp>,
    /// When it was disabled, because attempts had failed for too long or the receiver was gone.
    pub disabled_at: Option<Timestamp>,
}

/// An encrypted secret. It can't be read with the table alone.
pub type SealedSecret = Sensitive<String>;

/// A replaced secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: SealedSecret,
    /// When it stops signing.
    pub until: Timestamp,
}

impl Webhook {
    /// Returns the webhook after an attempt. It is disabled if all attempts have failed for
    /// `limit`, or if the receiver is gone.
    #[must_use]
    pub fn after(&self, outcome: Outcome, now: Timestamp, limit: SignedDuration) -> Self {
        let off = || Self { active: false, disabled_at: Some(now), ..self.clone() };
        let tried = !matches!(outcome, Outcome::SwitchedOff | Outcome::Unsigned);
        match self.failing_since {
            _ if !self.active || !tried => self.clone(),
            _ if outcome == Outcome::Delivered => Self { failing_since: None, ..self.clone() },
            _ if outcome == Outcome::Gone => off(),
            None => Self { failing_since: Some(now), ..self.clone() },
            Some(since) if now.duration_since(since) >= limit => off(),
            Some(_) => self.clone(),
        }
    }

    /// Returns whether it receives events of this type.
    pub fn wants(&self, event_type: &StoredEventType) -> bool {
        let any = self.event_types.is_empty();
        self.active && (any || self.event_types.contains(event_type))
    }

    /// Returns the webhook with a new secret. The old one also signs for [`OVERLAP`].
    #[must_use]
    pub fn with_secret(&self, secret: SealedSecret, now: Timestamp) -> Self {
        let until = now.saturating_add(OVERLAP).unwrap_or(now);
        let previous = PreviousSecret { secret: self.secret.clone(), until };
        Self { secret, previous_secret: Some(previous), ..self.clone() }
    }

    /// Returns the webhook with its secrets sealed again by `seal`, or `None` if the current secret
    /// can't be sealed. Drops the previous secret if it no longer signs or can't be sealed.
    pub fn resealed(
        &self,
        now: Timestamp,
        seal: impl Fn(&SealedSecret) -> Option<SealedSecret>,
    ) -> Option<Self> {
        let previous = self.previous_secret.as_ref().filter(|previous| previous.until > now);
        let previous_secret = previous.and_then(|previous| {
            Some(PreviousSecret { secret: seal(&previous.secret)?, until: previous.until })
        });
        Some(Self { secret: seal(&self.secret)?, previous_secret, ..self.clone() })
    }

    /// Returns the secrets that sign now, newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        let previous = self.previous_secret.iter().filter(move |previous| previous.until > now);
        [&self.secret].into_iter().chain(previous.map(|previous| &previous.secret))
    }
}
