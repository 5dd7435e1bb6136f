//! The whole service: every route inside every layer.

use std::{
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
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{
    aggregates,
    app::{AppState, Parts},
    http::{
        auth::{self, Guard, Rules},
        body,
        concurrency::ConcurrencyLimit,
        headers::{self, HeaderSettings},
        problem,
        rate::Rates,
        request_id, trace,
    },
    router,
};

/// The part that services of one process share: building it takes longer than the rest.
struct Routes {
    api: Router<AppState>,
    documentation: Router,
    rules: Rules,
}

static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let (api, document) = router::api();
    let (documentation, rules) =
        (router::documentation(&document), Rules::new(&document, aggregates::policy()));
    Routes { api, documentation, rules }
});

/// Assembles the service.
pub fn service(state: AppState) -> Router {
    let Routes { api, documentation, rules } = &*ROUTES;
    let Parts { limits, headers, authenticator, clock, .. } = state.parts();
    let guard = Guard {
        authenticator: authenticator.clone(),
        rates: Rates::new(&limits.rates),
        clock: clock.clone(),
        rules: rules.clone(),
    };
    let (deadline, headers) = (limits.deadline, headers.clone());
    let concurrency = ConcurrencyLimit::new(limits.concurrent);
    let routes = api.clone().with_state(state).merge(documentation.clone());
    let routes = routes.layer(middleware::from_fn_with_state(Arc::new(guard), authorise));
    layered(routes, deadline, headers, concurrency)
}

async fn authorise(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    auth::authorise(&guard, request, async |request| next.run(request).await).await
}

#[derive(Clone)]
struct Entrance {
    headers: HeaderSettings,
    concurrency: ConcurrencyLimit,
}

/// The layers of every request, the outermost first: a request has its id before anything else, and a problem is rendered
/// after everything that may make one. They are one layer of the router, because the router boxes and clones each layer
/// with each request. The concurrency limit comes before authorisation, so that a rejection costs little.
async fn enter(State(entrance): State<Entrance>, request: Request, next: Next) -> Response {
    let Entrance { headers, concurrency } = &entrance;
    let admit =
        async |request| concurrency.admit(request, async |request| next.run(request).await).await;
    let protect = async |request| headers::protect(headers, request, admit).await;
    let log = async |request| trace::log(headers, request, protect).await;
    let render = async |request| problem::render(request, log).await;
    request_id::assign(request, render).await
}

/// Puts routes inside the layers that every request passes.
pub fn layered(
    routes: Router,
    deadline: Duration,
    headers: HeaderSettings,
    concurrency: ConcurrencyLimit,
) -> Router {
    let entrance = Entrance { headers, concurrency };
    let deadline = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, deadline);
    // The panic hook has logged it. Its text stays out of the log: it may hold what a handler held.
    let panics = CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(entrance, enter))
        .layer(panics)
        .layer(deadline)
        .layer(DefaultBodyLimit::max(body::MAX_BYTES));
    routes.layer(layers)
}
