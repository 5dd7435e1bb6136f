//! Patients as FHIR R4 resources.

use clinic_api::{
    error::ApiError,
    http::body::from_value,
    records::patients::{
        fhir::{Imported, from_fhir, to_fhir},
        model::PatientDetails,
    },
};
use jiff::Timestamp;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{generated::patient, whole};

fn details(json: &Value) -> PatientDetails {
    from_value(json).unwrap_or_else(|error| panic!("{error:?}"))
}

fn imported(resource: &Value) -> Result<Imported, ApiError> {
    from_fhir(resource, "2034-11-14T12:00:00Z".parse::<Timestamp>().unwrap())
}

#[test]
fn every_valid_patient_survives_the_resource() {
    TestRunner::default()
        .run(&patient(), |json| {
            let details = details(&json);
            let imported = imported(&to_fhir(&details)).unwrap();
            prop_assert_eq!(&imported.not_held, &Vec::<String>::new());
            prop_assert_eq!(serde_json::to_value(&imported.details).unwrap(), json);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_resource_has_the_elements_of_fhir() {
    let number = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
    let language = json!({ "coding": [{ "system": "urn:ietf:bcp:47", "code": "de-CH" }] });
    let expected = json!({
        "resourceType": "Patient",
        "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/note",
            "valueAnnotation": { "text": "Line one\nLine two\t\"quoted\"" },
        }],
        "identifier": [
            { "use": "usual", "type": number, "value": "A-2035/1" },
            { "system": "urn:oid:2.16.756.5.32", "value": "7560000000002" },
            { "system": "https://insurance.example.org/card", "value": "80756 0001" },
        ],
        "active": true,
        "name": [{
            "use": "official", "text": "Dr. Zoë 王 O'Brien 😀", "family": "O'Brien", "given": ["Zoë", "王"],
            "prefix": ["Dr."],
        }],
        "telecom": [
            { "system": "phone", "value": "+41795551234", "use": "mobile", "rank": 1 },
            { "system": "phone", "value": "+41445551234;ext=012", "use": "work", "rank": 2 },
            { "system": "phone", "value": "+41445551235", "rank": 3 },
            { "system": "email", "value": "zoe@example.org" },
        ],
        "gender": "female",
        "birthDate": "2000-02-29",
        "deceasedDateTime": "2034-11-13T23:30:00-05:00",
        "address": [{
            "line": ["Seefeldstrasse 1", "c/o Keller"], "city": "Zürich", "district": "Kreis 8",
            "state": "ZH", "postalCode": "8008", "country": "CH",
        }],
        "contact": [
            {
                "relationship": [{ "text": "mother" }], "name": { "text": "Ada O'Brien" },
                "telecom": [{ "system": "phone", "value": "+41795551235" }],
            },
            { "name": { "family": "Keller", "given": ["Anna"] } },
        ],
        "communication": [{ "language": language, "preferred": true }],
    });
    assert_eq!(to_fhir(&details(&whole())), expected);
}

#[test]
fn what_a_patient_cannot_hold_is_listed() {
    let resource = json!({
        "resourceType": "Patient", "id": "1", "meta": { "versionId": "1" },
        "text": { "status": "generated", "div": "<div>Ida</div>" },
        "name": [
            { "use": "maiden", "family": "Muster" },
            { "use": "official", "family": "Example", "given": ["Ida"], "prefix": ["Prof.", "Dr."], "suffix": ["II"] },
        ],
        "identifier": [{ "system": "urn:a", "value": "1", "assigner": { "display": "A" } }, { "value": "2" }],
        "telecom": [
            { "system": "fax", "value": "+41445551230" },
            { "system": "phone", "value": "tel:+41445551234;ext=12", "rank": 1 },
            { "system": "email", "value": "ida@example.org" },
            { "system": "email", "value": "work@example.org" },
        ],
        "maritalStatus": { "text": "married" },
        "_birthDate": { "extension": [] },
        "contact": [{ "organization": { "display": "A" } }, { "name": { "text": "Ada" }, "gender": "female" }],
        "communication": [{ "language": { "coding": [{ "code": "fr" }] } }],
        "photo": [{ "url": "a" }], "generalPractitioner": [], "managingOrganization": {},
    });
    let imported = imported(&resource).unwrap();
    assert_eq!(
        serde_json::to_value(&imported.details).unwrap(),
        json!({
            "name": { "family": "Example", "given": ["Ida"], "prefix": "Prof." },
            "identifiers": [{ "system": "urn:a", "value": "1" }],
            "phones": [{ "value": "+41445551234", "extension": "12" }],
            "email": "ida@example.org",
            "contacts": [{ "name": { "text": "Ada" } }],
            "active": true,
        })
    );
    let mut not_held = imported.not_held;
    not_held.sort();
    let expected = [
        "/_birthDate",
        "/communication",
        "/contact/0",
        "/contact/1/gender",
        "/identifier/0/assigner",
        "/identifier/1",
        "/maritalStatus",
        "/name/0",
        "/name/1/prefix/1",
        "/name/1/suffix",
        "/photo",
        "/telecom/0",
        "/telecom/3",
    ];
    assert_eq!(not_held, expected);
}

#[test]
fn a_resource_that_is_no_valid_patient_is_refused() {
    for (resource, pointer) in [
        (json!({ "resourceType": "Practitioner" }), "/resourceType"),
        (json!({ "resourceType": "Patient" }), "/name"),
        (json!({ "resourceType": "Patient", "name": [{ "given": ["Ida"] }] }), "/name/family"),
        (
            json!({ "resourceType": "Patient", "name": [{ "text": "Ida" }], "birthDate": "1984-13" }),
            "/birth_date",
        ),
        (
            json!({
                "resourceType": "Patient", "name": [{ "text": "Ida" }], "birthDate": "1984-03",
                "deceasedDateTime": "1984-02-29",
            }),
            "/deceased",
        ),
        (json!([]), "/resourceType"),
        (json!({ "resourceType": "Patient", "name": [{ "use": "old", "text": "Ida" }] }), "/name"),
    ] {
        let refused = imported(&resource).unwrap_err();
        let problem = format!("{refused:?}");
        assert!(problem.contains(&format!("\"{pointer}\"")), "{resource}: {problem}");
    }
}

#[test]
fn of_several_entries_the_best_one_is_taken() {
    let number = |system: Value, value: &str, purpose: &str| {
        let kind = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
        json!({ "type": kind, "use": purpose, "system": system, "value": value })
    };
    let resource = json!({
        "resourceType": "Patient",
        "name": [
            { "use": "maiden", "family": "Muster" },
            { "family": "Past", "period": { "end": "2034-11-13" } },
            { "use": "usual", "family": "Example" },
        ],
        "identifier": [
            number(json!("urn:mrn"), "A-1", "old"), number(json!("urn:mrn"), "A-2", "usual"),
            { "system": "urn:card", "value": "1", "period": { "end": "2033" } },
            { "system": "urn:card", "value": "2", "period": { "end": "2034" } },
        ],
        "telecom": [
            { "system": "email", "value": "old@example.org", "use": "old" },
            { "system": "email", "value": "ida@example.org", "use": "home" },
            { "system": "phone", "value": "+41445551230", "use": "old" },
            { "system": "phone", "value": "+41445551232", "rank": 2 },
            { "system": "phone", "value": "+41445551231", "rank": 1 },
        ],
        "address": [{ "use": "old", "city": "Bern" }, { "use": "home", "city": "Basel" }],
    });
    let Imported { details, mut not_held } = imported(&resource).unwrap();
    assert_eq!(
        serde_json::to_value(details).unwrap(),
        json!({
            "mrn": "A-2",
            "name": { "family": "Example" },
            "phones": [
                { "value": "+41445551231" }, { "value": "+41445551232" },
                { "value": "+41445551230", "use": "old" },
            ],
            "email": "ida@example.org",
            "address": { "city": "Basel" },
            "identifiers": [
                { "system": "urn:mrn", "value": "A-2" }, { "system": "urn:card", "value": "2" },
            ],
            "active": true,
        })
    );
    not_held.sort();
    let expected = [
        "/address/0",
        "/address/1/use",
        "/identifier/0",
        "/identifier/2",
        "/identifier/3/period",
        "/name/0",
        "/name/1",
        "/name/2/use",
        "/telecom/0",
        "/telecom/1/use",
    ];
    assert_eq!(not_held, expected);
}

#[test]
fn a_resource_that_was_replaced_is_an_inactive_patient() {
    for (kind, active) in [("replaced-by", false), ("seealso", true)] {
        let link = json!([{ "other": { "reference": "Patient/2" }, "type": kind }]);
        let resource = json!({ "resourceType": "Patient", "active": true, "name": [{ "text": "Ida" }], "link": link });
        let imported = imported(&resource).unwrap();
        assert_eq!(
            (imported.details.active, imported.not_held),
            (active, vec!["/link".to_owned()])
        );
    }
}

#[test]
fn what_can_change_the_meaning_is_never_left_out() {
    let resource = json!({
        "resourceType": "Patient", "name": [{ "text": "Ida" }], "implicitRules": "urn:a",
        "contact": [{ "name": { "text": "Ada" }, "modifierExtension": [{ "url": "urn:b" }] }],
        "modifierExtension": [],
    });
    let problem = format!("{:?}", imported(&resource).unwrap_err());
    for pointer in ["\"/implicitRules\"", "\"/contact/0/modifierExtension\""] {
        assert!(problem.contains(pointer), "{problem}");
    }
    assert!(!problem.contains("\"/modifierExtension\""), "{problem}");
    let bundle = imported(&json!({ "resourceType": "Bundle", "entry": [] })).unwrap_err();
    let problem = format!("{bundle:?}");
    assert!(problem.contains("write each patient of the Bundle on a line of its own"), "{problem}");
}
