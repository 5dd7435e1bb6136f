//! The names of the key attributes and of the index.

/// Partition key attribute.
pub const PK: &str = "PK";
/// Sort key attribute.
pub const SK: &str = "SK";
/// The index's name.
pub const GSI1: &str = "GSI1";
/// Partition key attribute of [`GSI1`].
pub const GSI1PK: &str = "GSI1PK";
/// Sort key attribute of [`GSI1`].
pub const GSI1SK: &str = "GSI1SK";
/// The attribute by which DynamoDB expires items, epoch seconds.
pub const EXPIRES_AT: &str = "expires_at";
