//! The search for patients: cost, latency and quality in an organisation of up to 100,000 patients.
//!
//! `cargo bench --bench patients` writes the patients with the items of the service, then sends searches to the service in this
//! process. The store is the embedded engine on a file, or the engine at `CLINIC_TEST_ENDPOINT`. `CLINIC_BENCH_PATIENTS` sets the
//! sizes, for example `1000,10000`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement is for people to read"
)]

mod names;
mod queries;
mod service;

use std::time::{Duration, Instant};

use names::Person;
use queries::{CASES, Case, defective, matches_of};
use rand::{SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use service::{Answer, Service};

/// The number of searches of each case.
const SEARCHES: usize = 200;
/// The number of searches with a mistake.
const DEFECTIVE: usize = 10_000;

/// What the searches of one case cost.
struct Measured {
    calls: Vec<f64>,
    units: Vec<f64>,
    times: Vec<Duration>,
    found: usize,
    on_first_page: usize,
    more_specific: usize,
}

async fn measure(
    service: &Service,
    people: &[Person],
    case: &Case,
    chance: &mut StdRng,
) -> Measured {
    let mut measured = Measured {
        calls: Vec::new(),
        units: Vec::new(),
        times: Vec::new(),
        found: 0,
        on_first_page: 0,
        more_specific: 0,
    };
    for _ in 0..SEARCHES {
        let person = (case.choose)(people, chance);
        let query = (case.query)(person);
        let began = Instant::now();
        let Answer { calls, units, page } = service.search(&query).await;
        measured.times.push(began.elapsed());
        measured.calls.push(calls);
        measured.units.push(units);
        measured.found += usize::from(!page["items"].as_array().unwrap().is_empty());
        measured.on_first_page += usize::from(shows(&page, person));
        measured.more_specific += usize::from(page["more_specific"] == true);
    }
    measured
}

fn shows(page: &serde_json::Value, person: &Person) -> bool {
    page["items"].as_array().unwrap().iter().any(|item| item["mrn"] == person.mrn)
}

fn tell(case: &Case, mut measured: Measured) {
    measured.times.sort();
    measured.units.sort_by(f64::total_cmp);
    measured.calls.sort_by(f64::total_cmp);
    let middle = SEARCHES / 2;
    println!(
        "  {:<42} calls {} to {}, RCU {} (worst {}), {:.1?} (median), on the first page {} %, more_specific {} %",
        case.name,
        measured.calls[middle],
        measured.calls.last().unwrap(),
        measured.units[middle],
        measured.units.last().unwrap(),
        measured.times[middle],
        measured.on_first_page * 100 / SEARCHES,
        measured.more_specific * 100 / SEARCHES,
    );
}

/// Searches with one mistake in a word of the name, and the year of birth.
async fn quality(service: &Service, people: &[Person], chance: &mut StdRng) {
    let mut missed: Vec<(&str, String)> = Vec::new();
    let mut sent = std::collections::BTreeMap::new();
    for _ in 0..DEFECTIVE {
        let person = people.choose(chance).unwrap();
        let (kind, query) = defective(person, chance);
        *sent.entry(kind).or_insert(0_usize) += 1;
        let answer = service.search(&query).await;
        if !shows(&answer.page, person) {
            missed.push((kind, format!("{query:?} for {} {}", person.given, person.family)));
        }
    }
    for (kind, sent) in sent {
        let of_kind = missed.iter().filter(|(missed, _)| *missed == kind).count();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let found = (sent - of_kind) as f64 * 100.0 / sent as f64;
        println!("  {kind:<42} {found:.2} % of {sent} on the first page");
    }
    for (kind, query) in missed.iter().take(10) {
        println!("    missed ({kind}): {query}");
    }
}

/// Beginnings of names with at most 1,000 matches: whether all matches are found, and the wanted one with its year of birth.
async fn beginnings(service: &Service, people: &[Person], chance: &mut StdRng) {
    let (mut complete, mut with_year, mut tried) = (0, 0, 0);
    while tried < SEARCHES {
        let person = people.choose(chance).unwrap();
        let prefix: String = person.family.chars().take(3).collect();
        let matching = matches_of(people, &prefix);
        if matching > 1_000 {
            continue;
        }
        tried += 1;
        let page = service.search(&[("name", prefix.clone())]).await.page;
        complete += usize::from(page["more_specific"] == false);
        let query = [("name", prefix), ("birth_date", person.year.to_string())];
        with_year += usize::from(shows(&service.search(&query).await.page, person));
    }
    println!(
        "  beginnings with at most 1,000 matches: {} % complete, {} % on the first page with the year of birth",
        complete * 100 / tried,
        with_year * 100 / tried,
    );
}

#[tokio::main]
async fn main() {
    let sizes = std::env::var("CLINIC_BENCH_PATIENTS");
    let sizes = sizes.unwrap_or_else(|_| "1000,10000,100000".to_owned());
    let sizes: Vec<u32> = sizes.split(',').map(|size| size.parse().unwrap()).collect();
    let mut chance = StdRng::seed_from_u64(1);
    let service = Service::start().await;
    let created = service.create(&Person::random(0, &mut chance)).await;
    println!("creating a patient: {} read units, {} write units", created.0, created.1);
    let mut people: Vec<Person> = Vec::new();
    for size in &sizes {
        let first = u32::try_from(people.len()).unwrap();
        people.extend((first..*size).map(|number| Person::random(number + 1, &mut chance)));
        let began = Instant::now();
        let items = service.fill(&people[first as usize..]).await;
        println!("{size} patients ({items} items more, {:.0?})", began.elapsed());
        for case in CASES {
            tell(case, measure(&service, &people, case, &mut chance).await);
        }
    }
    quality(&service, &people, &mut chance).await;
    beginnings(&service, &people, &mut chance).await;
    service.stop().await;
}
