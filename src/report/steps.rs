//! How many stages ran, were ready and waited for others, over the time of a run.
//!
//! Only stages that had to run, or would have had to, count: one that is found unchanged never
//! waited for anything worth showing. A stage counts as blocked until it is known that it must run;
//! as ready from then on while it has no slot, between two tries too; as running during a try.

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::{Facts, Shown};
use super::history::{Entry, History};
use crate::model::Status;

/// The numbers from one moment on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// Since the beginning of the run.
    pub at: Duration,
    /// Stages at work.
    pub running: usize,
    /// Stages that could begin and have no slot.
    pub ready: usize,
    /// Stages that wait for others.
    pub blocked: usize,
}

/// What a stage is counted as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    Blocked,
    Ready,
    Running,
    Gone,
}

/// The steps of a run: the first at its beginning, each other one where a number changes.
pub fn steps(history: &History, facts: &Facts) -> Vec<Step> {
    let mut changes: BTreeMap<Duration, [isize; 3]> = BTreeMap::new();
    changes.insert(Duration::ZERO, [0; 3]);
    for (entry, shown) in history.stages.iter().zip(&facts.shown) {
        let mut before = Count::Gone;
        for (at, count) in way(entry, *shown) {
            let change = changes.entry(at).or_default();
            for (count, by) in [(before, -1), (count, 1)] {
                if let Some(number) = change.get_mut(count as usize) {
                    *number += by;
                }
            }
            before = count;
        }
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut now = [0isize; 3];
    for (at, change) in changes {
        now.iter_mut().zip(change).for_each(|(number, by)| *number += by);
        let [blocked, ready, running] = now.map(isize::unsigned_abs);
        let step = Step { at, running, ready, blocked };
        if steps.last().is_none_or(|last| Step { at, ..*last } != step) {
            steps.push(step);
        }
    }
    steps
}

/// When a stage was counted as what.
fn way(entry: &Entry, shown: Shown) -> Vec<(Duration, Count)> {
    let waits = matches!(shown, Shown::Waiting | Shown::Over(Status::UpstreamFailed | Status::NotStarted));
    let Some(ready) = entry.ready.or(entry.tries.first().map(|first| first.start)) else {
        return if waits { vec![(Duration::ZERO, Count::Blocked)] } else { Vec::new() };
    };
    let mut way = vec![(Duration::ZERO, Count::Blocked), (ready, Count::Ready)];
    for (at, attempt) in entry.tries.iter().enumerate() {
        way.push((attempt.start, Count::Running));
        if let Some((end, _)) = attempt.end {
            way.push((end, if at + 1 < entry.tries.len() { Count::Ready } else { Count::Gone }));
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{badly, random, well};

    fn told(tale: &crate::report::sample::Tale) -> Vec<(u128, usize, usize, usize)> {
        let dossier = tale.dossier();
        let steps = steps(&dossier.history, &dossier.facts);
        steps.iter().map(|step| (step.at.as_millis(), step.running, step.ready, step.blocked)).collect()
    }

    #[test]
    fn stages_are_blocked_then_ready_then_running() {
        let want = [
            (0, 0, 0, 4),
            (10, 0, 1, 3),
            (12, 1, 0, 3),
            (512, 0, 0, 3),
            (515, 0, 1, 2),
            (516, 0, 2, 1),
            (520, 1, 1, 1),
            (521, 2, 0, 1),
            (1521, 1, 0, 1),
            (2520, 0, 0, 1),
            (2525, 0, 1, 0),
            (2530, 1, 0, 0),
            (2730, 0, 0, 0),
        ];
        assert_eq!(told(&well()), want);
    }

    #[test]
    fn what_a_failure_left_out_stays_blocked() {
        assert_eq!(told(&badly()).last(), Some(&(1520, 0, 0, 1)));
    }

    #[test]
    fn there_are_never_more_running_than_tries_at_that_time() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..300 {
            let dossier = random(&mut rng, 30).dossier();
            for step in steps(&dossier.history, &dossier.facts) {
                let tries = dossier.history.stages.iter().flat_map(|entry| &entry.tries);
                let over = |end: &Option<(Duration, _)>| end.as_ref().is_some_and(|(end, _)| *end <= step.at);
                assert_eq!(step.running, tries.filter(|attempt| attempt.start <= step.at && !over(&attempt.end)).count());
                assert!(step.running + step.ready + step.blocked <= dossier.history.stages.len());
            }
        }
    }
}
