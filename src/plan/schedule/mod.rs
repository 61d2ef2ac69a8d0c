//! Which stage may be looked at, and which may start: a state machine without threads, clock or
//! files. Inputs go in, actions come out; whoever drives it does them.
//!
//! A stage waits for what it depends on, is then checked (no slot needed), and if it must run it
//! queues for a job slot and for what else it claims ([`Claim`]). Ready stages start by priority,
//! then by the longest way from them to the end of the plan, then in DVC's order: a long chain
//! that starts late is what costs time. With one job the order is DVC's exactly, one stage after
//! the other, checks and tries included.
//!
//! A check that has only begun may turn out a stage with a better claim on a free slot: it is
//! waited for a moment ([`Input::Tick`] ends that), so that the next stage of a long chain does not
//! lose its turn, perhaps by hours, to one that happened to be checked before.
//!
//! Jobs can be shared with other programs: then only one stage may run without asking, and for
//! each further one a token is wanted ([`Action::Want`]).
//!
//! Price of a decision: O(log n), plus the edges of the stage that ended.

mod pools;
mod ready;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Slots, StageId, Status};

pub use pools::{Claim, Pool};
use pools::{Free, Numbers};
use ready::{Rank, Ready};

/// What to do when a stage fails (dvc: `on_error`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnError {
    /// Start nothing more; what runs may end.
    Fail,
    /// Go on with all that does not depend on it (`--keep-going`).
    KeepGoing,
    /// The same until so many have failed, then start nothing more (`--max-failures`).
    KeepGoingUntil(usize),
    /// Go on with everything (`--ignore-errors`).
    Ignore,
}

/// What is to be run, fixed before the first step. All lists are by place in the plan.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The stages in DVC's order.
    pub plan: Vec<StageId>,
    /// The stages that must end before it is looked at. Stages that are not of the plan do not
    /// count.
    pub after: Vec<Vec<StageId>>,
    /// The stages that depend on it in the graph: they are left out when it fails, and forced
    /// with `force_downstream`.
    pub dependents: Vec<Vec<StageId>>,
    /// What it takes while it runs.
    pub claims: Vec<Vec<Claim>>,
    /// Larger starts first.
    pub priority: Vec<i64>,
    /// How long it takes, in any unit; 1 for all where nothing is known.
    pub weight: Vec<u64>,
    /// Whether it may run at all; what may not and must is not started.
    pub served: Vec<bool>,
    /// What stages share.
    pub pools: Vec<Pool>,
    /// Job slots, at least one.
    pub jobs: usize,
    /// Whether a token is needed for each stage beside the first.
    pub shared: bool,
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
    /// A started stage failed and will be tried again; it holds nothing until it is awake.
    Rest(StageId),
    /// Its next try may begin.
    Awake(StageId),
    /// A token that was wanted is here.
    Granted,
    /// A moment has passed: checks that were under way at the last tick are waited for no longer.
    Tick,
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
    /// Run this stage in these slots.
    Start(StageId, Slots),
    /// This stage is over without having been checked or started. One that rested ends with its
    /// last failure.
    Settled(StageId, Status),
    /// A token is needed to start more; [`Input::Granted`] is the answer.
    Want,
    /// A token is not needed any more.
    Return,
}

/// What keeps a ready stage from starting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lack {
    /// All job slots are taken.
    Job,
    /// No token is to be had.
    Token,
    /// Too little is left of this pool, or it is kept for a stage before.
    Pool(usize),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Checking,
    Queued,
    Running(Slots),
    Resting,
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
    /// The longest way from a stage to the end, itself included, in the unit of `weight`.
    way: Vec<u64>,
    /// Stages to be checked.
    to_check: BTreeSet<Rank>,
    /// Checks that are worth waiting for, and whether they saw a tick.
    young: BTreeMap<Rank, bool>,
    /// Stages to be started.
    ready: Ready,
    /// Which line of `ready` is a stage's.
    line: Vec<usize>,
    /// The numbers of job slots.
    job_slots: Numbers,
    free: Free,
    /// How many stages may run by the tokens at hand, the one that needs none included.
    budget: usize,
    /// Whether a token was asked for.
    wanting: bool,
    forced_by: HashMap<usize, StageId>,
    checking: usize,
    running: usize,
    resting: usize,
    settled: usize,
    failures: usize,
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
        let mut way = vec![0_u64; count];
        for at in (0..count).rev() {
            let behind = waiting[at].iter().map(|next| way[*next]).max().unwrap_or(0);
            way[at] = behind.saturating_add(setup.weight[at]);
        }
        let mut ready = Ready::default();
        let line = setup.claims.iter().map(|claims| ready.line(claims)).collect();
        let jobs = setup.jobs.max(1);
        Self {
            position,
            state: vec![State::Waiting; count],
            open,
            waiting,
            way,
            to_check: BTreeSet::new(),
            young: BTreeMap::new(),
            ready,
            line,
            job_slots: Numbers::default(),
            free: Free::all(&setup.pools),
            budget: if setup.shared { 1 } else { jobs },
            wanting: false,
            forced_by: HashMap::new(),
            checking: 0,
            running: 0,
            resting: 0,
            settled: 0,
            failures: 0,
            stopped: false,
            setup,
        }
    }

    /// The first actions.
    pub fn begin(&mut self) -> Vec<Action> {
        for at in 0..self.state.len() {
            if self.open[at] == 0 {
                self.to_check.insert(self.rank(at));
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

    /// Whether new stages may still start.
    pub fn goes_on(&self) -> bool {
        !self.stopped
    }

    /// How many checks are under way.
    pub fn checking(&self) -> usize {
        self.checking
    }

    /// How a stage of the plan ended, if it has.
    pub fn status(&self, stage: StageId) -> Option<Status> {
        match self.state[*self.position.get(&stage)?] {
            State::Settled(status) => Some(status),
            _ => None,
        }
    }

    /// The stages that are ready and may not start, in no order, with what each lacks.
    pub fn lacks(&self) -> Vec<(StageId, Vec<Lack>)> {
        let lack = |claims: &[Claim]| {
            let mut lacks: Vec<Lack> = self.free.lacking(claims).map(Lack::Pool).collect();
            if self.free_jobs() == 0 {
                lacks.push(Lack::Job);
            } else if lacks.is_empty() && self.running >= self.budget {
                // Where something else lacks too, a token would be given back at once.
                lacks.push(Lack::Token);
            } else if lacks.is_empty() {
                lacks.extend(claims.iter().map(|claim| Lack::Pool(claim.pool)));
            }
            lacks
        };
        self.ready.all().map(|(at, claims)| (self.setup.plan[at], lack(claims))).collect()
    }

    /// What people call this pool.
    pub fn pool_name(&self, pool: usize) -> &str {
        &self.setup.pools[pool].name
    }

    /// Takes in what happened and says what to do next.
    pub fn step(&mut self, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Fresh(stage, status) | Input::Finished(stage, status) => {
                let at = self.position[&stage];
                self.leave(at);
                self.settle(at, status, &mut actions);
            }
            Input::Stale(stage) => self.stale(self.position[&stage], &mut actions),
            Input::Rest(stage) => {
                let at = self.position[&stage];
                self.leave(at);
                self.state[at] = State::Resting;
                self.resting += 1;
            }
            Input::Awake(stage) => {
                let at = self.position[&stage];
                if self.state[at] == State::Resting {
                    self.resting -= 1;
                    self.queue(at);
                }
            }
            Input::Granted => {
                self.budget += 1;
                self.wanting = false;
            }
            Input::Tick => {
                self.young.retain(|_, old| !std::mem::replace(old, true));
            }
            Input::Stop => self.stopped = true,
        }
        self.fill(&mut actions);
        actions
    }

    fn stale(&mut self, at: usize, actions: &mut Vec<Action>) {
        self.leave(at);
        if !self.setup.served[at] {
            actions.push(Action::Settled(self.setup.plan[at], Status::NotStarted));
            self.settle(at, Status::NotStarted, actions);
            self.leave_out(at, Status::NotStarted, actions);
        } else if self.setup.dry {
            self.settle(at, Status::Planned, actions);
        } else {
            self.queue(at);
        }
    }

    fn queue(&mut self, at: usize) {
        self.state[at] = State::Queued;
        let rank = self.rank(at);
        self.ready.insert(self.line[at], rank);
    }

    /// A stage is neither checked nor running any more.
    fn leave(&mut self, at: usize) {
        match std::mem::replace(&mut self.state[at], State::Waiting) {
            State::Checking => {
                self.checking -= 1;
                self.young.remove(&self.rank(at));
            }
            State::Running(slots) => {
                self.running -= 1;
                self.job_slots.give_back(&[slots.job]);
                self.free.give_back(&self.setup.claims[at], &self.setup.pools, &slots.queue);
            }
            _ => {}
        }
    }

    fn rank(&self, at: usize) -> Rank {
        if self.serial() { (Reverse(0), Reverse(0), at) } else { (Reverse(self.setup.priority[at]), Reverse(self.way[at]), at) }
    }

    fn serial(&self) -> bool {
        self.setup.jobs <= 1 || self.setup.dry
    }

    fn free_jobs(&self) -> usize {
        self.setup.jobs.max(1) - self.running
    }

    fn active(&self) -> usize {
        self.checking + self.running
    }

    /// Starts and checks whatever may start or be checked.
    fn fill(&mut self, actions: &mut Vec<Action>) {
        if self.stopped {
            self.to_check.clear();
            self.ready.clear();
            if self.active() == 0 {
                self.give_up(actions);
            }
        } else {
            while !(self.serial() && (self.active() + self.resting > 0 || !self.ready.is_empty()))
                && let Some((_, _, at)) = self.to_check.pop_first()
            {
                self.checking += 1;
                self.state[at] = State::Checking;
                self.young.insert(self.rank(at), false);
                actions.push(Action::Check(self.setup.plan[at], self.check_with(at)));
            }
            // After the checks: a stage that is being checked may have the better claim.
            self.start(actions);
        }
        while self.setup.shared && self.budget > self.running.max(1) {
            self.budget -= 1;
            actions.push(Action::Return);
        }
    }

    fn start(&mut self, actions: &mut Vec<Action>) {
        while !(self.serial() && self.active() + self.resting > 0)
            && self.running < self.budget
            && self.free_jobs() > 0
            && let Some((rank, line)) = self.ready.next(&self.free, self.setup.pools.len())
            && !self.keeps_slots_for_better(&rank)
        {
            let at = rank.2;
            self.ready.remove(line, &rank);
            let slots = Slots { job: self.job_slots.take(), queue: self.free.take(&self.setup.claims[at], &self.setup.pools) };
            self.running += 1;
            self.state[at] = State::Running(slots.clone());
            actions.push(Action::Start(self.setup.plan[at], slots));
        }
        let short = self.running >= self.budget && self.free_jobs() > 0 && !self.serial();
        if short && !self.wanting && !self.ready.is_empty() {
            self.wanting = true;
            actions.push(Action::Want);
        }
    }

    /// Whether stages before this one, which are being checked, may need all slots that are free.
    fn keeps_slots_for_better(&self, rank: &Rank) -> bool {
        let free = self.free_jobs().min(self.budget - self.running);
        self.young.range(..rank).take(free).count() >= free
    }

    fn check_with(&self, at: usize) -> CheckWith {
        let may_change = self.setup.after[at].iter().copied().filter(|stage| self.status(*stage) == Some(Status::Planned)).collect();
        CheckWith { force: self.setup.force, forced_by: self.forced_by.get(&at).copied(), may_change }
    }

    /// Everything that has not begun is not reached; what would have been tried again has failed.
    fn give_up(&mut self, actions: &mut Vec<Action>) {
        for at in 0..self.state.len() {
            let status = match self.state[at] {
                State::Waiting | State::Queued => Status::NotStarted,
                State::Resting => Status::Failed,
                _ => continue,
            };
            self.state[at] = State::Settled(status);
            self.settled += 1;
            actions.push(Action::Settled(self.setup.plan[at], status));
        }
        self.resting = 0;
    }

    /// One stage is over: frees those that wait for it, or leaves them out.
    fn settle(&mut self, at: usize, status: Status, actions: &mut Vec<Action>) {
        self.state[at] = State::Settled(status);
        self.settled += 1;
        if status == Status::Failed {
            self.failures += 1;
            match self.setup.on_error {
                OnError::Fail => self.stopped = true,
                OnError::KeepGoingUntil(most) if self.failures >= most => self.stopped = true,
                OnError::KeepGoing | OnError::KeepGoingUntil(_) => self.leave_out(at, Status::UpstreamFailed, actions),
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
                let rank = self.rank(next);
                self.to_check.insert(rank);
            }
        }
    }

    /// All that depends on a stage, directly or not, is left out. A worklist: chains may be longer
    /// than the stack.
    fn leave_out(&mut self, first: usize, status: Status, actions: &mut Vec<Action>) {
        let mut list = vec![first];
        while let Some(at) = list.pop() {
            let dependents: Vec<usize> = self.setup.dependents[at].iter().filter_map(|stage| self.position.get(stage).copied()).collect();
            for next in dependents {
                if self.state[next] != State::Waiting {
                    continue;
                }
                self.to_check.remove(&self.rank(next));
                self.state[next] = State::Settled(status);
                self.settled += 1;
                actions.push(Action::Settled(self.setup.plan[next], status));
                self.release(next);
                list.push(next);
            }
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
