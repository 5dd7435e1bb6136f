//! The grant of a request: the caller, and the records in their scope.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    policy::{Override, Scope},
    principal::{Clinics, Principal, Role},
};
use crate::{
    error::ApiError,
    id::{ClinicId, OrgId, PatientId},
    time::Clock,
};

/// The caller of a request and their scope. Only the guard creates it, so a grant proves that the
/// policy allows the operation.
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

    /// Returns the current time of the service's clock. A write uses the time after its body has
    /// arrived.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the id of the granted operation in the OpenAPI document.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Returns the caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Returns the organisation whose records the caller may see.
    pub fn org(&self) -> &OrgId {
        &self.principal.org
    }

    /// Returns whether a clinic of the organisation is in scope.
    pub fn admits_clinic(&self, clinic: &ClinicId) -> bool {
        match self.scope {
            Scope::Organisation => true,
            Scope::OwnClinics => self.principal.clinics.contain(clinic),
            Scope::OwnRecords => false,
        }
    }

    /// Returns whether the caller may see appointments of a clinic with some operation: an
    /// administrator may, and others at the clinics of their token.
    pub fn may_see_clinic(&self, clinic: &ClinicId) -> bool {
        self.principal.roles.contains(&Role::Admin) || self.principal.clinics.contain(clinic)
    }

    /// Returns the clinics to which the token limits the caller, if it does.
    pub fn named_clinics(&self) -> Option<&BTreeSet<ClinicId>> {
        match (self.scope, &self.principal.clinics) {
            (Scope::OwnClinics, Clinics::Some(clinics)) => Some(clinics),
            _ => None,
        }
    }

    /// Returns whether an appointment of the organisation is in scope.
    pub fn admits_appointment(&self, clinic: &ClinicId, patient: Option<&PatientId>) -> bool {
        match self.scope {
            Scope::OwnRecords => patient.is_some() && self.principal.patient.as_ref() == patient,
            _ => self.admits_clinic(clinic),
        }
    }

    /// Returns whether one of the caller's roles allows an override.
    pub fn may_override(&self, what: Override) -> bool {
        self.principal.roles.iter().any(|role| what.is_allowed(*role))
    }

    /// Returns `not_found` if the path names a clinic or patient out of scope, as for a missing
    /// record.
    pub(super) fn check_path(
        &self,
        clinic: Option<&str>,
        patient: Option<&str>,
    ) -> Result<(), ApiError> {
        let admitted = match self.scope {
            Scope::Organisation => true,
            Scope::OwnClinics => {
                let own = |id: ClinicId| self.principal.clinics.contain(&id);
                // The handler reports text that is not an id.
                clinic.is_none_or(|text| text.parse().map_or(true, own))
            }
            // Below a clinic, the handler checks the patient of the record itself.
            Scope::OwnRecords => {
                let own = |id: PatientId| self.principal.patient == Some(id);
                patient.is_none_or(|text| text.parse().map_or(true, own))
            }
        };
        if admitted { Ok(()) } else { Err(ApiError::not_found()) }
    }

    /// Returns whether the caller may see the notes of staff. A caller with access to only their
    /// own records may not.
    pub fn is_staff(&self) -> bool {
        self.scope > Scope::OwnRecords
    }
}
