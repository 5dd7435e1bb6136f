//! DynamoDB: the client, keys, conversion of items, conditional writes, transactions. It contains nothing of HTTP.
//!
//! Every read uses a key condition and every write has a condition; only operator commands differ ([`scan`], [`bulk`]).
//! Repositories compose transactions from [`write::Write`]s. No other code calls the database.

mod aggregate;
mod answer;
pub mod attributes;
pub mod backfill;
pub mod bulk;
mod calls;
pub mod cause;
pub mod client;
pub mod codec;
pub mod connections;
pub mod context;
pub mod deletion_mark;
mod dependents;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod errors;
pub mod expression;
pub mod format;
pub mod guarded_delete;
pub mod idempotency;
mod idempotency_key;
pub mod item_type;
pub mod keys;
pub mod ledger;
pub mod metrics;
mod named;
pub mod read;
pub mod retry;
pub mod scan;
pub mod schema;
mod sealed;
pub mod shape;
mod sign_again;
mod span;
pub mod throttling;
mod user_agent;
pub mod write;

use std::time::Duration;

use aws_sdk_dynamodb::{Client, config::retry::RetryConfig};

pub use attributes::Item;
pub use codec::{Entity, Meta, Record};
pub use context::{Precondition, WriteContext};
pub use deletion_mark::DeletionMark;
pub use dependents::Dependents;
pub use errors::StoreError;
pub use idempotency_key::Idempotency;
pub use item_type::ItemType;
pub use keys::Key;
use retry::{Backoff, RetryBudget};
pub use shape::Shapes;

/// The table and its client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    /// The client without SDK retries, for writes that must know whether an earlier attempt may
    /// have succeeded.
    once: Client,
    /// The retry budget of those writes.
    repeats: RetryBudget,
    retry_time: Duration,
    table: String,
}

impl Store {
    /// Creates a store on `table` with `client`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let no_retries = client.config().to_builder().retry_config(RetryConfig::disabled());
        let once = Client::from_conf(no_retries.build());
        Self {
            once,
            client,
            repeats: RetryBudget::default(),
            retry_time: retry::BUDGET,
            table: table.into(),
        }
    }

    /// Sets the time during which one step of a request may retry.
    #[must_use]
    pub fn with_retry_time(self, retry_time: Duration) -> Self {
        Self { retry_time, ..self }
    }

    /// Returns the backoff of one step of a request.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.retry_time)
    }

    /// Returns the client, for `table create` and `table check`.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the table name.
    pub fn table(&self) -> &str {
        &self.table
    }
}
