//! How a service of the tests is built: on a fresh table, or as another replica on the table of one that there is.

use std::{num::NonZeroU32, sync::Arc};

use aws_sdk_dynamodb::{Client, config::timeout::TimeoutConfig};
use clinic_api::{
    app::{AppState, Parts, RequestLimits},
    http::{headers::HeaderSettings, rate::RateSettings},
    keyring::Keyring,
    service::service,
    store::Store,
    time::Retention,
};

use super::{
    app::{Kept, TestApp, fresh_table},
    callers::{admin_of, issuer},
    clock::TestClock,
    engine::TestEngine,
    wait::DEADLINE,
    wire::Wire,
};

/// Where events may be sent beside public addresses.
pub const LOCAL_TARGETS: &str = "receiver.test:9";

/// How long the access log and the audit log are kept.
pub const AUDIT_RETENTION: Retention = Retention::TEN_YEARS;

/// Whose turn it is to have many requests at once.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A service that is not built yet.
#[must_use]
#[derive(Default)]
pub struct TestAppBuilder {
    with_port: bool,
    for_many: bool,
    clock: Option<TestClock>,
    keyring: Option<Keyring>,
    client: Option<Client>,
    limits: RequestLimits,
    headers: HeaderSettings,
    targets: Option<String>,
}

impl TestAppBuilder {
    /// On an engine that others reach as well, at [`TestApp::endpoint`].
    pub fn with_port(mut self) -> Self {
        self.with_port = true;
        self
    }

    /// For many requests at once: no other test that asks for this runs beside it, so that together they are not more than an
    /// engine bears.
    pub fn for_many(mut self) -> Self {
        self.for_many = true;
        self
    }

    /// With a clock of its own.
    pub fn clock(mut self, clock: TestClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// With keys of its own; other replicas have those of the first.
    pub fn keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = Some(keyring);
        self
    }

    /// A replica that reaches the table with this client.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// With limits of its own; that of time is the tests'.
    pub fn limits(mut self, limits: RequestLimits) -> Self {
        self.limits = limits;
        self
    }

    /// With as many requests of anybody as they like.
    pub fn without_rates(mut self) -> Self {
        let most = NonZeroU32::MAX;
        self.limits.rates = RateSettings {
            per_address: most,
            per_principal: most,
            per_organisation: most,
            ..RateSettings::default()
        };
        self
    }

    /// With events sent to these hosts as well.
    pub fn webhook_targets(mut self, allowed: &str) -> Self {
        self.targets = Some(allowed.to_owned());
        self
    }

    /// With the times of a request in its answer.
    pub fn server_timing(mut self) -> Self {
        self.headers.server_timing = true;
        self
    }

    /// Starts an engine, or uses the one that `CLINIC_TEST_ENDPOINT` names, and makes a fresh table on it.
    pub async fn spawn(self) -> TestApp {
        assert!(self.client.is_none(), "only a replica has a client of its own");
        let turn = if self.for_many { Some(TURN.lock().await) } else { None };
        let engine = if self.with_port {
            TestEngine::with_a_port().await
        } else {
            TestEngine::in_this_process()
        };
        let (config, streams, calls) = engine.ways();
        let wire = Arc::new(Wire::default());
        let config = config.http_client(wire.client(calls)).timeout_config(long_timeouts());
        let store = Store::new(Client::from_conf(config.build()), fresh_table());
        store.create_table().await.unwrap();
        wire.forget();
        let kept = Arc::new(Kept { streams, engine, _turn: turn });
        self.assemble(store, wire, Arc::default(), Keyring::random(), kept)
    }

    /// Makes another replica on the table of a service, with its clock and its keys.
    pub fn replica_of(mut self, app: &TestApp) -> TestApp {
        let store = match self.client.take() {
            Some(client) => Store::new(client, app.store.table()),
            None => app.store.clone(),
        };
        let (wire, clock, kept) = (app.wire.clone(), app.clock.clone(), app.kept.clone());
        self.assemble(store, wire, clock, app.keyring(), kept)
    }

    fn assemble(
        self,
        store: Store,
        wire: Arc<Wire>,
        clock: Arc<TestClock>,
        keyring: Keyring,
        kept: Arc<Kept>,
    ) -> TestApp {
        let clock = self.clock.map_or(clock, Arc::new);
        let state = AppState::new(Parts {
            store: store.clone(),
            clock: clock.clone(),
            keyring: self.keyring.unwrap_or(keyring),
            authenticator: issuer().authenticator().unwrap(),
            audit_retention: AUDIT_RETENTION,
            // A busy machine must not cut requests off.
            limits: RequestLimits { deadline: DEADLINE, ..self.limits },
            headers: self.headers,
            webhook_targets: self.targets.as_deref().unwrap_or(LOCAL_TARGETS).parse().unwrap(),
        });
        TestApp {
            router: service(state.clone()),
            state,
            store,
            wire,
            clock,
            bearer: admin_of("ORG-DEMO"),
            org: "ORG-DEMO".parse().unwrap(),
            kept,
        }
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
