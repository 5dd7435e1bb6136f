//! A table that several processes share.

use std::{path::Path, process::Command};

use aws_sdk_dynamodb::config::{Credentials, Region};
use clinic_api::store::{client::local_config, connections::Connections, embedded::Served};

use super::{program, text};
use crate::support::{
    app::{external_endpoint, fresh_table},
    engine::own_credentials,
};

/// A table on an engine outside the service's process: an embedded one with a port, or the suite's own.
pub struct RemoteTable {
    endpoint: String,
    /// The table's name.
    pub name: String,
    credentials: Credentials,
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
        Self { endpoint, name: fresh_table(), credentials: own_credentials(), _engine: engine }
    }

    /// The endpoint of the engine.
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
            .env("CLINIC_API_SEARCH_KEYS", "A".repeat(43))
            .env("AWS_ENDPOINT_URL_DYNAMODB", &self.endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", self.credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", self.credentials.secret_access_key());
        command
    }

    /// A client with the program's credentials. DynamoDB Local has other tables for other credentials.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        let calls = Connections::on_this_machine().unwrap().http_client();
        let config = local_config(&self.endpoint, calls)
            .region(Region::new("eu-central-1"))
            .credentials_provider(self.credentials.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Creates the table.
    pub fn create(&self, folder: &Path) {
        let output = self.program(folder).args(["table", "create"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
}
