//! Exceptions in the table. They stand by their last date, so that those that touch a range of dates are one range of
//! keys: none is longer than [`MAX_DAYS`].

use jiff::{Span, civil::Date};

use super::model::{AvailabilityException, ExceptionDetails, MAX_DAYS};
use crate::{
    error::{ApiError, ErrorCode},
    id::{ClinicId, ExceptionId, OrgId},
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

/// Stores a new exception of a clinic, staff member or resource that stays, or returns the earlier one of the same key.
pub async fn create(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    details: ExceptionDetails,
) -> Result<Entity<AvailabilityException>, ApiError> {
    let id = ExceptionId::random_on(details.last_date);
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
                ("/staff_id", "is no staff member of this clinic")
            } else {
                ("/resource_id", "is no resource of this clinic")
            };
            Err(ApiError::field(ErrorCode::UnknownReference, pointer, message))
        }
        other => Ok(other?),
    }
}

/// A clinic's exceptions that touch the dates from `from` to `to`, by their last date.
pub async fn list(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    (from, to): (Option<Date>, Option<Date>),
    page: PageRequest,
) -> Result<Listed<Entity<AvailabilityException>>, StoreError> {
    let last_end = to.map_or(Date::MAX, after_all_that_begin_by);
    let range = keys::exceptions_of_clinic(clinic, from.unwrap_or(Date::ZERO), last_end);
    let begun = to.map(|to| Condition::Less("first_date", string(to.tomorrow().unwrap_or(to))));
    let list = List::of(range, page).filter(begun.into_iter().collect());
    // A clinic that is gone leaves its exceptions behind.
    let clinic = keys::clinic(clinic);
    let clinic = store.require(org, &clinic);
    let (listed, clinic) = tokio::join!(store.list_of_org(org, list), clinic);
    clinic?;
    listed
}

/// The hours of all of a clinic's exceptions that touch the dates from `first` to `last`.
pub async fn touching(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    (first, last): (Date, Date),
    consistent: bool,
) -> Result<Vec<SpecialHours>, StoreError> {
    let range = keys::exceptions_of_clinic(clinic, first, after_all_that_begin_by(last));
    let found = store.all_of_org::<AvailabilityException>(org, range, consistent).await?;
    let touching = found.into_iter().filter(|found| found.value.first_date <= last);
    Ok(touching.map(|found| special_hours(found.value)).collect())
}

fn special_hours(exception: AvailabilityException) -> SpecialHours {
    let OfClinic { clinic_id, details, .. } = exception;
    let ExceptionDetails { staff_id, resource_id, first_date, last_date, effect, from, to, .. } =
        details;
    let hours = DatedHours { first: first_date, last: last_date, effect, from, to };
    let owner = match (staff_id, resource_id) {
        (Some(staff_id), _) => Some(SheetOwner::Staff { clinic_id, staff_id }),
        (None, Some(resource_id)) => Some(SheetOwner::Resource { clinic_id, resource_id }),
        (None, None) => None,
    };
    SpecialHours { owner, hours }
}

/// The last date on which what begins on `date` or before may end.
fn after_all_that_begin_by(date: Date) -> Date {
    date.saturating_add(Span::new().days(MAX_DAYS))
}
