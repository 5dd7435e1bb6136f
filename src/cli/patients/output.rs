//! The output of an export: standard output, or a file that gets its name when it is complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::anyhow;

/// Where an export writes.
pub struct Output {
    /// What takes the lines.
    pub writer: Box<dyn Write>,
    /// The unfinished file, and its name when it is complete.
    file: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Opens standard output, or a new file beside `path` that only its owner can read.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self { writer: Box::new(BufWriter::new(io::stdout())), file: None });
        };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = create(path, &partial).map_err(|error| failed(path, &error))?;
        let writer = Box::new(BufWriter::new(file));
        Ok(Self { writer, file: Some((partial, path.to_owned())) })
    }

    /// Keeps the file under its name if it is `complete`, otherwise deletes it.
    pub fn close(mut self, complete: bool) -> anyhow::Result<()> {
        let flushed = self.writer.flush();
        let Some((partial, path)) = self.file else { return Ok(()) };
        let closed = if complete {
            flushed.and_then(|()| fs::rename(&partial, &path))
        } else {
            fs::remove_file(&partial)
        };
        closed.map_err(|error| failed(&path, &error))
    }
}

/// Creates the unfinished file. Replaces one that an interrupted export left.
fn create(path: &Path, partial: &Path) -> io::Result<File> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    match fs::remove_file(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial)
}

fn failed(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!("{} can't be created: {}", path.display(), error.kind())
}
