//! The import: validates lines, and creates their patients at a limited rate.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep_until};

use super::{
    fault::{Fault, Problem},
    lines::{Line, Lines},
};
use crate::{
    error::ApiError,
    http::body::from_value,
    id::{OrgId, PatientId, random_token},
    records::patients::{
        fhir::{Imported as OfResource, from_fhir},
        handlers::check_dates,
        model::{
            PatientDetails, PatientRecord,
            search::{PatientSearch, terms},
        },
        repo::{Imported, duplicates, identifiers, import, look_up},
    },
    store::{Store, StoreError, WriteContext, scan::patiently},
    time::Clock,
};

/// The number of lines that are looked up at once.
const CHUNK: usize = 100;
/// The maximum number of concurrent transactions or searches.
const AT_ONCE: usize = 8;
/// What a lookup or a search of one patient counts for the rate: it reads an item, and a patient has
/// about 20.
const LOOKUP: f64 = 0.05;

/// The settings of an import.
pub struct Import<'a> {
    /// The table.
    pub store: &'a Store,
    /// The search for patients.
    pub search: &'a PatientSearch,
    /// The source of the current time.
    pub clock: &'a dyn Clock,
    /// The organisation of the patients.
    pub org: OrgId,
    /// The author of the patients.
    pub subject: String,
    /// What the ids of the patients depend on, besides the organisation and the line.
    pub batch: String,
    /// The number of patients per second.
    pub rate: f64,
    /// Whether to write nothing.
    pub dry_run: bool,
    /// What a line is called in problems.
    pub unit: &'static str,
    /// Whether to leave out members that a patient cannot hold.
    pub ignore_unsupported: bool,
}

/// The numbers of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The number of the last line that was read.
    pub line: u64,
    /// The patients that were created, or would be.
    pub created: u64,
    /// The patients that an earlier run created.
    pub existed: u64,
    /// The lines that are no valid patient, or whose identifiers belong to another one.
    pub invalid: u64,
    /// The patients with the name and date of birth of another one. Counted in a dry run only.
    pub namesakes: u64,
    /// The members that were left out.
    pub left_out: u64,
}

/// What earlier lines have, as hashes.
#[derive(Default)]
struct Seen {
    identifiers: HashMap<Hash, u64>,
    people: HashSet<Hash>,
}

type Hash = [u8; 32];

/// A line that is valid alone.
struct Ready {
    line: u64,
    patient: PatientRecord,
    left_out: u64,
    /// Whether an earlier line has the same name and date of birth.
    is_namesake: bool,
}

impl Import<'_> {
    /// Imports lines. Reports the numbers so far and the problems since the last report.
    pub async fn run(
        &self,
        mut lines: Lines,
        mut report: impl FnMut(Tally, Vec<Problem>),
    ) -> anyhow::Result<Tally> {
        let (mut tally, mut seen) = (Tally::default(), Seen::default());
        let mut pace = Pace { next: Instant::now(), rate: self.rate };
        loop {
            let chunk = lines.by_ref().take(CHUNK).collect::<Result<Vec<_>, _>>();
            let chunk = chunk.map_err(|error| anyhow::anyhow!("{}", error.kind()));
            let chunk = chunk.context("the file can't be read")?;
            let Some(last) = chunk.last().map(|line| line.number) else { return Ok(tally) };
            let (mut ready, mut problems) = (Vec::new(), Vec::new());
            for line in chunk {
                let number = line.number;
                match self.read(line, &mut seen) {
                    Ok(line) => ready.push(line),
                    Err(faults) => {
                        tally.invalid += 1;
                        problems.extend(
                            faults.into_iter().map(|it| Problem { line: number, fault: it }),
                        );
                    }
                }
            }
            let new = self.without_known(ready, &mut pace, &mut tally, &mut problems).await?;
            problems.sort_by_key(|problem| problem.line);
            if self.dry_run {
                self.count(new, &mut tally).await?;
            } else {
                let due: Vec<_> = new.into_iter().map(|line| (pace.due(1.0), line)).collect();
                let creating = due.into_iter().map(|(due, line)| self.create(due, line));
                let mut creating = stream::iter(creating).buffer_unordered(AT_ONCE);
                while let Some((line, imported)) = creating.try_next().await? {
                    match imported {
                        Imported::Created => {
                            tally.created += 1;
                            tally.left_out += line.left_out;
                        }
                        Imported::Existed => tally.existed += 1,
                        Imported::Refused(error) => {
                            tally.invalid += 1;
                            problems.extend(problems_of(line.line, &error));
                        }
                    }
                    tally.line = tally.line.max(line.line);
                    report(tally, std::mem::take(&mut problems));
                }
            }
            tally.line = last;
            report(tally, problems);
        }
    }

    /// Validates a line, and compares it with earlier lines.
    fn read(&self, line: Line, seen: &mut Seen) -> Result<Ready, Vec<Fault>> {
        let (details, left_out) = self.details(&line.content?, self.clock.now())?;
        let claims: Vec<_> = identifiers(&details)
            .into_iter()
            .map(|(system, value, pointer)| (hash(&format!("{system}\n{value}")), pointer))
            .collect();
        let repeated = claims.iter().filter_map(|(claim, pointer)| {
            let before = seen.identifiers.get(claim)?;
            Some(Fault::at(pointer, format!("is also in {} {before}", self.unit)))
        });
        let repeated: Vec<_> = repeated.collect();
        if !repeated.is_empty() {
            return Err(repeated);
        }
        seen.identifiers.extend(claims.into_iter().map(|(claim, _)| (claim, line.number)));
        let is_namesake = self.dry_run
            && details.birth_date.as_ref().is_some_and(|born| {
                let mut words = terms::words(&details.name);
                words.sort();
                !seen.people.insert(hash(&format!("{}\n{}", words.join(" "), born.expose())))
            });
        let id = format!("import/{}/{}/{}", self.org, self.batch, line.number);
        let patient = PatientRecord { id: PatientId::of_text(&id), details };
        Ok(Ready { line: line.number, patient, left_out, is_namesake })
    }

    /// Returns the patient of a line, and how many members it cannot hold.
    fn details(&self, json: &Value, now: Timestamp) -> Result<(PatientDetails, u64), Vec<Fault>> {
        let read = if json.get("resourceType").is_some() {
            from_fhir(json, now).map(|OfResource { details, not_held }| (details, not_held))
        } else {
            from_value(json).map(|details| (details, Vec::new()))
        };
        let checked = read.and_then(|(details, not_held)| {
            check_dates(&details, now)?;
            Ok((details, not_held))
        });
        let (details, not_held) = checked.map_err(|error| Fault::of_error(&error))?;
        if !not_held.is_empty() && !self.ignore_unsupported {
            let why = "is not supported; --ignore-unsupported imports the patient without it";
            return Err(not_held.iter().map(|pointer| Fault::at(pointer, why)).collect());
        }
        Ok((details, not_held.len() as u64))
    }

    /// Returns the lines whose patients and identifiers are not in the table yet.
    async fn without_known(
        &self,
        ready: Vec<Ready>,
        pace: &mut Pace,
        tally: &mut Tally,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<Ready>, StoreError> {
        // A dry run searches for the name too.
        let each = if self.dry_run { 2.0 * LOOKUP } else { LOOKUP };
        sleep_until(pace.due(ready.iter().map(|_| each).sum())).await;
        let patients: Vec<_> = ready.iter().map(|line| &line.patient).collect();
        let lookups = patiently(|| look_up(self.store, self.search, &self.org, &patients)).await?;
        let mut new = Vec::new();
        for (line, lookup) in ready.into_iter().zip(lookups) {
            if lookup.exists {
                tally.existed += 1;
            } else if lookup.taken.is_empty() {
                new.push(line);
            } else {
                tally.invalid += 1;
                problems.extend(lookup.taken.iter().flat_map(|it| problems_of(line.line, it)));
            }
        }
        Ok(new)
    }

    /// Counts what would be created.
    async fn count(&self, new: Vec<Ready>, tally: &mut Tally) -> Result<(), StoreError> {
        tally.created += new.len() as u64;
        tally.left_out += new.iter().map(|line| line.left_out).sum::<u64>();
        let search = |line: Ready| async move {
            let found = || duplicates(self.store, self.search, &self.org, &line.patient.details);
            Ok::<_, StoreError>(line.is_namesake || !patiently(found).await?.is_empty())
        };
        let mut searching = stream::iter(new.into_iter().map(search)).buffer_unordered(AT_ONCE);
        while let Some(is_namesake) = searching.try_next().await? {
            tally.namesakes += u64::from(is_namesake);
        }
        Ok(())
    }

    async fn create(&self, due: Instant, line: Ready) -> Result<(Ready, Imported), StoreError> {
        sleep_until(due).await;
        let (org, now) = (self.org.clone(), self.clock.now());
        let context = WriteContext::internal(org, &self.subject, random_token(), now);
        let create = || import(self.store, self.search, &context, line.patient.clone());
        let imported = match patiently(create).await {
            Err(
                error @ (StoreError::TooLarge { .. }
                | StoreError::ItemSizeExceeded
                | StoreError::TransactionTooLarge { .. }),
            ) => Imported::Refused(error.into()),
            done => done?,
        };
        Ok((line, imported))
    }
}

fn problems_of(line: u64, error: &ApiError) -> impl Iterator<Item = Problem> + use<> {
    Fault::of_error(error).into_iter().map(move |fault| Problem { line, fault })
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// Limits a rate.
struct Pace {
    next: Instant,
    rate: f64,
}

impl Pace {
    /// Returns when the next `units` may begin, and reserves their time.
    fn due(&mut self, units: f64) -> Instant {
        let due = self.next.max(Instant::now());
        self.next = due + Duration::from_secs_f64(units / self.rate);
        due
    }
}
