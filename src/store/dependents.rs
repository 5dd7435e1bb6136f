//! The dependents of a record: items that are deleted with it, however many there are.

use std::borrow::Cow;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{TryStreamExt as _, stream, stream::StreamExt as _};

use super::{
    Item, Key, Store, StoreError, WriteContext,
    attributes::{DELETING, number, string},
    deletion_mark::DeletionMark,
    expression::{Change, Condition},
    keys::KeyRange,
    read::{List, PageRequest},
    write::Write,
};

/// The maximum number of concurrent deletes.
const AT_ONCE: usize = 16;

/// Items that are deleted with a record: those of a range that satisfy a condition, or the whole
/// range.
#[derive(Clone)]
pub struct Dependents {
    /// The key range.
    pub range: KeyRange,
    /// The filter. `None` selects all items.
    pub filter: Option<Condition>,
}

impl Store {
    /// Deletes the dependents of a marked record, in pages of 1 MB. Returns the record's mark at
    /// the end. The first dependent found decides the deletion: the mark is then never removed. So
    /// nothing new can be created that this would delete, and repeating the request completes an
    /// interrupted deletion.
    pub(super) async fn delete_dependents<'a>(
        &self,
        deletion: &Deletion<'_>,
        marked: &Item,
        mark: &'a DeletionMark,
    ) -> Result<Cow<'a, DeletionMark>, StoreError> {
        let mut mark = Cow::Borrowed(mark);
        for Dependents { range, filter } in deletion.dependents {
            let (mut after, filter) = (None, filter.iter().cloned().collect::<Vec<_>>());
            loop {
                let page = PageRequest { after, limit: u16::MAX, consistent: true };
                let page = self.page(List::of(range.clone(), page).filter(filter.clone())).await?;
                if !mark.decided && !page.items.is_empty() {
                    mark = Cow::Owned(self.decide(deletion, marked, &mark).await?);
                }
                self.delete_all(deletion, &page.items).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(mark)
    }

    /// Makes the mark permanent.
    async fn decide(
        &self,
        Deletion { context, key, .. }: &Deletion<'_>,
        marked: &Item,
        mark: &DeletionMark,
    ) -> Result<DeletionMark, StoreError> {
        let decided = DeletionMark { decided: true, ..mark.clone() };
        // A retry accepts its own earlier write.
        let condition = unchanged(marked, vec![string(mark), string(&decided)]);
        let change = Change::default().set(DELETING, string(&decided));
        match self.update(context, (*key).clone(), change, condition).await {
            Ok(_) => Ok(decided),
            Err(StoreError::ConditionFailed(_)) => Err(StoreError::Contention),
            Err(other) => Err(other),
        }
    }

    async fn delete_all(&self, deletion: &Deletion<'_>, items: &[Item]) -> Result<(), StoreError> {
        let own = Condition::Equals("org", string(&deletion.context.org));
        let deletes = items.iter().filter_map(Key::of).map(|key| async {
            match self.write(&Write::Delete { key, condition: own.clone() }).await {
                // It is already deleted.
                Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
                Err(other) => Err(other),
            }
        });
        let deletes: Vec<_> = deletes.collect();
        stream::iter(deletes).buffer_unordered(AT_ONCE).try_collect().await
    }
}

/// A deletion of a record.
pub(super) struct Deletion<'a> {
    pub(super) context: &'a WriteContext,
    pub(super) key: &'a Key,
    pub(super) dependents: &'a [Dependents],
}

/// Returns the condition that a record is unchanged and has one of these marks.
pub(super) fn unchanged(marked: &Item, marks: Vec<AttributeValue>) -> Condition {
    let marked = Condition::Equals("rev", number(rev(marked)));
    Condition::All(vec![Condition::OneOf(DELETING, marks), marked])
}

/// Returns the revision of an item.
pub(super) fn rev(item: &Item) -> u64 {
    let rev = item.get("rev").and_then(|rev| rev.as_n().ok());
    rev.and_then(|rev| rev.parse().ok()).unwrap_or_default()
}
