//! Patients over HTTP.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    model::{Patient, PatientDetails},
    repo,
};
use crate::{
    app::AppState,
    erasure::erase::erase,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Created, Deleted, Found, MergePatch, Page, ReadContext,
        Updated, WriteCommand, WriteContext, idempotency::or_replay, spawn::spawn_uncancellable,
    },
    id::PatientId,
    openapi::Conflict,
    records::shown::Shown,
    sensitive::Sensitive,
    time::utc_date,
    validation,
};

/// A patient in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PatientPath {
    /// The patient.
    pub patient_id: PatientId,
}

type PatientPatch = MergePatch<PatientDetails>;

/// Nobody is born tomorrow, wherever on the globe tomorrow has begun.
fn check_birth_date(patient: &PatientDetails, now: Timestamp) -> Result<(), ApiError> {
    let latest = utc_date(now).tomorrow().unwrap_or_else(|_| utc_date(now));
    match patient.birth_date.as_ref().map(Sensitive::expose) {
        Some(date) if *date > latest => Err(ApiError::field(
            ErrorCode::ValidationFailed,
            "/birth_date",
            "must not lie in the future",
        )),
        _ => Ok(()),
    }
}

/// Parameters of a search for patients.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindPatients {
    /// The record number (MRN), whole and as it was given.
    #[param(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._/-]+$")]
    mrn: String,
    /// Read what all writes before this request have left, at twice the cost.
    #[serde(default)]
    #[param(default = false)]
    consistent: bool,
}

/// Find patients by record number
///
/// One patient or none, as a record number is unique in the organisation.
#[utoipa::path(get, path = "/v1/patients", params(FindPatients))]
pub async fn find_patients(
    State(app): State<AppState>,
    context: ReadContext,
    ApiQuery(query): ApiQuery<FindPatients>,
) -> ApiResult<Page<Shown<Patient>>> {
    if query.mrn.len() > 64 || validation::record_number(&query.mrn).is_err() {
        let message = "must be 1 to 64 letters, digits, dots, dashes, underscores and slashes";
        return Err(ApiError::field(ErrorCode::InvalidParameter, "mrn", message));
    }
    let (org, consistent) = (context.grant.org(), query.consistent);
    let found = repo::find_by_record_number(app.store(), org, &query.mrn, consistent).await?;
    app.record_access(&context, found.iter().map(|patient| &patient.value.id));
    Ok(Page { items: found.map(Into::into).into_iter().collect(), next_cursor: None })
}

/// Create a patient
///
/// Their record number, if they have one, must be no other patient's of the organisation.
#[utoipa::path(post, path = "/v1/patients", request_body = PatientDetails, responses(Conflict))]
pub async fn create_patient(
    State(app): State<AppState>,
    WriteCommand { body, context }: WriteCommand<PatientDetails>,
) -> ApiResult<Created<Shown<Patient>>> {
    let created = async {
        check_birth_date(&body, context.now)?;
        repo::create(app.store(), &context, body).await
    };
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/patients/{}", created.value.id);
    Ok(Created::new(created, location))
}

/// Get a patient
///
/// One read of one record.
#[utoipa::path(get, path = "/v1/patients/{patient_id}", params(PatientPath, Consistent))]
pub async fn get_patient(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(PatientPath { patient_id }): ApiPath<PatientPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<Shown<Patient>>> {
    let found = repo::get(app.store(), context.grant.org(), &patient_id, consistent).await?;
    app.record_access(&context, [&patient_id]);
    Found::new(found, &context)
}

/// Change a patient
///
/// A JSON Merge Patch (RFC 7396). A changed record number is moved in the same transaction.
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
) -> ApiResult<Updated<Shown<Patient>>> {
    let change = |current| {
        let patched = patch.apply(current)?;
        check_birth_date(&patched, context.now)?;
        Ok::<_, ApiError>(patched)
    };
    repo::update(app.store(), &context, &patient_id, change).await.map(Updated::new)
}

/// What a deletion of a patient leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeletionMode {
    /// Their appointments, as they are.
    #[default]
    Delete,
    /// Of their appointments when and with whom they were, and nothing personal.
    Erase,
}

/// Parameters of a deletion.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeletePatient {
    /// `delete` removes the patient's record. `erase` also removes what is personal from all their appointments:
    /// reason, notes, reasons of cancelling and of overrides; it is remembered among the accesses, and also works on a patient who was
    /// deleted before.
    #[serde(default)]
    #[param(inline)]
    mode: DeletionMode,
}

/// Delete or erase a patient
///
/// Refused while they have appointments to come. The record number is free again. Erasing (GDPR, article 17) keeps
/// the history of the clinics' slots under an id that leads to nobody.
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
    let deletion = async move {
        match query.mode {
            DeletionMode::Delete => {
                repo::delete(&store, &context, &patient_id, || Ok(vec![])).await
            }
            DeletionMode::Erase => erase(&store, &context, &patient_id, retention).await,
        }
    };
    Deleted::unless(spawn_uncancellable(app.lifecycle(), deletion).await??)
}
