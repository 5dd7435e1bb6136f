//! Tries once more what was signed at a time that DynamoDB does not take.
//!
//! A machine's clock may be off by minutes, and may be set right. The SDK learns from the `Date` of each answer what time it is
//! there, and signs by that; but of a signature that was refused it tries again only where the machine's own clock is off by more
//! than four minutes then (`aws-runtime` 1.10): not where it has just been set right, and the SDK still signs by what it
//! learned before.

use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority},
};
use aws_smithy_types::retry::ErrorKind;

use super::answer::Refusal;

/// The error of a signature that is wrong, also where it would be right at another time
/// (AWS General Reference, "Troubleshooting signed requests for AWS APIs").
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
