//! The schema of the table: creates the table, and compares it with the expected schema.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::{
        create_table::CreateTableError, describe_table::DescribeTableError,
        update_time_to_live::UpdateTimeToLiveError,
    },
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        Projection, ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
        TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
    },
};

use super::{
    Store, StoreError,
    errors::{Cause, of_read},
    format::FORMAT,
    keys::{EXPIRES_AT, GSI1, GSI1PK, GSI1SK, PK, SK},
};

/// The differences that make items unreadable.
const KEYS: [&str; 2] = ["key schema", "key attribute types"];

/// A difference between the table and the expected schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The property.
    pub what: &'static str,
    expected: String,
    actual: String,
}

impl Difference {
    fn of(what: &'static str, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { what, expected: expected.into(), actual: actual.into() }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.actual)
    }
}

impl Store {
    /// Creates the table with its index, stream and TTL if it does not exist, and waits until it is
    /// active. Returns whether it was created.
    pub async fn create_table(&self) -> Result<bool, StoreError> {
        // The format and then TTL are set last, so a table with TTL is complete. The check avoids
        // DescribeTable, which takes the embedded engine seconds on a large table.
        if let Ok(Some(_)) = self.time_to_live().await {
            return Ok(false);
        }
        let missing = self.describe_table().await?.is_none();
        if missing {
            self.request_table().await?;
        }
        self.wait_until_active().await?;
        if self.time_to_live().await?.is_none() {
            self.add_format().await?;
            self.enable_time_to_live().await?;
        }
        Ok(missing)
    }

    /// Returns all differences between the table and the expected schema. The billing mode is the
    /// operator's choice.
    pub async fn check_table(&self) -> Result<Vec<Difference>, StoreError> {
        let Some(table) = self.describe_table().await? else {
            return Ok(vec![Difference::of("table", &self.table, "no such table")]);
        };
        let ttl = self.time_to_live().await?.unwrap_or_else(|| "off".to_owned());
        let mut seen = describe(&table);
        seen.push(Difference::of("TTL attribute", EXPIRES_AT, ttl));
        seen.retain(|seen| seen.expected != seen.actual);
        // The format is readable only with the right keys. A restored table lacks other parts.
        let has_keys = !seen.iter().any(|seen| KEYS.contains(&seen.what));
        if has_keys && let Some(found) = self.format().await?.filter(|found| *found != FORMAT) {
            let (wanted, found) = (FORMAT.to_string(), found.to_string());
            seen.push(Difference::of("format of the items", wanted, found));
        }
        Ok(seen)
    }

    /// Returns the ARN of the table's stream, if it has one.
    pub async fn stream_arn(&self) -> Result<Option<String>, StoreError> {
        Ok(self.describe_table().await?.and_then(|table| table.latest_stream_arn))
    }

    pub(super) async fn describe_table(&self) -> Result<Option<TableDescription>, StoreError> {
        match self.client.describe_table().table_name(&self.table).send().await {
            Ok(output) => Ok(output.table),
            Err(error) => match error.as_service_error() {
                Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(of_read(error)),
            },
        }
    }

    async fn request_table(&self) -> Result<(), StoreError> {
        let index = GlobalSecondaryIndex::builder()
            .index_name(GSI1)
            .key_schema(key(GSI1PK, KeyType::Hash)?)
            .key_schema(key(GSI1SK, KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()?;
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewAndOldImages)
            .build()?;
        let mut create = self
            .client
            .create_table()
            .table_name(&self.table)
            .key_schema(key(PK, KeyType::Hash)?)
            .key_schema(key(SK, KeyType::Range)?)
            .global_secondary_indexes(index)
            .stream_specification(stream)
            .billing_mode(BillingMode::PayPerRequest);
        for name in [PK, SK, GSI1PK, GSI1SK] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()?;
            create = create.attribute_definitions(attribute);
        }
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // Another replica that starts at the same time has requested it.
                Some(CreateTableError::ResourceInUseException(_)) => Ok(()),
                _ => Err(of_read(error)),
            },
        }
    }

    async fn wait_until_active(&self) -> Result<(), StoreError> {
        for _ in 0..120 {
            let table = self.describe_table().await?;
            if table.is_some_and(|table| table.table_status == Some(TableStatus::Active)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(StoreError::Unexpected(Cause::from("the table did not become active within a minute")))
    }

    async fn time_to_live(&self) -> Result<Option<String>, StoreError> {
        let described = self.client.describe_time_to_live().table_name(&self.table).send().await;
        let ttl = described.map_err(of_read)?.time_to_live_description;
        Ok(ttl.and_then(|ttl| match ttl.time_to_live_status {
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) => ttl.attribute_name,
            _ => None,
        }))
    }

    async fn enable_time_to_live(&self) -> Result<(), StoreError> {
        let ttl =
            TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES_AT).build()?;
        let update = self
            .client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(ttl);
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // Another replica was faster.
                Some(UpdateTimeToLiveError::ResourceInUseException(_)) => Ok(()),
                _ => Err(of_read(error)),
            },
        }
    }
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}

/// Returns all comparable properties of a table, also those that match.
fn describe(table: &TableDescription) -> Vec<Difference> {
    let keys = |schema: &[KeySchemaElement]| {
        let part = |key: &KeySchemaElement| format!("{} {}", key.attribute_name, key.key_type);
        schema.iter().map(part).collect::<Vec<_>>().join(", ")
    };
    let index =
        table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(GSI1));
    let none = || "none".to_owned();
    let projection = index.and_then(|index| index.projection()?.projection_type.clone());
    let stream = table.stream_specification.as_ref().filter(|stream| stream.stream_enabled);
    let stream = stream.and_then(|stream| stream.stream_view_type.clone());
    let mut types: Vec<_> = table
        .attribute_definitions()
        .iter()
        .filter(|attribute| [PK, SK, GSI1PK, GSI1SK].contains(&attribute.attribute_name.as_str()))
        .map(|attribute| format!("{} {}", attribute.attribute_name, attribute.attribute_type))
        .collect();
    types.sort();
    let index = index.map_or_else(none, |index| keys(index.key_schema()));
    let projection = projection.map_or_else(none, |projection| projection.to_string());
    let stream = stream.map_or_else(none, |view| view.to_string());
    vec![
        Difference::of("key schema", format!("{PK} HASH, {SK} RANGE"), keys(table.key_schema())),
        Difference::of(
            "key attribute types",
            format!("{GSI1PK} S, {GSI1SK} S, {PK} S, {SK} S"),
            types.join(", "),
        ),
        Difference::of("index GSI1", format!("{GSI1PK} HASH, {GSI1SK} RANGE"), index),
        Difference::of("projection of GSI1", ProjectionType::All.as_str(), projection),
        Difference::of("stream", StreamViewType::NewAndOldImages.as_str(), stream),
    ]
}
