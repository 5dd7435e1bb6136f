//! What a request was granted: who asks, and for which records they may.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    policy::{Override, Scope},
    principal::{Clinics, Principal},
};
use crate::{
    error::ApiError,
    id::{ClinicId, OrgId, PatientId},
    time::Clock,
};

/// A request's caller and their scope. It is made where the policy is read alone, so who has one may go on.
#[derive(Clone)]
pub struct Grant {
    operation: &'static str,
    principal: Arc<Principal>,
    scope: Scope,
    clock: Arc<dyn Clock>,
}

impl Grant {
    pub(super) fn new(
        operation: &'static str,
        principal: Arc<Principal>,
        scope: Scope,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { operation, principal, scope, clock }
    }

    /// The current instant by the service's clock. A write takes it once its body has arrived.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What was granted: the operation's id in the OpenAPI document.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The organisation whose records they may see.
    pub fn org(&self) -> &OrgId {
        &self.principal.org
    }

    /// Whether a clinic of the organisation is in their scope.
    pub fn admits_clinic(&self, clinic: &ClinicId) -> bool {
        match self.scope {
            Scope::Organisation => true,
            Scope::OwnClinics => self.principal.clinics.contain(clinic),
            Scope::OwnRecords => false,
        }
    }

    /// The clinics to which the caller's token limits them, if it does.
    pub fn named_clinics(&self) -> Option<&BTreeSet<ClinicId>> {
        match (self.scope, &self.principal.clinics) {
            (Scope::OwnClinics, Clinics::Some(clinics)) => Some(clinics),
            _ => None,
        }
    }

    /// Whether an appointment of the organisation is in their scope.
    pub fn admits_appointment(&self, clinic: &ClinicId, patient: Option<&PatientId>) -> bool {
        match self.scope {
            Scope::OwnRecords => patient.is_some() && self.principal.patient.as_ref() == patient,
            _ => self.admits_clinic(clinic),
        }
    }

    /// Whether one of the caller's roles allows an override.
    pub fn may_override(&self, what: Override) -> bool {
        self.principal.roles.iter().any(|role| what.is_allowed(*role))
    }

    /// Refuses what a path names that is out of their scope, as if it were not there.
    pub(super) fn check_path(
        &self,
        clinic: Option<&str>,
        patient: Option<&str>,
    ) -> Result<(), ApiError> {
        let admitted = match self.scope {
            Scope::Organisation => true,
            Scope::OwnClinics => {
                let own = |id: ClinicId| self.principal.clinics.contain(&id);
                // What is no id at all is told so by the handler.
                clinic.is_none_or(|text| text.parse().map_or(true, own))
            }
            // Under a clinic, the record itself tells whose it is.
            Scope::OwnRecords => {
                let own = |id: PatientId| self.principal.patient == Some(id);
                patient.is_none_or(|text| text.parse().map_or(true, own))
            }
        };
        if admitted { Ok(()) } else { Err(ApiError::not_found()) }
    }

    /// Whether the caller is shown what staff noted, or is the patient whom it is about.
    pub fn is_staff(&self) -> bool {
        self.scope > Scope::OwnRecords
    }
}
