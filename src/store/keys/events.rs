//! The keys of everything derived from changes: audit log entries, webhooks and deliveries,
//! deferred work, dead letters, and stream checkpoints.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{IndexKey, Key, META, audit_partition};
use crate::{
    id::{ClinicId, DeliveryId, OrgId, RecordId, WebhookId},
    store::Item,
    time::sortable,
};

/// The number of index partitions over which due deliveries are spread, by webhook. It must divide
/// 256.
pub const DUE_PARTS: u16 = 64;
/// The number of partitions over which deferred work is spread, by organisation. It must divide
/// 256.
pub const DEFERRED_PARTS: u16 = 16;
pub(super) const DEAD_LETTERS: &str = "DEAD_LETTERS";
pub(super) const WORKERS: &str = "WORKERS";
const WEBHOOKS: &str = "WEBHOOKS#";

/// The beginnings of the partition keys whose items need the secret keys.
pub const OF_SECRET_KEYS: &[&str] = &[WEBHOOKS];

pub(super) fn webhooks_partition(org: &OrgId) -> String {
    format!("{WEBHOOKS}{org}")
}

pub(super) fn deliveries_partition(webhook: &WebhookId) -> String {
    format!("DELIVERIES#{webhook}")
}

pub(super) fn due_partition(part: u16) -> String {
    format!("DUE#{part}")
}

pub(super) fn deferred_partition(part: u16) -> String {
    format!("DEFERRED#{part}")
}

/// Returns the partition of an id by its hash.
fn part_of(id: &str, parts: u16) -> u16 {
    u16::from(Sha256::digest(id)[0]) % parts
}

/// Returns the partition of an organisation's deferred work.
pub(super) fn deferred_part(org: &OrgId) -> u16 {
    part_of(org.as_str(), DEFERRED_PARTS)
}

/// `AUDIT#{record}` / `CHANGE#{time}#{event}`.
pub fn change(record: &RecordId, at: Timestamp, event_id: &str) -> Key {
    Key::new(audit_partition(record), format!("CHANGE#{}#{event_id}", sortable(at)))
}

/// A change in the list of a clinic's changes: `AUDIT#{clinic}` / `CHANGE#{time}#{event}` in the
/// index.
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

/// A delivery in the list of due deliveries: `DUE#{part}` / `{time}#{webhook}#{delivery}` in the
/// index.
pub fn due_delivery(at: Timestamp, webhook: &WebhookId, delivery: &DeliveryId) -> IndexKey {
    let part = part_of(webhook.as_str(), DUE_PARTS);
    IndexKey { pk: due_partition(part), sk: format!("{}#{webhook}#{delivery}", sortable(at)) }
}

/// `DEAD_LETTERS` / `{time}#{event}`.
pub fn dead_letter(at: Timestamp, event_id: &str) -> Key {
    Key::new(DEAD_LETTERS.to_owned(), format!("{}#{event_id}", sortable(at)))
}

/// `DEFERRED#{part}` / `{org}#{time}#{id}`, with the id of an event or a request.
pub fn deferred(org: &OrgId, at: Timestamp, id: &str) -> Key {
    let pk = deferred_partition(deferred_part(org));
    Key::new(pk, format!("{org}#{}#{id}", sortable(at)))
}

/// Returns the time in the key of deferred work.
pub fn time_of_deferred(item: &Item) -> Option<Timestamp> {
    Key::of(item)?.sk.split('#').nth(1)?.parse().ok()
}

/// Returns the organisation in the key of deferred work.
pub fn org_of_deferred(item: &Item) -> Option<OrgId> {
    Key::of(item)?.sk.split('#').next()?.parse().ok()
}

/// `WORKERS` / `{worker}`.
pub fn worker(worker: &str) -> Key {
    Key::new(WORKERS.to_owned(), worker)
}

/// `LEASE#{name}` / `META`.
pub fn lease(name: &str) -> Key {
    Key::new(format!("LEASE#{name}"), META)
}

/// `LEASE#{name}` / `SHARD#{shard}`.
pub fn checkpoint(name: &str, shard: &str) -> Key {
    Key::new(format!("LEASE#{name}"), format!("SHARD#{shard}"))
}
