//! Staff members over HTTP.

use axum::{Json, extract::State, http::StatusCode, response::Response};

use super::{
    dto::{StaffIn, StaffOut},
    model::StaffMember,
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
    id::{ClinicId, StaffId},
    openapi::{CreateUnderProblems, DeleteGuardedProblems, ReadProblems, UpdateProblems},
};

/// A merge patch of a staff member.
type StaffPatch = MergePatch<StaffIn>;

fn out(staff: Entity<StaffMember>) -> StaffOut {
    staff.show(StaffOut::new)
}

fn tagged(staff: Entity<StaffMember>) -> Tagged<StaffOut> {
    Tagged::of(staff, StaffOut::new)
}

/// List a clinic's staff
///
/// By id.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/staff",
    tag = "staff",
    params(("clinic_id" = ClinicId, Path), ListAll),
    responses((status = OK, description = "A page of staff members.", body = Page<StaffOut>), ReadProblems),
)]
pub async fn list_staff(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(clinic): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<ListAll>,
) -> ApiResult<Json<Page<StaffOut>>> {
    let paging = Paging::new(app.cursor_keys(), &context.grant, "list_staff", &clinic);
    let page = paging.request_of(&query)?;
    let listed = repo::list(app.store(), context.grant.org(), &clinic, page).await?;
    paging.page(listed, out).map(Json)
}

/// Create a staff member
///
/// They can be booked at once, unless `active` is false.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/staff",
    tag = "staff",
    params(("clinic_id" = ClinicId, Path), IdempotencyKey),
    request_body = StaffIn,
    responses(
        (status = CREATED, description = "The staff member.", body = StaffOut,
         headers(("ETag" = String), ("Location" = String))),
        CreateUnderProblems,
    ),
)]
pub async fn create_staff_member(
    State(app): State<AppState>,
    ApiPath(clinic): ApiPath<ClinicId>,
    WriteCommand { body, context }: WriteCommand<StaffIn>,
) -> ApiResult<Response> {
    let staff = body.into_staff_member(StaffId::random(), clinic);
    let created = repo::create(app.store(), &context, staff).await;
    let created = or_replay(app.store(), &context, created).await?;
    let StaffMember { id, clinic_id, .. } = &created.value;
    let location = format!("/v1/clinics/{clinic_id}/staff/{id}");
    Ok(tagged(created).created(&location))
}

/// Get a staff member
///
/// One read of one record.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/staff/{staff_id}",
    tag = "staff",
    params(("clinic_id" = ClinicId, Path), ("staff_id" = StaffId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The staff member.", body = StaffOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_staff_member(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, StaffId)>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &clinic, &id, query.consistent).await?;
    tagged(found).for_get(&context.if_none_match)
}

/// Change a staff member
///
/// A JSON Merge Patch (RFC 7396). `{"active": false}` deactivates them: appointments stay, but none are added.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/staff/{staff_id}",
    tag = "staff",
    params(("clinic_id" = ClinicId, Path), ("staff_id" = StaffId, Path), IfMatch),
    request_body(content(
        (StaffPatch = "application/merge-patch+json", example = json!({ "active": false })),
        (StaffPatch = "application/json", example = json!({ "active": false })),
    )),
    responses(
        (status = OK, description = "The staff member as they are now.", body = StaffOut, headers(("ETag" = String))),
        UpdateProblems,
    ),
)]
pub async fn update_staff_member(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, StaffId)>,
    patch: StaffPatch,
) -> ApiResult<Tagged<StaffOut>> {
    let modify = |current: &StaffMember| {
        let patched = patch.apply(StaffIn::from(current.clone()))?;
        Ok::<_, ApiError>(patched.into_staff_member(id.clone(), clinic.clone()))
    };
    repo::update(app.store(), &context, &clinic, &id, modify).await.map(tagged)
}

/// Delete a staff member
///
/// Refused while they have appointments to come.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/staff/{staff_id}",
    tag = "staff",
    params(("clinic_id" = ClinicId, Path), ("staff_id" = StaffId, Path), IfMatch),
    responses((status = NO_CONTENT, description = "They are deleted."), DeleteGuardedProblems),
)]
pub async fn delete_staff_member(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, StaffId)>,
) -> ApiResult<StatusCode> {
    let store = app.store().clone();
    let deletion = async move { repo::delete(&store, &context, &clinic, &id).await };
    match to_the_end(app.lifecycle(), deletion).await?? {
        None => Ok(StatusCode::NO_CONTENT),
        Some(repo::Booked) => Err(ApiError::new(
            ErrorCode::HasFutureAppointments,
            "Cancel the staff member's appointments to come first.",
        )),
    }
}
