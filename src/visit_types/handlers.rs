//! Types of visits over HTTP.

use axum::{Json, extract::State, http::StatusCode, response::Response};

use super::{
    dto::{VisitTypeIn, VisitTypeOut},
    model::VisitType,
    repo,
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult},
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IdempotencyKey, IfMatch, IfNoneMatch, MergePatch,
        Page, ReadContext, WriteCommand, WriteContext,
        etag::Tagged,
        idempotency::or_replay,
        paging::{ListAll, Paging},
    },
    id::{ClinicId, VisitTypeId},
    openapi::{CreateUnderProblems, DeleteProblems, ReadProblems, UpdateProblems},
};

/// A merge patch of a visit type.
type VisitTypePatch = MergePatch<VisitTypeIn>;

fn out(visit_type: Entity<VisitType>) -> VisitTypeOut {
    visit_type.show(VisitTypeOut::new)
}

fn tagged(visit_type: Entity<VisitType>) -> Tagged<VisitTypeOut> {
    Tagged::of(visit_type, VisitTypeOut::new)
}

/// List a clinic's visit types
///
/// By id.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/visit-types",
    tag = "visit types",
    params(("clinic_id" = ClinicId, Path), ListAll),
    responses((status = OK, description = "A page of visit types.", body = Page<VisitTypeOut>), ReadProblems),
)]
pub async fn list_visit_types(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(clinic): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<ListAll>,
) -> ApiResult<Json<Page<VisitTypeOut>>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_visit_types", &clinic);
    let page = paging.request_of(&query)?;
    let listed = repo::list(app.store(), context.grant.org(), &clinic, page).await?;
    paging.page(listed, out).map(Json)
}

/// Create a visit type
///
/// What staff give, how long it takes, and what they need around it.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/visit-types",
    tag = "visit types",
    params(("clinic_id" = ClinicId, Path), IdempotencyKey),
    request_body = VisitTypeIn,
    responses(
        (status = CREATED, description = "The visit type.", body = VisitTypeOut,
         headers(("ETag" = String), ("Location" = String))),
        CreateUnderProblems,
    ),
)]
pub async fn create_visit_type(
    State(app): State<AppState>,
    ApiPath(clinic): ApiPath<ClinicId>,
    WriteCommand { body, context }: WriteCommand<VisitTypeIn>,
) -> ApiResult<Response> {
    let visit_type = body.into_visit_type(VisitTypeId::random(), clinic);
    let created = repo::create(app.store(), &context, visit_type).await;
    let created = or_replay(app.store(), &context, created).await?;
    let VisitType { id, clinic_id, .. } = &created.value;
    let location = format!("/v1/clinics/{clinic_id}/visit-types/{id}");
    Ok(tagged(created).created(&location))
}

/// Get a visit type
///
/// One read of one record.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/visit-types/{visit_type_id}",
    tag = "visit types",
    params(("clinic_id" = ClinicId, Path), ("visit_type_id" = VisitTypeId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The visit type.", body = VisitTypeOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_visit_type(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, VisitTypeId)>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &clinic, &id, query.consistent).await?;
    tagged(found).for_get(&context.if_none_match)
}

/// Change a visit type
///
/// A JSON Merge Patch (RFC 7396). Appointments that were booked before stay as they are.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/visit-types/{visit_type_id}",
    tag = "visit types",
    params(("clinic_id" = ClinicId, Path), ("visit_type_id" = VisitTypeId, Path), IfMatch),
    request_body(content(
        (VisitTypePatch = "application/merge-patch+json", example = json!({ "duration_minutes": 45 })),
        (VisitTypePatch = "application/json", example = json!({ "duration_minutes": 45 })),
    )),
    responses(
        (status = OK, description = "The visit type as it is now.", body = VisitTypeOut, headers(("ETag" = String))),
        UpdateProblems,
    ),
)]
pub async fn update_visit_type(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, VisitTypeId)>,
    patch: VisitTypePatch,
) -> ApiResult<Tagged<VisitTypeOut>> {
    let modify = |current: &VisitType| {
        let patched = patch.apply(VisitTypeIn::from(current.clone()))?;
        Ok::<_, ApiError>(patched.into_visit_type(id.clone(), clinic.clone()))
    };
    repo::update(app.store(), &context, &clinic, &id, modify).await.map(tagged)
}

/// Delete a visit type
///
/// Appointments that were booked before stay as they are.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/visit-types/{visit_type_id}",
    tag = "visit types",
    params(("clinic_id" = ClinicId, Path), ("visit_type_id" = VisitTypeId, Path), IfMatch),
    responses((status = NO_CONTENT, description = "It is deleted."), DeleteProblems),
)]
pub async fn delete_visit_type(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, VisitTypeId)>,
) -> ApiResult<StatusCode> {
    repo::delete(app.store(), &context, &clinic, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
