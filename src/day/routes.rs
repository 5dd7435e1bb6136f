//! The registration of `day`.

use super::{handlers, handlers::DayOut};
use crate::{
    aggregate::{Aggregate, NO, ORG, OWN, OpenApiRouter, routes, rule},
    availability,
};

/// The registration of a clinic's day.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: availability::routes::AGGREGATE.tag,
    item_types: &[],
    policy: &[
        //              admin manager clinician front_desk patient service
        rule("get_day", [ORG,  OWN,    OWN,      OWN,       NO,     ORG]).heavy(),
    ],
    guide: None,
    routes: || OpenApiRouter::new().routes(routes!(handlers::get_day)),
    schemas: |schemas| { schemas.add::<DayOut>(); },
};
