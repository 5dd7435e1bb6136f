//! Deserialisation of path and query parameters, whose values are text.

use std::borrow::Cow;

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, IntoDeserializer, Visitor,
        value::{MapDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::shape::ShapeError;
use crate::error::{ApiError, ErrorCode};

/// Deserialises parameters.
pub fn read<'a, T: DeserializeOwned>(
    parameters: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
) -> Result<T, ApiError> {
    let parameters = MapDeserializer::new(parameters.map(|(name, text)| (name, Text(text))));
    serde_path_to_error::deserialize(parameters).map_err(|error| {
        let name = error.path().to_string();
        ApiError::of_field(ErrorCode::InvalidParameter, error.into_inner().of_parameter(&name))
    })
}

/// The value of one parameter.
struct Text<'a>(Cow<'a, str>);

impl IntoDeserializer<'_, ShapeError> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Implements the deserialisation of numbers.
macro_rules! numbers {
    ($($read:ident: $visit:ident),*) => {$(
        fn $read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
            let number = self.0.parse().map_err(|_| ShapeError::wrong_type("a whole number within the allowed range"))?;
            visitor.$visit(number)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_str(&self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0.as_ref() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(ShapeError::wrong_type("`true` or `false`")),
        }
    }

    numbers!(deserialize_u16: visit_u16, deserialize_u32: visit_u32, deserialize_u64: visit_u64);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        visitor.visit_enum(StrDeserializer::new(&self.0))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
