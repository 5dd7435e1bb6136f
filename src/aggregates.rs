//! The list of all aggregates. Register a new aggregate here.

use std::sync::LazyLock;

use crate::{
    aggregate::Aggregate,
    appointments, audit, audit_events, availability, day, erasure,
    http::auth::policy::PolicyRule,
    operations, overview,
    records::{
        clinics, dead_letters::repo as dead_letters, deferred::repo as deferred, deliveries,
        exceptions, patients, resources, staff, visit_types, webhooks,
    },
    scheduling,
    store::{ItemType, format, idempotency},
    worker,
};

/// All aggregates, in the order of the document's tags: the setup of a clinic, then the work of a day.
pub const ALL: &[Aggregate] = &[
    clinics::routes::AGGREGATE,
    staff::routes::AGGREGATE,
    visit_types::routes::AGGREGATE,
    resources::routes::AGGREGATE,
    exceptions::routes::AGGREGATE,
    patients::routes::AGGREGATE,
    availability::routes::AGGREGATE,
    appointments::routes::AGGREGATE,
    day::routes::AGGREGATE,
    overview::routes::AGGREGATE,
    erasure::routes::AGGREGATE,
    audit::routes::AGGREGATE,
    audit_events::routes::AGGREGATE,
    webhooks::routes::AGGREGATE,
    deliveries::routes::AGGREGATE,
    operations::routes::AGGREGATE,
];

/// The item types without operations.
const INTERNAL_ITEM_TYPES: [&[ItemType]; 7] = [
    scheduling::repo::ITEM_TYPES,
    dead_letters::ITEM_TYPES,
    deferred::ITEM_TYPES,
    worker::lease::ITEM_TYPES,
    worker::members::ITEM_TYPES,
    idempotency::ITEM_TYPES,
    format::ITEM_TYPES,
];

/// Returns every item type in the table.
pub fn item_types() -> Vec<ItemType> {
    let of_aggregates = ALL.iter().flat_map(|aggregate| aggregate.item_types);
    of_aggregates.chain(INTERNAL_ITEM_TYPES.into_iter().flatten()).copied().collect()
}

/// Returns the item type with a name, if this release knows it.
pub(crate) fn item_type(name: &str) -> Option<&'static ItemType> {
    static ALL: LazyLock<Vec<ItemType>> = LazyLock::new(item_types);
    ALL.iter().find(|item_type| item_type.name == name)
}

/// Returns the policy's rules for all operations.
pub fn policy() -> impl Iterator<Item = &'static PolicyRule> {
    ALL.iter().flat_map(|aggregate| aggregate.policy)
}
