//! Identifiers: `CLN-…`, `STF-…`, `PAT-…`, `APT-…`, each 24 characters of Crockford base32 behind its prefix.
//! The service makes all of them, and never takes one from a client for something new.

mod appointment;
mod date;
mod exception;
mod org;
mod record;

use std::{borrow::Cow, fmt, hash::Hash, marker::PhantomData, str::FromStr, sync::LazyLock};

use data_encoding::{Encoding, Specification};
use jiff::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Type, schema::Schema},
};

pub use self::{
    exception::OwnerTag,
    org::{InvalidOrgId, OrgId},
    record::RecordId,
};

/// The bytes behind the prefix; 15 make exactly 24 base32 characters, with no padding bits to vary.
const ID_BYTES: usize = 15;

static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.encoding().expect("32 distinct ASCII symbols are an encoding")
});

/// A kind of record that has ids.
pub trait IdKind: Clone + Copy + fmt::Debug + Ord + Hash + Send + Sync + 'static {
    /// The prefix, three capital letters.
    const PREFIX: &'static str;
    /// The record with its article, as `a clinic`.
    const NAME: &'static str;
    /// The name of the schema, as `ClinicId`.
    const SCHEMA: &'static str;
    /// An example.
    const EXAMPLE: &'static str;
}

/// The id of a record of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String", bound = "K: IdKind")]
pub struct Id<K>(String, PhantomData<fn() -> K>);

/// Text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not {name} id ({prefix}- and 24 characters)")]
pub struct InvalidId {
    name: &'static str,
    prefix: &'static str,
}

fn decode(text: &str, prefix: &str) -> Option<[u8; ID_BYTES]> {
    let body = text.strip_prefix(prefix)?.strip_prefix('-')?;
    CROCKFORD.decode(body.as_bytes()).ok()?.try_into().ok()
}

impl<K: IdKind> Id<K> {
    fn of(bytes: &[u8; ID_BYTES]) -> Self {
        Self(format!("{}-{}", K::PREFIX, CROCKFORD.encode(bytes)), PhantomData)
    }

    /// The id as it stands in URLs and JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K: RandomId> Id<K> {
    /// A new id that nobody can guess.
    pub fn random() -> Self {
        Self::random_from(&mut rand::rng())
    }

    /// An id from another source: for sample data, which are the same each time.
    pub fn random_from(source: &mut impl Rng) -> Self {
        Self::of(&source.random())
    }
}

impl<K: IdKind> TryFrom<String> for Id<K> {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        match decode(&text, K::PREFIX) {
            Some(_) => Ok(Self(text, PhantomData)),
            None => Err(InvalidId { name: K::NAME, prefix: K::PREFIX }),
        }
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::try_from(text.to_owned())
    }
}

impl<K> From<Id<K>> for String {
    fn from(id: Id<K>) -> Self {
        id.0
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K: IdKind> PartialSchema for Id<K> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(format!("The id of {}, made by the service.", K::NAME)))
            .pattern(Some(format!("^{}-[0-9A-HJKMNP-TV-Z]{{24}}$", K::PREFIX)))
            .examples([K::EXAMPLE])
            .into()
    }
}

impl<K: IdKind> ToSchema for Id<K> {
    fn name() -> Cow<'static, str> {
        K::SCHEMA.into()
    }
}

/// A kind whose ids are random.
pub trait RandomId: IdKind {}

/// Declares kinds of ids: the type of the ids, the kind, how ids are made, prefix, name and example.
macro_rules! id_kinds {
    ($($(#[$meta:meta])* $id:ident of $kind:ident: $($made:ident,)? $prefix:literal, $name:literal, $example:literal;)*) => {$(
        #[doc = concat!("The kind of [`", stringify!($id), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $kind {}

        impl IdKind for $kind {
            const PREFIX: &'static str = $prefix;
            const NAME: &'static str = $name;
            const SCHEMA: &'static str = stringify!($id);
            const EXAMPLE: &'static str = $example;
        }

        $(impl $made for $kind {})?

        $(#[$meta])*
        pub type $id = Id<$kind>;
    )*};
}

id_kinds! {
    /// The id of a clinic.
    ClinicId of Clinic: RandomId, "CLN", "a clinic", "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R";
    /// The id of a staff member.
    StaffId of Staff: RandomId, "STF", "a staff", "STF-2B7M1X9D4K8R0W5T3V6N8Q1C";
    /// The id of a patient.
    PatientId of Patient: RandomId, "PAT", "a patient", "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0";
    /// The id of an appointment; it carries the start and the date under which the appointment was first stored.
    AppointmentId of Appointment: "APT", "an appointment", "APT-A1TQ7M2K9QW4X8B1N6T5V0C3";
    /// The id of a room or a piece of equipment.
    ResourceId of Resource: RandomId, "RES", "a resource", "RES-9C3W6H1T8P5Z0K4M7Q2X1N6B";
    /// The id of a type of visit.
    VisitTypeId of VisitType: RandomId, "VTY", "a visit type", "VTY-5J2R8N0C6T9H3W7K1Z4M8Q2X";
    /// The id of an exception to the weekly hours; it carries whose it is, and the last date of the exception.
    ExceptionId of Exception: "EXC", "an exception", "EXC-A4BQ2M7K9TW6X1B8N5T3V0C9";
    /// The id of a webhook.
    WebhookId of Webhook: RandomId, "WHK", "a webhook", "WHK-3M8Q1X6T9W2C5Z7K0B4N8R1D";
    /// The id of a delivery of an event; it sorts by the event's time.
    DeliveryId of Delivery: "DLV", "a delivery", "DLV-06G8S5M5A0QW4X8B1N6T5V0C";
}

impl DeliveryId {
    /// The one id of an event's delivery to a webhook.
    pub fn of_event(at: Timestamp, event_id: &str) -> Self {
        let mut bytes = [0; ID_BYTES];
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default().to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6..].copy_from_slice(&Sha256::digest(event_id)[..ID_BYTES - 6]);
        Self::of(&bytes)
    }
}

/// A random token in the form of a request's id.
pub fn random_token() -> String {
    token_from(&mut rand::rng())
}

/// A token in that form from another source: for sample data, which are the same each time.
pub fn token_from(source: &mut impl Rng) -> String {
    CROCKFORD.encode(&source.random::<[u8; ID_BYTES]>()).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_appointment_id_carries_its_start_and_its_date(minute in 0_u32..=4_223_370_120, days in 0_i32..=65_535) {
            let start = Timestamp::from_second(i64::from(minute) * 60).unwrap();
            let date = date(1970, 1, 1).saturating_add(days.days());
            let id = AppointmentId::random_at(start, date);
            prop_assert_eq!((id.first_start(), id.first_date()), (start, date));
            prop_assert_eq!(id.as_str().parse::<AppointmentId>(), Ok(id.clone()));
        }
    }
}
