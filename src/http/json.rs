//! JSON bodies: parsed once, without duplicate members, then deserialised into a type.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, Error as _, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Map, Value};
use serde_path_to_error::Path;

use super::shape::{ShapeError, escape};

/// The reason why a body could not be deserialised.
#[derive(Debug)]
pub enum JsonError {
    /// The body is not JSON. The error's message may quote the body.
    Syntax(Error),
    /// A value does not match the type.
    Shape {
        /// The JSON pointer to the value (RFC 6901), empty for the whole body.
        pointer: String,
        /// What is wrong with the value.
        error: ShapeError,
    },
}

/// Parses JSON. A repeated member is an error, because RFC 8259 does not define its meaning.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json);
    match parsed {
        Ok(Unique(value)) => {
            json.end().map_err(JsonError::Syntax)?;
            Ok(value)
        }
        // Report a syntax error first, even if an earlier member is repeated.
        Err(error) => {
            serde_json::from_slice::<IgnoredAny>(bytes).map_err(JsonError::Syntax)?;
            Err(no_value(error))
        }
    }
}

/// Returns the error for text with valid syntax, but with a repeated member or half a surrogate
/// pair.
fn no_value(error: serde_path_to_error::Error<Error>) -> JsonError {
    let text = error.inner().to_string();
    let member = text.strip_prefix(REPEATED).and_then(|rest| rest.rsplit_once("` at line "));
    match member {
        Some((member, _)) => {
            JsonError::Shape { pointer: pointer(error.path()), error: ShapeError::repeated(member) }
        }
        None => JsonError::Syntax(error.into_inner()),
    }
}

/// The start of the message about a repeated member. Its name and a backtick follow.
const REPEATED: &str = "repeated: `";

/// Deserialises a value. Unlike `serde_json`, accepts only objects as structs and only strings as
/// enum variants.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, JsonError> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| JsonError::Shape {
        pointer: pointer(error.path()),
        error: error.into_inner(),
    })
}

fn pointer(path: &Path) -> String {
    use serde_path_to_error::Segment;
    let parts = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(escape(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    parts.fold(String::new(), |pointer, part| pointer + "/" + &part)
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

macro_rules! scalars {
    ($($visit:ident: $scalar:ty),*) => {$(
        fn $visit<E>(self, value: $scalar) -> Result<Value, E> {
            Ok(value.into())
        }
    )*};
}

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    scalars!(visit_bool: bool, visit_u64: u64, visit_i64: i64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Unique(value) = members.next_value()?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("{REPEATED}{name}`")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[derive(Clone, Copy)]
struct Strict<'a>(&'a Value);

impl<'de> IntoDeserializer<'de, ShapeError> for Strict<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict<'de> {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.iter().map(Strict)))
            }
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.as_str(), Strict(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        if !self.0.is_object() {
            return Err(ShapeError::wrong_type("an object"));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(StrDeserializer::new(word)),
            _ => Err(ShapeError::wrong_type("a string")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_repeated_member_is_an_error_at_any_depth() {
        for (bad, at, member) in [
            (r#"{"a":1,"a":1}"#, "", "a"),
            (r#"{"a":{"b":1,"b":2}}"#, "/a", "b"),
            (r#"[{"a":1,"\u0061":2}]"#, "/0", "a"),
        ] {
            let JsonError::Shape { error, pointer } = parse(bad.as_bytes()).unwrap_err() else {
                panic!("{bad} is JSON");
            };
            assert_eq!((error, pointer.as_str()), (ShapeError::repeated(member), at), "{bad}");
        }
        assert!(parse(br#"{"a":{"b":1},"b":{"b":1}}"#).is_ok());
    }

    proptest! {
        #[test]
        fn all_else_reads_as_serde_json_reads_it(text in r#"[\[\]{}",:a-c0-9.eE+\-nultrfs ]{0,30}"#) {
            let (ours, theirs) = (parse(text.as_bytes()), serde_json::from_str::<Value>(&text));
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    prop_assert_eq!(&read::<Value>(&ours).unwrap(), &ours);
                    prop_assert_eq!(ours, theirs);
                }
                (Err(ours), Ok(_)) => {
                    let shape = matches!(ours, JsonError::Shape { .. });
                    prop_assert!(shape, "{ours:?}");
                }
                (ours, theirs) => prop_assert!(ours.is_err() && theirs.is_err()),
            }
        }
    }
}
