//! Availability exceptions over HTTP.

use axum::extract::State;
use jiff::{Span, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    model::{AvailabilityException, ExceptionDetails},
    repo,
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Filter, Found, IndexQuery, Page, Paging,
        ReadContext, WriteCommand, WriteContext, idempotency::or_replay,
    },
    id::{ClinicId, ExceptionId, ResourceId, StaffId},
    openapi::Conflict,
    records::{clinics::handlers::ClinicPath, of_clinic, shown::Shown},
    time::optional_date,
};

/// How far ahead exceptions are accepted, in days. This exceeds the booking horizon.
const HORIZON_DAYS: i32 = 3 * 366;

/// The path parameters of an exception.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ExceptionPath {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// An exception of this clinic.
    pub exception_id: ExceptionId,
}

/// The filters of the list of exceptions.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExceptionFilter {
    /// Only exceptions of this staff member. Not with `resource_id`.
    staff_id: Option<StaffId>,
    /// Only exceptions of this resource.
    resource_id: Option<ResourceId>,
    /// Only exceptions that end on this date or later.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// Only exceptions that begin on this date or earlier.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
}

impl Filter for ExceptionFilter {}

/// List a clinic's exceptions
///
/// Lists closed days, leave and extra days of the clinic, its staff and its resources, by last
/// date. A page may be short before the end of the list. The list is eventually consistent.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/exceptions",
    params(ClinicPath, IndexQuery<ExceptionFilter>),
)]
pub async fn list_exceptions(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: IndexQuery<ExceptionFilter>,
) -> ApiResult<Page<Shown<AvailabilityException>>> {
    let ExceptionFilter { staff_id, resource_id, from, to } = &query.filter;
    let (of, dates) = ((staff_id.as_ref(), resource_id.as_ref()), (*from, *to));
    if staff_id.is_some() && resource_id.is_some() {
        let message = "cannot be combined with staff_id";
        return Err(ApiError::field(ErrorCode::InvalidParameter, "resource_id", message));
    }
    if dates.0.zip(dates.1).is_some_and(|(from, to)| to < from) {
        let message = "must not be before from";
        return Err(ApiError::field(ErrorCode::InvalidParameter, "to", message));
    }
    let paging = Paging::new(app.keyring(), &context.grant, &clinic_id, &query);
    let org = context.grant.org();
    let listed = repo::list(app.store(), org, &clinic_id, of, dates, paging.request()?).await?;
    paging.page(listed)
}

/// Create an exception
///
/// Closes or opens hours on some dates, for new bookings and for availability. Existing
/// appointments stay. The clinic, each staff member and each resource can have 400 exceptions that
/// have not ended. To change an exception, delete it and create another.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/exceptions",
    params(ClinicPath),
    request_body = ExceptionDetails,
    responses(Conflict),
)]
pub async fn create_exception(
    State(app): State<AppState>,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    WriteCommand { body, context }: WriteCommand<ExceptionDetails>,
) -> ApiResult<Created<Shown<AvailabilityException>>> {
    let created = async {
        let today = app.clinics().zone(&context.org, &clinic_id).await?.local_date(context.now);
        let horizon = today.saturating_add(Span::new().days(HORIZON_DAYS));
        if body.last_date < today || body.last_date > horizon {
            let message = "must be between today and three years from now";
            // Without `last_date`, the exception ends on its first date.
            let of_one_day = body.first_date == body.last_date;
            let pointer = if of_one_day { "/first_date" } else { "/last_date" };
            return Err(ApiError::field(ErrorCode::ValidationFailed, pointer, message));
        }
        repo::create(app.store(), &context, &clinic_id, body, today).await
    };
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/clinics/{clinic_id}/exceptions/{}", created.value.id);
    Ok(Created::new(created, location))
}

/// Get an exception
///
/// Returns the record with its `ETag`.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/exceptions/{exception_id}",
    params(ExceptionPath, Consistent)
)]
pub async fn get_exception(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ExceptionPath { clinic_id, exception_id }): ApiPath<ExceptionPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<Shown<AvailabilityException>>> {
    let org = context.grant.org();
    let found = of_clinic::get(app.store(), org, &clinic_id, &exception_id, consistent).await?;
    Found::new(found, &context)
}

/// Delete an exception
///
/// The weekly hours apply again.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/exceptions/{exception_id}",
    params(ExceptionPath)
)]
pub async fn delete_exception(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(ExceptionPath { clinic_id, exception_id }): ApiPath<ExceptionPath>,
) -> ApiResult<Deleted> {
    let (store, id) = (app.store(), &exception_id);
    of_clinic::delete_unneeded::<ExceptionDetails>(store, &context, &clinic_id, id).await?;
    Ok(Deleted)
}
