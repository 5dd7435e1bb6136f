//! Deliveries and the schedule of their attempts.

use jiff::{SignedDuration, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    events::StoredEventType,
    id::{DeliveryId, OrgId, WebhookId},
};

/// How long a delivery is kept and can be replayed, counted from its event or the last replay.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The maximum number of attempts that are kept of a delivery. The latest are kept.
const MOST_ATTEMPTS: usize = 50;

/// The pauses before each attempt after the first, in seconds: over a day in total. Each is
/// multiplied by a random factor from 0.75 to 1.25.
const PAUSES: [i64; 10] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 36_000];

/// The delivery of an event to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The id, derived from the event's id.
    pub id: DeliveryId,
    /// The organisation.
    pub org: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: String,
    /// The event's type.
    pub event_type: StoredEventType,
    /// The event as it is sent.
    pub payload: String,
    /// The status.
    pub status: Status,
    /// When the next attempt is due, if the delivery is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// The number of attempts since it was created or replayed.
    pub tries: usize,
    /// The latest attempts, earliest first.
    pub attempts: Vec<Attempt>,
    /// When it expires, in epoch seconds.
    pub expires_at: i64,
}

/// The status of a delivery. `pending` waits for an attempt, `failed` has no more attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for its first or next attempt.
    Pending,
    /// The receiver has accepted it.
    Delivered,
    /// There are no more attempts.
    Failed,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// One attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub struct Attempt {
    /// When it was made.
    pub at: Timestamp,
    /// The duration in milliseconds.
    pub duration_ms: u64,
    /// The outcome.
    pub outcome: Outcome,
    /// The HTTP status of the response, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub response_status: Option<u16>,
}

/// The outcome of an attempt. `gone`: 410. `refused`: neither 2xx nor 410; redirects are not
/// followed. `forbidden`: the address is not public. `unsigned`: the key for the secret is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryOutcome)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver answered with 2xx.
    Delivered,
    /// The receiver answered with another status. Redirects are not followed.
    Refused,
    /// The receiver answered 410, which means that it is gone for good.
    Gone,
    /// The receiver did not answer in time.
    TimedOut,
    /// The receiver can't be reached.
    Unreachable,
    /// The receiver's address is not allowed.
    Forbidden,
    /// The webhook is disabled or deleted.
    SwitchedOff,
    /// It could not be signed, because the key for the webhook's secret is missing.
    Unsigned,
}

impl Outcome {
    /// Returns the name for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden",
            Self::SwitchedOff => "switched_off",
            Self::Unsigned => "unsigned",
        }
    }

    /// Returns whether another attempt may succeed.
    pub fn may_pass(self) -> bool {
        !matches!(self, Self::Delivered | Self::Gone | Self::SwitchedOff)
    }
}

fn kept_until(at: Timestamp) -> i64 {
    at.saturating_add(KEPT).unwrap_or(at).as_second()
}

impl Delivery {
    /// Returns a delivery of an event that happened at `at`, due at once.
    pub fn new(
        org: OrgId,
        webhook_id: WebhookId,
        event_id: String,
        event_type: impl Into<StoredEventType>,
        at: Timestamp,
        payload: String,
    ) -> Self {
        Self {
            id: DeliveryId::of_event(at, &event_id),
            org,
            webhook_id,
            event_id,
            event_type: event_type.into(),
            payload,
            status: Status::Pending,
            next_attempt_at: Some(at),
            tries: 0,
            attempts: Vec::new(),
            expires_at: kept_until(at),
        }
    }

    /// Returns the delivery, due at once, with a new series of attempts.
    #[must_use]
    pub fn replayed(&self, now: Timestamp) -> Self {
        Self {
            status: Status::Pending,
            next_attempt_at: Some(now),
            tries: 0,
            expires_at: self.expires_at.max(kept_until(now)),
            ..self.clone()
        }
    }

    /// Returns the delivery with one more attempt in its list.
    #[must_use]
    pub fn with_attempt(&self, attempt: Attempt) -> Self {
        let mut attempts = self.attempts.clone();
        attempts.push(attempt);
        attempts.drain(..attempts.len().saturating_sub(MOST_ATTEMPTS));
        Self { attempts, ..self.clone() }
    }

    /// Returns the delivery, claimed for an attempt: it is not due for others before `until`.
    #[must_use]
    pub fn claimed(&self, until: Timestamp) -> Self {
        Self { next_attempt_at: Some(until), tries: self.tries + 1, ..self.clone() }
    }

    /// Returns the delivery after an attempt: delivered, failed, or waiting for the next attempt.
    /// `jitter`, from 0 to 1, varies the length of the pause.
    #[must_use]
    pub fn after(&self, attempt: Attempt, now: Timestamp, jitter: f64) -> Self {
        let outcome = attempt.outcome;
        let pause = PAUSES.get(self.tries.saturating_sub(1)).filter(|_| outcome.may_pass());
        let (status, next_attempt_at) = match pause {
            _ if outcome == Outcome::Delivered => (Status::Delivered, None),
            None => (Status::Failed, None),
            Some(seconds) => {
                let pause = SignedDuration::from_secs(*seconds).mul_f64(0.75 + jitter / 2.0);
                let next = now.saturating_add(pause).unwrap_or(now);
                (Status::Pending, Some(next.round(Unit::Millisecond).unwrap_or(next)))
            }
        };
        Self { status, next_attempt_at, ..self.with_attempt(attempt) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventType;

    fn delivery(now: Timestamp) -> Delivery {
        let (org, webhook) = ("ORG-A".parse().unwrap(), WebhookId::random());
        let (id, payload) = ("1".to_owned(), "{}".to_owned());
        Delivery::new(org, webhook, id, EventType::AppointmentBooked, now, payload)
    }

    fn attempt(at: Timestamp, outcome: Outcome) -> Attempt {
        Attempt { at, duration_ms: 1, outcome, response_status: None }
    }

    #[test]
    fn what_fails_is_tried_for_a_day_and_then_given_up() {
        let begin: Timestamp = "2035-01-15T08:00:00Z".parse().unwrap();
        for jitter in [0.0, 0.5, 0.999] {
            let mut delivery = delivery(begin);
            let mut tries = 0;
            while let Some(at) = delivery.next_attempt_at {
                tries += 1;
                let claimed = delivery.claimed(at + SignedDuration::from_mins(1));
                delivery = claimed.after(attempt(at, Outcome::TimedOut), at, jitter);
            }
            assert_eq!((tries, delivery.status), (11, Status::Failed));
            let lasted = delivery.attempts.last().unwrap().at.duration_since(begin);
            assert!((19..=33).contains(&lasted.as_hours()), "{lasted:?}");
        }
    }

    #[test]
    fn what_arrives_is_done_and_what_is_gone_is_given_up_at_once() {
        let now: Timestamp = "2035-01-15T08:00:00Z".parse().unwrap();
        let after = |outcome| delivery(now).claimed(now).after(attempt(now, outcome), now, 0.5);
        assert_eq!(after(Outcome::Delivered).status, Status::Delivered);
        for outcome in [Outcome::Gone, Outcome::SwitchedOff] {
            assert_eq!(after(outcome).status, Status::Failed);
        }
        let replayed = after(Outcome::Gone).replayed(now);
        assert_eq!((replayed.status, replayed.next_attempt_at), (Status::Pending, Some(now)));
        assert_eq!(replayed.attempts.len(), 1, "earlier attempts stay listed");
    }
}
