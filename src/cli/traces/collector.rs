//! The HTTP client of the exporter of spans. It is the service's own, with the TLS that is there already.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::sensitive::{TaskFailed, io_kind};

/// More than any collector answers.
const MAX_BYTES: usize = 64 * 1024;
/// How often it is logged at most that the collector takes nothing.
const TOLD_EVERY: Duration = Duration::from_mins(1);

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

/// Sends to the collector.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Duration,
    /// Spans are sent from a thread that has no runtime.
    runtime: Handle,
    /// Since when the last failure was logged, if the collector took nothing since.
    told: Mutex<Option<Instant>>,
}

impl Collector {
    pub(super) fn new(patience: Duration) -> anyhow::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .context("this system has no roots of TLS")?
            .https_or_http()
            .enable_http1()
            .build();
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { client, patience, runtime: Handle::current(), told: Mutex::default() })
    }

    /// Logs that nothing arrives, and that it does again, and neither often. Nothing of the collector's answer is quoted.
    fn tell(&self, failure: Option<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            None if told.take().is_some() => tracing::info!("the collector takes spans again"),
            None => {}
            Some(_) if told.is_some_and(|told| told.elapsed() < TOLD_EVERY) => {}
            Some(cause) => {
                *told = Some(Instant::now());
                tracing::warn!(
                    error.message = cause,
                    "the collector does not take spans: some are lost"
                );
            }
        }
    }
}

impl HttpClient for Collector {
    fn send_bytes<'this, 'sending>(&'this self, request: Request<Bytes>) -> Sending<'sending>
    where
        'this: 'sending,
        Self: 'sending,
    {
        let (client, patience) = (self.client.clone(), self.patience);
        Box::pin(async move {
            // The clock of the timeout is the runtime's, so it is made there too.
            let sending = async move { timeout(patience, send(client, request)).await };
            let (outcome, failure) = match self.runtime.spawn(sending).await {
                Ok(Ok(Ok(answer))) => {
                    let status = answer.status();
                    let refused = format!("it answered with HTTP status {}", status.as_u16());
                    (Ok(answer), (!status.is_success()).then_some(refused))
                }
                Ok(Ok(Err(error))) => {
                    let kind = io_kind(error.as_ref()).map(|kind| kind.to_string());
                    (Err(error), Some(kind.unwrap_or_else(|| "it can't be reached".to_owned())))
                }
                Ok(Err(_)) => {
                    let late = format!("it did not answer within {patience:?}");
                    (Err(late.clone().into()), Some(late))
                }
                Err(ended) => {
                    let failed = TaskFailed::from(ended);
                    (Err(failed.into()), Some(failed.to_string()))
                }
            };
            self.tell(failure);
            outcome
        })
    }
}

async fn send(
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let answer = client.request(request.map(Full::new)).await?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MAX_BYTES).collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}
