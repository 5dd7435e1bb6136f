//! Tries once more what was signed at a time that DynamoDB does not take.
//!
//! The SDK signs by the time that it learns from the `Date` of each answer; but it repeats a refused signature only where the
//! machine's clock is off by more than four minutes (`aws-runtime` 1.10), not where that has just been set right.

use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority},
};
use aws_smithy_types::retry::ErrorKind;

use super::answer::Refusal;

/// The error of a signature, also of one out of time (AWS, "Troubleshooting signed requests for AWS APIs").
pub(super) const SIGNATURE_REFUSED: &str = "InvalidSignatureException";

/// Has the SDK repeat calls whose signature was refused. Nothing was done of those.
#[derive(Debug)]
pub(super) struct SignAgain;

impl ClassifyRetry for SignAgain {
    fn classify_retry(&self, call: &InterceptorContext) -> RetryAction {
        let refused = matches!(call.output_or_error(), Some(Err(_)))
            && call
                .response()
                .and_then(|answer| Refusal::read(answer.body().bytes()?)?.name())
                .is_some_and(|name| name == SIGNATURE_REFUSED);
        if refused {
            RetryAction::retryable_error(ErrorKind::ServerError)
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "SignAgain"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::http_status_code_classifier())
    }
}
