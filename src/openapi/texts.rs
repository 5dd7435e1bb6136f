//! Adds to schemas the patterns of free text, as `validation::line` and `validation::text` accept
//! it, and the descriptions of defaults.

use serde_json::Value;
use utoipa::openapi::{
    Object, RefOr, Schema, Type,
    schema::{ArrayItems, SchemaType},
};

/// Control characters, and characters that make a text look like another (`validation`).
const NOT_IN_A_LINE: &str = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff";
/// The same, except line breaks and tabs.
const NOT_IN_A_TEXT: &str = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff";

/// One line that is not blank.
fn line() -> String {
    format!(r"^[^{NOT_IN_A_LINE}]*[^\s{NOT_IN_A_LINE}][^{NOT_IN_A_LINE}]*$")
}

/// Text of several lines.
fn text() -> String {
    format!("^[^{NOT_IN_A_TEXT}]*$")
}

/// Adds a pattern to every bounded string of a schema that has no format of its own. A string that
/// must not be empty is one line. Moves each `default` into the description.
pub fn describe(schema: &mut RefOr<Schema>) {
    describe_member("", schema);
}

fn describe_member(name: &str, schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            tell_default(&mut object.description, object.default.take());
            object.properties.iter_mut().for_each(|(name, schema)| describe_member(name, schema));
            if is_string(&object.schema_type) && object.max_length.is_some() && !is_formed(object) {
                object.pattern = Some(if object.min_length.is_some() { line() } else { text() });
            }
        }
        Schema::Array(array) => {
            tell_default(&mut array.description, array.default.take());
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                if let RefOr::T(Schema::Object(item)) = items.as_mut()
                    && is_string(&item.schema_type)
                    && !is_formed(item)
                {
                    describe_item(name, item);
                }
                describe(items);
            }
        }
        Schema::OneOf(several) => several.items.iter_mut().for_each(describe),
        Schema::AllOf(several) => several.items.iter_mut().for_each(describe),
        Schema::AnyOf(several) => several.items.iter_mut().for_each(describe),
        _ => {}
    }
}

/// States a default in the description. Client generators would make a member with `default`
/// required.
fn tell_default(description: &mut Option<String>, default: Option<Value>) {
    if let Some(default) = default {
        let told = description.take().unwrap_or_default();
        *description = Some(format!("{told} Default: `{default}`."));
    }
}

/// Describes the texts of a list: roles of a visit type, lines of an address, or given names.
fn describe_item(list: &str, item: &mut Object) {
    match list {
        "roles" => {
            (item.min_length, item.max_length) = (Some(1), Some(40));
            item.pattern = Some("^[a-z][a-z0-9_]*$".to_owned());
        }
        "lines" => (item.min_length, item.max_length) = (Some(1), Some(200)),
        "given" => (item.min_length, item.max_length) = (Some(1), Some(100)),
        _ => {}
    }
}

fn is_formed(object: &Object) -> bool {
    object.pattern.is_some() || object.format.is_some() || object.enum_values.is_some()
}

fn is_string(kind: &SchemaType) -> bool {
    match kind {
        SchemaType::Type(Type::String) => true,
        SchemaType::Array(kinds) => kinds.contains(&Type::String),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::validation;

    /// Converts `\u0000` of ECMA-262 to `\u{0000}` of the crate `regex`.
    fn regex(pattern: &str) -> Regex {
        let escape = Regex::new(r"\\u([0-9a-f]{4})").unwrap();
        Regex::new(&escape.replace_all(pattern, r"\u{$1}")).unwrap()
    }

    proptest! {
        #[test]
        fn the_patterns_take_what_the_service_takes(
            written in r"[a \t\n\r\x00\x0b\x1f\x7f\u{85}\u{a0}\u{200e}\u{2028}\u{202a}\u{202e}\u{2066}\u{3000}\u{feff}é𠮷]{0,4}",
        ) {
            prop_assert_eq!(regex(&line()).is_match(&written), validation::line(&written).is_ok());
            prop_assert_eq!(regex(&text()).is_match(&written), validation::text(&written).is_ok());
        }
    }
}
