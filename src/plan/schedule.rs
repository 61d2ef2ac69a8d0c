//! Which stage may be looked at, and which may start: a state machine without threads, clock or
//! files. Inputs go in, actions come out; whoever drives it does them.
//!
//! A stage waits for what it depends on, is then checked (no slot needed), and if it must run it
//! queues for a job slot. Ready stages start by the length of the longest chain that hangs on
//! them, then in DVC's order: a long chain that starts late is what costs time. With one job the
//! order is DVC's exactly, one stage after the other, checks included.
//!
//! Price of a decision: O(log n), plus the edges of the stage that ended.

use std::collections::{BTreeSet, HashMap};

use crate::model::{StageId, Status};

/// What to do when a stage fails (dvc: `on_error`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnError {
    /// Start nothing more; what runs may end.
    Fail,
    /// Go on with all that does not depend on it (`--keep-going`).
    KeepGoing,
    /// Go on with everything (`--ignore-errors`).
    Ignore,
}

/// What is to be run, fixed before the first step.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The stages in DVC's order.
    pub plan: Vec<StageId>,
    /// For each stage of the plan the stages that must end before it is looked at. Stages that
    /// are not of the plan do not count.
    pub after: Vec<Vec<StageId>>,
    /// For each stage of the plan the stages that depend on it in the graph: they are left out
    /// when it fails, and forced with `force_downstream`.
    pub dependents: Vec<Vec<StageId>>,
    /// Job slots, at least one.
    pub jobs: usize,
    /// What to do when a stage fails.
    pub on_error: OnError,
    /// Every stage runs (`--force`).
    pub force: bool,
    /// A stage that ran forces those that depend on it (`--force-downstream`).
    pub force_downstream: bool,
    /// Nothing runs; stale stages end as planned (`--dry`).
    pub dry: bool,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// A checked stage need not run.
    Fresh(StageId, Status),
    /// A checked stage must run.
    Stale(StageId),
    /// A stage that was checked or started ended so.
    Finished(StageId, Status),
    /// Start nothing more.
    Stop,
}

/// Why a stage is checked though nothing of its own need have changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckWith {
    /// Every stage is forced.
    pub force: bool,
    /// A stage upstream ran and forces it.
    pub forced_by: Option<StageId>,
    /// Direct upstream stages that would run, in a dry run.
    pub may_change: Vec<StageId>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Find out whether this stage must run.
    Check(StageId, CheckWith),
    /// Run this stage in this job slot.
    Start(StageId, usize),
    /// This stage is over without having been checked or started.
    Settled(StageId, Status),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Checking,
    Queued,
    Running(usize),
    Settled(Status),
}

/// The state of a run.
#[derive(Debug)]
pub struct Schedule {
    setup: Setup,
    position: HashMap<StageId, usize>,
    state: Vec<State>,
    /// How many of `after` are not over yet.
    open: Vec<usize>,
    /// For each stage those that wait for it.
    waiting: Vec<Vec<usize>>,
    /// Length of the longest chain that hangs on a stage.
    height: Vec<usize>,
    /// Stages to be checked, by (not height, position).
    to_check: BTreeSet<(usize, usize)>,
    /// Stages to be started, by (not height, position).
    to_start: BTreeSet<(usize, usize)>,
    free_slots: BTreeSet<usize>,
    forced_by: HashMap<usize, StageId>,
    /// Checked or running.
    active: usize,
    settled: usize,
    stopped: bool,
}

impl Schedule {
    /// Takes the setup; nothing happens until [`Schedule::begin`].
    pub fn new(setup: Setup) -> Self {
        let count = setup.plan.len();
        let position: HashMap<StageId, usize> = setup.plan.iter().enumerate().map(|(at, stage)| (*stage, at)).collect();
        let mut waiting = vec![Vec::new(); count];
        let mut open = vec![0; count];
        for (at, after) in setup.after.iter().enumerate() {
            for before in after.iter().filter_map(|stage| position.get(stage)) {
                waiting[*before].push(at);
                open[at] += 1;
            }
        }
        // The plan is in an order in which upstream comes first.
        let mut height = vec![0; count];
        for at in (0..count).rev() {
            height[at] = waiting[at].iter().map(|next| height[*next] + 1).max().unwrap_or(0);
        }
        let free_slots = (0..setup.jobs.max(1)).collect();
        Self {
            position,
            state: vec![State::Waiting; count],
            open,
            waiting,
            height,
            to_check: BTreeSet::new(),
            to_start: BTreeSet::new(),
            free_slots,
            forced_by: HashMap::new(),
            active: 0,
            settled: 0,
            stopped: false,
            setup,
        }
    }

    /// The first actions.
    pub fn begin(&mut self) -> Vec<Action> {
        for at in 0..self.state.len() {
            if self.open[at] == 0 {
                self.to_check.insert(self.key(at));
            }
        }
        let mut actions = Vec::new();
        self.fill(&mut actions);
        actions
    }

    /// Whether every stage is over.
    pub fn done(&self) -> bool {
        self.settled == self.state.len()
    }

    /// How a stage of the plan ended, if it has.
    pub fn status(&self, stage: StageId) -> Option<Status> {
        match self.state[*self.position.get(&stage)?] {
            State::Settled(status) => Some(status),
            _ => None,
        }
    }

    /// Takes in what happened and says what to do next.
    pub fn step(&mut self, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Fresh(stage, status) | Input::Finished(stage, status) => {
                let at = self.position[&stage];
                self.active -= 1;
                if let State::Running(slot) = self.state[at] {
                    self.free_slots.insert(slot);
                }
                self.settle(at, status, &mut actions);
            }
            Input::Stale(stage) => {
                let at = self.position[&stage];
                if self.setup.dry {
                    self.active -= 1;
                    self.settle(at, Status::Planned, &mut actions);
                } else {
                    self.active -= 1;
                    self.state[at] = State::Queued;
                    let key = self.key(at);
                    self.to_start.insert(key);
                }
            }
            Input::Stop => self.stopped = true,
        }
        self.fill(&mut actions);
        actions
    }

    /// Larger height first, then DVC's order; with one job DVC's order alone.
    fn key(&self, at: usize) -> (usize, usize) {
        if self.serial() { (0, at) } else { (usize::MAX - self.height[at], at) }
    }

    fn serial(&self) -> bool {
        self.setup.jobs <= 1 || self.setup.dry
    }

    /// Starts and checks whatever may start or be checked.
    fn fill(&mut self, actions: &mut Vec<Action>) {
        if self.stopped {
            self.to_check.clear();
            self.to_start.clear();
            if self.active == 0 {
                self.give_up(actions);
            }
            return;
        }
        while !(self.serial() && self.active > 0)
            && let Some((_, at)) = self.to_start.first().copied()
            && let Some(slot) = self.free_slots.first().copied()
        {
            self.to_start.pop_first();
            self.free_slots.remove(&slot);
            self.active += 1;
            self.state[at] = State::Running(slot);
            actions.push(Action::Start(self.setup.plan[at], slot));
        }
        while !(self.serial() && (self.active > 0 || !self.to_start.is_empty()))
            && let Some((_, at)) = self.to_check.pop_first()
        {
            self.active += 1;
            self.state[at] = State::Checking;
            actions.push(Action::Check(self.setup.plan[at], self.check_with(at)));
        }
    }

    fn check_with(&self, at: usize) -> CheckWith {
        let may_change = self.setup.after[at].iter().copied().filter(|stage| self.status(*stage) == Some(Status::Planned)).collect();
        CheckWith { force: self.setup.force, forced_by: self.forced_by.get(&at).copied(), may_change }
    }

    /// Everything that has not begun is not reached.
    fn give_up(&mut self, actions: &mut Vec<Action>) {
        for at in 0..self.state.len() {
            if matches!(self.state[at], State::Waiting | State::Queued) {
                self.state[at] = State::Settled(Status::NotStarted);
                self.settled += 1;
                actions.push(Action::Settled(self.setup.plan[at], Status::NotStarted));
            }
        }
    }

    /// One stage is over: frees those that wait for it, or leaves them out.
    fn settle(&mut self, at: usize, status: Status, actions: &mut Vec<Action>) {
        self.state[at] = State::Settled(status);
        self.settled += 1;
        if status == Status::Failed {
            match self.setup.on_error {
                OnError::Fail => self.stopped = true,
                OnError::KeepGoing => self.leave_out(at, actions),
                OnError::Ignore => {}
            }
        }
        if status == Status::Stopped {
            self.stopped = true;
        }
        let ran = matches!(status, Status::Ran | Status::Restored | Status::Updated | Status::Planned);
        if ran && self.setup.force_downstream {
            for next in self.setup.dependents[at].iter().filter_map(|stage| self.position.get(stage)) {
                self.forced_by.entry(*next).or_insert(self.setup.plan[at]);
            }
        }
        self.release(at);
    }

    fn release(&mut self, at: usize) {
        for next in std::mem::take(&mut self.waiting[at]) {
            self.open[next] -= 1;
            if self.open[next] == 0 && self.state[next] == State::Waiting {
                let key = self.key(next);
                self.to_check.insert(key);
            }
        }
    }

    /// All that depends on a failed stage, directly or not, is left out. A worklist: chains may
    /// be longer than the stack.
    fn leave_out(&mut self, failed: usize, actions: &mut Vec<Action>) {
        let mut list = vec![failed];
        while let Some(at) = list.pop() {
            let dependents: Vec<usize> = self.setup.dependents[at].iter().filter_map(|stage| self.position.get(stage).copied()).collect();
            for next in dependents {
                if self.state[next] != State::Waiting {
                    continue;
                }
                self.to_check.remove(&self.key(next));
                self.state[next] = State::Settled(Status::UpstreamFailed);
                self.settled += 1;
                actions.push(Action::Settled(self.setup.plan[next], Status::UpstreamFailed));
                self.release(next);
                list.push(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(numbers: &[u32]) -> Vec<StageId> {
        numbers.iter().copied().map(StageId).collect()
    }

    fn setup(after: &[&[u32]], jobs: usize) -> Setup {
        let plan: Vec<StageId> = (0..after.len()).map(|at| StageId(u32::try_from(at).unwrap())).collect();
        let after: Vec<Vec<StageId>> = after.iter().map(|list| ids(list)).collect();
        let dependents =
            plan.iter().map(|stage| plan.iter().copied().filter(|next| after[next.index()].contains(stage)).collect()).collect();
        Setup { plan, after, dependents, jobs, on_error: OnError::Fail, force: false, force_downstream: false, dry: false }
    }

    /// Runs a schedule: each step one of the pending checks or runs ends, as `choose` says.
    fn simulate(setup: Setup, fails: &[bool], mut choose: impl FnMut(usize) -> usize) -> (Vec<Status>, usize, usize) {
        let count = setup.plan.len();
        let (jobs, after, on_error) = (setup.jobs, setup.after.clone(), setup.on_error);
        let mut schedule = Schedule::new(setup);
        let mut actions = schedule.begin();
        let (mut checking, mut running) = (Vec::new(), Vec::new());
        let (mut begun, mut ended, mut most) = (vec![0; count], vec![false; count], 0);
        let mut clock = 0;
        while !schedule.done() {
            for action in actions.drain(..) {
                match action {
                    Action::Check(stage, _) => {
                        assert!(after[stage.index()].iter().all(|up| ended[up.index()]), "checked before its upstream ended");
                        checking.push(stage);
                    }
                    Action::Start(stage, slot) => {
                        assert!(slot < jobs);
                        begun[stage.index()] += 1;
                        running.push((stage, slot));
                        most = most.max(running.len());
                        let mut slots: Vec<usize> = running.iter().map(|(_, slot)| *slot).collect();
                        slots.sort_unstable();
                        slots.dedup();
                        assert_eq!(slots.len(), running.len(), "two stages in one slot");
                    }
                    Action::Settled(stage, _) => ended[stage.index()] = true,
                }
            }
            if schedule.done() {
                break;
            }
            let pending = checking.len() + running.len();
            assert!(pending > 0, "stuck");
            let pick = choose(pending) % pending;
            actions = if pick < checking.len() {
                schedule.step(Input::Stale(checking.swap_remove(pick)))
            } else {
                let (stage, _) = running.swap_remove(pick - checking.len());
                ended[stage.index()] = true;
                clock += 1;
                let status = if fails[stage.index()] { Status::Failed } else { Status::Ran };
                schedule.step(Input::Finished(stage, status))
            };
        }
        assert!(begun.iter().all(|times| *times <= 1), "run twice");
        assert!(most <= jobs);
        if on_error != OnError::Fail {
            assert!(running.is_empty());
        }
        let end = (0..count).map(|at| schedule.status(StageId(u32::try_from(at).unwrap())).unwrap()).collect();
        (end, most, clock)
    }

    #[test]
    fn one_job_follows_the_plan() {
        let mut schedule = Schedule::new(setup(&[&[], &[], &[0]], 1));
        assert!(matches!(schedule.begin()[..], [Action::Check(StageId(0), _)]));
        assert_eq!(schedule.step(Input::Stale(StageId(0))), vec![Action::Start(StageId(0), 0)]);
        assert!(matches!(schedule.step(Input::Finished(StageId(0), Status::Ran))[..], [Action::Check(StageId(1), _)]));
        assert!(matches!(schedule.step(Input::Fresh(StageId(1), Status::Unchanged))[..], [Action::Check(StageId(2), _)]));
    }

    #[test]
    fn a_failure_stops_what_has_not_begun() {
        let mut schedule = Schedule::new(setup(&[&[], &[], &[0]], 2));
        schedule.begin();
        schedule.step(Input::Stale(StageId(0)));
        schedule.step(Input::Stale(StageId(1)));
        assert_eq!(schedule.step(Input::Finished(StageId(0), Status::Failed)), vec![]);
        assert_eq!(schedule.step(Input::Finished(StageId(1), Status::Ran)), vec![Action::Settled(StageId(2), Status::NotStarted)]);
        assert!(schedule.done());
    }

    #[test]
    fn the_longest_chain_starts_first() {
        // 0, 1 and 2 stand alone; 3 -> 4 -> 5 is a chain that DVC would start last.
        let mut schedule = Schedule::new(setup(&[&[], &[], &[], &[], &[3], &[4]], 1));
        schedule.setup.jobs = 2;
        schedule.free_slots = (0..2).collect();
        schedule.begin();
        for stage in 0..4 {
            schedule.step(Input::Stale(StageId(stage)));
        }
        schedule.step(Input::Finished(StageId(0), Status::Ran));
        assert!(matches!(schedule.state[3], State::Running(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn limits_hold_and_nothing_gets_stuck(
            edges in proptest::collection::vec(proptest::collection::vec(0_u32..40, 0..4), 1..40),
            fails in proptest::collection::vec(proptest::bool::weighted(0.15), 40),
            choices in proptest::collection::vec(0_usize..1000, 200),
            other in proptest::collection::vec(0_usize..1000, 200),
            jobs in 1_usize..6,
            mode in 0_usize..3,
        ) {
            let after: Vec<Vec<u32>> = edges.iter().enumerate().map(|(at, list)| {
                let mut list: Vec<u32> = list.iter().copied().filter(|up| (*up as usize) < at).collect();
                list.sort_unstable();
                list.dedup();
                list
            }).collect();
            let after: Vec<&[u32]> = after.iter().map(Vec::as_slice).collect();
            let mut case = setup(&after, jobs);
            case.on_error = [OnError::Fail, OnError::KeepGoing, OnError::Ignore][mode];
            let with = |order: &[usize]| {
                let mut turn = 0;
                simulate(case.clone(), &fails, |_| { turn += 1; order[turn % order.len()] }).0
            };
            let (first, second) = (with(&choices), with(&other));
            if mode > 0 {
                prop_assert_eq!(first, second, "the end depends on the order of completion");
            }
        }
    }
}
