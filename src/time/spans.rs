//! Sets of instants, as spans of epoch seconds.

/// A set of instants: ordered spans of epoch seconds that do not touch each other. Spans exclude
/// their end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans(Vec<(i64, i64)>);

impl Spans {
    /// Returns the spans in order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// Returns whether the set contains the whole period from `start` until `end`.
    pub fn contain(&self, start: i64, end: i64) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= start);
        after.checked_sub(1).is_some_and(|at| end <= self.0[at].1)
    }

    /// Returns the instants in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }

    /// Returns the instants in this set that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for (mut from, to) in self.iter() {
            let first = other.0.partition_point(|span| span.1 <= from);
            for (taken, free_again) in other.0[first..].iter().take_while(|span| span.0 < to) {
                if from < *taken {
                    left.push((from, *taken));
                }
                from = from.max(*free_again);
            }
            if from < to {
                left.push((from, to));
            }
        }
        Self(left)
    }
}

impl FromIterator<(i64, i64)> for Spans {
    /// Merges spans in any order, which may overlap or be empty.
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(spans: I) -> Self {
        let mut spans: Vec<_> = spans.into_iter().filter(|(from, to)| from < to).collect();
        spans.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn any_spans() -> impl Strategy<Value = Spans> {
        let span = (0_i64..60, 0_i64..12).prop_map(|(from, length)| (from, from + length));
        prop::collection::vec(span, 0..8).prop_map(Spans::from_iter)
    }

    fn instants(spans: &Spans) -> BTreeSet<i64> {
        spans.iter().flat_map(|(from, to)| from..to).collect()
    }

    fn is_tidy(spans: &Spans) -> bool {
        spans.iter().all(|(from, to)| from < to)
            && spans.0.windows(2).all(|pair| pair[0].1 < pair[1].0)
    }

    proptest! {
        #[test]
        fn they_are_sets(a in any_spans(), b in any_spans(), start in 0_i64..70, length in 1_i64..10) {
            let (of_a, of_b) = (instants(&a), instants(&b));
            prop_assert!(is_tidy(&a));
            let both = a.intersection(&b);
            prop_assert_eq!(instants(&both), of_a.intersection(&of_b).copied().collect());
            let left = a.without(&b);
            prop_assert!(is_tidy(&left));
            prop_assert_eq!(instants(&left), of_a.difference(&of_b).copied().collect());
            let all: Spans = a.iter().chain(b.iter()).collect();
            prop_assert!(is_tidy(&all));
            prop_assert_eq!(instants(&all), of_a.union(&of_b).copied().collect());
            let whole = (start..start + length).all(|at| of_a.contains(&at));
            prop_assert_eq!(a.contain(start, start + length), whole);
        }
    }
}
