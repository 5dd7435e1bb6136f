//! The patterns of texts that people write: what `validation::line` and `validation::text` take, for whoever goes by the
//! document.

use utoipa::openapi::{
    Object, RefOr, Schema, Type,
    schema::{ArrayItems, SchemaType},
};

/// Control characters, and those that make a text read as another (`validation`).
const NOT_IN_A_LINE: &str =
    r"\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff";
/// The same but for line breaks and tabs.
const NOT_IN_A_TEXT: &str = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff";

/// One line that is not blank.
fn line() -> String {
    format!(r"^[^{NOT_IN_A_LINE}]*[^\s{NOT_IN_A_LINE}][^{NOT_IN_A_LINE}]*$")
}

/// Text of several lines.
fn text() -> String {
    format!("^[^{NOT_IN_A_TEXT}]*$")
}

/// Gives every bounded string of a schema its pattern, unless it has a form of its own. One that must not be empty is a
/// line.
pub fn describe(schema: &mut RefOr<Schema>) {
    describe_member("", schema);
}

fn describe_member(name: &str, schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            object.properties.iter_mut().for_each(|(name, schema)| describe_member(name, schema));
            if is_string(&object.schema_type) && object.max_length.is_some() && !is_formed(object) {
                object.pattern = Some(if object.min_length.is_some() { line() } else { text() });
            }
        }
        Schema::Array(array) => {
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

/// The texts of a list: roles of a visit type, or lines of an address.
fn describe_item(list: &str, item: &mut Object) {
    item.min_length = Some(1);
    if list == "roles" {
        item.max_length = Some(40);
        item.pattern = Some("^[a-z][a-z0-9_]*$".to_owned());
    } else {
        item.max_length = Some(200);
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

    /// ECMA-262 writes `\u0000` where the crate `regex` writes `\u{0000}`.
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
