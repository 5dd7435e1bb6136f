//! Clinics over HTTP.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    model::{Clinic, ClinicDetails},
    repo,
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Found, IndexQuery, MergePatch, Page,
        Paging, ReadContext, Updated, WriteCommand, WriteContext, idempotency::or_replay,
        spawn::spawn_uncancellable,
    },
    id::ClinicId,
    openapi::Conflict,
    records::shown::Shown,
};

/// The path parameters of a clinic.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ClinicPath {
    /// The clinic.
    pub clinic_id: ClinicId,
}

type ClinicPatch = MergePatch<ClinicDetails>;

/// List clinics
///
/// Lists the clinics that the caller may see, newest first. The list is eventually consistent,
/// unless the token names 1 to 100 clinics.
#[utoipa::path(get, path = "/v1/clinics", params(IndexQuery))]
pub async fn list_clinics(
    State(app): State<AppState>,
    context: ReadContext,
    query: IndexQuery,
) -> ApiResult<Page<Shown<Clinic>>> {
    let paging = Paging::new(app.keyring(), &context.grant, (), &query);
    let (org, page) = (context.grant.org(), paging.request()?);
    paging.page(match context.grant.named_clinics() {
        Some(named) => repo::list_named(app.store(), org, named, page).await?,
        None => repo::list(app.store(), org, page).await?,
    })
}

/// Create a clinic
///
/// Create the clinic first: its staff, resources and visit types belong to it. Its time zone cannot
/// be changed later.
#[utoipa::path(post, path = "/v1/clinics", request_body = ClinicDetails)]
pub async fn create_clinic(
    State(app): State<AppState>,
    WriteCommand { body, context }: WriteCommand<ClinicDetails>,
) -> ApiResult<Created<Shown<Clinic>>> {
    let created = repo::create(app.store(), &context, body);
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/clinics/{}", created.value.id);
    Ok(Created::new(created, location))
}

/// Get a clinic
///
/// Returns the record with its `ETag`.
#[utoipa::path(get, path = "/v1/clinics/{clinic_id}", params(ClinicPath, Consistent))]
pub async fn get_clinic(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<Shown<Clinic>>> {
    let found = repo::get(app.store(), context.grant.org(), &clinic_id, consistent).await?;
    Found::new(found, &context)
}

/// Change a clinic
///
/// A JSON Merge Patch (RFC 7396). The time zone cannot be changed, because appointments are stored
/// by local date. To close or open on single dates, create an exception.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}",
    params(ClinicPath),
    request_body(content = ClinicPatch, example = json!({ "phone": "+41445559876" })),
)]
pub async fn update_clinic(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    patch: ClinicPatch,
) -> ApiResult<Updated<Shown<Clinic>>> {
    let change = |current: ClinicDetails| {
        let time_zone = current.time_zone.clone();
        let patched = patch.apply(current)?;
        if patched.time_zone != time_zone {
            let message = "cannot be changed after the clinic is created";
            return Err(ApiError::field(ErrorCode::ValidationFailed, "/time_zone", message));
        }
        Ok(patched)
    };
    repo::update(app.store(), &context, &clinic_id, change).await.map(Updated::new)
}

/// Delete a clinic
///
/// The request is refused while the clinic has staff, resources, visit types or future
/// appointments. Its exceptions are deleted too.
#[utoipa::path(delete, path = "/v1/clinics/{clinic_id}", params(ClinicPath), responses(Conflict))]
pub async fn delete_clinic(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
) -> ApiResult<Deleted> {
    let store = app.store().clone();
    let deletion = async move { repo::delete(&store, &context, &clinic_id).await };
    Deleted::unless(spawn_uncancellable(app.lifecycle(), deletion).await??)
}
