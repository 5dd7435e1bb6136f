//! Webhooks.

pub mod signature;
pub mod target;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    events::{EventType, StoredEventType},
    id::{OrgId, WebhookId},
    records::deliveries::model::Outcome,
    sensitive::Sensitive,
};

/// For how long a secret that was replaced still signs beside the new one.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// A URL to which events are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub org: OrgId,
    /// Where events go.
    pub url: String,
    /// What people call it.
    pub description: Option<String>,
    /// The types of events that it gets; all types, if there are none.
    pub event_types: Vec<StoredEventType>,
    /// Whether events are sent to it.
    pub active: bool,
    /// The secret that signs deliveries.
    pub secret: SealedSecret,
    /// The secret before, which signs beside it for a while.
    pub previous_secret: Option<PreviousSecret>,
    /// Since when no delivery has reached it.
    pub failing_since: Option<Timestamp>,
    /// When it was switched off because no delivery had reached it for long.
    pub disabled_at: Option<Timestamp>,
}

/// A sealed secret: the table alone does not reveal it.
pub type SealedSecret = Sensitive<String>;

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: SealedSecret,
    /// Until when it still signs.
    pub until: Timestamp,
}

impl Webhook {
    /// The same after an attempt: switched off, if nothing has reached it for `limit`.
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

    /// Whether it gets events of this type.
    pub fn wants(&self, event_type: EventType) -> bool {
        let any = self.event_types.is_empty();
        self.active && (any || self.event_types.contains(&event_type.into()))
    }

    /// The same with another secret; the one before signs beside it for a while.
    #[must_use]
    pub fn with_secret(&self, secret: SealedSecret, now: Timestamp) -> Self {
        let until = now.saturating_add(OVERLAP).unwrap_or(now);
        let previous = PreviousSecret { secret: self.secret.clone(), until };
        Self { secret, previous_secret: Some(previous), ..self.clone() }
    }

    /// The same with its secret as `seal` makes it anew; `None` if it can't. The secret before goes where it signs no more, or
    /// can't be sealed: nobody could sign with it.
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

    /// The secrets that sign now, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        let previous = self.previous_secret.iter().filter(move |previous| previous.until > now);
        [&self.secret].into_iter().chain(previous.map(|previous| &previous.secret))
    }
}
