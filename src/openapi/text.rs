//! The document as text: few lines, so that it is small, but more than one, so that diffs are
//! readable.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};
use utoipa::openapi::OpenApi;

/// Returns the document's JSON, with one line for each member of an operation or a schema, without
/// indentation.
pub fn text(document: &OpenApi) -> anyhow::Result<String> {
    let mut text = Vec::new();
    document.serialize(&mut Serializer::with_formatter(&mut text, Lines { depth: 0 }))?;
    Ok(String::from_utf8(text)?)
}

/// The maximum depth of a value that begins a line: `paths`, a path, a method, `responses`.
const DEEPEST: usize = 4;

struct Lines {
    depth: usize,
}

impl Lines {
    fn begin(&mut self) {
        self.depth += 1;
    }

    fn member<W: Write + ?Sized>(&self, to: &mut W, first: bool) -> io::Result<()> {
        if !first {
            to.write_all(b",")?;
        }
        self.line(to, DEEPEST)
    }

    fn end<W: Write + ?Sized>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        self.line(to, DEEPEST - 1)?;
        to.write_all(bracket)
    }

    fn line<W: Write + ?Sized>(&self, to: &mut W, deepest: usize) -> io::Result<()> {
        if self.depth <= deepest { to.write_all(b"\n") } else { Ok(()) }
    }
}

impl Formatter for Lines {
    fn begin_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.begin();
        to.write_all(b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.member(to, first)
    }

    fn begin_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.begin();
        to.write_all(b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.member(to, first)
    }
}
