//! The name of a person.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, Type,
        schema::{OneOfBuilder, Schema},
    },
};
use validator::{Validate, ValidationError};

use crate::{
    sensitive::Sensitive,
    validation::{self, lines, member, missing, sensitive as hidden, trimmed, trimmed_list},
};

/// The maximum length of `text`.
const MAX_TEXT: usize = 200;

/// The name of a person, in parts or as one text. It has `family`, `text` or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = family_or_text))]
pub struct PersonName {
    /// The family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 100), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub family: Option<Sensitive<String>>,
    /// The given names in their order, up to 100 characters each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = 6), custom(function = given_names))]
    #[schema(value_type = Option<Vec<String>>, max_items = 6)]
    pub given: Vec<Sensitive<String>>,
    /// A title before the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 100), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub prefix: Option<Sensitive<String>>,
    /// The whole name as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 200), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub text: Option<Sensitive<String>>,
}

impl From<String> for PersonName {
    fn from(text: String) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }
}

fn family_or_text(name: &PersonName) -> Result<(), ValidationError> {
    let given = [("family", &name.family), ("text", &name.text)];
    let mut given = given.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    let Some((first, text)) = given.next() else {
        return Err(missing("family", "is required unless text is given"));
    };
    if is_shown(text.expose()) || given.any(|(_, text)| is_shown(text.expose())) {
        return Ok(());
    }
    Err(member(first, NOT_SHOWN))
}

const NOT_SHOWN: &str = "must contain a character that is shown";

fn is_shown(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !validation::is_invisible(c))
}

fn given_names(names: &[Sensitive<String>]) -> Result<(), ValidationError> {
    lines(names.iter().map(Sensitive::expose), 100)
}

impl<'de> Deserialize<'de> for PersonName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

/// One visitor for both forms, because an untagged enum would lose the place of an error.
struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = PersonName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an object")
    }

    /// Validates the text here, so that an error points to the string and not to a `text` that the
    /// caller did not send.
    fn visit_str<E: Error>(self, text: &str) -> Result<PersonName, E> {
        let text = text.trim();
        if let Err(error) = validation::line(text) {
            return Err(E::custom(error.message.unwrap_or_default()));
        }
        if !is_shown(text) {
            return Err(E::custom(NOT_SHOWN));
        }
        if text.chars().count() > MAX_TEXT {
            return Err(E::custom(format_args!("must have a length of at most {MAX_TEXT}")));
        }
        Ok(text.to_owned().into())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<PersonName, A::Error> {
        let members = Members::deserialize(MapAccessDeserializer::new(members))?;
        let Members { family, given, prefix, text } = members;
        Ok(PersonName { family, given, prefix, text })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    #[serde(default, deserialize_with = "trimmed")]
    family: Option<Sensitive<String>>,
    #[serde(default, deserialize_with = "trimmed_list")]
    given: Vec<Sensitive<String>>,
    #[serde(default, deserialize_with = "trimmed")]
    prefix: Option<Sensitive<String>>,
    #[serde(default, deserialize_with = "trimmed")]
    text: Option<Sensitive<String>>,
}

/// The schema of a name in a request. A response has a [`PersonName`].
#[derive(Debug)]
pub struct PersonNameIn;

impl ToSchema for PersonNameIn {
    fn name() -> Cow<'static, str> {
        "PersonNameIn".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((PersonName::name().into_owned(), PersonName::schema()));
    }
}

impl PartialSchema for PersonNameIn {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The whole name. It is stored as `text`."))
            .min_length(Some(1))
            .max_length(Some(MAX_TEXT));
        OneOfBuilder::new()
            .description(Some("A name: an object, or a string, which is stored as `text`."))
            .item(text)
            .item(Ref::from_schema_name(PersonName::name()))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn a_string_is_the_text() {
        let read = |name: Value| from_value::<PersonName>(name).unwrap();
        let name = read(json!(" Ida Example\u{a0}"));
        assert_eq!(name, read(json!({ "text": "Ida Example" })));
        assert_eq!(serde_json::to_value(&name).unwrap(), json!({ "text": "Ida Example" }));
    }
}
