//! Records whose public form is their stored form plus the item's timestamps.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, ObjectBuilder, Ref, RefOr, Type,
        schema::{KnownFormat, Schema, SchemaFormat, SchemaType},
    },
};

use super::details::Details;
use crate::{
    id::{Clinic as ClinicKind, Id, IdKind},
    store::Entity,
};

const DELETING: &str = "True if the deletion of the record has begun but is not complete. The record cannot be booked or changed. To complete the deletion, repeat the DELETE.";

/// A record as it is returned to callers.
#[derive(Debug, Clone, Serialize)]
pub struct Shown<T> {
    /// The record.
    #[serde(flatten)]
    pub record: T,
    /// When the record was created.
    pub created_at: Timestamp,
    /// When the record was last changed.
    pub updated_at: Timestamp,
    /// Whether the deletion of the record has begun but is not complete.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

impl<T> From<Entity<T>> for Shown<T> {
    fn from(Entity { value, meta }: Entity<T>) -> Self {
        Self {
            record: value,
            deleting: meta.is_deletion_decided(),
            created_at: meta.created_at,
            updated_at: meta.updated_at,
        }
    }
}

/// A record that is returned as it is stored: ids that the service creates, and members that
/// callers set.
pub trait Show: Serialize {
    /// The members that callers set.
    type Details: Details;

    /// Whether it belongs to a clinic. If so, the clinic's id is returned with its own.
    const OF_CLINIC: bool;
}

/// A member that the service sets.
struct SetMember {
    name: &'static str,
    description: &'static str,
    schema: &'static str,
    definition: RefOr<Schema>,
    example: &'static str,
}

impl SetMember {
    fn of<K: IdKind>(name: &'static str, description: &'static str) -> Self {
        let definition = Id::<K>::schema();
        Self { name, description, schema: K::SCHEMA, definition, example: K::EXAMPLE }
    }

    fn all_of<T: Show>() -> Vec<Self> {
        let id = Self::of::<<T::Details as Details>::Kind>("id", "The record's id.");
        let clinic = T::OF_CLINIC.then(|| Self::of::<ClinicKind>("clinic_id", "The clinic."));
        [id].into_iter().chain(clinic).collect()
    }
}

impl<T: Show> ToSchema for Shown<T> {
    fn name() -> Cow<'static, str> {
        T::Details::SCHEMA.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        let ids = SetMember::all_of::<T>();
        let ids = ids.into_iter().map(|id| (id.schema.to_owned(), id.definition));
        schemas.extend(ids);
        T::Details::schemas(schemas);
    }
}

impl<T: Show> PartialSchema for Shown<T> {
    /// Returns the schema of the members that callers set, without the limits of requests, plus the
    /// members that the service sets.
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut object)) = T::Details::schema() else {
            return T::Details::schema();
        };
        object.description = Some(T::Details::DESCRIPTION.to_owned());
        object.additional_properties = None;
        object.required = Vec::new();
        let details = std::mem::take(&mut object.properties);
        let mut example = object.example.take().unwrap_or_default();
        for member in SetMember::all_of::<T>() {
            let mut reference = Ref::from_schema_name(member.schema);
            member.description.clone_into(&mut reference.description);
            add(&mut object, member.name, reference.into());
            example[member.name] = member.example.into();
        }
        for (name, mut property) in details {
            if !make_shown(&mut property) {
                object.required.push(name.clone());
            }
            object.properties.insert(name, property);
        }
        for (name, description) in [
            ("created_at", "When the record was created."),
            ("updated_at", "When the record was last changed."),
        ] {
            let time = ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .description(Some(description));
            add(&mut object, name, time.into());
            example[name] = "2027-03-01T08:00:00Z".into();
        }
        let deleting = ObjectBuilder::new().schema_type(Type::Boolean).description(Some(DELETING));
        object.properties.insert("deleting".to_owned(), deleting.into());
        object.example = Some(example);
        RefOr::T(Schema::Object(object))
    }
}

fn add(object: &mut Object, name: &str, schema: RefOr<Schema>) {
    object.properties.insert(name.to_owned(), schema);
    object.required.push(name.to_owned());
}

/// Turns the schema of a member into that of a response, and returns whether the member may be
/// absent. A member without a value is left out.
fn make_shown(property: &mut RefOr<Schema>) -> bool {
    match property {
        RefOr::T(Schema::Object(member)) => {
            let optional = drop_null(&mut member.schema_type);
            (member.default, member.pattern, member.example) = (None, None, None);
            (member.min_length, member.max_length) = (None, None);
            (member.minimum, member.maximum) = (None, None);
            optional
        }
        RefOr::T(Schema::Array(list)) => {
            (list.default, list.min_items, list.max_items, list.example) = (None, None, None, None);
            drop_null(&mut list.schema_type)
        }
        RefOr::Ref(reference) => {
            // A request also accepts a shorter form of the value.
            if let Some(shown) = reference.ref_location.strip_suffix("In") {
                reference.ref_location = shown.to_owned();
            }
            false
        }
        RefOr::T(Schema::OneOf(either)) => {
            // A reference or null.
            let item = either.items.iter().find(|item| matches!(item, RefOr::Ref(_))).cloned();
            if let Some(RefOr::Ref(mut reference)) = item {
                if let Some(description) = &either.description {
                    reference.description.clone_from(description);
                }
                *property = RefOr::Ref(reference);
            }
            true
        }
        RefOr::T(_) => false,
    }
}

fn drop_null(kind: &mut SchemaType) -> bool {
    let SchemaType::Array(kinds) = kind else { return false };
    kinds.retain(|kind| *kind != Type::Null);
    if let [only] = kinds.as_slice() {
        *kind = SchemaType::Type(only.clone());
    }
    true
}
