//! The lines of a file of patients: JSON objects, or rows of a CSV file.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Seek as _},
    iter,
    path::Path,
};

use anyhow::{Context as _, ensure};
use csv::{ErrorKind, StringRecord};
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{columns::Columns, fault::Fault};
use crate::http::body::{MAX_BYTES, value};

/// A file of patients.
pub struct Source {
    /// Its lines.
    pub lines: Lines,
    /// What a line is called: `line` or `row`.
    pub unit: &'static str,
    /// The SHA-256 of its content.
    pub fingerprint: String,
    /// The number of line breaks.
    pub breaks: u64,
}

/// Lines of patients. Blank lines are left out.
pub type Lines = Box<dyn Iterator<Item = io::Result<Line>>>;

/// A line of a file.
pub struct Line {
    /// Its number, counted from 1. Rows of a CSV file are counted with the header and without blank
    /// lines.
    pub number: u64,
    /// Its JSON, or its faults.
    pub content: Result<Value, Vec<Fault>>,
}

impl Source {
    /// Opens a file. The end of its name says what its lines are.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        let extension = extension.as_ref().and_then(|extension| extension.to_str());
        ensure!(
            matches!(extension, Some("ndjson" | "csv")),
            "the name of {shown} must end with .ndjson or .csv"
        );
        let opened = File::open(path).and_then(|mut file| {
            // A pipe can't be read twice.
            if !file.metadata()?.is_file() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let facts = facts(&mut BufReader::new(&file))?;
            file.rewind()?;
            Ok((facts, BufReader::new(file)))
        });
        let ((fingerprint, breaks), reader) =
            opened.map_err(|error| anyhow::anyhow!("{shown} can't be read: {}", error.kind()))?;
        let (lines, unit): (Lines, _) = if extension == Some("csv") {
            let rows = csv_rows(reader).with_context(|| format!("{shown} can't be imported"))?;
            (Box::new(rows), "row")
        } else {
            (Box::new(json_lines(reader)), "line")
        };
        Ok(Self { lines, unit, fingerprint, breaks })
    }
}

/// Returns the SHA-256 of a file and its number of line breaks.
fn facts(file: &mut impl BufRead) -> io::Result<(String, u64)> {
    let (mut hash, mut breaks) = (Sha256::new(), 0);
    loop {
        let part = file.fill_buf()?;
        if part.is_empty() {
            return Ok((HEXLOWER.encode(&hash.finalize()), breaks));
        }
        hash.update(part);
        breaks += part.split(|byte| *byte == b'\n').count() as u64 - 1;
        let length = part.len();
        file.consume(length);
    }
}

fn json_lines(mut reader: impl BufRead) -> impl Iterator<Item = io::Result<Line>> {
    let mut number = 0;
    iter::from_fn(move || {
        loop {
            let (bytes, is_cut) = match next_line(&mut reader) {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            };
            number += 1;
            let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes).trim_ascii();
            if !text.is_empty() {
                let content = if is_cut { Err(vec![too_long()]) } else { json(text) };
                return Some(Ok(Line { number, content }));
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

fn csv_rows(reader: impl io::Read) -> anyhow::Result<impl Iterator<Item = io::Result<Line>>> {
    let mut rows = csv::Reader::from_reader(reader);
    // The library's message may quote the file.
    let header = rows.headers().map_err(|_| anyhow::anyhow!("the header is not valid CSV"))?;
    let columns = Columns::of(header)?;
    let mut number = 1;
    Ok(iter::from_fn(move || {
        loop {
            let mut row = StringRecord::new();
            number += 1;
            let content = match rows.read_record(&mut row).map_err(csv::Error::into_kind) {
                Ok(false) => return None,
                Ok(true) if row.as_slice().len() > MAX_BYTES => Err(too_long()),
                Ok(true) => match columns.patient(&row) {
                    Some(patient) => Ok(patient),
                    None => continue,
                },
                Err(ErrorKind::Io(error)) => return Some(Err(error)),
                Err(ErrorKind::UnequalLengths { expected_len, len, .. }) => Err(Fault::of_line(
                    format!("has {len} cells, but the header has {expected_len}"),
                )),
                Err(ErrorKind::Utf8 { .. }) => Err(Fault::of_line("is not valid UTF-8")),
                Err(_) => Err(Fault::of_line("is not valid CSV")),
            };
            let content = content.map_err(|fault| vec![fault]);
            return Some(Ok(Line { number, content }));
        }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(lines: impl Iterator<Item = io::Result<Line>>) -> Vec<(u64, Result<Value, String>)> {
        let read = lines.map(|line| {
            let Line { number, content } = line.unwrap();
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
    fn rows_of_a_csv_file_are_counted_with_the_header() {
        let file = b"\xef\xbb\xbfmrn,notes\r\nA-1,\"two\r\nlines\"\r\n,\r\nA-2\r\nA-3,\xff\r\nA-4,\"x\"\r\n";
        let rows = read(csv_rows(&file[..]).unwrap());
        assert_eq!(
            rows,
            [
                (2, Ok(json!({ "mrn": "A-1", "notes": "two\r\nlines" }))),
                (4, Err("has 1 cells, but the header has 2".to_owned())),
                (5, Err("is not valid UTF-8".to_owned())),
                (6, Ok(json!({ "mrn": "A-4", "notes": "x" }))),
            ]
        );
    }

    #[test]
    fn a_file_is_known_by_its_content() {
        let facts = |text: &[u8]| facts(&mut BufReader::with_capacity(3, text)).unwrap();
        let (hash, breaks) = facts(b"a\nb\n\nc");
        assert_eq!((hash.len(), breaks), (64, 3));
        assert_eq!(facts(b"a\nb\n\nc").0, hash);
        assert_ne!(facts(b"a\nb\n\nd").0, hash);
    }
}
