//! The engines on which the suite runs.

use aws_sdk_dynamodb::config::{Builder, Credentials};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use clinic_api::store::{
    client::{local_config, local_streams},
    connections::Connections,
    embedded::{Engine, Served},
};

use super::app::external_endpoint;

/// Credentials with an access key that no other test uses. DynamoDB Local has one database per access key, and processes one call
/// at a time in each.
pub fn own_credentials() -> Credentials {
    credentials(&format!("test{:x}", rand::random::<u64>()))
}

fn credentials(key: &str) -> Credentials {
    Credentials::new(key, key, None, None, "test")
}

/// The engine that stores the tables.
pub enum TestEngine {
    /// External: its endpoint and credentials.
    Elsewhere(String, Credentials),
    /// Embedded, for this process only.
    Embedded(Engine),
    /// Embedded, with a port for other processes.
    Served(Served),
}

impl TestEngine {
    /// The engine at `CLINIC_TEST_ENDPOINT`, or one in this process.
    pub fn in_this_process() -> Self {
        let elsewhere = external_endpoint();
        let elsewhere = elsewhere.map(|endpoint| Self::Elsewhere(endpoint, own_credentials()));
        elsewhere.unwrap_or_else(|| Self::Embedded(Engine::in_memory().unwrap()))
    }

    /// The same with a port.
    pub async fn with_a_port() -> Self {
        match external_endpoint() {
            Some(endpoint) => Self::Elsewhere(endpoint, credentials("local")),
            None => Self::Served(Served::in_memory().await.unwrap()),
        }
    }

    /// The settings of its clients, a client of its streams, and its HTTP client.
    pub fn ways(&self) -> (Builder, aws_sdk_dynamodbstreams::Client, SharedHttpClient) {
        let here = match self {
            Self::Elsewhere(endpoint, credentials) => {
                let calls =
                    SharedHttpClient::new(Connections::on_this_machine().unwrap().http_client());
                let config = local_config(endpoint, calls.clone());
                let config = config.credentials_provider(credentials.clone());
                let streams = local_streams(endpoint, calls.clone()).config().to_builder();
                let streams = streams.credentials_provider(credentials.clone()).build();
                return (config, aws_sdk_dynamodbstreams::Client::from_conf(streams), calls);
            }
            Self::Embedded(engine) => engine,
            Self::Served(served) => served.engine(),
        };
        (here.config(), here.streams(), SharedHttpClient::new(here.http_client()))
    }

    /// The endpoint, if it has one.
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Elsewhere(endpoint, _) => endpoint,
            Self::Served(served) => served.endpoint(),
            Self::Embedded(_) => panic!("this engine has no port"),
        }
    }
}
