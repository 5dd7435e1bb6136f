//! Clinics as they come and go over HTTP.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::model::{Address, Clinic, Position};
use crate::{
    id::ClinicId,
    time::{WeeklyHours, Zone},
    validation,
};

/// A clinic to be made, or all that can be changed of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Seefeld Family Practice",
    "time_zone": "Europe/Zurich",
    "address": { "lines": ["Seefeldstrasse 1"], "city": "Zürich", "postal_code": "8008", "country": "CH" },
    "position": { "latitude": 47.3624, "longitude": 8.5512 },
    "phone": "+41445551234",
    "opening_hours": [
        { "weekday": "monday", "from": "08:00", "to": "17:30" },
        { "weekday": "tuesday", "from": "08:00", "to": "17:30" }
    ]
}))]
pub struct ClinicIn {
    /// What people call it.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// IANA time zone of the clinic. It can't be changed later.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// Postal address.
    #[validate(nested)]
    pub address: Option<AddressDto>,
    /// Place on the globe, WGS 84.
    #[validate(nested)]
    pub position: Option<PositionDto>,
    /// Telephone number in E.164 form.
    #[validate(custom(function = validation::phone))]
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+41445551234")]
    pub phone: Option<String>,
    /// Weekly opening hours, on the clinic's own wall; a day may have several spans.
    #[serde(default)]
    #[validate(length(max = 56), custom(function = validation::weekly_hours))]
    #[schema(max_items = 56)]
    pub opening_hours: Vec<WeeklyHours>,
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Address)]
pub struct AddressDto {
    /// Street and number, in up to four lines.
    #[serde(default, deserialize_with = "lines_or_null")]
    #[validate(length(max = 4), custom(function = address_lines))]
    #[schema(value_type = Option<Vec<String>>, max_items = 4)]
    pub lines: Vec<String>,
    /// City, town or village.
    #[validate(length(max = 100), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Postal code.
    #[validate(length(max = 20), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// State, canton or province.
    #[validate(length(max = 100), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2 country code.
    #[validate(custom(function = country_code))]
    #[schema(pattern = "^[A-Z]{2}$", example = "CH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Null is no lines, as in a patch of an address that was not there.
fn lines_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn address_lines(lines: &[String]) -> Result<(), validator::ValidationError> {
    let too_long = || {
        validator::ValidationError::new("length")
            .with_message("a line has at most 200 characters".into())
    };
    for line in lines {
        validation::line(line)?;
        if line.chars().count() > 200 {
            return Err(too_long());
        }
    }
    Ok(())
}

fn country_code(code: &str) -> Result<(), validator::ValidationError> {
    if code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(());
    }
    let message = "must be two capital letters (ISO 3166-1 alpha-2)";
    Err(validator::ValidationError::new("country").with_message(message.into()))
}

/// A place on the globe, WGS 84 degrees, with at most 7 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Position)]
pub struct PositionDto {
    /// Degrees north of the equator.
    #[validate(range(min = -90.0, max = 90.0), custom(function = validation::coordinate))]
    #[schema(minimum = -90.0, maximum = 90.0, example = 47.3624)]
    pub latitude: f64,
    /// Degrees east of Greenwich.
    #[validate(range(min = -180.0, max = 180.0), custom(function = validation::coordinate))]
    #[schema(minimum = -180.0, maximum = 180.0, example = 8.5512)]
    pub longitude: f64,
}

/// A clinic.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Clinic, example = json!({
    "id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "name": "Seefeld Family Practice",
    "time_zone": "Europe/Zurich",
    "address": { "lines": ["Seefeldstrasse 1"], "city": "Zürich", "postal_code": "8008", "country": "CH" },
    "position": { "latitude": 47.3624, "longitude": 8.5512 },
    "phone": "+41445551234",
    "opening_hours": [
        { "weekday": "monday", "from": "08:00", "to": "17:30" },
        { "weekday": "tuesday", "from": "08:00", "to": "17:30" }
    ],
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct ClinicOut {
    /// Its id.
    pub id: ClinicId,
    /// What people call it.
    pub name: String,
    /// IANA time zone.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<AddressDto>,
    /// Place on the globe, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub position: Option<PositionDto>,
    /// Telephone number in E.164 form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone: Option<String>,
    /// Weekly opening hours, on the clinic's own wall.
    pub opening_hours: Vec<WeeklyHours>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl ClinicOut {
    /// The clinic with the times of its record.
    #[must_use]
    pub fn new(clinic: Clinic, created_at: Timestamp, updated_at: Timestamp) -> Self {
        let id = clinic.id.clone();
        let ClinicIn { name, time_zone, address, position, phone, opening_hours } = clinic.into();
        Self {
            id,
            name,
            time_zone,
            address,
            position,
            phone,
            opening_hours,
            created_at,
            updated_at,
        }
    }
}

impl ClinicIn {
    /// The clinic that this describes, under an id.
    #[must_use]
    pub fn into_clinic(self, id: ClinicId) -> Clinic {
        Clinic {
            id,
            name: self.name,
            time_zone: self.time_zone,
            address: self.address.map(Into::into),
            position: self.position.map(Into::into),
            phone: self.phone,
            opening_hours: self.opening_hours,
        }
    }
}

impl From<Clinic> for ClinicIn {
    fn from(clinic: Clinic) -> Self {
        Self {
            name: clinic.name,
            time_zone: clinic.time_zone,
            address: clinic.address.map(Into::into),
            position: clinic.position.map(Into::into),
            phone: clinic.phone,
            opening_hours: clinic.opening_hours,
        }
    }
}

impl From<AddressDto> for Address {
    fn from(address: AddressDto) -> Self {
        let AddressDto { lines, city, postal_code, state, country } = address;
        Self { lines, city, postal_code, state, country }
    }
}

impl From<Address> for AddressDto {
    fn from(address: Address) -> Self {
        let Address { lines, city, postal_code, state, country } = address;
        Self { lines, city, postal_code, state, country }
    }
}

impl From<PositionDto> for Position {
    fn from(PositionDto { latitude, longitude }: PositionDto) -> Self {
        // DynamoDB has no negative zero: what is answered now must be what is read later.
        Self { latitude: latitude + 0.0, longitude: longitude + 0.0 }
    }
}

impl From<Position> for PositionDto {
    fn from(Position { latitude, longitude }: Position) -> Self {
        Self { latitude, longitude }
    }
}
