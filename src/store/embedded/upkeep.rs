//! Maintenance of the engine's stream. With every write, the engine reads all stream records to
//! find the next sequence number, and it never deletes records. This module adds an index for that
//! read and deletes records after 24 hours, as DynamoDB does.

use std::{path::PathBuf, time::Duration};

use rusqlite::Connection;
use tokio::{task::spawn_blocking, time::interval};

/// How long to wait for another connection's lock on the data.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval at which old records are deleted.
const ROUND: Duration = Duration::from_hours(1);
/// The pause after a deletion, in which requests can run.
const PAUSE: Duration = Duration::from_millis(20);

const INDEX: &str = "CREATE INDEX IF NOT EXISTS clinic_api_stream_sequence
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
/// At most 500 records at once, because a deletion blocks requests for some milliseconds.
const REMOVE_SOME: &str = "DELETE FROM _stream_records
    WHERE id IN (SELECT id FROM _stream_records ORDER BY id LIMIT 500)
    AND created_at < unixepoch('now', '-24 hours')";

/// Opens a second connection to the data.
pub(super) fn open(name: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(name)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Creates the index of the stream. `name` is the path or URI that the engine uses for the data.
pub(super) fn index_stream(name: &str) -> rusqlite::Result<()> {
    open(name)?.execute(INDEX, []).map(|_| ())
}

/// Deletes some of the oldest records if they are too old. Returns how many.
fn remove_some(name: &str) -> rusqlite::Result<usize> {
    open(name)?.execute(REMOVE_SOME, [])
}

/// Deletes old stream records of a data file, at the start and every hour.
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
                    tracing::warn!(error.message = ?error.sqlite_error_code(), "deleting old stream records failed; retrying later");
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
        // The query that the engine uses.
        let last = "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
            FROM _stream_records WHERE table_name = ?1";
        let next: u32 = connection.query_row(last, ["clinic"], |row| row.get(0)).unwrap();
        assert_eq!(next, 11);
        let plan = format!("EXPLAIN QUERY PLAN {last}");
        let plan: String = connection.query_row(&plan, ["clinic"], |row| row.get(3)).unwrap();
        assert!(plan.contains("clinic_api_stream_sequence (table_name=?)"), "{plan}");
    }

    #[test]
    fn records_are_deleted_after_24_hours() {
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
