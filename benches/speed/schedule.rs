//! Scheduling: a whole run of the state machine, in which nothing takes time.

use std::collections::VecDeque;

use divan::Bencher;
use dvc_paraffin::model::{StageId, Status};
use dvc_paraffin::plan::schedule::{Action, Input, OnError, Schedule, Setup};

use super::inputs;

/// What is to be run of a pipeline of so many stages.
pub fn setup(count: usize, jobs: usize) -> Setup {
    let id = |at: usize| StageId(u32::try_from(at).expect("stage numbers fit"));
    let mut dependents = vec![Vec::new(); count];
    for at in 0..count {
        for before in inputs::upstream(at) {
            dependents[before].push(id(at));
        }
    }
    Setup {
        plan: (0..count).map(id).collect(),
        after: (0..count).map(|at| inputs::upstream(at).into_iter().map(id).collect()).collect(),
        dependents,
        claims: vec![Vec::new(); count],
        priority: vec![0; count],
        weight: vec![1; count],
        served: vec![true; count],
        pools: Vec::new(),
        jobs,
        shared: true,
        on_error: OnError::Fail,
        force: false,
        force_downstream: false,
        dry: false,
    }
}

/// Runs it: every stage is stale, every command ends at once, every token is granted. Gives how
/// many stages ran.
pub fn run(setup: Setup) -> usize {
    let mut schedule = Schedule::new(setup);
    let mut inputs: VecDeque<Input> = VecDeque::new();
    let mut started: Vec<StageId> = Vec::new();
    let mut actions = schedule.begin();
    loop {
        for action in actions {
            match action {
                Action::Check(stage, _) => inputs.push_back(Input::Stale(stage)),
                Action::Start(stage, _) => {
                    started.push(stage);
                    inputs.push_back(Input::Finished(stage, Status::Ran));
                }
                Action::Want => inputs.push_back(Input::Granted),
                Action::Settled(..) | Action::Return => {}
            }
        }
        let Some(input) = inputs.pop_front() else { break };
        actions = schedule.step(input);
    }
    assert!(schedule.done(), "the schedule is stuck");
    started.len()
}

#[divan::bench(args = [1000, 10000])]
fn run_all(bencher: Bencher<'_, '_>, count: usize) {
    let setup = setup(count, 8);
    assert_eq!(run(setup.clone()), count, "not every stage ran");
    bencher.with_inputs(|| setup.clone()).bench_local_values(run);
}
