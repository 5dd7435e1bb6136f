//! A bounded cache of the accesses that are stored in the table, so that they are not written
//! again.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::model::Caller;
use crate::id::PatientId;

/// The maximum number of accesses per generation. That many take 18 MB.
const MAX_ENTRIES: usize = 900_000;

/// The accesses that are known to be in the table.
#[derive(Debug, Default)]
pub struct Known {
    hashers: [RandomState; 2],
    generations: Mutex<Generations>,
}

/// Two generations of accesses. The older one is dropped when an hour begins or the younger one is
/// full.
#[derive(Debug, Default)]
struct Generations {
    hour: Timestamp,
    current: HashSet<u128>,
    before: HashSet<u128>,
}

impl Known {
    /// Returns the patients for whom the caller's access in that hour is not known to be stored.
    pub fn unknown<'a>(
        &self,
        caller: Caller<'_>,
        patients: impl IntoIterator<Item = &'a PatientId>,
    ) -> Vec<PatientId> {
        let number = self.numbers(caller);
        let generations = self.generations();
        let unknown = patients.into_iter().filter(|patient| !generations.contains(number(patient)));
        unknown.cloned().collect()
    }

    /// Records that the caller's accesses to these patients are stored.
    pub fn add(&self, caller: Caller<'_>, patients: &[PatientId]) {
        let number = self.numbers(caller);
        let mut generations = self.generations();
        for patient in patients {
            generations.add(caller.hour, number(patient));
        }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a function that computes the number of an access: a 128-bit hash with two random
    /// keys. Collisions are so unlikely that they are ignored.
    fn numbers(&self, caller: Caller<'_>) -> impl Fn(&PatientId) -> u128 {
        let hashers = self.hashers.each_ref().map(|state| {
            let mut hasher = state.build_hasher();
            caller.hash(&mut hasher);
            hasher
        });
        move |patient| {
            let [high, low] = hashers.each_ref().map(|hasher| {
                let mut hasher = hasher.clone();
                patient.hash(&mut hasher);
                u128::from(hasher.finish())
            });
            high << 64 | low
        }
    }
}

impl Generations {
    fn contains(&self, number: u128) -> bool {
        self.current.contains(&number) || self.before.contains(&number)
    }

    fn add(&mut self, hour: Timestamp, number: u128) {
        if hour > self.hour || self.current.len() >= MAX_ENTRIES {
            self.hour = self.hour.max(hour);
            self.before = mem::take(&mut self.current);
        }
        self.current.insert(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller<'a>(subject: &'a str, operation: &'a str, hour: i64) -> Caller<'a> {
        Caller { subject, operation, hour: Timestamp::from_second(3600 * hour).unwrap() }
    }

    #[test]
    fn an_access_is_known_by_caller_operation_hour_and_patient() {
        let known = Known::default();
        let patients = [PatientId::random(), PatientId::random()];
        let anna = caller("anna", "get_patient", 1);
        assert_eq!(known.unknown(anna, &patients), patients);
        known.add(anna, &patients[..1]);
        assert_eq!(known.unknown(anna, &patients), patients[1..]);
        for other in [
            caller("ann", "aget_patient", 1),
            caller("anna", "get_day", 1),
            caller("anna", "get_patient", 2),
        ] {
            assert_eq!(known.unknown(other, &patients), patients);
        }
    }

    #[test]
    fn two_hours_are_cached() {
        let known = Known::default();
        let patients = [PatientId::random()];
        let at = |hour| caller("anna", "get_patient", hour);
        for hour in [1, 2, 1, 2] {
            known.add(at(hour), &patients);
        }
        assert!(known.unknown(at(1), &patients).is_empty());
        assert!(known.unknown(at(2), &patients).is_empty());
        known.add(at(3), &patients);
        known.add(at(4), &patients);
        assert_eq!(known.unknown(at(2), &patients), patients);
        assert!(known.unknown(at(3), &patients).is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let full = (0..MAX_ENTRIES as u128).collect();
        let mut generations = Generations { current: full, ..Generations::default() };
        generations.add(Timestamp::UNIX_EPOCH, MAX_ENTRIES as u128);
        assert_eq!((generations.before.len(), generations.current.len()), (MAX_ENTRIES, 1));
        assert!(generations.contains(0) && generations.contains(MAX_ENTRIES as u128));
    }
}
