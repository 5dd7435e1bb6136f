//! A table that processes share.

use std::{path::Path, process::Command};

use aws_sdk_dynamodb::config::{Credentials, Region};
use clinic_api::store::{client::local_config, connections::Connections, embedded::Served};

use super::{program, text};
use crate::support::app::{external_endpoint, fresh_table};

/// A table on an engine of another process than the service's: an embedded one, or the suite's own.
pub struct RemoteTable {
    endpoint: String,
    /// The table's name.
    pub name: String,
    _engine: Option<Served>,
}

impl RemoteTable {
    /// An engine without the table.
    pub async fn missing() -> Self {
        let (engine, endpoint) = if let Some(endpoint) = external_endpoint() {
            (None, endpoint)
        } else {
            let engine = Served::in_memory().await.unwrap();
            let endpoint = engine.endpoint().to_owned();
            (Some(engine), endpoint)
        };
        Self { endpoint, name: fresh_table(), _engine: engine }
    }

    /// Where the engine is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The program with this table in its environment.
    pub fn program(&self, folder: &Path) -> Command {
        let mut command = program(folder);
        command
            .env("CLINIC_API_STORE", "dynamodb")
            .env("CLINIC_API_TABLE", &self.name)
            .env("CLINIC_API_SECRET_KEYS", "A".repeat(43))
            .env("AWS_ENDPOINT_URL_DYNAMODB", &self.endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "x")
            .env("AWS_SECRET_ACCESS_KEY", "x");
        command
    }

    /// A client of the engine with the program's credentials: DynamoDB Local has other tables for others'.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        let calls = Connections::on_this_machine().unwrap().http_client();
        let config = local_config(&self.endpoint, calls)
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("x", "x", None, None, "test"));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Makes the table.
    pub fn create(&self, folder: &Path) {
        let output = self.program(folder).args(["table", "create"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
}
