//! Many requests at once.

use std::{sync::Arc, time::Instant};

use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::{Answer, Call, wait::DEADLINE};

/// Whether a call may be retried: nothing was written, or its `Idempotency-Key` makes the retry safe.
fn may_try_again(call: &Call, answer: &Answer) -> bool {
    answer.status.as_u16() == 503 && (call.is_idempotent() || answer.json()["code"] == "contention")
}

/// Sends all calls at the same time, each from its own task, and retries 503 as clients do. With some hundred writers of one
/// record on a slow engine, the service's own retry time is not enough.
pub async fn race(calls: Vec<Call>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(calls.len()));
    let tasks = calls.into_iter().map(|call| {
        let barrier = barrier.clone();
        tokio::spawn(async move {
            barrier.wait().await;
            let begun = Instant::now();
            loop {
                let answer = call.clone().send().await;
                if !may_try_again(&call, &answer) || begun.elapsed() > DEADLINE {
                    return answer;
                }
            }
        })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// The number of responses with `status`; asserts that all others have the status `other`.
pub fn count(answers: &[Answer], status: u16, other: u16) -> usize {
    for answer in answers {
        let got = answer.status.as_u16();
        assert!(got == status || got == other, "{}", String::from_utf8_lossy(&answer.body));
    }
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}
