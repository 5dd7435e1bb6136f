//! What a search item contains, encrypted: what a list of results shows and compares.

use serde::{Deserialize, Serialize};

use crate::{
    id::PatientId,
    records::patients::model::{Deceased, Gender, PartialDate, Patient, PersonName},
    sensitive::Sensitive,
    validation,
};

/// A patient as a search finds them. The names of its members are short, because each patient has
/// up to 49 copies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchEntry {
    /// The name.
    #[serde(rename = "n")]
    pub name: PersonName,
    /// The gender.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// The date of birth.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Sensitive<PartialDate>>,
    /// The telephone numbers.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<Sensitive<String>>,
    /// The e-mail address.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sensitive<String>>,
    /// The medical record number.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub mrn: Option<Sensitive<String>>,
    /// Whether the patient can be booked.
    #[serde(rename = "a", default = "validation::yes", skip_serializing_if = "Clone::clone")]
    pub active: bool,
    /// Whether the patient has died.
    #[serde(rename = "d", default, skip_serializing_if = "std::ops::Not::not")]
    pub deceased: bool,
    /// The patient that this one was merged into.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<PatientId>,
}

impl From<&Patient> for SearchEntry {
    fn from(patient: &Patient) -> Self {
        Self {
            name: patient.name.clone(),
            gender: patient.gender,
            birth_date: patient.birth_date.clone(),
            phones: patient.phones.iter().map(|phone| phone.value.clone()).collect(),
            email: patient.email.clone(),
            mrn: patient.mrn.clone(),
            active: patient.active,
            deceased: patient.deceased.is_some_and(Deceased::is_dead),
            merged_into: patient.merged_into.clone(),
        }
    }
}
