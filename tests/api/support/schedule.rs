//! What the schedule is meant to do: in memory, one operation after the other, and without any haste.

use std::collections::BTreeMap;

use stateright::semantics::SequentialSpec;

/// Names an appointment by the number of the operation that asked for it.
pub type Visit = usize;

/// Servers' clocks may be apart by so many seconds: for so long nobody takes the time of a hold that is over.
const SKEW: i64 = 5;

/// Who is wanted and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    pub staff: usize,
    pub patient: Option<usize>,
    pub room: bool,
    /// In minutes after the first slot.
    pub start: i64,
    pub minutes: i64,
}

/// Something that somebody asks for.
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

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    Done,
    /// With the code of the problem.
    Refused(&'static str),
}

/// All appointments, and the time.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Schedule {
    /// In seconds since the beginning.
    pub now: i64,
    /// The appointments that were made and not deleted.
    pub visits: BTreeMap<Visit, Appointment>,
}

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Appointment {
    pub wanted: Wanted,
    pub status: &'static str,
    /// In seconds since the beginning.
    pub hold_ends: i64,
    pub overbooked: bool,
}

impl Appointment {
    fn is_hold(&self) -> bool {
        self.status == "held"
    }

    fn takes_time(&self) -> bool {
        !matches!(self.status, "cancelled" | "expired")
    }
}

impl Wanted {
    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.start + other.minutes && other.start < self.start + self.minutes
    }
}

impl Schedule {
    /// Ends all holds that are over and in the way, if nothing else is.
    fn make_room(&mut self, visit: Visit, wanted: &Wanted, overbook: bool) -> Result<(), Ret> {
        let same_staff = |other: &Wanted| other.staff == wanted.staff;
        let same_room = |other: &Wanted| other.room && wanted.room;
        let same_patient =
            |other: &Wanted| other.patient.is_some() && other.patient == wanted.patient;
        let in_the_way = |(id, other): &(&Visit, &Appointment)| {
            **id != visit && other.takes_time() && other.wanted.overlaps(wanted)
        };
        let mut over = Vec::new();
        for code in ["staff_busy", "resource_busy", "patient_busy"] {
            for (id, other) in self.visits.iter().filter(in_the_way) {
                let concerned = match code {
                    "staff_busy" => same_staff(&other.wanted),
                    "resource_busy" => same_room(&other.wanted),
                    _ => same_patient(&other.wanted),
                };
                if !concerned {
                    continue;
                }
                if other.is_hold() && other.hold_ends + SKEW < self.now {
                    over.push(*id);
                } else if other.is_hold() || !overbook {
                    return Err(Ret::Refused(code));
                }
            }
        }
        for id in over {
            self.visits.get_mut(&id).unwrap().status = "expired";
        }
        Ok(())
    }

    fn place(&mut self, visit: Visit, new: Appointment) -> Result<(), Ret> {
        self.make_room(visit, &new.wanted, new.overbooked)?;
        self.visits.insert(visit, new);
        Ok(())
    }

    fn of(&self, visit: Visit) -> Result<Appointment, Ret> {
        self.visits.get(&visit).cloned().ok_or(Ret::Refused("not_found"))
    }

    fn confirm(&mut self, visit: Visit, named: Option<usize>) -> Result<(), Ret> {
        let hold = self.of(visit)?;
        match hold.status {
            "held" if self.now < hold.hold_ends => {}
            "held" | "expired" => return Err(Ret::Refused("hold_expired")),
            _ => return Err(Ret::Refused("invalid_transition")),
        }
        let patient = match (hold.wanted.patient, named) {
            (Some(held), Some(named)) if held != named => None,
            (held, named) => held.or(named),
        };
        if patient.is_none() {
            return Err(Ret::Refused("validation_failed"));
        }
        let wanted = Wanted { patient, ..hold.wanted };
        self.place(visit, Appointment { wanted, status: "scheduled", ..hold })
    }

    fn step(&mut self, visit: Visit, to: &'static str) -> Result<(), Ret> {
        let mut appointment = self.of(visit)?;
        let life = [
            ("scheduled", "confirmed"),
            ("scheduled", "cancelled"),
            ("scheduled", "no_show"),
            ("confirmed", "checked_in"),
            ("confirmed", "cancelled"),
            ("confirmed", "no_show"),
            ("checked_in", "scheduled"),
            ("checked_in", "completed"),
        ];
        if !life.contains(&(appointment.status, to)) {
            return Err(Ret::Refused("invalid_transition"));
        }
        appointment.status = to;
        self.visits.insert(visit, appointment);
        Ok(())
    }

    fn try_invoke(&mut self, op: &Op) -> Result<(), Ret> {
        match *op {
            Op::Book { visit, wanted, overbook: overbooked } => {
                let new = Appointment { wanted, status: "scheduled", hold_ends: 0, overbooked };
                self.place(visit, new)
            }
            Op::Hold { visit, wanted, minutes } => {
                let hold_ends = self.now + minutes * 60;
                let hold = Appointment { wanted, status: "held", hold_ends, overbooked: false };
                self.place(visit, hold)
            }
            Op::Confirm { visit, patient } => self.confirm(visit, patient),
            Op::Release { visit } => {
                let hold = self.of(visit)?;
                match hold.status {
                    "held" => self.visits.insert(visit, Appointment { status: "expired", ..hold }),
                    "expired" => return Err(Ret::Refused("hold_expired")),
                    _ => return Err(Ret::Refused("invalid_transition")),
                };
                Ok(())
            }
            Op::Move { visit, staff, start, minutes, overbook: overbooked } => {
                let old = self.of(visit)?;
                if !matches!(old.status, "scheduled" | "confirmed") {
                    return Err(Ret::Refused("invalid_transition"));
                }
                let wanted = Wanted { staff, start, minutes, ..old.wanted };
                if wanted == old.wanted {
                    return Ok(());
                }
                self.place(visit, Appointment { wanted, overbooked, ..old })
            }
            Op::Cancel { visit } => self.step(visit, "cancelled"),
            Op::Step { visit, status } => self.step(visit, status),
            Op::Delete { visit } => {
                self.of(visit)?;
                self.visits.remove(&visit);
                Ok(())
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
            Err(refused) => refused,
        }
    }
}
