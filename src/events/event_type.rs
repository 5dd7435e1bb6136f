//! The event types. The meaning of a name never changes. A breaking change of the data gets a new
//! name with the next version.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! event_types {
    // A token tree, because the schema derive can't handle a captured literal.
    ($($(#[doc = $doc:literal])* $name:ident: $text:tt;)*) => {
        /// The type of an event.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
        )]
        pub enum EventType {
            $($(#[doc = $doc])* #[serde(rename = $text)] $name,)*
        }

        impl EventType {
            /// All event types.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the name of the type.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Returns a description of when the event is sent.
            pub(crate) fn summary(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii_start(),)*
                }
            }
        }
    };
}

event_types! {
    /// An appointment was booked, or a hold was confirmed.
    AppointmentBooked: "clinic.appointment.booked.v1";
    /// A hold was created. It reserves the slot until it expires, is confirmed or is released.
    AppointmentOffered: "clinic.appointment.offered.v1";
    /// A hold was released, or had expired when its slot was taken; the event does not say which.
    AppointmentHoldExpired: "clinic.appointment.hold_expired.v1";
    /// The patient confirmed the appointment.
    AppointmentConfirmed: "clinic.appointment.confirmed.v1";
    /// The patient arrived.
    AppointmentCheckedIn: "clinic.appointment.checked_in.v1";
    /// A check-in was undone.
    AppointmentCheckInUndone: "clinic.appointment.check_in_undone.v1";
    /// The appointment took place.
    AppointmentCompleted: "clinic.appointment.completed.v1";
    /// The appointment was cancelled.
    AppointmentCancelled: "clinic.appointment.cancelled.v1";
    /// The patient did not attend (no-show).
    AppointmentNoShow: "clinic.appointment.no_show.v1";
    /// The appointment has a new time, staff member or resource.
    AppointmentRescheduled: "clinic.appointment.rescheduled.v1";
    /// Other details of the appointment changed.
    AppointmentUpdated: "clinic.appointment.updated.v1";
    /// The appointment was deleted.
    AppointmentDeleted: "clinic.appointment.deleted.v1";
    /// A patient was registered.
    PatientCreated: "clinic.patient.created.v1";
    /// A patient's record was changed.
    PatientUpdated: "clinic.patient.updated.v1";
    /// A patient's record was deleted.
    PatientDeleted: "clinic.patient.deleted.v1";
    /// A clinic was created.
    ClinicCreated: "clinic.clinic.created.v1";
    /// A clinic was changed.
    ClinicUpdated: "clinic.clinic.updated.v1";
    /// A clinic was deleted.
    ClinicDeleted: "clinic.clinic.deleted.v1";
    /// A staff member was created.
    StaffCreated: "clinic.staff.created.v1";
    /// A staff member was changed.
    StaffUpdated: "clinic.staff.updated.v1";
    /// A staff member was deleted.
    StaffDeleted: "clinic.staff.deleted.v1";
    /// A resource was created.
    ResourceCreated: "clinic.resource.created.v1";
    /// A resource was changed.
    ResourceUpdated: "clinic.resource.updated.v1";
    /// A resource was deleted.
    ResourceDeleted: "clinic.resource.deleted.v1";
    /// A visit type was created.
    VisitTypeCreated: "clinic.visit_type.created.v1";
    /// A visit type was changed.
    VisitTypeUpdated: "clinic.visit_type.updated.v1";
    /// A visit type was deleted.
    VisitTypeDeleted: "clinic.visit_type.deleted.v1";
    /// An availability exception was created.
    ExceptionCreated: "clinic.exception.created.v1";
    /// An availability exception was deleted.
    ExceptionDeleted: "clinic.exception.deleted.v1";
}

/// An event type as it is stored. An unknown type, stored by a later release, keeps its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum StoredEventType {
    Known(EventType),
    Unknown(String),
}

impl StoredEventType {
    /// Returns the type, if this release knows it.
    pub(crate) fn known(&self) -> Option<EventType> {
        match self {
            Self::Known(event_type) => Some(*event_type),
            Self::Unknown(_) => None,
        }
    }
}

impl From<EventType> for StoredEventType {
    fn from(event_type: EventType) -> Self {
        Self::Known(event_type)
    }
}

impl std::fmt::Display for StoredEventType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Known(event_type) => event_type.as_str(),
            Self::Unknown(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn names_are_unique_and_serialise_as_documented() {
        let names: BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        for kind in EventType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(
                kind.as_str().starts_with("clinic.")
                    && kind.as_str().rsplit('.').next() == Some("v1")
            );
            assert!(kind.summary().ends_with('.'), "{kind:?}");
        }
        let later = serde_json::json!("clinic.patient.merged.v1");
        let stored: StoredEventType = serde_json::from_value(later.clone()).unwrap();
        assert_eq!((stored.known(), serde_json::to_value(&stored).unwrap()), (None, later));
        let stored: StoredEventType =
            serde_json::from_str("\"clinic.patient.created.v1\"").unwrap();
        assert_eq!(stored.known(), Some(EventType::PatientCreated));
        let documented = serde_json::to_value(EventType::schema()).unwrap();
        let documented = documented["enum"].as_array().unwrap().iter();
        assert_eq!(documented.map(|name| name.as_str().unwrap()).collect::<BTreeSet<_>>(), names);
    }
}
