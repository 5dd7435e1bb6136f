//! Ids of availability exceptions. An id contains what its key needs: the owner and the last date.

use std::fmt;

use data_encoding::HEXLOWER;
use jiff::civil::Date;
use rand::Rng as _;

use super::{
    Exception, ID_BYTES, Id, IdKind as _, RandomId,
    date::{DATE_BYTES, date_of, day_bytes},
    decode,
};

const TAG_BYTES: usize = 4;

/// The owner of an exception in its id and its key: the first bytes of the id of a clinic, a staff
/// member or a resource. Two owners may have the same tag, so readers must compare the owners as
/// well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerTag([u8; TAG_BYTES]);

impl OwnerTag {
    fn from_start_of(bytes: &[u8]) -> Self {
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&bytes[..TAG_BYTES]);
        Self(tag)
    }
}

impl<K: RandomId> From<&Id<K>> for OwnerTag {
    fn from(id: &Id<K>) -> Self {
        Self::from_start_of(&decode(&id.0, K::PREFIX).unwrap_or_default())
    }
}

impl fmt::Display for OwnerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl Id<Exception> {
    /// Returns a new random id of an exception that ends on `last_date`.
    pub fn random_of(owner: OwnerTag, last_date: Date) -> Self {
        let mut bytes: [u8; ID_BYTES] = rand::rng().random();
        bytes[..DATE_BYTES].copy_from_slice(&day_bytes(last_date));
        bytes[DATE_BYTES..][..TAG_BYTES].copy_from_slice(&owner.0);
        Self::of(&bytes)
    }

    /// Returns the last date of the exception.
    pub fn last_date(&self) -> Date {
        let [a, b, ..] = self.bytes();
        date_of([a, b])
    }

    /// Returns the tag of the owner.
    pub fn owner(&self) -> OwnerTag {
        OwnerTag::from_start_of(&self.bytes()[DATE_BYTES..])
    }

    fn bytes(&self) -> [u8; ID_BYTES] {
        decode(&self.0, Exception::PREFIX).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};
    use proptest::prelude::*;

    use super::*;
    use crate::id::{ClinicId, ExceptionId, StaffId};

    proptest! {
        #[test]
        fn an_exceptions_id_carries_whose_it_is_and_its_last_date(days in 0_i32..=65_535) {
            let (staff, clinic) = (StaffId::random(), ClinicId::random());
            let last_date = date(1970, 1, 1).saturating_add(days.days());
            let id = ExceptionId::random_of((&staff).into(), last_date);
            prop_assert_eq!(id.last_date(), last_date);
            prop_assert_eq!(id.owner(), OwnerTag::from(&staff));
            prop_assert_ne!(id.owner(), OwnerTag::from(&clinic));
            prop_assert_eq!(id.as_str().parse::<ExceptionId>(), Ok(id.clone()));
        }
    }
}
