//! Errors as DynamoDB words them, in the AWS JSON 1.0 protocol
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).

use serde_json::{Value, json};

/// The media type of that protocol.
pub const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// The body of an error, with members of its own.
pub fn error(kind: &str, members: &Value) -> Value {
    // What comes from the service's own model has its name space; what comes from the front door has another.
    let space = match kind {
        "ThrottlingException" => "com.amazon.coral.availability",
        "InvalidSignatureException" => "com.amazon.coral.service",
        _ => "com.amazonaws.dynamodb.v20120810",
    };
    let mut body = json!({ "__type": format!("{space}#{kind}"), "message": "injected" });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// That of a transaction, cancelled with these reasons for the last of its items.
pub fn cancelled(sent: &Value, codes: &[&str]) -> Value {
    let items = sent["TransactItems"].as_array().map_or(1, Vec::len);
    let mut reasons = vec![json!({ "Code": "None" }); items];
    for (reason, code) in reasons.iter_mut().rev().zip(codes) {
        *reason = json!({ "Code": code, "Message": "injected" });
    }
    error("TransactionCanceledException", &json!({ "CancellationReasons": reasons }))
}
