//! Builds a service for a test: on a new table, or as another replica on an existing one.

use std::{num::NonZeroU32, sync::Arc};

use aws_sdk_dynamodb::{Client, config::timeout::TimeoutConfig};
use clinic_api::{
    app::{AppState, Parts, RequestLimits},
    http::{headers::HeaderSettings, rate::RateSettings},
    keyring::Keyring,
    records::patients::model::search::{PatientSearch, Phonetics},
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

/// A host that webhooks can reach in addition to public addresses.
pub const LOCAL_TARGETS: &str = "receiver.test:9";

/// The retention of the access log and the audit log.
pub const AUDIT_RETENTION: Retention = Retention::TEN_YEARS;

/// Serialises the tests that send many requests at once.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A builder of a test service.
#[must_use]
#[derive(Default)]
pub struct TestAppBuilder {
    with_port: bool,
    for_many: bool,
    clock: Option<TestClock>,
    keyring: Option<Keyring>,
    search: Option<PatientSearch>,
    client: Option<Client>,
    limits: RequestLimits,
    headers: HeaderSettings,
    targets: Option<String>,
}

impl TestAppBuilder {
    /// Uses an engine that other processes can reach, at [`TestApp::endpoint`].
    pub fn with_port(mut self) -> Self {
        self.with_port = true;
        self
    }

    /// Prepares for many requests at once. Tests that request this run one after the other, because an engine would not serve
    /// them all together.
    pub fn for_many(mut self) -> Self {
        self.for_many = true;
        self
    }

    /// Sets the clock.
    pub fn clock(mut self, clock: TestClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets the keyring. Replicas share the keyring of the first service.
    pub fn keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = Some(keyring);
        self
    }

    /// Sets the search for patients. All services of the tests share one by default.
    pub fn search(mut self, search: PatientSearch) -> Self {
        self.search = Some(search);
        self
    }

    /// Sets the client of a replica.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Sets the limits. The deadline is always that of the tests.
    pub fn limits(mut self, limits: RequestLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Disables the rate limits.
    pub fn without_rates(mut self) -> Self {
        let most = NonZeroU32::MAX;
        self.limits.rates = RateSettings {
            per_address: most,
            per_principal: most,
            per_organisation: most,
            searches: most,
            ..RateSettings::default()
        };
        self
    }

    /// Allows webhooks to these hosts too.
    pub fn webhook_targets(mut self, allowed: &str) -> Self {
        self.targets = Some(allowed.to_owned());
        self
    }

    /// Enables `Server-Timing`.
    pub fn server_timing(mut self) -> Self {
        self.headers.server_timing = true;
        self
    }

    /// With these origins allowed to call from a browser.
    pub fn cors_origins(mut self, origins: &str) -> Self {
        self.headers.cors_origins = origins.parse().unwrap();
        self
    }

    /// Starts an engine, or uses the one at `CLINIC_TEST_ENDPOINT`, and creates a new table.
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
        let store = Store::new(Client::from_conf(config.build()), fresh_table())
            // The number of retries is bounded too, independently of the machine's speed.
            .with_retry_time(DEADLINE);
        store.create_table().await.unwrap();
        wire.forget();
        let kept = Arc::new(Kept { streams, engine, _turn: turn });
        self.assemble(store, wire, Arc::default(), Keyring::random(), kept)
    }

    /// Builds another replica on the table of a service, with the same clock and keyring.
    pub fn replica_of(mut self, app: &TestApp) -> TestApp {
        let store = match self.client.take() {
            Some(client) => Store::new(client, app.store.table()).with_retry_time(DEADLINE),
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
            search: self.search.unwrap_or_else(search_of_tests),
            authenticator: issuer().authenticator().unwrap(),
            audit_retention: AUDIT_RETENTION,
            // A busy machine must not cause a timeout.
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

/// The search of all services that set no other.
pub fn search_of_tests() -> PatientSearch {
    let keys = "A".repeat(43).parse().unwrap();
    PatientSearch { keys, phonetics: Phonetics::default() }
}

/// Timeouts of DynamoDB calls for tests. The engine shares few cores with all tests, so a slow response is not an outage. Calls
/// also continue when a test advances the clock by a receiver's timeout.
pub fn long_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(2 * DEADLINE)
        .operation_attempt_timeout(2 * DEADLINE)
        .operation_timeout(4 * DEADLINE)
        .build()
}
