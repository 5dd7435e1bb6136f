//! Measures every call that the SDK makes for us.

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::{
    interceptors::dyn_dispatch_hint, orchestrator::Metadata as Operation,
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use metrics::histogram;
use serde::Deserialize;
use tokio::time::Instant;

/// The histogram of calls, by operation and by what became of them.
pub const CALL_DURATION: &str = "db_client_operation_duration_seconds";

/// Measures calls, the SDK's own tries and waits included.
#[derive(Debug)]
pub struct MeasureCalls;

#[derive(Debug)]
struct Started(Instant);

impl Storable for Started {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for MeasureCalls {
    fn name(&self) -> &'static str {
        "MeasureCalls"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        settings.interceptor_state().store_put(Started(Instant::now()));
        Ok(())
    }

    fn read_after_execution(
        &self,
        call: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = settings.load::<Operation>().map(|operation| operation.name().to_owned());
        if let (Some(started), Some(operation)) = (settings.load::<Started>(), operation) {
            histogram!(
                CALL_DURATION,
                "db_operation_name" => operation,
                "error_type" => error_type(call),
            )
            .record(started.0.elapsed());
        }
        Ok(())
    }
}

/// What a call failed with: DynamoDB's name for it, or what happened on the way. Empty if it did not fail.
fn error_type(call: &FinalizerInterceptorContextRef<'_>) -> String {
    let Some(Err(error)) = call.output_or_error() else {
        return String::new();
    };
    let known = if error.is_timeout_error() {
        "timeout"
    } else if error.is_connector_error() {
        "dispatch"
    } else if let Some(name) = call.response().and_then(|answer| named(answer.body().bytes()?)) {
        return name;
    } else {
        "_OTHER"
    };
    known.to_owned()
}

/// The name of an error as the AWS JSON 1.0 protocol carries it: `…#ConditionalCheckFailedException`. A transaction
/// that was cancelled is called by what cancelled it, as AWS calls that: `ThrottlingError`, `TransactionConflict`,
/// `ConditionalCheckFailed` (AWS, `TransactWriteItems`, errors).
fn named(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "__type")]
        kind: String,
        #[serde(rename = "CancellationReasons", default)]
        reasons: Vec<Reason>,
    }
    #[derive(Deserialize)]
    struct Reason {
        #[serde(rename = "Code")]
        code: Option<String>,
    }
    let answer = serde_json::from_slice::<Answer>(body).ok()?;
    let codes = answer.reasons.iter().filter_map(|reason| reason.code.as_deref());
    let reason = codes.filter(|code| *code != "None").max_by_key(|code| weight(code));
    let name = reason.or_else(|| answer.kind.rsplit('#').next())?;
    let plain =
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| name.to_owned())
}

/// Of several reasons, the one that operators should know of: what the table can't do, before what callers did.
fn weight(reason: &str) -> u8 {
    match reason {
        "ConditionalCheckFailed" => 0,
        "TransactionConflict" => 1,
        "ThrottlingError" | "ProvisionedThroughputExceeded" => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_called_as_dynamodb_calls_them() {
        let failed = br#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"x"}"#;
        assert_eq!(named(failed).as_deref(), Some("ConditionalCheckFailedException"));
        let cancelled = |codes: &str| {
            let reasons =
                codes.split(' ').map(|code| format!(r#"{{"Code":"{code}","Item":{{}}}}"#));
            let reasons = reasons.collect::<Vec<_>>().join(",");
            named(format!(r#"{{"__type":"a#TransactionCanceledException","CancellationReasons":[{reasons}]}}"#).as_bytes())
        };
        for (codes, name) in [
            ("None ConditionalCheckFailed None", "ConditionalCheckFailed"),
            ("ThrottlingError ConditionalCheckFailed", "ThrottlingError"),
            ("ConditionalCheckFailed TransactionConflict", "TransactionConflict"),
            ("ValidationError ThrottlingError", "ValidationError"),
            ("None", "TransactionCanceledException"),
        ] {
            assert_eq!(cancelled(codes).as_deref(), Some(name), "{codes}");
        }
        assert_eq!(named(br#"{"__type":"a b"}"#), None, "a label holds no text of others");
        assert_eq!(named(b"<html>"), None);
    }
}
