//! Patients over HTTP.

pub mod merge;
pub mod search;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    dto::{CreatedPatientOut, PatientOut},
    model::{Deceased, PatientDetails, search::Duplicate},
    repo,
};
use crate::{
    app::AppState,
    erasure::erase::erase,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Found, MergePatch, ReadContext, Updated,
        WriteCommand, WriteContext, idempotency::or_replay, spawn::spawn_uncancellable,
    },
    id::PatientId,
    openapi::Conflict,
    time::utc_date,
};

/// The path parameters of a patient.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PatientPath {
    /// The patient.
    pub patient_id: PatientId,
}

type PatientPatch = MergePatch<PatientDetails>;

/// Refuses dates of birth and death in the future. Tomorrow's UTC date is accepted, because it may
/// already be tomorrow in the clinic's time zone.
pub fn check_dates(patient: &PatientDetails, now: Timestamp) -> Result<(), ApiError> {
    let latest = utc_date(now).tomorrow().unwrap_or_else(|_| utc_date(now));
    let born = patient.birth_date.as_ref().map(|date| date.expose().earliest());
    let died = patient.deceased.and_then(Deceased::earliest);
    for (pointer, earliest) in [("/birth_date", born), ("/deceased", died)] {
        if earliest.is_some_and(|date| date > latest) {
            let message = "must not be in the future";
            return Err(ApiError::field(ErrorCode::ValidationFailed, pointer, message));
        }
    }
    Ok(())
}

/// Create a patient
///
/// A patient belongs to the organisation and can be booked at all its clinics. A record number and
/// identifiers, if given, must be unique in the organisation. `possible_duplicates` lists patients
/// that may be the same person. One that is created at the same moment is not in the list.
#[utoipa::path(
    post,
    path = "/v1/patients",
    request_body(content = PatientDetails, examples(
        ("with_name_only" = (summary = "With a name only", value = json!({ "name": "Ida Example" }))),
        ("with_record_number" = (summary = "With a record number", value = json!({
            "name": { "family": "Example", "given": ["Ida"] },
            "mrn": "A-2027-0001",
            "gender": "female",
            "birth_date": "1984-02-29",
            "phones": [{ "value": "+41 79 555 12 34", "use": "mobile" }],
            "email": "ida@example.org"
        }))),
    )),
    responses(Conflict),
)]
pub async fn create_patient(
    State(app): State<AppState>,
    WriteCommand { body, context }: WriteCommand<PatientDetails>,
) -> ApiResult<Created<CreatedPatientOut>> {
    let created = async {
        check_dates(&body, context.now)?;
        repo::create(app.store(), app.search(), &context, body).await
    };
    let created = or_replay(app.store(), &context, created).await?;
    app.record_unwritten(&context, &created.meta, [&created.value.id]).await?;
    // The ids of duplicates reveal what these patients have in common with the new one.
    let duplicates = &created.value.possible_duplicates;
    let fields = Duplicate::of(&created.value.details).fields();
    app.record_search(&context, &fields, duplicates).await?;
    let location = format!("/v1/patients/{}", created.value.id);
    Ok(Created::new(created, location))
}

/// Get a patient
///
/// Returns the record with its `ETag`. `merged_into` leads from a merged patient to the one that has
/// the appointments.
#[utoipa::path(get, path = "/v1/patients/{patient_id}", params(PatientPath, Consistent))]
pub async fn get_patient(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<PatientOut>> {
    let found = repo::get(app.store(), context.grant.org(), &patient_id, consistent).await?;
    app.record_access(&context, [&patient_id]).await?;
    Found::new(found, &context)
}

/// Change a patient
///
/// A JSON Merge Patch (RFC 7396). A new record number or identifier is claimed, and the old one
/// released, in the same transaction. A merged patient cannot be changed.
#[utoipa::path(
    patch,
    path = "/v1/patients/{patient_id}",
    params(PatientPath),
    request_body(content = PatientPatch, example = json!({ "email": null })),
    responses(Conflict),
)]
pub async fn update_patient(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    patch: PatientPatch,
) -> ApiResult<Updated<PatientOut>> {
    let change = |current| {
        let patched = patch.apply(current)?;
        check_dates(&patched, context.now)?;
        Ok::<_, ApiError>(patched)
    };
    let updated = repo::update(app.store(), app.search(), &context, &patient_id, change).await?;
    app.record_unwritten(&context, &updated.meta, [&patient_id]).await?;
    Ok(Updated::new(updated))
}

/// The scope of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeletionMode {
    /// Removes the record. Appointments stay unchanged.
    #[default]
    Delete,
    /// Also removes the personal data from all appointments.
    Erase,
}

/// The query parameters of a deletion.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeletePatient {
    /// `delete` removes the patient's record. `erase` also removes the reason, notes, cancellation
    /// reason and override reason from all appointments, and adds an entry to the access log. It
    /// also works after a `delete`. Default: `delete`.
    #[serde(default)]
    mode: DeletionMode,
}

/// Delete or erase a patient
///
/// The request is refused while the patient has future appointments. The record number and the
/// identifiers become free. Appointments stay; their patient id no longer leads to a record. To
/// erase a patient (GDPR, article 17), set `mode=erase`: it also removes the texts of the
/// appointments, and erases the patients that were merged into this one. An erasure of a merged patient
/// is refused, because the appointments are those of the patient in `merged_into`.
#[utoipa::path(
    delete,
    path = "/v1/patients/{patient_id}",
    params(PatientPath, DeletePatient),
    responses(Conflict)
)]
pub async fn delete_patient(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    ApiQuery(query): ApiQuery<DeletePatient>,
) -> ApiResult<Deleted> {
    let (store, retention) = (app.store().clone(), app.audit_retention());
    if query.mode == DeletionMode::Erase {
        repo::require_unmerged(&store, &context.org, &patient_id).await?;
    }
    let deletion = async move {
        match query.mode {
            DeletionMode::Delete => {
                repo::delete(&store, &context, &patient_id, |_| Ok(vec![])).await
            }
            DeletionMode::Erase => erase(&store, &context, &patient_id, retention).await,
        }
    };
    Deleted::unless(spawn_uncancellable(app.lifecycle(), deletion).await??)
}
