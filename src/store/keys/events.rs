//! The keys of what follows from changes: who made them, who is told of them, and how far the stream is read.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{IndexKey, Key, META, audit_partition};
use crate::{
    id::{ClinicId, DeliveryId, OrgId, RecordId, WebhookId},
    time::sortable,
};

/// Into how many parts of the index the deliveries that wait are spread.
pub const DUE_PARTS: u16 = 4;
pub(super) const DEAD_LETTERS: &str = "DEAD_LETTERS";

pub(super) fn webhooks_partition(org: &OrgId) -> String {
    format!("WEBHOOKS#{org}")
}

pub(super) fn deliveries_partition(webhook: &WebhookId) -> String {
    format!("DELIVERIES#{webhook}")
}

pub(super) fn due_partition(part: u16) -> String {
    format!("DUE#{part}")
}

/// `AUDIT#{record}` / `CHANGE#{time}#{event}`.
pub fn change(record: &RecordId, at: Timestamp, event_id: &str) -> Key {
    Key::new(audit_partition(record), format!("CHANGE#{}#{event_id}", sortable(at)))
}

/// A change among all changes at a clinic: `AUDIT#{clinic}` / `CHANGE#{time}#{event}` in the index.
pub fn change_at_clinic(clinic: &ClinicId, at: Timestamp, event_id: &str) -> IndexKey {
    let Key { pk, sk } = change(&clinic.into(), at, event_id);
    IndexKey { pk, sk }
}

/// `WEBHOOKS#{org}` / `{webhook}`.
pub fn webhook(org: &OrgId, webhook: &WebhookId) -> Key {
    Key::new(webhooks_partition(org), webhook.as_str())
}

/// `DELIVERIES#{webhook}` / `{delivery}`.
pub fn delivery(webhook: &WebhookId, delivery: &DeliveryId) -> Key {
    Key::new(deliveries_partition(webhook), delivery.as_str())
}

/// A delivery that waits among all that do: `DUE#{part}` / `{time}#{webhook}#{delivery}` in the index.
pub fn due_delivery(at: Timestamp, webhook: &WebhookId, delivery: &DeliveryId) -> IndexKey {
    let hash = Sha256::digest(delivery.as_str());
    let part = u16::from(hash[0]) % DUE_PARTS;
    IndexKey { pk: due_partition(part), sk: format!("{}#{webhook}#{delivery}", sortable(at)) }
}

/// `DEAD_LETTERS` / `{time}#{event}`.
pub fn dead_letter(at: Timestamp, event_id: &str) -> Key {
    Key::new(DEAD_LETTERS.to_owned(), format!("{}#{event_id}", sortable(at)))
}

/// `LEASE#{name}` / `META`.
pub fn lease(name: &str) -> Key {
    Key::new(format!("LEASE#{name}"), META)
}

/// `LEASE#{name}` / `SHARD#{shard}`.
pub fn checkpoint(name: &str, shard: &str) -> Key {
    Key::new(format!("LEASE#{name}"), format!("SHARD#{shard}"))
}
