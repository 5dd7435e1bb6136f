//! Patients as FHIR R4 resources (<https://hl7.org/fhir/R4/patient.html>).
//!
//! | patient | FHIR |
//! |---|---|
//! | `mrn` | `identifier` with a `type` of the code `MR`. An import makes one with a `system` an entry of `identifiers` as well |
//! | `identifiers` | `identifier.system`, `.value` |
//! | `name` | `name[0]`, `use` official |
//! | `birth_date`, `gender`, `active` | `birthDate`, `gender`, `active` |
//! | `phones` | `telecom` of the system `phone`; the order is `rank`; an extension as in RFC 3966: `+41445551234;ext=12` |
//! | `email` | `telecom` of the system `email` |
//! | `address` | `address[0]` |
//! | `language` | `communication[0].language`, `preferred` |
//! | `contacts` | `contact` with `relationship[0].text`, `name` and `telecom[0]` |
//! | `deceased` | `deceasedBoolean` or `deceasedDateTime` |
//! | `notes` | the extension `note` |
//! | `merged_into`, `replaces` | `link` of the type `replaced-by` or `replaces`. An import makes a patient with `replaced-by` inactive, and holds no links |
//!
//! An import takes the best of several entries (`choice`): none that is `old` or has ended, then the official or usual one.

mod choice;
mod export;
mod import;

pub use self::{
    export::{links, to_fhir},
    import::{Imported, from_fhir},
};

/// The system of the types of identifiers.
const IDENTIFIER_TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
/// The code of medical record numbers in it.
const RECORD_NUMBER: &str = "MR";
/// The system of language tags.
const LANGUAGES: &str = "urn:ietf:bcp:47";
/// The extension for notes: FHIR patients have no element for them.
const NOTE: &str = "http://hl7.org/fhir/StructureDefinition/note";
/// What precedes the extension in a telephone number (RFC 3966).
const PHONE_EXTENSION: &str = ";ext=";
