//! Webhooks.

pub mod signature;
pub mod target;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    events::{EventType, StoredEventType},
    id::{OrgId, WebhookId},
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedSecret(pub String);

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedSecret")
    }
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: SealedSecret,
    /// Until when it still signs.
    pub until: Timestamp,
}

/// Whether an attempt has reached a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// It has, and the receiver answered that it is gone for good.
    NeverAgain,
    /// There was no attempt.
    NotTried,
}

impl Webhook {
    /// The same after an attempt: switched off, if nothing has reached it for `limit`.
    #[must_use]
    pub fn after(&self, reached: Reached, now: Timestamp, limit: SignedDuration) -> Self {
        let off = || Self { active: false, disabled_at: Some(now), ..self.clone() };
        match (reached, self.failing_since) {
            _ if !self.active => self.clone(),
            (Reached::Yes, _) => Self { failing_since: None, ..self.clone() },
            (Reached::NeverAgain, _) => off(),
            (Reached::No, None) => Self { failing_since: Some(now), ..self.clone() },
            (Reached::No, Some(since)) if now.duration_since(since) >= limit => off(),
            (Reached::No | Reached::NotTried, _) => self.clone(),
        }
    }

    /// Whether it gets events of this type.
    #[must_use]
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
    #[must_use]
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
