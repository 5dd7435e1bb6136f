//! DynamoDB and nothing of HTTP: the client, the keys, items in and out, conditional writes, transactions.
//!
//! Every read is a key condition and every write is conditional (but of operators' commands: [`scan`], [`bulk`]).
//! Repositories compose transactions out of [`write::Write`]s; nothing else in the service speaks to the database.

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
use retry::RetryBudget;
pub use shape::Shapes;

/// The one table, and the client that reaches it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    /// The same without retries of its own, for writes that must know whether an earlier try may have been done.
    once: Client,
    /// What those writes may be repeated.
    repeats: RetryBudget,
    table: String,
}

impl Store {
    /// A store on `table` through `client`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let no_retries = client.config().to_builder().retry_config(RetryConfig::disabled());
        let once = Client::from_conf(no_retries.build());
        Self { once, client, repeats: RetryBudget::default(), table: table.into() }
    }

    /// The client, for `table create` and `table check`.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }
}
