//! The engines that the suite runs on.

use aws_sdk_dynamodb::config::Builder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use clinic_api::store::{
    client::{local_config, local_streams},
    connections::Connections,
    embedded::{Engine, Served},
};

use super::app::external_endpoint;

/// What has the tables.
pub enum TestEngine {
    /// Outside this process, at an address.
    Elsewhere(String),
    /// In this process, for it alone.
    Embedded(Engine),
    /// Embedded, with a port for those who do not reach it directly.
    Served(Served),
}

impl TestEngine {
    /// The one that `CLINIC_TEST_ENDPOINT` names, or one in this process.
    pub fn in_this_process() -> Self {
        let elsewhere = external_endpoint().map(Self::Elsewhere);
        elsewhere.unwrap_or_else(|| Self::Embedded(Engine::in_memory().unwrap()))
    }

    /// The same with a port.
    pub async fn with_a_port() -> Self {
        match external_endpoint() {
            Some(endpoint) => Self::Elsewhere(endpoint),
            None => Self::Served(Served::in_memory().await.unwrap()),
        }
    }

    /// Settings of its clients, a client of its streams, and what carries calls to it.
    pub fn ways(&self) -> (Builder, aws_sdk_dynamodbstreams::Client, SharedHttpClient) {
        let here = match self {
            Self::Elsewhere(endpoint) => {
                let calls =
                    SharedHttpClient::new(Connections::on_this_machine().unwrap().http_client());
                let config = local_config(endpoint, calls.clone());
                return (config, local_streams(endpoint, calls.clone()), calls);
            }
            Self::Embedded(engine) => engine,
            Self::Served(served) => served.engine(),
        };
        (here.config(), here.streams(), SharedHttpClient::new(here.http_client()))
    }

    /// Where it listens, if it does.
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Elsewhere(endpoint) => endpoint,
            Self::Served(served) => served.endpoint(),
            Self::Embedded(_) => panic!("this engine has no port"),
        }
    }
}
