//! The registration of `overview`.

use super::{handlers, model::ClinicOverview};
use crate::{
    aggregate::{Aggregate, NO, ORG, OWN, OpenApiRouter, routes, rule},
    records::clinics,
};

/// The registration of the overview.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: clinics::routes::AGGREGATE.tag,
    item_types: &[],
    policy: &[
        //                           admin manager clinician front_desk patient service
        rule("get_clinic_overview", [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    ],
    guide: None,
    routes: || OpenApiRouter::new().routes(routes!(handlers::get_clinic_overview)),
    schemas: |schemas| { schemas.add::<ClinicOverview>(); },
};
