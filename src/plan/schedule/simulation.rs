//! Whole runs of random plans, simulated with a clock of their own: no limit is ever broken,
//! nothing gets stuck, nothing runs twice, the end does not depend on who was faster, and the time
//! is close to what no schedule could beat.

use std::collections::HashMap;

use fastrand::Rng;

use super::tests::{id, setup};
use super::*;

/// A random plan, and what its stages will do.
struct Case {
    setup: Setup,
    /// How long each stage runs.
    takes: Vec<u64>,
    /// Whether it need not run.
    fresh: Vec<bool>,
    /// How many of its tries fail.
    fails: Vec<u32>,
    /// How often it is tried again.
    retries: u32,
    /// Tokens that others leave us, where jobs are shared.
    tokens: usize,
}

impl Case {
    /// A plan of these many stages, each with up to so many edges to those at most `reach` before it.
    fn plan(rng: &mut Rng, count: usize, reach: usize, edges: usize) -> Self {
        let mut after: Vec<Vec<u32>> = Vec::new();
        for at in 0..count {
            let first = at.saturating_sub(reach);
            let many = if at > 0 { rng.usize(..=edges) } else { 0 };
            let mut list: Vec<u32> = (0..many).map(|_| u32::try_from(rng.usize(first..at)).unwrap()).collect();
            list.sort_unstable();
            list.dedup();
            after.push(list);
        }
        let after: Vec<&[u32]> = after.iter().map(Vec::as_slice).collect();
        let takes: Vec<u64> = (0..count).map(|_| 1 + rng.u64(..1000)).collect();
        let mut setup = setup(&after, rng.usize(1..=8));
        setup.weight.clone_from(&takes);
        Self { setup, takes, fresh: vec![false; count], fails: vec![0; count], retries: 0, tokens: 0 }
    }

    /// The same with limits, failures, priorities, retries and strangers who take tokens.
    fn full(rng: &mut Rng) -> Self {
        // From chains to loose heaps.
        let count = rng.usize(1..=30);
        let reach = rng.usize(1..=count);
        let edges = rng.usize(..4);
        let mut case = Self::plan(rng, count, reach, edges);
        let setup = &mut case.setup;
        for number in 0..rng.usize(..4) {
            setup.pools.push(Pool { name: format!("p{number}"), capacity: 1 + rng.u64(..4), numbered: number == 0 });
        }
        for at in 0..count {
            for (pool, what) in setup.pools.iter().enumerate() {
                if rng.u8(..3) == 0 {
                    setup.claims[at].push(Claim { pool, amount: 1 + rng.u64(..what.capacity) });
                }
            }
            setup.priority[at] = rng.i64(-1..3);
            setup.served[at] = rng.u8(..12) != 0;
            case.fresh[at] = rng.u8(..5) == 0;
            case.fails[at] = if rng.u8(..6) == 0 { rng.u32(1..4) } else { 0 };
        }
        case.retries = rng.u32(..3);
        setup.shared = rng.bool();
        case.tokens = rng.usize(..8);
        let some = OnError::KeepGoingUntil(1 + rng.usize(..3));
        setup.on_error = *rng.choice(&[OnError::Fail, OnError::KeepGoing, some, OnError::Ignore]).unwrap();
        case
    }
}

/// What a simulated run comes to.
struct Run {
    ends: Vec<Status>,
    /// When the last stage ended.
    makespan: u64,
}

/// The world around a schedule.
struct World<'a> {
    case: &'a Case,
    schedule: Schedule,
    now: u64,
    /// What happens when: (time, turn, what).
    future: std::collections::BTreeMap<(u64, u64), Input>,
    turn: u64,
    slots: HashMap<StageId, Slots>,
    taken: Vec<u64>,
    tries: Vec<u32>,
    ended: Vec<bool>,
    /// Tokens that lie there.
    tokens: usize,
    /// Whether we wait for one.
    wanted: bool,
    rng: Rng,
}

impl<'a> World<'a> {
    fn new(case: &'a Case, rng: Rng) -> Self {
        let count = case.takes.len();
        Self {
            schedule: Schedule::new(case.setup.clone()),
            case,
            now: 0,
            future: std::collections::BTreeMap::new(),
            turn: 0,
            slots: HashMap::new(),
            taken: vec![0; case.setup.pools.len()],
            tries: vec![0; count],
            ended: vec![false; count],
            tokens: case.tokens,
            wanted: false,
            rng,
        }
    }

    fn run(mut self) -> Run {
        let mut actions = self.schedule.begin();
        loop {
            for action in std::mem::take(&mut actions) {
                self.act(action);
            }
            if self.wanted && self.tokens > 0 {
                (self.wanted, self.tokens) = (false, self.tokens - 1);
                actions = self.schedule.step(Input::Granted);
                continue;
            }
            if self.schedule.done() {
                break;
            }
            let ((time, _), input) = self.future.pop_first().expect("stuck: nothing will ever happen");
            self.now = time;
            actions = self.happen(input);
        }
        assert!(self.slots.is_empty() && self.taken.iter().all(|taken| *taken == 0), "something was not given back");
        assert_eq!(self.tokens, self.case.tokens, "a token was lost or made");
        let count = self.case.takes.len();
        Run { ends: (0..count).map(|at| self.schedule.status(id(at)).unwrap()).collect(), makespan: self.now }
    }

    fn later(&mut self, after: u64, input: Input) {
        self.turn += 1;
        self.future.insert((self.now + after, self.turn), input);
    }

    fn act(&mut self, action: Action) {
        let setup = &self.case.setup;
        match action {
            Action::Want => self.wanted = true,
            Action::Return => self.tokens += 1,
            Action::Settled(stage, _) => self.ended[stage.index()] = true,
            Action::Check(stage, _) => {
                let at = stage.index();
                assert!(setup.after[at].iter().all(|up| self.ended[up.index()]), "checked before its upstream ended");
                let input = if self.case.fresh[at] { Input::Fresh(stage, Status::Unchanged) } else { Input::Stale(stage) };
                self.later(0, input);
            }
            Action::Start(stage, slots) => {
                let at = stage.index();
                assert!(setup.served[at] && !self.case.fresh[at], "ran without need");
                self.tries[at] += 1;
                assert!(self.tries[at] <= 1 + self.case.retries, "run twice");
                for claim in &setup.claims[at] {
                    self.taken[claim.pool] += claim.amount;
                    assert!(self.taken[claim.pool] <= setup.pools[claim.pool].capacity, "a limit was broken");
                }
                assert!(
                    self.slots.values().all(|other| other.job != slots.job && other.queue.iter().all(|slot| !slots.queue.contains(slot)))
                );
                self.slots.insert(stage, slots);
                assert!(self.slots.len() <= setup.jobs.max(1), "more jobs than allowed");
                assert!(!setup.shared || self.slots.len() <= 1 + self.case.tokens - self.tokens, "more stages than tokens");
                let input = if self.tries[at] <= self.case.fails[at] {
                    let again = self.tries[at] <= self.case.retries && self.schedule.goes_on();
                    if again { Input::Rest(stage) } else { Input::Finished(stage, Status::Failed) }
                } else {
                    Input::Finished(stage, Status::Ran)
                };
                self.later(self.case.takes[at], input);
            }
        }
    }

    fn happen(&mut self, input: Input) -> Vec<Action> {
        match input {
            Input::Fresh(stage, _) => self.ended[stage.index()] = true,
            Input::Finished(stage, _) => {
                self.ended[stage.index()] = true;
                self.free(stage);
            }
            Input::Rest(stage) => {
                self.free(stage);
                // Whether it is tried again is known only now.
                if !self.schedule.goes_on() {
                    self.ended[stage.index()] = true;
                    return self.schedule.step(Input::Finished(stage, Status::Failed));
                }
                let pause = self.rng.u64(..50);
                self.later(pause, Input::Awake(stage));
            }
            _ => {}
        }
        self.schedule.step(input)
    }

    fn free(&mut self, stage: StageId) {
        self.slots.remove(&stage).expect("it ran");
        for claim in &self.case.setup.claims[stage.index()] {
            self.taken[claim.pool] -= claim.amount;
        }
    }
}

#[test]
fn limits_hold_and_nothing_gets_stuck() {
    for seed in 0..36_000 {
        let mut rng = Rng::with_seed(seed);
        let mut case = Case::full(&mut rng);
        // A token for each job that runs beside the first is more than enough; none may do too.
        case.tokens = case.tokens.min(case.setup.jobs);
        World::new(&case, rng).run();
    }
}

#[test]
fn the_end_does_not_depend_on_who_was_faster() {
    for seed in 100_000..112_000 {
        let mut rng = Rng::with_seed(seed);
        let mut case = Case::full(&mut rng);
        case.setup.on_error = if rng.bool() { OnError::KeepGoing } else { OnError::Ignore };
        let first = World::new(&case, rng.fork()).run().ends;
        for takes in &mut case.takes {
            *takes = 1 + rng.u64(..1000);
        }
        case.setup.jobs = rng.usize(1..=8);
        let second = World::new(&case, rng.fork()).run().ends;
        // A stage with two reasons to be left out bears the first that came.
        let left = |end: &Status| if *end == Status::UpstreamFailed { Status::NotStarted } else { *end };
        assert!(first.iter().map(left).eq(second.iter().map(left)), "seed {seed}");
    }
}

/// No schedule is faster than the longest path, nor than all work spread over all jobs. Each stage
/// depends on up to three of any before it: in narrower shapes (all from one stage, or into one)
/// both bounds are out of reach for every schedule.
#[test]
fn the_time_is_close_to_what_cannot_be_beaten() {
    let (mut close, mut all) = (0, 0);
    for seed in 200_000..204_000 {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(1..=200);
        let case = Case::plan(&mut rng, count, count, 3);
        let mut longest = vec![0_u64; count];
        for at in 0..count {
            let before = case.setup.after[at].iter().map(|up| longest[up.index()]).max().unwrap_or(0);
            longest[at] = before + case.takes[at];
        }
        let path = longest.iter().copied().max().unwrap_or(0);
        let work = case.takes.iter().sum::<u64>().div_ceil(case.setup.jobs as u64);
        let bound = path.max(work);
        let run = World::new(&case, rng).run();
        assert!(run.makespan >= bound && run.makespan <= path + work, "seed {seed}");
        all += 1;
        close += u32::from(run.makespan * 100 <= bound * 105);
    }
    assert!(close * 100 >= all * 95, "{close} of {all} are within 5 % of the bound");
}
