//! Stages that are ready to start, in the order in which they should.
//!
//! Stages with the same claims stand in one line. Only the first of each line is looked at: what
//! does not fit there does not fit behind it either. So a choice costs as much as there are
//! different claims, whatever the number of stages.
//!
//! Whoever comes first and does not fit keeps what it lacks from being taken by those after it:
//! small stages that fit at once would otherwise hold up a wide one for ever.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::pools::{Claim, Free};

/// Where a stage stands in line: larger priority, longer way to the end, DVC's order.
pub(super) type Rank = (Reverse<i64>, Reverse<u64>, usize);

/// The lines.
#[derive(Debug, Default)]
pub(super) struct Ready {
    lines: Vec<BTreeSet<Rank>>,
    claims: Vec<Vec<Claim>>,
    numbers: HashMap<Vec<Claim>, usize>,
}

impl Ready {
    /// The line for stages with these claims.
    pub fn line(&mut self, claims: &[Claim]) -> usize {
        if let Some(line) = self.numbers.get(claims) {
            return *line;
        }
        let line = self.lines.len();
        self.numbers.insert(claims.to_vec(), line);
        self.claims.push(claims.to_vec());
        self.lines.push(BTreeSet::new());
        line
    }

    /// Puts a stage into a line.
    pub fn insert(&mut self, line: usize, rank: Rank) {
        self.lines[line].insert(rank);
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(BTreeSet::is_empty)
    }

    /// Sends everybody away.
    pub fn clear(&mut self) {
        self.lines.iter_mut().for_each(BTreeSet::clear);
    }

    /// All that wait, by line.
    pub fn all(&self) -> impl Iterator<Item = (usize, &[Claim])> {
        self.lines.iter().zip(&self.claims).flat_map(|(line, claims)| line.iter().map(|rank| (rank.2, claims.as_slice())))
    }

    /// Takes a stage out of its line.
    pub fn remove(&mut self, line: usize, rank: &Rank) {
        self.lines[line].remove(rank);
    }

    /// The first stage that may start now, and its line.
    pub fn next(&self, free: &Free, pools: usize) -> Option<(Rank, usize)> {
        let heads = self.lines.iter().enumerate().filter_map(|(line, stages)| Some(Reverse((*stages.first()?, line))));
        let mut heads: BinaryHeap<_> = heads.collect();
        let mut kept = vec![false; pools];
        while let Some(Reverse((rank, line))) = heads.pop() {
            let claims = &self.claims[line];
            if claims.iter().any(|claim| kept[claim.pool]) {
                // What is kept for the one before is not taken; what else it lacks is kept for it.
                free.lacking(claims).for_each(|pool| kept[pool] = true);
                continue;
            }
            let mut fits = true;
            for pool in free.lacking(claims) {
                kept[pool] = true;
                fits = false;
            }
            if fits {
                return Some((rank, line));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::pools::Pool;
    use super::*;

    fn rank(priority: i64, way: u64, at: usize) -> Rank {
        (Reverse(priority), Reverse(way), at)
    }

    fn take(ready: &mut Ready, free: &Free, pools: usize) -> Option<usize> {
        let (rank, line) = ready.next(free, pools)?;
        ready.remove(line, &rank);
        Some(rank.2)
    }

    #[test]
    fn a_wide_stage_is_not_overtaken_by_small_ones() {
        let pools =
            [Pool { name: "mem".to_owned(), capacity: 4, numbered: false }, Pool { name: "db".to_owned(), capacity: 1, numbered: false }];
        let mut free = Free::all(&pools);
        let (small, wide, other) = ([Claim { pool: 0, amount: 1 }], [Claim { pool: 0, amount: 4 }], [Claim { pool: 1, amount: 1 }]);
        free.take(&small, &pools);
        let mut ready = Ready::default();
        for (claims, rank) in [(&wide, rank(0, 5, 0)), (&small, rank(0, 4, 1)), (&other, rank(0, 1, 2))] {
            let line = ready.line(claims);
            ready.insert(line, rank);
        }
        assert_eq!(take(&mut ready, &free, 2), Some(2), "what it does not need is free for others");
        assert_eq!(take(&mut ready, &free, 2), None);
        free.give_back(&small, &pools, &[]);
        assert_eq!(take(&mut ready, &free, 2), Some(0));
        assert_eq!(take(&mut ready, &free, 2), Some(1));
        assert!(ready.is_empty());
    }

    #[test]
    fn priority_comes_before_the_way_and_that_before_the_order() {
        let free = Free::all(&[]);
        let mut ready = Ready::default();
        let line = ready.line(&[]);
        for rank in [rank(0, 1, 0), rank(0, 1, 1), rank(0, 9, 2), rank(1, 0, 3)] {
            ready.insert(line, rank);
        }
        let order: Vec<usize> = std::iter::from_fn(|| take(&mut ready, &free, 0)).collect();
        assert_eq!(order, [3, 2, 0, 1]);
    }
}
