//! The operations of every aggregate on its records: create, get, list, read-modify-write, delete.

use super::{
    Entity, Item, Key, Record, Store, StoreError, WriteContext,
    attributes::text,
    codec::is_of_type,
    expression::Condition,
    guarded_delete::stays,
    keys::KeyRange,
    read::{List, Listed, PageRequest},
    write::Write,
};
use crate::id::OrgId;

impl Store {
    /// Creates a record together with `extra_writes`, or returns what the same `Idempotency-Key`
    /// created before. In failed conditions, the record has position 0 and `extra_writes` follow.
    pub async fn create<T: Record>(
        &self,
        context: &WriteContext,
        entity: Entity<T>,
        extra_writes: Vec<Write>,
    ) -> Result<Entity<T>, StoreError> {
        let mut writes = vec![entity.create()?];
        writes.extend(extra_writes);
        self.commit(context, writes).await?.answer(entity)
    }

    /// Creates a record like [`Store::create`], under a parent record of the organisation. Fails
    /// with [`StoreError::NotFound`] if the parent does not exist or is being deleted.
    pub async fn create_under<T: Record>(
        &self,
        context: &WriteContext,
        parent: Key,
        entity: Entity<T>,
    ) -> Result<Entity<T>, StoreError> {
        let parent_stays = Write::Check { key: parent, condition: stays(&context.org) };
        match self.create(context, entity, vec![parent_stays]).await {
            Err(StoreError::ConditionFailed(failed)) if failed.at(1).is_some() => {
                Err(StoreError::NotFound)
            }
            other => other,
        }
    }

    /// Fails with [`StoreError::NotFound`] if the organisation has no such parent record.
    pub async fn require(&self, org: &OrgId, parent: &Key) -> Result<(), StoreError> {
        let found = self.get_item(parent, true).await?;
        let own = found.is_some_and(|item| text(&item, "org") == Some(org.as_str()));
        if own { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// Lists records under a parent record of the organisation. Fails with [`StoreError::NotFound`]
    /// if the parent does not exist. The parent is read only if the page is empty.
    pub async fn list_under<T: Record>(
        &self,
        org: &OrgId,
        parent: &Key,
        list: List,
    ) -> Result<Listed<Entity<T>>, StoreError> {
        let listed = self.list_of_org(org, list).await?;
        if listed.items.is_empty() {
            self.require(org, parent).await?;
        }
        Ok(listed)
    }

    /// Returns a record of the organisation.
    pub async fn get_of_org<T: Record>(
        &self,
        org: &OrgId,
        key: &Key,
        consistent: bool,
    ) -> Result<Entity<T>, StoreError> {
        let found = self.get::<T>(key, consistent).await?;
        found.filter(|entity| entity.meta.org == *org).ok_or(StoreError::NotFound)
    }

    /// Reads a record with strong consistency, replaces it with the result of `modify`, and commits
    /// the writes that `modify` returns with it. Retries if another write was faster and the caller
    /// gave no revision. A returned [`StoreError::ConditionFailed`] is about these writes, which begin
    /// at position 1.
    pub async fn modify<T, E, Reading>(
        &self,
        context: &WriteContext,
        read: impl Fn() -> Reading,
        mut modify: impl FnMut(&T) -> Result<(T, Vec<Write>), E>,
    ) -> Result<Entity<T>, E>
    where
        T: Record + PartialEq,
        E: From<StoreError>,
        Reading: Future<Output = Result<Entity<T>, StoreError>> + Send,
    {
        let mut backoff = self.backoff();
        loop {
            let current = read().await?;
            // Its dependents may already be deleted, and the record will follow.
            if current.meta.is_deletion_decided() {
                return Err(StoreError::NotFound.into());
            }
            context.precondition.check(current.meta.rev)?;
            let (value, mut writes) = modify(&current.value)?;
            let outcome = if value == current.value {
                self.keep_unchanged(context, current).await
            } else {
                let changed = current.changed(value, context);
                writes.insert(0, changed.replace(&current)?);
                let committed = self.commit(context, writes).await;
                committed.and_then(|committed| committed.answer(changed))
            };
            match outcome {
                Ok(done) => return Ok(done),
                // Another write was faster.
                Err(StoreError::ConditionFailed(failed)) if failed.at(0).is_some() => {
                    if !backoff.pause().await {
                        return Err(StoreError::Contention.into());
                    }
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// Deletes a record of the organisation that nothing depends on.
    pub async fn delete<T: Record>(
        &self,
        context: &WriteContext,
        key: &Key,
    ) -> Result<(), StoreError> {
        let mut backoff = self.backoff();
        loop {
            let current = self.get_of_org::<T>(&context.org, key, true).await?;
            context.precondition.check(current.meta.rev)?;
            match self.commit(context, vec![current.delete()]).await {
                Ok(_) => return Ok(()),
                Err(StoreError::ConditionFailed(_)) if backoff.pause().await => {}
                Err(StoreError::ConditionFailed(_)) => return Err(StoreError::Contention),
                Err(other) => return Err(other),
            }
        }
    }

    /// Returns a page of an organisation's records of one type. The page is empty if the records
    /// belong to another organisation.
    pub async fn list_of_org<T: Record>(
        &self,
        org: &OrgId,
        list: List,
    ) -> Result<Listed<Entity<T>>, StoreError> {
        let page = self.list(list).await?;
        let items = records::<T>(page.items)?;
        if items.iter().any(|entity| entity.meta.org != *org) {
            // Behave as if there were none. The caller then checks the parent in both cases, so
            // neither the response nor its time reveals that records of another organisation exist.
            return Ok(Listed { items: Vec::new(), next: None });
        }
        Ok(Listed { items, next: page.next })
    }

    /// Returns all items of an organisation in a range, read in pages of 1 MB. Returns none if an
    /// item belongs to another organisation.
    pub async fn all_items_of_org(
        &self,
        org: &OrgId,
        range: KeyRange,
        consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = PageRequest { after, limit: u16::MAX, consistent };
            let listed = self.list(List::of(range.clone(), page)).await?;
            if listed.items.iter().any(|item| text(item, "org") != Some(org.as_str())) {
                return Ok(Vec::new());
            }
            all.extend(listed.items);
            after = listed.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Returns all records of one type of an organisation in a range. Returns none if they belong
    /// to another organisation.
    pub async fn all_of_org<T: Record>(
        &self,
        org: &OrgId,
        range: KeyRange,
        consistent: bool,
    ) -> Result<Vec<Entity<T>>, StoreError> {
        records(self.all_items_of_org(org, range, consistent).await?)
    }
}

impl List {
    /// Creates a list of one page of a range, in ascending order.
    pub fn of(range: KeyRange, page: PageRequest) -> Self {
        Self { range, descending: false, filter: None, page }
    }

    /// Sets the order.
    pub fn descending(self, descending: bool) -> Self {
        Self { descending, ..self }
    }

    /// Restricts the list to items that satisfy all `conditions`. Without conditions, it keeps all
    /// items.
    pub fn filter(self, conditions: Vec<Condition>) -> Self {
        let filter = (!conditions.is_empty()).then_some(Condition::All(conditions));
        Self { filter, ..self }
    }
}

/// Returns the records of one type among items.
fn records<T: Record>(items: Vec<Item>) -> Result<Vec<Entity<T>>, StoreError> {
    items.into_iter().filter(is_of_type::<T>).map(Entity::<T>::from_item).collect()
}
