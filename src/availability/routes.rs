//! The registration of `availability`.

use super::{handlers, handlers::AvailabilityOut};
use crate::aggregate::{Aggregate, ORG, OWN, OpenApiRouter, SELF, routes, rule};

/// The registration of availability.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("availability", "Free slots, and the schedule of a day."),
    item_types: &[],
    policy: &[
        //                        admin manager clinician front_desk patient service
        rule("list_availability", [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]).heavy(),
    ],
    guide: Some("scheduling.md"),
    routes: || OpenApiRouter::new().routes(routes!(handlers::list_availability)),
    schemas: |schemas| { schemas.add::<AvailabilityOut>(); },
};
