//! The types of events. A name never changes its meaning; a breaking change of the data gets a new name, with the next
//! version.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! event_types {
    // As a token tree: the schema's derive does not see through a literal that is captured as one.
    ($($(#[doc = $doc:literal])* $name:ident: $text:tt;)*) => {
        /// What happened.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
        )]
        pub enum EventType {
            $($(#[doc = $doc])* #[serde(rename = $text)] $name,)*
        }

        impl EventType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The case in which it is sent.
            pub(crate) fn summary(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii_start(),)*
                }
            }
        }
    };
}

event_types! {
    /// An appointment was booked, or a hold was confirmed into one.
    AppointmentBooked: "clinic.appointment.booked.v1";
    /// A slot is held until `hold_expires_at` for somebody to confirm.
    AppointmentOffered: "clinic.appointment.offered.v1";
    /// A hold was released, or was over when its time was taken.
    AppointmentHoldExpired: "clinic.appointment.hold_expired.v1";
    /// The patient has confirmed the appointment.
    AppointmentConfirmed: "clinic.appointment.confirmed.v1";
    /// The patient has arrived.
    AppointmentCheckedIn: "clinic.appointment.checked_in.v1";
    /// The patient had not arrived after all.
    AppointmentCheckInUndone: "clinic.appointment.check_in_undone.v1";
    /// The appointment has taken place.
    AppointmentCompleted: "clinic.appointment.completed.v1";
    /// The appointment will not take place.
    AppointmentCancelled: "clinic.appointment.cancelled.v1";
    /// The patient did not come.
    AppointmentNoShow: "clinic.appointment.no_show.v1";
    /// The appointment has another time, staff member or resource.
    AppointmentRescheduled: "clinic.appointment.rescheduled.v1";
    /// Something else of the appointment was changed.
    AppointmentUpdated: "clinic.appointment.updated.v1";
    /// The appointment was deleted.
    AppointmentDeleted: "clinic.appointment.deleted.v1";
    /// A patient was registered.
    PatientCreated: "clinic.patient.created.v1";
    /// A patient's record was changed.
    PatientUpdated: "clinic.patient.updated.v1";
    /// A patient's record was deleted.
    PatientDeleted: "clinic.patient.deleted.v1";
    /// A clinic was made.
    ClinicCreated: "clinic.clinic.created.v1";
    /// A clinic was changed.
    ClinicUpdated: "clinic.clinic.updated.v1";
    /// A clinic was deleted.
    ClinicDeleted: "clinic.clinic.deleted.v1";
    /// A staff member was made.
    StaffCreated: "clinic.staff.created.v1";
    /// A staff member was changed.
    StaffUpdated: "clinic.staff.updated.v1";
    /// A staff member was deleted.
    StaffDeleted: "clinic.staff.deleted.v1";
}

/// An event type as it is stored. A later release may have stored one that this release does not know: it keeps its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it")]
pub enum StoredEventType {
    Known(EventType),
    Unknown(String),
}

impl StoredEventType {
    /// The type, if this release knows it.
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
    fn names_are_what_they_are_written_as_and_differ() {
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
