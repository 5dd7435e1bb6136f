//! A service on a fresh table of a real engine.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
};
use axum::{Router, http::Method};
use clinic_api::{
    app::{AppState, Parts, RequestLimits},
    http::{headers::HeaderSettings, rate::RateSettings},
    id::OrgId,
    keyring::Keyring,
    service::service,
    store::{Store, client::local_config, connections::Connections},
    time::Clock,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::MutexGuard;

use super::{
    Call,
    attempts::Attempts,
    callers::{admin_of, issuer},
    engine::TestEngine,
    wait::DEADLINE,
    wire::Wire,
};

/// The instant at which the clock of every test stands, on a Monday. It lies ahead of the real one, so that no
/// engine takes a fresh record for an expired one.
pub const NOW: &str = "2035-01-15T08:00:00Z";

/// Where events may be sent beside public addresses.
pub const LOCAL_TARGETS: &str = "receiver.test:9";

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl TestClock {
    fn new() -> Self {
        Self(Mutex::new(NOW.parse().unwrap()))
    }

    fn ahead_of(other: &Self, by: SignedDuration) -> Self {
        let clock = Self(Mutex::new(other.now()));
        clock.advance(by);
        clock
    }

    /// Moves the clock.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Whose turn it is to have many requests at once.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What lasts for as long as the test needs it.
pub(super) struct Kept {
    pub(super) streams: aws_sdk_dynamodbstreams::Client,
    engine: TestEngine,
    _turn: Option<MutexGuard<'static, ()>>,
}

/// A service on a fresh table.
pub struct TestApp {
    router: Router,
    state: AppState,
    /// The store behind it.
    pub store: Store,
    /// What passes between the two.
    pub wire: Arc<Wire>,
    /// The service's clock.
    pub clock: Arc<TestClock>,
    /// What stands in `Authorization`.
    bearer: String,
    /// The organisation of its administrator.
    pub org: OrgId,
    pub(super) kept: Arc<Kept>,
}

impl TestApp {
    /// Starts an engine, or uses the one that `CLINIC_TEST_ENDPOINT` names, and makes a fresh table on it.
    pub async fn spawn() -> Self {
        Self::spawn_with(TestEngine::in_this_process(), None).await
    }

    /// The same on an engine that others reach as well, at [`TestApp::endpoint`].
    pub async fn spawn_served() -> Self {
        Self::spawn_with(TestEngine::with_a_port().await, None).await
    }

    /// The same for many requests at once, as [`TestApp::spawn_for_many`].
    pub async fn spawn_served_for_many() -> Self {
        let turn = TURN.lock().await;
        Self::spawn_with(TestEngine::with_a_port().await, Some(turn)).await
    }

    /// The same for many requests at once: no other test that asks for this runs beside it, so that together they are
    /// not more than an engine bears.
    pub async fn spawn_for_many() -> Self {
        let turn = TURN.lock().await;
        Self::spawn_with(TestEngine::in_this_process(), Some(turn)).await
    }

    async fn spawn_with(engine: TestEngine, turn: Option<MutexGuard<'static, ()>>) -> Self {
        let (config, streams, calls) = engine.ways();
        let wire = Arc::new(Wire::default());
        let config = config.http_client(wire.client(calls)).timeout_config(long_timeouts());
        let store = Store::new(Client::from_conf(config.build()), fresh_table());
        store.create_table().await.unwrap();
        wire.forget();
        let clock = Arc::new(TestClock::new());
        let kept = Arc::new(Kept { streams, engine, _turn: turn });
        Self::assemble((store, wire, clock), Keyring::random(), RequestLimits::default(), kept)
    }

    fn assemble(
        (store, wire, clock): (Store, Arc<Wire>, Arc<TestClock>),
        keyring: Keyring,
        limits: RequestLimits,
        kept: Arc<Kept>,
    ) -> Self {
        let headers = HeaderSettings::default();
        Self::assemble_with((store, wire, clock), keyring, limits, kept, (LOCAL_TARGETS, headers))
    }

    fn assemble_with(
        (store, wire, clock): (Store, Arc<Wire>, Arc<TestClock>),
        keyring: Keyring,
        limits: RequestLimits,
        kept: Arc<Kept>,
        (targets, headers): (&str, HeaderSettings),
    ) -> Self {
        // A busy machine must not cut requests off.
        let limits = RequestLimits { deadline: DEADLINE, ..limits };
        let state = AppState::new(Parts {
            store: store.clone(),
            clock: clock.clone(),
            keyring,
            authenticator: issuer().authenticator().unwrap(),
            limits,
            headers,
            webhook_targets: targets.parse().unwrap(),
        });
        let bearer = admin_of("ORG-DEMO");
        let org = "ORG-DEMO".parse().unwrap();
        Self { router: service(state.clone()), state, store, wire, clock, bearer, org, kept }
    }

    /// Another replica on the same table, with limits of its own.
    pub fn with_limits(&self, limits: RequestLimits) -> Self {
        let (store, wire, clock) = (self.store.clone(), self.wire.clone(), self.clock.clone());
        Self::assemble((store, wire, clock), Keyring::random(), limits, self.kept.clone())
    }

    /// Another replica with the same keys, whose clock goes ahead of this one's.
    pub fn replica_ahead_by(&self, by: SignedDuration) -> Self {
        let clock = Arc::new(TestClock::ahead_of(&self.clock, by));
        let (store, wire, limits) =
            (self.store.clone(), self.wire.clone(), RequestLimits::default());
        let keys = self.state.keyring().clone();
        Self::assemble((store, wire, clock), keys, limits, self.kept.clone())
    }

    /// Another process on the same table, which reaches it at `endpoint`, and counts its calls.
    pub fn process_at(&self, endpoint: &str, attempts: &Attempts) -> Self {
        let calls = Connections::on_this_machine().unwrap().http_client();
        let config = local_config(endpoint, calls).timeout_config(long_timeouts());
        self.process_with(self.clock.clone(), config, attempts)
    }

    /// The same with a clock that goes ahead of this one's, and which waits no longer for its calls than the service does.
    pub fn process_ahead_by(
        &self,
        by: SignedDuration,
        endpoint: &str,
        attempts: &Attempts,
    ) -> Self {
        let calls = Connections::on_this_machine().unwrap().http_client();
        let clock = Arc::new(TestClock::ahead_of(&self.clock, by));
        self.process_with(clock, local_config(endpoint, calls), attempts)
    }

    fn process_with(&self, clock: Arc<TestClock>, config: Builder, attempts: &Attempts) -> Self {
        let config = config.interceptor(attempts.clone());
        let client = Client::from_conf(config.build());
        let (store, wire) = (Store::new(client, self.store.table()), self.wire.clone());
        let keys = self.keyring();
        Self::assemble((store, wire, clock), keys, without_rates(), self.kept.clone())
    }

    /// Another replica on the same table, of which anybody may ask as often as they like.
    pub fn without_rates(&self) -> Self {
        self.with_limits(without_rates())
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

    /// Another replica on the same table, which lets events be sent to these hosts.
    pub fn with_targets(&self, allowed: &str) -> Self {
        let parts = (self.store.clone(), self.wire.clone(), self.clock.clone());
        let (keys, limits) = (self.keyring(), RequestLimits::default());
        let headers = HeaderSettings::default();
        Self::assemble_with(parts, keys, limits, self.kept.clone(), (allowed, headers))
    }

    /// Another replica on the same table, which tells callers what their answers took.
    pub fn with_server_timing(&self) -> Self {
        let parts = (self.store.clone(), self.wire.clone(), self.clock.clone());
        let (keys, limits) = (self.keyring(), RequestLimits::default());
        let headers = HeaderSettings { server_timing: true, ..HeaderSettings::default() };
        Self::assemble_with(parts, keys, limits, self.kept.clone(), (LOCAL_TARGETS, headers))
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
        self.state.lifecycle().tasks().wait().await;
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

/// The engine shares few cores with all tests: what is slow here is not out of reach. And when a test lets the time of a
/// receiver pass, calls that are under way go on.
pub fn long_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(2 * DEADLINE)
        .operation_attempt_timeout(2 * DEADLINE)
        .operation_timeout(4 * DEADLINE)
        .build()
}

fn without_rates() -> RequestLimits {
    let most = NonZeroU32::MAX;
    let rates = RateSettings {
        per_address: most,
        per_principal: most,
        per_organisation: most,
        ..RateSettings::default()
    };
    RequestLimits { rates, ..RequestLimits::default() }
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
