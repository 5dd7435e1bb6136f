//! A service with a webhook.

use serde_json::{Value, json};

use super::{TestApp, eventually, receiver::Receiver};

/// A service with a webhook and its receiver.
pub struct Hooked {
    /// The service.
    pub app: TestApp,
    /// The receiver.
    pub receiver: Receiver,
    /// The webhook's path.
    pub path: String,
    /// The webhook's secret.
    pub secret: String,
}

/// Creates a webhook for these event types; for all types if the list is empty.
pub async fn hooked(event_types: Value) -> Hooked {
    let receiver = Receiver::start().await;
    let app = TestApp::builder().webhook_targets(&receiver.allowed()).spawn().await;
    let webhook = json!({ "url": receiver.url(), "event_types": event_types });
    let made = app.post("/v1/webhooks").json(&webhook).send().await.expect(201);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    Hooked { app, receiver, path: made.location(), secret }
}

impl Hooked {
    /// The webhook's deliveries.
    pub async fn deliveries(&self) -> Vec<Value> {
        let path = format!("{}/deliveries?limit=100&consistent=true", self.path);
        let page = self.app.get(&path).send().await.expect(200).json();
        page["items"].as_array().unwrap().clone()
    }

    /// Waits until a delivery has had this number of attempts. Returns the delivery.
    pub async fn tried(&self, attempts: usize) -> Value {
        let done = |delivery: &Value| delivery["attempts"].as_array().unwrap().len() >= attempts;
        let find = async || self.deliveries().await.into_iter().find(done);
        eventually("a delivery is tried so often", find).await
    }

    /// Waits until the webhook matches.
    pub async fn webhook_once(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let fitting = async || Some(self.webhook().await).filter(&fits);
        eventually("the webhook is schema is correct", fitting).await
    }

    /// The webhook as stored now.
    pub async fn webhook(&self) -> Value {
        self.app.get(&format!("{}?consistent=true", self.path)).send().await.expect(200).json()
    }
}
