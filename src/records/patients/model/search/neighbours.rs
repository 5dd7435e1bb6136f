//! Neighbouring words of a name, which other spellings join.

use super::fold::{joined, parts_of_name};
use crate::{records::patients::model::PersonName, sensitive::Sensitive};

/// The maximum number of neighbouring words that may be spelled as one.
pub const MAX_JOINED: usize = 3;
/// The maximum number of parts of the family name, of the given names, or of the text.
const MAX_PARTS: usize = 20;

/// Returns two and three neighbouring words of a name, joined: `de la Cruz` as `dela`, `delacruz`
/// and `lacruz`. A family name and a given name are not neighbours. The text counts only without a
/// family name, because it repeats the other parts.
pub fn joined_words(name: &PersonName) -> Vec<String> {
    let text = name.text.iter().filter(|_| name.family.is_none());
    let fields: [Vec<String>; 3] = [
        name.family.iter().flat_map(parts).collect(),
        name.given.iter().flat_map(parts).take(MAX_PARTS).collect(),
        text.flat_map(parts).collect(),
    ];
    let neighbours = |field: &Vec<String>, at: usize| {
        let lengths = 2..=MAX_JOINED.min(field.len() - at);
        lengths.map(|length| joined(&field[at..at + length])).collect::<Vec<_>>()
    };
    let of_field = |field: &Vec<String>| {
        (0..field.len()).flat_map(|at| neighbours(field, at)).collect::<Vec<_>>()
    };
    fields.iter().flat_map(of_field).collect()
}

/// Returns the parts of a text, folded: at most 20.
pub fn parts(text: &Sensitive<String>) -> impl Iterator<Item = String> {
    parts_of_name(text.expose()).take(MAX_PARTS)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn name(json: Value) -> PersonName {
        from_value(json).unwrap()
    }

    #[test]
    fn neighbours_of_one_field_are_joined() {
        for (given, expected) in [
            (json!("Ida"), &[][..]),
            (json!("Conan O Brien"), &["conano", "conanobrien", "obrien"]),
            (json!({ "family": "de la Cruz", "given": ["Ida"] }), &["dela", "delacruz", "lacruz"]),
            (json!({ "family": "Example", "given": ["Jean", "Luc"] }), &["jeanluc"]),
            (
                json!({ "family": "O'Brien", "given": ["Jean Luc"], "text": "Jean Luc O'Brien" }),
                &["obrien", "jeanluc"],
            ),
        ] {
            assert_eq!(joined_words(&name(given.clone())), expected, "{given}");
        }
    }
}
