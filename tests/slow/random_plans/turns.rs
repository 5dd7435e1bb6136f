//! The random steps of the plans.

use proptest::prelude::*;

use crate::support::{
    Fault,
    schedule::{Op, Visit, Wanted},
};

const STATUSES: [&str; 5] = ["confirmed", "checked_in", "scheduled", "completed", "no_show"];

/// An operation that refers to an appointment by its index among the known ones.
#[derive(Debug, Clone)]
pub struct Ask {
    what: u8,
    earlier: prop::sample::Index,
    wanted: Wanted,
    minutes: i64,
    overbook: bool,
    status: &'static str,
    pub answer: Heard,
}

/// What happens to a response on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Heard {
    Arrives,
    Lost,
    /// Lost, and requested again with the same `Idempotency-Key`.
    AskedAgain,
}

/// Concurrent operations, and the time until the next ones.
#[derive(Debug, Clone)]
pub struct Turn {
    pub asks: Vec<Ask>,
    pub fault: Option<Fault>,
    pub quiet_seconds: i64,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let patient = prop::option::weighted(0.7, 0..3_usize);
    let times = (0..4_i64, prop::sample::select(vec![15, 30, 60]));
    (0..2_usize, patient, prop::bool::weighted(0.2), times).prop_map(
        |(staff, patient, room, (start, minutes))| Wanted {
            staff,
            patient,
            room,
            start: start * 15,
            minutes,
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    let answer = prop_oneof![
        6 => Just(Heard::Arrives),
        1 => Just(Heard::Lost),
        2 => Just(Heard::AskedAgain),
    ];
    let how = (1..=2_i64, prop::bool::weighted(0.2), prop::sample::select(STATUSES.to_vec()));
    (0..15_u8, any::<prop::sample::Index>(), wanted(), how, answer).prop_map(
        |(what, earlier, wanted, (minutes, overbook, status), answer)| Ask {
            what,
            earlier,
            wanted,
            minutes,
            overbook,
            status,
            answer,
        },
    )
}

pub fn turn() -> impl Strategy<Value = Turn> {
    let faults = vec![
        Fault::LostReply,
        Fault::LostReplyAndToken,
        Fault::Conflict,
        Fault::ThrottledInside,
        Fault::NoItems,
    ];
    let fault = prop::option::weighted(0.3, prop::sample::select(faults));
    // Holds of one or two minutes end in between, to the second.
    let quiet = prop_oneof![
        2 => Just(0),
        2 => prop::sample::select(vec![1, 4, 5, 55, 59, 60, 61, 64, 65, 66, 120, 125, 126]),
        1 => 0..200_i64,
    ];
    (prop::collection::vec(ask(), 1..=3), fault, quiet)
        .prop_map(|(asks, fault, quiet_seconds)| Turn { asks, fault, quiet_seconds })
}

impl Ask {
    /// The operation, with the index replaced by a known appointment.
    pub fn op(&self, visit: Visit, known: &[Visit]) -> Op {
        let Self { wanted, minutes, overbook, status, .. } = *self;
        let Wanted { staff, patient, start, minutes: length, .. } = wanted;
        let somebody = Wanted { patient: patient.or(Some(0)), ..wanted };
        if known.is_empty() || self.what < 3 {
            return Op::Book { visit, wanted: somebody, overbook };
        }
        let visit_before = known[self.earlier.index(known.len())];
        match self.what {
            3..=5 => Op::Hold { visit, wanted, minutes },
            6 | 7 => Op::Confirm { visit: visit_before, patient },
            8 => Op::Release { visit: visit_before },
            9 | 10 => Op::Move { visit: visit_before, staff, start, minutes: length, overbook },
            11 => Op::Cancel { visit: visit_before },
            12 | 13 => Op::Step { visit: visit_before, status },
            _ => Op::Delete { visit: visit_before },
        }
    }
}
