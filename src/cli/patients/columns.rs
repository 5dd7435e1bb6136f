//! The columns of a CSV file of patients, each named by the JSON pointer to a member, without the
//! first slash.

use std::collections::HashSet;

use anyhow::bail;
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

/// Members that have another position in the patient than their column in the header: both JSON
/// pointers, the patient's first. Members come before the list that holds them.
pub type Moved = Vec<(String, String)>;

/// The columns of a file, in their order.
pub struct Columns(Vec<String>);

impl Columns {
    /// Reads a header.
    pub fn of(header: &[String]) -> anyhow::Result<Self> {
        let (mut columns, mut known) = (Vec::new(), HashSet::new());
        for (column, number) in header.iter().map(|name| name.trim()).zip(1..) {
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

    /// Returns the number of columns.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the patient of a row as JSON, and what it moved. Returns `None` if all cells are
    /// empty.
    pub fn patient(&self, row: &[String]) -> Option<(Value, Moved)> {
        let mut patient = Value::Null;
        for (column, cell) in self.0.iter().zip(row.iter().map(|cell| cell.trim())) {
            if cell.is_empty() {
                continue;
            }
            // Indexing adds missing members. Lists are objects first.
            let place = column.split('/').fold(&mut patient, |place, part| &mut place[part]);
            *place = match column.as_str() {
                // Excel writes TRUE and FALSE.
                "active" | "deceased" if cell.eq_ignore_ascii_case("true") => true.into(),
                "active" | "deceased" if cell.eq_ignore_ascii_case("false") => false.into(),
                _ => cell.into(),
            };
        }
        let mut moved = Vec::new();
        (!patient.is_null()).then(|| (with_lists(patient, "", "", &mut moved), moved))
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

/// Turns objects whose members are positions into lists, and closes their gaps. `to` points to the
/// value in the patient, and `from` to its columns.
fn with_lists(value: Value, from: &str, to: &str, moved: &mut Moved) -> Value {
    let Value::Object(members) = value else { return value };
    let mut members: Vec<_> = members.into_iter().collect();
    let is_list = members.iter().all(|(name, _)| is_digit(name));
    if is_list {
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    let members = members.into_iter().enumerate().map(|(at, (name, value))| {
        let from = format!("{from}/{name}");
        let to = if is_list { format!("{to}/{at}") } else { format!("{to}/{name}") };
        let value = with_lists(value, &from, &to, moved);
        if from != to {
            moved.push((to, from));
        }
        (name, value)
    });
    if is_list { members.map(|(_, value)| value).collect() } else { members.collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{http::body::from_value, records::patients::model::PatientDetails};

    fn record(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
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
        let (json, _) = columns.patient(&record(&NAMES.map(value))).unwrap();
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
        let (patient, moved) = columns.patient(&row).unwrap();
        assert_eq!(patient, json!({ "name": { "family": "F", "given": ["A", "C"] } }));
        assert_eq!(moved, [("/name/given/1".to_owned(), "/name/given/2".to_owned())]);
        assert_eq!(columns.patient(&record(&["", " ", "", "", ""])), None);
    }

    #[test]
    fn booleans_are_accepted_in_any_case() {
        let columns = Columns::of(&record(&["active", "deceased", "notes"])).unwrap();
        let (patient, _) = columns.patient(&record(&["TRUE", "False", "TRUE"])).unwrap();
        assert_eq!(patient, json!({ "active": true, "deceased": false, "notes": "TRUE" }));
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
