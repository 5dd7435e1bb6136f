//! The state that handlers share, and the whole service put together.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{
    audit::{model::Access, recorder::Recorder},
    clinics::repo::ClinicDirectory,
    http::{
        ReadContext,
        auth::{self, Guard, Rules, token::Authenticator},
        body,
        concurrency::ConcurrencyLimit,
        cursor::CursorKeys,
        headers::{self, HeaderSettings},
        lifecycle::Lifecycle,
        problem,
        rate::{RateSettings, Rates},
        readiness::Readiness,
        request_id, trace,
    },
    id::PatientId,
    router,
    store::{Precondition, Store, WriteContext},
    time::Clock,
    webhooks::model::target::AllowList,
};

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    parts: Parts,
    clinics: ClinicDirectory,
    rates: Rates,
    lifecycle: Lifecycle,
    readiness: Readiness,
    recorder: Recorder,
}

/// What a service is made of.
pub struct Parts {
    /// The table.
    pub store: Store,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// The keys that seal cursors.
    pub cursor_keys: CursorKeys,
    /// What verifies tokens.
    pub authenticator: Authenticator,
    /// What it bears.
    pub limits: RequestLimits,
    /// What its answers tell browsers.
    pub headers: HeaderSettings,
    /// Where events may be sent.
    pub webhook_targets: AllowList,
}

/// What a service bears of requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// The limit of concurrent requests.
    pub concurrent: usize,
    /// How long one may take as a whole.
    pub deadline: Duration,
    /// How often anybody may ask.
    pub rates: RateSettings,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { concurrent: 1024, deadline: Duration::from_secs(30), rates: RateSettings::default() }
    }
}

impl AppState {
    /// The state of a service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let lifecycle = Lifecycle::new();
        Self(Arc::new(Shared {
            recorder: Recorder::new(parts.store.clone(), lifecycle.tasks().clone()),
            clinics: ClinicDirectory::new(parts.store.clone()),
            rates: Rates::new(&parts.limits.rates),
            lifecycle,
            readiness: Readiness::default(),
            parts,
        }))
    }

    /// The table.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// The keys that seal cursors.
    #[must_use]
    pub fn cursor_keys(&self) -> &CursorKeys {
        &self.0.parts.cursor_keys
    }

    /// Where the process stands between its start and its end.
    #[must_use]
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.0.lifecycle
    }

    /// What is known of the table.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    /// What verifies tokens.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.0.parts.authenticator
    }

    /// Where events may be sent.
    #[must_use]
    pub fn webhook_targets(&self) -> &AllowList {
        &self.0.parts.webhook_targets
    }

    /// How often anybody may ask.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Has it remembered that a request read what is known of these patients.
    pub fn note_access<'a>(
        &self,
        request: &ReadContext,
        patients: impl IntoIterator<Item = &'a PatientId>,
    ) {
        let (principal, at) = (request.grant.principal(), self.now());
        let patients: BTreeSet<_> = patients.into_iter().collect();
        for patient_id in patients {
            let context = || WriteContext {
                org: principal.org.clone(),
                subject: principal.subject.clone(),
                request_id: request.request_id.as_ref().to_owned(),
                now: at,
                precondition: Precondition::None,
                idempotency: None,
            };
            let access = Access {
                patient_id: patient_id.clone(),
                operation: request.grant.operation().to_owned(),
                subject: principal.subject.clone(),
                at,
            };
            self.0.recorder.record(context, access);
        }
    }

    /// What never changes of clinics.
    #[must_use]
    pub fn clinics(&self) -> &ClinicDirectory {
        &self.0.clinics
    }
}

/// What services of one process share. To make it takes longer than all else that a service is made of.
struct Routes {
    api: Router<AppState>,
    documentation: Router,
    rules: Rules,
}

static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let (api, document) = router::api();
    let (documentation, rules) = (router::documentation(&document), Rules::of(&document));
    Routes { api, documentation, rules }
});

/// The whole service: every route inside every layer.
pub fn service(state: AppState) -> Router {
    let Routes { api, documentation, rules } = &*ROUTES;
    let limits = state.0.parts.limits;
    let concurrency = ConcurrencyLimit::new(limits.concurrent);
    let headers = state.0.parts.headers.clone();
    let guard = Guard::new(state.clone(), rules.clone());
    let routes = api.clone().with_state(state).merge(documentation.clone());
    let routes = routes.layer(middleware::from_fn_with_state(guard, admit));
    layered(routes, limits.deadline, headers, concurrency)
}

/// Lets a request pass to its handler if its caller may.
async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    auth::authorise(&guard, request, async |request| next.run(request).await).await
}

/// Where requests come in.
#[derive(Clone)]
struct Entrance {
    headers: HeaderSettings,
    concurrency: ConcurrencyLimit,
}

/// What every request passes, the outermost first: it has its id before anything else, and a problem is rendered after
/// everything that may make one. All of it is one layer of the router, because the router boxes and clones each layer with
/// each request. The concurrency limit comes before authorisation, so that a rejection costs little.
async fn accompany(State(entrance): State<Entrance>, request: Request, next: Next) -> Response {
    let Entrance { headers, concurrency } = &entrance;
    let admit =
        async |request| concurrency.admit(request, async |request| next.run(request).await).await;
    let protect = async |request| headers::protect(headers, request, admit).await;
    let log = async |request| trace::log(headers, request, protect).await;
    let render = async |request| problem::render(request, log).await;
    request_id::assign(request, render).await
}

/// Routes inside the layers that every request passes, with a deadline for each and a limit of concurrent ones.
pub fn layered(
    routes: Router,
    deadline: Duration,
    headers: HeaderSettings,
    concurrency: ConcurrencyLimit,
) -> Router {
    let entrance = Entrance { headers, concurrency };
    let deadline = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, deadline);
    // The panic hook has logged it. What it says stays out of the log: it may hold what a handler held.
    let panics = CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(entrance, accompany))
        .layer(panics)
        .layer(deadline)
        .layer(DefaultBodyLimit::max(body::MAX_BYTES));
    routes.layer(layers)
}
