//! Expressions with placeholders for all names and values, so that reserved words can't conflict.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::value_bytes;

/// The names and values of an expression's placeholders.
#[derive(Clone, Default)]
pub(super) struct Placeholders {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Placeholders {
    /// Returns the placeholder of an attribute name. Equal names share one placeholder.
    pub(super) fn name(&mut self, attribute: &str) -> String {
        let known = self.names.iter().find(|(_, name)| *name == attribute);
        if let Some((placeholder, _)) = known {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    /// Returns the placeholder of a value.
    pub(super) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Returns the names. Returns `None` if there are none, because DynamoDB refuses an empty map.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    /// Returns the values, or `None` if there are none.
    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// A condition on an item to be written or listed. It has no `Debug`, because the values may be
/// patient data.
#[derive(Clone)]
#[must_use]
pub enum Condition {
    /// No item exists under the key.
    Absent,
    /// The attribute equals this value.
    Equals(&'static str, AttributeValue),
    /// The attribute equals one of these values.
    OneOf(&'static str, Vec<AttributeValue>),
    /// The attribute is less than this value.
    Less(&'static str, AttributeValue),
    /// The item lacks the attribute.
    Without(&'static str),
    /// The item has the attribute.
    Has(&'static str),
    /// All conditions hold.
    All(Vec<Condition>),
    /// At least one condition holds.
    Any(Vec<Condition>),
}

impl Condition {
    /// Returns the text of the condition. Adds its names and values to `placeholders`.
    pub(super) fn render(&self, placeholders: &mut Placeholders) -> String {
        match self {
            Self::Absent => format!("attribute_not_exists({})", placeholders.name(super::keys::PK)),
            Self::Equals(name, value) => {
                let name = placeholders.name(name);
                format!("{name} = {}", placeholders.value(value.clone()))
            }
            Self::OneOf(name, values) => {
                let name = placeholders.name(name);
                let values: Vec<_> =
                    values.iter().map(|value| placeholders.value(value.clone())).collect();
                format!("{name} IN ({})", values.join(", "))
            }
            Self::Less(name, value) => {
                let name = placeholders.name(name);
                format!("{name} < {}", placeholders.value(value.clone()))
            }
            Self::Without(name) => format!("attribute_not_exists({})", placeholders.name(name)),
            Self::Has(name) => format!("attribute_exists({})", placeholders.name(name)),
            Self::All(parts) => Self::join(parts, " AND ", placeholders),
            Self::Any(parts) => Self::join(parts, " OR ", placeholders),
        }
    }

    fn join(parts: &[Self], with: &str, placeholders: &mut Placeholders) -> String {
        let parts: Vec<_> =
            parts.iter().map(|part| format!("({})", part.render(placeholders))).collect();
        parts.join(with)
    }
}

/// A change of an item's attributes.
#[derive(Clone, Default)]
#[must_use]
pub struct Change {
    set: Vec<(Vec<String>, AttributeValue)>,
    remove: Vec<Vec<String>>,
    increment: Vec<String>,
}

impl Change {
    /// Sets an attribute.
    pub fn set(mut self, name: &str, value: AttributeValue) -> Self {
        self.set.push((vec![name.to_owned()], value));
        self
    }

    /// Sets one entry of a map attribute.
    pub fn set_entry(mut self, map: &str, entry: &str, value: AttributeValue) -> Self {
        self.set.push((vec![map.to_owned(), entry.to_owned()], value));
        self
    }

    /// Removes an attribute.
    pub fn remove(mut self, name: &str) -> Self {
        self.remove.push(vec![name.to_owned()]);
        self
    }

    /// Removes one entry of a map attribute.
    pub fn remove_entry(mut self, map: &str, entry: &str) -> Self {
        self.remove.push(vec![map.to_owned(), entry.to_owned()]);
        self
    }

    /// Adds one to a number attribute.
    pub fn increment(mut self, name: &str) -> Self {
        self.increment.push(name.to_owned());
        self
    }

    /// Returns the maximum size in bytes that it adds to an item.
    pub(super) fn bytes(&self) -> usize {
        let of_path = |path: &[String]| path.iter().map(String::len).sum::<usize>();
        self.set.iter().map(|(path, value)| of_path(path) + value_bytes(value)).sum()
    }

    /// Returns the text of the update expression. Adds its names and values to `placeholders`.
    pub(super) fn render(&self, placeholders: &mut Placeholders) -> String {
        let mut set = Vec::new();
        for (path, value) in &self.set {
            let path = Self::path(path, placeholders);
            set.push(format!("{path} = {}", placeholders.value(value.clone())));
        }
        for name in &self.increment {
            let name = placeholders.name(name);
            let one = placeholders.value(AttributeValue::N("1".to_owned()));
            set.push(format!("{name} = {name} + {one}"));
        }
        let remove: Vec<_> =
            self.remove.iter().map(|path| Self::path(path, placeholders)).collect();
        let clauses = [("SET", set), ("REMOVE", remove)];
        let clauses: Vec<_> = clauses
            .iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(clause, parts)| format!("{clause} {}", parts.join(", ")))
            .collect();
        clauses.join(" ")
    }

    fn path(parts: &[String], placeholders: &mut Placeholders) -> String {
        let parts: Vec<_> = parts.iter().map(|part| placeholders.name(part)).collect();
        parts.join(".")
    }
}
