//! A request's `Idempotency-Key`, bound to its caller, its path and its body.

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::keys::{self, Key};
use crate::sensitive::Sensitive;

/// A request's `Idempotency-Key`, bound to who sent it where, and what its body was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub(super) hash: String,
    pub(super) fingerprint: String,
    /// What seals the answer: it follows from the key, which the record does not hold. Whoever reads the table alone
    /// reads no answer, also of a patient who was erased meanwhile.
    pub(super) secret: Sensitive<[u8; 32]>,
}

impl Idempotency {
    /// The record for `scope` (organisation, subject, method, path, key) and the request's parsed body.
    pub fn new(scope: &[&str], body: &Value) -> Self {
        let mut hash = Sha256::new();
        for part in scope {
            // Lengths keep ("ab", "c") and ("a", "bc") apart.
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        let secret = hash.clone().chain_update("answer").finalize();
        // Without the secret, a body could be guessed by its fingerprint.
        let mut fingerprint = Sha256::new_with_prefix(secret);
        add(body, &mut fingerprint);
        Self {
            hash: HEXLOWER.encode(&hash.finalize()),
            fingerprint: HEXLOWER.encode(&fingerprint.finalize()),
            secret: Sensitive::from(<[u8; 32]>::from(secret)),
        }
    }

    /// The record's key, for reads that fetch it beside other items.
    pub fn key(&self) -> Key {
        keys::idempotency(&self.hash)
    }
}

/// Adds a value to a hash, whatever white space it came with and whatever order its members had: a retry may be
/// serialised differently. `serde_json` keeps members sorted.
fn add(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(members) => {
            hash.update(b"{");
            for (name, value) in members {
                add_text(name, hash);
                add(value, hash);
            }
            hash.update(b"}");
        }
        Value::Array(items) => {
            hash.update(b"[");
            for item in items {
                add(item, hash);
            }
            hash.update(b"]");
        }
        Value::String(text) => add_text(text, hash),
        other => hash.update(format!("{other},")),
    }
}

fn add_text(text: &str, hash: &mut Sha256) {
    hash.update(format!("\"{}:", text.len()));
    hash.update(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_order_do_not_matter_but_values_do() {
        let of = |body: &str| Idempotency::new(&["a"], &serde_json::from_str(body).unwrap());
        let one = of(r#"{"a":1,"b":[{"d":2,"c":3}]}"#);
        assert_eq!(one, of("{ \"b\": [{\"c\":3, \"d\":2}],\n \"a\": 1 }"));
        for other in [
            r#"{"a":1,"b":[{"d":2,"c":4}]}"#,
            r#"{"a":1,"b":[{"d":2},{"c":3}]}"#,
            r#"{"a":"1","b":[{"d":2,"c":3}]}"#,
            r#"{"a":1,"b":{"d":2,"c":3}}"#,
            "null",
        ] {
            assert_ne!(one, of(other), "{other}");
        }
        assert_ne!(of("[1,2]"), of("[12]"));
        assert_ne!(of(r#"["a","b"]"#), of(r#"["ab",""]"#));
    }
}
