//! Visit types over HTTP.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::model::{VisitType, VisitTypeDetails};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Found, ListQuery, MergePatch, Page,
        Paging, ReadContext, Updated, WriteCommand, WriteContext, idempotency::or_replay,
    },
    id::{ClinicId, VisitTypeId},
    records::{clinics::handlers::ClinicPath, of_clinic, shown::Shown},
};

/// The path parameters of a visit type.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct VisitTypePath {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// A visit type of this clinic.
    pub visit_type_id: VisitTypeId,
}

type Patch = MergePatch<VisitTypeDetails>;

/// List a clinic's visit types
///
/// Lists visit types by id.
#[utoipa::path(get, path = "/v1/clinics/{clinic_id}/visit-types", params(ClinicPath, ListQuery))]
pub async fn list_visit_types(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: ListQuery,
) -> ApiResult<Page<Shown<VisitType>>> {
    let paging = Paging::new(app.keyring(), &context.grant, &clinic_id, &query);
    let org = context.grant.org();
    let listed = of_clinic::list(app.store(), org, &clinic_id, vec![], paging.request()?).await?;
    paging.page(listed)
}

/// Create a visit type
///
/// Defines the duration, the buffers and the allowed staff roles of one kind of visit. A booking
/// refers to it instead of sending `duration_minutes`.
#[utoipa::path(post, path = "/v1/clinics/{clinic_id}/visit-types", params(ClinicPath), request_body = VisitTypeDetails)]
pub async fn create_visit_type(
    State(app): State<AppState>,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    WriteCommand { body, context }: WriteCommand<VisitTypeDetails>,
) -> ApiResult<Created<Shown<VisitType>>> {
    let created = of_clinic::create(app.store(), &context, &clinic_id, body);
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/clinics/{clinic_id}/visit-types/{}", created.value.id);
    Ok(Created::new(created, location))
}

/// Get a visit type
///
/// Returns the record with its `ETag`.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/visit-types/{visit_type_id}",
    params(VisitTypePath, Consistent)
)]
pub async fn get_visit_type(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(VisitTypePath { clinic_id, visit_type_id }): ApiPath<VisitTypePath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<Shown<VisitType>>> {
    let org = context.grant.org();
    let found = of_clinic::get(app.store(), org, &clinic_id, &visit_type_id, consistent).await?;
    Found::new(found, &context)
}

/// Change a visit type
///
/// A JSON Merge Patch (RFC 7396). Existing appointments keep their duration and buffers.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/visit-types/{visit_type_id}",
    params(VisitTypePath),
    request_body(content = Patch, example = json!({ "duration_minutes": 30 })),
)]
pub async fn update_visit_type(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(VisitTypePath { clinic_id, visit_type_id }): ApiPath<VisitTypePath>,
    patch: Patch,
) -> ApiResult<Updated<Shown<VisitType>>> {
    let change = |current| patch.apply(current);
    of_clinic::update(app.store(), &context, &clinic_id, &visit_type_id, change)
        .await
        .map(Updated::new)
}

/// Delete a visit type
///
/// Existing appointments keep their duration and buffers.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/visit-types/{visit_type_id}",
    params(VisitTypePath)
)]
pub async fn delete_visit_type(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(path): ApiPath<VisitTypePath>,
) -> ApiResult<Deleted> {
    let VisitTypePath { clinic_id, visit_type_id } = path;
    let (store, id) = (app.store(), &visit_type_id);
    of_clinic::delete_unneeded::<VisitTypeDetails>(store, &context, &clinic_id, id).await?;
    Ok(Deleted)
}
