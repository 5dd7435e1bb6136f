//! The format of a table: the keys and shapes of all its items. A table of another format is
//! refused at startup.
//!
//! Raise [`FORMAT`] with every change that existing items do not survive, such as a change of a
//! key. There is no conversion.

use serde::{Deserialize, Serialize};

use super::{ItemType, Key, Record, Store, StoreError, WriteContext, keys};
use crate::{
    sensitive::LogSafe,
    time::{Clock as _, SystemClock},
};

/// The format of this version.
pub const FORMAT: u32 = 3;

/// The item types of this module.
pub const ITEM_TYPES: &[ItemType] = &[ItemType::never_rewritten(TableFormat::TYPE)];

const SUBJECT: &str = "system:table";

/// The format of the table, as an item in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFormat {
    /// The number of the format.
    pub format: u32,
}

impl Record for TableFormat {
    const TYPE: &'static str = "table_format";

    fn key(&self) -> Key {
        keys::table_format()
    }
}

/// The error of a table whose items have another format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct OtherFormat(u32);

impl std::fmt::Display for OtherFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(found) = self;
        write!(f, "the items of the table have format {found}, and this version needs {FORMAT}: ")?;
        f.write_str(if *found > FORMAT {
            "run the version that wrote them, or a later one"
        } else {
            "recreate the table, because there is no conversion"
        })
    }
}

impl LogSafe for OtherFormat {}

impl Store {
    /// Returns the format of the table, or `None` if it has none yet, for example after Terraform
    /// has created it. A table without a format that a worker has already read is of an earlier
    /// version.
    pub async fn format(&self) -> Result<Option<u32>, StoreError> {
        let format = self.get::<TableFormat>(&keys::table_format(), true).await?;
        if let Some(found) = format {
            return Ok(Some(found.value.format));
        }
        let is_old = self.get_item(&keys::lease("stream"), true).await?.is_some();
        Ok(is_old.then_some(1))
    }

    /// Stores this version's format, unless the table has one.
    pub async fn add_format(&self) -> Result<(), StoreError> {
        let context = WriteContext::system(SUBJECT, SystemClock.now());
        self.add(&context, TableFormat { format: FORMAT }).await
    }
}

/// Refuses a stored format that is not this version's.
pub fn check(found: Option<u32>) -> Result<(), OtherFormat> {
    match found {
        Some(other) if other != FORMAT => Err(OtherFormat(other)),
        _ => Ok(()),
    }
}
