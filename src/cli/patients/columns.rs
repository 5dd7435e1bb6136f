//! The columns of a CSV file of patients, each named by the JSON pointer to a member, without the
//! first slash.

use std::collections::HashSet;

use anyhow::bail;
use csv::StringRecord;
use serde_json::Value;

/// The names of columns. `#` is a digit: the position in a list.
const NAMES: [&str; 31] = [
    "active",
    "address/city",
    "address/country",
    "address/district",
    "address/lines/#",
    "address/postal_code",
    "address/state",
    "birth_date",
    "contacts/#/name/family",
    "contacts/#/name/given/#",
    "contacts/#/name/prefix",
    "contacts/#/name/text",
    "contacts/#/phone/extension",
    "contacts/#/phone/use",
    "contacts/#/phone/value",
    "contacts/#/relationship",
    "deceased",
    "email",
    "gender",
    "identifiers/#/system",
    "identifiers/#/value",
    "language",
    "mrn",
    "name/family",
    "name/given/#",
    "name/prefix",
    "name/text",
    "notes",
    "phones/#/extension",
    "phones/#/use",
    "phones/#/value",
];

/// The columns of a file, in their order.
pub struct Columns(Vec<String>);

impl Columns {
    /// Reads a header.
    pub fn of(header: &StringRecord) -> anyhow::Result<Self> {
        let (mut columns, mut known) = (Vec::new(), HashSet::new());
        for (column, number) in header.iter().map(str::trim).zip(1..) {
            if !NAMES.contains(&pattern(column).as_str()) {
                // The name is not shown: a file without a header has patient data here.
                bail!(
                    "the name of column {number} is unknown; the names of columns are {}, where # is a digit",
                    NAMES.join(", ")
                );
            }
            if !known.insert(column) {
                bail!("the column {column} is given twice");
            }
            columns.push(column.to_owned());
        }
        Ok(Self(columns))
    }

    /// Returns the patient of a row as JSON, or `None` if all cells are empty.
    pub fn patient(&self, row: &StringRecord) -> Option<Value> {
        let mut patient = Value::Null;
        for (column, cell) in self.0.iter().zip(row.iter().map(str::trim)) {
            if cell.is_empty() {
                continue;
            }
            // Indexing adds missing members. Lists are objects first.
            let place = column.split('/').fold(&mut patient, |place, part| &mut place[part]);
            *place = match (column.as_str(), cell) {
                ("active" | "deceased", "true") => Value::Bool(true),
                ("active" | "deceased", "false") => Value::Bool(false),
                _ => cell.into(),
            };
        }
        (!patient.is_null()).then(|| with_lists(patient))
    }
}

/// Replaces a part that is a digit by `#`.
fn pattern(column: &str) -> String {
    let parts = column.split('/').map(|part| if is_digit(part) { "#" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn is_digit(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Turns objects whose members are positions into lists. Missing positions are left out.
fn with_lists(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let mut members: Vec<_> =
        members.into_iter().map(|(name, value)| (name, with_lists(value))).collect();
    if members.iter().all(|(name, _)| is_digit(name)) {
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        return members.into_iter().map(|(_, value)| value).collect();
    }
    Value::Object(members.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{http::body::from_value, records::patients::model::PatientDetails};

    fn record(cells: &[&str]) -> StringRecord {
        cells.iter().collect()
    }

    #[test]
    fn every_column_sets_a_member_that_a_patient_has() {
        let value = |name: &str| match name {
            "active" | "deceased" => "true",
            "address/country" => "CH",
            "birth_date" => "1984-02-29",
            "email" => "ida@example.org",
            "gender" => "female",
            "language" => "de-CH",
            "identifiers/#/system" => "urn:a",
            name if name.ends_with("phone/value") || name == "phones/#/value" => "+41795551234",
            name if name.ends_with("/use") => "work",
            _ => "12",
        };
        let names = NAMES.map(|name| name.replace('#', "0"));
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let columns = Columns::of(&record(&names)).unwrap();
        let json = columns.patient(&record(&NAMES.map(value))).unwrap();
        let patient: PatientDetails = from_value(&json).unwrap_or_else(|it| panic!("{it:?}"));
        assert_eq!(serde_json::to_value(&patient).unwrap(), json);
        let leaves = |json: &Value| json.to_string().matches("\":\"").count();
        // Two more are booleans, and three are entries of lists of texts.
        assert_eq!(leaves(&json), NAMES.len() - 5);
    }

    #[test]
    fn lists_are_in_the_order_of_their_positions_without_gaps() {
        let names = ["name/given/2", "name/family", "name/given/0", "name/given/1", "notes"];
        let columns = Columns::of(&record(&names)).unwrap();
        let row = record(&["C", " F ", "A", " ", ""]);
        assert_eq!(
            columns.patient(&row),
            Some(json!({ "name": { "family": "F", "given": ["A", "C"] } }))
        );
        assert_eq!(columns.patient(&record(&["", " ", "", "", ""])), None);
    }

    #[test]
    fn a_header_with_other_names_is_refused_without_showing_them() {
        for bad in ["Keller", "name", "phones/10/value", "phones/x/value", "", "mrn/#"] {
            let refused = Columns::of(&record(&["mrn", bad])).err().unwrap().to_string();
            assert!(refused.starts_with("the name of column 2 is unknown"), "{refused}");
            assert!(!refused.contains("Keller"));
        }
        let twice = Columns::of(&record(&["mrn", "notes", " mrn"])).err().unwrap().to_string();
        assert_eq!(twice, "the column mrn is given twice");
    }
}
