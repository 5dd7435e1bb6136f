//! The registration of `clinics`.

use super::{handlers, model::Clinic};
use crate::aggregate::{
    Aggregate, ItemType, NO, ORG, OWN, OpenApiRouter, Page, Shown, routes, rule,
};

/// The registration of clinics.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("clinics", "Clinics with their address, time zone and opening hours."),
    item_types: &[ItemType::audited::<Clinic>()],
    policy: &[
        //                     admin manager clinician front_desk patient service
        rule("list_clinics",  [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("create_clinic", [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("get_clinic",    [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("update_clinic", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("delete_clinic", [ORG,  NO,     NO,       NO,        NO,     NO ]),
    ],
    guide: Some("scheduling.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_clinics, handlers::create_clinic))
            .routes(routes!(handlers::get_clinic, handlers::update_clinic, handlers::delete_clinic))
    },
    schemas: |schemas| { schemas.add::<Page<Shown<Clinic>>>(); },
};
