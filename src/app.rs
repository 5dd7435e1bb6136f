//! The state that handlers share.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    audit::recorder::{Access, Recorder},
    error::ApiResult,
    http::{
        ReadContext, WriteContext, auth::token::Authenticator, headers::HeaderSettings,
        lifecycle::Lifecycle, rate::RateSettings,
    },
    id::PatientId,
    keyring::Keyring,
    operations::readiness::Readiness,
    records::{
        clinics::directory::ClinicDirectory, patients::model::search::PatientSearch,
        webhooks::model::target::AllowList,
    },
    store::{Meta, Store},
    time::{Clock, Retention},
};

/// The state of a service. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    parts: Parts,
    clinics: ClinicDirectory,
    lifecycle: Lifecycle,
    readiness: Readiness,
    recorder: Recorder,
}

/// The parts of a service that its settings decide.
pub struct Parts {
    /// The table.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The keys of cursors, and of the secrets of webhooks and holds.
    pub keyring: Keyring,
    /// The keys and phonetic algorithms of the search for patients.
    pub search: PatientSearch,
    /// The verifier of tokens.
    pub authenticator: Authenticator,
    /// The retention of the access log.
    pub audit_retention: Retention,
    /// The limits of requests.
    pub limits: RequestLimits,
    /// The settings of response headers.
    pub headers: HeaderSettings,
    /// The hosts that webhooks may reach besides public addresses.
    pub webhook_targets: AllowList,
}

/// The limits of requests.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// The limit of concurrent requests.
    pub concurrent: usize,
    /// The deadline of a request.
    pub deadline: Duration,
    /// The capacity of the access log's queue, in patients shown.
    pub unrecorded_accesses: usize,
    /// The rate limits.
    pub rates: RateSettings,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            concurrent: 1024,
            deadline: Duration::from_secs(30),
            unrecorded_accesses: 100_000,
            rates: RateSettings::default(),
        }
    }
}

impl AppState {
    /// Creates the state of a service.
    pub fn new(parts: Parts) -> Self {
        let lifecycle = Lifecycle::default();
        Self(Arc::new(Shared {
            recorder: Recorder::new(
                parts.store.clone(),
                lifecycle.tasks.clone(),
                parts.limits.unrecorded_accesses,
            ),
            clinics: ClinicDirectory::new(parts.store.clone()),
            lifecycle,
            readiness: Readiness::default(),
            parts,
        }))
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub(crate) fn audit_retention(&self) -> Retention {
        self.0.parts.audit_retention
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// Returns the keys of cursors, and of the secrets of webhooks and holds.
    pub fn keyring(&self) -> &Keyring {
        &self.0.parts.keyring
    }

    pub(crate) fn search(&self) -> &PatientSearch {
        &self.0.parts.search
    }

    /// Returns the lifecycle of the process.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.0.lifecycle
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(crate) fn clinics(&self) -> &ClinicDirectory {
        &self.0.clinics
    }

    /// Records in the access log that a request shows data of these patients. After an error, the
    /// request must not show the data.
    pub fn record_access<'a>(
        &self,
        context: &ReadContext,
        patients: impl IntoIterator<Item = &'a PatientId>,
    ) -> impl Future<Output = ApiResult<()>> + Send {
        self.0.recorder.record(context.into(), patients)
    }

    /// Records in the access log that a search by these fields shows data of these patients, like
    /// [`Self::record_access`].
    pub async fn record_search<'a>(
        &self,
        request: impl Into<Access<'a>>,
        fields: &'a [&'static str],
        patients: impl IntoIterator<Item = &'a PatientId>,
    ) -> ApiResult<()> {
        self.0.recorder.record(request.into().by_search(fields), patients).await
    }

    /// Records in the access log that the response to a write shows data of these patients, if the
    /// request itself wrote nothing: it is a replay, or it changes nothing. The audit log has all
    /// others. After an error, the request must not show the data.
    pub async fn record_unwritten<'a>(
        &self,
        context: &WriteContext,
        meta: &Meta,
        patients: impl IntoIterator<Item = &'a PatientId>,
    ) -> ApiResult<()> {
        if meta.request_id == context.request_id {
            return Ok(());
        }
        self.0.recorder.record(context.into(), patients).await
    }

    /// Stops the recording of accesses, after the last response. Counts and logs accesses that
    /// could not be written.
    pub(crate) async fn stop_recording(&self) {
        self.0.recorder.give_up().await;
    }
}
