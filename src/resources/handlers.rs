//! Resources over HTTP.

use axum::{Json, extract::State, http::StatusCode, response::Response};

use super::{
    dto::{ResourceIn, ResourceOut},
    model::Resource,
    repo,
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IdempotencyKey, IfMatch, IfNoneMatch, MergePatch,
        Page, ReadContext, WriteCommand, WriteContext,
        etag::Tagged,
        finish::to_the_end,
        idempotency::or_replay,
        paging::{ListAll, Paging},
    },
    id::{ClinicId, ResourceId},
    openapi::{CreateUnderProblems, DeleteGuardedProblems, ReadProblems, UpdateProblems},
};

/// A merge patch of a resource.
type ResourcePatch = MergePatch<ResourceIn>;

fn out(resource: Entity<Resource>) -> ResourceOut {
    resource.show(ResourceOut::new)
}

fn tagged(resource: Entity<Resource>) -> Tagged<ResourceOut> {
    Tagged::of(resource, ResourceOut::new)
}

/// List a clinic's resources
///
/// By id.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/resources",
    tag = "resources",
    params(("clinic_id" = ClinicId, Path), ListAll),
    responses((status = OK, description = "A page of resources.", body = Page<ResourceOut>), ReadProblems),
)]
pub async fn list_resources(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(clinic): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<ListAll>,
) -> ApiResult<Json<Page<ResourceOut>>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_resources", &clinic);
    let page = paging.request_of(&query)?;
    let listed = repo::list(app.store(), context.grant.org(), &clinic, page).await?;
    paging.page(listed, out).map(Json)
}

/// Create a resource
///
/// A room or a piece of equipment. It can be booked at once, unless `active` is false.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/resources",
    tag = "resources",
    params(("clinic_id" = ClinicId, Path), IdempotencyKey),
    request_body = ResourceIn,
    responses(
        (status = CREATED, description = "The resource.", body = ResourceOut,
         headers(("ETag" = String), ("Location" = String))),
        CreateUnderProblems,
    ),
)]
pub async fn create_resource(
    State(app): State<AppState>,
    ApiPath(clinic): ApiPath<ClinicId>,
    WriteCommand { body, context }: WriteCommand<ResourceIn>,
) -> ApiResult<Response> {
    let resource = body.into_resource(ResourceId::random(), clinic);
    let created = repo::create(app.store(), &context, resource).await;
    let created = or_replay(app.store(), &context, created).await?;
    let Resource { id, clinic_id, .. } = &created.value;
    let location = format!("/v1/clinics/{clinic_id}/resources/{id}");
    Ok(tagged(created).created(&location))
}

/// Get a resource
///
/// One read of one record.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/resources/{resource_id}",
    tag = "resources",
    params(("clinic_id" = ClinicId, Path), ("resource_id" = ResourceId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The resource.", body = ResourceOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_resource(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, ResourceId)>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &clinic, &id, query.consistent).await?;
    tagged(found).for_get(&context.if_none_match)
}

/// Change a resource
///
/// A JSON Merge Patch (RFC 7396). `{"active": false}` takes it out of use: appointments stay, but none are added.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/resources/{resource_id}",
    tag = "resources",
    params(("clinic_id" = ClinicId, Path), ("resource_id" = ResourceId, Path), IfMatch),
    request_body(content(
        (ResourcePatch = "application/merge-patch+json", example = json!({ "active": false })),
        (ResourcePatch = "application/json", example = json!({ "active": false })),
    )),
    responses(
        (status = OK, description = "The resource as it is now.", body = ResourceOut, headers(("ETag" = String))),
        UpdateProblems,
    ),
)]
pub async fn update_resource(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, ResourceId)>,
    patch: ResourcePatch,
) -> ApiResult<Tagged<ResourceOut>> {
    let modify = |current: &Resource| {
        let patched = patch.apply(ResourceIn::from(current.clone()))?;
        Ok::<_, ApiError>(patched.into_resource(id.clone(), clinic.clone()))
    };
    repo::update(app.store(), &context, &clinic, &id, modify).await.map(tagged)
}

/// Delete a resource
///
/// Refused while it has appointments to come.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/resources/{resource_id}",
    tag = "resources",
    params(("clinic_id" = ClinicId, Path), ("resource_id" = ResourceId, Path), IfMatch),
    responses((status = NO_CONTENT, description = "It is deleted."), DeleteGuardedProblems),
)]
pub async fn delete_resource(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, ResourceId)>,
) -> ApiResult<StatusCode> {
    let store = app.store().clone();
    let deletion = async move { repo::delete(&store, &context, &clinic, &id).await };
    match to_the_end(app.lifecycle(), deletion).await?? {
        None => Ok(StatusCode::NO_CONTENT),
        Some(repo::Booked) => Err(ApiError::new(
            ErrorCode::HasFutureAppointments,
            "Cancel the resource's appointments to come first.",
        )),
    }
}
