//! The registration of `exceptions`.

use super::{handlers, model::AvailabilityException};
use crate::aggregate::{
    Aggregate, ItemType, NO, ORG, OWN, OpenApiRouter, Page, Shown, routes, rule,
};

/// The registration of exceptions.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("working time", "Exceptions to the weekly hours: closed days, leave, extra days."),
    item_types: &[ItemType::audited::<AvailabilityException>()],
    policy: &[
        //                       admin manager clinician front_desk patient service
        rule("list_exceptions",  [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("create_exception", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("get_exception",    [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("delete_exception", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    ],
    guide: Some("scheduling.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_exceptions, handlers::create_exception))
            .routes(routes!(handlers::get_exception, handlers::delete_exception))
    },
    schemas: |schemas| { schemas.add::<Page<Shown<AvailabilityException>>>(); },
};
