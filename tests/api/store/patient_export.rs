//! `clinic-api patients export`: what is exported can be imported again, and every exported patient is in the access log.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
};

use clinic_api::{
    audit::model::AccessRequest,
    cli::patients::{
        export::{Export, Exported},
        fault::Problem,
        import::{Import, Tally},
        lines::Source,
    },
    config::ExportFormat,
    http::body::from_value,
    id::{PatientId, random_token},
    records::patients::{
        model::{Patient, PatientDetails, PatientRecord},
        repo,
    },
    store::{Entity, WriteContext, bulk::BATCH},
    time::Clock as _,
};
use jiff::SignedDuration;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    routes::patient_model::generated::patient,
    support::{
        TestApp,
        builder::search_of_tests,
        process::{RemoteTable, text},
        write_context,
    },
};

fn export(app: &TestApp, format: ExportFormat) -> Export<'_> {
    let (org, subject) = (app.org.clone(), "anna".to_owned());
    Export { store: &app.store, clock: &*app.clock, org, subject, format, rate: 1e6 }
}

async fn create(app: &TestApp, details: PatientDetails) {
    let context = WriteContext::internal(app.org.clone(), "test", random_token(), app.clock.now());
    repo::create(&app.store, &search_of_tests(), &context, details).await.unwrap();
}

/// Imports a file with this content. Every line must be valid.
async fn import(app: &TestApp, content: &[u8]) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.ndjson");
    fs::write(&path, content).unwrap();
    let source = Source::open(&path).unwrap();
    let import = Import {
        store: &app.store,
        search: &search_of_tests(),
        clock: &*app.clock,
        org: app.org.clone(),
        subject: "anna".to_owned(),
        rate: 1e6,
        dry_run: false,
        ignore_unsupported: false,
    };
    let valid = |tally: Tally, problems: Vec<Problem>| {
        // Generated patients may be possible duplicates.
        anyhow::ensure!(tally.invalid == 0, "{problems:?}");
        Ok(())
    };
    import.run(source.lines, valid).await.unwrap()
}

async fn all_details(app: &TestApp) -> Vec<Value> {
    let patients = app.records_of::<Patient>().await.into_iter();
    let mut all: Vec<_> =
        patients.map(|it| serde_json::to_value(&it.value.record.details).unwrap()).collect();
    all.sort_by_key(ToString::to_string);
    all
}

/// Identifiers must differ between patients.
fn distinct(mut patients: Vec<Value>) -> Vec<PatientDetails> {
    for (number, patient) in patients.iter_mut().enumerate() {
        if let Some(mrn) = patient.get_mut("mrn") {
            *mrn = json!(format!("A-{number}"));
        }
        let identifiers = patient.get_mut("identifiers").and_then(Value::as_array_mut);
        for (at, identifier) in identifiers.into_iter().flatten().enumerate() {
            identifier["value"] = json!(format!("{number}-{at}"));
        }
    }
    patients.iter().map(|json| from_value(json).unwrap_or_else(|it| panic!("{it:?}"))).collect()
}

#[test]
fn what_is_exported_can_be_imported_into_an_empty_table() {
    let runtime = Runtime::new().unwrap();
    let cases = ProptestConfig { cases: 12, ..ProptestConfig::default() };
    let formats = prop::sample::select(vec![ExportFormat::Ndjson, ExportFormat::Fhir]);
    let patients = prop::collection::vec(patient(), 1..5);
    let round_trip = async |format, patients: Vec<PatientDetails>| {
        let (from, to) = (TestApp::spawn().await, TestApp::spawn().await);
        // Generated patients died until 2039.
        from.clock.advance(SignedDuration::from_hours(24 * 365 * 5));
        to.clock.advance(SignedDuration::from_hours(24 * 365 * 5));
        let count = patients.len() as u64;
        for details in patients {
            create(&from, details).await;
        }
        let mut out = Vec::new();
        let exported = export(&from, format).run(&mut out, |_, _| {}).await.unwrap();
        let imported = import(&to, &out).await;
        let counts = (exported.patients, exported.failed, imported.created);
        to.check_search().await;
        (counts == (count, 0, count), all_details(&from).await, all_details(&to).await)
    };
    TestRunner::new(cases)
        .run(&(formats, patients), |(format, patients)| {
            let (counts_fit, from, to) = runtime.block_on(round_trip(format, distinct(patients)));
            prop_assert!(counts_fit);
            prop_assert_eq!(from, to);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn every_exported_patient_is_recorded_and_no_other_organisation_is_read() {
    const PATIENTS: usize = 1_001;
    let app = TestApp::spawn().await;
    let mut items = Vec::new();
    for number in 0..PATIENTS {
        let details = PatientDetails::named(format!("Ida {number}"));
        let record = PatientRecord { id: PatientId::random(), details };
        let patient = Patient::new(record);
        items.push(Entity::new(patient, &write_context("request-1")).to_item().unwrap());
    }
    for batch in items.chunks(BATCH) {
        app.store.put_batch(batch.to_vec()).await.unwrap();
    }
    app.in_org("ORG-OTHER").patient().await;
    let mut out = Vec::new();
    let exported = export(&app, ExportFormat::Fhir).run(&mut out, |_, _| {}).await.unwrap();
    assert_eq!((exported.patients, exported.failed), (PATIENTS as u64, 0));
    assert!(exported.examined > PATIENTS as u64);
    let lines = std::str::from_utf8(&out).unwrap().lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut written: Vec<_> = lines.map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    let requests = app.records_of::<AccessRequest>().await;
    let requests: Vec<_> =
        requests.iter().filter(|it| it.value.operation == "export_patients").collect();
    let mut sizes: Vec<_> = requests.iter().map(|it| it.value.patient_ids.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1_000]);
    assert!(requests.iter().all(|it| it.value.subject == "anna" && it.meta.org == app.org));
    let recorded = requests.iter().flat_map(|it| &it.value.patient_ids);
    let mut recorded: Vec<_> = recorded.map(ToString::to_string).collect();
    written.sort();
    recorded.sort();
    assert_eq!(written, recorded);
}

#[tokio::test]
async fn fhir_resources_link_merged_patients() {
    let app = TestApp::spawn().await;
    let (merged, survivor) = (app.patient().await, app.patient().await);
    let (merged, survivor): (PatientId, PatientId) =
        (merged.parse().unwrap(), survivor.parse().unwrap());
    let context = WriteContext::internal(app.org.clone(), "test", random_token(), app.clock.now());
    repo::merge(&app.store, &search_of_tests(), &context, &merged, &survivor).await.unwrap();
    let mut out = Vec::new();
    export(&app, ExportFormat::Fhir).run(&mut out, |_, _| {}).await.unwrap();
    let lines = std::str::from_utf8(&out).unwrap().lines();
    let mut links: Vec<_> = lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|it| (it["id"].as_str().unwrap().to_owned(), it["active"].clone(), it["link"].clone()))
        .collect();
    let link = |kind, other: &PatientId| json!([{ "other": { "reference": format!("Patient/{other}") }, "type": kind }]);
    let mut expected = vec![
        (merged.to_string(), json!(false), link("replaced-by", &survivor)),
        (survivor.to_string(), json!(true), link("replaces", &merged)),
    ];
    links.sort_by_key(|(id, ..)| id.clone());
    expected.sort_by_key(|(id, ..)| id.clone());
    assert_eq!(links, expected);
}

/// An output that checks that the access was recorded before.
struct AfterTheRecord<'a> {
    app: &'a TestApp,
    recorded: usize,
    lines: Vec<u8>,
}

impl Write for AfterTheRecord<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.recorded += self.app.wire.take_accesses().len();
        assert_eq!(self.recorded, 1, "one request for all patients");
        self.lines.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_is_exported_before_it_is_recorded() {
    let app = TestApp::spawn().await;
    app.patient().await;
    let mut out = AfterTheRecord { app: &app, recorded: 0, lines: Vec::new() };
    let exported = export(&app, ExportFormat::Ndjson).run(&mut out, |_, _| {}).await.unwrap();
    assert_eq!(exported, Exported { examined: exported.examined, patients: 1, failed: 0 });
    assert_eq!(out.lines, b"{\"name\":{\"text\":\"Ida Example\"},\"active\":true}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_writes_to_a_new_file_of_its_owner_or_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let run = |arguments: &[&str]| {
        table.program(folder.path()).arg("patients").args(arguments).output().unwrap()
    };
    fs::write(folder.path().join("all.ndjson"), "{\"name\":\"Ida Example\"}\n").unwrap();
    let imported = run(&["import", "all.ndjson", "--org=ORG-DEMO", "--new-org"]);
    assert!(imported.status.success(), "{}", text(&imported));
    let export = ["export", "--org=ORG-DEMO", "--rate=100000"];
    let printed = run(&export);
    assert!(printed.status.success(), "{}", text(&printed));
    let line = b"{\"name\":{\"text\":\"Ida Example\"},\"active\":true}\n";
    assert_eq!(printed.stdout, line);
    // An export that was killed left a file that others could read.
    let partial = folder.path().join("out.ndjson.partial");
    fs::write(&partial, "old").unwrap();
    let to_file = [&export[..], &["--output=out.ndjson"]].concat();
    let written = run(&to_file);
    assert!(written.status.success() && written.stdout.is_empty(), "{}", text(&written));
    assert!(text(&written).contains("ORG-DEMO: 1 patients exported, 0 failed"));
    let file = folder.path().join("out.ndjson");
    assert_eq!(fs::read(&file).unwrap(), line);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!partial.exists());
    let again = run(&to_file);
    assert!(!again.status.success());
    assert!(text(&again).contains("out.ndjson can't be created: entity already exists"));
    let other = run(&["export", "--org=ORG-OTHER", "--rate=100000", "--output=other.ndjson"]);
    assert_eq!(other.status.code(), Some(1), "{}", text(&other));
    assert!(text(&other).contains("nothing was exported: check --org"), "{}", text(&other));
    let mut names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(names.all(|name| !name.to_string_lossy().starts_with("other.ndjson")));
}
