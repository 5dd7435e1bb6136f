//! Retries calls whose signature DynamoDB refused because of its time.
//!
//! The SDK learns the time from the `Date` header of each response. But it retries a refused
//! signature only if the machine's clock is off by more than four minutes (`aws-runtime` 1.10). It
//! does not retry if the clock has just been corrected.

use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority},
};
use aws_smithy_types::retry::ErrorKind;

use super::answer::Refusal;

/// The error of a refused signature, also of an expired one (AWS, "Troubleshooting signed requests
/// for AWS APIs").
pub(super) const SIGNATURE_REFUSED: &str = "InvalidSignatureException";

/// Makes the SDK retry calls whose signature was refused. Such calls had no effect.
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
