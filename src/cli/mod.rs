//! The commands of the program.

pub mod backfill;
pub mod dead_letters;
pub mod healthcheck;
pub mod identity;
#[cfg(feature = "embedded")]
mod key_file;
pub mod keyring;
pub mod logging;
pub mod patients;
mod process;
mod progress;
pub mod recover_accesses;
pub mod reseal_secrets;
pub mod seed;
pub mod serve;
pub mod table;
pub mod traces;
mod verify;
pub mod worker;

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use tokio::time::timeout;

use crate::{
    config::{Engine, StoreArgs},
    store::{Store, client, connections::Connections, errors::chain, format},
};

#[cfg(feature = "embedded")]
use crate::store::embedded;

/// The timeout of a command's read of the table format.
const FORMAT_TIMEOUT: Duration = Duration::from_secs(2);

/// An open store, with its engine if that runs in this process.
#[derive(Debug)]
pub struct OpenStore {
    /// The store.
    pub store: Store,
    /// The client of the table's stream.
    pub streams: aws_sdk_dynamodbstreams::Client,
    /// The connections to DynamoDB. `None` if the engine runs in this process.
    pub connections: Option<Connections>,
    /// A human-readable description of the store.
    pub place: String,
    #[cfg(feature = "embedded")]
    engine: Option<embedded::Engine>,
}

impl OpenStore {
    /// Opens the engine of the settings.
    pub async fn open(settings: &StoreArgs) -> anyhow::Result<Self> {
        let table = settings.table.clone();
        match &settings.store {
            Engine::DynamoDb => {
                let connections = Connections::as_environment_says()
                    .map_err(anyhow::Error::from_boxed)
                    .context("the DynamoDB client can't be created")?;
                let (client, streams) = client::from_environment(&connections).await;
                let place = format!("table {table} in {}", endpoint(&client));
                Ok(Self {
                    store: Store::new(client, table),
                    streams,
                    connections: Some(connections),
                    place,
                    #[cfg(feature = "embedded")]
                    engine: None,
                })
            }
            #[cfg(feature = "embedded")]
            Engine::Memory => {
                let engine = embedded::Engine::in_memory()?;
                let place = "in memory, lost when the process ends".to_owned();
                Ok(Self::embedded(engine, table, place))
            }
            #[cfg(feature = "embedded")]
            Engine::File(path) => {
                let engine = embedded::Engine::on_file(path)?;
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                let place = format!("{} (embedded engine)", path.display());
                Ok(Self::embedded(engine, table, place))
            }
            #[cfg(not(feature = "embedded"))]
            Engine::Memory | Engine::File(_) => anyhow::bail!("this build supports only dynamodb"),
        }
    }

    /// Opens the engine like [`Self::open`], but refuses a data file that does not exist instead of
    /// creating it. For commands that need an existing table.
    pub async fn open_existing(settings: &StoreArgs) -> anyhow::Result<Self> {
        #[cfg(feature = "embedded")]
        if let Engine::File(path) = &settings.store {
            anyhow::ensure!(
                // A file that can't be examined gets the error of opening it.
                path.try_exists().unwrap_or(true),
                "{} does not exist: `clinic-api serve` or `clinic-api table create` creates it",
                path.display()
            );
        }
        Self::open(settings).await
    }

    #[cfg(feature = "embedded")]
    fn embedded(engine: embedded::Engine, table: String, place: String) -> Self {
        let store = Store::new(engine.client(), table);
        let streams = engine.streams();
        Self { store, streams, connections: None, place, engine: Some(engine) }
    }

    /// Creates the table if it does not exist.
    pub async fn ensure_table(&self) -> anyhow::Result<()> {
        self.store.create_table().await.context("the table can't be created")?;
        Ok(())
    }

    /// Refuses a table whose items have another format than this version's. A table that can't be
    /// read is not refused: `/readyz` checks it again. Returns whether the table is known to have
    /// no format yet.
    pub async fn check_format(&self) -> anyhow::Result<bool> {
        match timeout(FORMAT_TIMEOUT, self.store.format()).await {
            Ok(Ok(found)) => {
                let is_old = found.is_none() && self.connections.is_none();
                format::check(if is_old { Some(1) } else { found })?;
                return Ok(found.is_none());
            }
            Ok(Err(error)) => {
                let cause = chain(&error);
                tracing::warn!(error.message = cause, "the table format can't be read");
            }
            Err(_) => tracing::warn!("reading the table format timed out"),
        }
        Ok(false)
    }

    /// Checks the format like [`Self::check_format`]. Stores this version's format if the table has
    /// none.
    pub async fn ensure_format(&self) -> anyhow::Result<()> {
        if self.check_format().await?
            && let Ok(Err(error)) = timeout(FORMAT_TIMEOUT, self.store.add_format()).await
        {
            let cause = chain(&error);
            tracing::warn!(error.message = cause, "the table format can't be stored");
        }
        Ok(())
    }

    /// Returns the approximate number of items in the table. Returns 0 for an engine in this
    /// process, which would count them one by one.
    pub async fn item_count(&self) -> anyhow::Result<u64> {
        #[cfg(feature = "embedded")]
        if self.engine.is_some() {
            return Ok(0);
        }
        self.store.item_count().await.context("the table can't be described")
    }

    /// Lets an engine in this process confirm writes before they are on disk. For data that can be
    /// written again.
    pub fn wait_less(&self) -> anyhow::Result<()> {
        #[cfg(feature = "embedded")]
        if let Some(engine) = &self.engine {
            engine.wait_less().map_err(|error| anyhow::anyhow!(error))?;
        }
        Ok(())
    }

    /// Stops the engine and closes its file, if it runs in this process.
    #[cfg_attr(
        not(feature = "embedded"),
        expect(clippy::unused_async, reason = "there is an engine to wait for in the other build")
    )]
    pub async fn close(self) {
        #[cfg(feature = "embedded")]
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
    }
}

/// Returns the endpoint that the environment sets instead of the AWS endpoint.
fn named_endpoint() -> Option<String> {
    let set = |name| std::env::var(name).ok();
    set("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| set("AWS_ENDPOINT_URL"))
}

/// Returns whether the environment puts the table on this machine. Without a configured endpoint,
/// the table is in AWS.
fn is_on_this_machine(engine: &Engine) -> bool {
    if *engine != Engine::DynamoDb {
        return true;
    }
    // With this variable, the SDK ignores both endpoint variables (AWS SDKs reference guide,
    // "Service-specific endpoints").
    let ignored = std::env::var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if ignored.is_ok_and(|ignored| ignored.eq_ignore_ascii_case("true")) {
        return false;
    }
    named_endpoint().is_some_and(|url| is_loopback(&url))
}

fn is_loopback(url: &str) -> bool {
    let uri = url.parse::<axum::http::Uri>().ok().filter(|uri| uri.scheme().is_some());
    let host = uri.as_ref().and_then(axum::http::Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn endpoint(client: &Client) -> String {
    let region = client.config().region().map(ToString::to_string);
    let endpoint = named_endpoint();
    let region = region.unwrap_or_else(|| "no region".to_owned());
    endpoint.map_or_else(|| format!("DynamoDB, {region}"), |url| format!("{url}, {region}"))
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_addresses_are_on_this_machine() {
        for here in ["http://127.0.0.1:8000", "http://[::1]:8000/", "http://LocalHost:8000"] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "",
            "https://dynamodb.eu-central-1.amazonaws.com",
            "http://localhost.example.org:8000",
            "http://127.0.0.1.example.org",
            "http://127.0.0.1@example.org",
            "http://10.0.0.7:8000",
            "localhost",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
