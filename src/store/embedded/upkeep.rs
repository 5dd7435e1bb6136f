//! What the engine leaves undone of its stream: with every write it reads all records for the next sequence number, and it
//! never forgets one. Here it gets an index for that, and records go after 24 hours, as DynamoDB's do.

use std::{path::PathBuf, time::Duration};

use rusqlite::Connection;
use tokio::{task::spawn_blocking, time::interval};

/// For how long another connection to the data may keep this one waiting.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often old records are looked for.
const ROUND: Duration = Duration::from_hours(1);
/// The pause after some were removed, in which requests come to their turn.
const PAUSE: Duration = Duration::from_millis(20);

const INDEX: &str = "CREATE INDEX IF NOT EXISTS clinic_api_stream_sequence
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
/// At most 500: what is removed at once holds requests up for some milliseconds.
const REMOVE_SOME: &str = "DELETE FROM _stream_records
    WHERE id IN (SELECT id FROM _stream_records ORDER BY id LIMIT 500)
    AND created_at < unixepoch('now', '-24 hours')";

fn open(name: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(name)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// Gives the stream its index. `name` is the path or the URI under which the engine has opened the data.
pub(super) fn index_stream(name: &str) -> rusqlite::Result<()> {
    open(name)?.execute(INDEX, []).map(|_| ())
}

/// Removes the earliest records, as far as they are too old; how many.
fn remove_some(name: &str) -> rusqlite::Result<usize> {
    open(name)?.execute(REMOVE_SOME, [])
}

/// Removes what is too old in the stream of a data file, now and every hour, for as long as it is polled.
pub(super) async fn trim_stream(path: PathBuf) {
    let mut rounds = interval(ROUND);
    loop {
        rounds.tick().await;
        loop {
            let name = path.to_string_lossy().into_owned();
            match spawn_blocking(move || remove_some(&name)).await {
                Ok(Ok(0)) | Err(_) => break,
                Ok(Ok(_)) => tokio::time::sleep(PAUSE).await,
                Ok(Err(error)) => {
                    tracing::warn!(error.message = ?error.sqlite_error_code(), "old records of the stream are removed later");
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dynoxide::Database;

    use super::*;

    fn add(connection: &Connection, sequence_number: u32, age: &str) {
        let sql = "INSERT INTO _stream_records
            (table_name, event_name, keys_json, sequence_number, shard_id, created_at)
            VALUES ('clinic', 'INSERT', '{}', ?1, 's', unixepoch('now', ?2))";
        connection.execute(sql, [&sequence_number.to_string(), age]).unwrap();
    }

    fn data() -> (tempfile::TempDir, String, Database) {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("clinic.db").to_string_lossy().into_owned();
        let engine = Database::new(&name).unwrap();
        (folder, name, engine)
    }

    #[test]
    fn the_next_sequence_number_is_found_in_the_index() {
        let (_folder, name, _engine) = data();
        for _ in 0..2 {
            index_stream(&name).unwrap();
        }
        let connection = open(&name).unwrap();
        for number in [9, 10, 8] {
            add(&connection, number, "+0 seconds");
        }
        // As the engine asks for it.
        let last = "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
            FROM _stream_records WHERE table_name = ?1";
        let next: u32 = connection.query_row(last, ["clinic"], |row| row.get(0)).unwrap();
        assert_eq!(next, 11);
        let plan = format!("EXPLAIN QUERY PLAN {last}");
        let plan: String = connection.query_row(&plan, ["clinic"], |row| row.get(3)).unwrap();
        assert!(plan.contains("clinic_api_stream_sequence (table_name=?)"), "{plan}");
    }

    #[test]
    fn records_go_after_24_hours() {
        let (_folder, name, _engine) = data();
        let connection = open(&name).unwrap();
        for number in 0..600 {
            add(&connection, number, "-25 hours");
        }
        for number in 600..700 {
            add(&connection, number, "-23 hours");
        }
        let removed: Vec<_> = (0..3).map(|_| remove_some(&name).unwrap()).collect();
        assert_eq!(removed, [500, 100, 0]);
        let left = "SELECT COUNT(*) FROM _stream_records";
        assert_eq!(connection.query_row(left, [], |row| row.get::<_, u32>(0)).unwrap(), 100);
    }
}
