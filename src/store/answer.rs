//! The metadata of DynamoDB's responses: consumed capacity, and errors by DynamoDB's names.

use std::{collections::BTreeSet, slice};

use aws_sdk_dynamodb::{
    config::{http::HttpResponse, interceptors::FinalizerInterceptorContextRef},
    operation::{
        batch_get_item::BatchGetItemOutput, delete_item::DeleteItemOutput, get_item::GetItemOutput,
        put_item::PutItemOutput, query::QueryOutput,
        transact_write_items::TransactWriteItemsOutput, update_item::UpdateItemOutput,
    },
    types::ConsumedCapacity,
};
use aws_smithy_runtime_api::client::interceptors::context::Output;
use serde::Deserialize;

use super::throttling::ThrottlingReason;

/// The kind of capacity: read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Returns the consumed capacity of a call, by table. A failed call consumes capacity as well, but
/// DynamoDB does not report it.
pub(super) fn consumed(output: &Output) -> Option<(Kind, &[ConsumedCapacity])> {
    macro_rules! of_one {
        ($kind:expr, $($answer:ty),+) => {
            $(if let Some(answer) = output.downcast_ref::<$answer>() {
                return answer.consumed_capacity().map(|taken| ($kind, slice::from_ref(taken)));
            })+
        };
    }
    of_one!(Kind::Read, GetItemOutput, QueryOutput);
    of_one!(Kind::Write, PutItemOutput, UpdateItemOutput, DeleteItemOutput);
    if let Some(answer) = output.downcast_ref::<BatchGetItemOutput>() {
        return Some((Kind::Read, answer.consumed_capacity()));
    }
    let answer = output.downcast_ref::<TransactWriteItemsOutput>()?;
    Some((Kind::Write, answer.consumed_capacity()))
}

/// Returns the capacity units of all tables together.
pub(super) fn units(taken: &[ConsumedCapacity]) -> f64 {
    taken.iter().filter_map(ConsumedCapacity::capacity_units).sum()
}

/// Returns the error of a call: DynamoDB's name, or a transport failure. Returns `None` if the call
/// succeeded.
pub(super) fn error_type(call: &FinalizerInterceptorContextRef<'_>) -> Option<String> {
    let Some(Err(error)) = call.output_or_error() else {
        return None;
    };
    if error.is_timeout_error() {
        return Some("timeout".to_owned());
    }
    if error.is_connector_error() {
        return Some("dispatch".to_owned());
    }
    let name = Refusal::of(call).and_then(|refusal| refusal.name());
    Some(name.unwrap_or_else(|| "_OTHER".to_owned()))
}

/// An error in the AWS JSON 1.0 protocol. Other members may hold item data and are not read.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(rename = "CancellationReasons", default)]
    reasons: Vec<Reason>,
    /// One error type uses the lower-case name.
    #[serde(rename = "ThrottlingReasons", alias = "throttlingReasons", default)]
    throttling: Vec<Limit>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    #[serde(rename = "Code")]
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Limit {
    reason: Option<String>,
}

impl Refusal {
    /// Returns the error response of a call or an attempt, if there is one.
    pub(super) fn of(call: &FinalizerInterceptorContextRef<'_>) -> Option<Self> {
        match call.output_or_error() {
            Some(Err(_)) => Self::read(call.response()?.body().bytes()?),
            _ => None,
        }
    }

    /// Parses an error response body.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Returns the error name: `…#ConditionalCheckFailedException` without the prefix. For a
    /// cancelled transaction, returns the AWS name of the reason: `ThrottlingError`,
    /// `TransactionConflict`, `ConditionalCheckFailed` (AWS, `TransactWriteItems`, errors).
    pub(super) fn name(&self) -> Option<String> {
        let reason = self.reasons().into_iter().max_by_key(|code| weight(code));
        let name = reason.or_else(|| self.kind.rsplit('#').next().filter(|name| is_plain(name)))?;
        Some(name.to_owned())
    }

    /// Returns the reasons why a transaction was cancelled, without duplicates.
    pub(super) fn reasons(&self) -> BTreeSet<&str> {
        let codes = self.reasons.iter().filter_map(|reason| reason.code.as_deref());
        codes.filter(|code| *code != "None" && is_plain(code)).collect()
    }

    /// Returns the exceeded limit if the error is about the rate of calls, which a retry may
    /// overcome. Of several limits, returns the one that lasts longest.
    pub(super) fn throttling(&self) -> Option<ThrottlingReason> {
        // The second name occurs when more than two readers read a shard of the stream.
        let by_rate = |name: &str| is_throttling(name) || name == "LimitExceededException";
        let cancelled_for_rate = self.reasons().into_iter().any(is_throttling);
        if !cancelled_for_rate && !self.name().is_some_and(|name| by_rate(&name)) {
            return None;
        }
        let reasons = self.throttling.iter().filter_map(|limit| limit.reason.as_deref());
        let reasons = reasons.map(ThrottlingReason::of);
        Some(reasons.max_by_key(|reason| reason.retry_after()).unwrap_or_default())
    }
}

/// Returns whether an error or a reason of this name is about the rate of calls.
pub(super) fn is_throttling(name: &str) -> bool {
    name.starts_with("ProvisionedThroughputExceeded")
        || name.starts_with("Throttling")
        || name == "RequestLimitExceeded"
}

/// Returns the AWS request id of a response, if it looks like one.
pub(super) fn request_id(answer: &HttpResponse) -> Option<&str> {
    let id = answer.headers().get("x-amzn-requestid")?;
    is_plain(&id.replace('-', "")).then_some(id)
}

/// Returns whether a text looks like an AWS name, and not like arbitrary text.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Ranks reasons by their importance to operators: limits of the table before actions of callers.
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

    fn named(body: &[u8]) -> Option<String> {
        Refusal::read(body)?.name()
    }

    fn cancelled(codes: &str) -> Refusal {
        let reasons = codes.split(' ').map(|code| format!(r#"{{"Code":"{code}","Item":{{}}}}"#));
        let reasons = reasons.collect::<Vec<_>>().join(",");
        let body = format!(
            r#"{{"__type":"a#TransactionCanceledException","CancellationReasons":[{reasons}]}}"#
        );
        Refusal::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn errors_have_the_names_that_dynamodb_uses() {
        let failed = br#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"x"}"#;
        assert_eq!(named(failed).as_deref(), Some("ConditionalCheckFailedException"));
        for (codes, name) in [
            ("None ConditionalCheckFailed None", "ConditionalCheckFailed"),
            ("ThrottlingError ConditionalCheckFailed", "ThrottlingError"),
            ("ConditionalCheckFailed TransactionConflict", "TransactionConflict"),
            ("ValidationError ThrottlingError", "ValidationError"),
            ("None", "TransactionCanceledException"),
        ] {
            assert_eq!(cancelled(codes).name().as_deref(), Some(name), "{codes}");
        }
        assert_eq!(named(br#"{"__type":"a b"}"#), None, "a label holds no foreign text");
        assert_eq!(named(b"<html>"), None);
    }

    #[test]
    fn a_cancelled_transaction_has_each_of_its_reasons_once() {
        let twice =
            cancelled("ConditionalCheckFailed None TransactionConflict ConditionalCheckFailed");
        let reasons: Vec<_> = twice.reasons().into_iter().collect();
        assert_eq!(reasons, ["ConditionalCheckFailed", "TransactionConflict"]);
        assert_eq!(twice.throttling(), None);
        for codes in ["ConditionalCheckFailed ThrottlingError", "ValidationError ThrottlingError"] {
            assert_eq!(cancelled(codes).throttling(), Some(ThrottlingReason::Other), "{codes}");
        }
        assert!(cancelled("a-b None").reasons().is_empty(), "a label holds no foreign text");
    }

    #[test]
    fn throttling_goes_by_several_names() {
        for name in [
            "ProvisionedThroughputExceededException",
            "ThrottlingException",
            "RequestLimitExceeded",
            "LimitExceededException",
        ] {
            let kind = format!("com.amazonaws.dynamodb.v20120810#{name}");
            let body = format!(r#"{{"__type":"{kind}"}}"#);
            let refusal = Refusal::read(body.as_bytes()).unwrap();
            assert_eq!(refusal.throttling(), Some(ThrottlingReason::Other), "{name}");
        }
    }

    #[test]
    fn the_exceeded_limit_is_identified_by_its_name() {
        let read = |reasons: &str| {
            let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
            let body = format!(r#"{{"__type":"{kind}",{reasons}}}"#);
            Refusal::read(body.as_bytes()).unwrap().throttling().unwrap()
        };
        let hot = r#"{"reason":"TableWriteKeyRangeThroughputExceeded","resource":"arn:canary"}"#;
        let account = r#"{"reason":"IndexReadAccountLimitExceeded"}"#;
        for (reasons, expected) in [
            (format!(r#""ThrottlingReasons":[{hot}]"#), ThrottlingReason::KeyRange),
            (format!(r#""throttlingReasons":[{hot}]"#), ThrottlingReason::KeyRange),
            (format!(r#""ThrottlingReasons":[{hot},{account}]"#), ThrottlingReason::Account),
            (r#""ThrottlingReasons":[{"reason":"canary"},{}]"#.into(), ThrottlingReason::Other),
            (r#""ThrottlingReasons":[]"#.into(), ThrottlingReason::Other),
        ] {
            assert_eq!(read(&reasons), expected, "{reasons}");
        }
    }
}
