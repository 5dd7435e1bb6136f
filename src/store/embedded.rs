//! The engine inside the process: DynamoDB's API for this process alone, its data in one SQLite file or in memory.

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
use dynoxide::Database;
pub use in_process::InProcess;
pub use served::Served;
use tokio::task::JoinHandle;

use super::client::{local_config, local_streams};
use crate::id::random_token;

/// Why the embedded engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Another process has the file.
    #[error("{} is in use by another clinic-api process{}", .path.display(), .holder)]
    InUse {
        /// The data file.
        path: PathBuf,
        /// Which process it is, where it said so.
        holder: String,
    },
    /// The file or its folder can't be opened or made.
    #[error("{} can't be opened", .path.display())]
    Open {
        /// The data file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: super::errors::StartError,
    },
    /// No port could be had on the loopback address.
    #[error("the embedded engine can't listen on 127.0.0.1")]
    Listen(#[source] std::io::Error),
}

/// A running engine. Dropping it stops it; [`Engine::stop`] waits until its file is closed.
#[derive(Debug)]
pub struct Engine {
    calls: InProcess,
    upkeep: Option<JoinHandle<()>>,
    // Held for as long as the engine may write: the lock goes when the process does, however it ends.
    _lock: Option<File>,
}

/// What stands for the engine in the SDK's settings, which ask for an address; nothing is sent there.
const NOWHERE: &str = "http://embedded.invalid";

impl Engine {
    /// Starts an engine that keeps its data in memory.
    pub fn in_memory() -> Result<Self, EmbeddedError> {
        Self::open_in_memory().map(|(engine, _)| engine)
    }

    fn open_in_memory() -> Result<(Self, Database), EmbeddedError> {
        // By a name, under which a second connection can give the stream its index.
        let name = format!("file:{}?mode=memory&cache=shared", random_token());
        let path = PathBuf::from(":memory:");
        let database = Database::new(&name).map_err(|error| open_error(&path, error))?;
        upkeep::index_stream(&name).map_err(|error| open_error(&path, error))?;
        Ok((Self::of(database.clone(), None, None), database))
    }

    /// Starts an engine on a file, made with its folders if missing, within a runtime. It keeps other processes off.
    pub fn on_file(path: &Path) -> Result<Self, EmbeddedError> {
        if let Some(folder) = path.parent() {
            let mut private = DirBuilder::new();
            private.recursive(true).mode(0o700);
            private.create(folder).map_err(|error| open_error(path, error))?;
        }
        // Made before SQLite makes it, for this user alone; what SQLite puts beside it has the same mode.
        private_file(path).map_err(|error| open_error(path, error))?;
        // By its real name, so that no link leads two processes to one file.
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

    /// What carries the SDK's calls to this engine.
    pub fn http_client(&self) -> InProcess {
        self.calls.clone()
    }

    /// The settings of a client of this engine.
    pub fn config(&self) -> aws_sdk_dynamodb::config::Builder {
        local_config(NOWHERE, self.http_client())
    }

    /// A client of this engine.
    pub fn client(&self) -> Client {
        Client::from_conf(self.config().build())
    }

    /// A client of its streams.
    pub fn streams(&self) -> aws_sdk_dynamodbstreams::Client {
        local_streams(NOWHERE, self.http_client())
    }

    /// Has the engine no longer wait for the disk with every write (SQLite, `PRAGMA synchronous = NORMAL`): for who can write
    /// again what a loss of power takes.
    pub fn wait_less(&self) -> Result<(), super::errors::StartError> {
        // What it goes back to after a bulk load is that mode, and there is no other way to it.
        self.calls.database().map_or(Ok(()), |database| Ok(database.disable_bulk_loading()?))
    }

    /// Stops the engine, lets running calls finish and closes the file.
    pub async fn stop(mut self) {
        if let Some(upkeep) = self.upkeep.take() {
            upkeep.abort();
            // What it was just removing ends first.
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

/// The path of what stands beside a data file: its name with `suffix` behind it.
pub fn beside_data(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a file, made if missing, that nobody else may read.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).write(true).truncate(false).mode(0o600).open(path)
}

/// Takes the lock beside the data file, which the system gives back when the process ends, killed or not.
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
