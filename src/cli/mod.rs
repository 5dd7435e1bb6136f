//! What the command line does.

pub mod backfill;
pub mod cursor_keys;
pub mod dead_letters;
pub mod healthcheck;
pub mod identity;
pub mod logging;
pub mod reseal_secrets;
pub mod serve;
pub mod signals;
pub mod table;
pub mod traces;
pub mod verify;
pub mod worker;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;

use crate::{
    config::{Engine, StoreArgs},
    store::{Store, client},
};

#[cfg(feature = "embedded")]
use crate::store::embedded;

/// An open store, and the engine behind it where that runs in this process.
#[derive(Debug)]
pub struct OpenStore {
    /// The store.
    pub store: Store,
    /// The client of the table's stream.
    pub streams: aws_sdk_dynamodbstreams::Client,
    /// Where the data are, for people.
    pub place: String,
    #[cfg(feature = "embedded")]
    engine: Option<embedded::Engine>,
}

impl OpenStore {
    /// Opens the engine that the settings name.
    ///
    /// # Errors
    /// What keeps the engine from starting, for people.
    pub async fn open(settings: &StoreArgs) -> anyhow::Result<Self> {
        let table = settings.table.clone();
        match &settings.store {
            Engine::DynamoDb => {
                let (client, streams) = client::from_environment().await;
                let place = format!("table {table} in {}", endpoint(&client));
                Ok(Self {
                    store: Store::new(client, table),
                    streams,
                    place,
                    #[cfg(feature = "embedded")]
                    engine: None,
                })
            }
            #[cfg(feature = "embedded")]
            Engine::Memory => {
                let engine = embedded::Engine::in_memory()?;
                let place = "in memory: they are gone when the service stops".to_owned();
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
            Engine::Memory | Engine::File(_) => anyhow::bail!("this build has dynamodb alone"),
        }
    }

    #[cfg(feature = "embedded")]
    fn embedded(engine: embedded::Engine, table: String, place: String) -> Self {
        let store = Store::new(engine.client(), table);
        Self { store, streams: engine.streams(), place, engine: Some(engine) }
    }

    /// Makes the table where it is missing.
    ///
    /// # Errors
    /// What the database said.
    pub async fn ensure_table(&self) -> anyhow::Result<()> {
        self.store.create_table().await.context("the table can't be made")?;
        Ok(())
    }

    /// Stops the engine, if it runs in this process, and closes its file.
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

fn endpoint(client: &Client) -> String {
    let region = client.config().region().map(ToString::to_string);
    let endpoint = std::env::var("AWS_ENDPOINT_URL_DYNAMODB")
        .or_else(|_| std::env::var("AWS_ENDPOINT_URL"))
        .ok();
    let region = region.unwrap_or_else(|| "no region".to_owned());
    endpoint.map_or_else(|| format!("DynamoDB, {region}"), |url| format!("{url}, {region}"))
}
