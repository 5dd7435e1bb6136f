//! The table itself: made where it is missing, and compared with what it should be.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::{describe_table::DescribeTableError, update_time_to_live::UpdateTimeToLiveError},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        Projection, ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
        TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
    },
};

use super::{
    Store, StoreError,
    errors::{Cause, of_read},
    keys::{EXPIRES_AT, GSI1, GSI1PK, GSI1SK, PK, SK},
};

/// What `create` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It made the table.
    New,
    /// There was one, and it was left alone.
    Existing,
}

/// One thing in which the table is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub what: &'static str,
    /// How it should be.
    pub expected: String,
    /// How it is.
    pub actual: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.actual)
    }
}

impl Store {
    /// Makes the table where it is missing, with its index, stream and TTL, and waits until it can be used.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn create_table(&self) -> Result<Created, StoreError> {
        // TTL comes last: where it is on, nothing is left to do. To describe a big table takes the embedded engine seconds, as
        // it counts all items.
        if let Ok(Some(_)) = self.time_to_live().await {
            return Ok(Created::Existing);
        }
        let created = if self.describe_table().await?.is_some() {
            Created::Existing
        } else {
            self.request_table().await?;
            Created::New
        };
        self.wait_until_active().await?;
        if self.time_to_live().await?.is_none() {
            self.enable_time_to_live().await?;
        }
        Ok(created)
    }

    /// Everything in which the table differs from what the service needs; empty if nothing does. How it is billed is
    /// the operator's choice.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn check_table(&self) -> Result<Vec<Difference>, StoreError> {
        let Some(table) = self.describe_table().await? else {
            return Ok(vec![Difference {
                what: "table",
                expected: self.table.clone(),
                actual: "no such table".to_owned(),
            }]);
        };
        let ttl = self.time_to_live().await?;
        let ttl = ttl.unwrap_or_else(|| "off".to_owned());
        let mut seen = describe(&table);
        seen.push(("TTL attribute", EXPIRES_AT.to_owned(), ttl));
        let differs = |(what, expected, actual)| Difference { what, expected, actual };
        Ok(seen
            .into_iter()
            .filter(|(_, expected, actual)| expected != actual)
            .map(differs)
            .collect())
    }

    /// The ARN of the table's stream, if it has one.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn stream_arn(&self) -> Result<Option<String>, StoreError> {
        Ok(self.describe_table().await?.and_then(|table| table.latest_stream_arn))
    }

    pub(super) async fn describe_table(&self) -> Result<Option<TableDescription>, StoreError> {
        let described = self.client.describe_table().table_name(&self.table).send().await;
        match described {
            Ok(output) => Ok(output.table),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(of_read(error)),
        }
    }

    async fn request_table(&self) -> Result<(), StoreError> {
        let build =
            |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unexpected(error.into());
        let index = GlobalSecondaryIndex::builder()
            .index_name(GSI1)
            .key_schema(key(GSI1PK, KeyType::Hash).map_err(build)?)
            .key_schema(key(GSI1SK, KeyType::Range).map_err(build)?)
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()
            .map_err(build)?;
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewAndOldImages)
            .build()
            .map_err(build)?;
        let mut create = self
            .client
            .create_table()
            .table_name(&self.table)
            .key_schema(key(PK, KeyType::Hash).map_err(build)?)
            .key_schema(key(SK, KeyType::Range).map_err(build)?)
            .global_secondary_indexes(index)
            .stream_specification(stream)
            .billing_mode(BillingMode::PayPerRequest);
        for name in [PK, SK, GSI1PK, GSI1SK] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build();
            create = create.attribute_definitions(attribute.map_err(build)?);
        }
        match create.send().await {
            Ok(_) => Ok(()),
            // Two replicas that start at once both ask for it.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_dynamodb::operation::create_table::CreateTableError::is_resource_in_use_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(of_read(error)),
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
        Err(StoreError::Unexpected(Cause::from("the table did not become active in a minute")))
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
        let ttl = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(EXPIRES_AT)
            .build()
            .map_err(|error| StoreError::Unexpected(error.into()))?;
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

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, aws_sdk_dynamodb::error::BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}

/// What can be compared of a table: what it is about, how it should be, how it is.
fn describe(table: &TableDescription) -> Vec<(&'static str, String, String)> {
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
    vec![
        ("key schema", format!("{PK} HASH, {SK} RANGE"), keys(table.key_schema())),
        (
            "key attribute types",
            format!("{GSI1PK} S, {GSI1SK} S, {PK} S, {SK} S"),
            types.join(", "),
        ),
        (
            "index GSI1",
            format!("{GSI1PK} HASH, {GSI1SK} RANGE"),
            index.map_or_else(none, |index| keys(index.key_schema())),
        ),
        (
            "projection of GSI1",
            ProjectionType::All.to_string(),
            projection.map_or_else(none, |projection| projection.to_string()),
        ),
        (
            "stream",
            StreamViewType::NewAndOldImages.to_string(),
            stream.map_or_else(none, |view| view.to_string()),
        ),
    ]
}
