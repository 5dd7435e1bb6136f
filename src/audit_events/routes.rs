//! The registration of `audit_events`.

use super::{
    handlers,
    model::{AuditEvent, AuditEventOut},
};
use crate::aggregate::{
    Aggregate, ItemType, NO, ORG, OWN, OpenApiRouter, Page, Record as _, routes, rule,
};

/// The registration of the audit log.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("audit", "The audit log: who changed what, and when."),
    item_types: &[ItemType::never_rewritten(AuditEvent::TYPE)],
    policy: &[
        //                                    admin manager clinician front_desk patient service
        rule("list_patient_audit_events",     [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("list_appointment_audit_events", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("list_clinic_audit_events",      [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    ],
    guide: Some("events.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_patient_audit_events))
            .routes(routes!(handlers::list_appointment_audit_events))
            .routes(routes!(handlers::list_clinic_audit_events))
    },
    schemas: |schemas| { schemas.add::<Page<AuditEventOut>>(); },
};
