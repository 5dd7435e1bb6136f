//! A sequential model of scheduling, in memory, without concurrency.

use std::collections::BTreeMap;

use stateright::semantics::SequentialSpec;

/// The number of the operation that created an appointment; used as its name.
pub type Visit = usize;

/// The tolerated difference between servers' clocks, in seconds. A lapsed hold keeps its time for so long.
const SKEW: i64 = 5;

/// The parties and the time of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    pub staff: usize,
    pub patient: Option<usize>,
    pub room: bool,
    /// In minutes after the first slot.
    pub start: i64,
    pub minutes: i64,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Book { visit: Visit, wanted: Wanted, overbook: bool },
    Hold { visit: Visit, wanted: Wanted, minutes: i64 },
    Confirm { visit: Visit, patient: Option<usize> },
    Release { visit: Visit },
    Move { visit: Visit, staff: usize, start: i64, minutes: i64, overbook: bool },
    Cancel { visit: Visit },
    Step { visit: Visit, status: &'static str },
    Delete { visit: Visit },
}

/// The outcome of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    Done,
    /// Refused with this error code.
    Refused(&'static str),
}

/// The codes of all reasons to refuse an operation.
type Refusals = Vec<&'static str>;

/// All appointments, and the current time.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Schedule {
    /// In seconds since the start of the plan.
    pub now: i64,
    /// When the day of all visits begins at the clinic, in seconds since the start of the plan.
    pub day_begins: i64,
    /// All appointments that were created, deleted ones included.
    pub visits: BTreeMap<Visit, Appointment>,
}

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Appointment {
    pub wanted: Wanted,
    pub status: &'static str,
    /// In seconds since the start of the plan.
    pub hold_ends: i64,
    pub overbooked: bool,
}

impl Appointment {
    fn is_hold(&self) -> bool {
        self.status == "held"
    }

    /// Whether it is a hold that expired so long before `now` that its time can be booked.
    pub fn has_lapsed(&self, now: i64) -> bool {
        self.is_hold() && self.hold_ends + SKEW < now
    }

    fn takes_time(&self) -> bool {
        !matches!(self.status, "cancelled" | "expired" | "deleted")
    }
}

impl Wanted {
    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.start + other.minutes && other.start < self.start + self.minutes
    }
}

impl Schedule {
    /// The reasons to refuse a visit, and the lapsed holds that overlap it.
    fn look(&self, visit: Visit, wanted: &Wanted, overbook: bool) -> (Refusals, Vec<Visit>) {
        let same_patient =
            |other: &Wanted| other.patient.is_some() && other.patient == wanted.patient;
        let in_the_way = |(id, other): &(&Visit, &Appointment)| {
            **id != visit && other.takes_time() && other.wanted.overlaps(wanted)
        };
        let (mut busy, mut over) = (Refusals::new(), Vec::new());
        for code in ["staff_busy", "resource_busy", "patient_busy"] {
            for (id, other) in self.visits.iter().filter(in_the_way) {
                let concerned = match code {
                    "staff_busy" => other.wanted.staff == wanted.staff,
                    "resource_busy" => other.wanted.room && wanted.room,
                    _ => same_patient(&other.wanted),
                };
                if !concerned {
                    continue;
                }
                if other.has_lapsed(self.now) {
                    over.push(*id);
                } else if other.is_hold() || !overbook {
                    busy.push(code);
                }
            }
        }
        (busy, over)
    }

    /// Places an appointment and ends the overlapping lapsed holds, unless there is a reason to refuse it, including the given
    /// `refused`.
    fn place(
        &mut self,
        visit: Visit,
        new: Appointment,
        mut refused: Refusals,
    ) -> Result<(), Refusals> {
        let (busy, over) = self.look(visit, &new.wanted, new.overbooked);
        refused.extend(busy);
        if !refused.is_empty() {
            return Err(refused);
        }
        for id in over {
            self.visits.get_mut(&id).unwrap().status = "expired";
        }
        self.visits.insert(visit, new);
        Ok(())
    }

    fn confirm(&mut self, visit: Visit, named: Option<usize>) -> Result<(), Refusals> {
        let hold = self.visits[&visit].clone();
        let patient = match (hold.wanted.patient, named) {
            (Some(held), Some(named)) if held != named => None,
            (held, named) => held.or(named),
        };
        let refused = match hold.status {
            "held" if self.now < hold.hold_ends => None,
            "held" | "expired" => Some("hold_expired"),
            "deleted" => Some("not_found"),
            _ => Some("invalid_transition"),
        };
        if patient.is_none() {
            return Err(vec![refused.unwrap_or("validation_failed")]);
        }
        let wanted = Wanted { patient, ..hold.wanted };
        let booked = Appointment { wanted, status: "scheduled", ..hold };
        self.place(visit, booked, refused.into_iter().collect())
    }

    fn relocate(&mut self, visit: Visit, to: Wanted, overbooked: bool) -> Result<(), Refusals> {
        let old = self.visits[&visit].clone();
        let wanted = Wanted { patient: old.wanted.patient, room: old.wanted.room, ..to };
        let refused = match old.status {
            "scheduled" | "confirmed" if wanted == old.wanted => return Ok(()),
            "scheduled" | "confirmed" => None,
            "deleted" => Some("not_found"),
            _ => Some("invalid_transition"),
        };
        let moved = Appointment { wanted, overbooked, ..old };
        self.place(visit, moved, refused.into_iter().collect())
    }

    /// Changes a status, if the current one is among `from`.
    fn step(
        &mut self,
        visit: Visit,
        from: &[&str],
        to: &'static str,
        other: &'static str,
    ) -> Result<(), Refusals> {
        let appointment = self.visits.get_mut(&visit).unwrap();
        match appointment.status {
            "deleted" => Err(vec!["not_found"]),
            status if from.contains(&status) => {
                appointment.status = to;
                Ok(())
            }
            _ => Err(vec![other]),
        }
    }

    /// Applies an operation, or returns every reason to refuse it. The first reason is the one that is reported without
    /// concurrency.
    fn try_invoke(&mut self, op: &Op) -> Result<(), Refusals> {
        match *op {
            // Requested by a client that learned of the hold before its creator got the response.
            Op::Confirm { visit, .. }
            | Op::Release { visit }
            | Op::Move { visit, .. }
            | Op::Cancel { visit }
            | Op::Step { visit, .. }
            | Op::Delete { visit }
                if !self.visits.contains_key(&visit) =>
            {
                Err(vec!["not_found"])
            }
            Op::Book { visit, wanted, overbook: overbooked } => {
                let new = Appointment { wanted, status: "scheduled", hold_ends: 0, overbooked };
                self.place(visit, new, vec![])
            }
            Op::Hold { visit, wanted, minutes } => {
                let hold_ends = self.now + minutes * 60;
                let hold = Appointment { wanted, status: "held", hold_ends, overbooked: false };
                self.place(visit, hold, vec![])
            }
            Op::Confirm { visit, patient } => self.confirm(visit, patient),
            Op::Release { visit } => {
                let hold = &self.visits[&visit];
                let is_over = hold.is_hold() && hold.hold_ends <= self.now;
                let is_one = is_over || hold.status == "expired";
                let from: &[&str] = if is_over { &[] } else { &["held"] };
                let other = if is_one { "hold_expired" } else { "invalid_transition" };
                self.step(visit, from, "expired", other)
            }
            Op::Move { visit, staff, start, minutes, overbook } => {
                let to = Wanted { staff, start, minutes, patient: None, room: false };
                self.relocate(visit, to, overbook)
            }
            Op::Cancel { visit } => {
                self.step(visit, &["scheduled", "confirmed"], "cancelled", "invalid_transition")
            }
            Op::Step { visit, status } => {
                let from: &[&str] = match status {
                    "confirmed" => &["scheduled"],
                    "checked_in" => &["scheduled", "confirmed", "completed", "no_show"],
                    "scheduled" | "completed" => &["checked_in"],
                    "no_show" => &["scheduled", "confirmed"],
                    _ => &[],
                };
                let is_outcome = matches!(status, "checked_in" | "completed" | "no_show");
                let too_early = is_outcome && self.now < self.day_begins;
                if too_early && from.contains(&self.visits[&visit].status) {
                    return Err(vec!["before_visit_day"]);
                }
                self.step(visit, from, status, "invalid_transition")
            }
            Op::Delete { visit } => {
                let all = ["held", "scheduled", "confirmed", "checked_in", "completed"];
                let ended = ["no_show", "cancelled", "expired"];
                self.step(visit, &[&all[..], &ended[..]].concat(), "deleted", "not_found")
            }
        }
    }
}

impl SequentialSpec for Schedule {
    type Op = Op;
    type Ret = Ret;

    fn invoke(&mut self, op: &Op) -> Ret {
        match self.try_invoke(op) {
            Ok(()) => Ret::Done,
            Err(codes) => Ret::Refused(codes[0]),
        }
    }

    /// A concurrent service may report any of the reasons.
    fn is_valid_step(&mut self, op: &Op, ret: &Ret) -> bool {
        match self.try_invoke(op) {
            Ok(()) => *ret == Ret::Done,
            Err(codes) => matches!(ret, Ret::Refused(code) if codes.contains(code)),
        }
    }
}
