//! The registration of `patients`.

use super::{handlers, model::Patient, repo::RecordNumber};
use crate::aggregate::{Aggregate, ItemType, NO, ORG, OpenApiRouter, Page, Shown, routes, rule};

/// The registration of patients.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("patients", "Patients of the organisation, shared by all its clinics."),
    item_types: &[ItemType::audited::<Patient>(), ItemType::of::<RecordNumber>()],
    policy: &[
        //                      admin manager clinician front_desk patient service
        rule("find_patients",  [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
        rule("create_patient", [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
        rule("get_patient",    [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
        rule("update_patient", [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
        rule("delete_patient", [ORG,  NO,     NO,       NO,        NO,     NO ]),
    ],
    guide: Some("authorisation.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::find_patients, handlers::create_patient))
            .routes(routes!(handlers::get_patient, handlers::update_patient, handlers::delete_patient))
    },
    schemas: |schemas| { schemas.add::<Page<Shown<Patient>>>(); schemas.add::<handlers::DeletionMode>(); },
};
