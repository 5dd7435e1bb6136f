//! A made-up organisation, for trying the service at the size that it is to have: clinics with staff, patients, and the
//! appointments of some weeks before and after a day, as the API would have written them.
//!
//! Everything follows from a [`Plan`]: the same one makes the same items, ids included, so that who has the plan knows what is
//! in the table, and a run that was cut short is completed by another one.

mod clinic;
mod diary;
mod fill;
mod people;

pub use clinic::MadeUpClinic;
pub use diary::{START_TIMES, VISITS_A_DAY};
pub use fill::{FillError, Filled, fill};
use jiff::{Span, Timestamp, civil::Date};
use rand::{SeedableRng as _, rngs::StdRng};
use sha2::{Digest as _, Sha256};

use crate::{
    appointments::model::HORIZON,
    id::{ClinicId, OrgId},
    store::StoreError,
    time::utc_midnight,
};

/// Who has made all this, in `updated_by`.
pub const SUBJECT: &str = "clinic-api table seed";

/// What is to be made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whose it is.
    pub org: OrgId,
    /// How many clinics; more of them than before adds to those.
    pub clinics: u32,
    /// Staff members of each clinic.
    pub staff: u16,
    /// Patients of each clinic.
    pub patients: u32,
    /// Appointments of each clinic.
    pub appointments: u32,
    /// The day at whose beginning (UTC) all of it is so: a third of the days with appointments lie before it.
    pub today: Date,
    /// Where chance begins.
    pub seed: u64,
}

/// Why a plan can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nobody would work there.
    #[error("a clinic needs at least one staff member")]
    NoStaff,
    /// Each sees a patient in the same half hour.
    #[error("a clinic needs at least as many patients as staff members")]
    TooFewPatients,
    /// Nobody may book so far ahead.
    #[error(
        "{0} appointments of a clinic take {1} workdays, and the last ones would be more than 400 days ahead: give it \
         more staff or fewer appointments"
    )]
    TooManyAppointments(u32, u32),
}

impl Plan {
    /// Refuses what can't be.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn check(&self) -> Result<(), PlanError> {
        if self.staff == 0 {
            return Err(PlanError::NoStaff);
        }
        if self.patients < u32::from(self.staff) {
            return Err(PlanError::TooFewPatients);
        }
        let ahead = i64::from(self.workdays() - self.workdays_before()) * 7 / 5 + 7;
        if ahead * 24 > HORIZON.as_hours() {
            return Err(PlanError::TooManyAppointments(self.appointments, self.workdays()));
        }
        Ok(())
    }

    /// A clinic of it, by its number from 0.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if something of it does not serialise.
    pub fn clinic(&self, number: u32) -> Result<MadeUpClinic, StoreError> {
        MadeUpClinic::new(self, number)
    }

    /// The id of a clinic of it.
    #[must_use]
    pub fn clinic_id(&self, number: u32) -> ClinicId {
        ClinicId::random_from(&mut self.chance(number))
    }

    /// The instant at which all of it is so.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        utc_midnight(self.today)
    }

    /// How many workdays the appointments of a clinic take.
    fn workdays(&self) -> u32 {
        self.appointments.div_ceil(u32::from(self.staff.max(1)) * VISITS_A_DAY)
    }

    fn workdays_before(&self) -> u32 {
        self.workdays() / 3
    }

    /// From when on there are appointments.
    fn first_date(&self) -> Date {
        let before = self.today.series(Span::new().days(-1)).skip(1);
        let workdays = before.filter(|date| diary::is_workday(*date));
        workdays.take(self.workdays_before() as usize).last().unwrap_or(self.today)
    }

    /// Where the chance of a clinic begins: nowhere the same for other settings, but for the number of clinics.
    fn chance(&self, clinic: u32) -> StdRng {
        let Self { org, clinics: _, staff, patients, appointments, today, seed } = self;
        let text = format!("{org}/{staff}/{patients}/{appointments}/{today}/{seed}/{clinic}");
        StdRng::from_seed(Sha256::digest(text).into())
    }
}
