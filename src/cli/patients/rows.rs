//! The rows of a CSV file. Quotes are read strictly: a reader that accepts a stray quote takes the
//! next patients for a part of the cell.

use std::io::{self, BufRead};

use anyhow::{anyhow, bail, ensure};

use crate::http::body::MAX_BYTES;

/// What separates cells. Names of columns contain none of them.
const DELIMITERS: &[u8] = b",;\t";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads rows one by one.
pub struct Rows<R> {
    reader: R,
    delimiter: u8,
    /// The number of the line that is read, counted from 1.
    line: u64,
}

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of its first line.
    pub line: u64,
    /// The cells, without quotes.
    pub cells: Vec<Vec<u8>>,
    /// Whether it has as many bytes as a patient may have, or more. Then its cells are cut.
    pub is_too_long: bool,
}

/// What a byte follows.
#[derive(Clone, Copy)]
enum After {
    /// The beginning of a cell.
    Start,
    /// A part of a cell without quotes.
    Text,
    /// The opening quote in this line.
    Opening(u64),
    /// A quote in a quoted cell that begins in this line: the closing one, or the first of two.
    Closing(u64),
    /// A carriage return outside of quotes.
    Return,
}

impl<R: BufRead> Rows<R> {
    /// Skips a byte order mark, and takes the first delimiter of the header as that of the file.
    pub fn new(mut reader: R) -> anyhow::Result<Self> {
        let start = reader.fill_buf().map_err(|error| unreadable(&error))?;
        let is_utf16 = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
        ensure!(!is_utf16, "the file is UTF-16; save it as CSV in UTF-8");
        let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let delimiter = header.iter().find(|byte| DELIMITERS.contains(byte)).copied();
        let mark = if start.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        reader.consume(mark);
        Ok(Self { reader, delimiter: delimiter.unwrap_or(b','), line: 1 })
    }

    /// Reads to the end, to find quotes that are wrong.
    pub fn check(mut self) -> anyhow::Result<()> {
        while self.read()?.is_some() {}
        Ok(())
    }

    /// Reads a row. An error names lines and never quotes them.
    pub fn read(&mut self) -> anyhow::Result<Option<Row>> {
        let first = self.line;
        let (mut cells, mut cell, mut length) = (Vec::new(), Vec::new(), 0);
        let (mut after, mut is_empty) = (After::Start, true);
        loop {
            let line = self.line;
            let byte = self.byte().map_err(|error| unreadable(&error))?;
            is_empty &= byte.is_none();
            // A quote that is never closed must not fill the memory.
            let is_full = length >= MAX_BYTES;
            length += 1;
            let is_delimiter = byte == Some(self.delimiter);
            after = match (after, byte) {
                (After::Opening(opened), None) => {
                    bail!("line {opened}: a cell begins with a quote and has no closing one")
                }
                (_, None) if is_empty => return Ok(None),
                (After::Opening(opened), Some(b'"')) => After::Closing(opened),
                (After::Closing(opened), Some(b'"')) => {
                    cell.extend((!is_full).then_some(b'"'));
                    After::Opening(opened)
                }
                (After::Opening(_), Some(byte)) => {
                    cell.extend((!is_full).then_some(byte));
                    after
                }
                (_, None | Some(b'\n')) => {
                    cells.push(cell);
                    return Ok(Some(Row { line: first, cells, is_too_long: is_full }));
                }
                (After::Return, Some(_)) => {
                    bail!("line {line}: a carriage return is not followed by a line feed")
                }
                (_, Some(b'\r')) => After::Return,
                (_, Some(_)) if is_delimiter => {
                    cells.extend((!is_full).then(|| std::mem::take(&mut cell)));
                    After::Start
                }
                (After::Closing(opened), Some(_)) => {
                    bail!(
                        "line {line}: a closing quote is followed by text, in a cell that begins in line {opened}"
                    )
                }
                (After::Start, Some(b'"')) => After::Opening(line),
                (After::Text, Some(b'"')) => {
                    bail!("line {line}: a quote is in a cell that does not begin with one")
                }
                (After::Start | After::Text, Some(byte)) => {
                    cell.extend((!is_full).then_some(byte));
                    After::Text
                }
            };
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.reader.fill_buf()?.first().copied();
        self.reader.consume(byte.iter().len());
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }
}

/// Returns the error for a file that can't be read.
pub fn unreadable(error: &io::Error) -> anyhow::Error {
    anyhow!("the file can't be read: {}", error.kind())
}

/// Returns the texts of cells, unless they are not UTF-8.
pub fn texts(cells: Vec<Vec<u8>>) -> Option<Vec<String>> {
    cells.into_iter().map(|cell| String::from_utf8(cell).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> anyhow::Result<Vec<(u64, Vec<String>)>> {
        let mut rows = Rows::new(file.as_bytes())?;
        let mut all = Vec::new();
        while let Some(Row { line, cells, .. }) = rows.read()? {
            all.push((line, texts(cells).unwrap()));
        }
        Ok(all)
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn a_quoted_cell_holds_delimiters_line_breaks_and_doubled_quotes() {
        let file = "\u{feff}a,b\r\n\"x,\r\ny\",\"5\"\" nail\"\r\n\n,\n\"\",z";
        let expected = [
            row(1, &["a", "b"]),
            row(2, &["x,\r\ny", "5\" nail"]),
            row(4, &[""]),
            row(5, &["", ""]),
            row(6, &["", "z"]),
        ];
        assert_eq!(read(file).unwrap(), expected);
    }

    #[test]
    fn the_header_shows_the_delimiter() {
        for (file, cells) in [
            ("a;b\n\"1;2\";3,4\n", ["1;2", "3,4"]),
            ("a\tb\n1\t2;3\n", ["1", "2;3"]),
            ("a,b\n1;2,3\n", ["1;2", "3"]),
        ] {
            assert_eq!(read(file).unwrap()[1], row(2, &cells));
        }
    }

    #[test]
    fn a_stray_quote_is_an_error_that_names_its_line() {
        for (rows, why) in [
            (
                "Bea,\"12 Main St\nCid,ok\nDan,5\" nail",
                "line 5: a closing quote is followed by text, in a cell that begins in line 3",
            ),
            ("\"Ke\"ller,x", "line 3: a closing quote is followed by text"),
            ("Ke\"ll\"er,x", "line 3: a quote is in a cell that does not begin with one"),
            ("Bea, \"x\"", "line 3: a quote is in a cell that does not begin with one"),
            ("Bea,\"x\nCid,ok\n", "line 3: a cell begins with a quote and has no closing one"),
            ("Bea,x\rCid,ok", "line 3: a carriage return is not followed by a line feed"),
        ] {
            let refused = read(&format!("name/family,notes\nAda,ok\n{rows}")).unwrap_err();
            assert!(refused.to_string().starts_with(why), "{refused}");
        }
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn a_long_row_is_cut_and_the_next_one_is_read() {
        let file = format!("a\n\"{}\"\nb", "x".repeat(MAX_BYTES + 1));
        let mut rows = Rows::new(file.as_bytes()).unwrap();
        rows.read().unwrap();
        let long = rows.read().unwrap().unwrap();
        assert!(long.is_too_long && long.cells[0].len() < MAX_BYTES);
        let next = rows.read().unwrap().unwrap();
        assert_eq!((next.line, next.cells), (3, vec![b"b".to_vec()]));
    }

    #[test]
    fn utf_16_is_refused() {
        let refused = Rows::new(&b"\xff\xfem\0r\0n\0"[..]).err().unwrap();
        assert_eq!(refused.to_string(), "the file is UTF-16; save it as CSV in UTF-8");
    }
}
