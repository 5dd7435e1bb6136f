//! Which of several entries of a FHIR resource a patient holds.

use serde_json::Value;

/// The uses of entries that are only taken if there is no other one.
const LAST: [&str; 6] = ["anonymous", "billing", "maiden", "nickname", "secondary", "temp"];

/// Returns the entries of a list.
pub fn entries<'a>(of: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    of.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Returns the entries that are not `old` and have not ended before `today`: official ones first,
/// then usual ones, then by rank.
pub fn best<'a>(of: &'a mut Value, name: &str, today: &str) -> Vec<&'a mut Value> {
    let mut all: Vec<_> = entries(of, name)
        .filter(|entry| entry["use"] != "old" && !has_ended(entry, today))
        .collect();
    all.sort_by_key(|entry| {
        let purpose = match entry["use"].as_str() {
            Some("official") => 0,
            Some("usual") => 1,
            Some(other) if LAST.contains(&other) => 3,
            _ => 2,
        };
        (purpose, rank(entry))
    });
    all
}

/// Returns the contact points that have not ended, the preferred one first. A patient can hold a
/// telephone number that is `old`, so these are last among equal ranks.
pub fn phones_first<'a>(
    of: &'a mut Value,
    name: &str,
    today: &str,
) -> impl Iterator<Item = &'a mut Value> {
    let mut all: Vec<_> = entries(of, name).filter(|entry| !has_ended(entry, today)).collect();
    all.sort_by_key(|entry| (rank(entry), entry["use"] == "old"));
    all.into_iter()
}

/// Returns the rank of a contact point: 1 is the preferred one.
fn rank(entry: &Value) -> u64 {
    entry["rank"].as_u64().unwrap_or(u64::MAX)
}

/// Whether the period of an entry ended before a day. Both dates are compared as far as the end is
/// known: a period that ended in this year may last.
fn has_ended(entry: &Value, today: &str) -> bool {
    let Some(end) = entry["period"]["end"].as_str() else { return false };
    let known = end.get(..today.len()).unwrap_or(end);
    today.get(..known.len()).is_some_and(|today| known < today)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the names of entries in the order of `best`, and of `phones_first`.
    fn orders(entries: &Value) -> (String, String) {
        let mut of = json!({ "all": entries });
        let names = |all: Vec<&mut Value>| {
            all.iter().map(|entry| entry["name"].as_str().unwrap()).collect::<String>()
        };
        let best = names(best(&mut of, "all", "2030-06-15"));
        (best, names(phones_first(&mut of, "all", "2030-06-15").collect()))
    }

    #[test]
    fn the_best_entry_is_official_or_usual_and_none_is_old() {
        let uses = ["old", "maiden", "home", "usual", "temp", "official", "work"];
        let entries = uses.iter().map(|name| json!({ "use": name, "name": format!("{name} ") }));
        let (best, _) = orders(&entries.collect());
        assert_eq!(best, "official usual home work maiden temp ");
    }

    #[test]
    fn the_rank_orders_contact_points_and_old_phones_are_last() {
        let all = json!([
            { "name": "a", "use": "old" }, { "name": "b", "use": "home" }, { "name": "c", "rank": 2, "use": "old" },
            { "name": "d", "rank": 2, "use": "work" }, { "name": "e", "rank": 1, "use": "mobile" },
        ]);
        assert_eq!(orders(&all), ("edb".to_owned(), "edcba".to_owned()));
    }

    #[test]
    fn an_entry_whose_period_has_ended_is_not_taken() {
        for (end, taken) in [
            ("2029", false),
            ("2030", true),
            ("2030-05", false),
            ("2030-06", true),
            ("2030-06-14T23:59:59+14:00", false),
            ("2030-06-15", true),
            ("2031-01-01T00:00:00Z", true),
        ] {
            let all = json!([{ "name": "a", "period": { "start": "2001", "end": end } }]);
            let expected = if taken { "a" } else { "" };
            assert_eq!(orders(&all), (expected.to_owned(), expected.to_owned()), "{end}");
        }
    }
}
