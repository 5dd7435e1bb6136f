//! An embedded engine that other processes can reach. Tests and benchmarks use it to run the
//! service as it is shipped.

use dynoxide::server::serve_with_shutdown;
use tokio::{net::TcpListener, sync::oneshot};

use super::{EmbeddedError, Engine};

/// An in-memory engine with an unauthenticated port on the loopback address. Dropping it stops it.
#[derive(Debug)]
pub struct Served {
    engine: Engine,
    endpoint: String,
    // Dropping this stops the server.
    _stop: oneshot::Sender<()>,
}

impl Served {
    /// Starts an engine.
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
                tracing::error!("the server of the embedded engine failed");
            }
        });
        Ok(Self { engine, endpoint: format!("http://{address}"), _stop: stop })
    }

    /// Returns the URL of the engine.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the engine, for use in this process.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}
