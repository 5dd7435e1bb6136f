//! The causes of database errors, in our own words. DynamoDB's messages echo requests, and parser
//! errors quote values: both may hold patient data. A cause therefore can't be built from a
//! formatted text.

use std::{borrow::Cow, error::Error as StdError, fmt};

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{BuildError, ProvideErrorMetadata, SdkError},
};

use super::answer::{Refusal, is_plain, request_id};
use crate::sensitive::{LogSafe, TaskFailed, chain, io_kind};

/// A cause, safe to log. Only errors that quote no data convert to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(Cow<'static, str>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}

impl LogSafe for Cause {}

impl Cause {
    /// Returns the cause of a failed call: operation, error name, HTTP status and AWS request id,
    /// but never the message.
    pub fn of_call<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let what: Cow<'static, str> = match error {
            SdkError::ConstructionFailure(_) => "the call could not be built".into(),
            SdkError::TimeoutError(_) => "no response in time".into(),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(connector) if connector.is_timeout() => "no connection in time".into(),
                Some(connector) => io_kind(connector)
                    .map_or("no connection".into(), |kind| format!("no connection, {kind}").into()),
                None => "the call could not be sent".into(),
            },
            SdkError::ResponseError(_) => "unreadable response".into(),
            SdkError::ServiceError(service) => {
                let code = service.err().code().filter(|code| is_plain(code));
                let mut what = code.unwrap_or("error without a name").to_owned();
                let body = service.raw().body().bytes().unwrap_or_default();
                for reason in Refusal::read(body).iter().flat_map(Refusal::reasons) {
                    what = format!("{what}, {reason}");
                }
                what.into()
            }
            _ => "unknown error".into(),
        };
        let mut text = format!("{}: {what}", operation::<E>());
        if let Some(answer) = error.raw_response() {
            text = format!("{text}, HTTP status {}", answer.status().as_u16());
            if let Some(id) = request_id(answer) {
                text = format!("{text}, AWS request id {id}");
            }
        }
        Self(text.into())
    }

    /// Returns one of our own errors with its causes.
    pub fn chain(error: &impl LogSafe) -> Self {
        Self(chain(error).into())
    }

    /// Returns a problem of an attribute. Its name is left out if it is not one of ours.
    pub fn attribute(name: &str, what: &'static str) -> Self {
        let ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let name = if name.len() <= 64 && name.bytes().all(ours) { name } else { "an attribute" };
        Self(format!("{name} {what}").into())
    }
}

/// Returns the operation of an SDK error from its type name: `PutItemError` belongs to `PutItem`.
fn operation<E>() -> &'static str {
    let name = std::any::type_name::<E>().rsplit("::").next().unwrap_or_default();
    name.strip_suffix("Error").unwrap_or(name)
}

impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

impl From<TaskFailed> for Cause {
    fn from(error: TaskFailed) -> Self {
        Self::chain(&error)
    }
}

/// Keeps the kind and position of the error, without the text that it quotes.
impl From<serde_json::Error> for Cause {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let kind = error.classify();
        Self(format!("invalid JSON ({kind:?}, line {line}, column {column})").into())
    }
}

/// Errors whose text is dropped, because it may quote what was read.
macro_rules! silent {
    ($($error:ty => $text:literal),* $(,)?) => {$(
        impl From<$error> for Cause {
            fn from(_: $error) -> Self {
                Self($text.into())
            }
        }
    )*};
}
silent! {
    BuildError => "the call could not be built",
    serde_dynamo::Error => "the item does not match its type",
    jiff::Error => "an instant is invalid",
    crate::id::InvalidId => "an id is invalid",
    crate::id::InvalidOrgId => "an organisation id is invalid",
}

#[cfg(test)]
mod tests {
    use std::io;

    use aws_sdk_dynamodb::{
        operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
        types::error::TransactionCanceledException,
    };
    use aws_smithy_runtime_api::{client::result::ConnectorError, http::StatusCode};
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    fn answer(status: u16, id: Option<&'static str>, body: &str) -> HttpResponse {
        let status = StatusCode::try_from(status).unwrap();
        let mut answer = HttpResponse::new(status, SdkBody::from(body));
        if let Some(id) = id {
            answer.headers_mut().insert("x-amzn-requestid", id);
        }
        answer
    }

    fn validation(code: &str, id: Option<&'static str>) -> Cause {
        let message = format!("Invalid: {{\"notes\":\"canary {}\"}}", "x".repeat(300_000));
        let error = ErrorMetadata::builder().code(code).message(message).build();
        let error = PutItemError::generic(error);
        Cause::of_call(&SdkError::service_error(error, answer(400, id, "")))
    }

    #[test]
    fn a_failed_call_is_described_by_names_and_numbers_only() {
        assert_eq!(
            validation("ValidationException", Some("4KBN-1")).to_string(),
            "PutItem: ValidationException, HTTP status 400, AWS request id 4KBN-1"
        );
        let nameless = "PutItem: error without a name, HTTP status 400";
        assert_eq!(validation("canary notes", Some("canary id")).to_string(), nameless);
        assert_eq!(validation(&"x".repeat(65), None).to_string(), nameless);
    }

    #[test]
    fn a_cancelled_transaction_lists_its_reasons() {
        let body = r#"{"__type":"a#TransactionCanceledException","CancellationReasons":[
            {"Code":"None"},{"Code":"ValidationError","Message":"canary"},{"Code":"canary notes"}]}"#;
        let meta = ErrorMetadata::builder().code("TransactionCanceledException").message("canary");
        let error = TransactionCanceledException::builder().meta(meta.build()).build();
        let error = TransactWriteItemsError::TransactionCanceledException(error);
        assert_eq!(
            Cause::of_call(&SdkError::service_error(error, answer(400, None, body))).to_string(),
            "TransactWriteItems: TransactionCanceledException, ValidationError, HTTP status 400"
        );
    }

    #[test]
    fn transport_failures_are_described_by_their_kind() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "canary");
        let calls: [(SdkError<PutItemError, HttpResponse>, &str); 4] = [
            (SdkError::timeout_error("canary"), "no response in time"),
            (
                SdkError::dispatch_failure(ConnectorError::io(refused.into())),
                "no connection, connection refused",
            ),
            (
                SdkError::dispatch_failure(ConnectorError::timeout("canary".into())),
                "no connection in time",
            ),
            (SdkError::construction_failure("canary"), "the call could not be built"),
        ];
        for (error, expected) in calls {
            assert_eq!(Cause::of_call(&error).to_string(), format!("PutItem: {expected}"));
        }
    }

    #[test]
    fn parser_errors_are_described_without_their_quotes() {
        let of_json = serde_json::from_str::<u8>("\"canary\"").unwrap_err();
        assert!(of_json.to_string().contains("canary"));
        assert_eq!(Cause::from(of_json).to_string(), "invalid JSON (Data, line 1, column 8)");
        let of_time = "canary".parse::<jiff::Timestamp>().unwrap_err();
        assert!(!Cause::from(of_time).to_string().contains("canary"));
        assert_eq!(Cause::attribute("notes", "is missing").to_string(), "notes is missing");
        assert_eq!(Cause::attribute("Ida!", "is missing").to_string(), "an attribute is missing");
    }
}
