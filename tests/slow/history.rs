//! The history of concurrent operations, and whether it is linearizable.

use std::collections::{BTreeMap, BTreeSet};

use stateright::semantics::SequentialSpec as _;

use crate::support::schedule::{Op, Ret, Schedule};

/// The most operations of a history: the bits of a set.
const MOST_OPERATIONS: usize = 64;

/// The operations of some clients in the order of their calls, and when each got its response.
#[derive(Debug, Default)]
pub struct History {
    operations: Vec<Operation>,
    /// The operation that each client waits for.
    pending: BTreeMap<usize, usize>,
    /// The number of calls and responses.
    moment: usize,
}

#[derive(Debug)]
struct Operation {
    op: Op,
    called: usize,
    /// When the response came, and what it said. Without one, the operation takes effect at any time or never.
    response: Option<(usize, Ret)>,
}

impl History {
    /// Records the call of an operation. The client waits for no other one.
    pub fn invoke(&mut self, client: usize, op: Op) {
        assert!(self.operations.len() < MOST_OPERATIONS);
        assert_eq!(self.pending.insert(client, self.operations.len()), None);
        self.operations.push(Operation { op, called: self.moment, response: None });
        self.moment += 1;
    }

    /// Records the response that a client waits for.
    pub fn respond(&mut self, client: usize, ret: Ret) {
        let operation = self.pending.remove(&client).unwrap();
        self.operations[operation].response = Some((self.moment, ret));
        self.moment += 1;
    }

    /// Returns whether the operations can have taken effect one after the other, each between its call and its response.
    pub fn is_linearizable(&self) -> bool {
        self.can_continue(0, &Schedule::default(), &mut BTreeSet::new())
    }

    /// Returns whether the operations that are not `done` can follow in this state. Each set of operations is tried once with
    /// each state, so the search ends soon also if many operations have no response (Lowe, 2017).
    fn can_continue(
        &self,
        done: u64,
        state: &Schedule,
        tried: &mut BTreeSet<(u64, Schedule)>,
    ) -> bool {
        let left = || {
            let all = self.operations.iter().enumerate();
            all.filter(move |(at, _)| done & (1 << at) == 0)
        };
        let first_response = left().filter_map(|(_, it)| Some(it.response?.0)).min();
        let Some(first_response) = first_response else { return true };
        if !tried.insert((done, state.clone())) {
            return false;
        }
        let mut next = left().filter(|(_, it)| it.called < first_response);
        next.any(|(at, Operation { op, response, .. })| {
            let mut after = state.clone();
            let is_valid = if let Some((_, ret)) = response {
                after.is_valid_step(op, ret)
            } else {
                // Without an effect, it need not take place.
                after.invoke(op);
                after != *state
            };
            is_valid && self.can_continue(done | (1 << at), &after, tried)
        })
    }
}

#[test]
fn a_response_counts_after_all_responses_before_its_call() {
    let cancel = || Op::Cancel { visit: 1 };
    let wanted = crate::support::schedule::Wanted {
        staff: 0,
        patient: Some(0),
        room: false,
        start: 0,
        minutes: 30,
    };
    let book = || Op::Book { visit: 1, wanted, overbook: false };
    let same_time = || Op::Book { visit: 2, wanted, overbook: false };
    let busy = Ret::Refused("staff_busy");
    // One after the other.
    let mut history = History::default();
    history.invoke(0, book());
    history.respond(0, Ret::Done);
    history.invoke(0, same_time());
    history.respond(0, Ret::Done);
    assert!(!history.is_linearizable(), "both have the same time");
    // At the same time, in either order.
    let mut history = History::default();
    history.invoke(0, same_time());
    history.invoke(1, book());
    history.respond(0, busy);
    history.respond(1, Ret::Done);
    assert!(history.is_linearizable());
    // A cancellation without a response may have freed the time.
    let mut history = History::default();
    history.invoke(0, book());
    history.respond(0, Ret::Done);
    history.invoke(0, cancel());
    history.invoke(1, same_time());
    history.respond(1, Ret::Done);
    assert!(history.is_linearizable());
    history.invoke(1, Op::Book { visit: 3, wanted, overbook: false });
    history.respond(1, Ret::Done);
    assert!(!history.is_linearizable(), "it frees the time once");
}
