//! Keys of the search for patients: tags that stand for search terms in keys of the table, and the
//! encryption of what a search shows.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use sha2::Sha256;

use super::{InvalidSecretKeys, KEY_BYTES, SealingKeys, parse_keys, shared::SharedKeys};
use crate::id::OrgId;

/// The length in bytes of a tag. Terms of all organisations together have different tags, with
/// a margin of many orders of magnitude.
const TAG_BYTES: usize = 12;
/// The length of a tag as text.
pub const TAG_LENGTH: usize = 16;

/// The search keys. The first one is for new patients; searches use all of them. Clones share the
/// keys.
#[derive(Clone)]
pub struct SearchKeys(SharedKeys<Secret>);

#[derive(Clone)]
struct Secret {
    id: String,
    derive: Hkdf<Sha256>,
}

/// A search key of one organisation.
pub struct SearchKey {
    /// The id of the key, stored with each patient. It reveals nothing about the key.
    pub id: String,
    tags: hmac::Key,
    sealing: SealingKeys,
}

impl SearchKeys {
    /// Creates one random key, for a process that shares and stores nothing.
    pub fn random() -> Self {
        Self::derive(&[rand::random()])
    }

    /// Replaces the keys of every clone with those of `other`.
    pub fn replace(&self, other: &Self) {
        self.0.replace(&other.0);
    }

    /// Returns whether a key with this id is one of them.
    pub fn knows(&self, id: &str) -> bool {
        self.0.get().iter().any(|secret| secret.id == id)
    }

    fn derive(secrets: &[[u8; KEY_BYTES]]) -> Self {
        let secret = |secret: &[u8; KEY_BYTES]| {
            let derive = Hkdf::<Sha256>::new(None, secret);
            let id = BASE64URL_NOPAD.encode(&expand(&derive, &[b"search key id"])[..6]);
            Secret { id, derive }
        };
        Self(secrets.iter().map(secret).collect())
    }

    /// Returns the keys of an organisation, in the order of the setting.
    pub fn of(&self, org: &OrgId) -> Vec<SearchKey> {
        let key = |Secret { id, derive }: &Secret| {
            let of = |purpose: &[u8]| expand(derive, &[purpose, org.as_str().as_bytes()]);
            SearchKey {
                id: id.clone(),
                tags: hmac::Key::new(hmac::HMAC_SHA256, &of(b"search tags#")),
                sealing: SealingKeys::from_iter([of(b"search entries#")]),
            }
        };
        self.0.get().iter().map(key).collect()
    }
}

impl std::str::FromStr for SearchKeys {
    type Err = InvalidSecretKeys;

    fn from_str(setting: &str) -> Result<Self, InvalidSecretKeys> {
        parse_keys(setting).map(|keys| Self::derive(&keys))
    }
}

fn expand(derive: &Hkdf<Sha256>, info: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut derived = [0; KEY_BYTES];
    derive.expand_multi_info(info, &mut derived).expect("HKDF-SHA256 yields up to 8160 bytes");
    derived
}

impl SearchKey {
    /// Returns the tag of a term of one kind: the truncated HMAC-SHA256 as base64url.
    pub fn tag(&self, kind: &str, term: &str) -> String {
        let mut context = hmac::Context::with_key(&self.tags);
        for part in [kind.as_bytes(), b"#", term.as_bytes()] {
            context.update(part);
        }
        BASE64URL_NOPAD.encode(&context.sign().as_ref()[..TAG_BYTES])
    }

    /// Encrypts a value, bound to the context.
    pub fn seal(&self, value: &[u8], context: &str) -> Option<Vec<u8>> {
        self.sealing.seal_bytes(value, context)
    }

    /// Returns the value, if this key sealed it with this context.
    pub fn open(&self, sealed: &[u8], context: &str) -> Option<Vec<u8>> {
        self.sealing.open_bytes(sealed, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::new_key;

    #[test]
    fn a_tag_depends_on_key_organisation_kind_and_term() {
        let keys: SearchKeys = format!("{},{}", new_key(), new_key()).parse().unwrap();
        let org = |id: &str| -> OrgId { id.parse().unwrap() };
        let of_a = keys.of(&org("ORG-A"));
        let of_b = keys.of(&org("ORG-B"));
        let tag = of_a[0].tag("name", "ida");
        assert_eq!(tag.len(), TAG_LENGTH);
        assert_eq!(keys.clone().of(&org("ORG-A"))[0].tag("name", "ida"), tag);
        for other in [
            of_a[1].tag("name", "ida"),
            of_b[0].tag("name", "ida"),
            of_a[0].tag("nam", "eida"),
            of_a[0].tag("name", "idb"),
        ] {
            assert_ne!(other, tag);
        }
        assert_ne!(of_a[0].id, of_a[1].id);
        assert_eq!(of_a[0].id, of_b[0].id);
    }

    #[test]
    fn an_entry_opens_only_for_its_organisation_and_context() {
        let keys = SearchKeys::random();
        let (a, b) = (keys.of(&"ORG-A".parse().unwrap()), keys.of(&"ORG-B".parse().unwrap()));
        let sealed = a[0].seal(b"Ida", "here").unwrap();
        assert_eq!(a[0].open(&sealed, "here").as_deref(), Some(&b"Ida"[..]));
        assert_eq!(a[0].open(&sealed, "there"), None);
        assert_eq!(b[0].open(&sealed, "here"), None);
    }
}
