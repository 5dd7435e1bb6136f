//! The DynamoDB client.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::{
    Client, Config,
    config::{Builder, Credentials, Region, SharedInterceptor},
};
use aws_smithy_runtime_api::client::http::HttpClient;

use super::{
    calls::MeasureCalls, connections::Connections, retry, sign_again::SignAgain,
    user_agent::UserAgent,
};

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

/// Returns clients of DynamoDB and DynamoDB Streams over the same connections, with region,
/// credentials and endpoints from the environment. If only the DynamoDB endpoint is set, as for
/// DynamoDB Local, streams use it as well.
pub async fn from_environment(
    connections: &Connections,
) -> (Client, aws_sdk_dynamodbstreams::Client) {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(retries())
        // The attempt timeout ends a stalled attempt sooner.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await;
    let streams = aws_sdk_dynamodbstreams::Config::from(&config).to_builder();
    let mut streams = measured(streams.http_client(connections.http_client()));
    let set = |name| std::env::var(name).ok().filter(|url| !url.is_empty());
    if let (Some(url), None) = (set(ENDPOINT), set(STREAMS_ENDPOINT)) {
        streams = streams.endpoint_url(url);
    }
    let config = Config::from(&config);
    let agent = UserAgent::of(config.app_name());
    let config = config.to_builder().http_client(connections.http_client());
    let config = config.retry_partition(retry::budget_of_sdk());
    let config = watched(config, agent);
    let streams = aws_sdk_dynamodbstreams::Client::from_conf(streams.build());
    (Client::from_conf(config.build()), streams)
}

const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";
const STREAMS_ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB_STREAMS";

/// Adds metrics, the user agent and a retry of refused signatures.
fn watched(config: Builder, agent: UserAgent) -> Builder {
    let mut config = config.retry_classifier(SignAgain);
    config.push_interceptor(SharedInterceptor::permanent(MeasureCalls));
    config.push_interceptor(SharedInterceptor::permanent(agent));
    config
}

fn measured(
    config: aws_sdk_dynamodbstreams::config::Builder,
) -> aws_sdk_dynamodbstreams::config::Builder {
    let mut config = config.retry_classifier(SignAgain);
    config.push_interceptor(SharedInterceptor::permanent(MeasureCalls));
    config
}

/// Returns a client of the streams of an engine on this machine.
pub fn local_streams(
    endpoint: &str,
    calls: impl HttpClient + 'static,
) -> aws_sdk_dynamodbstreams::Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local engine"))
        .endpoint_url(endpoint)
        .http_client(calls)
        .timeout_config(timeouts())
        .retry_config(retries());
    aws_sdk_dynamodbstreams::Client::from_conf(measured(config).build())
}

/// Returns the settings of a client of an engine on this machine, which needs no real credentials.
/// `calls` carries its calls.
pub fn local_config(endpoint: &str, calls: impl HttpClient + 'static) -> Builder {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local engine"))
        .endpoint_url(endpoint)
        .http_client(calls)
        .timeout_config(timeouts())
        .retry_config(retries())
        .retry_partition(retry::budget_of_sdk());
    watched(config, UserAgent::of(None))
}
