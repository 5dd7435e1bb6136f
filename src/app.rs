//! The state that handlers share.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    audit::{model::Access, recorder::Recorder},
    http::{
        ReadContext, auth::token::Authenticator, headers::HeaderSettings, lifecycle::Lifecycle,
        rate::RateSettings,
    },
    id::PatientId,
    keyring::Keyring,
    operations::readiness::Readiness,
    records::{clinics::directory::ClinicDirectory, webhooks::model::target::AllowList},
    store::{Store, WriteContext},
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
    /// The number of concurrent requests.
    pub concurrent: usize,
    /// The time of a whole request.
    pub deadline: Duration,
    /// The rate limits.
    pub rates: RateSettings,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { concurrent: 1024, deadline: Duration::from_secs(30), rates: RateSettings::default() }
    }
}

impl AppState {
    /// Makes the state of a service.
    pub fn new(parts: Parts) -> Self {
        let lifecycle = Lifecycle::default();
        Self(Arc::new(Shared {
            recorder: Recorder::new(
                parts.store.clone(),
                parts.audit_retention,
                lifecycle.tasks.clone(),
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

    /// The keys of cursors, and of the secrets of webhooks and holds.
    pub fn keyring(&self) -> &Keyring {
        &self.0.parts.keyring
    }

    /// The phase of the process.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.0.lifecycle
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(crate) fn clinics(&self) -> &ClinicDirectory {
        &self.0.clinics
    }

    /// Records that a request read data of these patients.
    pub fn record_access<'a>(
        &self,
        request: &ReadContext,
        patients: impl IntoIterator<Item = &'a PatientId>,
    ) {
        let (principal, at) = (request.grant.principal(), request.grant.now());
        let patients: BTreeSet<_> = patients.into_iter().collect();
        for patient_id in patients {
            let context = || {
                let request_id = request.request_id.as_ref().to_owned();
                WriteContext::internal(principal.org.clone(), &principal.subject, request_id, at)
            };
            let access = Access {
                patient_id: patient_id.clone(),
                operation: request.grant.operation().to_owned(),
                subject: principal.subject.clone(),
                at,
            };
            self.0.recorder.record(context, access);
        }
    }
}
