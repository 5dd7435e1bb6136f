//! Plain records of a clinic: their shape, their items and the operations on the table.

use std::{convert::Infallible, ops::Deref};

use serde::{Deserialize, Serialize};

use super::{details::ClinicDetails, shown::Show};
use crate::{
    id::{ClinicId, Id, OrgId, RandomId},
    store::{
        Dependents, Entity, Key, Meta, Record, Shapes, Store, StoreError, WriteContext,
        expression::Condition,
        keys::{self, IndexKey},
        read::{List, Listed, PageRequest},
    },
};

/// A plain record of a clinic. It dereferences to its details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct OfClinic<D: ClinicDetails> {
    /// The record's id.
    pub id: Id<D::Kind>,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The members that callers set.
    #[serde(flatten)]
    pub details: D,
}

impl<D: ClinicDetails> Deref for OfClinic<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.details
    }
}

impl<D: ClinicDetails> Record for OfClinic<D> {
    const TYPE: &'static str = D::TYPE;
    const SHAPES: Shapes = D::SHAPES;

    fn key(&self) -> Key {
        D::key(&self.clinic_id, &self.id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        D::index_key(&self.clinic_id, &self.id)
    }
}

impl<D: ClinicDetails> Show for OfClinic<D> {
    type Details = D;
    const OF_CLINIC: bool = true;
}

/// Stores a new record of a clinic, or returns the one that was stored under the same
/// `Idempotency-Key`. A clinic that is missing or being deleted is [`StoreError::NotFound`].
pub async fn create<D: ClinicDetails<Kind: RandomId>>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    details: D,
) -> Result<Entity<OfClinic<D>>, StoreError> {
    let record = OfClinic { id: Id::random(), clinic_id: clinic.clone(), details };
    store.create_under(context, keys::clinic(clinic), Entity::new(record, context)).await
}

/// Returns a record of a clinic of the organisation. Another organisation's record is
/// [`StoreError::NotFound`].
pub async fn get<D: ClinicDetails>(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &Id<D::Kind>,
    consistent: bool,
) -> Result<Entity<OfClinic<D>>, StoreError> {
    store.get_of_org(org, &D::key(clinic, id), consistent).await
}

/// Lists a clinic's records that match all of `filter`, by id. A filtered page may be short before
/// the end of the list. A missing clinic is [`StoreError::NotFound`].
pub async fn list<D: ClinicDetails>(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    filter: Vec<Condition>,
    page: PageRequest,
) -> Result<Listed<Entity<OfClinic<D>>>, StoreError> {
    let list = List::of(keys::all_of_clinic_with(clinic, D::PREFIX), page).filter(filter);
    store.list_under(org, &keys::clinic(clinic), list).await
}

/// Replaces a record's details with the result of `change`.
pub async fn update<D: ClinicDetails, E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &Id<D::Kind>,
    change: impl Fn(D) -> Result<D, E>,
) -> Result<Entity<OfClinic<D>>, E> {
    let read = || get::<D>(store, &context.org, clinic, id, true);
    let modify = |current: &OfClinic<D>| {
        let details = change(current.details.clone())?;
        Ok::<_, E>((OfClinic { details, ..current.clone() }, vec![]))
    };
    store.modify(context, read, modify).await
}

/// Deletes a record with its `dependents`, unless `check_blockers` finds a record that needs it. A
/// record that is created at the same time also blocks the deletion, or is refused.
pub async fn delete<D: ClinicDetails, Blocker, Checking>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &Id<D::Kind>,
    dependents: &[Dependents],
    check_blockers: impl Fn() -> Checking,
) -> Result<Option<Blocker>, StoreError>
where
    Checking: Future<Output = Result<Option<Blocker>, StoreError>> + Send,
{
    let key = D::key(clinic, id);
    store.guarded_delete(context, &key, dependents, check_blockers, |_| Ok(vec![])).await
}

/// Deletes a record that nothing else needs. It is still marked first, so that the audit log states
/// who deleted it.
pub async fn delete_unneeded<D: ClinicDetails>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &Id<D::Kind>,
) -> Result<(), StoreError> {
    let nothing_blocks = async || Ok(None::<Infallible>);
    delete::<D, _, _>(store, context, clinic, id, &[], nothing_blocks).await.map(|_| ())
}
