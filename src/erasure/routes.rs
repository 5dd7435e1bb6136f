//! The registration of `erasure`.

use super::{handlers, handlers::PatientExport};
use crate::{
    aggregate::{Aggregate, NO, ORG, OpenApiRouter, routes, rule},
    records::patients,
};

/// The registration of the export. Erasure is a mode of the deletion of a patient.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: patients::routes::AGGREGATE.tag,
    item_types: &[],
    policy: &[
        //                      admin manager clinician front_desk patient service
        rule("export_patient", [ORG,  NO,     NO,       NO,        NO,     NO ]).heavy(),
    ],
    guide: None,
    routes: || OpenApiRouter::new().routes(routes!(handlers::export_patient)),
    schemas: |schemas| { schemas.add::<PatientExport>(); },
};
