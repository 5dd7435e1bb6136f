//! Exceptions over HTTP.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use jiff::{Span, civil::Date};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    dto::{ExceptionIn, ExceptionOut},
    model::Exception,
    repo::{self, ExceptionError},
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IdempotencyKey, IfMatch, IfNoneMatch, Page,
        ReadContext, WriteCommand, WriteContext, etag::Tagged, idempotency::or_replay,
        paging::Paging,
    },
    id::{ClinicId, ExceptionId},
    openapi::{CreateUnderProblems, DeleteProblems, ReadProblems},
    time::optional_date,
};

/// How far ahead exceptions are taken: beyond all that can be booked.
const HORIZON_DAYS: i32 = 3 * 366;

fn out(exception: Entity<Exception>) -> ExceptionOut {
    exception.show(ExceptionOut::new)
}

fn tagged(exception: Entity<Exception>) -> Tagged<ExceptionOut> {
    Tagged::of(exception, ExceptionOut::new)
}

/// Parameters of a list of exceptions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListExceptions {
    /// Those that are for this day or a later one.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date, example = "2027-03-01")]
    from: Option<Date>,
    /// Those that are for this day or an earlier one.
    #[serde(default, deserialize_with = "optional_date")]
    #[param(value_type = Option<String>, format = Date, example = "2027-12-31")]
    to: Option<Date>,
    /// The most items of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// List a clinic's exceptions
///
/// By their last date: closed days, leave and extra days of the clinic, its staff and its resources. A page may be
/// short before the list has ended.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/exceptions",
    tag = "working time",
    params(("clinic_id" = ClinicId, Path), ListExceptions),
    responses((status = OK, description = "A page of exceptions.", body = Page<ExceptionOut>), ReadProblems),
)]
pub async fn list_exceptions(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(clinic): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<ListExceptions>,
) -> ApiResult<Json<Page<ExceptionOut>>> {
    if query.from.zip(query.to).is_some_and(|(from, to)| to < from) {
        let message = "must not be before from";
        return Err(ApiError::field(ErrorCode::InvalidParameter, "to", message));
    }
    let dates = (query.from, query.to);
    let list = (&clinic, dates);
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_exceptions", list);
    let page = paging.request(query.cursor.as_deref(), query.limit)?;
    let listed = repo::list(app.store(), context.grant.org(), &clinic, dates, page).await?;
    paging.page(listed, out).map(Json)
}

/// Create an exception
///
/// It holds for what is booked and offered from now on; appointments that are there stay.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/exceptions",
    tag = "working time",
    params(("clinic_id" = ClinicId, Path), IdempotencyKey),
    request_body = ExceptionIn,
    responses(
        (status = CREATED, description = "The exception.", body = ExceptionOut,
         headers(("ETag" = String), ("Location" = String))),
        CreateUnderProblems,
    ),
)]
pub async fn create_exception(
    State(app): State<AppState>,
    ApiPath(clinic): ApiPath<ClinicId>,
    WriteCommand { body, context }: WriteCommand<ExceptionIn>,
) -> ApiResult<Response> {
    let created = create(&app, &context, clinic, body).await;
    let created = or_replay(app.store(), &context, created).await?;
    let Exception { id, clinic_id, .. } = &created.value;
    let location = format!("/v1/clinics/{clinic_id}/exceptions/{id}");
    Ok(tagged(created).created(&location))
}

async fn create(
    app: &AppState,
    context: &WriteContext,
    clinic: ClinicId,
    body: ExceptionIn,
) -> Result<Entity<Exception>, ApiError> {
    let horizon = Span::new().days(HORIZON_DAYS);
    let today = app.clinics().zone(&context.org, &clinic).await?.local_date(context.now);
    if body.last_date < today || body.last_date > today.saturating_add(horizon) {
        let message = "must lie between today and three years from now";
        return Err(ApiError::field(ErrorCode::ValidationFailed, "/last_date", message));
    }
    let of_staff = body.staff_id.is_some();
    let created = repo::create(app.store(), context, body.into_exception(clinic)).await;
    created.map_err(|error| refused(error, of_staff))
}

fn refused(error: ExceptionError, of_staff: bool) -> ApiError {
    let unknown = |pointer, message| ApiError::field(ErrorCode::UnknownReference, pointer, message);
    match error {
        ExceptionError::UnknownSubject if of_staff => {
            unknown("/staff_id", "is no staff member of this clinic")
        }
        ExceptionError::UnknownSubject => unknown("/resource_id", "is no resource of this clinic"),
        ExceptionError::Store(error) => error.into(),
    }
}

/// Get an exception
///
/// One read of one record.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/exceptions/{exception_id}",
    tag = "working time",
    params(("clinic_id" = ClinicId, Path), ("exception_id" = ExceptionId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The exception.", body = ExceptionOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_exception(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, ExceptionId)>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &clinic, &id, query.consistent).await?;
    tagged(found).for_get(&context.if_none_match)
}

/// Delete an exception
///
/// The weekly hours hold again.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/exceptions/{exception_id}",
    tag = "working time",
    params(("clinic_id" = ClinicId, Path), ("exception_id" = ExceptionId, Path), IfMatch),
    responses((status = NO_CONTENT, description = "It is deleted."), DeleteProblems),
)]
pub async fn delete_exception(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, ExceptionId)>,
) -> ApiResult<StatusCode> {
    repo::delete(app.store(), &context, &clinic, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
