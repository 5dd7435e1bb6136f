//! Every type of item that the table holds.

use crate::{
    appointments, audit, clinics, patients, schedule, staff,
    store::{Kind, idempotency},
};

/// Every type of item that the table holds.
#[must_use]
pub fn all() -> Vec<Kind> {
    let kinds = [
        clinics::repo::KINDS,
        staff::repo::KINDS,
        patients::repo::KINDS,
        appointments::repo::KINDS,
        schedule::repo::KINDS,
        audit::repo::KINDS,
        idempotency::KINDS,
    ];
    kinds.concat()
}
