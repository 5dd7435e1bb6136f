//! The plan of a sample organisation.

use anyhow::ensure;
use clap::{Args, value_parser};
use jiff::{Span, Timestamp, civil::Date};
use rand::{SeedableRng as _, rngs::StdRng};
use sha2::{Digest as _, Sha256};

use crate::{
    appointments::model::HORIZON,
    id::{ClinicId, OrgId},
    time::{Clock as _, SystemClock, Weekday, utc_date, utc_midnight},
};

/// The visits of a staff member on a workday. The rest of the day is free.
pub const VISITS_A_DAY: u32 = 10;

pub(super) const WORKDAYS: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

/// The `updated_by` of all sample data.
pub const SUBJECT: &str = "clinic-api table seed";

/// The settings of a sample organisation.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Plan {
    /// The organisation. It must have no clinics, except those of an earlier run with the same
    /// flags.
    #[arg(long, default_value = "ORG-DEMO")]
    pub org: OrgId,
    /// The number of clinics. A larger number than in an earlier run adds clinics.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=100_000))]
    pub clinics: u32,
    /// The number of staff members per clinic.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u16).range(1..=5_000))]
    pub staff: u16,
    /// The number of patients per clinic. At least the number of staff members.
    #[arg(long, default_value_t = 250, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub patients: u32,
    /// The number of appointments per clinic: ten per workday and staff member, a third of the days
    /// before `--today`.
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(0..=1_000_000))]
    pub appointments: u32,
    /// The date on which the sample data is current, at 00:00 UTC. Default: today.
    #[arg(long, default_value_t = utc_date(SystemClock.now()), hide_default_value = true)]
    pub today: Date,
    /// The seed of the random numbers. Another seed produces other ids and appointments.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Plan {
    /// Checks that the plan is possible.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.staff > 0, "a clinic needs at least one staff member");
        ensure!(
            self.patients >= u32::from(self.staff),
            "a clinic needs at least as many patients as staff members"
        );
        let ahead = i64::from(self.workdays() - self.workdays_before()) * 7 / 5 + 7;
        ensure!(
            ahead * 24 <= HORIZON.as_hours(),
            "{} appointments per clinic need {} workdays, and the last ones would be more than 400 days ahead: use more \
             staff or fewer appointments",
            self.appointments,
            self.workdays()
        );
        Ok(())
    }

    /// Returns the id of the clinic with this number.
    pub fn clinic_id(&self, number: u32) -> ClinicId {
        ClinicId::random_from(&mut self.chance(number))
    }

    /// Returns the instant at which the sample data is current.
    pub fn now(&self) -> Timestamp {
        utc_midnight(self.today)
    }

    /// Returns the number of workdays that the appointments of a clinic need.
    fn workdays(&self) -> u32 {
        self.appointments.div_ceil(u32::from(self.staff.max(1)) * VISITS_A_DAY)
    }

    fn workdays_before(&self) -> u32 {
        self.workdays() / 3
    }

    pub(super) fn first_date(&self) -> Date {
        let before = self.today.series(Span::new().days(-1)).skip(1);
        let workdays = before.filter(|date| is_workday(*date));
        workdays.take(self.workdays_before() as usize).last().unwrap_or(self.today)
    }

    /// Returns the random number generator of a clinic. It depends on all settings but the number
    /// of clinics.
    pub(super) fn chance(&self, clinic: u32) -> StdRng {
        let Self { org, clinics: _, staff, patients, appointments, today, seed } = self;
        let text = format!("{org}/{staff}/{patients}/{appointments}/{today}/{seed}/{clinic}");
        StdRng::from_seed(Sha256::digest(text).into())
    }
}

pub(super) fn is_workday(date: Date) -> bool {
    WORKDAYS.contains(&date.weekday().into())
}
