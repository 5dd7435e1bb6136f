//! `Server-Timing` (W3C Server Timing): the duration of a request, if the operator enables the
//! header.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};

use crate::store::ledger::Sum;

/// The header's name.
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Returns the header's value. Times are in milliseconds. `store` is the time during which at least
/// one DynamoDB call was in progress.
pub(super) fn value(store: &Sum, total: Duration) -> Option<HeaderValue> {
    let calls = if store.calls == 1 { "call" } else { "calls" };
    let text = format!(
        "store;dur={:.3};desc=\"{} {calls}, {} read units, {} write units\", total;dur={:.3}",
        store.time.as_secs_f64() * 1000.0,
        store.calls,
        store.read_units,
        store.write_units,
        total.as_secs_f64() * 1000.0,
    );
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_milliseconds() {
        let time = Duration::from_micros(3_210);
        let store = Sum { calls: 1, time, read_units: 1.5, write_units: 0.0 };
        let told = value(&store, Duration::from_millis(12)).unwrap();
        let expected =
            "store;dur=3.210;desc=\"1 call, 1.5 read units, 0 write units\", total;dur=12.000";
        assert_eq!(told, expected);
    }
}
