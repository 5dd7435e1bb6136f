//! All of a clinic at once: itself, its staff and its appointments, from one Query.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::out;
use crate::{
    app::AppState,
    appointments::dto::AppointmentOut,
    clinics::{
        dto::ClinicOut,
        repo::{self, ClinicPart},
    },
    error::ApiResult,
    http::{ApiPath, ApiQuery, ReadContext, paging::Paging},
    id::ClinicId,
    openapi::ReadProblems,
    resources::dto::ResourceOut,
    staff::dto::StaffOut,
    visit_types::dto::VisitTypeOut,
};

/// Parameters of an overview.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetClinicOverview {
    /// Read what all writes before this request have left, at twice the cost.
    #[serde(default)]
    #[param(default = false)]
    consistent: bool,
    /// The most records of a page, of all kinds together.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// A page of all that a clinic has.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ClinicOverview {
    /// The clinic: on the page where staff, resources and visit types end, which is the first one for fewer than `limit` of them.
    #[schema(required = true)]
    pub clinic: Option<ClinicOut>,
    /// Its visit types; they come first.
    pub visit_types: Vec<VisitTypeOut>,
    /// Its staff; they come before the clinic itself.
    pub staff: Vec<StaffOut>,
    /// Its rooms and equipment; they come before the clinic itself.
    pub resources: Vec<ResourceOut>,
    /// Its appointments, the latest date first; they come last.
    pub appointments: Vec<AppointmentOut>,
    /// Pass it as `cursor` to go on. All has been told only when it is null.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Get a clinic's overview
///
/// The clinic, its staff, resources and visit types, and its appointments, the latest first, in pages of one Query each.
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
    let paging = Paging::new(app.cursor_keys(), &context.grant, "get_clinic_overview", &id);
    let mut page = paging.request(query.cursor.as_deref(), query.limit)?;
    page.consistent = query.consistent;
    let listed = repo::overview(app.store(), context.grant.org(), &id, page).await?;
    let patients = listed.items.iter().filter_map(|part| match part {
        ClinicPart::Appointment(appointment) => appointment.value.patient_id.as_ref(),
        _ => None,
    });
    app.note_access(&context, patients);
    let next_cursor = paging.next(listed.next.as_ref())?;
    let mut overview = ClinicOverview { next_cursor, ..Default::default() };
    listed.items.into_iter().for_each(|part| overview.add(part));
    Ok(Json(overview))
}

impl ClinicOverview {
    fn add(&mut self, part: ClinicPart) {
        match part {
            ClinicPart::Clinic(clinic) => self.clinic = Some(out(clinic)),
            ClinicPart::Staff(staff) => self.staff.push(staff.show(StaffOut::new)),
            ClinicPart::Resource(resource) => {
                self.resources.push(resource.show(ResourceOut::new));
            }
            ClinicPart::VisitType(visit_type) => {
                self.visit_types.push(visit_type.show(VisitTypeOut::new));
            }
            ClinicPart::Appointment(appointment) => {
                self.appointments.push(appointment.show(AppointmentOut::new));
            }
        }
    }
}
