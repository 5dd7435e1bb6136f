//! The DynamoDB client, as the engine needs it.

use std::time::Duration;

use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{
    Client, Config,
    config::{Credentials, Region},
};
use aws_smithy_http_client::Builder;

use super::metrics::MeasureCalls;

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500))
}

/// A client of DynamoDB: region, credentials and endpoint come from the environment, as for every AWS program
/// (`AWS_REGION`, `AWS_ENDPOINT_URL_DYNAMODB`, profiles, roles).
pub async fn from_environment() -> Client {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(retries())
        .load()
        .await;
    let config = Config::from(&config).to_builder().interceptor(MeasureCalls);
    Client::from_conf(config.build())
}

/// The settings of a client of an engine on this machine, which asks for no real credentials and speaks no TLS.
#[must_use]
pub fn local_config(endpoint: &str) -> aws_sdk_dynamodb::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local engine"))
        .endpoint_url(endpoint)
        .http_client(Builder::new().build_http())
        .timeout_config(timeouts())
        .retry_config(retries())
        .interceptor(MeasureCalls)
}
