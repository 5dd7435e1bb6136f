//! Clinics.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    id,
    records::{details::Details, of_org::OfOrg},
    time::{WeeklyHours, Zone},
    validation,
};

/// A clinic of an organisation.
pub type Clinic = OfOrg<ClinicDetails>;

/// A clinic to be created, or the members of one that can be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClinicIn, example = json!({
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
pub struct ClinicDetails {
    /// Its name.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// IANA time zone of the clinic. It can't be changed later.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    pub address: Option<Address>,
    /// Geographic position, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    pub position: Option<Position>,
    /// Telephone number in E.164 form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = validation::phone))]
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+41445551234")]
    pub phone: Option<String>,
    /// Weekly opening hours, in the clinic's local time; a day may have several spans.
    #[serde(default)]
    #[validate(length(max = 56), custom(function = validation::weekly_hours))]
    #[schema(max_items = 56)]
    pub opening_hours: Vec<WeeklyHours>,
}

impl Details for ClinicDetails {
    type Kind = id::Clinic;
    const SCHEMA: &'static str = "Clinic";
    const DESCRIPTION: &'static str = "A clinic.";
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
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
    for line in lines {
        validation::line(line)?;
        if line.chars().count() > 200 {
            let message = "a line has at most 200 characters";
            return Err(validator::ValidationError::new("length").with_message(message.into()));
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

/// A geographic position, WGS 84 degrees, with at most 7 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Degrees north of the equator.
    #[serde(deserialize_with = "degrees")]
    #[validate(range(min = -90.0, max = 90.0), custom(function = validation::coordinate))]
    #[schema(minimum = -90.0, maximum = 90.0, example = 47.3624)]
    pub latitude: f64,
    /// Degrees east of Greenwich.
    #[serde(deserialize_with = "degrees")]
    #[validate(range(min = -180.0, max = 180.0), custom(function = validation::coordinate))]
    #[schema(minimum = -180.0, maximum = 180.0, example = 8.5512)]
    pub longitude: f64,
}

/// DynamoDB has no negative zero: the response to a write must equal a later read.
fn degrees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    f64::deserialize(deserializer).map(|degrees| degrees + 0.0)
}
