//! The registration of `visit_types`.

use super::{handlers, model::VisitType};
use crate::aggregate::{
    Aggregate, ItemType, NO, ORG, OWN, OpenApiRouter, Page, SELF, Shown, routes, rule,
};

/// The registration of visit types.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("visit types", "Kinds of visits: duration, buffers and allowed staff roles."),
    item_types: &[ItemType::audited::<VisitType>()],
    policy: &[
        //                       admin manager clinician front_desk patient service
        rule("list_visit_types", [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
        rule("create_visit_type", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("get_visit_type",    [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
        rule("update_visit_type", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("delete_visit_type", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    ],
    guide: Some("scheduling.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_visit_types, handlers::create_visit_type))
            .routes(routes!(handlers::get_visit_type, handlers::update_visit_type, handlers::delete_visit_type))
    },
    schemas: |schemas| { schemas.add::<Page<Shown<VisitType>>>(); },
};
