//! Requests and responses with a fault applied.

use aws_smithy_runtime_api::{
    client::orchestrator::{HttpRequest, HttpResponse},
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::support::aws_errors;

/// Changes the body of a request.
pub fn rewrite(request: &mut HttpRequest, change: impl Fn(&mut Value)) {
    let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    change(&mut body);
    let bytes = serde_json::to_vec(&body).unwrap();
    request.headers_mut().insert("content-length", bytes.len().to_string());
    *request.body_mut() = SdkBody::from(bytes);
}

/// Removes the client request token, so that the engine treats the SDK's retry as a new request.
pub fn forget_token(body: &mut Value) {
    body.as_object_mut().unwrap().remove("ClientRequestToken");
}

/// Disables the conditions on the revision of day sheets. The condition stays, together with one that is always true, because
/// DynamoDB refuses unused names.
pub fn ignore_sheet_conditions(body: &mut Value) {
    let writes = body["TransactItems"].as_array_mut().unwrap().iter_mut();
    for write in writes.filter_map(|write| write.as_object_mut()?.values_mut().next()) {
        let key =
            |name: &str| write["Key"][name]["S"].as_str().or(write["Item"][name]["S"].as_str());
        let (partition, sort_key) = (key("PK").unwrap(), key("SK").unwrap());
        let of_clinic = partition.starts_with("DAYS#") && !sort_key.starts_with("EXCEPTION#");
        let condition = write["ConditionExpression"].as_str().unwrap_or_default().to_owned();
        let as_read = write["ExpressionAttributeNames"].as_object().is_none_or(|names| {
            names.iter().any(|(name, of)| of == "rev" && condition.contains(name.as_str()))
        });
        if as_read && (of_clinic || sort_key.starts_with("DAY#")) {
            let always =
                format!("({condition}) OR attribute_exists(PK) OR attribute_not_exists(PK)");
            write["ConditionExpression"] = json!(always);
        }
    }
}

pub fn response(status: StatusCode, body: &Value) -> HttpResponse {
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", aws_errors::MEDIA_TYPE);
    response
}

pub fn error(status: u16, kind: &str, members: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).unwrap();
    response(status, &aws_errors::error(kind, members))
}

/// A conflict in the words of DynamoDB: a transaction is cancelled with a reason per item, a single write is refused.
pub fn conflict(operation: &str, sent: &Value) -> HttpResponse {
    if operation == "TransactWriteItems" {
        return cancelled(sent, &["TransactionConflict"]);
    }
    error(400, "TransactionConflictException", &json!({}))
}

/// A transaction cancelled with these reasons for the last of its items.
pub fn cancelled(sent: &Value, codes: &[&str]) -> HttpResponse {
    response(StatusCode::try_from(400).unwrap(), &aws_errors::cancelled(sent, codes))
}

/// A transaction cancelled with these reasons, each at its position; a single write is refused with the first.
pub fn cancelled_at(operation: &str, sent: &Value, codes: &[(usize, &str)]) -> HttpResponse {
    if operation != "TransactWriteItems" {
        let kind = match codes[0].1 {
            "ValidationError" => "ValidationException".to_owned(),
            "ThrottlingError" => "ProvisionedThroughputExceededException".to_owned(),
            code => format!("{code}Exception"),
        };
        return error(400, &kind, &json!({}));
    }
    let mut body = aws_errors::cancelled(sent, &[]);
    for (position, code) in codes {
        body["CancellationReasons"][position] = json!({ "Code": code, "Message": "injected" });
    }
    response(StatusCode::try_from(400).unwrap(), &body)
}

/// The refusal of an item that is too large. A transaction is cancelled for the last of its items.
pub fn item_too_large(operation: &str, sent: &Value) -> HttpResponse {
    let message = "Item size to update has exceeded the maximum allowed size";
    if operation != "TransactWriteItems" {
        return error(400, "ValidationException", &json!({ "message": message }));
    }
    let mut body = aws_errors::cancelled(sent, &["ValidationError"]);
    let reasons = body["CancellationReasons"].as_array_mut().unwrap();
    reasons.last_mut().unwrap()["Message"] = json!(message);
    response(StatusCode::try_from(400).unwrap(), &body)
}

/// The writes of a batch for one table.
pub fn only_batch(body: &mut Value) -> &mut Vec<Value> {
    let tables = body["RequestItems"].as_object_mut().unwrap();
    tables.values_mut().next().unwrap().as_array_mut().unwrap()
}

pub fn leave_unprocessed(sent: &Value, body: &mut Value) {
    if sent["RequestItems"].as_object().unwrap().values().any(Value::is_array) {
        let mut left = sent.clone();
        assert!(only_batch(&mut left).len() > 1, "nothing to leave unprocessed: {sent}");
        only_batch(&mut left).remove(0);
        body["UnprocessedItems"] = left["RequestItems"].take();
        return;
    }
    let (table, request) = sent["RequestItems"].as_object().unwrap().iter().next().unwrap();
    let mut rest = request.clone();
    let keys = rest["Keys"].as_array_mut().unwrap();
    assert!(keys.len() > 1, "nothing to leave unprocessed: {sent}");
    let first = keys.remove(0);
    let has_key = |item: &Value| item["PK"] == first["PK"] && item["SK"] == first["SK"];
    body["Responses"][table].as_array_mut().unwrap().retain(has_key);
    body["UnprocessedKeys"] = json!({ table: rest });
}

pub fn stale(operation: &str) -> Value {
    match operation {
        "Query" => json!({ "Items": [], "Count": 0, "ScannedCount": 0 }),
        _ => json!({}),
    }
}
