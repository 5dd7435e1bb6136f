//! Lists of records whose keys are known. They are read by key, not with a Query.

use super::{
    Entity, Key, Record, Store, StoreError,
    read::{List, Listed, Position},
};
use crate::id::OrgId;

impl Store {
    /// Returns a page of a list of the organisation's records, restricted to the records at `keys`.
    /// Reads all of them with strong consistency (BatchGetItem). Order and positions are those of
    /// the list.
    pub async fn list_named<T: Record>(
        &self,
        org: &OrgId,
        list: List,
        keys: &[Key],
    ) -> Result<Listed<Entity<T>>, StoreError> {
        let List { range, descending, page, .. } = list;
        if keys.is_empty() {
            return Ok(Listed { items: Vec::new(), next: None });
        }
        let comes_later = |position: &Position| match &page.after {
            Some(after) if descending => position < after,
            Some(after) => position > after,
            None => true,
        };
        let mut found = Vec::new();
        for item in self.batch_get(keys).await?.into_values() {
            let position = Position::of(&item, range.index).filter(comes_later);
            let entity = Entity::<T>::from_item(item)?;
            found.extend(position.filter(|_| entity.meta.org == *org).map(|at| (at, entity)));
        }
        found.sort_by(|(a, _), (b, _)| if descending { b.cmp(a) } else { a.cmp(b) });
        let limit = usize::from(page.limit);
        let ends = found.len() <= limit;
        found.truncate(limit);
        let next = found.last().filter(|_| !ends).map(|(position, _)| position.clone());
        Ok(Listed { items: found.into_iter().map(|(_, entity)| entity).collect(), next })
    }
}
