//! What scaling costs, on paper: `docs/scaling.md` is computed anew out of what requests take, and what it says of reads is
//! measured.

use std::collections::BTreeMap;

use clinic_api::{
    seed::{Plan, fill},
    store::attributes::item_bytes,
};
use regex::Regex;

use crate::support::{NOW, TestApp, app::external_endpoint};

/// What AWS bills each item besides its own bytes, in the table and in an index.
const OVERHEAD: usize = 100;

/// The rows of a table of the page, by the first cell of its head.
fn rows(first_cell: &str) -> Vec<Vec<String>> {
    let page = std::fs::read_to_string("docs/scaling.md").unwrap();
    let head = format!("| {first_cell} |");
    let lines = page.lines().skip_while(|line| !line.starts_with(&head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|it| it.trim().to_owned()).collect();
    let rows: Vec<_> = rows.map(cells).collect();
    assert!(!rows.is_empty(), "{first_cell}");
    rows
}

/// As `1,050` or `**0.5**`.
fn number(cell: &str) -> f64 {
    cell.replace([',', '*', '$'], "").trim().parse().unwrap_or_else(|_| panic!("{cell}"))
}

/// Read and write units of a request, as the page of access patterns has them: the first number of each, and 1 for the index.
fn units(request: &str) -> (f64, f64) {
    let page = std::fs::read_to_string("docs/access-patterns.md").unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| {request} |")));
    let row = row.unwrap_or_else(|| panic!("access-patterns.md has no {request}"));
    let capacity = row.trim_matches('|').rsplit('|').next().unwrap();
    let first = |pattern: &str| Regex::new(pattern).unwrap().captures(capacity);
    let read = first(r"([\d.]+) RCU").map_or(0.0, |found| number(&found[1]));
    let write = first(r"([\d.]+) WCU( \+ index)?");
    let write = write.map_or(0.0, |found| number(&found[1]) + f64::from(found.get(2).is_some()));
    (read, write)
}

/// Read and write units of a clinic in a month, added up.
fn of_clinic() -> (f64, f64) {
    let mut sum = (0.0, 0.0);
    for row in rows("of one clinic in a month") {
        let (read, write) = (number(&row[2]), number(&row[3]));
        if row[0] == "**all**" {
            assert_eq!((read, write), sum, "{row:?}");
            return sum;
        }
        let often = number(&row[1]);
        if !row[4].is_empty() {
            assert_eq!((read, write), units(&row[4]), "{row:?}");
        }
        sum = (sum.0 + often * read, sum.1 + often * write);
    }
    panic!("no sum");
}

#[test]
fn the_costs_on_paper_follow_from_what_requests_take() {
    let prices: BTreeMap<String, f64> =
        rows("price").into_iter().map(|row| (row[0].clone(), number(&row[1]))).collect();
    let (read, write) = of_clinic();
    let beside: Vec<_> = rows("beside the clinics, in a month");
    let beside = |cell: usize| beside.iter().map(|row| number(&row[cell])).sum::<f64>();
    let stored: f64 = rows("stored of one clinic").iter().map(|row| number(&row[3])).sum();
    for row in rows("clinics") {
        let clinics = number(&row[0]);
        let reads = (clinics * read + beside(1)) / 1e6;
        let writes = (clinics * write + beside(2)) / 1e6;
        let gigabytes = clinics * stored / 1e3;
        let dollars = [
            reads * prices["a million read request units"],
            writes * prices["a million write request units"],
            gigabytes * prices["a GB of table or index, a month"],
            gigabytes * prices["a GB of point-in-time recovery, a month"],
        ];
        let expected = [reads, writes, gigabytes].into_iter().chain(dollars);
        let expected = expected.chain([dollars.iter().sum()]);
        for (cell, expected) in row[1..].iter().zip(expected) {
            let (written, digits) = (number(cell), cell.split('.').nth(1).map_or(0, str::len));
            let unit = 10_f64.powi(-i32::try_from(digits).unwrap());
            assert!((written - expected).abs() <= unit * 0.51, "{cell} is {expected}: {row:?}");
        }
    }
}

/// The clinic of the page: 5 staff members with 10 visits a workday each.
#[tokio::test]
async fn what_a_front_desk_reads_takes_what_the_page_says() {
    let app = TestApp::spawn().await;
    let plan = Plan {
        org: "ORG-DEMO".parse().unwrap(),
        clinics: 1,
        staff: 5,
        patients: 250,
        appointments: 1050,
        today: NOW[..10].parse().unwrap(),
        seed: 1,
    };
    fill(&app.store, &plan, 4, |_| {}).await.unwrap();
    let made = plan.clinic(0).unwrap();
    let clinic = format!("/v1/clinics/{}", made.clinic.value.id);
    let patient = made.appointments[500].value.patient_id.clone().unwrap();
    let paths = BTreeMap::from([
        ("a clinic's day", format!("{clinic}/day/2035-01-17")),
        (
            "free times of a week",
            format!("{clinic}/availability?duration_minutes=30&from=2035-01-17&to=2035-01-23"),
        ),
        ("a patient's appointments", format!("/v1/patients/{patient}/appointments")),
    ]);
    let mut wrong = Vec::new();
    let of_month = rows("of one clinic in a month");
    for (name, path) in paths {
        // The clinic's time zone is read once an hour.
        app.get(&path).send().await.expect(200);
        app.settle().await;
        app.wire.forget();
        app.get(&path).send().await.expect(200);
        app.settle().await;
        let taken: f64 = app.wire.take_calls().iter().map(|call| call.capacity).sum();
        let row = of_month.iter().find(|row| row[0].starts_with(name)).unwrap();
        // DynamoDB Local counts the index differently.
        if external_endpoint().is_none() {
            wrong.extend(
                ((number(&row[2]) - taken).abs() > 0.01)
                    .then(|| format!("{name} takes {taken}: {row:?}")),
            );
        }
    }
    let mut sizes: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for item in app.all_items().await {
        let size = sizes.entry(item["type"].as_s().unwrap().clone()).or_default();
        *size = (size.0 + 1, size.1 + u32::try_from(item_bytes(&item) + OVERHEAD).unwrap());
    }
    for row in rows("stored of one clinic") {
        assert!(
            (number(&row[1]) * number(&row[2]) / 1e6 - number(&row[3])).abs() < 0.51,
            "{row:?}"
        );
        let Some((many, bytes)) = sizes.get(row[4].as_str()) else { continue };
        // The mean, which moves a little with what is made up.
        let (written, mean) = (number(&row[2]), f64::from(*bytes) / f64::from(*many));
        let fits = (written / mean - 1.0).abs() < 0.05;
        wrong.extend((!fits).then(|| format!("a {} takes {mean} bytes: {row:?}", row[4])));
    }
    assert_eq!(wrong, [] as [String; 0]);
}
