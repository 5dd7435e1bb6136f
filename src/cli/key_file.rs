//! The file of a key next to the data of the embedded engine.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;

use crate::{
    keyring::new_key,
    store::embedded::{beside_data, has_items},
};

/// The items that need a key, for the error if its file is missing.
pub(super) struct Need {
    /// The beginnings of their partition keys.
    pub(super) partitions: &'static [&'static str],
    /// What they are, and why they need the key.
    pub(super) items: &'static str,
    /// What to do after a lost key was replaced.
    pub(super) remedy: &'static str,
}

/// Reads the file of a key, or creates it if nothing in the data needs the old key. What the key
/// encrypted thus stays readable after a restart. The engine must have opened the data.
pub(super) fn read_or_create(data: &Path, name: &str, need: &Need) -> anyhow::Result<String> {
    let path = beside_data(data, &format!(".{name}-key"));
    let shown = path.display();
    match fs::read_to_string(&path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{shown} can't be read")),
    }
    if has_items(data, need.partitions)? {
        anyhow::bail!(
            "{shown} is missing, and {} has {}. Restore the file from a backup, or give the keys as a setting as before. If \
             they are lost, create a new file with `(umask 077; clinic-api secret-key > '{shown}')`, then {}",
            data.display(),
            need.items,
            need.remedy
        );
    }
    let key = new_key();
    create(&path, &key).with_context(|| format!("{shown} can't be written"))?;
    Ok(key)
}

/// Writes a new file to the disk, for this user only. A kill never leaves a part of a key.
fn create(path: &Path, key: &str) -> io::Result<()> {
    let new = beside_data(path, ".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The new name is on the disk when the folder is.
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
