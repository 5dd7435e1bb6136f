//! A cache of the clinics' time zones, which never change.

use std::time::Duration;

use moka::future::Cache;

use super::repo;
use crate::{
    id::{ClinicId, OrgId},
    store::{Store, StoreError},
    time::Zone,
};

const TIME_TO_LIVE: Duration = Duration::from_hours(1);
const CAPACITY: u64 = 10_000;

/// A cache of the time zones of recently used clinics.
#[derive(Debug, Clone)]
pub struct ClinicDirectory {
    store: Store,
    zones: Cache<ClinicId, (OrgId, Zone)>,
}

impl ClinicDirectory {
    /// Returns an empty cache.
    pub fn new(store: Store) -> Self {
        let zones = Cache::builder().max_capacity(CAPACITY).time_to_live(TIME_TO_LIVE).build();
        Self { store, zones }
    }

    /// Returns the time zone of a clinic of the organisation. The entry of a deleted clinic is
    /// harmless: it has no staff left to book.
    pub async fn zone(&self, org: &OrgId, id: &ClinicId) -> Result<Zone, StoreError> {
        // Another organisation's clinic is read like one that does not exist, so that the response
        // time reveals nothing.
        if let Some((owner, zone)) = self.zones.get(id).await
            && owner == *org
        {
            return Ok(zone);
        }
        let clinic = repo::get(&self.store, org, id, true).await?;
        let zone = clinic.value.details.time_zone;
        self.zones.insert(id.clone(), (clinic.meta.org, zone.clone())).await;
        Ok(zone)
    }
}
