//! A span for each DynamoDB call, by OpenTelemetry's conventions. It never holds a key, a value or
//! a message of DynamoDB.

use aws_sdk_dynamodb::{
    config::interceptors::FinalizerInterceptorContextRef,
    operation::{
        batch_get_item::BatchGetItemInput, delete_item::DeleteItemInput, get_item::GetItemInput,
        put_item::PutItemInput, query::QueryInput, transact_write_items::TransactWriteItemsInput,
        update_item::UpdateItemInput,
    },
    types::{ConditionCheck, ConsumedCapacity, Delete, Put, Update},
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use opentelemetry::{
    Array, Context, KeyValue, StringValue, Value,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _},
};
use serde_json::json;

use super::answer::{consumed, error_type, is_plain, request_id};
use crate::telemetry;

/// A call in progress. A cancelled call also ends its span, without an outcome.
#[derive(Debug)]
pub(super) struct CallSpan(Context);

impl CallSpan {
    /// Starts the span of a call inside another span. Calls outside a span, such as polls, would
    /// each create a trace.
    pub(super) fn start(operation: &str, input: &Input) -> Option<Self> {
        let tracer = telemetry::tracer()?;
        let parent = Context::current();
        if !parent.span().span_context().is_sampled() {
            return None;
        }
        let table = texts(table(input).map(str::to_owned).into_iter());
        let mut attributes = vec![
            KeyValue::new("db.system.name", "aws.dynamodb"),
            KeyValue::new("db.operation.name", operation.to_owned()),
            KeyValue::new("aws.dynamodb.table_names", table),
        ];
        let index = input.downcast_ref::<QueryInput>().and_then(QueryInput::index_name);
        let index = index.map(|index| KeyValue::new("aws.dynamodb.index_name", index.to_owned()));
        attributes.extend(index);
        let span = SpanBuilder::from_name(format!("DynamoDB.{operation}"))
            .with_kind(SpanKind::Client)
            .with_attributes(attributes)
            .start_with_context(tracer, &parent);
        Some(Self(Context::new().with_span(span)))
    }

    /// Ends the span with the outcome of the call and its number of attempts.
    pub(super) fn end(&self, ended: &FinalizerInterceptorContextRef<'_>, tries: u32) {
        let span = self.0.span();
        if let Some((_, taken)) = ended.output_or_error().and_then(Result::ok).and_then(consumed) {
            let taken = texts(taken.iter().map(as_json));
            span.set_attribute(KeyValue::new("aws.dynamodb.consumed_capacity", taken));
        }
        let id = ended.response().and_then(request_id);
        span.set_attributes(id.map(|id| KeyValue::new("aws.request_id", id.to_owned())));
        if tries > 1 {
            span.set_attribute(KeyValue::new("http.request.resend_count", i64::from(tries - 1)));
        }
        if let Some(error) = error_type(ended) {
            // A failed condition is an ordinary response.
            if !error.starts_with("ConditionalCheckFailed") {
                span.set_status(Status::error(""));
            }
            span.set_attribute(KeyValue::new("error.type", error));
        }
        span.end();
    }
}

fn texts(texts: impl Iterator<Item = String>) -> Value {
    Value::Array(Array::String(texts.map(StringValue::from).collect()))
}

/// Returns the capacity in DynamoDB's JSON format.
fn as_json(taken: &ConsumedCapacity) -> String {
    // A table name may also contain these characters.
    let named = |name: &&str| is_plain(&name.replace(['-', '_', '.'], ""));
    let table = taken.table_name().filter(named);
    json!({ "TableName": table, "CapacityUnits": taken.capacity_units() }).to_string()
}

/// Returns the table of a call. All items of a call are in one table.
fn table(input: &Input) -> Option<&str> {
    macro_rules! of_one {
        ($($call:ty),+) => {
            $(if let Some(call) = input.downcast_ref::<$call>() {
                return call.table_name();
            })+
        };
    }
    of_one!(GetItemInput, QueryInput, PutItemInput, UpdateItemInput, DeleteItemInput);
    if let Some(call) = input.downcast_ref::<BatchGetItemInput>() {
        return call.request_items()?.keys().next().map(String::as_str);
    }
    let write = input.downcast_ref::<TransactWriteItemsInput>()?.transact_items().first()?;
    let put = write.put().map(Put::table_name);
    let update = || write.update().map(Update::table_name);
    let delete = || write.delete().map(Delete::table_name);
    let check = || write.condition_check().map(ConditionCheck::table_name);
    put.or_else(update).or_else(delete).or_else(check)
}
