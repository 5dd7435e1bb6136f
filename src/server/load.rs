//! How many requests are under way on one connection, and for how long there has been none.

use std::time::Duration;

use tokio::{sync::watch, time::sleep};

/// The requests of one connection. Clones are of the same connection.
#[derive(Debug, Clone)]
pub struct Load(watch::Sender<Requests>);

#[derive(Debug, Clone, Copy, Default)]
struct Requests {
    begun: u64,
    under_way: usize,
}

/// A request that is under way for as long as this lives.
#[derive(Debug)]
pub struct UnderWay(watch::Sender<Requests>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|requests| requests.under_way -= 1);
    }
}

impl Load {
    /// A connection on which nothing has come yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(Requests::default()))
    }

    /// A request has arrived.
    pub fn begin(&self) -> UnderWay {
        self.0.send_modify(|requests| {
            requests.begun += 1;
            requests.under_way += 1;
        });
        UnderWay(self.0.clone())
    }

    /// Whether a request has ever arrived.
    pub fn has_begun(&self) -> bool {
        self.0.borrow().begun > 0
    }

    /// Waits until a request has arrived.
    pub async fn begun(&self) {
        let _ = self.0.subscribe().wait_for(|requests| requests.begun > 0).await;
    }

    /// Waits until no request has been under way for `first`, while none has ever arrived, or for `next`, once one
    /// has.
    pub async fn quiet(&self, first: Duration, next: Duration) {
        let mut requests = self.0.subscribe();
        loop {
            let now = *requests.borrow_and_update();
            let limit = if now.begun == 0 { first } else { next };
            if now.under_way > 0 {
                let _ = requests.changed().await;
            } else {
                tokio::select! {
                    () = sleep(limit) => return,
                    _ = requests.changed() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const NEXT: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_start_and_from_the_end_of_the_last_request() {
        let started = Instant::now();
        let load = Load::new();
        load.quiet(FIRST, NEXT).await;
        assert_eq!(started.elapsed().as_secs(), 10);
        let request = load.begin();
        let task = tokio::spawn({
            let load = load.clone();
            async move { load.quiet(FIRST, NEXT).await }
        });
        advance(Duration::from_mins(5)).await;
        assert!(!task.is_finished(), "a request is under way");
        drop(request);
        task.await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 10 + 300 + 75);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_side_by_side_are_counted() {
        let load = Load::new();
        assert!(!load.has_begun());
        let (one, two) = (load.begin(), load.begin());
        load.begun().await;
        drop(one);
        let quiet = tokio::time::timeout(NEXT * 2, load.quiet(FIRST, NEXT)).await;
        assert!(quiet.is_err());
        drop(two);
        load.quiet(FIRST, NEXT).await;
    }
}
