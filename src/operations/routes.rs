//! The registration of `operations`.

use super::{
    handlers,
    handlers::{Build, Health},
};
use crate::aggregate::{Aggregate, OpenApiRouter, public, routes};

/// The registration of the endpoints for operators.
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("operations", "Health checks and version, for operators."),
    item_types: &[],
    policy: &[public("get_liveness"), public("get_readiness"), public("get_version")],
    guide: None,
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::get_liveness))
            .routes(routes!(handlers::get_readiness))
            .routes(routes!(handlers::get_version))
    },
    schemas: |schemas| {
        schemas.add::<Health>().add::<Build>();
    },
};
