//! Counts the attempts of DynamoDB calls, the SDK's retries as well as the service's.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef,
        timeout::TimeoutConfig,
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use clinic_api::store::{client::local_config, connections::Connections};

/// Counts the attempts of a client, whether they reach an endpoint or not.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<AtomicU64>);

impl Attempts {
    /// The number of attempts so far.
    pub fn number(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// A client whose attempts are counted. It has the service's timeouts unless others are given.
    pub fn client(&self, endpoint: &str, timeouts: Option<TimeoutConfig>) -> Client {
        let calls = Connections::on_this_machine().unwrap().http_client();
        let mut config = local_config(endpoint, calls).interceptor(self.clone());
        if let Some(timeouts) = timeouts {
            config = config.timeout_config(timeouts);
        }
        Client::from_conf(config.build())
    }
}

#[dyn_dispatch_hint]
impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
