//! Signatures of deliveries, with which a receiver verifies sender and time (Standard Webhooks
//! 1.0.0, symmetric signatures).

use data_encoding::BASE64;
use jiff::Timestamp;
use standardwebhooks::{Webhook, WebhookError};

/// The prefix of a secret as it is shown.
const PREFIX: &str = "whsec_";

/// Returns a new random secret.
pub fn new_secret() -> [u8; 32] {
    rand::random()
}

/// Formats a secret as it is shown.
pub fn shown(secret: &[u8]) -> String {
    format!("{PREFIX}{}", BASE64.encode(secret))
}

/// Returns the `webhook-signature` of a payload: one signature for each secret, in their order.
pub fn sign<'a>(
    secrets: impl IntoIterator<Item = &'a [u8]>,
    id: &str,
    at: Timestamp,
    payload: &str,
) -> Result<String, WebhookError> {
    let signatures = secrets.into_iter().map(|secret| {
        Webhook::from_bytes(secret.to_vec())?.sign(id, at.as_second(), payload.as_bytes())
    });
    Ok(signatures.collect::<Result<Vec<_>, _>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_signs_and_is_shown_as_receivers_take_it() {
        let (new, old) = (new_secret(), new_secret());
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let both = sign([new.as_slice(), &old], "1", now, "{}").unwrap();
        let each = [new, old].map(|secret| sign([secret.as_slice()], "1", now, "{}").unwrap());
        assert_eq!(both, each.join(" "));
        assert!(shown(&new).starts_with("whsec_") && shown(&new).len() == 6 + 44);
    }
}
