//! How large the next partition of an input is to be.
//!
//! A command that gets `x` items takes about `a x + b` seconds: `b` to start (a process, its imports), `a`
//! for each item. Measured are pairs of `x` and the wall time `t`; the cost of an item `t / x = a + b / x` is fitted
//! by least squares, each measurement weighted by its items, because a partition of one item tells little about
//! `a`. `b` cannot be below nothing. A partition is large enough when starting makes up no more than a
//! twentieth of its cost, `x = 20 b / a`: more would gain at most 5 % of the work and lose balance. In this `b` counts
//! as a millisecond at least: cutting a partition, joining its part and looking after it cost us about that, outside
//! of `t`, so no fit can see it; and a fit of `b = 0`, as a worker that stays may have, would make partitions of one item.
//!
//! Above that stands the cap: two partitions for each job, `n / (2 jobs)` items, or all cores but one wait for
//! the last partition. Towards the end partitions shrink to `remaining / (2 jobs)`, so that all jobs end at
//! about the same time, but not under `b / a`, where starting would cost as much as the work itself. Where it
//! is not known how much will come, what has come stands for it: each partition may be so large that
//! it is no more than its share of what was handed out until then.
//!
//! The formula is that of parfun 7 with its holes closed: it has no cap (a large `b` made fewer partitions than
//! workers), measures CPU time (waiting is invisible to it) and weighs all measurements alike. Knows no
//! clock, no file and no process.

/// Cost of a command, in seconds: `each` for an item, `start` for a partition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cost {
    /// `a`
    pub each: f64,
    /// `b`
    pub start: f64,
}

/// How much of the cost of a partition starting may be.
const SHARE: f64 = 20.0;
/// What each partition costs us ourselves at least, in seconds; a fit cannot see it.
const OWN: f64 = 0.001;
/// Until the cost is known sizes grow by this.
const GROWTH: u64 = 4;
/// The first size when nothing is known.
const FIRST: u64 = 32;
/// With how many measurements of different sizes the cost is known.
const ENOUGH: usize = 3;
/// How many measurements are kept; later ones replace the nearest.
const KEPT: usize = 100;

/// Chooses sizes.
#[derive(Clone, Debug)]
pub struct Sizer {
    jobs: u64,
    /// The size of partitions while nothing is known.
    initial: u64,
    /// What was learnt in an earlier run.
    learnt: Option<Cost>,
    /// Items and seconds of partitions that have ended.
    measured: Vec<(u64, f64)>,
    /// Items that were handed out.
    handed: u64,
    /// How many partitions were, while the cost was not known.
    tries: u32,
}

impl Sizer {
    /// For so many jobs; `initial` is the size of partitions before anything is known.
    pub fn new(jobs: usize, initial: Option<u64>, learnt: Option<Cost>) -> Self {
        let learnt = learnt.filter(|_| initial.is_none());
        Self { jobs: jobs.max(1) as u64, initial: initial.unwrap_or(FIRST).max(1), learnt, measured: Vec::new(), handed: 0, tries: 0 }
    }

    /// How many items the next partition gets; `remaining` is what is left with it, where that is known. At
    /// least one.
    pub fn next(&mut self, remaining: Option<u64>) -> u64 {
        let parts = self.jobs.saturating_mul(2);
        let cost = self.cost();
        let wanted = match cost {
            Some(cost) => whole(SHARE * cost.start.max(OWN) / cost.each),
            None => {
                let round = self.tries / u32::try_from(self.jobs).unwrap_or(u32::MAX);
                self.tries = self.tries.saturating_add(1);
                self.initial.saturating_mul(GROWTH.saturating_pow(round))
            }
        };
        let cap = match remaining {
            Some(remaining) => {
                // While nothing is known there is nothing by which to shrink.
                let least = cost.map_or(wanted, |cost| whole(cost.start / cost.each));
                let all = self.handed + remaining;
                (all / parts).min(remaining.div_ceil(parts).max(least)).min(remaining)
            }
            None => (self.handed / (parts - 1)).max(self.initial),
        };
        let size = wanted.min(cap).max(1);
        self.handed += size;
        size
    }

    /// A partition gets so many items whatever its cost.
    pub fn hand(&mut self, items: u64) -> u64 {
        self.handed += items;
        items
    }

    /// A partition has ended.
    pub fn learn(&mut self, items: u64, seconds: f64) {
        if items == 0 {
            return;
        }
        if self.measured.len() < KEPT {
            self.measured.push((items, seconds));
        } else if let Some(nearest) = self.measured.iter_mut().min_by_key(|(other, _)| other.abs_diff(items)) {
            *nearest = (items, seconds);
        }
    }

    /// What is known of the cost: measured here, or before; none if neither tells.
    pub fn cost(&self) -> Option<Cost> {
        self.fitted().or(self.learnt)
    }

    /// Weighted least squares over `t / x = a + b / x`, `b >= 0`. None while sizes differ too little, or items
    /// seem to cost nothing.
    fn fitted(&self) -> Option<Cost> {
        let mut sizes: Vec<u64> = self.measured.iter().map(|(items, _)| *items).collect();
        sizes.sort_unstable();
        sizes.dedup();
        if sizes.len() < ENOUGH {
            return None;
        }
        // With w = x and z = 1 / x: sums of w, w z, w z z, w y and w y z, where y = t / x.
        let (mut w, mut wz, mut wzz, mut wy, mut wyz) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(items, seconds) in &self.measured {
            let x = items as f64;
            w += x;
            wz += 1.0;
            wzz += 1.0 / x;
            wy += seconds;
            wyz += seconds / x;
        }
        let determinant = w * wzz - wz * wz;
        let slope = if determinant > 0.0 { (w * wyz - wz * wy) / determinant } else { 0.0 };
        let start = slope.max(0.0);
        let each = (wy - start * wz) / w;
        (each > 0.0).then_some(Cost { each, start })
    }
}

fn whole(items: f64) -> u64 {
    // Beyond what counts as a whole number, and for no number at all, it saturates.
    items.ceil().max(1.0) as u64
}

/// The size of each of `chunks` partitions of `all` items: they differ by one at most, larger ones first.
/// There are no more of them than items.
pub fn chunks(all: u64, chunks: u64) -> impl Iterator<Item = u64> {
    let chunks = chunks.min(all).max(1);
    (0..chunks).map(move |at| all / chunks + u64::from(at < all % chunks)).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs a whole input through jobs that cost what is given; the sizes.
    fn simulate(sizer: &mut Sizer, all: u64, jobs: usize, known: bool, cost: Cost) -> Vec<u64> {
        let (mut left, mut sizes, mut free) = (all, Vec::new(), vec![(0.0, 0); jobs]);
        while left > 0 {
            let at = (0..jobs).min_by(|a, b| f64::total_cmp(&free[*a].0, &free[*b].0)).unwrap();
            if free[at].1 > 0 {
                sizer.learn(free[at].1, cost.start + cost.each * free[at].1 as f64);
            }
            let size = sizer.next(known.then_some(left)).min(left);
            free[at] = (free[at].0 + cost.start + cost.each * size as f64, size);
            sizes.push(size);
            left -= size;
        }
        sizes
    }

    #[test]
    fn the_cost_is_found_again() {
        let mut sizer = Sizer::new(2, None, None);
        for items in [32, 128, 512, 2048] {
            sizer.learn(items, 0.05 + 1e-6 * items as f64);
        }
        let cost = sizer.cost().unwrap();
        assert!((cost.start - 0.05).abs() < 1e-9 && (cost.each - 1e-6).abs() < 1e-12, "{cost:?}");
        assert_eq!(sizer.next(Some(u64::MAX / 2)), 1_000_000);
    }

    /// The derivatives of `sum x (a + b / x - t / x)^2` by `a` and by `b`, each as a share of what it is the sum of.
    fn slopes(cost: Cost, measured: &[(u64, f64)]) -> (f64, f64) {
        let sum = |weight: fn(f64) -> f64| {
            let terms = measured.iter().map(|(items, seconds)| (*items as f64, *seconds));
            let errors = terms.clone().map(|(x, t)| weight(x) * (cost.each * x + cost.start - t));
            errors.sum::<f64>() / terms.map(|(x, t)| weight(x) * (cost.each * x + cost.start + t)).sum::<f64>()
        };
        (sum(|_| 1.0), sum(|x| 1.0 / x))
    }

    proptest! {
        #[test]
        fn no_other_cost_has_less_of_a_weighted_error(measured in proptest::collection::vec((1..5_000_u64, 0.001..10.0_f64), 3..20)) {
            let mut sizer = Sizer::new(2, None, None);
            measured.iter().for_each(|(items, seconds)| sizer.learn(*items, *seconds));
            if let Some(cost) = sizer.cost() {
                let (by_each, by_start) = slopes(cost, &measured);
                prop_assert!(by_each.abs() < 1e-6, "{cost:?}: {by_each}");
                // Where it would be less with a start below nothing, it begins to grow at nothing.
                prop_assert!(cost.start >= 0.0 && if cost.start > 0.0 { by_start.abs() < 1e-6 } else { by_start > -1e-6 }, "{cost:?}: {by_start}");
            }
        }
    }

    #[test]
    fn measurements_count_by_their_items() {
        let mut sizer = Sizer::new(2, None, None);
        // The second took twice as long as a start of 0.1 and 0.001 for each make; among so many items it tells little.
        for (items, seconds) in [(1, 0.101), (2, 0.204), (10_000, 10.1), (20_000, 20.1)] {
            sizer.learn(items, seconds);
        }
        let cost = sizer.cost().unwrap();
        assert!((cost.each - 0.001).abs() < 1e-5, "{cost:?}");
    }

    #[test]
    fn a_start_is_never_less_than_nothing() {
        let mut sizer = Sizer::new(2, None, None);
        // The larger, the dearer each item.
        for (items, seconds) in [(10, 0.1), (100, 2.0), (1000, 40.0)] {
            sizer.learn(items, seconds);
        }
        let cost = sizer.cost().unwrap();
        assert_eq!(cost.start.to_bits(), 0.0_f64.to_bits());
        assert!((cost.each - 42.1 / 1110.0).abs() < 1e-12, "{cost:?}");
    }

    #[test]
    fn what_a_partition_costs_us_counts_as_a_start() {
        let learnt = Cost { each: 1e-6, start: 0.0 };
        assert_eq!(Sizer::new(2, None, Some(learnt)).next(Some(u64::MAX / 2)), 20_000);
        assert_eq!(Sizer::new(2, None, Some(Cost { start: 0.002, ..learnt })).next(Some(u64::MAX / 2)), 40_000);
    }

    #[test]
    fn no_partition_is_more_than_its_share_of_two_for_each_job() {
        let learnt = Cost { each: 1e-9, start: 10.0 };
        let sizes = simulate(&mut Sizer::new(4, None, Some(learnt)), 1000, 4, true, learnt);
        assert_eq!(sizes, [125; 8]);
        // Of a pipe: of what has come with it.
        let mut sizer = Sizer::new(4, None, Some(learnt));
        sizer.hand(7_000);
        assert_eq!(sizer.next(None), 1000);
    }

    #[test]
    fn the_end_is_shared_but_not_below_where_starting_costs_as_much_as_the_work() {
        let mut sizer = Sizer::new(2, None, Some(Cost { each: 1e-3, start: 0.1 }));
        sizer.hand(19_000);
        assert_eq!(sizer.next(Some(1000)), 250);
        assert_eq!(sizer.next(Some(401)), 101);
        assert_eq!(sizer.next(Some(300)), 100);
        assert_eq!(sizer.next(Some(60)), 60);
    }

    #[test]
    fn any_number_of_jobs_will_do() {
        for jobs in [0, usize::MAX / 2 + 1, usize::MAX] {
            let mut sizer = Sizer::new(jobs, None, None);
            assert!((1..=5).contains(&sizer.next(Some(10))), "{jobs}");
            assert_eq!(sizer.next(None), FIRST, "{jobs}");
        }
    }

    #[test]
    fn each_job_has_two_partitions_where_there_are_items_enough() {
        for (all, jobs, start, each) in [(1000, 4, 10.0, 1e-9), (60_000, 2, 0.3, 1e-5), (17, 8, 1.0, 1.0), (1_000_000, 3, 0.01, 1e-4)] {
            for known in [true, false] {
                let sizes = simulate(&mut Sizer::new(jobs, None, None), all, jobs, known, Cost { each, start });
                assert_eq!(sizes.iter().sum::<u64>(), all);
                let least = (2 * jobs as u64).min(if known { all } else { all / FIRST });
                assert!(sizes.len() as u64 >= least, "{all} {jobs} {known}: {sizes:?}");
            }
        }
    }

    #[test]
    fn what_costs_the_same_however_large_it_is_comes_in_as_few_partitions_as_the_cap_allows() {
        let sizes = simulate(&mut Sizer::new(2, None, None), 1_000_000, 2, true, Cost { each: 0.0, start: 1.0 });
        assert!(sizes.len() < 40, "{sizes:?}");
    }

    #[test]
    fn what_was_learnt_before_is_used_from_the_first_partition_on() {
        let learnt = Cost { each: 1e-3, start: 0.1 };
        assert_eq!(Sizer::new(2, None, Some(learnt)).next(Some(1_000_000)), 2000);
        assert_eq!(Sizer::new(2, Some(7), Some(learnt)).next(Some(1_000_000)), 7);
    }

    #[test]
    fn towards_the_end_partitions_shrink() {
        let learnt = Cost { each: 1e-3, start: 0.1 };
        let sizes = simulate(&mut Sizer::new(2, None, Some(learnt)), 20_000, 2, true, learnt);
        assert!(sizes.windows(2).all(|pair| pair[1] <= pair[0]), "{sizes:?}");
        assert_eq!(sizes[0], 2000);
        assert!(sizes.iter().rev().skip(1).all(|size| *size >= 100), "{sizes:?}");
    }

    #[test]
    fn chunks_differ_by_one_at_most() {
        assert_eq!(chunks(10, 3).collect::<Vec<_>>(), [4, 3, 3]);
        assert_eq!(chunks(2, 5).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(chunks(0, 5).count(), 0);
    }
}
