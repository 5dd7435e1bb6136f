//! The search for patients over HTTP.

use std::ops::RangeInclusive;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::{
    app::AppState,
    error::{ApiError, ApiResult, ErrorCode, FieldCode, FieldError},
    http::{Content, Filter, IndexQuery, Paging, ReadContext},
    records::patients::{
        dto::{MatchPage, MatchPosition, PatientMatch},
        model::{
            PartialDate,
            search::{Algorithm, PatientQuery},
        },
        repo::{self, Found},
    },
    validation::{self, trimmed},
};

/// The parts of a search for patients. All given parts must match.
#[derive(Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchPatients {
    /// Words of the name, in any order. A word matches the beginning of a family or given name:
    /// `ida exam` finds Ida Example. A word of one letter matches only a whole word, unless there is
    /// a longer one. Case, accents, hyphens and apostrophes make no difference. A title matches the
    /// patient's title, and is ignored if no patient has it.
    #[serde(default, deserialize_with = "trimmed")]
    #[param(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The date of birth, such as `1984-02-29`, or its beginning: `1984-02` or `1984`. A patient
    /// matches if their date lies within it.
    #[param(value_type = Option<String>)]
    birth_date: Option<PartialDate>,
    /// The telephone number, with or without country code: at least the last 7 digits. Spaces,
    /// dashes, `. / ( )`, `tel:`, `00` and `(0)` make no difference.
    #[serde(default, deserialize_with = "trimmed")]
    #[param(min_length = 7, max_length = 40)]
    phone: Option<String>,
    /// The e-mail address. Case makes no difference.
    #[serde(default, deserialize_with = "trimmed")]
    #[param(min_length = 1, max_length = 254)]
    email: Option<String>,
    /// An identifier from another system: `SYSTEM|VALUE`, spelled as it was stored, for example
    /// `urn:oid:2.16.756.5.32|7560000000002`.
    #[serde(default, deserialize_with = "trimmed")]
    #[param(min_length = 3, max_length = 301)]
    identifier: Option<String>,
    /// The complete medical record number (MRN), spelled as it was stored.
    #[serde(default, deserialize_with = "trimmed")]
    #[param(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._/-]+$")]
    mrn: Option<String>,
    /// Find inactive patients, too. `mrn` and `identifier` always find them, because these are unique.
    #[serde(default)]
    #[param(default = false)]
    include_inactive: bool,
}

impl Filter for SearchPatients {}

fn wrong(parameter: &str, code: FieldCode, message: &str) -> ApiError {
    let error = FieldError::of_parameter(parameter, code, message);
    ApiError::of_field(ErrorCode::InvalidParameter, error)
}

fn within(
    parameter: &str,
    text: Option<&String>,
    lengths: RangeInclusive<usize>,
) -> Result<(), ApiError> {
    if text.is_none_or(|text| lengths.contains(&text.chars().count())) {
        return Ok(());
    }
    let message = format!("must have {} to {} characters", lengths.start(), lengths.end());
    Err(wrong(parameter, FieldCode::Length, &message))
}

impl SearchPatients {
    /// Returns the names of the parts that are given.
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("name", self.name.is_some()),
            ("birth_date", self.birth_date.is_some()),
            ("phone", self.phone.is_some()),
            ("email", self.email.is_some()),
            ("identifier", self.identifier.is_some()),
            ("mrn", self.mrn.is_some()),
        ];
        given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }

    fn query(&self, phonetics: Algorithm) -> Result<PatientQuery, ApiError> {
        if self.fields().is_empty() {
            let message =
                "is required, unless birth_date, phone, email, identifier or mrn is given";
            return Err(wrong("name", FieldCode::Required, message));
        }
        within("name", self.name.as_ref(), 1..=200)?;
        within("phone", self.phone.as_ref(), 7..=40)?;
        within("email", self.email.as_ref(), 1..=254)?;
        within("identifier", self.identifier.as_ref(), 3..=301)?;
        let invalid =
            |(parameter, message): (&str, &str)| wrong(parameter, FieldCode::Invalid, message);
        let mut query = PatientQuery::default();
        let by_number = self.mrn.is_some() || self.identifier.is_some();
        query = query.inactive(self.include_inactive || by_number);
        if let Some(name) = &self.name {
            query = query.name(name, phonetics).map_err(invalid)?;
        }
        if let Some(date) = self.birth_date {
            query = query.birth_date(date);
        }
        if let Some(number) = &self.phone {
            query = query.phone(number).map_err(invalid)?;
        }
        if let Some(address) = &self.email {
            query = query.email(address);
        }
        if let Some(mrn) = &self.mrn {
            if mrn.len() > 64 || validation::record_number(mrn).is_err() {
                let message =
                    "must be 1 to 64 letters, digits, dots, dashes, underscores or slashes";
                return Err(wrong("mrn", FieldCode::Invalid, message));
            }
            query = query.mrn(mrn.clone());
        }
        Ok(query)
    }

    fn identifier(&self) -> Result<Option<(&str, &str)>, ApiError> {
        let Some(text) = &self.identifier else { return Ok(None) };
        match text.split_once('|').map(|(system, value)| (system.trim(), value.trim())) {
            Some((system, value)) if !system.is_empty() && !value.is_empty() => {
                Ok(Some((system, value)))
            }
            _ => {
                let message =
                    "must be SYSTEM|VALUE, for example urn:oid:2.16.756.5.32|7560000000002";
                Err(wrong("identifier", FieldCode::Invalid, message))
            }
        }
    }
}

/// Search for patients
///
/// Finds patients by any combination of name, date of birth, telephone number, e-mail address and
/// identifiers. The very next search finds a new or changed patient. If no name matches as it is
/// spelled, the search accepts two swapped neighbouring letters, and then names that sound alike. Best matches come first. White space around a parameter is ignored.
///
/// Send at least one of `name`, `birth_date`, `phone`, `email`, `mrn` and `identifier`. All given
/// parts must match. `GET /v1/patients?name=ida+exam&birth_date=1984&limit=10` suits a search while
/// the user types. The parameters are patient data: keep the URL out of logs. A caller may search
/// 300 times a minute by default.
#[utoipa::path(get, path = "/v1/patients", params(IndexQuery<SearchPatients>))]
pub async fn find_patients(
    State(app): State<AppState>,
    context: ReadContext,
    query: IndexQuery<SearchPatients>,
) -> ApiResult<Content<MatchPage>> {
    let org = context.grant.org();
    let filter = &query.filter;
    let (wanted, identifier) =
        (filter.query(app.search().phonetics.of(org))?, filter.identifier()?);
    let paging = Paging::new(app.keyring(), &context.grant, (), &query);
    let after: Option<MatchPosition> = paging.after()?;
    let group = after.as_ref().map(|after| after.kind.group());
    let found = repo::search(app.store(), app.search(), org, &wanted, identifier, group).await?;
    let Found { hits, more_specific } = found;
    let mut hits: Vec<_> = hits.into_iter().map(|hit| (MatchPosition::from(&hit), hit)).collect();
    hits.retain(|(position, _)| after.as_ref().is_none_or(|after| position > after));
    hits.sort_by(|(a, _), (b, _)| a.cmp(b));
    let limit = usize::from(paging.limit());
    let last = (hits.len() > limit).then(|| hits[limit - 1].0.clone());
    hits.truncate(limit);
    let fields = filter.fields();
    if hits.is_empty() {
        // It shows no patient, so the access log has no entry.
        let subject = context.grant.principal().subject.as_str();
        tracing::info!(user.id = subject, organization.id = %org, search.fields = %fields.join(","), "a search found no patient");
    }
    app.record_search(&context, &fields, hits.iter().map(|(_, hit)| &hit.id)).await?;
    let next_cursor = paging.next(last.as_ref())?;
    let items: Vec<PatientMatch> = hits.into_iter().map(|(_, hit)| hit.into()).collect();
    Ok(Content(MatchPage { items, next_cursor, more_specific }))
}
