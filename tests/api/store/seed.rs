//! Seeding: sample data is stored as if the API had written it, however often the command runs.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    appointments::{
        model::{Appointment, Status},
        repo::verify::verify,
    },
    seed::{Filled, MadeUpClinic, Plan, fill},
    store::{Item, StoreError},
};
use jiff::civil::date;
use serde_json::{Value, json};

use crate::support::{
    Fault, NOW, TestApp,
    builder::search_of_tests,
    process::{RemoteTable, program, text},
    search::is_search_item,
};

/// Three clinics. The last one is in Los Angeles, where afternoons cross UTC midnight.
fn plan() -> Plan {
    Plan {
        org: "ORG-DEMO".parse().unwrap(),
        clinics: 3,
        staff: 3,
        patients: 7,
        appointments: 100,
        today: NOW[..10].parse().unwrap(),
        seed: 3,
    }
}

async fn seeded(app: &TestApp, plan: &Plan) -> Filled {
    fill(&app.store, &search_of_tests(), plan, 4, |_| {}).await.unwrap()
}

/// The number of occupying appointments; there must be no mismatch.
async fn verified(app: &TestApp) -> u64 {
    let found = verify(&app.store, date(2034, 1, 1), 1e6, async |_| Ok(0)).await.unwrap();
    assert_eq!(found.mismatches().map(|(_, mismatch)| mismatch).collect::<Vec<_>>(), []);
    found.appointments
}

fn occupying(clinic: &MadeUpClinic) -> u64 {
    let occupying = clinic.appointments.iter().filter(|it| it.value.status.is_occupying());
    occupying.count().try_into().unwrap()
}

#[tokio::test]
async fn what_is_made_up_is_served_and_its_time_is_taken() {
    let app = TestApp::spawn().await;
    let plan = plan();
    let filled = seeded(&app, &plan).await;
    assert_eq!((filled.clinics, filled.there, filled.appointments), (3, 0, 300));
    let made: Vec<_> =
        (0..3).map(|number| plan.clinic(number, &search_of_tests()).unwrap()).collect();
    assert_eq!(verified(&app).await, made.iter().map(occupying).sum::<u64>());
    let appointments = made.iter().flat_map(|clinic| &clinic.appointments);
    let statuses: BTreeSet<_> = appointments.map(|it| it.value.status.to_string()).collect();
    for status in ["scheduled", "confirmed", "completed", "cancelled", "no_show"] {
        assert!(statuses.contains(status), "{status}: {statuses:?}");
    }

    let clinics = app.get("/v1/clinics").send().await.expect(200);
    assert_eq!(clinics.json()["items"].as_array().unwrap().len(), 3);
    for clinic in &made {
        book_over(&app, clinic).await;
    }
    let more = u64::try_from(made.len()).unwrap();
    assert_eq!(verified(&app).await, made.iter().map(occupying).sum::<u64>() + more);
}

/// Occupied slots are refused, and those of cancelled appointments are free.
async fn book_over(app: &TestApp, made: &MadeUpClinic) {
    let path = format!("/v1/clinics/{}", made.clinic.value.id);
    let taken = to_come(made, Status::Scheduled);
    let shown = app.get(&format!("{path}/appointments/{}", taken.id)).send().await.expect(200);
    assert_eq!(shown.json()["staff_id"], json!(taken.staff_id));
    let day = app.get(&format!("{path}/day/{}", taken.date)).send().await.expect(200);
    assert!(day.json().to_string().contains(taken.id.as_str()));
    let refused = app.post(&format!("{path}/appointments")).json(&same_time(made, taken));
    refused.send().await.problem(409, "staff_busy");
    let cancelled = to_come(made, Status::Cancelled);
    let booked = app.post(&format!("{path}/appointments")).json(&same_time(made, cancelled));
    booked.send().await.expect(201);
}

fn to_come(made: &MadeUpClinic, status: Status) -> &Appointment {
    let (now, of_clinic) = (NOW.parse().unwrap(), made.appointments.iter());
    let mut found = of_clinic.filter(|it| it.value.status == status && it.value.start > now);
    &found.next().unwrap().value
}

/// A booking of the same time and staff member, for a patient who is free then.
fn same_time(made: &MadeUpClinic, appointment: &Appointment) -> Value {
    let then = made.appointments.iter().filter(|it| it.value.start == appointment.start);
    let busy: Vec<_> = then.filter_map(|it| it.value.patient_id.as_ref()).collect();
    let free = made.patients.iter().find(|patient| !busy.contains(&&patient.value.id)).unwrap();
    json!({
        "staff_id": appointment.staff_id,
        "patient_id": free.value.id,
        "start": appointment.start,
        "duration_minutes": 15,
    })
}

/// Items by their keys.
async fn items(app: &TestApp) -> BTreeMap<(String, String), Item> {
    let key = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
    let mut items = app.all_items().await;
    // What is encrypted differs each time.
    items.iter_mut().filter(|item| is_search_item(item)).for_each(|item| drop(item.remove("e")));
    items.into_iter().map(|it| ((key(&it, "PK"), key(&it, "SK")), it)).collect()
}

#[tokio::test]
async fn a_run_that_was_cut_short_is_completed_by_another() {
    let whole = TestApp::spawn().await;
    let plan = Plan { clinics: 2, ..plan() };
    let filled = seeded(&whole, &plan).await;
    let expected = items(&whole).await;
    assert_eq!(expected.len() as u64, filled.items, "no item is written twice");
    let calls = whole.wire.take_calls();
    let calls = calls.iter().filter(|call| call.operation == "BatchWriteItem").count();

    let app = TestApp::spawn().await;
    for cut in [0, 1, calls / 4, calls / 2] {
        app.wire.disturb_later(cut, "BatchWriteItem", Fault::Unforeseen);
        let ended = fill(&app.store, &search_of_tests(), &plan, 3, |_| {}).await;
        assert!(ended.as_ref().is_err_and(anyhow::Error::is::<StoreError>), "{cut}: {ended:?}");
        app.wire.calm();
    }
    let other = Plan { seed: 2, ..plan.clone() };
    let refused =
        fill(&app.store, &search_of_tests(), &other, 3, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("nothing was written"), "{refused}");
    seeded(&app, &plan).await;
    assert_eq!(items(&app).await, expected);

    let again = seeded(&app, &plan).await;
    assert_eq!(again, Filled { there: 2, ..Filled::default() });
    let more = seeded(&app, &Plan { clinics: 3, ..plan }).await;
    assert_eq!((more.clinics, more.there), (1, 2));
    verified(&app).await;
}

#[tokio::test]
async fn how_much_of_a_clinic_is_written_is_told_by_its_items() {
    let app = TestApp::spawn().await;
    let plan = Plan { clinics: 2, ..plan() };
    let mut told = Vec::new();
    let filled =
        fill(&app.store, &search_of_tests(), &plan, 1, |filled| told.push(filled)).await.unwrap();
    assert_eq!(told.last(), Some(&filled));
    let far = |it: &Filled| (it.clinics, it.of_next);
    assert!(told.is_sorted_by_key(far), "{told:?}");
    let all: u64 = told.iter().rfind(|it| it.clinics == 0).unwrap().items;
    let first = told.iter().filter(|it| it.clinics == 0);
    for (at, of_next) in first.map(|it| (it.items, it.of_next)) {
        assert_eq!(u64::from(of_next), at * 1000 / all, "{at} of {all} items");
    }
    assert_eq!(far(&filled), (2, 0));
}

#[tokio::test]
async fn what_dynamodb_leaves_or_refuses_for_its_rate_is_written_again() {
    let app = TestApp::spawn().await;
    let plan = Plan { clinics: 1, ..plan() };
    app.wire.disturb_times(4, "BatchWriteItem", Fault::None);
    app.wire.disturb_times(3, "BatchWriteItem", Fault::Unprocessed);
    // As often as the SDK retries, and once more.
    app.wire.disturb_times(4, "BatchWriteItem", Fault::Throttled);
    app.wire.disturb("BatchWriteItem", Fault::LostReply);
    let filled = fill(&app.store, &search_of_tests(), &plan, 1, |_| {}).await.unwrap();
    assert_eq!(app.wire.waiting(), 0);
    assert_eq!(items(&app).await.len() as u64, filled.items);
    assert_eq!(verified(&app).await, occupying(&plan.clinic(0, &search_of_tests()).unwrap()));
}

/// The attributes of an item of each type, as the API writes them.
#[tokio::test]
async fn items_have_the_attributes_that_the_api_gives_them() {
    let app = TestApp::spawn().await;
    let of_api = app.ready_clinic().await;
    app.booked(&of_api, "2035-01-16T09:00:00Z").await;
    let names = |items: &BTreeMap<_, Item>, kind: &str| -> BTreeSet<String> {
        let of_kind = items.values().filter(|item| item["type"].as_s().unwrap() == kind);
        of_kind.flat_map(|item| item.keys().cloned()).collect()
    };
    let by_api = items(&app).await;
    let made = TestApp::spawn().await;
    seeded(&made, &plan()).await;
    let by_seed = items(&made).await;
    for kind in ["clinic", "staff", "patient", "appointment", "day_sheet"] {
        let missing: Vec<_> =
            names(&by_api, kind).difference(&names(&by_seed, kind)).cloned().collect();
        assert_eq!(missing, [] as [String; 0], "{kind}");
    }
    let revisions = by_seed.values().filter(|item| item["type"].as_s().unwrap() == "day_sheet");
    for sheet in revisions {
        let AttributeValue::M(entries) = &sheet["entries"] else { panic!("{sheet:?}") };
        let rev: usize = sheet["rev"].as_n().unwrap().parse().unwrap();
        assert!(rev >= entries.len(), "each entry took a write: {sheet:?}");
    }
}

#[test]
fn what_can_not_be_made_up_is_refused() {
    let check = |plan: Plan| plan.check().map_err(|error| error.to_string());
    assert_eq!(check(plan()), Ok(()));
    for (impossible, why) in [
        (Plan { staff: 0, ..plan() }, "at least one staff member"),
        (Plan { patients: 2, ..plan() }, "at least as many patients"),
        (
            Plan { appointments: 20_000, ..plan() },
            "20000 appointments per clinic need 667 workdays",
        ),
    ] {
        let refused = check(impossible).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(check(Plan { appointments: 12_000, ..plan() }), Ok(()));
    let ids = |plan: &Plan| (0..2).map(|number| plan.clinic_id(number)).collect::<Vec<_>>();
    assert_eq!(ids(&plan()), ids(&Plan { clinics: 9, ..plan() }));
    assert_ne!(ids(&plan()), ids(&Plan { seed: 9, ..plan() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_seeds_a_table_once() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let run = |arguments: &[&str]| {
        table.program(folder.path()).arg("table").args(arguments).output().unwrap()
    };
    let size = ["--clinics=3", "--staff=3", "--patients=7", "--appointments=40"];
    let seed = |more: &[&str]| run(&[&["seed", "--today=2035-01-15"], &size[..], more].concat());
    let made = seed(&[]);
    assert!(made.status.success(), "{}", text(&made));
    assert!(text(&made).contains("3 clinics, 120 appointments"), "{}", text(&made));
    let verified = run(&["verify", "--from=2034-01-01", "--rate=100000"]);
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(text(&verified).contains(" 0 mismatches"), "{}", text(&verified));
    // Every item has a known type, and is stored in its current form.
    let outdated = run(&["backfill", "--dry-run", "--rate=100000"]);
    assert!(text(&outdated).contains(": 0 would be rewritten, 0 failed"), "{}", text(&outdated));
    let again = seed(&[]);
    assert!(again.status.success(), "{}", text(&again));
    assert!(text(&again).contains("all 3 clinics of ORG-DEMO already exist"), "{}", text(&again));
    let other = seed(&["--seed=2"]);
    assert!(!other.status.success());
    assert!(text(&other).contains("nothing was written"), "{}", text(&other));
    let elsewhere = seed(&["--seed=2", "--org=ORG-OTHER", "--clinics=1"]);
    assert!(!elsewhere.status.success(), "a flag stands twice");
}

#[test]
fn made_up_data_come_to_no_table_elsewhere_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut seed = program(folder.path());
        seed.args(["table", "seed"]).args(arguments).envs(variables.iter().copied());
        let output = seed.output().unwrap();
        assert!(!output.status.success(), "{}", text(&output));
        text(&output)
    };
    let region = ("AWS_REGION", "eu-central-1");
    let local = ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9");
    let dynamodb = ["--store=dynamodb", "--table=prod"];
    for variables in [
        &[region][..],
        &[region, ("AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb.test:8000")],
        &[region, local, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
    ] {
        let told = run(&dynamodb, variables);
        assert!(told.contains("--confirm-table prod"), "{variables:?}: {told}");
        let other = [&dynamodb[..], &["--confirm-table=test"]].concat();
        assert!(run(&other, variables).contains("--confirm-table prod"));
    }
    assert!(run(&["--store=memory"], &[]).contains("would be lost"));
    assert!(run(&["--appointments=500000"], &[]).contains("fewer appointments"));
    assert!(!folder.path().join("data").exists(), "nothing was opened");
}
