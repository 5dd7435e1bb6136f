//! The state that handlers share, and the whole service put together.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
};
use jiff::Timestamp;
use tower_http::{
    catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer,
};

use crate::{
    clinics::repo::ClinicDirectory,
    http::{
        body, cursor::CursorKeys, lifecycle::Lifecycle, principal::Principal, problem,
        readiness::Readiness, request_id, trace,
    },
    router,
    store::Store,
    time::Clock,
};

/// How long a request may take as a whole.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    cursor_keys: CursorKeys,
    principal: Principal,
    clinics: ClinicDirectory,
    lifecycle: Lifecycle,
    readiness: Readiness,
}

impl AppState {
    /// The state of a service on a store.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        cursor_keys: CursorKeys,
        principal: Principal,
    ) -> Self {
        let clinics = ClinicDirectory::new(store.clone());
        Self(Arc::new(Shared {
            store,
            clock,
            cursor_keys,
            principal,
            clinics,
            lifecycle: Lifecycle::new(),
            readiness: Readiness::default(),
        }))
    }

    /// The table.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The keys that seal cursors.
    #[must_use]
    pub fn cursor_keys(&self) -> &CursorKeys {
        &self.0.cursor_keys
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

    /// What never changes of clinics.
    #[must_use]
    pub fn clinics(&self) -> &ClinicDirectory {
        &self.0.clinics
    }
}

impl FromRef<AppState> for Principal {
    fn from_ref(state: &AppState) -> Self {
        state.0.principal.clone()
    }
}

/// The whole service: every route inside every layer.
pub fn service(state: AppState) -> Router {
    let (api, document) = router::api();
    let routes = api.with_state(state).merge(router::documentation(&document));
    layered(routes, REQUEST_DEADLINE)
}

/// Routes inside the layers that every request passes, each of which may take as long as `deadline`.
pub fn layered(routes: Router, deadline: Duration) -> Router {
    let no_store = SetResponseHeaderLayer::if_not_present(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    let nosniff = SetResponseHeaderLayer::overriding(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    let deadline = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, deadline);
    // The last layer is the outermost: a request has its id before anything else, and a problem is rendered
    // after everything that may make one.
    routes
        .layer(DefaultBodyLimit::max(body::MAX_BYTES))
        .layer(deadline)
        .layer(CatchPanicLayer::new())
        .layer(no_store)
        .layer(nosniff)
        .layer(middleware::from_fn(trace::log))
        .layer(middleware::from_fn(problem::render))
        .layer(middleware::from_fn(request_id::assign))
}
