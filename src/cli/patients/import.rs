//! The import: validates lines, and creates their patients at a limited rate.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::{
    columns::Moved,
    fault::{Fault, Problem},
    lines::{Line, Lines},
    seen::Seen,
};
use crate::{
    error::ApiError,
    http::body::from_value,
    id::{OrgId, PatientId, random_token},
    keyring::SearchKey,
    records::patients::{
        fhir::{Imported as OfResource, from_fhir},
        handlers::check_dates,
        model::{PatientDetails, PatientRecord, search::PatientSearch},
        repo::{Imported, duplicates, import, look_up},
    },
    store::{Store, StoreError, WriteContext, scan::patiently},
    time::Clock,
};

/// The number of lines that are looked up at once.
const CHUNK: usize = 100;
/// The maximum number of concurrent transactions or searches.
const AT_ONCE: usize = 8;
/// What a lookup or a search of one patient counts for the rate: it reads an item, and a patient has
/// about 20. The search before a patient is created counts as a part of that.
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
    /// The number of patients per second.
    pub rate: f64,
    /// Whether to write nothing.
    pub dry_run: bool,
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
    /// The patients that were created, or would be, and may be the same person as another one.
    pub possible_duplicates: u64,
    /// The members that were left out.
    pub left_out: u64,
}

impl Tally {
    /// Adds a patient who was created, or would be.
    fn add(&mut self, line: &Ready) {
        self.created += 1;
        self.left_out += line.left_out;
        self.possible_duplicates += u64::from(line.may_exist);
    }
}

/// A line that is valid alone.
struct Ready {
    line: u64,
    moved: Moved,
    patient: PatientRecord,
    left_out: u64,
    /// Whether the patient may be the same person as one in the table or in an earlier line.
    may_exist: bool,
}

impl Ready {
    fn problem(&self, fault: Fault) -> Problem {
        Problem { line: self.line, fault: fault.of_column(&self.moved) }
    }

    fn problems(&self, error: &ApiError) -> impl Iterator<Item = Problem> {
        Fault::of_error(error).into_iter().map(|fault| self.problem(fault))
    }

    fn possible_duplicate(&self) -> Option<Problem> {
        let what = "is a possible duplicate: another patient has the same name, and the same date of birth or telephone number";
        self.may_exist.then(|| self.problem(Fault::of_line(what)))
    }
}

impl Import<'_> {
    /// Imports lines. Reports the numbers so far and the problems since the last report. Ends if
    /// they can't be reported.
    pub async fn run(
        &self,
        mut lines: Lines,
        mut report: impl FnMut(Tally, Vec<Problem>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Tally> {
        let key = self.search.keys.of(&self.org).into_iter().next();
        let key = key.context("there is no search key")?;
        let (mut tally, mut seen) = (Tally::default(), Seen::default());
        let mut pace = Pace { next: Instant::now(), rate: self.rate };
        loop {
            let chunk = lines.by_ref().take(CHUNK).collect::<Result<Vec<_>, _>>()?;
            let Some(last) = chunk.last().map(|line| line.number) else { return Ok(tally) };
            let (mut ready, mut problems) = (Vec::new(), Vec::new());
            for line in chunk {
                match self.read(line, &key, &mut seen) {
                    Ok(line) => ready.push(line),
                    Err(faults) => {
                        tally.invalid += 1;
                        problems.extend(faults);
                    }
                }
            }
            sleep_until(pace.due(ready.iter().map(|_| LOOKUP).sum())).await;
            let new = self.without_known(ready, &mut seen, &mut tally, &mut problems).await?;
            sleep_until(pace.due(new.iter().map(|_| LOOKUP).sum())).await;
            let new = self.with_duplicates(new).await?;
            if self.dry_run {
                for line in new {
                    tally.add(&line);
                    problems.extend(line.possible_duplicate());
                }
            } else {
                let due: Vec<_> = new.into_iter().map(|line| (pace.due(1.0), line)).collect();
                let creating = due.into_iter().map(|(due, line)| self.create(due, line));
                let mut creating = stream::iter(creating).buffer_unordered(AT_ONCE);
                problems.sort_by_key(|problem| problem.line);
                while let Some((line, imported)) = creating.try_next().await? {
                    match imported {
                        Imported::Created => {
                            tally.add(&line);
                            problems.extend(line.possible_duplicate());
                        }
                        Imported::Existed => tally.existed += 1,
                        Imported::Refused(error) => {
                            tally.invalid += 1;
                            problems.extend(line.problems(&error));
                        }
                    }
                    tally.line = tally.line.max(line.line);
                    report(tally, std::mem::take(&mut problems))?;
                }
            }
            tally.line = last;
            problems.sort_by_key(|problem| problem.line);
            report(tally, problems)?;
        }
    }

    /// Validates a line. The id of its patient is a keyed hash of the content, so that another run
    /// knows the line wherever it is, and nobody can guess the content from the id.
    fn read(&self, line: Line, key: &SearchKey, seen: &mut Seen) -> Result<Ready, Vec<Problem>> {
        let Line { number, content, moved } = line;
        let read = content.and_then(|json| {
            let (details, left_out) = self.details(&json, self.clock.now())?;
            Ok((json.to_string(), details, left_out))
        });
        let (content, details, left_out) = read.map_err(|faults| {
            let of_column = |fault: Fault| Problem { line: number, fault: fault.of_column(&moved) };
            faults.into_iter().map(of_column).collect::<Vec<_>>()
        })?;
        let repetitions = seen.repetitions(&content);
        let tag = key.tag("import", &format!("{repetitions}\n{content}"));
        let id = PatientId::of_text(&format!("import/{}/{tag}", self.org));
        let patient = PatientRecord { id, details };
        Ok(Ready { line: number, moved, patient, left_out, may_exist: false })
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

    /// Returns the lines whose patients and identifiers are neither in the table nor in an earlier
    /// line that is imported.
    async fn without_known(
        &self,
        ready: Vec<Ready>,
        seen: &mut Seen,
        tally: &mut Tally,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<Ready>, StoreError> {
        let patients: Vec<_> = ready.iter().map(|line| &line.patient).collect();
        let lookups = patiently(|| look_up(self.store, self.search, &self.org, &patients)).await?;
        let mut new = Vec::new();
        for (mut line, lookup) in ready.into_iter().zip(lookups) {
            let details = &line.patient.details;
            if lookup.exists {
                tally.existed += 1;
                seen.claim(details, line.line);
                continue;
            }
            let repeated = seen.repeated(details);
            if repeated.is_empty() && lookup.taken.is_empty() {
                seen.claim(details, line.line);
                line.may_exist = seen.is_possible_duplicate(details);
                new.push(line);
                continue;
            }
            tally.invalid += 1;
            if repeated.is_empty() {
                problems.extend(lookup.taken.iter().flat_map(|error| line.problems(error)));
            } else {
                problems.extend(repeated.into_iter().map(|fault| line.problem(fault)));
            }
        }
        Ok(new)
    }

    /// Finds the possible duplicates in the table.
    async fn with_duplicates(&self, new: Vec<Ready>) -> Result<Vec<Ready>, StoreError> {
        let search = |line: Ready| async move {
            let found = || duplicates(self.store, self.search, &self.org, &line.patient.details);
            let may_exist = line.may_exist || !patiently(found).await?.is_empty();
            Ok::<_, StoreError>(Ready { may_exist, ..line })
        };
        stream::iter(new.into_iter().map(search)).buffered(AT_ONCE).try_collect().await
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
