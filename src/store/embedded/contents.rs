//! What a data file contains, read past the engine: the engine finds items of unknown keys only with
//! a scan of the whole table.

use std::path::Path;

use rusqlite::Connection;

use super::{EmbeddedError, open_error, upkeep};

/// Returns whether a data file has items whose partition keys begin with one of these texts, in any
/// table. The engine must have opened the file.
pub fn has_items(data: &Path, beginnings: &[&str]) -> Result<bool, EmbeddedError> {
    let found = upkeep::open(&data.to_string_lossy()).and_then(|it| is_in(&it, beginnings));
    found.map_err(|error| open_error(data, error))
}

fn is_in(connection: &Connection, beginnings: &[&str]) -> rusqlite::Result<bool> {
    let mut tables = connection.prepare("SELECT table_name FROM _tables")?;
    let tables = tables.query_map([], |row| row.get::<_, String>(0))?;
    for table in tables.collect::<Result<Vec<_>, _>>()? {
        let table = table.replace('"', "\"\"");
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM \"{table}\" WHERE pk >= ?1 AND pk < ?1 || char(0x10FFFF))"
        );
        let mut exists = connection.prepare(&sql)?;
        for beginning in beginnings {
            // The engine stores the type of a key before its value.
            if exists.query_row([format!("S:{beginning}")], |row| row.get(0))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        keyring::TAG_LENGTH,
        store::{Store, embedded::Engine, expression::Condition, keys, write::Write},
        time::{Clock as _, SystemClock},
    };

    #[tokio::test]
    async fn items_are_found_by_the_beginning_of_their_partition_key() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("clinic.db");
        let engine = Engine::on_file(&data).unwrap();
        let has = |beginnings| has_items(&data, beginnings).unwrap();
        assert!(!has(keys::OF_SEARCH_KEYS), "there is no table");
        let store = Store::new(engine.client(), "another.table-2");
        store.create_table().await.unwrap();
        assert!(!has(keys::OF_SEARCH_KEYS));
        let context = crate::store::WriteContext::system("test", SystemClock.now());
        let item = keys::identifier(&"A".repeat(TAG_LENGTH)).attributes();
        let put = Write::Put { item, condition: Condition::Absent };
        assert!(store.try_commit(&context, vec![put]).await.unwrap());
        assert!(has(keys::OF_SEARCH_KEYS));
        assert!(!has(keys::OF_SECRET_KEYS));
        engine.stop().await;
    }
}
