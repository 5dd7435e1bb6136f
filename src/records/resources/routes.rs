//! The registration of `resources`.

use super::{handlers, model::Resource};
use crate::aggregate::{
    Aggregate, ItemType, NO, ORG, OWN, OpenApiRouter, Page, Shown, routes, rule,
};

/// The registration of resources.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("resources", "Rooms and equipment that appointments can use."),
    item_types: &[ItemType::audited::<Resource>()],
    policy: &[
        //                     admin manager clinician front_desk patient service
        rule("list_resources", [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("create_resource", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("get_resource",    [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("update_resource", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("delete_resource", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    ],
    guide: Some("scheduling.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_resources, handlers::create_resource))
            .routes(routes!(handlers::get_resource, handlers::update_resource, handlers::delete_resource))
    },
    schemas: |schemas| { schemas.add::<Page<Shown<Resource>>>(); },
};
