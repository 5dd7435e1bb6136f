//! Patients over HTTP: one by one here, all that is held on one in `export`.

pub mod export;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    dto::{PatientIn, PatientOut},
    model::Patient,
    repo::{self, PatientError},
};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IdempotencyKey, IfMatch, IfNoneMatch, MergePatch,
        Page, ReadContext, WriteCommand, WriteContext, etag::Tagged, finish::to_the_end,
        idempotency::or_replay,
    },
    id::PatientId,
    openapi::{
        CreateUniqueProblems, DeleteGuardedProblems, ListProblems, ReadProblems,
        UpdateStateProblems,
    },
    sensitive::Sensitive,
    time::utc_date,
    validation,
};

/// A merge patch of a patient.
type PatientPatch = MergePatch<PatientIn>;

fn out(patient: Entity<Patient>) -> PatientOut {
    patient.show(PatientOut::new)
}

fn tagged(patient: Entity<Patient>) -> Tagged<PatientOut> {
    Tagged::of(patient, PatientOut::new)
}

impl From<PatientError> for ApiError {
    fn from(error: PatientError) -> Self {
        match error {
            PatientError::RecordNumberTaken => Self::field(
                ErrorCode::MrnTaken,
                "/mrn",
                "is another patient's of the organisation; nothing was written",
            ),
            PatientError::Store(error) => error.into(),
        }
    }
}

/// Nobody is born tomorrow, wherever on the globe tomorrow has begun.
fn check_birth_date(patient: &PatientIn, now: Timestamp) -> Result<(), ApiError> {
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
#[utoipa::path(
    get,
    path = "/v1/patients",
    tag = "patients",
    params(FindPatients),
    responses((status = OK, description = "The patient, if there is one.", body = Page<PatientOut>), ListProblems),
)]
pub async fn find_patients(
    State(app): State<AppState>,
    context: ReadContext,
    ApiQuery(query): ApiQuery<FindPatients>,
) -> ApiResult<Json<Page<PatientOut>>> {
    if query.mrn.len() > 64 || validation::record_number(&query.mrn).is_err() {
        let message = "must be 1 to 64 letters, digits, dots, dashes, underscores and slashes";
        return Err(ApiError::field(ErrorCode::InvalidParameter, "mrn", message));
    }
    let (org, consistent) = (context.grant.org(), query.consistent);
    let found = repo::find_by_record_number(app.store(), org, &query.mrn, consistent).await?;
    app.note_access(&context, found.iter().map(|patient| &patient.value.id));
    Ok(Json(Page { items: found.map(out).into_iter().collect(), next_cursor: None }))
}

/// Create a patient
///
/// Their record number, if they have one, must be no other patient's of the organisation.
#[utoipa::path(
    post,
    path = "/v1/patients",
    tag = "patients",
    params(IdempotencyKey),
    request_body = PatientIn,
    responses(
        (status = CREATED, description = "The patient.", body = PatientOut,
         headers(("ETag" = String), ("Location" = String))),
        CreateUniqueProblems,
    ),
)]
pub async fn create_patient(
    State(app): State<AppState>,
    WriteCommand { body, context }: WriteCommand<PatientIn>,
) -> ApiResult<Response> {
    let created = match check_birth_date(&body, context.now) {
        Ok(()) => {
            let patient = body.into_patient(PatientId::random());
            repo::create(app.store(), &context, patient).await.map_err(ApiError::from)
        }
        Err(refusal) => Err(refusal),
    };
    let created = or_replay(app.store(), &context, created).await?;
    let location = format!("/v1/patients/{}", created.value.id);
    Ok(tagged(created).created(&location))
}

/// Get a patient
///
/// One read of one record.
#[utoipa::path(
    get,
    path = "/v1/patients/{patient_id}",
    tag = "patients",
    params(("patient_id" = PatientId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The patient.", body = PatientOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_patient(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(id): ApiPath<PatientId>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let found = repo::get(app.store(), context.grant.org(), &id, query.consistent).await?;
    app.note_access(&context, [&id]);
    tagged(found).for_get(&context.if_none_match)
}

/// Change a patient
///
/// A JSON Merge Patch (RFC 7396). A changed record number is moved in the same transaction.
#[utoipa::path(
    patch,
    path = "/v1/patients/{patient_id}",
    tag = "patients",
    params(("patient_id" = PatientId, Path), IfMatch),
    request_body(content(
        (PatientPatch = "application/merge-patch+json", example = json!({ "email": null })),
        (PatientPatch = "application/json", example = json!({ "email": null })),
    )),
    responses(
        (status = OK, description = "The patient as they are now.", body = PatientOut, headers(("ETag" = String))),
        UpdateStateProblems,
    ),
)]
pub async fn update_patient(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(id): ApiPath<PatientId>,
    patch: PatientPatch,
) -> ApiResult<Tagged<PatientOut>> {
    let modify = |current: &Patient| {
        let patched = patch.apply(PatientIn::from(current.clone()))?;
        check_birth_date(&patched, context.now)?;
        Ok::<_, ApiError>(patched.into_patient(id.clone()))
    };
    repo::update(app.store(), &context, &id, modify).await.map(tagged)
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
    /// reason, notes, reason of cancelling; it is remembered among the accesses, and also works on a patient who was
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
    tag = "patients",
    params(("patient_id" = PatientId, Path), DeletePatient, IfMatch),
    responses((status = NO_CONTENT, description = "They are deleted."), DeleteGuardedProblems),
)]
pub async fn delete_patient(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(id): ApiPath<PatientId>,
    ApiQuery(query): ApiQuery<DeletePatient>,
) -> ApiResult<StatusCode> {
    let store = app.store().clone();
    let deletion = async move {
        match query.mode {
            DeletionMode::Delete => repo::delete(&store, &context, &id).await,
            DeletionMode::Erase => repo::erase(&store, &context, &id).await,
        }
    };
    match to_the_end(app.lifecycle(), deletion).await?? {
        None => Ok(StatusCode::NO_CONTENT),
        Some(repo::Booked) => Err(ApiError::new(
            ErrorCode::HasFutureAppointments,
            "Cancel the patient's appointments to come first.",
        )),
    }
}
