//! The registration of `audit`.

use super::{
    handlers,
    model::{Access, AccessRequest},
};
use crate::{
    aggregate::{Aggregate, ItemType, NO, ORG, OpenApiRouter, Page, Record as _, routes, rule},
    records::patients,
};

/// The registration of the access log.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: patients::routes::AGGREGATE.tag,
    item_types: &[
        ItemType::never_rewritten(Access::TYPE),
        ItemType::never_rewritten(AccessRequest::TYPE),
    ],
    policy: &[
        //                            admin manager clinician front_desk patient service
        rule("list_patient_accesses", [ORG,  NO,     NO,       NO,        NO,     NO ]),
    ],
    guide: None,
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_patient_accesses))
    },
    schemas: |schemas| { schemas.add::<Page<Access>>(); },
};
