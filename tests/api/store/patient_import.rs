//! `clinic-api patients import`: every valid line becomes one patient, however often the command runs, and no report quotes the
//! file.

use std::{
    fs, io,
    path::Path,
    process::{Command, Output, Stdio},
};

use clinic_api::{
    records::patients::model::Patient,
    store::{Entity, Item, codec::is_of_type},
};
use serde_json::{Value, json};

use crate::support::{
    process::{RemoteTable, text},
    wait::eventually,
};

/// A table, and a folder for files.
struct Site {
    table: RemoteTable,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let (table, folder) = (RemoteTable::missing().await, tempfile::tempdir().unwrap());
        table.create(folder.path());
        Self { table, folder }
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path().join(name), content).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn import(&self, arguments: &[&str]) -> Output {
        let mut command = self.table.program(self.path());
        let fixed = ["patients", "import", "--org=ORG-DEMO", "--new-org", "--rate=100000"];
        command.args(fixed).args(arguments).output().unwrap()
    }

    /// Runs an import. Returns whether it succeeded, and the lines that it printed, without the place in the last one.
    #[track_caller]
    fn reported(&self, arguments: &[&str]) -> (bool, Vec<String>) {
        let output = self.import(arguments);
        let printed = text(&output);
        let lines = printed.lines().map(|line| line.split(" (table ").next().unwrap().to_owned());
        (output.status.success(), lines.collect())
    }

    async fn items(&self) -> Vec<Item> {
        let pages = self.table.client().scan().table_name(&self.table.name).consistent_read(true);
        let mut pages = pages.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.unwrap());
        }
        items
    }

    async fn patients(&self) -> Vec<Entity<Patient>> {
        let items = self.items().await.into_iter().filter(is_of_type::<Patient>);
        items.map(|item| Entity::from_item(item).unwrap()).collect()
    }

    /// The details of all patients, sorted.
    async fn details(&self) -> Vec<Value> {
        let patients = self.patients().await.into_iter();
        let mut all: Vec<_> =
            patients.map(|it| serde_json::to_value(&it.value.record.details).unwrap()).collect();
        all.sort_by_key(|it| format!("{}{}", it["mrn"], it["name"]));
        all
    }
}

fn ndjson(lines: &[Value]) -> String {
    lines.iter().fold(String::new(), |file, line| file + &line.to_string() + "\n")
}

fn patient(number: usize) -> Value {
    json!({ "name": { "family": "Example", "given": [format!("Ida{number}")] }, "birth_date": "1984-02-29" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_reports_every_invalid_line_and_quotes_none() {
    let site = Site::new().await;
    let secret = |number: usize| format!("CANARY{number}");
    let named = |number: usize, member: &str, value: Value| {
        let mut line = json!({ "name": { "family": secret(number) } });
        line[member] = value;
        line
    };
    site.write("old.ndjson", &ndjson(&[named(0, "mrn", json!("CANARY-A"))]));
    assert!(site.import(&["old.ndjson"]).status.success());
    let before = site.items().await.len();

    let lines = [
        named(1, "mrn", json!("CANARY-B")),
        named(2, "birth_date", json!("2999-CANARY")),
        named(3, "birth_date", json!("2999-01-01")),
        named(4, "phones", json!([{ "value": "CANARY" }])),
        named(5, "mrn", json!("CANARY-A")),
        named(6, "mrn", json!("CANARY-B")),
        named(7, "nickname", json!("CANARY")),
        json!(["CANARY"]),
    ];
    site.write("new.ndjson", &(ndjson(&lines) + "{\"name\": CANARY}\n\n{\"name\": \"CANARY9\"}"));
    let (is_valid, printed) = site.reported(&["--dry-run", "new.ndjson"]);
    assert!(!is_valid);
    assert!(printed.iter().all(|line| !line.to_uppercase().contains("CANARY")), "{printed:?}");
    let starts = [
        "line 2: /birth_date must be a date",
        "line 3: /birth_date must not be in the future",
        "line 4: /phones/0/value must",
        "line 5: /mrn is already used by another patient",
        "line 6: /mrn is also in line 1",
        "line 7: /nickname is unknown",
        "line 8: must be an object",
        "line 9: is not valid JSON at column 10",
        "ORG-DEMO: 2 patients would be imported, 0 already imported, 8 lines invalid, 0 possible duplicates",
    ];
    assert_eq!(printed.len(), starts.len(), "{printed:#?}");
    for (line, start) in printed.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}, not {start}");
    }
    assert_eq!(site.items().await.len(), before, "nothing was written");

    let (is_valid, printed) = site.reported(&["new.ndjson"]);
    assert!(!is_valid, "the invalid lines are skipped");
    assert!(printed.iter().all(|line| !line.to_uppercase().contains("CANARY")), "{printed:?}");
    let last =
        "ORG-DEMO: 2 patients imported, 0 already imported, 8 lines invalid, 0 possible duplicates";
    assert_eq!(printed.last().unwrap(), last);
    assert_eq!(site.patients().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_is_completed_by_another_without_a_line_twice() {
    const LINES: usize = 40;
    let site = Site::new().await;
    site.write("all.ndjson", &ndjson(&(0..LINES).map(patient).collect::<Vec<_>>()));
    let mut command = site.table.program(site.path());
    let fixed = ["patients", "import", "--org=ORG-DEMO", "--new-org", "--rate=4"];
    command.args(fixed).arg("all.ndjson");
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("some are imported", async || (site.patients().await.len() > 4).then_some(())).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let done = site.patients().await.len();

    let (is_valid, printed) = site.reported(&["all.ndjson"]);
    let left = LINES - done;
    let summary = format!("{left} patients imported, {done} already imported, 0 lines invalid");
    let summary = format!("ORG-DEMO: {summary}, 0 possible duplicates");
    assert_eq!((is_valid, printed), (true, vec![summary]));
    let mut expected: Vec<_> = (0..LINES).map(patient).collect();
    for patient in &mut expected {
        patient["active"] = json!(true);
    }
    let imported = site.details().await;
    let same = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().all(|it| b.contains(it));
    assert!(same(&imported, &expected), "{imported:?}");
    let (_, printed) = site.reported(&["all.ndjson"]);
    let summary = format!("0 patients imported, {LINES} already imported, 0 lines invalid");
    assert_eq!(printed, [format!("ORG-DEMO: {summary}, 0 possible duplicates")]);
    assert_eq!(site.patients().await.len(), LINES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_known_by_its_content_wherever_it_is() {
    let site = Site::new().await;
    let bad = json!({ "name": { "family": "Example" }, "mrn": "A 1" });
    site.write("all.ndjson", &ndjson(&[patient(1), bad, patient(3), patient(3)]));
    let (is_valid, printed) = site.reported(&["all.ndjson", "--subject=anna"]);
    assert!(!is_valid && printed[0].starts_with("line 2: /mrn "), "{printed:?}");
    let repeated = "is a possible duplicate: another patient has the same name, and the same date of birth or telephone number";
    assert_eq!(printed[1], format!("line 4: {repeated}"));
    let summary =
        "ORG-DEMO: 3 patients imported, 0 already imported, 1 lines invalid, 1 possible duplicates";
    assert_eq!(printed[2..], [summary]);

    // A line is inserted, one corrected, and one that was imported changed.
    let good = json!({ "name": { "family": "Example" }, "mrn": "A-1" });
    let mut changed = patient(1);
    changed["notes"] = json!("changed");
    site.write("other.ndjson", &ndjson(&[patient(0), changed, good, patient(3), patient(3)]));
    let dry = site.reported(&["other.ndjson", "--dry-run"]);
    let summary = |verb: &str| {
        let counts = "2 already imported, 0 lines invalid, 1 possible duplicates";
        vec![
            format!("line 2: {repeated}"),
            format!("ORG-DEMO: 3 patients {verb}imported, {counts}"),
        ]
    };
    assert_eq!(dry, (true, summary("would be ")));
    let written = site.reported(&["other.ndjson", "--subject=anna"]);
    assert_eq!(written, (true, summary("")));
    let patients = site.patients().await;
    assert_eq!(patients.len(), 6);
    assert!(patients.iter().all(|it| it.meta.updated_by == "anna" && it.meta.rev == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_refused_claims_no_identifier() {
    let site = Site::new().await;
    site.write("old.ndjson", &ndjson(&[json!({ "name": "Ida", "mrn": "A-1" })]));
    assert!(site.import(&["old.ndjson"]).status.success());
    let card = json!([{ "system": "urn:card", "value": "1" }]);
    let refused = json!({ "name": "Max", "mrn": "A-1", "identifiers": card });
    let good = json!({ "name": "Ada", "identifiers": card });
    site.write("new.ndjson", &ndjson(&[refused, good.clone(), good]));
    let (_, printed) = site.reported(&["new.ndjson"]);
    assert!(printed[0].starts_with("line 1: /mrn is already used"), "{printed:?}");
    assert_eq!(printed[1], "line 3: /identifiers/0 is also in line 2");
    let summary =
        "ORG-DEMO: 1 patients imported, 0 already imported, 2 lines invalid, 0 possible duplicates";
    assert_eq!(printed[2..], [summary]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_without_a_clinic_is_not_imported_into_by_mistake() {
    let site = Site::new().await;
    site.write("all.ndjson", &ndjson(&[patient(1)]));
    let run = |arguments: &[&str]| {
        let output = site.table.program(site.path()).args(arguments).output().unwrap();
        (output.status.success(), text(&output))
    };
    let import = ["patients", "import", "all.ndjson", "--org=ORG-DEMO"];
    let (succeeded, printed) = run(&import);
    assert!(!succeeded, "{printed}");
    assert!(
        printed.contains("ORG-DEMO has no clinic; if --org is right, add --new-org"),
        "{printed}"
    );
    let seed = ["table", "seed", "--clinics=1", "--staff=1", "--patients=1", "--appointments=1"];
    let confirmed = format!("--confirm-table={}", site.table.name);
    let (succeeded, printed) = run(&[&seed[..], &["--org=ORG-DEMO", &confirmed]].concat());
    assert!(succeeded, "{printed}");
    let (succeeded, printed) = run(&import);
    assert!(succeeded, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_output_is_closed_ends_and_says_how_to_complete_it() {
    let site = Site::new().await;
    site.write("all.ndjson", "{}\n{}\n");
    let mut command = site.table.program(site.path());
    command.args(["patients", "import", "all.ndjson", "--org=ORG-DEMO", "--new-org"]);
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    let printed = text(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("run it again with the same file"), "{printed}");
    assert!(printed.contains("the output can't be written: broken pipe"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_with_more_than_a_patient_holds_is_imported_on_request_only() {
    let site = Site::new().await;
    let resource = json!({
        "resourceType": "Patient", "id": "1", "name": [{ "family": "Example", "given": ["Ida"] }],
        "maritalStatus": { "text": "CANARY" }, "photo": [{ "url": "CANARY" }],
    });
    let other = json!({ "resourceType": "Practitioner", "name": [{ "family": "CANARY" }] });
    site.write("fhir.ndjson", &ndjson(&[resource, other]));
    let (is_valid, printed) = site.reported(&["fhir.ndjson"]);
    assert!(!is_valid && !printed.concat().contains("CANARY"), "{printed:?}");
    assert_eq!(printed.len(), 4, "{printed:?}");
    assert!(printed[0].starts_with("line 1: /maritalStatus is not supported"), "{printed:?}");
    assert!(printed[1].starts_with("line 1: /photo is not supported"), "{printed:?}");
    assert_eq!(printed[2], "line 2: /resourceType must be Patient");
    let (_, printed) = site.reported(&["fhir.ndjson", "--ignore-unsupported"]);
    let last = "ORG-DEMO: 1 patients imported, 0 already imported, 1 lines invalid, 2 members left out, 0 possible duplicates";
    assert_eq!(printed.last().unwrap(), last);
    let expected = json!({ "name": { "family": "Example", "given": ["Ida"] }, "active": true });
    assert_eq!(site.details().await, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_csv_file_are_patients() {
    let site = Site::new().await;
    let header = "mrn,name/family,name/given/0,name/given/1,birth_date,phones/0/value,phones/0/use,active,deceased,notes";
    let rows = [
        "A-1,Example,Ida,,1984-02-29,+41 79 555 12 34,mobile,,,\"one, two\nthree\"",
        "A-2,Example,Max,Emil,1984,,,FALSE,2001-02,",
        ",,,,,,,,,",
        "A-1,CANARY,,,,,,,,",
        "A-4,,CANARY,,,,,perhaps,,",
        "A-5,CANARY",
    ];
    site.write("all.csv", &format!("\u{feff}{header}\n{}\n", rows.join("\n")));
    let (is_valid, printed) = site.reported(&["all.csv"]);
    assert!(!is_valid && !printed.concat().contains("CANARY"), "{printed:?}");
    assert_eq!(printed.len(), 4, "{printed:#?}");
    assert_eq!(printed[0], "line 6: /mrn is also in line 2");
    assert!(printed[1].starts_with("line 7: /active must be a boolean"), "{printed:?}");
    assert_eq!(printed[2], "line 8: has 2 cells, but the header has 10");
    let ida = json!({
        "mrn": "A-1", "name": { "family": "Example", "given": ["Ida"] }, "birth_date": "1984-02-29",
        "phones": [{ "value": "+41795551234", "use": "mobile" }], "notes": "one, two\nthree", "active": true,
    });
    let max = json!({
        "mrn": "A-2", "name": { "family": "Example", "given": ["Max", "Emil"] }, "birth_date": "1984",
        "deceased": "2001-02", "active": false,
    });
    assert_eq!(site.details().await, [ida, max]);

    let gaps = "name/family;phones/2/value;identifiers/1/system;identifiers/1/value\nKeller;CANARY;urn:a;\nKeller;;urn:a;";
    site.write("gaps.csv", gaps);
    let (_, printed) = site.reported(&["gaps.csv"]);
    assert!(printed[0].starts_with("line 2: /identifiers/1"), "{printed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stray_quote_stops_the_import_before_its_first_row() {
    let site = Site::new().await;
    let rows = "Ada,ok\nBea,\"12 Main St\nCid,ok\nDan,5\" nail\n";
    site.write("all.csv", &format!("name/family,notes\n{rows}"));
    for arguments in [&["all.csv"][..], &["all.csv", "--dry-run"]] {
        let output = site.import(arguments);
        let printed = text(&output);
        assert!(!output.status.success(), "{printed}");
        let why = "line 5: a closing quote is followed by text, in a cell that begins in line 3";
        assert!(printed.contains(why), "{printed}");
        assert!(["Bea", "Main", "nail"].iter().all(|content| !printed.contains(content)));
    }
    assert_eq!(site.patients().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_or_store_that_can_not_be_used_is_refused_before_anything_is_written() {
    let site = Site::new().await;
    site.write("all.ndjson", &ndjson(&[patient(1)]));
    site.write("all.json", "[]");
    site.write("names.csv", "Keller,Ida\nA,B\n");
    site.write("empty.csv", "");
    fs::create_dir(site.path().join("folder.ndjson")).unwrap();
    let pipe = Command::new("mkfifo").arg(site.path().join("pipe.csv")).status().unwrap();
    assert!(pipe.success());
    for (arguments, why) in [
        (&["missing.ndjson"][..], "missing.ndjson can't be read: entity not found"),
        (&["all.json"], "must end with .ndjson or .csv"),
        (&["names.csv"], "the name of column 1 is unknown"),
        (&["all.ndjson", "--store=memory"], "the data would be lost"),
        (&["all.ndjson", "--subject=two words"], "visible ASCII"),
        (&["empty.csv"], "the file is empty; its first line names the columns"),
        (&["folder.ndjson"], "folder.ndjson is not a regular file"),
        (&["pipe.csv"], "pipe.csv is not a regular file"),
    ] {
        let output = site.import(arguments);
        assert!(!output.status.success());
        assert!(text(&output).contains(why), "{arguments:?}: {}", text(&output));
        assert!(!text(&output).contains("Keller"));
    }
    assert_eq!(site.patients().await.len(), 0);
}
