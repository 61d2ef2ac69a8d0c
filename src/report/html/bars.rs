//! Which bars a timeline has: the tries of a run, on rows of slots, in groups of queues.
//!
//! Pure values without shapes. Bars too short to be seen are put together with their neighbours
//! of the same kind, so that a timeline of any length has a bounded number of shapes; one that
//! failed is never hidden among others.

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;

use crate::report::dossier::Dossier;
use crate::report::facts::Shown;
use crate::report::history::Try;

/// The share of the whole time below which a bar cannot be seen ...
const UNSEEN: f64 = 1.0 / 700.0;
/// ... and below which it is hardly seen: where there are very many, that counts.
const HARDLY_SEEN: f64 = 1.0 / 100.0;
/// So many bars are drawn one by one if they can be seen.
const MANY: usize = 1500;

/// One try, or several that are too short to be seen one by one.
#[derive(Clone, PartialEq, Debug)]
pub struct Bar {
    /// The stage's place in the plan (of the first, if they are several).
    pub place: usize,
    /// Which try it is.
    pub number: u32,
    /// How many tries it stands for.
    pub count: usize,
    /// How it is shown.
    pub shown: Shown,
    /// Whether it lies on the critical path.
    pub critical: bool,
    /// Since when it could have begun.
    pub ready: Duration,
    /// When it took its slot.
    pub start: Duration,
    /// When its saving began; its end where nothing was saved.
    pub save: Duration,
    /// When it was over.
    pub end: Duration,
}

/// The rows of one queue.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lane {
    /// Slot → bars in order.
    pub slots: BTreeMap<usize, Vec<Bar>>,
    /// How many tries waited for a slot, from each moment on.
    pub waiting: Vec<(Duration, usize)>,
}

/// The queues in the order in which the plan first names them.
pub fn lanes(dossier: &Dossier) -> IndexMap<String, Lane> {
    let (history, facts) = (&dossier.history, &dossier.facts);
    let mut lanes: IndexMap<String, Lane> = IndexMap::new();
    let mut waits: IndexMap<String, BTreeMap<Duration, isize>> = IndexMap::new();
    let mut critical = vec![false; history.stages.len()];
    facts.critical.iter().for_each(|at| critical[*at] = true);
    for (place, entry) in history.stages.iter().enumerate() {
        for attempt in &entry.tries {
            let bar = bar(attempt, place, facts.shown[place], critical[place], facts.wall);
            let wait = waits.entry(entry.planned.queue.clone()).or_default();
            *wait.entry(bar.ready).or_default() += 1;
            *wait.entry(bar.start).or_default() -= 1;
            let lane = lanes.entry(entry.planned.queue.clone()).or_default();
            for slot in attempt.slots.numbers() {
                lane.slots.entry(*slot).or_default().push(bar.clone());
            }
        }
    }
    let unseen = facts.wall.mul_f64(unseen(&lanes));
    for (queue, lane) in &mut lanes {
        lane.waiting = running_sum(waits.get(queue));
        for bars in lane.slots.values_mut() {
            bars.sort_by_key(|bar| (bar.start, bar.end, bar.place));
            *bars = together(std::mem::take(bars), unseen);
        }
    }
    lanes
}

/// The share below which bars are put together.
fn unseen(lanes: &IndexMap<String, Lane>) -> f64 {
    let rows = || lanes.values().flat_map(|lane| lane.slots.values());
    if rows().map(Vec::len).sum::<usize>() <= MANY {
        return UNSEEN;
    }
    (rows().count() as f64 / MANY as f64).clamp(UNSEEN, HARDLY_SEEN)
}

fn bar(attempt: &Try, place: usize, stage: Shown, critical: bool, now: Duration) -> Bar {
    let end = attempt.end.as_ref().map_or(now, |(end, _)| *end).max(attempt.start);
    let shown = attempt.end.as_ref().map_or(stage, |(_, outcome)| Shown::Over(outcome.status));
    let ready = attempt.ready.min(attempt.start);
    let save = end - attempt.phases(now).save;
    Bar { place, number: attempt.number, count: 1, shown, critical, ready, start: attempt.start, save, end }
}

fn running_sum(changes: Option<&BTreeMap<Duration, isize>>) -> Vec<(Duration, usize)> {
    let mut now = 0isize;
    let changes = changes.into_iter().flatten().filter(|(_, change)| **change != 0);
    changes
        .map(|(at, change)| {
            now += change;
            (*at, now.unsigned_abs())
        })
        .collect()
}

/// Bars of one row, those shorter than `unseen` joined with what follows closely.
fn together(bars: Vec<Bar>, unseen: Duration) -> Vec<Bar> {
    let mut out: Vec<Bar> = Vec::with_capacity(bars.len());
    for bar in bars {
        let short = bar.end - bar.start < unseen;
        match out.last_mut() {
            Some(last)
                if short
                    && (last.shown, last.critical) == (bar.shown, bar.critical)
                    && (last.count > 1 || last.end - last.start < unseen)
                    && bar.start.saturating_sub(last.end) < unseen
                    && last.end - last.start < 4 * unseen =>
            {
                last.count += bar.count;
                last.end = last.end.max(bar.end);
                last.save = last.end;
            }
            _ => out.push(bar),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;
    use crate::report::sample::{Tale, random, well};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_row_for_each_slot_in_groups_of_queues() {
        let lanes = lanes(&well().dossier());
        assert_eq!(lanes.keys().collect::<Vec<_>>(), ["default", "gpu"]);
        let places = |queue: &str, slot| lanes[queue].slots[&slot].iter().map(|bar| bar.place).collect::<Vec<_>>();
        assert_eq!((places("default", 0), places("gpu", 0), places("gpu", 1)), (vec![0, 4], vec![1], vec![2]));
        assert_eq!(lanes["gpu"].waiting, [(MS(515), 1), (MS(516), 2), (MS(520), 1), (MS(521), 0)]);
        let first = &lanes["default"].slots[&0][0];
        assert_eq!((first.ready, first.start, first.save, first.end), (MS(10), MS(12), MS(511), MS(512)));
        assert!(first.critical && !lanes["gpu"].slots[&1][0].critical);
    }

    #[test]
    fn each_try_is_a_bar_of_its_own() {
        let tale = Tale::new(&[("a", &[], "default")], 1).begins(0, 0, 10, 0);
        let failed = crate::report::sample::outcome(10, 500, 1, Status::Failed);
        let stage = crate::model::StageId(0);
        let tale = tale
            .at(500, crate::model::EventKind::Retrying { stage, outcome: failed, tries: 2, after: Duration::ZERO })
            .at(600, crate::model::EventKind::Started { stage, slots: Default::default(), attempt: 2 })
            .ends(0, 600, 1000, 2, Status::Ran)
            .over(1010, None);
        let lanes = lanes(&tale.dossier());
        let told: Vec<_> = lanes["default"].slots[&0].iter().map(|bar| (bar.number, bar.shown, bar.start, bar.end)).collect();
        assert_eq!(told, [(1, Shown::Over(Status::Failed), MS(10), MS(500)), (2, Shown::Over(Status::Ran), MS(600), MS(1000))]);
    }

    #[test]
    fn what_cannot_be_seen_is_one_bar_but_for_what_failed() {
        let names: Vec<String> = (0..1000).map(|at| format!("s{at}")).collect();
        let stages: Vec<(&str, &[&str], &str)> = names.iter().map(|name| (name.as_str(), &[][..], "default")).collect();
        let mut tale = Tale::new(&stages, 1);
        for at in 0..1000u32 {
            let start = 10 + u64::from(at) * 3;
            tale = tale.runs(at, start, start, start + 3, 0, if at == 500 { Status::Failed } else { Status::Ran });
        }
        let lanes = lanes(&tale.over(3100, None).dossier());
        let bars = &lanes["default"].slots[&0];
        assert!(bars.len() < 710, "{}", bars.len());
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<usize>(), 1000);
        let failed: Vec<_> = bars.iter().filter(|bar| bar.shown == Shown::Over(Status::Failed)).collect();
        assert!(matches!(failed.as_slice(), [Bar { place: 500, count: 1, .. }]), "{failed:?}");
    }

    #[test]
    fn bars_stand_for_all_tries_of_random_runs() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..300 {
            let dossier = random(&mut rng, 40).dossier();
            let bars = lanes(&dossier).into_values().flat_map(|lane| lane.slots.into_values()).flatten().collect::<Vec<_>>();
            let tries = dossier.history.stages.iter().map(|entry| entry.tries.len()).sum::<usize>();
            assert_eq!(bars.iter().map(|bar| bar.count).sum::<usize>(), tries);
            assert!(bars.iter().all(|bar| bar.ready <= bar.start && bar.start <= bar.save && bar.save <= bar.end));
        }
    }
}
