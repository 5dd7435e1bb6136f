//! Resources over HTTP.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::model::{Resource, ResourceDetails};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Found, ListQuery, MergePatch, Page,
        Paging, ReadContext, Updated, WriteCommand, WriteContext, idempotency::or_replay,
        spawn::spawn_uncancellable,
    },
    id::{ClinicId, ResourceId},
    openapi::Conflict,
    records::{clinics::handlers::ClinicPath, dependents, of_clinic, shown::Shown},
    scheduling::repo::{Bookable, find_booked},
};

/// The path parameters of a resource.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ResourcePath {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// A resource of this clinic.
    pub resource_id: ResourceId,
}

type Patch = MergePatch<ResourceDetails>;

/// List a clinic's resources
///
/// Lists rooms and equipment by id.
#[utoipa::path(get, path = "/v1/clinics/{clinic_id}/resources", params(ClinicPath, ListQuery))]
pub async fn list_resources(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: ListQuery,
) -> ApiResult<Page<Shown<Resource>>> {
    let paging = Paging::new(app.keyring(), &context.grant, &clinic_id, &query);
    let org = context.grant.org();
    let listed = of_clinic::list(app.store(), org, &clinic_id, vec![], paging.request()?).await?;
    paging.page(listed)
}

/// Create a resource
///
/// Adds a room or a piece of equipment. It can be booked at once, unless `active` is false.
#[utoipa::path(post, path = "/v1/clinics/{clinic_id}/resources", params(ClinicPath), request_body = ResourceDetails)]
pub async fn create_resource(
    State(app): State<AppState>,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    WriteCommand { body, context }: WriteCommand<ResourceDetails>,
) -> ApiResult<Created<Shown<Resource>>> {
    let created = of_clinic::create(app.store(), &context, &clinic_id, body);
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/clinics/{clinic_id}/resources/{}", created.value.id);
    Ok(Created::new(created, location))
}

/// Get a resource
///
/// Returns the record with its `ETag`.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/resources/{resource_id}",
    params(ResourcePath, Consistent)
)]
pub async fn get_resource(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ResourcePath { clinic_id, resource_id }): ApiPath<ResourcePath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<Shown<Resource>>> {
    let org = context.grant.org();
    let found = of_clinic::get(app.store(), org, &clinic_id, &resource_id, consistent).await?;
    Found::new(found, &context)
}

/// Change a resource
///
/// A JSON Merge Patch (RFC 7396). `{"active": false}` takes the resource out of use: existing
/// appointments stay, new ones are refused.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/resources/{resource_id}",
    params(ResourcePath),
    request_body(content = Patch, example = json!({ "name": "Treatment room 3" })),
)]
pub async fn update_resource(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(ResourcePath { clinic_id, resource_id }): ApiPath<ResourcePath>,
    patch: Patch,
) -> ApiResult<Updated<Shown<Resource>>> {
    let change = |current| patch.apply(current);
    of_clinic::update(app.store(), &context, &clinic_id, &resource_id, change)
        .await
        .map(Updated::new)
}

/// Delete a resource
///
/// The request is refused while the resource has future appointments. Its exceptions are deleted
/// too. To stop new bookings only, set `active` to false.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/resources/{resource_id}",
    params(ResourcePath),
    responses(Conflict)
)]
pub async fn delete_resource(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(path): ApiPath<ResourcePath>,
) -> ApiResult<Deleted> {
    let store = app.store().clone();
    let deletion = async move {
        let (clinic, id) = (&path.clinic_id, &path.resource_id);
        let check = || find_booked(&store, Bookable::Resource(clinic, id), context.now);
        let dependents = dependents::of_resource(clinic, id);
        of_clinic::delete::<ResourceDetails, _, _>(&store, &context, clinic, id, &dependents, check)
            .await
    };
    Deleted::unless(spawn_uncancellable(app.lifecycle(), deletion).await??)
}
