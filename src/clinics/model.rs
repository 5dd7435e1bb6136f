//! What a clinic is.

use serde::{Deserialize, Serialize};

use crate::{
    id::ClinicId,
    time::{WeeklyHours, Zone},
};

/// A clinic of an organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clinic {
    /// Its id.
    pub id: ClinicId,
    /// What people call it.
    pub name: String,
    /// The time zone on its wall; it never changes, and so may be cached.
    pub time_zone: Zone,
    /// Where it is.
    pub address: Option<Address>,
    /// Where it is on the globe.
    pub position: Option<Position>,
    /// Its telephone number, E.164.
    pub phone: Option<String>,
    /// When it is open, on its own wall.
    pub opening_hours: Vec<WeeklyHours>,
}

/// A postal address, in the parts that FHIR's `Address` has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Address {
    /// Street and number, in one to four lines.
    #[serde(default)]
    pub lines: Vec<String>,
    /// City, town or village.
    pub city: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// State, canton or province.
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2 country code.
    pub country: Option<String>,
}

/// A place on the globe, WGS 84 degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// From -90 to 90.
    pub latitude: f64,
    /// From -180 to 180.
    pub longitude: f64,
}
