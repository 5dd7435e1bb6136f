//! The registration of `appointments`.

use super::{
    dto::{AppointmentOut, HoldOut},
    handlers,
    model::Appointment,
    repo::{AppointmentLink, AppointmentPointer, Tombstone},
};
use crate::aggregate::{
    Aggregate, ItemType, NO, ORG, OWN, OpenApiRouter, Page, SELF, routes, rule,
};

/// The registration of appointments.
#[rustfmt::skip]
pub const AGGREGATE: Aggregate = Aggregate {
    tag: ("appointments", "Book, hold, move and cancel appointments, and record their outcome."),
    item_types: &[
        ItemType::audited::<Appointment>(), ItemType::of::<AppointmentPointer>(), ItemType::of::<AppointmentLink>(),
        ItemType::of::<Tombstone>(),
    ],
    policy: &[
        //                                admin manager clinician front_desk patient service
        rule("list_patient_appointments", [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
        rule("list_clinic_appointments",  [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("create_appointment",        [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("get_appointment",           [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
        rule("update_appointment",        [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("delete_appointment",        [ORG,  OWN,    NO,       NO,        NO,     NO ]),
        rule("change_appointment_status", [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("cancel_appointment",        [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("reschedule_appointment",    [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("create_hold",               [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("confirm_hold",              [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
        rule("release_hold",              [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    ],
    guide: Some("scheduling.md"),
    routes: || {
        OpenApiRouter::new()
            .routes(routes!(handlers::list::list_patient_appointments))
            .routes(routes!(handlers::list::list_clinic_appointments, handlers::book::create_appointment))
            .routes(routes!(handlers::get::get_appointment, handlers::change::update_appointment, handlers::change::delete_appointment))
            .routes(routes!(handlers::change::change_appointment_status))
            .routes(routes!(handlers::change::cancel_appointment))
            .routes(routes!(handlers::book::reschedule_appointment))
            .routes(routes!(handlers::hold::create_hold))
            .routes(routes!(handlers::hold::confirm_hold))
            .routes(routes!(handlers::hold::release_hold))
    },
    schemas: |schemas| { schemas.add::<Page<AppointmentOut>>(); schemas.add::<HoldOut>(); schemas.add::<handlers::list::Order>(); },
};
