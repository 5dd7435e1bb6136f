//! Where a new record leads to: the links of a 201 (OpenAPI 3.1, Link Object), for programs that explore the API.

use utoipa::openapi::{RefOr, link::Link, path::Operation};

/// The operations on what an operation makes, and where their path parameters stand in its answer.
struct Links {
    from: &'static str,
    to: &'static [&'static str],
    parameters: &'static [(&'static str, &'static str)],
}

const ID: &str = "$response.body#/id";
const CLINIC_ID: &str = "$response.body#/clinic_id";

const LINKS: &[Links] = &[
    Links {
        from: "create_clinic",
        to: &[
            "get_clinic",
            "update_clinic",
            "delete_clinic",
            "get_clinic_overview",
            "list_staff",
            "create_staff_member",
            "list_clinic_appointments",
            "create_appointment",
            "create_hold",
            "list_availability",
            "list_resources",
            "create_resource",
            "list_visit_types",
            "create_visit_type",
            "list_exceptions",
            "create_exception",
            "list_clinic_audit_events",
        ],
        parameters: &[("clinic_id", ID)],
    },
    Links {
        from: "create_staff_member",
        to: &["get_staff_member", "update_staff_member", "delete_staff_member"],
        parameters: &[("clinic_id", CLINIC_ID), ("staff_id", ID)],
    },
    Links {
        from: "create_resource",
        to: &["get_resource", "update_resource", "delete_resource"],
        parameters: &[("clinic_id", CLINIC_ID), ("resource_id", ID)],
    },
    Links {
        from: "create_visit_type",
        to: &["get_visit_type", "update_visit_type", "delete_visit_type"],
        parameters: &[("clinic_id", CLINIC_ID), ("visit_type_id", ID)],
    },
    Links {
        from: "create_exception",
        to: &["get_exception", "delete_exception"],
        parameters: &[("clinic_id", CLINIC_ID), ("exception_id", ID)],
    },
    Links {
        from: "create_hold",
        to: &["get_appointment", "confirm_hold", "release_hold"],
        parameters: &[("clinic_id", CLINIC_ID), ("appointment_id", ID)],
    },
    Links {
        from: "create_patient",
        to: &[
            "get_patient",
            "update_patient",
            "delete_patient",
            "export_patient",
            "list_patient_accesses",
            "list_patient_appointments",
            "list_patient_audit_events",
        ],
        parameters: &[("patient_id", ID)],
    },
    Links {
        from: "create_webhook",
        to: &[
            "get_webhook",
            "update_webhook",
            "delete_webhook",
            "rotate_webhook_secret",
            "list_deliveries",
        ],
        parameters: &[("webhook_id", ID)],
    },
    Links {
        from: "create_appointment",
        to: &[
            "get_appointment",
            "update_appointment",
            "change_appointment_status",
            "reschedule_appointment",
            "cancel_appointment",
            "delete_appointment",
            "list_appointment_audit_events",
        ],
        parameters: &[("clinic_id", CLINIC_ID), ("appointment_id", ID)],
    },
];

/// Adds the links of an operation that makes something.
pub fn add(operation: &mut Operation) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let Some(links) = LINKS.iter().find(|links| links.from == id) else { return };
    let Some(RefOr::T(created)) = operation.responses.responses.get_mut("201") else { return };
    for to in links.to {
        let link = Link::builder().operation_id(*to);
        let link =
            links.parameters.iter().fold(link, |link, (name, place)| link.parameter(*name, *place));
        created.links.insert((*to).to_owned(), RefOr::T(link.build()));
    }
}
