//! What a run amounts to: its verdict, counts, sums, and the path that bound its time.
//!
//! Worked out once from a [`History`], so that no two formats of a report can disagree. The time of
//! a stage is that of all its tries, from taking a slot to the end of its saving; waits do not
//! count. Nothing here knows how it is shown.

use std::time::Duration;

use serde::Serialize;

use crate::model::{Class, EndedBy, Status};

use super::history::{Entry, History, Standing};

/// What became of a run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Every stage of the plan is up to date.
    Ok,
    /// A stage failed, or the run itself.
    Failed,
    /// It was asked to stop.
    Interrupted,
    /// Its process ended without a word.
    Killed,
    /// It ended, but the rest of its journal is lost.
    Damaged,
    /// It goes on.
    Running,
    /// A stage ended it early, as it may.
    StoppedEarly,
}

/// How a stage is shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shown {
    /// It is over.
    Over(Status),
    /// It works now.
    Running,
    /// It has not begun, and may.
    Waiting,
}

impl RunVerdict {
    /// The word of the JSON answer.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Killed => "killed",
            Self::Damaged => "damaged",
            Self::Running => "running",
            Self::StoppedEarly => "stopped_early",
        }
    }

    /// The words for people, without what is known of the stages.
    fn words(self) -> &'static str {
        match self {
            Self::Ok => "Up to date",
            Self::Failed => "Failed",
            Self::Interrupted => "Interrupted",
            Self::Killed => "Killed",
            Self::Damaged => "Journal damaged",
            Self::Running => "Running",
            Self::StoppedEarly => "Stopped early",
        }
    }
}

impl Shown {
    /// Every way, in the order in which they are told.
    pub const ALL: [Self; 12] = [
        Self::Over(Status::Failed),
        Self::Over(Status::Stopped),
        Self::Running,
        Self::Over(Status::Ran),
        Self::Over(Status::Restored),
        Self::Over(Status::Updated),
        Self::Over(Status::Planned),
        Self::Over(Status::Unchanged),
        Self::Over(Status::Frozen),
        Self::Over(Status::UpstreamFailed),
        Self::Over(Status::NotStarted),
        Self::Waiting,
    ];

    /// The word of the JSON answer.
    pub fn key(self) -> &'static str {
        match self {
            Self::Over(Status::Ran) => "ran",
            Self::Over(Status::Restored) => "restored",
            Self::Over(Status::Updated) => "updated",
            Self::Over(Status::Planned) => "planned",
            Self::Over(Status::Unchanged) => "unchanged",
            Self::Over(Status::Frozen) => "frozen",
            Self::Over(Status::Failed) => "failed",
            Self::Over(Status::UpstreamFailed) => "upstream_failed",
            Self::Over(Status::Stopped) => "stopped",
            Self::Over(Status::NotStarted) => "not_started",
            Self::Running => "running",
            Self::Waiting => "waiting",
        }
    }

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Over(Status::Planned) => "would run",
            Self::Over(Status::UpstreamFailed) => "skipped",
            Self::Over(Status::NotStarted) => "not started",
            other => other.key(),
        }
    }
}

/// The sums of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// What became of it.
    pub verdict: RunVerdict,
    /// How each stage of the plan is shown, by its place.
    pub shown: Vec<Shown>,
    /// How many stages are shown how: those of [`Shown::ALL`] that there are, in that order.
    pub counts: Vec<(Shown, usize)>,
    /// From its beginning to its end, or to what is last known of it.
    pub wall: Duration,
    /// The time of each stage, by its place.
    pub times: Vec<Duration>,
    /// Their sum.
    pub stage_time: Duration,
    /// The places of the stages that took time on the longest chain of stages that depend on each other.
    pub critical: Vec<usize>,
    /// How long that chain takes: with endless jobs no run is shorter.
    pub critical_time: Duration,
    /// The part of the wall time in which no command of a stage ran.
    pub own: Duration,
}

impl Facts {
    /// Those of a run; `alive`: its process still holds its journal.
    pub fn of(history: &History, alive: bool) -> Self {
        let verdict = verdict(history, alive);
        let wall = history.end.as_ref().map_or(history.last, |end| end.elapsed);
        let shown: Vec<Shown> = history.stages.iter().map(|entry| shown(entry.standing(), verdict)).collect();
        let count = |wanted| shown.iter().filter(|shown| **shown == wanted).count();
        let counts = Shown::ALL.into_iter().map(|shown| (shown, count(shown))).filter(|(_, count)| *count > 0).collect();
        let times: Vec<Duration> = history.stages.iter().map(|entry| time(entry, wall)).collect();
        let (critical, critical_time) = longest_chain(history, &times);
        let own = wall.saturating_sub(covered(history, wall));
        Self { verdict, shown, counts, wall, stage_time: times.iter().sum(), times, critical, critical_time, own }
    }

    /// The verdict for people. What only would run has not come to anything yet.
    pub fn words(&self) -> &'static str {
        match self.verdict {
            RunVerdict::Ok if self.count(Shown::Over(Status::Planned)) > 0 => "Dry run",
            RunVerdict::Ok if !self.stage_time.is_zero() => "Succeeded",
            other => other.words(),
        }
    }

    /// How many stages are shown so.
    pub fn count(&self, wanted: Shown) -> usize {
        self.counts.iter().find(|(shown, _)| *shown == wanted).map_or(0, |(_, count)| *count)
    }

    /// How many times shorter the run was than its stages one after the other.
    pub fn speed_up(&self) -> Option<f64> {
        ratio(self.stage_time, self.wall)
    }

    /// Which part of its job slots was taken, from 0 to 1 (more where slots were shared in a run that was cut off).
    pub fn efficiency(&self, jobs: usize) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
        self.speed_up().filter(|_| jobs > 0).map(|speed_up| speed_up / jobs as f64)
    }

    /// The speed-up that endless jobs would give.
    pub fn most(&self) -> Option<f64> {
        ratio(self.stage_time, self.critical_time)
    }
}

fn ratio(a: Duration, b: Duration) -> Option<f64> {
    (!a.is_zero() && !b.is_zero()).then(|| a.as_secs_f64() / b.as_secs_f64())
}

fn verdict(history: &History, alive: bool) -> RunVerdict {
    let Some(end) = &history.end else {
        return match history.damaged {
            _ if alive => RunVerdict::Running,
            Some(_) => RunVerdict::Damaged,
            None => RunVerdict::Killed,
        };
    };
    let early = |entry: &Entry| entry.outcome.as_ref().is_some_and(|outcome| outcome.ended_by == Some(EndedBy::EarlyStop));
    let failed = |entry: &Entry| entry.standing() == Standing::Over(Status::Failed);
    match &end.fault {
        Some(fault) if fault.class == Class::Interrupted => RunVerdict::Interrupted,
        Some(_) => RunVerdict::Failed,
        None if history.stages.iter().any(early) => RunVerdict::StoppedEarly,
        // With --ignore-errors.
        None if history.stages.iter().any(failed) => RunVerdict::Failed,
        None => RunVerdict::Ok,
    }
}

fn shown(standing: Standing, verdict: RunVerdict) -> Shown {
    // Of a damaged journal the last that is known is shown.
    match (standing, matches!(verdict, RunVerdict::Running | RunVerdict::Damaged)) {
        (Standing::Over(status), _) => Shown::Over(status),
        (Standing::Running, true) => Shown::Running,
        (Standing::Running, false) => Shown::Over(Status::Stopped),
        (Standing::Ready | Standing::ToCome, true) => Shown::Waiting,
        (Standing::Ready | Standing::ToCome, false) => Shown::Over(Status::NotStarted),
    }
}

fn time(entry: &Entry, now: Duration) -> Duration {
    entry.tries.iter().map(|attempt| attempt.phases(now).work()).sum()
}

/// The chain of upstream stages with the largest sum of times. Of chains that are equal the one that
/// comes first in the plan counts.
fn longest_chain(history: &History, times: &[Duration]) -> (Vec<usize>, Duration) {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|at| history.stages[*at].planned.level);
    let mut best: Vec<(Duration, Option<usize>)> = vec![(Duration::ZERO, None); times.len()];
    for at in order {
        let upstream = history.stages[at].planned.upstream.iter().filter_map(|stage| history.place(*stage));
        let longest = upstream.filter(|up| *up != at).fold(None, |longest: Option<usize>, up| match longest {
            Some(other) if best[other].0 >= best[up].0 => longest,
            _ => Some(up),
        });
        best[at] = (longest.map_or(Duration::ZERO, |up| best[up].0) + times[at], longest);
    }
    let last = (0..times.len()).fold(None, |last: Option<usize>, at| match last {
        Some(other) if best[other].0 >= best[at].0 => last,
        _ => Some(at),
    });
    let length = last.map_or(Duration::ZERO, |at| best[at].0);
    let mut chain: Vec<usize> = std::iter::successors(last, |at| best[*at].1).filter(|at| !times[*at].is_zero()).collect();
    chain.reverse();
    (chain, length)
}

/// How long at least one command ran.
fn covered(history: &History, now: Duration) -> Duration {
    let tries = history.stages.iter().flat_map(|entry| &entry.tries);
    let mut spans: Vec<(Duration, Duration)> = tries
        .filter_map(|attempt| {
            let phases = attempt.phases(now);
            let from = attempt.start + phases.before;
            (!phases.run.is_zero()).then_some((from, from + phases.run))
        })
        .collect();
    spans.sort_unstable();
    let mut end = Duration::ZERO;
    let mut sum = Duration::ZERO;
    for (from, to) in spans {
        sum += to.saturating_sub(from.max(end));
        end = end.max(to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{badly, random, well};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_run_amounts_to_counts_sums_and_a_critical_path() {
        let facts = well().dossier().facts;
        assert_eq!(facts.verdict, RunVerdict::Ok);
        assert_eq!(facts.counts, [(Shown::Over(Status::Ran), 3), (Shown::Over(Status::Restored), 1), (Shown::Over(Status::Unchanged), 1)]);
        assert_eq!((facts.wall, facts.stage_time), (MS(2740), MS(500 + 2000 + 1000 + 200)));
        assert_eq!((facts.critical.as_slice(), facts.critical_time), (&[0, 1, 4][..], MS(2700)));
        // The three that ran a command did so for all but 2 ms each, and one after the other.
        assert_eq!(facts.own, MS(2740 - 498 - 1998 - 198));
    }

    #[test]
    fn what_did_not_end_was_killed_or_goes_on() {
        let mut tale = badly();
        tale.events.truncate(8);
        let history = crate::report::history::History::of(&tale.events);
        let (killed, running) = (Facts::of(&history, false), Facts::of(&history, true));
        assert_eq!((killed.verdict, running.verdict), (RunVerdict::Killed, RunVerdict::Running));
        assert_eq!(killed.shown, [Shown::Over(Status::Ran), Shown::Over(Status::Stopped), Shown::Over(Status::NotStarted)]);
        assert_eq!(running.shown, [Shown::Over(Status::Ran), Shown::Running, Shown::Waiting]);
    }

    #[test]
    fn sums_agree_in_random_runs() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let dossier = random(&mut rng, 30).dossier();
            let (history, facts) = (&dossier.history, &dossier.facts);
            assert_eq!(facts.counts.iter().map(|(_, count)| count).sum::<usize>(), history.stages.len());
            assert_eq!(facts.stage_time, facts.times.iter().sum());
            assert_eq!(facts.critical_time, facts.critical.iter().map(|at| facts.times[*at]).sum());
            assert!(facts.critical_time <= facts.stage_time && facts.own <= facts.wall);
            for pair in facts.critical.windows(2) {
                assert!(history.stages[pair[0]].planned.level < history.stages[pair[1]].planned.level);
            }
            for (entry, time) in history.stages.iter().zip(&facts.times) {
                let whole: Duration = entry.tries.iter().map(|a| a.end.as_ref().map_or(facts.wall, |(end, _)| *end) - a.start).sum();
                assert_eq!(*time, whole);
            }
        }
    }
}
