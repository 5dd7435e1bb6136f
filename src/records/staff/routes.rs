//! The registration of `staff`.

use super::{handlers, model::StaffMember};
use crate::aggregate::{
    Aggregate, ItemType, NO, ORG, OWN, OpenApiRouter, Page, Shown, routes, rule,
};

/// The registration of staff.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("staff", "Staff members of a clinic, who can be booked there."),
    item_types: &[ItemType::audited::<StaffMember>()],
    policy: &[
        //                         admin manager clinician front_desk patient service
        rule("list_staff",         [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("create_staff_member", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("get_staff_member",    [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("update_staff_member", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("delete_staff_member", [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    ],
    guide: Some("scheduling.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list_staff, handlers::create_staff_member))
            .routes(routes!(handlers::get_staff_member, handlers::update_staff_member, handlers::delete_staff_member))
    },
    schemas: |schemas| { schemas.add::<Page<Shown<StaffMember>>>(); },
};
