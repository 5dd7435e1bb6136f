//! A request's `Idempotency-Key`, bound to its caller, path and command.

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::keys::{self, Key};
use crate::sensitive::Sensitive;

/// A request's `Idempotency-Key`, bound to the caller, the path and the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub(super) hash: String,
    pub(super) fingerprint: String,
    /// The key that seals the stored response. It is derived from the `Idempotency-Key`, which the
    /// record does not hold. Read access to the table alone thus reveals no response, for example
    /// of a patient who was erased meanwhile.
    pub(super) secret: Sensitive<[u8; 32]>,
}

impl Idempotency {
    /// Creates the value for a `scope` (organisation, subject, method, path, key) and the
    /// serialised command of the request.
    pub fn new(scope: &[&str], command: &Value) -> Self {
        let mut hash = Sha256::new();
        for part in scope {
            // Length prefixes keep ("ab", "c") and ("a", "bc") apart.
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        let secret = hash.clone().chain_update("answer").finalize();
        // Keyed with the secret, so that nobody can guess the command by its fingerprint.
        let mut fingerprint = Sha256::new_with_prefix(secret);
        add(command, &mut fingerprint);
        Self {
            hash: HEXLOWER.encode(&hash.finalize()),
            fingerprint: HEXLOWER.encode(&fingerprint.finalize()),
            secret: Sensitive::from(<[u8; 32]>::from(secret)),
        }
    }

    /// Returns the key of the record, for reads that fetch it with other items.
    pub fn key(&self) -> Key {
        keys::idempotency(&self.hash)
    }
}

/// Adds a value to a hash. A null member counts as omitted. `serde_json` keeps members sorted.
fn add(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(members) => {
            hash.update(b"{");
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
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
        // `-0.0` is 0.
        Value::Number(number) if number.as_f64() == Some(0.0) => hash.update("0,"),
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
    fn order_and_null_do_not_matter_but_values_do() {
        let of = |body: &str| Idempotency::new(&["a"], &serde_json::from_str(body).unwrap());
        let one = of(r#"{"a":1,"b":[{"d":2,"c":3}]}"#);
        assert_eq!(one, of("{ \"b\": [{\"c\":3, \"d\":2}],\n \"a\": 1 }"));
        assert_eq!(one, of(r#"{"a":1,"b":[{"d":2,"c":3,"e":null}],"f":null}"#));
        assert_eq!(of(r#"{"a":0.0}"#), of(r#"{"a":-0.0}"#));
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
