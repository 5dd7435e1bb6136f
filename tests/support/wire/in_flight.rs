//! Transaction conflicts as on AWS, which local engines do not have: a transaction conflicts with every other one that has an
//! item in common, even if both only check it.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

type Key = (String, String);

/// The items of the transactions in progress.
#[derive(Debug, Default)]
pub struct InFlight {
    watching: AtomicBool,
    items: Mutex<HashSet<Key>>,
}

/// The items of one transaction in progress, until this is dropped.
pub struct Held<'a> {
    by: &'a InFlight,
    items: Vec<Key>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut items = self.by.items.lock().unwrap();
        for item in &self.items {
            items.remove(item);
        }
    }
}

impl InFlight {
    /// From now on transactions conflict.
    pub fn watch(&self) {
        self.watching.store(true, Ordering::Relaxed);
    }

    /// Registers the items of a transaction, or fails if another one has one of them. A single write registers nothing, but
    /// conflicts with a transaction.
    pub fn enter(&self, operation: &str, sent: &Value) -> Result<Option<Held<'_>>, ()> {
        if !self.watching.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (wanted, holds) = match operation {
            "TransactWriteItems" => {
                let writes = sent["TransactItems"].as_array().into_iter().flatten();
                let writes = writes.flat_map(|write| write.as_object().unwrap().values());
                (writes.map(key).collect::<Vec<_>>(), true)
            }
            "PutItem" | "UpdateItem" | "DeleteItem" => (vec![key(sent)], false),
            _ => return Ok(None),
        };
        let mut items = self.items.lock().unwrap();
        if wanted.iter().any(|item| items.contains(item)) {
            return Err(());
        }
        if !holds {
            return Ok(None);
        }
        items.extend(wanted.iter().cloned());
        Ok(Some(Held { by: self, items: wanted }))
    }
}

fn key(write: &Value) -> Key {
    let part = |name: &str| {
        let value = write["Key"][name]["S"].as_str().or(write["Item"][name]["S"].as_str());
        value.unwrap().to_owned()
    };
    (part("PK"), part("SK"))
}
