//! An engine that other processes reach as well: for tests and benchmarks, which run the service as it is shipped.

use dynoxide::server::serve_with_shutdown;
use tokio::{net::TcpListener, sync::oneshot};

use super::{EmbeddedError, Engine};

/// An engine in memory with a port on the loopback address, which asks nobody who they are. Dropping it stops it.
#[derive(Debug)]
pub struct Served {
    engine: Engine,
    endpoint: String,
    // The server ends with it.
    _stop: oneshot::Sender<()>,
}

impl Served {
    /// Starts one.
    pub async fn in_memory() -> Result<Self, EmbeddedError> {
        let (engine, database) = Engine::open_in_memory()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(EmbeddedError::Listen)?;
        let address = listener.local_addr().map_err(EmbeddedError::Listen)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        tokio::spawn(async move {
            if serve_with_shutdown(listener, database, stopped).await.is_err() {
                tracing::error!("the embedded engine's port was closed");
            }
        });
        Ok(Self { engine, endpoint: format!("http://{address}"), _stop: stop })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The engine, for this process.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}
