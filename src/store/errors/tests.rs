use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

use super::*;

const SIZE: &str = "ValidationError: Item size to update has exceeded the maximum allowed size";
const RULE: &str =
    "ValidationError: An operand in the update expression has an incorrect data type";

fn answer(body: &str) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}

/// Returns the meaning of cancellation reasons. Each one is a code, or a code and a message.
fn meaning(reasons: &[&str]) -> &'static str {
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    let reasons = reasons.iter().map(|reason| {
        let (code, message) = reason.split_once(": ").unwrap_or((reason, "canary"));
        CancellationReason::builder().code(code).message(message).build()
    });
    let meta = ErrorMetadata::builder().code("TransactionCanceledException").build();
    let error = TransactionCanceledException::builder().meta(meta);
    let error = error.set_cancellation_reasons(Some(reasons.collect())).build();
    let error = TransactWriteItemsError::TransactionCanceledException(error);
    of_failure(&of_write(SdkError::service_error(error, answer("{}"))))
}

fn of_failure(failure: &Failure) -> &'static str {
    match failure {
        Failure::Conflict => "conflict",
        Failure::ThrottledInside => "throttled",
        Failure::Store(StoreError::ConditionFailed(_)) => "condition",
        Failure::Store(StoreError::ItemSizeExceeded) => "size",
        Failure::Store(StoreError::Unexpected(_)) => "unexpected",
        other @ Failure::Store(_) => panic!("{other:?}"),
    }
}

#[test]
fn reasons_have_a_precedence_whatever_their_positions() {
    // In order of precedence: earlier entries win.
    let codes = [
        ("TransactionConflict", "conflict"),
        ("ThrottlingError", "throttled"),
        ("ProvisionedThroughputExceeded", "throttled"),
        ("RequestLimitExceeded", "throttled"),
        ("ConditionalCheckFailed", "condition"),
        (SIZE, "size"),
        ("ItemCollectionSizeLimitExceeded", "size"),
        (RULE, "unexpected"),
        ("AccessDenied", "unexpected"),
        ("None", "unexpected"),
    ];
    for (a, (first, _)) in codes.iter().enumerate() {
        for (b, (second, _)) in codes.iter().enumerate() {
            for (c, (third, _)) in codes.iter().enumerate() {
                let expected = codes[a.min(b).min(c)].1;
                let reasons = [*first, *second, *third];
                assert_eq!(meaning(&reasons), expected, "{reasons:?}");
            }
        }
    }
    assert_eq!(meaning(&[]), "unexpected");
}

#[test]
fn failed_conditions_are_listed_by_position() {
    use aws_sdk_dynamodb::types::{AttributeValue, error::TransactionCanceledException};
    let item = |value: &str| Item::from([("PK".to_owned(), AttributeValue::S(value.to_owned()))]);
    let reason = |code: &str, item: Option<Item>| {
        CancellationReason::builder().code(code).set_item(item).build()
    };
    let error = TransactionCanceledException::builder()
        .cancellation_reasons(reason("None", None))
        .cancellation_reasons(reason("ConditionalCheckFailed", Some(item("a"))))
        .cancellation_reasons(reason("ValidationError", None))
        .cancellation_reasons(reason("ConditionalCheckFailed", None))
        .build();
    let error = TransactWriteItemsError::TransactionCanceledException(error);
    let failure = of_write(SdkError::service_error(error, answer("{}")));
    let Failure::Store(StoreError::ConditionFailed(failed)) = failure else {
        panic!("{failure:?}");
    };
    let at = |position| failed.at(position).map(|failed| failed.item.clone());
    assert_eq!([at(0), at(1), at(2)], [None, Some(Some(item("a"))), None]);
    assert_eq!([at(3), at(4)], [Some(None), None]);
    assert_eq!(failed.items().collect::<Vec<_>>(), [&item("a")]);
}

#[test]
fn single_writes_are_classified_like_transactions() {
    let of = |code: &str, message: &str| {
        let error = ErrorMetadata::builder().code(code).message(message).build();
        let error = UpdateItemError::generic(error);
        of_failure(&of_write(SdkError::service_error(error, answer("{}"))))
    };
    let (_, size) = SIZE.split_once(": ").unwrap();
    let put = "Item size has exceeded the maximum allowed size";
    for (code, message, expected) in [
        ("TransactionConflictException", "", "conflict"),
        ("ValidationException", size, "size"),
        ("ValidationException", put, "size"),
        ("ValidationException", "canary has exceeded the maximum allowed size", "unexpected"),
        ("ItemCollectionSizeLimitExceededException", "", "size"),
        ("AccessDeniedException", put, "unexpected"),
    ] {
        assert_eq!(of(code, message), expected, "{code}: {message}");
    }
}

#[test]
fn a_throttled_call_reports_the_exceeded_limit() {
    let of = |body: &str| {
        let code = "ProvisionedThroughputExceededException";
        let error = PutItemError::generic(ErrorMetadata::builder().code(code).build());
        match of_read(SdkError::service_error(error, answer(body))) {
            StoreError::Throttled(reason) => reason,
            other => panic!("{other:?}"),
        }
    };
    let kind = r#""__type":"a#ProvisionedThroughputExceededException""#;
    let account = r#"[{"reason":"TableWriteAccountLimitExceeded","resource":"canary"}]"#;
    let reason = of(&format!(r#"{{{kind},"ThrottlingReasons":{account}}}"#));
    assert_eq!((reason, reason.retry_after()), (ThrottlingReason::Account, 5));
    for body in [format!("{{{kind}}}"), String::new()] {
        assert_eq!(of(&body).retry_after(), 1, "{body}");
    }
}
