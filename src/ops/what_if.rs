//! What a run would have taken with another number of jobs: its own schedule, on a clock of its own.
//!
//! The stages take what they took, and their queues have the slots that they had. What else they
//! shared (resources, mutexes) is not on record; so the answer may be too good, never too bad, for
//! pipelines that use them. Checks and saving by others are taken to cost nothing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use crate::model::{StageId, Status};
use crate::plan::schedule::{Action, Claim, Input, OnError, Pool, Schedule, Setup};
use crate::report::facts::Facts;
use crate::report::history::History;

/// The time of the run with so many jobs.
pub fn wall(history: &History, facts: &Facts, jobs: usize) -> Duration {
    let takes: HashMap<StageId, u64> =
        history.stages.iter().zip(&facts.times).map(|(entry, time)| (entry.planned.stage, nanoseconds(*time))).collect();
    let mut schedule = Schedule::new(setup(history, facts, jobs));
    let mut future: BinaryHeap<Reverse<(u64, StageId)>> = BinaryHeap::new();
    let mut now = 0;
    let mut actions = schedule.begin();
    loop {
        while !actions.is_empty() {
            let mut next = Vec::new();
            for action in actions {
                match action {
                    Action::Check(stage, _) => {
                        let fresh = takes.get(&stage).is_none_or(|time| *time == 0);
                        let input = if fresh { Input::Fresh(stage, Status::Unchanged) } else { Input::Stale(stage) };
                        next.extend(schedule.step(input));
                    }
                    Action::Start(stage, ..) => future.push(Reverse((now + takes.get(&stage).copied().unwrap_or(0), stage))),
                    _ => {}
                }
            }
            actions = next;
        }
        // All that could be checked has been; nobody needs to be waited for.
        actions = schedule.step(Input::Tick);
        if !actions.is_empty() {
            continue;
        }
        let Some(Reverse((time, stage))) = future.pop() else { return Duration::from_nanos(now) };
        now = time;
        actions = schedule.step(Input::Finished(stage, Status::Ran));
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn setup(history: &History, facts: &Facts, jobs: usize) -> Setup {
    let pools: Vec<Pool> =
        history.queues.iter().map(|(name, slots)| Pool { name: name.clone(), capacity: *slots as u64, numbered: true }).collect();
    let stages = &history.stages;
    let claim = |queue: &str| history.queues.get_index_of(queue).map(|pool| Claim { pool, amount: 1 });
    let mut dependents: Vec<Vec<StageId>> = vec![Vec::new(); stages.len()];
    for entry in stages {
        for up in entry.planned.upstream.iter().filter_map(|stage| history.place(*stage)) {
            dependents[up].push(entry.planned.stage);
        }
    }
    Setup {
        plan: stages.iter().map(|entry| entry.planned.stage).collect(),
        after: stages.iter().map(|entry| entry.planned.upstream.clone()).collect(),
        dependents,
        claims: stages.iter().map(|entry| claim(&entry.planned.queue).into_iter().collect()).collect(),
        priority: vec![0; stages.len()],
        weight: facts.times.iter().map(|time| nanoseconds(*time).max(1)).collect(),
        served: vec![true; stages.len()],
        pools,
        jobs: jobs.max(1),
        shared: false,
        on_error: OnError::KeepGoing,
        force: false,
        force_downstream: false,
        dry: false,
    }
}
