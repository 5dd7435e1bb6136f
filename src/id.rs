//! Identifiers: `CLN-…`, `STF-…`, `PAT-…`, `APT-…`, each 24 characters of Crockford base32 past its prefix.
//!
//! Ids are made here alone, from the system's random source (those of made-up data from a seed), and never taken from a
//! client. An appointment's carries the clinic-local date under which it was first stored, so that its key follows from
//! its id.

use std::{borrow::Cow, fmt, str::FromStr, sync::LazyLock};

use data_encoding::{Encoding, Specification};
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, date},
};
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Type, schema::Schema},
};

/// Bytes behind the prefix; 15 make exactly 24 base32 characters, with no padding bits to vary.
const ID_BYTES: usize = 15;
/// Bytes of an id that hold a date, as days since 1970-01-01.
const DATE_BYTES: usize = 2;

static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.encoding().expect("32 distinct ASCII symbols are an encoding")
});

/// Text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not {article} {kind} id ({prefix}- and 24 characters)")]
pub struct InvalidId {
    article: &'static str,
    kind: &'static str,
    prefix: &'static str,
}

fn decode(text: &str, prefix: &str) -> Option<[u8; ID_BYTES]> {
    let body = text.strip_prefix(prefix)?.strip_prefix('-')?;
    let bytes = CROCKFORD.decode(body.as_bytes()).ok()?;
    bytes.try_into().ok()
}

fn encode(prefix: &str, bytes: &[u8; ID_BYTES]) -> String {
    format!("{prefix}-{}", CROCKFORD.encode(bytes))
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident, $prefix:literal, $article:literal, $kind:literal, $example:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as it stands in URLs and JSON.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                match decode(&text, $prefix) {
                    Some(_) => Ok(Self(text)),
                    None => Err(InvalidId { article: $article, kind: $kind, prefix: $prefix }),
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!("The id of ", $article, " ", $kind, ", made by the service.")))
                    .pattern(Some(concat!("^", $prefix, "-[0-9A-HJKMNP-TV-Z]{24}$")))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

id_type!(
    /// The id of a clinic.
    ClinicId, "CLN", "a", "clinic", "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R"
);
id_type!(
    /// The id of a staff member.
    StaffId, "STF", "a", "staff", "STF-2B7M1X9D4K8R0W5T3V6N8Q1C"
);
id_type!(
    /// The id of a patient.
    PatientId, "PAT", "a", "patient", "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0"
);
id_type!(
    /// The id of an appointment; it carries the date under which the appointment was first stored.
    AppointmentId, "APT", "an", "appointment", "APT-A1TQ7M2K9QW4X8B1N6T5V0C3"
);

id_type!(
    /// The id of a room or a piece of equipment.
    ResourceId, "RES", "a", "resource", "RES-9C3W6H1T8P5Z0K4M7Q2X1N6B"
);

id_type!(
    /// The id of a type of visit.
    VisitTypeId, "VTY", "a", "visit type", "VTY-5J2R8N0C6T9H3W7K1Z4M8Q2X"
);
id_type!(
    /// The id of an exception to the weekly hours; it carries the last date that the exception is for.
    ExceptionId, "EXC", "an", "exception", "EXC-A4BQ2M7K9TW6X1B8N5T3V0C9"
);

id_type!(
    /// The id of a webhook.
    WebhookId, "WHK", "a", "webhook", "WHK-3M8Q1X6T9W2C5Z7K0B4N8R1D"
);
id_type!(
    /// The id of a delivery of an event; it sorts by the event's time.
    DeliveryId, "DLV", "a", "delivery", "DLV-06G8S5M5A0QW4X8B1N6T5V0C"
);

impl DeliveryId {
    /// The one id of an event's delivery to a webhook.
    #[must_use]
    pub fn of_event(at: Timestamp, event_id: &str) -> Self {
        let mut bytes = [0; ID_BYTES];
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default().to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6..].copy_from_slice(&Sha256::digest(event_id)[..ID_BYTES - 6]);
        Self(encode("DLV", &bytes))
    }
}

/// A token that nobody else has, in the form of a request's id.
#[must_use]
pub fn random_token() -> String {
    token_from(&mut rand::rng())
}

/// A token in that form out of another source: for made-up data, which are to be the same each time.
#[must_use]
pub fn token_from(source: &mut impl Rng) -> String {
    CROCKFORD.encode(&source.random::<[u8; ID_BYTES]>()).to_ascii_lowercase()
}

/// The id of a record of which a trail of changes is kept, whichever kind it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(String);

/// Text that is no record's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a record's id")]
pub struct InvalidRecordId;

impl TryFrom<String> for RecordId {
    type Error = InvalidRecordId;

    fn try_from(text: String) -> Result<Self, InvalidRecordId> {
        let kinds = ["APT", "CLN", "EXC", "PAT", "RES", "STF", "VTY"];
        let known = kinds.iter().any(|prefix| decode(&text, prefix).is_some());
        known.then_some(Self(text)).ok_or(InvalidRecordId)
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> Self {
        id.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! is_a_record {
    ($($name:ident)*) => {$(
        impl From<&$name> for RecordId {
            fn from(id: &$name) -> Self {
                Self(id.0.clone())
            }
        }
    )*};
}
is_a_record!(AppointmentId ClinicId PatientId);

macro_rules! random_id {
    ($($name:ident: $prefix:literal),*) => {$(
        impl $name {
            /// A new id that nobody can guess.
            #[must_use]
            pub fn random() -> Self {
                Self::random_from(&mut rand::rng())
            }

            /// An id out of another source: for made-up data, which are to be the same each time.
            #[must_use]
            pub fn random_from(source: &mut impl Rng) -> Self {
                Self(encode($prefix, &source.random()))
            }
        }
    )*};
}
random_id!(
    ClinicId: "CLN", StaffId: "STF", PatientId: "PAT", ResourceId: "RES", VisitTypeId: "VTY",
    WebhookId: "WHK"
);

macro_rules! dated_id {
    ($($name:ident: $prefix:literal, $date:ident, $what:literal;)*) => {$(
        impl $name {
            #[doc = concat!("A new id that carries ", $what, ".")]
            ///
            /// Dates before 1970 or after 2149 do not fit and are held at that bound; they are refused long before.
            #[must_use]
            pub fn random_on(date: Date) -> Self {
                Self::random_on_from(date, &mut rand::rng())
            }

            /// The same out of another source: for made-up data, which are to be the same each time.
            #[must_use]
            pub fn random_on_from(date: Date, source: &mut impl Rng) -> Self {
                Self(encode_on($prefix, date, source.random()))
            }

            #[doc = concat!("The date in it: ", $what, ".")]
            #[must_use]
            pub fn $date(&self) -> Date {
                date_in(&self.0, $prefix)
            }
        }
    )*};
}
dated_id! {
    AppointmentId: "APT", first_date, "the date under which the appointment was first stored";
    ExceptionId: "EXC", last_date, "the last date that the exception is for";
}

fn encode_on(prefix: &str, date: Date, mut bytes: [u8; ID_BYTES]) -> String {
    let days = (date - EPOCH).get_days().clamp(0, i32::from(u16::MAX));
    let days = u16::try_from(days).unwrap_or(u16::MAX);
    bytes[..DATE_BYTES].copy_from_slice(&days.to_be_bytes());
    encode(prefix, &bytes)
}

fn date_in(text: &str, prefix: &str) -> Date {
    let bytes = decode(text, prefix).unwrap_or_default();
    let days = u16::from_be_bytes([bytes[0], bytes[1]]);
    EPOCH.saturating_add(i32::from(days).days())
}

const EPOCH: Date = date(1970, 1, 1);

/// An organisation: the health group whose clinics, staff and patients these are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrgId(String);

impl OrgId {
    /// The organisation's id as it stands in keys.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OrgId {
    type Error = InvalidOrgId;

    fn try_from(text: String) -> Result<Self, InvalidOrgId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if fits { Ok(Self(text)) } else { Err(InvalidOrgId) }
    }
}

impl FromStr for OrgId {
    type Err = InvalidOrgId;

    fn from_str(text: &str) -> Result<Self, InvalidOrgId> {
        Self::try_from(text.to_owned())
    }
}

impl From<OrgId> for String {
    fn from(org: OrgId) -> Self {
        org.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that can't name an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an organisation is 1 to 64 letters, digits, dots, dashes and underscores")]
pub struct InvalidOrgId;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_appointment_id_carries_its_date(days in 0_i32..=65_535) {
            let date = EPOCH.saturating_add(days.days());
            let id = AppointmentId::random_on(date);
            prop_assert_eq!(id.first_date(), date);
            prop_assert_eq!(id.as_str().parse::<AppointmentId>(), Ok(id.clone()));
        }

        #[test]
        fn no_text_but_a_canonical_id_parses(text in "\\PC{0,40}") {
            prop_assert!(text.parse::<ClinicId>().is_err());
        }

        #[test]
        fn one_changed_character_never_reads_as_the_same_id(at in 4_usize..28, to in "[0-9A-Z]") {
            let id = PatientId::random();
            let mut text = id.as_str().to_owned();
            text.replace_range(at..=at, &to);
            if let Ok(other) = text.parse::<PatientId>() {
                prop_assert_eq!(other == id, text == id.as_str());
            }
        }
    }

    #[test]
    fn ids_of_another_kind_lower_case_and_other_lengths_are_refused() {
        let clinic = ClinicId::random();
        assert!(clinic.as_str().parse::<StaffId>().is_err());
        assert!(clinic.as_str().to_lowercase().parse::<ClinicId>().is_err());
        assert!(clinic.as_str()[..27].parse::<ClinicId>().is_err());
        assert!(format!("{clinic}0").parse::<ClinicId>().is_err());
    }

    #[test]
    fn random_ids_differ() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| ClinicId::random()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn an_organisation_has_no_key_separator() {
        assert!("ORG-DEMO".parse::<OrgId>().is_ok());
        for bad in ["", "A#B", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<OrgId>().is_err(), "{bad}");
        }
    }
}
