//! Holds that are over and stand in the way: whoever needs their time ends them in its own transaction.

use super::claims::{claims_of, free_all};
use crate::{
    appointments::model::{Appointment, Status},
    id::AppointmentId,
    schedule::{
        model::{Claim, HoldMark},
        repo::SheetChanges,
    },
    store::{
        Entity, Record as _, Store, StoreError, WriteContext, attributes::string,
        expression::Condition, keys, write::Write,
    },
};

/// Holds to be ended.
#[derive(Default)]
pub(super) struct Lapsed(Vec<(Entity<Appointment>, Vec<Claim>)>);

impl Lapsed {
    /// Reads the holds that sheets name; `None` if one is a hold no more, and the sheets are to be read again.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub(super) async fn read(
        store: &Store,
        named: &[(AppointmentId, HoldMark)],
    ) -> Result<Option<Self>, StoreError> {
        if named.is_empty() {
            return Ok(Some(Self::default()));
        }
        // A hold is never moved, so its id tells where it is.
        let key = |(id, mark): &(AppointmentId, HoldMark)| {
            keys::appointment(&mark.clinic_id, id.first_date(), id)
        };
        let found = store.batch_get(&named.iter().map(key).collect::<Vec<_>>()).await?;
        let mut holds = Vec::new();
        for item in found.into_values() {
            let hold = Entity::<Appointment>::from_item(item)?;
            let claims = claims_of(&hold.value);
            holds.push((hold, claims));
        }
        let held =
            |(hold, _): &(Entity<Appointment>, Vec<Claim>)| hold.value.status == Status::Held;
        Ok((holds.len() == named.len() && holds.iter().all(held)).then_some(Self(holds)))
    }

    /// Takes them out of their sheets, and returns the writes that end them.
    pub(super) fn end<'a>(
        &'a self,
        context: &WriteContext,
        changes: &mut SheetChanges<'a>,
    ) -> Vec<Write> {
        let ended = self.0.iter().map(|(hold, claims)| {
            free_all(changes, &hold.value, claims);
            let still_held = Condition::Equals("status", string(Status::Held));
            Write::Update {
                key: hold.value.key(),
                change: context.touch().set("status", string(Status::Expired)),
                condition: Condition::All(vec![hold.meta.unchanged(), still_held]),
            }
        });
        ended.collect()
    }
}
