//! A service on a fresh table of a real engine.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{Router, http::Method};
use clinic_api::{app::AppState, id::OrgId, keyring::Keyring, store::Store};
use tokio::sync::MutexGuard;

use super::{
    Call, builder::TestAppBuilder, callers::admin_of, clock::TestClock, engine::TestEngine,
    wire::Wire,
};

/// What lasts for as long as the test needs it.
pub(super) struct Kept {
    pub(super) streams: aws_sdk_dynamodbstreams::Client,
    pub(super) engine: TestEngine,
    pub(super) _turn: Option<MutexGuard<'static, ()>>,
}

/// A service on a fresh table.
pub struct TestApp {
    pub(super) router: Router,
    pub(super) state: AppState,
    /// The store behind it.
    pub store: Store,
    /// What passes between the two.
    pub wire: Arc<Wire>,
    /// The service's clock.
    pub clock: Arc<TestClock>,
    /// What stands in `Authorization`.
    pub(super) bearer: String,
    /// The organisation of its administrator.
    pub org: OrgId,
    pub(super) kept: Arc<Kept>,
}

impl TestApp {
    /// A service that is not built yet.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder::default()
    }

    /// A service as most tests need it, on a fresh table.
    pub async fn spawn() -> Self {
        Self::builder().spawn().await
    }

    /// The same service for the administrator of another organisation.
    pub fn in_org(&self, org: &str) -> Self {
        Self { org: org.parse().unwrap(), ..self.with_bearer(admin_of(org)) }
    }

    /// The same service for the bearer of a token.
    pub fn with_bearer(&self, token: String) -> Self {
        Self {
            router: self.router.clone(),
            state: self.state.clone(),
            store: self.store.clone(),
            wire: self.wire.clone(),
            clock: self.clock.clone(),
            bearer: token,
            org: self.org.clone(),
            kept: self.kept.clone(),
        }
    }

    /// Where the engine listens, if it was asked to.
    pub fn endpoint(&self) -> &str {
        self.kept.engine.endpoint()
    }

    /// The service's keyring.
    pub fn keyring(&self) -> Keyring {
        self.state.keyring().clone()
    }

    /// Waits until nothing is written beside requests any more.
    pub async fn settle(&self) {
        self.state.lifecycle().tasks.wait().await;
    }

    /// A request of any method.
    pub fn request(&self, method: Method, path: &str) -> Call {
        Call::new(self.router.clone(), method, path).bearer(&self.bearer)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Call {
        self.request(Method::GET, path)
    }

    /// A POST.
    pub fn post(&self, path: &str) -> Call {
        self.request(Method::POST, path)
    }

    /// A PATCH.
    pub fn patch(&self, path: &str) -> Call {
        self.request(Method::PATCH, path)
    }

    /// A DELETE.
    pub fn delete(&self, path: &str) -> Call {
        self.request(Method::DELETE, path)
    }
}

/// The engine outside this process on which the suite runs, if there is one.
pub fn external_endpoint() -> Option<String> {
    std::env::var("CLINIC_TEST_ENDPOINT").ok()
}

/// A table's name that no other test has, in this run or another.
pub fn fresh_table() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let run = std::process::id();
    format!("test-{run}-{}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed), rand::random::<u32>())
}
