//! Concurrency limits per organisation, so that no organisation uses all permits.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    thread::available_parallelism,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::{ApiError, ErrorCode},
    id::OrgId,
};

/// The maximum number of heavy requests of an organisation in progress. Requests that wait for
/// their turn count, and so do responses that are not completely sent.
const HEAVY: usize = 32;

/// The maximum number of heavy requests of one caller, so that one caller does not block the
/// others.
const HEAVY_OF_CALLER: usize = 8;

/// The maximum size of a response chunk, in bytes. With the body in one chunk, it would be unknown
/// when the connection has taken it.
const PART: usize = 64 * 1024;

/// Returns how many heavy requests of one organisation run at the same time. They use much CPU
/// time: half of the CPUs stay free for others, and further requests of the organisation wait in a
/// queue.
pub fn heavy_at_once() -> usize {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    (processors / 2).max(1)
}

/// The shares of all organisations with requests in progress.
#[derive(Debug)]
pub struct Shares {
    most: usize,
    /// The usage of each organisation. Organisations without requests have no entry.
    taken: Mutex<HashMap<OrgId, Taken>>,
}

#[derive(Debug)]
struct Taken {
    requests: usize,
    heavy: usize,
    /// The number of heavy requests by caller.
    callers: HashMap<String, usize>,
    turns: Arc<Semaphore>,
}

impl Default for Taken {
    fn default() -> Self {
        let turns = Arc::new(Semaphore::new(heavy_at_once()));
        Self { requests: 0, heavy: 0, callers: HashMap::new(), turns }
    }
}

/// One request in the share of an organisation. It counts until it is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    org: OrgId,
    /// The caller of a heavy request, and the semaphore for its turn.
    heavy: Option<(String, Arc<Semaphore>)>,
}

impl Shares {
    /// Creates shares of half the limit of concurrent requests for each organisation.
    pub fn half_of(requests: usize) -> Arc<Self> {
        Arc::new(Self { most: requests.div_ceil(2), taken: Mutex::default() })
    }

    /// Counts a request, or returns `concurrency_limited` above the limits of its organisation or
    /// caller.
    pub fn take(
        self: &Arc<Self>,
        org: &OrgId,
        caller: &str,
        is_heavy: bool,
    ) -> Result<Share, ApiError> {
        let mut taken = self.taken();
        let of_org = taken.entry(org.clone()).or_default();
        let of_caller = of_org.callers.get(caller).copied().unwrap_or_default();
        if of_org.requests >= self.most
            || is_heavy && (of_org.heavy >= HEAVY || of_caller >= HEAVY_OF_CALLER)
        {
            let detail = "This organisation or caller exceeded its limit of concurrent requests. Retry after the time in Retry-After.";
            return Err(ApiError::new(ErrorCode::ConcurrencyLimited, detail).retry_later());
        }
        of_org.requests += 1;
        let heavy = is_heavy.then(|| {
            of_org.heavy += 1;
            of_org.callers.insert(caller.to_owned(), of_caller + 1);
            (caller.to_owned(), of_org.turns.clone())
        });
        Ok(Share { shares: self.clone(), org: org.clone(), heavy })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<OrgId, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Waits for the turn of a heavy request. The turn ends when the returned permit is dropped.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let (_, turns) = self.heavy.as_ref()?;
        turns.clone().acquire_owned().await.ok()
    }

    /// Counts the request until the connection has taken the last chunk of the response. Until
    /// then, the body is in memory.
    pub fn until_taken(self, response: Response) -> Response {
        response.map(|body| Body::new(Counted { body, rest: Bytes::new(), _share: self }))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        match taken.get_mut(&self.org) {
            Some(of_org) if of_org.requests > 1 => {
                of_org.requests -= 1;
                if let Some((caller, _)) = &self.heavy {
                    of_org.heavy -= 1;
                    match of_org.callers.get_mut(caller) {
                        Some(of_caller) if *of_caller > 1 => *of_caller -= 1,
                        _ => drop(of_org.callers.remove(caller)),
                    }
                }
            }
            _ => {
                taken.remove(&self.org);
            }
        }
    }
}

/// A body in chunks that counts in an organisation's share.
struct Counted {
    body: Body,
    /// The rest of the last frame.
    rest: Bytes,
    _share: Share,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn each_organisation_has_half_and_nothing_is_kept_of_one_without_requests() {
        for (limit, half) in [(1, 1), (2, 1), (3, 2), (8, 4)] {
            let shares = Shares::half_of(limit);
            let [a, b] = ["ORG-A", "ORG-B"].map(|org| org.parse::<OrgId>().unwrap());
            let mut of_a: Vec<_> =
                (0..half).map(|_| shares.take(&a, "anna", false).unwrap()).collect();
            let refused = shares.take(&a, "anna", false).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::ConcurrencyLimited);
            let of_b = shares.take(&b, "anna", false).unwrap();
            of_a.pop();
            of_a.push(shares.take(&a, "anna", false).unwrap());
            assert!(shares.take(&a, "anna", false).is_err());
            drop((of_a, of_b));
            assert!(shares.taken().is_empty());
        }
    }

    #[tokio::test]
    async fn a_response_counts_until_its_body_was_taken() {
        let shares = Shares::half_of(2);
        let org = "ORG-A".parse().unwrap();
        let response = Response::new(Body::from("text"));
        let response = shares.take(&org, "anna", false).unwrap().until_taken(response);
        assert!(shares.take(&org, "anna", false).is_err());
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "text");
        assert!(shares.take(&org, "anna", false).is_ok());
        let long = Bytes::from(vec![7; 2 * PART + 1]);
        let response = Response::new(Body::from(long.clone()));
        let mut body = shares.take(&org, "anna", false).unwrap().until_taken(response).into_body();
        let mut taken = Vec::new();
        while !body.is_end_stream() {
            assert!(shares.take(&org, "anna", false).is_err());
            assert_eq!(body.size_hint().exact(), Some((long.len() - taken.len()) as u64));
            let part = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert!(part.len() <= PART);
            taken.extend(part);
        }
        drop(body);
        assert_eq!(taken, long);
        let unread = shares
            .take(&org, "anna", false)
            .unwrap()
            .until_taken(Response::new(Body::from("text")));
        drop(unread);
        assert!(shares.take(&org, "anna", false).is_ok());
    }

    #[tokio::test]
    async fn heavy_requests_wait_for_their_turn_and_are_bounded() {
        let shares = Shares::half_of(1000);
        let [a, b] = ["ORG-A", "ORG-B"].map(|org| org.parse::<OrgId>().unwrap());
        let callers: Vec<_> = (0..4).map(|number| number.to_string()).collect();
        let mut heavy = Vec::new();
        for caller in &callers {
            assert!(heavy.len() < HEAVY);
            heavy.extend((0..HEAVY_OF_CALLER).map(|_| shares.take(&a, caller, true).unwrap()));
            assert!(shares.take(&a, caller, true).is_err(), "other callers still have permits");
        }
        assert_eq!(heavy.len(), HEAVY);
        assert!(shares.take(&a, "anna", true).is_err());
        let light = shares.take(&a, "anna", false).unwrap();
        assert!(light.turn().await.is_none(), "it needs none");
        let mut turns = Vec::new();
        for share in &heavy[..heavy_at_once()] {
            turns.push(share.turn().await.unwrap());
        }
        let next = heavy.pop().unwrap();
        let mut waiting = Box::pin(next.turn());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        // Another organisation has its own turns.
        assert!(shares.take(&b, "anna", true).unwrap().turn().await.is_some());
        turns.pop();
        assert!(futures_util::poll!(&mut waiting).is_ready());
        drop(waiting);
        drop((next, heavy, turns));
        assert_eq!(shares.taken()[&a].heavy, 0);
        assert!(shares.taken()[&a].callers.is_empty());
        drop(light);
        assert!(shares.taken().is_empty());
    }
}
