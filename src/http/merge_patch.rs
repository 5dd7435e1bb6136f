//! JSON Merge Patch (RFC 7396) of a typed resource: merged into what there is, then judged as a whole.

use std::{borrow::Cow, marker::PhantomData};

use axum::extract::{FromRequest, Request};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, RefOr, Type,
        schema::{Schema, SchemaType},
    },
};
use validator::Validate;

use super::body::{self, from_value};
use crate::error::{ApiError, ErrorCode};

/// The content type of RFC 7396; plain `application/json` is taken as well.
pub const MERGE_PATCH_JSON: &str = "application/merge-patch+json";

/// A merge patch of a `T`: absent stays, null is removed. It has no `Debug`, as it holds what a patient's record will.
#[derive(Clone)]
pub struct MergePatch<T> {
    members: Map<String, Value>,
    of: PhantomData<fn(T)>,
}

impl<T, S> FromRequest<S> for MergePatch<T>
where
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let types = [MERGE_PATCH_JSON, "application/json"];
        let (parts, body) = request.into_parts();
        match body::value(&body::read(&parts.headers, body, &types).await?)? {
            Value::Object(members) => Ok(Self { members, of: PhantomData }),
            _ => Err(ApiError::field(ErrorCode::ValidationFailed, "", "must be an object")),
        }
    }
}

impl<T> MergePatch<T>
where
    T: Serialize + DeserializeOwned + Validate,
{
    /// `current` with the patch applied, every rule of `T` checked anew.
    pub fn apply(&self, current: T) -> Result<T, ApiError> {
        let mut json = serde_json::to_value(current)
            .map_err(|_| ApiError::new(ErrorCode::InternalError, "The record can't be patched."))?;
        merge(&mut json, &self.members);
        from_value(&json)
    }
}

/// As RFC 7396 has it, but that the null of a member which is not there is kept, for the type to judge: it may
/// be none that the type has.
fn merge(target: &mut Value, patch: &Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        match value {
            Value::Null if members.contains_key(name) => {
                members.remove(name);
            }
            Value::Object(nested) => {
                merge(members.entry(name.clone()).or_insert(Value::Null), nested);
            }
            other => {
                members.insert(name.clone(), other.clone());
            }
        }
    }
}

impl<T: ToSchema> ToSchema for MergePatch<T> {
    fn name() -> Cow<'static, str> {
        let name = T::name();
        Cow::Owned(format!("{}Patch", name.strip_suffix("In").unwrap_or(&name)))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for MergePatch<T> {
    /// The schema of `T` with nothing required, and null for all that can be cleared.
    fn schema() -> RefOr<Schema> {
        let mut named = Vec::new();
        T::schemas(&mut named);
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let text =
                "A JSON Merge Patch (RFC 7396): absent members stay as they are, null clears one.";
            make_patch(object, text, &named);
        }
        schema
    }
}

/// The schemas that others refer to, by name.
type Named = [(String, RefOr<Schema>)];

fn make_patch(object: &mut Object, description: &str, named: &Named) {
    let required = std::mem::take(&mut object.required);
    object.description = Some(description.to_owned());
    object.example = None;
    for (name, property) in &mut object.properties {
        *property = patch_of(property.clone(), !required.contains(name), named);
    }
}

/// The schema of a member's patch: objects are patched in their turn.
fn patch_of(property: RefOr<Schema>, nullable: bool, named: &Named) -> RefOr<Schema> {
    match property {
        RefOr::T(Schema::Object(mut member)) => {
            member.default = None;
            if let (true, SchemaType::Type(kind)) = (nullable, &member.schema_type) {
                member.schema_type = SchemaType::Array(vec![kind.clone(), Type::Null]);
            }
            RefOr::T(Schema::Object(member))
        }
        RefOr::T(Schema::Array(mut list)) => {
            if nullable {
                list.schema_type = SchemaType::Array(vec![Type::Array, Type::Null]);
            }
            RefOr::T(Schema::Array(list))
        }
        other => {
            let mut object = referred(&other, named).unwrap_or_default();
            make_patch(&mut object, "A merge patch in its turn, or null.", named);
            object.schema_type = SchemaType::Array(vec![Type::Object, Type::Null]);
            object.into()
        }
    }
}

/// The object that a schema refers to, alone or beside null.
fn referred(schema: &RefOr<Schema>, named: &Named) -> Option<Object> {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next()?;
            match named.iter().find(|(known, _)| known == name) {
                Some((_, RefOr::T(Schema::Object(object)))) => Some(object.clone()),
                _ => None,
            }
        }
        RefOr::T(Schema::OneOf(either)) => {
            either.items.iter().find_map(|schema| referred(schema, named))
        }
        RefOr::T(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Serialize, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        #[validate(length(max = 5))]
        name: String,
    }

    #[test]
    fn null_for_what_is_required_or_unknown_is_refused_and_rules_hold() {
        for bad in [json!({ "name": null }), json!({ "nope": null }), json!({ "name": "toolong" })]
        {
            let Value::Object(members) = bad.clone() else { panic!("no object") };
            let patch = MergePatch::<Thing> { members, of: PhantomData };
            let refused = patch.apply(Thing { name: "old".to_owned() }).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::ValidationFailed, "{bad}");
        }
    }
}
