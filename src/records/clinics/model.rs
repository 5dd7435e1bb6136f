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

/// The members of a clinic that callers set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClinicIn, example = json!({
    "name": "Seefeld Family Practice",
    "time_zone": "Europe/Zurich",
    "address": { "lines": ["Seefeldstrasse 1"], "city": "Zürich", "postal_code": "8008", "country": "CH" },
    "position": { "latitude": 47.3624, "longitude": 8.5512 },
    "phone": "+41445551234",
    "opening_hours": [
        { "weekday": "monday", "from": "08:00", "to": "18:00" },
        { "weekday": "tuesday", "from": "08:00", "to": "18:00" },
        { "weekday": "wednesday", "from": "08:00", "to": "18:00" }
    ]
}))]
pub struct ClinicDetails {
    /// The name.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The IANA time zone. It cannot be changed later.
    #[schema(value_type = String, example = "Europe/Zurich")]
    pub time_zone: Zone,
    /// The postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    pub address: Option<Address>,
    /// The geographic position (WGS 84).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    pub position: Option<Position>,
    /// The telephone number with country code, stored in E.164 form, such as `+41445551234`: 7 to 15
    /// digits. Spaces, dashes, `. / ( )`, invisible marks and `tel:` are removed, and `00` at the
    /// beginning becomes `+`. `(0)` is refused.
    #[serde(
        default,
        deserialize_with = "validation::optional_phone",
        skip_serializing_if = "Option::is_none"
    )]
    #[validate(custom(function = validation::phone))]
    #[schema(example = "+41 44 555 12 34")]
    pub phone: Option<String>,
    /// The weekly opening hours in the clinic's local time. A day may have several spans. If null
    /// or absent, the clinic is always open. If empty, it is closed unless an exception opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 56), custom(function = validation::weekly_hours))]
    #[schema(max_items = 56)]
    pub opening_hours: Option<Vec<WeeklyHours>>,
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
    #[serde(default, deserialize_with = "validation::list_or_null")]
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
    #[validate(custom(function = validation::country))]
    #[schema(pattern = "^[A-Z]{2}$", example = "CH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

fn address_lines(list: &[String]) -> Result<(), validator::ValidationError> {
    validation::lines(list, 200)
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

/// Turns negative zero into zero. DynamoDB has no negative zero, and the response to a write must
/// equal a later read.
fn degrees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    f64::deserialize(deserializer).map(|degrees| degrees + 0.0)
}
