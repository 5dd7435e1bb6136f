//! The `User-Agent` of calls.

use aws_runtime::user_agent::UserAgentInterceptor;
use aws_sdk_dynamodb::{
    config::{
        AppName, ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
        },
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::interceptors::{disable_interceptor, dyn_dispatch_hint};

/// Sends the name of this program, and the app of `AWS_SDK_UA_APP_ID`, as `User-Agent`. The SDK
/// would build its own value for each call, send it twice and sign it. `CloudTrail` shows the value
/// as `userAgent`.
#[derive(Debug)]
pub(super) struct UserAgent(String);

impl UserAgent {
    pub(super) fn of(app: Option<&AppName>) -> Self {
        let app = app.map(|app| format!(" app/{app}")).unwrap_or_default();
        Self(format!(concat!("clinic-api/", env!("CARGO_PKG_VERSION"), " aws-sdk-rust{}"), app))
    }
}

#[dyn_dispatch_hint]
impl Intercept for UserAgent {
    fn name(&self) -> &'static str {
        "UserAgent"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let disabled = disable_interceptor::<UserAgentInterceptor>("UserAgent does it");
        settings.interceptor_state().store_put(disabled);
        Ok(())
    }

    fn modify_before_signing(
        &self,
        call: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        call.request_mut().headers_mut().insert("user-agent", self.0.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::{Client, config::interceptors::BeforeTransmitInterceptorContextRef};

    use super::*;
    use crate::store::{client::local_config, connections::Connections};

    /// Captures the headers of a call and stops the call.
    #[derive(Debug, Clone, Default)]
    struct Headers(Arc<Mutex<Vec<(String, String)>>>);

    #[dyn_dispatch_hint]
    impl Intercept for Headers {
        fn name(&self) -> &'static str {
            "Headers"
        }

        fn read_before_transmit(
            &self,
            call: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            let headers = call.request().headers().iter();
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
            self.0.lock().unwrap().extend(headers);
            Err("seen".into())
        }
    }

    #[tokio::test]
    async fn the_user_agent_is_sent_once_and_names_this_program() {
        let headers = Headers::default();
        let calls = Connections::on_this_machine().unwrap().http_client();
        let config =
            local_config("http://nowhere.invalid", calls).interceptor(headers.clone()).build();
        Client::from_conf(config).list_tables().send().await.unwrap_err();
        let seen = headers.0.lock().unwrap();
        let agents: Vec<_> = seen.iter().filter(|(name, _)| name.contains("agent")).collect();
        let [(name, agent)] = agents[..] else { panic!("{seen:?}") };
        assert_eq!(name, "user-agent");
        assert_eq!(*agent, concat!("clinic-api/", env!("CARGO_PKG_VERSION"), " aws-sdk-rust"));
        let app = UserAgent::of(Some(&AppName::new("night-shift").unwrap())).0;
        assert_eq!(app, format!("{agent} app/night-shift"));
    }
}
