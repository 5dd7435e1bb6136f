//! Error responses in the words of DynamoDB, in the AWS JSON 1.0 protocol
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).

use serde_json::{Value, json};

/// The media type of that protocol.
pub const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// The body of an error with additional members.
pub fn error(kind: &str, members: &Value) -> Value {
    // Errors of DynamoDB's own model and errors of its front end have different namespaces.
    let space = match kind {
        "ThrottlingException" => "com.amazon.coral.availability",
        "InvalidSignatureException" => "com.amazon.coral.service",
        _ => "com.amazonaws.dynamodb.v20120810",
    };
    let mut body = json!({ "__type": format!("{space}#{kind}"), "message": "injected" });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// A marker that appears only in a message of DynamoDB.
pub const ECHO: &str = "canary-echo";

/// The body of a refusal that echoes the request, such as `ValidationException`. A transaction is cancelled with it.
pub fn echo(operation: &str, sent: &[u8]) -> Value {
    let sent_text = String::from_utf8_lossy(sent);
    let message =
        format!("{ECHO}: parameters were invalid: {sent_text} {}", "canary-echo ".repeat(20_000));
    if operation == "TransactWriteItems" {
        let sent: Value = serde_json::from_slice(sent).unwrap();
        let mut body = cancelled(&sent, &["ValidationError"]);
        body["message"] = json!(message);
        let reasons = body["CancellationReasons"].as_array_mut().unwrap();
        for reason in reasons {
            reason["Message"] = json!(message[..20_000.min(message.len())]);
        }
        return body;
    }
    error("ValidationException", &json!({ "message": message }))
}

/// The body of a transaction that is cancelled with these reasons for the last of its items.
pub fn cancelled(sent: &Value, codes: &[&str]) -> Value {
    let items = sent["TransactItems"].as_array().map_or(1, Vec::len);
    let mut reasons = vec![json!({ "Code": "None" }); items];
    for (reason, code) in reasons.iter_mut().rev().zip(codes) {
        *reason = json!({ "Code": code, "Message": "injected" });
    }
    error("TransactionCanceledException", &json!({ "CancellationReasons": reasons }))
}
