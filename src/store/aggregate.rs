//! What every aggregate does with its records: make, get, list, read-modify-write.

use super::{
    Entity, Item, Key, Record, Store, StoreError, WriteContext,
    attributes::text,
    codec::is_of_type,
    expression::Condition,
    guarded_delete::stays,
    keys::KeyRange,
    read::{List, Listed, PageRequest},
    retry::Backoff,
    write::Write,
};
use crate::id::OrgId;

impl Store {
    /// Stores a new record together with `extra_writes`, or returns what the same `Idempotency-Key` stored
    /// before. The record stands at position 0 of a failed condition, `extra_writes` behind it.
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

    /// [`Store::create`] under a parent record of the organisation. [`StoreError::NotFound`] if it has none that stays.
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

    /// Refuses a parent record that the organisation does not have.
    pub async fn require(&self, org: &OrgId, parent: &Key) -> Result<(), StoreError> {
        let found = self.get_item(parent, true).await?;
        let own = found.is_some_and(|item| text(&item, "org") == Some(org.as_str()));
        if own { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// Lists records under a parent record of the organisation: [`StoreError::NotFound`] if there is none. Only an empty page
    /// costs the read of the parent.
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

    /// A record of the organisation.
    pub async fn get_of_org<T: Record>(
        &self,
        org: &OrgId,
        key: &Key,
        consistent: bool,
    ) -> Result<Entity<T>, StoreError> {
        let found = self.get::<T>(key, consistent).await?;
        found.filter(|entity| entity.meta.org == *org).ok_or(StoreError::NotFound)
    }

    /// Reads a record (consistently), lets `modify` make another of it, and replaces it; again, if somebody was faster and the
    /// caller named no revision. `extra_writes` go with the change: [`StoreError::ConditionFailed`] is of one of them.
    pub async fn modify<T, E, Reading>(
        &self,
        context: &WriteContext,
        read: impl Fn() -> Reading,
        modify: impl Fn(&T) -> Result<T, E>,
        extra_writes: impl Fn(&T, &T) -> Result<Vec<Write>, StoreError>,
    ) -> Result<Entity<T>, E>
    where
        T: Record + PartialEq,
        E: From<StoreError>,
        Reading: Future<Output = Result<Entity<T>, StoreError>> + Send,
    {
        let mut backoff = Backoff::default();
        loop {
            let current = read().await?;
            // What it had may be deleted already, and so will the record be.
            if current.meta.deleting.as_ref().is_some_and(|mark| mark.decided) {
                return Err(StoreError::NotFound.into());
            }
            context.precondition.check(current.meta.rev)?;
            let value = modify(&current.value)?;
            let outcome = if value == current.value {
                self.keep_unchanged(context, current).await
            } else {
                let mut writes = extra_writes(&current.value, &value)?;
                let changed = current.changed(value, context);
                writes.insert(0, changed.replace(&current)?);
                let committed = self.commit(context, writes).await;
                committed.and_then(|committed| committed.answer(changed))
            };
            match outcome {
                Ok(done) => return Ok(done),
                // Somebody was faster.
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
        let mut backoff = Backoff::default();
        loop {
            let current = self.get_of_org::<T>(&context.org, key, true).await?;
            context.precondition.check(current.meta.rev)?;
            let condition = current.meta.unchanged();
            match self.commit(context, vec![Write::Delete { key: key.clone(), condition }]).await {
                Ok(_) => return Ok(()),
                Err(StoreError::ConditionFailed(_)) if backoff.pause().await => {}
                Err(StoreError::ConditionFailed(_)) => return Err(StoreError::Contention),
                Err(other) => return Err(other),
            }
        }
    }

    /// A page of an organisation's records of one type; an empty one where they are another organisation's.
    pub async fn list_of_org<T: Record>(
        &self,
        org: &OrgId,
        list: List,
    ) -> Result<Listed<Entity<T>>, StoreError> {
        let page = self.list(list).await?;
        let items = records::<T>(page.items)?;
        if items.iter().any(|entity| entity.meta.org != *org) {
            // As if there were none: whoever asks looks next whether there is what they would be of, as it does
            // where there is nothing, so that neither the answer nor its time tells the two apart.
            return Ok(Listed { items: Vec::new(), next: None });
        }
        Ok(Listed { items, next: page.next })
    }

    /// All of an organisation's items in a range, page after page of 1 MB; none where one is another organisation's.
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

    /// All of an organisation's records of one type in a range; none where they are another organisation's.
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
    /// A page of a range, ascending.
    pub fn of(range: KeyRange, page: PageRequest) -> Self {
        Self { range, descending: false, filter: None, page }
    }

    /// The same, descending where `descending` says so.
    pub fn descending(self, descending: bool) -> Self {
        Self { descending, ..self }
    }

    /// The same, of those items for which all of `conditions` hold; none at all keeps everything.
    pub fn filter(self, conditions: Vec<Condition>) -> Self {
        let filter = (!conditions.is_empty()).then_some(Condition::All(conditions));
        Self { filter, ..self }
    }
}

/// The records of one type among items.
fn records<T: Record>(items: Vec<Item>) -> Result<Vec<Entity<T>>, StoreError> {
    items.into_iter().filter(is_of_type::<T>).map(Entity::<T>::from_item).collect()
}
