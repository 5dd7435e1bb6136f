//! Clinics over HTTP.

pub mod overview;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    dto::{ClinicIn, ClinicOut},
    model::Clinic,
    repo::{self, InUse},
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IdempotencyKey, IfMatch, IfNoneMatch, MergePatch,
        Page, ReadContext, WriteCommand, WriteContext, etag::Tagged, finish::to_the_end,
        idempotency::or_replay, paging::Paging,
    },
    id::ClinicId,
    openapi::{CreateProblems, DeleteGuardedProblems, ListProblems, ReadProblems, UpdateProblems},
};

/// A merge patch of a clinic.
type ClinicPatch = MergePatch<ClinicIn>;

fn out(clinic: Entity<Clinic>) -> ClinicOut {
    clinic.show(ClinicOut::new)
}

fn tagged(clinic: Entity<Clinic>) -> Tagged<ClinicOut> {
    Tagged::of(clinic, ClinicOut::new)
}

/// Parameters of a list of clinics.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListClinics {
    /// The most items of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// List clinics
///
/// The organisation's clinics that the caller may see, the newest first. The list comes from an index, which lags
/// behind by a moment.
#[utoipa::path(
    get,
    path = "/v1/clinics",
    tag = "clinics",
    params(ListClinics),
    responses((status = OK, description = "A page of clinics.", body = Page<ClinicOut>), ListProblems),
)]
pub async fn list_clinics(
    State(app): State<AppState>,
    context: ReadContext,
    ApiQuery(query): ApiQuery<ListClinics>,
) -> ApiResult<Json<Page<ClinicOut>>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_clinics", ());
    let page = paging.request(query.cursor.as_deref(), query.limit)?;
    let mut listed = repo::list(app.store(), context.grant.org(), page).await?;
    listed.items.retain(|clinic| context.grant.admits_clinic(&clinic.value.id));
    paging.page(listed, out).map(Json)
}

/// Create a clinic
///
/// Its time zone can't be changed later.
#[utoipa::path(
    post,
    path = "/v1/clinics",
    tag = "clinics",
    params(IdempotencyKey),
    request_body = ClinicIn,
    responses(
        (status = CREATED, description = "The clinic.", body = ClinicOut,
         headers(("ETag" = String), ("Location" = String))),
        CreateProblems,
    ),
)]
pub async fn create_clinic(
    State(app): State<AppState>,
    WriteCommand { body, context }: WriteCommand<ClinicIn>,
) -> ApiResult<Response> {
    let clinic = body.into_clinic(ClinicId::random());
    let created = repo::create(app.store(), &context, clinic).await;
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/clinics/{}", created.value.id);
    Ok(tagged(created).created(&location))
}

/// Get a clinic
///
/// One read of one record.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}",
    tag = "clinics",
    params(("clinic_id" = ClinicId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The clinic.", body = ClinicOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_clinic(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(id): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let found = repo::get(app.store(), context.grant.org(), &id, query.consistent).await?;
    tagged(found).for_get(&context.if_none_match)
}

/// Change a clinic
///
/// A JSON Merge Patch (RFC 7396). The time zone can't be changed: appointments are kept by local date.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}",
    tag = "clinics",
    params(("clinic_id" = ClinicId, Path), IfMatch),
    request_body(content(
        (ClinicPatch = "application/merge-patch+json", example = json!({ "phone": "+41445559876" })),
        (ClinicPatch = "application/json", example = json!({ "phone": "+41445559876" })),
    )),
    responses(
        (status = OK, description = "The clinic as it is now.", body = ClinicOut, headers(("ETag" = String))),
        UpdateProblems,
    ),
)]
pub async fn update_clinic(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(id): ApiPath<ClinicId>,
    patch: ClinicPatch,
) -> ApiResult<Tagged<ClinicOut>> {
    let modify = |current: &Clinic| {
        let patched = patch.apply(ClinicIn::from(current.clone()))?;
        if patched.time_zone != current.time_zone {
            let message = "can't be changed once the clinic is made";
            return Err(ApiError::field(ErrorCode::ValidationFailed, "/time_zone", message));
        }
        Ok(patched.into_clinic(id.clone()))
    };
    repo::update(app.store(), &context, &id, modify).await.map(tagged)
}

/// Delete a clinic
///
/// Refused while it has staff or appointments to come.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}",
    tag = "clinics",
    params(("clinic_id" = ClinicId, Path), IfMatch),
    responses((status = NO_CONTENT, description = "It is deleted."), DeleteGuardedProblems),
)]
pub async fn delete_clinic(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(id): ApiPath<ClinicId>,
) -> ApiResult<StatusCode> {
    let store = app.store().clone();
    let deletion = async move { repo::delete(&store, &context, &id).await };
    match to_the_end(app.lifecycle(), deletion).await?? {
        None => Ok(StatusCode::NO_CONTENT),
        Some(InUse::Staff) => Err(ApiError::new(
            ErrorCode::ClinicHasStaff,
            "Delete the clinic's staff members first.",
        )),
        Some(InUse::Setup) => Err(ApiError::new(
            ErrorCode::ClinicHasResources,
            "Delete the clinic's resources and visit types first.",
        )),
        Some(InUse::Appointments) => Err(ApiError::new(
            ErrorCode::HasFutureAppointments,
            "Cancel the clinic's appointments to come first.",
        )),
    }
}
