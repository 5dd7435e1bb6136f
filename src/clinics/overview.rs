//! All of a clinic at once: itself, its staff and its appointments, from one Query.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{dto::ClinicOut, handlers::out, model::Clinic};
use crate::{
    app::AppState,
    appointments::{dto::AppointmentOut, model::Appointment},
    error::{ApiError, ApiResult},
    http::{
        ApiPath, ApiQuery, ReadContext,
        paging::{Paging, limit},
    },
    id::ClinicId,
    openapi::ReadProblems,
    staff::{dto::StaffOut, model::StaffMember},
    store::{
        Entity, Item,
        codec::{is_of_type, text},
        keys,
        read::List,
    },
};

/// Parameters of an overview.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetClinicOverview {
    /// The most records of a page, of all kinds together.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of all that a clinic has.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ClinicOverview {
    /// The clinic: on the page where the staff ends, which is the first one for up to `limit` - 1 staff members.
    pub clinic: Option<ClinicOut>,
    /// Its staff; they come before the clinic itself.
    pub staff: Vec<StaffOut>,
    /// Its appointments, the latest date first; they come last.
    pub appointments: Vec<AppointmentOut>,
    /// Pass it as `cursor` to go on. All has been told only when it is null.
    pub next_cursor: Option<String>,
}

/// Get a clinic's overview
///
/// The clinic, its staff and its appointments, the latest first, in pages of one Query each.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/overview",
    tag = "clinics",
    params(("clinic_id" = ClinicId, Path), GetClinicOverview),
    responses((status = OK, description = "A page of the clinic.", body = ClinicOverview), ReadProblems),
)]
pub async fn get_clinic_overview(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(id): ApiPath<ClinicId>,
    ApiQuery(query): ApiQuery<GetClinicOverview>,
) -> ApiResult<Json<ClinicOverview>> {
    let paging = Paging::new(app.cursor_keys(), &context.principal, "get_clinic_overview", &id);
    let after = paging.after(query.cursor.as_deref())?;
    let first_page = after.is_none();
    let list = List::of(keys::all_of_clinic(&id), after, limit(query.limit)?).backwards();
    let page = app.store().list(list).await?;
    let mut overview =
        ClinicOverview { next_cursor: paging.next(page.next.as_ref())?, ..Default::default() };
    let org = context.principal.org.as_str();
    let foreign = page.items.iter().any(|item| text(item, "org") != Some(org));
    if foreign || (first_page && page.items.is_empty()) {
        return Err(ApiError::not_found());
    }
    for item in page.items {
        overview.add(item)?;
    }
    if first_page && overview.is_of_deleted_clinic() {
        return Err(ApiError::not_found());
    }
    Ok(Json(overview))
}

impl ClinicOverview {
    fn add(&mut self, item: Item) -> ApiResult<()> {
        if is_of_type::<Clinic>(&item) {
            self.clinic = Some(out(Entity::from_item(item)?));
        } else if is_of_type::<StaffMember>(&item) {
            let Entity { meta, value } = Entity::<StaffMember>::from_item(item)?;
            self.staff.push(StaffOut::new(value, meta.created_at, meta.updated_at));
        } else if is_of_type::<Appointment>(&item) {
            let Entity { meta, value } = Entity::<Appointment>::from_item(item)?;
            self.appointments.push(AppointmentOut::new(value, meta.created_at, meta.updated_at));
        }
        Ok(())
    }

    /// A deleted clinic leaves its past appointments behind, and no staff: they come without a clinic before them.
    fn is_of_deleted_clinic(&self) -> bool {
        self.clinic.is_none() && self.staff.is_empty()
    }
}
