//! A record of the table's stream, from DynamoDB Streams or AWS Lambda.

use std::collections::HashMap;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record as StreamRecord};
use jiff::Timestamp;

use crate::store::Item;

/// One change of one item. It has no `Debug`: the images hold patient data, which must not reach a
/// log.
#[derive(Clone)]
pub struct ChangeRecord {
    /// The stream's id of the record. It is the same on each read.
    pub event_id: String,
    /// The time of the write, with a resolution of one second.
    pub at: Timestamp,
    /// The item before the change. `None` if it is new.
    pub old: Option<Item>,
    /// The item after the change. `None` if it was removed.
    pub new: Option<Item>,
}

impl ChangeRecord {
    /// Returns the latest image of the item.
    pub(super) fn image(&self) -> Option<&Item> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

/// The error of a stream record without a required member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream record has no {0}")]
pub struct Incomplete(&'static str);

impl TryFrom<StreamRecord> for ChangeRecord {
    type Error = Incomplete;

    fn try_from(record: StreamRecord) -> Result<Self, Incomplete> {
        let event_id = record.event_id.ok_or(Incomplete("eventID"))?;
        let body = record.dynamodb.ok_or(Incomplete("dynamodb"))?;
        let at = body.approximate_creation_date_time.ok_or(Incomplete("time"))?;
        let at = Timestamp::from_second(at.secs()).map_err(|_| Incomplete("time"))?;
        Ok(Self { event_id, at, old: body.old_image.map(item), new: body.new_image.map(item) })
    }
}

#[cfg(feature = "lambda")]
impl From<aws_lambda_events::dynamodb::EventRecord> for ChangeRecord {
    fn from(record: aws_lambda_events::dynamodb::EventRecord) -> Self {
        let body = record.change;
        let at = body.approximate_creation_date_time.timestamp();
        // The parser leaves an empty image if there is none.
        let image = |image: serde_dynamo::Item| (!image.is_empty()).then(|| image.into());
        Self {
            event_id: record.event_id,
            at: Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH),
            old: image(body.old_image),
            new: image(body.new_image),
        }
    }
}

fn item(image: HashMap<String, AttributeValue>) -> Item {
    serde_dynamo::Item::from(image).into()
}
