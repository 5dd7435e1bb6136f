//! Staff members over HTTP.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::model::{StaffDetails, StaffMember};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Found, ListQuery, MergePatch, Page,
        Paging, ReadContext, Updated, WriteCommand, WriteContext, idempotency::or_replay,
        spawn::spawn_uncancellable,
    },
    id::{ClinicId, StaffId},
    openapi::Conflict,
    records::{clinics::handlers::ClinicPath, dependents, of_clinic, shown::Shown},
    scheduling::repo::{Bookable, find_booked},
};

/// The path parameters of a staff member.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct StaffPath {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// A staff member of this clinic.
    pub staff_id: StaffId,
}

type Patch = MergePatch<StaffDetails>;

/// List a clinic's staff
///
/// Lists staff members by id.
#[utoipa::path(get, path = "/v1/clinics/{clinic_id}/staff", params(ClinicPath, ListQuery))]
pub async fn list_staff(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: ListQuery,
) -> ApiResult<Page<Shown<StaffMember>>> {
    let paging = Paging::new(app.keyring(), &context.grant, &clinic_id, &query);
    let org = context.grant.org();
    let listed = of_clinic::list(app.store(), org, &clinic_id, vec![], paging.request()?).await?;
    paging.page(listed)
}

/// Create a staff member
///
/// The staff member can be booked at once, unless `active` is false.
#[utoipa::path(post, path = "/v1/clinics/{clinic_id}/staff", params(ClinicPath), request_body = StaffDetails)]
pub async fn create_staff_member(
    State(app): State<AppState>,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    WriteCommand { body, context }: WriteCommand<StaffDetails>,
) -> ApiResult<Created<Shown<StaffMember>>> {
    let created = of_clinic::create(app.store(), &context, &clinic_id, body);
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/clinics/{clinic_id}/staff/{}", created.value.id);
    Ok(Created::new(created, location))
}

/// Get a staff member
///
/// Returns the record with its `ETag`.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/staff/{staff_id}",
    params(StaffPath, Consistent)
)]
pub async fn get_staff_member(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(StaffPath { clinic_id, staff_id }): ApiPath<StaffPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<Shown<StaffMember>>> {
    let org = context.grant.org();
    let found = of_clinic::get(app.store(), org, &clinic_id, &staff_id, consistent).await?;
    Found::new(found, &context)
}

/// Change a staff member
///
/// A JSON Merge Patch (RFC 7396). `{"active": false}` deactivates the staff member: existing
/// appointments stay, new ones are refused. For leave, create an exception.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/staff/{staff_id}",
    params(StaffPath),
    request_body(content = Patch, example = json!({ "specialty": "paediatrics" })),
)]
pub async fn update_staff_member(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(StaffPath { clinic_id, staff_id }): ApiPath<StaffPath>,
    patch: Patch,
) -> ApiResult<Updated<Shown<StaffMember>>> {
    let change = |current| patch.apply(current);
    of_clinic::update(app.store(), &context, &clinic_id, &staff_id, change).await.map(Updated::new)
}

/// Delete a staff member
///
/// The request is refused while the staff member has future appointments. Their exceptions are
/// deleted too. To stop new bookings only, set `active` to false.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/staff/{staff_id}",
    params(StaffPath),
    responses(Conflict)
)]
pub async fn delete_staff_member(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(path): ApiPath<StaffPath>,
) -> ApiResult<Deleted> {
    let store = app.store().clone();
    let deletion = async move {
        let (clinic, id) = (&path.clinic_id, &path.staff_id);
        let check = || find_booked(&store, Bookable::Staff(clinic, id), context.now);
        let dependents = dependents::of_staff(clinic, id);
        of_clinic::delete::<StaffDetails, _, _>(&store, &context, clinic, id, &dependents, check)
            .await
    };
    Deleted::unless(spawn_uncancellable(app.lifecycle(), deletion).await??)
}
