//! The webhooks of the document: the requests that receivers get, one entry per event type.

use utoipa::{
    PartialSchema as _, ToSchema as _,
    openapi::{
        AllOfBuilder, Content, ObjectBuilder, OpenApi, PathItem, Paths, Ref, RefOr, Required,
        ResponseBuilder, Schema, Tag, Type,
        path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::AnyOfBuilder,
    },
};

use super::guide;
use crate::events::{Event, EventType};

/// The media type of an event (CloudEvents, structured mode).
const MEDIA_TYPE: &str = "application/cloudevents+json";

/// The tag of the requests to receivers. Client generators write one file per tag, so operations
/// must not have the same tag.
const TAG: &str = "events";

/// Adds the webhooks and the schemas of events.
pub fn add(document: &mut OpenApi) {
    let mut webhooks = Paths::new();
    for event_type in EventType::ALL {
        let item = PathItem::new(HttpMethod::Post, operation(*event_type));
        webhooks.paths.insert(event_type.as_str().to_owned(), item);
    }
    document.webhooks = Some(webhooks);
    let tag =
        Tag::builder().name(TAG).description(Some("The requests that receivers of webhooks get."));
    let tag = tag.external_docs(Some(guide::page("events.md")));
    document.tags.get_or_insert_default().push(tag.build());
    let mut schemas = vec![("Event".to_owned(), Event::schema())];
    Event::schemas(&mut schemas);
    // The data of a deletion is a subset of the data of a change, so more than one schema matches.
    let data = schemas.iter_mut().find(|(name, _)| name == "EventData").map(|(_, schema)| schema);
    if let Some(data) = data
        && let RefOr::T(Schema::OneOf(several)) = data
    {
        let items = std::mem::take(&mut several.items).into_iter();
        let any = items.fold(AnyOfBuilder::new(), AnyOfBuilder::item);
        *data = any.description(several.description.take()).into();
    }
    document.components.get_or_insert_default().schemas.extend(schemas);
}

fn operation(event_type: EventType) -> Operation {
    let data = match event_type.as_str() {
        name if name.ends_with(".deleted.v1") => "DeletedData",
        name if name.starts_with("clinic.appointment.") => "AppointmentData",
        _ => "RecordData",
    };
    let only =
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some([event_type.as_str()]));
    let members =
        ObjectBuilder::new().property("type", only).property("data", Ref::from_schema_name(data));
    let event = AllOfBuilder::new().item(Ref::from_schema_name("Event")).item(members);
    let body = RequestBodyBuilder::new()
        .content(MEDIA_TYPE, Content::new(Some(RefOr::T(Schema::AllOf(event.build())))))
        .required(Some(Required::True));
    let received = ResponseBuilder::new()
        .description("The receiver has accepted the event. Any 2xx status counts. The worker retries after every other status except 410.");
    OperationBuilder::new()
        .tag(TAG)
        .operation_id(Some(event_type.as_str().replace(['.', '-'], "_")))
        .summary(Some(event_type.summary()))
        .securities(Some([]))
        .parameters(Some([
            header("webhook-id", "The event's id, the same for every attempt."),
            header("webhook-timestamp", "The time of the attempt, in seconds since 1970."),
            header(
                "webhook-signature",
                "`v1,` and the Base64 of the HMAC-SHA256 of id, timestamp and body, joined by dots \
                 (Standard Webhooks). During the rotation of a secret: several, separated by spaces.",
            ),
        ]))
        .request_body(Some(body.build()))
        .response("2XX", received)
        .build()
}

fn header(name: &str, text: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(text))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
