//! The registration of `patients`.

use super::{
    dto::{CreatedPatientOut, MatchPage, PatientOut},
    handlers,
    model::Merge,
    repo,
};
use crate::aggregate::{Aggregate, NO, ORG, OpenApiRouter, routes, rule};

/// The registration of patients.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("patients", "Patients of the organisation, shared by all its clinics."),
    item_types: repo::ITEM_TYPES,
    policy: &[
        //                      admin manager clinician front_desk patient service
        rule("find_patients",  [ORG,  ORG,    ORG,      ORG,       NO,     ORG]).search(),
        rule("create_patient", [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
        rule("get_patient",    [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
        rule("update_patient", [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
        rule("merge_patient",  [ORG,  ORG,    NO,       NO,        NO,     NO ]),
        rule("delete_patient", [ORG,  NO,     NO,       NO,        NO,     NO ]),
    ],
    guide: Some("patients.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::search::find_patients, handlers::create_patient))
            .routes(routes!(handlers::get_patient, handlers::update_patient, handlers::delete_patient))
            .routes(routes!(handlers::merge::merge_patient))
    },
    schemas: |schemas| {
        schemas.add::<PatientOut>(); schemas.add::<CreatedPatientOut>(); schemas.add::<MatchPage>(); schemas.add::<Merge>(); schemas.add::<handlers::DeletionMode>();
    },
};
