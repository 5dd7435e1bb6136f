//! Every type of item that the table holds.

use crate::{
    appointments, audit, audit_events, clinics, dead_letters, deliveries, exceptions, patients,
    resources, schedule, staff,
    store::{Kind, idempotency},
    visit_types, webhooks, worker,
};

/// Every type of item that the table holds.
#[must_use]
pub fn all() -> Vec<Kind> {
    let kinds = [
        clinics::repo::KINDS,
        staff::repo::KINDS,
        resources::repo::KINDS,
        visit_types::repo::KINDS,
        exceptions::repo::KINDS,
        patients::repo::KINDS,
        appointments::repo::KINDS,
        schedule::repo::KINDS,
        audit::repo::KINDS,
        audit_events::repo::KINDS,
        webhooks::repo::KINDS,
        deliveries::repo::KINDS,
        dead_letters::repo::KINDS,
        worker::lease::KINDS,
        idempotency::KINDS,
    ];
    kinds.concat()
}
