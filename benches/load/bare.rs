//! The calls of an endpoint with the SDK alone, in a separate process, so that its CPU time can be measured.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    time::Duration,
};

use aws_config::{BehaviorVersion, stalled_stream_protection::StalledStreamProtectionConfig};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ConditionCheck, KeysAndAttributes, Put, TransactWriteItem, Update},
};
use clinic_api::store::keys;
use tokio::{task::JoinSet, time::Instant};

use super::{
    measured::{micros_of_one, own_cpu},
    site::Site,
};

/// The calls of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// 1 GetItem of a patient.
    GetPatient,
    /// 1 GetItem of an appointment.
    GetAppointment,
    /// 1 Query of 25 items.
    Query,
    /// 1 BatchGetItem of 5 and, in parallel, 2 Query; 1 TransactWriteItems of 6.
    Book,
}

/// The environment variable that makes this program the process with the bare SDK.
const ASKED: &str = "CLINIC_BENCH_CALLS";

/// The parameters of that process.
#[derive(Debug, Clone)]
pub struct Asked {
    calls: Calls,
    at_once: usize,
    length: Duration,
    /// The number of repetitions, in place of a duration.
    times: Option<u32>,
    table: String,
    clinic: String,
    staff: String,
    patient: String,
    /// The sort key of an appointment.
    appointment: String,
    day: String,
    half_full_day: String,
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// The parameters from the environment, if this is that process.
pub fn asked_for() -> Option<Asked> {
    let calls = match std::env::var(ASKED).ok()?.as_str() {
        "GetPatient" => Calls::GetPatient,
        "GetAppointment" => Calls::GetAppointment,
        "Query" => Calls::Query,
        "Book" => Calls::Book,
        other => panic!("no calls: {other}"),
    };
    Some(Asked {
        calls,
        at_once: variable("AT_ONCE").parse().unwrap(),
        length: Duration::from_secs_f64(variable("LENGTH").parse().unwrap()),
        times: std::env::var("TIMES").ok().map(|times| times.parse().unwrap()),
        table: variable("TABLE"),
        clinic: variable("CLINIC"),
        staff: variable("STAFF"),
        patient: variable("PATIENT"),
        appointment: variable("APPOINTMENT"),
        day: variable("DAY"),
        half_full_day: variable("HALF_FULL_DAY"),
    })
}

/// The CPU time per repetition, in microseconds, of a process that makes these calls.
pub async fn cpu_of_one(site: &Site, calls: Calls, at_once: usize, length: Duration) -> f64 {
    let mut command = told(Command::new(std::env::current_exe().unwrap()), site, calls);
    command
        .env("AT_ONCE", at_once.to_string())
        .env("LENGTH", length.as_secs_f64().to_string())
        .stdout(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// This program, with these parameters.
pub fn told(mut program: Command, site: &Site, calls: Calls) -> Command {
    let callers = &site.callers;
    let clinic = callers.clinic.rsplit('/').next().unwrap();
    let id = callers.appointment.parse().unwrap();
    let appointment = keys::first_of_appointment(&clinic.parse().unwrap(), &id).attributes();
    program
        .env(ASKED, format!("{calls:?}"))
        .env("AT_ONCE", "1")
        .env("LENGTH", "0")
        .env("TABLE", &callers.table)
        .env("CLINIC", clinic)
        .env("STAFF", &callers.staff[0])
        .env("PATIENT", &callers.patients[0])
        .env("APPOINTMENT", appointment["SK"].as_s().unwrap())
        .env("DAY", callers.listed_day().to_string())
        .env("HALF_FULL_DAY", callers.half_full_day().to_string())
        .env("AWS_ENDPOINT_URL_DYNAMODB", &callers.endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x");
    if let Ok(library) = std::env::var("CLINIC_BENCH_ALLOCATOR") {
        program.env("LD_PRELOAD", library);
    }
    program
}

/// Makes the calls and prints the CPU time per repetition.
pub async fn run(asked: &Asked) {
    // As in the service.
    let config = aws_config::defaults(BehaviorVersion::latest())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let client = Client::new(&config.load().await);
    if let Some(times) = asked.times {
        for _ in 0..times {
            call(&client, asked).await;
        }
        return;
    }
    call(&client, asked).await;
    let (before, begun) = (own_cpu(), Instant::now());
    let mut running = JoinSet::new();
    for _ in 0..asked.at_once {
        let (client, asked) = (client.clone(), asked.clone());
        running.spawn(async move {
            let mut done = 0_u32;
            while begun.elapsed() < asked.length {
                call(&client, &asked).await;
                done += 1;
            }
            done
        });
    }
    let done: u32 = running.join_all().await.into_iter().sum();
    println!("{:.1}", micros_of_one(before, own_cpu(), f64::from(done)));
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn key(pk: String, sk: String) -> HashMap<String, AttributeValue> {
    [("PK".to_owned(), text(pk)), ("SK".to_owned(), text(sk))].into()
}

async fn get(client: &Client, table: &str, key: HashMap<String, AttributeValue>) {
    let get = client.get_item().table_name(table).set_key(Some(key));
    assert!(get.send().await.unwrap().item.is_some());
}

async fn call(client: &Client, asked: &Asked) {
    let Asked { table, clinic, patient, appointment, day, .. } = asked;
    match asked.calls {
        Calls::GetPatient => {
            get(client, table, key(format!("PATIENT#{patient}"), "META".to_owned())).await;
        }
        Calls::GetAppointment => {
            get(client, table, key(format!("CLINIC#{clinic}"), appointment.clone())).await;
        }
        Calls::Query => {
            let query = client.query().table_name(table).limit(26);
            let query = query
                .key_condition_expression("PK = :pk AND begins_with(SK, :sk)")
                .expression_attribute_values(":pk", text(format!("CLINIC#{clinic}")))
                .expression_attribute_values(":sk", text(format!("APPT#{day}#")));
            assert_eq!(query.send().await.unwrap().count, 25);
        }
        Calls::Book => book(client, asked).await,
    }
}

/// The calls of a booking. It reads the same items, with day sheets of medium size, and writes new items of the same number and
/// about the same size.
async fn book(client: &Client, asked: &Asked) {
    let Asked { table, clinic, staff, patient, day, half_full_day, .. } = asked;
    let id = format!("{:032x}", rand::random::<u128>());
    let people = [
        key(format!("CLINIC#{clinic}"), format!("STAFF#{staff}")),
        key(format!("PATIENT#{patient}"), "META".to_owned()),
    ];
    let sheets = [
        key(format!("DAYS#{clinic}"), format!("{half_full_day}#STAFF#{staff}")),
        key(format!("PATIENT#{patient}"), format!("DAY#{half_full_day}")),
    ];
    let read = [&people[..], &sheets[..], &[key(format!("CLINIC#{clinic}"), "META".to_owned())]];
    let read = KeysAndAttributes::builder().set_keys(Some(read.concat())).consistent_read(true);
    let batch = client.batch_get_item().request_items(table, read.build().unwrap()).send();
    // The exceptions of the clinic and of the staff member.
    let exceptions = |owner: &str| {
        let query = client
            .query()
            .table_name(table)
            .consistent_read(true)
            .key_condition_expression("PK = :pk AND SK BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(format!("DAYS#{clinic}")))
            .expression_attribute_values(":from", text(format!("EXCEPTION#{owner}#{day}")))
            .expression_attribute_values(":to", text(format!("EXCEPTION#{owner}#{day}~")));
        Box::pin(query.send())
    };
    let (batch, of_clinic, of_staff) =
        tokio::join!(batch, exceptions("00000000"), exceptions("ffffffff"));
    assert_eq!(batch.unwrap().responses.unwrap()[table].len(), 5);
    assert_eq!((of_clinic.unwrap().count, of_staff.unwrap().count), (0, 0));
    let mut writes = Vec::new();
    let mut appointment = key(format!("BARE#CLINIC#{clinic}"), format!("APPT#{day}#{id}"));
    appointment.insert("GSI1PK".to_owned(), text(format!("BARE#{id}")));
    appointment.insert("GSI1SK".to_owned(), text(format!("APPT#{day}#{id}")));
    for number in 0..14 {
        appointment.insert(format!("attribute_{number}"), text("a value of an appointment"));
    }
    let new = "attribute_not_exists(PK)";
    let mut link = key(format!("BARE#PATIENT#{patient}"), format!("APPT#{day}#{id}"));
    for number in 0..11 {
        link.insert(format!("attribute_{number}"), text("a value of a link"));
    }
    for item in [appointment, link] {
        let put = Put::builder().table_name(table).set_item(Some(item));
        let put = put.condition_expression(new).build().unwrap();
        writes.push(TransactWriteItem::builder().put(put).build());
    }
    for sheet in [format!("BARE#DAYS#{clinic}"), format!("BARE#PATIENT#{patient}")] {
        let update = update_of_sheet(table, key(sheet, format!("{day}#{id}")));
        writes.push(TransactWriteItem::builder().update(update).build());
    }
    let checks = people.into_iter().map(|person| {
        let check = ConditionCheck::builder().table_name(table).set_key(Some(person));
        let check = check
            .condition_expression("#org = :org AND attribute_not_exists(deleting) AND #a = :a")
            .expression_attribute_names("#org", "org")
            .expression_attribute_names("#a", "active")
            .expression_attribute_values(":org", text("ORG-DEMO"))
            .expression_attribute_values(":a", AttributeValue::Bool(true));
        TransactWriteItem::builder().condition_check(check.build().unwrap()).build()
    });
    writes.extend(checks);
    client.transact_write_items().set_transact_items(Some(writes)).send().await.unwrap();
}

fn update_of_sheet(table: &str, key: HashMap<String, AttributeValue>) -> Update {
    let number = |number: u64| AttributeValue::N(number.to_string());
    let entry = [("start", 1_800_000_000), ("end", 1_800_000_600)];
    let entry = entry.map(|(name, at)| (name.to_owned(), number(at)));
    let mut update = Update::builder()
        .table_name(table)
        .set_key(Some(key))
        .update_expression("SET #a = :a, #b = :b, #c = :c, #d = :d ADD #e :e")
        .condition_expression("attribute_not_exists(#e) AND attribute_not_exists(#f)")
        .expression_attribute_values(":d", AttributeValue::M(entry.into()))
        .expression_attribute_values(":e", number(1));
    for value in [":a", ":b", ":c"] {
        update = update.expression_attribute_values(value, text("2027-03-01T08:00:00Z"));
    }
    let names = ["updated_at", "updated_by", "request_id", "entry", "rev", "deleting"];
    for (name, short) in names.into_iter().zip(["#a", "#b", "#c", "#d", "#e", "#f"]) {
        update = update.expression_attribute_names(short, name);
    }
    update.build().unwrap()
}
