//! Every aggregate. A new one is registered here alone.

use std::sync::LazyLock;

use crate::{
    aggregate::Aggregate,
    appointments, audit, audit_events, availability, day, erasure,
    http::auth::policy::PolicyRule,
    operations, overview,
    records::{
        clinics, dead_letters::repo as dead_letters, deliveries, exceptions, patients, resources,
        staff, visit_types, webhooks,
    },
    scheduling,
    store::{ItemType, idempotency},
    worker,
};

/// Every aggregate, in the order of the document's tags.
pub const ALL: &[Aggregate] = &[
    clinics::routes::AGGREGATE,
    overview::routes::AGGREGATE,
    staff::routes::AGGREGATE,
    patients::routes::AGGREGATE,
    erasure::routes::AGGREGATE,
    audit::routes::AGGREGATE,
    resources::routes::AGGREGATE,
    visit_types::routes::AGGREGATE,
    exceptions::routes::AGGREGATE,
    appointments::routes::AGGREGATE,
    availability::routes::AGGREGATE,
    day::routes::AGGREGATE,
    webhooks::routes::AGGREGATE,
    deliveries::routes::AGGREGATE,
    audit_events::routes::AGGREGATE,
    operations::routes::AGGREGATE,
];

/// The types of items that belong to no aggregate's operations.
const INTERNAL_ITEM_TYPES: [&[ItemType]; 4] = [
    scheduling::repo::ITEM_TYPES,
    dead_letters::ITEM_TYPES,
    worker::lease::ITEM_TYPES,
    idempotency::ITEM_TYPES,
];

/// Every type of item that the table holds.
pub fn item_types() -> Vec<ItemType> {
    let of_aggregates = ALL.iter().flat_map(|aggregate| aggregate.item_types);
    of_aggregates.chain(INTERNAL_ITEM_TYPES.into_iter().flatten()).copied().collect()
}

/// The item type of that name, if this release knows it.
pub(crate) fn item_type(name: &str) -> Option<&'static ItemType> {
    static ALL: LazyLock<Vec<ItemType>> = LazyLock::new(item_types);
    ALL.iter().find(|item_type| item_type.name == name)
}

/// The policy's rules for every operation.
pub fn policy() -> impl Iterator<Item = &'static PolicyRule> {
    ALL.iter().flat_map(|aggregate| aggregate.policy)
}
