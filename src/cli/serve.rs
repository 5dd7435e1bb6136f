//! `clinic-api serve`: the service from start to end.

#[cfg(feature = "embedded")]
use std::path::Path;
use std::{io::IsTerminal as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::OpenStore;
use crate::{
    app::{AppState, service},
    config::{Engine, LogFormat, ServeArgs},
    http::{cursor::CursorKeys, principal::Principal},
    time::SystemClock,
};

/// How long running requests may take to finish once the service is told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Runs the service until it is told to stop.
///
/// # Errors
/// What keeps it from starting, for people.
pub async fn run(settings: ServeArgs) -> anyhow::Result<()> {
    start_logging(&settings)?;
    // The engine first: it keeps other processes off the files beside the data.
    let open = OpenStore::open(&settings.store).await?;
    let cursor_keys = cursor_keys(&settings)?;
    if settings.store.store != Engine::DynamoDb {
        open.ensure_table().await?;
    }
    let address = settings.listen.listen;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("can't listen on {address} (--listen)"))?;
    let address = listener.local_addr()?;
    greet(&address.to_string(), &open.place);
    let principal = Principal::development(settings.development_org);
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "every caller that reaches this address is an administrator: there are no identities yet");
    }
    let state = AppState::new(open.store.clone(), Arc::new(SystemClock), cursor_keys, principal);
    serve(listener, state).await?;
    open.close().await;
    Ok(())
}

fn greet(address: &str, place: &str) {
    println!("clinic-api {}", env!("CARGO_PKG_VERSION"));
    println!("  API         http://{address}/v1/clinics");
    println!("  Swagger UI  http://{address}/docs/");
    println!("  Data        {place}");
}

async fn serve(listener: TcpListener, state: AppState) -> anyhow::Result<()> {
    let (stop, mut stopped) = watch::channel(false);
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("stopping: no new connections, running requests finish");
        let _ = stop.send(true);
    });
    let mut told = stopped.clone();
    let graceful = axum::serve(listener, service(state)).with_graceful_shutdown(async move {
        let _ = told.wait_for(|stop| *stop).await;
    });
    let deadline = async {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = graceful.into_future() => served.context("the service ended"),
        () = deadline => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    }
}

/// At TRACE, the SDK and the embedded engine log whole items, and so what is known of patients: whatever is
/// asked for, only our own lines come at that level.
fn shows_no_bodies(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::DEBUG || line.target().starts_with("clinic_api")
}

fn start_logging(settings: &ServeArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log).context("--log is no filter")?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(shows_no_bodies));
    match settings.log_format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Ok(())
}

fn cursor_keys(settings: &ServeArgs) -> anyhow::Result<CursorKeys> {
    if let Some(keys) = &settings.cursor_keys {
        return Ok(keys.clone());
    }
    match &settings.store.store {
        Engine::Memory => Ok(CursorKeys::random()),
        #[cfg(feature = "embedded")]
        Engine::File(path) => key_beside(path),
        #[cfg(not(feature = "embedded"))]
        Engine::File(_) => anyhow::bail!("this build has dynamodb alone"),
        Engine::DynamoDb => anyhow::bail!(
            "--cursor-keys (CLINIC_API_CURSOR_KEYS) is needed with --store dynamodb: all replicas share it; \
             `clinic-api cursor-key` makes one"
        ),
    }
}

/// The key beside the data file, made with it, so that cursors outlive a restart.
#[cfg(feature = "embedded")]
fn key_beside(data: &Path) -> anyhow::Result<CursorKeys> {
    let path = crate::store::embedded::beside_data(data, ".cursor-key");
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = crate::http::cursor::new_key();
            write_private(&path, &key).with_context(|| format!("{shown} can't be written"))?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} can't be read")),
    };
    text.trim().parse().with_context(|| format!("{shown} holds no key: delete it for a new one"))
}

#[cfg(feature = "embedded")]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
