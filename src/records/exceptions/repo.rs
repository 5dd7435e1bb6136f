//! Exceptions in the table. Those of one owner are sorted by last date. None is longer than
//! [`MAX_DAYS`], so those that touch a range of dates are one range of keys. In the index, all
//! exceptions of a clinic are sorted by last date.

use std::iter::once;

use futures_util::future::try_join_all;
use jiff::{Span, civil::Date};

use super::model::{AvailabilityException, ExceptionDetails, MAX_DAYS, MAX_PER_OWNER};
use crate::{
    error::{ApiError, ErrorCode},
    id::{ClinicId, ExceptionId, OrgId, OwnerTag, ResourceId, StaffId},
    records::of_clinic::OfClinic,
    scheduling::model::{SheetOwner, SpecialHours},
    store::{
        Entity, Store, StoreError, WriteContext,
        attributes::string,
        expression::Condition,
        guarded_delete::stays,
        keys,
        read::{List, Listed, PageRequest},
        write::Write,
    },
    time::DatedHours,
};

/// Stores a new exception of a clinic, staff member or resource that is not being deleted, or
/// returns the one that was stored under the same `Idempotency-Key`. The request is
/// refused if the owner already has [`MAX_PER_OWNER`] exceptions that have not ended. Concurrent
/// requests do not count each other's exceptions.
pub async fn create(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    details: ExceptionDetails,
    today: Date,
) -> Result<Entity<AvailabilityException>, ApiError> {
    let owner = owner(clinic, &details);
    let ends = (today, Date::MAX);
    let found = of_owner(store, &context.org, clinic, owner.as_ref(), ends, true).await?;
    if found.len() >= MAX_PER_OWNER {
        let detail = format!(
            "The clinic, staff member or resource has {MAX_PER_OWNER} exceptions that have not ended, the maximum. Delete one first."
        );
        return Err(ApiError::new(ErrorCode::TooManyExceptions, detail));
    }
    let id = ExceptionId::random_of(tag(clinic, owner.as_ref()), details.last_date);
    let of_staff = details.staff_id.is_some();
    let exception = OfClinic { id, clinic_id: clinic.clone(), details };
    let staff = exception.staff_id.iter().map(|id| keys::staff(clinic, id));
    let resource = exception.resource_id.iter().map(|id| keys::resource(clinic, id));
    let depends_on = [keys::clinic(clinic)].into_iter().chain(staff).chain(resource);
    let checks = depends_on.map(|key| Write::Check { key, condition: stays(&context.org) });
    let checks = checks.collect();
    match store.create(context, Entity::new(exception, context), checks).await {
        Err(StoreError::ConditionFailed(failed)) if failed.at(1).is_some() => {
            Err(ApiError::not_found())
        }
        Err(StoreError::ConditionFailed(failed)) if failed.at(2).is_some() => {
            let (pointer, message) = if of_staff {
                ("/staff_id", "is not a staff member of this clinic")
            } else {
                ("/resource_id", "is not a resource of this clinic")
            };
            Err(ApiError::field(ErrorCode::UnknownReference, pointer, message))
        }
        other => Ok(other?),
    }
}

/// Lists the exceptions at a clinic that touch the dates from `from` to `to`, by last date: those
/// of one staff member, those of one resource, or all.
pub async fn list(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    of: (Option<&StaffId>, Option<&ResourceId>),
    (from, to): (Option<Date>, Option<Date>),
    page: PageRequest,
) -> Result<Listed<Entity<AvailabilityException>>, StoreError> {
    let last_end = to.map_or(Date::MAX, after_all_that_begin_by);
    let ends = (from.unwrap_or(Date::ZERO), last_end);
    let of_owner = |tag| keys::exceptions_of_owner(clinic, tag, ends);
    let (range, of) = match of {
        (Some(id), _) => (of_owner(id.into()), Some(Condition::Equals("staff_id", string(id)))),
        (_, Some(id)) => (of_owner(id.into()), Some(Condition::Equals("resource_id", string(id)))),
        (None, None) => (keys::exceptions_at_clinic(clinic, ends), None),
    };
    let begun = to.map(|to| Condition::Less("first_date", string(to.tomorrow().unwrap_or(to))));
    let list = List::of(range, page).filter(begun.into_iter().chain(of).collect());
    store.list_under(org, &keys::clinic(clinic), list).await
}

/// Returns the hours of the exceptions of a clinic and of `owners` that touch the dates from
/// `first` to `last`: one Query for the clinic and one for each owner, in parallel.
pub async fn of_owners(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    owners: impl Iterator<Item = SheetOwner>,
    (first, last): (Date, Date),
    consistent: bool,
) -> Result<Vec<SpecialHours>, StoreError> {
    let owners: Vec<_> = once(None).chain(owners.map(Some)).collect();
    let ends = (first, after_all_that_begin_by(last));
    let queries = owners.iter().map(|owner| {
        let owner = owner.as_ref();
        of_owner(store, org, clinic, owner, ends, consistent)
    });
    let found = try_join_all(queries).await?;
    Ok(touching(found.into_iter().flatten(), last))
}

/// Returns the hours of all exceptions at a clinic that touch the dates from `first` to `last`: one
/// Query on the index.
pub async fn at_clinic(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    (first, last): (Date, Date),
) -> Result<Vec<SpecialHours>, StoreError> {
    let range = keys::exceptions_at_clinic(clinic, (first, after_all_that_begin_by(last)));
    let found = store.all_of_org::<AvailabilityException>(org, range, false).await?;
    Ok(touching(found.into_iter(), last))
}

/// Returns the exceptions of one owner that end within the range of dates (inclusive). The owner
/// `None` is the clinic.
async fn of_owner(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    of: Option<&SheetOwner>,
    ends: (Date, Date),
    consistent: bool,
) -> Result<Vec<Entity<AvailabilityException>>, StoreError> {
    let range = keys::exceptions_of_owner(clinic, tag(clinic, of), ends);
    let mut found = store.all_of_org::<AvailabilityException>(org, range, consistent).await?;
    // Another owner may have the same tag.
    found.retain(|found| owner(clinic, &found.value.details).as_ref() == of);
    Ok(found)
}

fn touching(
    found: impl Iterator<Item = Entity<AvailabilityException>>,
    last: Date,
) -> Vec<SpecialHours> {
    let touching = found.filter(|found| found.value.first_date <= last);
    touching.map(|found| special_hours(&found.value)).collect()
}

fn special_hours(exception: &AvailabilityException) -> SpecialHours {
    let owner = owner(&exception.clinic_id, &exception.details);
    let &ExceptionDetails { first_date: first, last_date: last, effect, from, to, .. } =
        &exception.details;
    SpecialHours { owner, hours: DatedHours { first, last, effect, from, to } }
}

/// Returns the staff member or the resource, or `None` for the whole clinic.
fn owner(clinic: &ClinicId, details: &ExceptionDetails) -> Option<SheetOwner> {
    let clinic_id = clinic.clone();
    match (&details.staff_id, &details.resource_id) {
        (Some(staff_id), _) => Some(SheetOwner::Staff { clinic_id, staff_id: staff_id.clone() }),
        (None, Some(resource_id)) => {
            Some(SheetOwner::Resource { clinic_id, resource_id: resource_id.clone() })
        }
        (None, None) => None,
    }
}

fn tag(clinic: &ClinicId, owner: Option<&SheetOwner>) -> OwnerTag {
    match owner {
        Some(SheetOwner::Staff { staff_id, .. }) => staff_id.into(),
        Some(SheetOwner::Resource { resource_id, .. }) => resource_id.into(),
        Some(SheetOwner::Patient { patient_id }) => patient_id.into(),
        None => clinic.into(),
    }
}

/// Returns the latest date on which an exception that begins on `date` or before may end.
fn after_all_that_begin_by(date: Date) -> Date {
    date.saturating_add(Span::new().days(MAX_DAYS))
}
