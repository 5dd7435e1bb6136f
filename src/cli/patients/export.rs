//! The export: reads the whole table, and records every exported patient in the access log before
//! their line is written.

use std::io::{self, Write};

use anyhow::Context as _;

use crate::{
    audit::{self, model::AccessRequest},
    config::ExportFormat,
    id::{OrgId, random_token},
    records::patients::{
        fhir::{links, to_fhir},
        model::Patient,
    },
    store::{
        Entity, Item, Key, Store, StoreError,
        attributes::text,
        codec::is_of_type,
        errors::chain,
        scan::{Scan, Segment, patiently},
    },
    time::Clock,
};

/// The operation in the access log.
pub const OPERATION: &str = "export_patients";
/// The maximum number of patients of an access request.
const MAX_PATIENTS: usize = 1_000;

/// The settings of an export.
pub struct Export<'a> {
    /// The table.
    pub store: &'a Store,
    /// The source of the current time.
    pub clock: &'a dyn Clock,
    /// The organisation of the patients.
    pub org: OrgId,
    /// The caller in the access log.
    pub subject: String,
    /// The format of a line.
    pub format: ExportFormat,
    /// The number of items per second.
    pub rate: f64,
}

/// The numbers of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// The items that were read.
    pub examined: u64,
    /// The patients that were written.
    pub patients: u64,
    /// The patients that could not be read.
    pub failed: u64,
}

impl Export<'_> {
    /// Writes the patients to `out`. Reports the numbers so far, and the patients that could not be
    /// read.
    pub async fn run(
        &self,
        out: &mut dyn Write,
        mut report: impl FnMut(Exported, Vec<String>),
    ) -> anyhow::Result<Exported> {
        let mut exported = Exported::default();
        let mut scan = Scan::new(Segment::WHOLE, self.rate);
        let mut waiting = Vec::new();
        while let Some(page) =
            scan.next_page(self.store).await.context("the table can't be read")?
        {
            exported.examined += page.len() as u64;
            let mut failures = Vec::new();
            for item in page {
                match self.patient(&item) {
                    Ok(patient) => waiting.extend(patient),
                    Err(error) => {
                        exported.failed += 1;
                        let key = Key::of(&item).map(|key| key.for_people()).unwrap_or_default();
                        failures.push(format!("{key}: {}", chain(&error)));
                    }
                }
            }
            while waiting.len() >= MAX_PATIENTS {
                let later = waiting.split_off(MAX_PATIENTS);
                exported.patients += self.write(&waiting, out).await?;
                waiting = later;
            }
            report(exported, failures);
        }
        exported.patients += self.write(&waiting, out).await?;
        written(out.flush())?;
        Ok(exported)
    }

    /// Returns the patient of an item, if the item is a patient of the organisation.
    fn patient(&self, item: &Item) -> Result<Option<Patient>, StoreError> {
        if !is_of_type::<Patient>(item) || text(item, "org") != Some(self.org.as_str()) {
            return Ok(None);
        }
        let Entity { meta, value } = Entity::<Patient>::from_item(item.clone())?;
        Ok((!meta.is_deletion_decided()).then_some(value))
    }

    /// Records the access, then writes the lines. Returns their number.
    async fn write(&self, patients: &[Patient], out: &mut dyn Write) -> anyhow::Result<u64> {
        if patients.is_empty() {
            return Ok(0);
        }
        let request = AccessRequest {
            request: random_token(),
            subject: self.subject.clone(),
            operation: OPERATION.to_owned(),
            patient_ids: patients.iter().map(|patient| patient.id.clone()).collect(),
            at: self.clock.now(),
            searched: Vec::new(),
        };
        let record = || audit::repo::add_request(self.store, &self.org, &request);
        patiently(record).await.context("the access can't be recorded")?;
        for patient in patients {
            let line = match self.format {
                ExportFormat::Ndjson => serde_json::to_string(&patient.details)?,
                ExportFormat::Fhir => {
                    let mut resource = to_fhir(&patient.details);
                    resource["id"] = patient.id.as_str().into();
                    if let Some(links) = links(patient) {
                        resource["link"] = links;
                    }
                    resource.to_string()
                }
            };
            written(writeln!(out, "{line}"))?;
        }
        Ok(patients.len() as u64)
    }
}

/// Converts the error of a write to the output.
fn written(result: io::Result<()>) -> anyhow::Result<()> {
    result.map_err(|error| anyhow::anyhow!("the output can't be written: {}", error.kind()))
}
