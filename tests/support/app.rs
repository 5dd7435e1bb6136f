//! A service on a new table of a real engine.

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

/// Resources that live as long as the test.
pub(super) struct Kept {
    pub(super) streams: aws_sdk_dynamodbstreams::Client,
    pub(super) engine: TestEngine,
    pub(super) _turn: Option<MutexGuard<'static, ()>>,
}

/// A service on a new table.
pub struct TestApp {
    pub(super) router: Router,
    pub(super) state: AppState,
    /// The store of the service.
    pub store: Store,
    /// The wire between service and engine, for faults and counting.
    pub wire: Arc<Wire>,
    /// The service's clock.
    pub clock: Arc<TestClock>,
    /// The value of `Authorization`.
    pub(super) bearer: String,
    /// The organisation of the administrator who sends the requests.
    pub org: OrgId,
    pub(super) kept: Arc<Kept>,
}

impl TestApp {
    /// A builder for a service with other settings.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder::default()
    }

    /// A service with the default settings, on a new table.
    pub async fn spawn() -> Self {
        Self::builder().spawn().await
    }

    /// The same service, called by the administrator of another organisation.
    pub fn in_org(&self, org: &str) -> Self {
        Self { org: org.parse().unwrap(), ..self.with_bearer(admin_of(org)) }
    }

    /// The same service, called with another token.
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

    /// The endpoint of the engine, if the builder requested a port.
    pub fn endpoint(&self) -> &str {
        self.kept.engine.endpoint()
    }

    /// The service's keyring.
    pub fn keyring(&self) -> Keyring {
        self.state.keyring().clone()
    }

    /// Waits until all background writes are done.
    pub async fn settle(&self) {
        self.state.lifecycle().tasks.wait().await;
    }

    /// A request with any method.
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

/// The endpoint of an external engine, if the suite runs on one.
pub fn external_endpoint() -> Option<String> {
    std::env::var("CLINIC_TEST_ENDPOINT").ok()
}

/// A table name that no other test uses, in this run or another.
pub fn fresh_table() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let run = std::process::id();
    format!("test-{run}-{}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed), rand::random::<u32>())
}
