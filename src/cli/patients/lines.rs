//! The lines of a file of patients: JSON objects, or rows of a CSV file.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read as _, Seek as _},
    iter,
    path::Path,
};

use anyhow::{Context as _, anyhow, ensure};
use serde_json::Value;

use super::{
    columns::{Columns, Moved},
    fault::Fault,
    rows::{Rows, texts, unreadable},
};
use crate::http::body::{MAX_BYTES, value};

/// A file of patients.
pub struct Source {
    /// Its lines.
    pub lines: Lines,
    /// The number of lines.
    pub length: u64,
}

/// Lines of patients. Blank lines are left out.
pub type Lines = Box<dyn Iterator<Item = anyhow::Result<Line>>>;

/// A line of a file, or a row of a CSV file.
pub struct Line {
    /// Its number, counted from 1. A row has the number of its first line.
    pub number: u64,
    /// Its JSON, or its faults.
    pub content: Result<Value, Vec<Fault>>,
    /// The members that have another position than their columns.
    pub moved: Moved,
}

impl Source {
    /// Opens a file. The end of its name says what its lines are. Wrong quotes in a CSV file are
    /// found before the first row is returned.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        let extension = extension.as_ref().and_then(|extension| extension.to_str());
        ensure!(
            matches!(extension, Some("ndjson" | "csv")),
            "the name of {shown} must end with .ndjson or .csv"
        );
        let failed = |error: io::Error| anyhow!("{shown} can't be read: {}", error.kind());
        // To open a pipe would wait for its writer.
        let is_file = fs::metadata(path).map_err(failed)?.is_file();
        ensure!(is_file, "{shown} is not a regular file");
        let mut file = File::open(path).map_err(failed)?;
        let length = count(&mut BufReader::new(&file)).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let lines: Lines = if extension == Some("csv") {
            let checked = Rows::new(BufReader::new(&file)).and_then(Rows::check);
            let refused = || format!("{shown} can't be imported");
            checked.with_context(refused)?;
            file.rewind().map_err(failed)?;
            Box::new(csv_rows(BufReader::new(file)).with_context(refused)?)
        } else {
            Box::new(json_lines(BufReader::new(file)))
        };
        Ok(Self { lines, length })
    }
}

/// Returns the number of lines of a file.
fn count(file: &mut impl BufRead) -> io::Result<u64> {
    let mut lines = 0;
    while file.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    Ok(lines)
}

fn json_lines(mut reader: impl BufRead) -> impl Iterator<Item = anyhow::Result<Line>> {
    let mut number = 0;
    iter::from_fn(move || {
        loop {
            let (bytes, is_cut) = match next_line(&mut reader) {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => return Some(Err(unreadable(&error))),
            };
            number += 1;
            let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes).trim_ascii();
            if !text.is_empty() {
                let content = if is_cut { Err(vec![too_long()]) } else { json(text) };
                return Some(Ok(Line { number, content, moved: Vec::new() }));
            }
        }
    })
}

/// Reads a line, or the beginning of one that is too long, and whether it is.
fn next_line(reader: &mut impl BufRead) -> io::Result<Option<(Vec<u8>, bool)>> {
    let mut bytes = Vec::new();
    let most = MAX_BYTES as u64 + 1;
    if reader.take(most).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let is_cut = bytes.len() > MAX_BYTES && !bytes.ends_with(b"\n");
    if is_cut {
        reader.skip_until(b'\n')?;
    }
    Ok(Some((bytes, is_cut)))
}

fn too_long() -> Fault {
    Fault::of_line("is longer than 64 KiB")
}

fn json(text: &[u8]) -> Result<Value, Vec<Fault>> {
    if std::str::from_utf8(text).is_err() {
        return Err(vec![Fault::of_line("is not valid UTF-8")]);
    }
    value(text).map_err(|error| Fault::of_error(&error))
}

fn csv_rows(reader: impl BufRead) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Line>>> {
    let mut rows = Rows::new(reader)?;
    let header = rows.read()?.context("the file is empty; its first line names the columns")?;
    let columns = Columns::of(&texts(header.cells).context("the header is not valid UTF-8")?)?;
    Ok(iter::from_fn(move || {
        loop {
            let row = match rows.read() {
                Ok(row) => row?,
                Err(error) => return Some(Err(error)),
            };
            if row.cells == [b""] {
                continue;
            }
            let count = row.cells.len();
            let content = if row.is_too_long {
                Err(too_long())
            } else if count != columns.count() {
                let expected = columns.count();
                Err(Fault::of_line(format!("has {count} cells, but the header has {expected}")))
            } else if let Some(cells) = texts(row.cells) {
                match columns.patient(&cells) {
                    Some(patient) => Ok(patient),
                    None => continue,
                }
            } else {
                Err(Fault::of_line("is not valid UTF-8"))
            };
            let (content, moved) = match content {
                Ok((patient, moved)) => (Ok(patient), moved),
                Err(fault) => (Err(vec![fault]), Vec::new()),
            };
            return Some(Ok(Line { number: row.line, content, moved }));
        }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(
        lines: impl Iterator<Item = anyhow::Result<Line>>,
    ) -> Vec<(u64, Result<Value, String>)> {
        let read = lines.map(|line| {
            let Line { number, content, .. } = line.unwrap();
            (number, content.map_err(|faults| faults[0].to_string()))
        });
        read.collect()
    }

    #[test]
    fn lines_keep_their_numbers_whatever_is_between_them() {
        let long = format!("{{\"notes\":\"{}\"}}", "x".repeat(MAX_BYTES));
        let file = format!("\u{feff}{{\"a\":1}}\r\n\n  \n{long}\n{{\"a\":2}}");
        assert_eq!(
            read(json_lines(file.as_bytes())),
            [
                (1, Ok(json!({ "a": 1 }))),
                (4, Err("is longer than 64 KiB".to_owned())),
                (5, Ok(json!({ "a": 2 }))),
            ]
        );
        let bad = [&b"{\"a\":\xff}\n{\"a\":Keller}\n{\"a\":1,\"a\":2}\n{} {}\n"[..]].concat();
        let expected = [
            "is not valid UTF-8",
            "is not valid JSON at column 6",
            "/a is given twice",
            "is not valid JSON at column 4",
        ];
        let told = read(json_lines(&bad[..])).into_iter().map(|(_, line)| line.unwrap_err());
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_row_has_the_number_of_its_first_line() {
        let file = b"\xef\xbb\xbfmrn,notes\r\nA-1,\"two\r\nlines\"\r\n,\r\n\r\nA-2\r\nA-3,\xff\r\nA-4,\"x\"\r\n";
        let rows = read(csv_rows(&file[..]).unwrap());
        assert_eq!(
            rows,
            [
                (2, Ok(json!({ "mrn": "A-1", "notes": "two\r\nlines" }))),
                (6, Err("has 1 cells, but the header has 2".to_owned())),
                (7, Err("is not valid UTF-8".to_owned())),
                (8, Ok(json!({ "mrn": "A-4", "notes": "x" }))),
            ]
        );
    }

    #[test]
    fn a_csv_file_without_a_header_is_refused() {
        let refused = csv_rows(&b""[..]).err().unwrap().to_string();
        assert_eq!(refused, "the file is empty; its first line names the columns");
    }
}
