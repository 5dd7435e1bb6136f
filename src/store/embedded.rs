//! The embedded engine: DynamoDB's API for this process only, with its data in one SQLite file or
//! in memory.

mod contents;
mod in_process;
mod served;
mod upkeep;

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use aws_sdk_dynamodb::Client;
pub use contents::has_items;
use dynoxide::Database;
pub use in_process::InProcess;
pub use served::Served;
use tokio::task::JoinHandle;

use super::client::{local_config, local_streams};
use crate::id::random_token;

/// The error of starting the embedded engine.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Another process uses the file.
    #[error("{} is in use by another clinic-api process{}", .path.display(), .holder)]
    InUse {
        /// The data file.
        path: PathBuf,
        /// The process, if it is known.
        holder: String,
    },
    /// The file or its folder can't be opened or created.
    #[error("{} can't be opened", .path.display())]
    Open {
        /// The data file.
        path: PathBuf,
        /// The system error.
        #[source]
        source: super::errors::StartError,
    },
    /// No port is available on the loopback address.
    #[error("the embedded engine can't listen on 127.0.0.1")]
    Listen(#[source] std::io::Error),
}

/// A running engine. Dropping it stops it; [`Engine::stop`] waits until its file is closed.
#[derive(Debug)]
pub struct Engine {
    calls: InProcess,
    upkeep: Option<JoinHandle<()>>,
    // Held while the engine may write. The system releases the lock when the process ends, even if
    // it is killed.
    _lock: Option<File>,
}

/// The placeholder endpoint of the engine: the SDK requires an address, but nothing is sent there.
const NOWHERE: &str = "http://embedded.invalid";

impl Engine {
    /// Starts an engine that keeps its data in memory.
    pub fn in_memory() -> Result<Self, EmbeddedError> {
        Self::open_in_memory().map(|(engine, _)| engine)
    }

    fn open_in_memory() -> Result<(Self, Database), EmbeddedError> {
        // A named database, so that a second connection can create the stream's index.
        let name = format!("file:{}?mode=memory&cache=shared", random_token());
        let path = PathBuf::from(":memory:");
        let database = Database::new(&name).map_err(|error| open_error(&path, error))?;
        upkeep::index_stream(&name).map_err(|error| open_error(&path, error))?;
        Ok((Self::of(database.clone(), None, None), database))
    }

    /// Starts an engine on a file, within a runtime. Creates the file and its folders if missing,
    /// and locks out other processes.
    pub fn on_file(path: &Path) -> Result<Self, EmbeddedError> {
        if let Some(folder) = path.parent() {
            let mut private = DirBuilder::new();
            private.recursive(true).mode(0o700);
            private.create(folder).map_err(|error| open_error(path, error))?;
        }
        // Created before SQLite does, readable by this user only. SQLite's files next to it get the
        // same mode.
        private_file(path).map_err(|error| open_error(path, error))?;
        // The canonical path, so that no link leads two processes to the same file.
        let path = &path.canonicalize().map_err(|error| open_error(path, error))?;
        let lock = lock(path)?;
        let name = path.to_string_lossy();
        let database = Database::new(&name).map_err(|error| open_error(path, error))?;
        upkeep::index_stream(&name).map_err(|error| open_error(path, error))?;
        Ok(Self::of(database, Some(lock), Some(path.clone())))
    }

    fn of(database: Database, lock: Option<File>, data: Option<PathBuf>) -> Self {
        Self {
            calls: InProcess::to(database),
            upkeep: data.map(|path| tokio::spawn(upkeep::trim_stream(path))),
            _lock: lock,
        }
    }

    /// Returns the HTTP client that passes the SDK's calls to this engine.
    pub fn http_client(&self) -> InProcess {
        self.calls.clone()
    }

    /// Returns the settings of a client of this engine.
    pub fn config(&self) -> aws_sdk_dynamodb::config::Builder {
        local_config(NOWHERE, self.http_client())
    }

    /// Returns a client of this engine.
    pub fn client(&self) -> Client {
        Client::from_conf(self.config().build())
    }

    /// Returns a client of its streams.
    pub fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        local_streams(NOWHERE, self.http_client())
    }

    /// Stops waiting for the disk on each write (SQLite, `PRAGMA synchronous = NORMAL`). For
    /// callers that can repeat the writes that a power failure loses.
    pub fn wait_less(&self) -> Result<(), super::errors::StartError> {
        // The engine enters this mode when it ends a bulk load. It offers no other way.
        self.calls.database().map_or(Ok(()), |database| Ok(database.disable_bulk_loading()?))
    }

    /// Stops the engine: waits for running calls and closes the file.
    pub async fn stop(mut self) {
        if let Some(upkeep) = self.upkeep.take() {
            upkeep.abort();
            // Wait for a deletion in progress.
            let _ = upkeep.await;
        }
        let calls = self.calls.clone();
        let _ = tokio::task::spawn_blocking(move || calls.close()).await;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(upkeep) = &self.upkeep {
            upkeep.abort();
        }
        self.calls.close();
    }
}

fn open_error(path: &Path, source: impl Into<super::errors::StartError>) -> EmbeddedError {
    EmbeddedError::Open { path: path.to_owned(), source: source.into() }
}

/// Returns the path of a file next to a data file: the name of the data file plus `suffix`.
pub fn beside_data(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a file that nobody else may read. Creates it if missing.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).write(true).truncate(false).mode(0o600).open(path)
}

/// Locks the lock file next to the data file. The system releases the lock when the process ends,
/// even if it is killed.
fn lock(path: &Path) -> Result<File, EmbeddedError> {
    let beside = beside_data(path, ".lock");
    let mut file = private_file(&beside).map_err(|error| open_error(path, error))?;
    match file.try_lock() {
        Ok(()) => {
            let noted = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            noted.map_err(|error| open_error(path, error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = std::fs::read_to_string(&beside).unwrap_or_default();
            let holder = match holder.trim() {
                "" => String::new(),
                pid => format!(" (process {pid})"),
            };
            Err(EmbeddedError::InUse { path: path.to_owned(), holder })
        }
        Err(TryLockError::Error(error)) => Err(open_error(path, error)),
    }
}
