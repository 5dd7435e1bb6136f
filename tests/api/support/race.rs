//! Many requests at once.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::{Answer, Call};

/// Sends all calls at once, each from a task of its own.
pub async fn race(calls: Vec<Call>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(calls.len()));
    let tasks = calls.into_iter().map(|call| {
        let barrier = barrier.clone();
        tokio::spawn(async move {
            barrier.wait().await;
            call.send().await
        })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// How many answers have a status; asserts that all others have the other one.
pub fn count(answers: &[Answer], status: u16, other: u16) -> usize {
    for answer in answers {
        let got = answer.status.as_u16();
        assert!(got == status || got == other, "{}", String::from_utf8_lossy(&answer.body));
    }
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}
