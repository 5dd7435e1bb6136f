//! Every type of item that the table holds.

use crate::{
    appointments, audit, clinics, exceptions, patients, resources, schedule, staff,
    store::{Kind, idempotency},
    visit_types,
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
        idempotency::KINDS,
    ];
    kinds.concat()
}
