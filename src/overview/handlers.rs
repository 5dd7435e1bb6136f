//! A clinic with its visit types, staff, resources and appointments over HTTP.

use axum::extract::State;

use super::{
    model::{ClinicOverview, ClinicPart},
    repo,
};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{ApiPath, Content, ListQuery, Paging, ReadContext},
    records::clinics::handlers::ClinicPath,
};

/// Get a clinic's overview
///
/// Lists the clinic's visit types, staff, resources and then appointments (latest first), in pages.
/// Each page repeats the clinic. Use it to load a whole clinic.
#[utoipa::path(get, path = "/v1/clinics/{clinic_id}/overview", params(ClinicPath, ListQuery))]
pub async fn get_clinic_overview(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    query: ListQuery,
) -> ApiResult<Content<ClinicOverview>> {
    let paging = Paging::new(app.keyring(), &context.grant, &clinic_id, &query);
    let org = context.grant.org();
    let (clinic, listed) = repo::overview(app.store(), org, &clinic_id, paging.request()?).await?;
    let patients = listed.items.iter().filter_map(|part| match part {
        ClinicPart::Appointment(appointment) => appointment.value.patient_id.as_ref(),
        _ => None,
    });
    app.record_access(&context, patients).await?;
    let next_cursor = paging.next(listed.next.as_ref())?;
    Ok(Content(ClinicOverview::new(clinic, listed.items, next_cursor)))
}
