//! What must not be seen by accident: it is stored and answered, but neither logged nor shown in an error.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known of a patient. It shows as `[redacted]`, whoever formats it; whoever needs it says so.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// The value, for where it is stored or answered.
    #[must_use]
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_nowhere_but_in_json() {
        let name = Sensitive::from("Ida".to_owned());
        assert_eq!(
            format!("{name} {name:?} {:?} {name:>20}", Some(&name)),
            "[redacted] [redacted] Some([redacted]) [redacted]"
        );
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"Ida\"");
        assert_eq!(serde_json::from_str::<Sensitive<String>>("\"Ida\"").unwrap(), name);
        let error = serde_json::from_str::<Sensitive<u8>>("7000").unwrap_err();
        assert!(!error.to_string().contains("redacted"));
    }
}
