//! The complete service: all routes with all layers.

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
        body, compression,
        concurrency::ConcurrencyLimit,
        cors,
        headers::{self, HeaderSettings},
        problem,
        rate::Rates,
        request_id,
        share::Shares,
        trace,
    },
    router,
};

/// The part that all services of a process share, because it is the slowest to build.
struct Routes {
    api: Router<AppState>,
    documentation: Router<AppState>,
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
        shares: Shares::half_of(limits.concurrent),
        clock: clock.clone(),
        rules: rules.clone(),
    };
    let (deadline, headers) = (limits.deadline, headers.clone());
    let concurrency = ConcurrencyLimit::new(limits.concurrent);
    let routes = api.clone().merge(documentation.clone()).with_state(state);
    // Inside the guard: a compressed response counts in its organisation's share until its client has taken it.
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(Arc::new(guard), authorise))
        .layer(middleware::from_fn(compression::complete))
        .layer(compression::layer());
    let routes = routes.layer(layers);
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

/// The layers of every request, outermost first. A request gets its id before anything else, and a
/// problem is rendered after every layer that may create one. The concurrency limit comes before
/// authorisation, so that a rejection costs little. All are one layer of the router, because the
/// router boxes and clones each layer for each request.
async fn enter(State(entrance): State<Entrance>, request: Request, next: Next) -> Response {
    let Entrance { headers, concurrency } = &entrance;
    let admit =
        async |request| concurrency.admit(request, async |request| next.run(request).await).await;
    let protect = async |request| headers::protect(headers, request, admit).await;
    let log = async |request| trace::log(headers, request, protect).await;
    let render = async |request| problem::render(request, log).await;
    request_id::assign(request, render).await
}

/// Adds the layers of every request to routes. CORS is the outermost layer: browsers can then read
/// every error, and preflight requests need no token and count against no limit.
pub fn layered(
    routes: Router,
    deadline: Duration,
    headers: HeaderSettings,
    concurrency: ConcurrencyLimit,
) -> Router {
    let cors = cors::layer(&headers.cors_origins);
    let entrance = Entrance { headers, concurrency };
    let deadline = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, deadline);
    // The panic hook has logged the location. The message is not logged: it may contain patient
    // data.
    let panics = CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    let layers = ServiceBuilder::new()
        .option_layer(cors)
        .layer(middleware::from_fn_with_state(entrance, enter))
        .layer(panics)
        .layer(deadline)
        .layer(DefaultBodyLimit::max(body::MAX_BYTES));
    routes.layer(layers)
}
