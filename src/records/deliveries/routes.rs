//! The registration of `deliveries`.

use super::{handlers, handlers::DeliveryOut, model::Delivery};
use crate::{
    aggregate::{Aggregate, ItemType, NO, ORG, OpenApiRouter, Page, routes, rule},
    records::webhooks,
};

/// The registration of deliveries.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: webhooks::routes::AGGREGATE.tag,
    item_types: &[ItemType::of::<Delivery>()],
    policy: &[
        //                      admin manager clinician front_desk patient service
        rule("list_deliveries", [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("get_delivery",    [ORG,  NO,     NO,       NO,        NO,     NO ]),
        rule("replay_delivery", [ORG,  NO,     NO,       NO,        NO,     NO ]),
    ],
    guide: None,
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_deliveries))
            .routes(routes!(handlers::get_delivery))
            .routes(routes!(handlers::replay_delivery))
    },
    schemas: |schemas| { schemas.add::<Page<DeliveryOut>>(); },
};
