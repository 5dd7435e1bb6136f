//! JSON Merge Patch (RFC 7396) of a typed resource: merged into the current record, then validated
//! as a whole.

use std::{borrow::Cow, marker::PhantomData};

use axum::extract::{FromRequest, Request};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, ObjectBuilder, Ref, RefOr, Type,
        schema::{OneOfBuilder, Schema, SchemaType},
    },
};
use validator::Validate;

use super::body::{self, from_value};
use crate::error::{ApiError, ErrorCode, FieldCode, FieldError};

/// The content type of RFC 7396. `application/json` is accepted as well.
pub const MERGE_PATCH_JSON: &str = "application/merge-patch+json";

/// A merge patch of a `T`: absent members stay, null removes a member. It has no `Debug`, because
/// it may contain patient data.
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
        let sent = body::value(&body::read(&parts.headers, body, &types).await?)?;
        let Value::Object(members) = sent else {
            let error = FieldError::of_body("", FieldCode::WrongType, "must be an object");
            return Err(ApiError::of_field(ErrorCode::ValidationFailed, error));
        };
        Ok(Self { members, of: PhantomData })
    }
}

impl<T> MergePatch<T> {
    /// Rejects members that another operation changes. Each has a detail that names the operation.
    pub fn refuse(&self, elsewhere: &[(&str, &str)]) -> Result<(), ApiError> {
        let refused = elsewhere.iter().filter(|(name, _)| self.members.contains_key(*name));
        let errors = refused.map(|(name, detail)| {
            FieldError::of_body(format!("/{name}"), FieldCode::Unknown, *detail)
        });
        let errors: Vec<_> = errors.collect();
        match errors.first() {
            None => Ok(()),
            Some(first) => {
                let error = ApiError::of_field(ErrorCode::ValidationFailed, first.clone());
                Err(error.with_errors(errors))
            }
        }
    }
}

impl<T> MergePatch<T>
where
    T: Serialize + DeserializeOwned + Validate,
{
    /// Returns `current` with the patch applied, and validates every rule of `T` again.
    pub fn apply(&self, current: T) -> Result<T, ApiError> {
        let mut json = serde_json::to_value(current).map_err(|_| {
            ApiError::new(
                ErrorCode::InternalError,
                "The service could not apply the patch. Report the request_id to the operator.",
            )
        })?;
        merge(&mut json, &self.members);
        from_value(&json)
    }
}

/// Merges as RFC 7396 defines, with one exception: a null for an absent member is kept, so that the
/// type can reject an unknown member.
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
        patch_name(&T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        let mut named = Vec::new();
        T::schemas(&mut named);
        if let RefOr::T(Schema::Object(object)) = T::schema() {
            let nested = object.properties.values().filter_map(|member| referred(member, &named));
            let patches = nested.map(|(name, mut object)| {
                make_patch(&mut object, "A nested merge patch.", &named);
                (patch_name(&name), object.into())
            });
            schemas.extend(patches);
        }
        schemas.extend(named);
    }
}

impl<T: ToSchema> PartialSchema for MergePatch<T> {
    /// The schema of `T` without required members. Members that can be cleared are nullable.
    fn schema() -> RefOr<Schema> {
        let mut named = Vec::new();
        T::schemas(&mut named);
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let text = "A JSON Merge Patch (RFC 7396): absent members stay unchanged, null clears a member.";
            make_patch(object, text, &named);
        }
        schema
    }
}

/// Returns the name of the schema of a patch.
fn patch_name(name: &str) -> String {
    format!("{}Patch", name.strip_suffix("In").unwrap_or(name))
}

/// Referenced schemas by name.
type Named = [(String, RefOr<Schema>)];

fn make_patch(object: &mut Object, description: &str, named: &Named) {
    let required = std::mem::take(&mut object.required);
    object.description = Some(description.to_owned());
    object.example = None;
    for (name, property) in &mut object.properties {
        *property = patch_of(property.clone(), !required.contains(name), named);
    }
}

/// Returns the schema of a member's patch. Nested objects are merge patches as well.
fn patch_of(property: RefOr<Schema>, nullable: bool, named: &Named) -> RefOr<Schema> {
    match property {
        RefOr::T(Schema::Object(mut member)) => {
            if let Some(default) = member.default.take() {
                let text = member.description.take().unwrap_or_default();
                member.description =
                    Some(format!("{text} `null` restores the default, `{default}`."));
            }
            if let (true, SchemaType::Type(kind)) = (nullable, &member.schema_type) {
                member.schema_type = SchemaType::Array(vec![kind.clone(), Type::Null]);
            }
            RefOr::T(Schema::Object(member))
        }
        RefOr::T(Schema::Array(mut list)) => {
            list.default = None;
            if nullable {
                list.schema_type = SchemaType::Array(vec![Type::Array, Type::Null]);
            }
            RefOr::T(Schema::Array(list))
        }
        other => match referred(&other, named) {
            Some((name, _)) => OneOfBuilder::new()
                .item(ObjectBuilder::new().schema_type(Type::Null))
                .item(Ref::from_schema_name(patch_name(&name)))
                .into(),
            None => other,
        },
    }
}

/// Returns the object that a schema refers to, directly or in a `oneOf` with null, and its name.
fn referred(schema: &RefOr<Schema>, named: &Named) -> Option<(String, Object)> {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next()?;
            match named.iter().find(|(known, _)| known == name) {
                Some((name, RefOr::T(Schema::Object(object)))) if object.enum_values.is_none() => {
                    Some((name.clone(), object.clone()))
                }
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
