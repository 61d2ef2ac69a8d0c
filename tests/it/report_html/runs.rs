//! Runs of every kind, told event by event, and what a report gets of them.

use std::time::Duration;

use dvc_paraffin::model::event::Planned;
use dvc_paraffin::model::values::GitFacts;
use dvc_paraffin::model::{
    About, Attempt, Class, EndedBy, Event, EventKind, Fault, Level, Outcome, Reason, Slots, StageId, Status, Usage, Verdict,
};
use dvc_paraffin::report::dossier::{Changes, Differences, Dossier, Previous, Row, Tail, WhatIf};
use dvc_paraffin::report::facts::Facts;
use dvc_paraffin::report::history::History;

const NAME: &str = "20261120-094052-3f2a";
const BEGAN: i128 = 1_795_167_652_000_000_000;

/// A stage of a run that is to be told.
#[derive(Clone)]
pub struct Step {
    pub address: String,
    pub upstream: Vec<usize>,
    pub queue: &'static str,
    pub cmd: String,
    /// How long it takes, in milliseconds.
    pub takes: u64,
}

/// A run under construction.
pub struct Run {
    steps: Vec<Step>,
    jobs: usize,
    events: Vec<Event>,
    /// When each job slot is free again.
    free: Vec<u64>,
    /// When each stage was over.
    over: Vec<u64>,
    /// Whether its process lives.
    pub alive: bool,
}

impl Run {
    /// A run that has begun.
    pub fn new(steps: Vec<Step>, jobs: usize) -> Self {
        let over = vec![5; steps.len()];
        let mut run = Self { steps, jobs, events: Vec::new(), free: vec![10; jobs], over, alive: false };
        run.open();
        let mut plan: Vec<Planned> = Vec::new();
        for (at, step) in run.steps.iter().enumerate() {
            plan.push(Planned {
                stage: id(at),
                address: step.address.clone(),
                upstream: step.upstream.iter().copied().map(id).collect(),
                cmds: vec![step.cmd.clone()],
                level: step.upstream.iter().map(|up| plan[*up].level + 1).max().unwrap_or(0),
                queue: step.queue.to_owned(),
                file: "dvc.yaml".to_owned(),
                ..Planned::default()
            });
        }
        let limited = run.steps.iter().filter(|step| step.queue != "default");
        let queues = limited.map(|step| (step.queue.to_owned(), 2)).collect();
        run.tell(5, EventKind::RunStarted { run: NAME.to_owned(), plan, jobs, queues });
        let commit = Some("1a2b3c4d5e6f".to_owned());
        run.tell(6, EventKind::GitStood(GitFacts { commit, branch: Some("main".to_owned()), dirty: false }));
        run
    }

    /// A run that failed before it had a plan.
    pub fn stillborn(message: &str) -> Self {
        let mut run = Self { steps: Vec::new(), jobs: 2, events: Vec::new(), free: Vec::new(), over: Vec::new(), alive: false };
        run.open();
        run.finish(Some(Fault::new(Class::DvcException, message)))
    }

    fn open(&mut self) {
        let about = About {
            run: NAME.to_owned(),
            version: "0.1.0".to_owned(),
            args: vec!["repro".to_owned(), "--jobs".to_owned(), self.jobs.to_string()],
            project: "demo".to_owned(),
            host: "box".to_owned(),
            system: "linux x86_64".to_owned(),
            cpus: 4,
            jobs: self.jobs,
            dvc: Some("3.67.1".to_owned()),
            ..About::default()
        };
        self.tell(0, EventKind::RunOpened(Box::new(about)));
    }

    /// Something after these milliseconds.
    pub fn tell(&mut self, ms: u64, kind: EventKind) {
        let elapsed = Duration::from_millis(ms);
        self.events.push(Event { at: BEGAN + i128::from(ms) * 1_000_000, elapsed, kind });
    }

    /// A stage begins in the job slot that is free first, and does not end.
    pub fn begins(&mut self, at: usize) -> (usize, u64) {
        let ready = self.steps[at].upstream.iter().map(|up| self.over[*up]).max().unwrap_or(8) + 2;
        let slot = (0..self.jobs).min_by_key(|slot| self.free[*slot]).unwrap();
        let start = ready.max(self.free[slot] + 1);
        self.tell(ready, EventKind::Judged { stage: id(at), verdict: Verdict::Stale(reasons(at)) });
        let queue = if self.steps[at].queue == "default" { Vec::new() } else { vec![slot] };
        self.tell(start, EventKind::Started { stage: id(at), slots: Slots { job: slot, queue }, attempt: 1 });
        self.tell(start + 1, EventKind::Command { stage: id(at), cmd: self.steps[at].cmd.clone(), first: true });
        self.free[slot] = start + self.steps[at].takes;
        (slot, start)
    }

    /// A stage is tried and ends so.
    pub fn ends(&mut self, at: usize, status: Status) -> &mut Self {
        let (_, start) = self.begins(at);
        let end = start + self.steps[at].takes;
        self.tell(end, EventKind::Finished { stage: id(at), outcome: outcome(start, end, 1, status) });
        self.over[at] = end;
        self
    }

    /// A stage fails, and succeeds at the second try.
    pub fn ends_at_last(&mut self, at: usize) -> &mut Self {
        let (slot, start) = self.begins(at);
        let (takes, stage) = (self.steps[at].takes, id(at));
        let (first, second) = (start + takes, start + takes + 50);
        let failed = outcome(start, first, 1, Status::Failed);
        self.tell(first, EventKind::Retrying { stage, outcome: failed, tries: 3, after: Duration::ZERO });
        self.tell(second, EventKind::Started { stage, slots: Slots { job: slot, queue: vec![slot] }, attempt: 2 });
        self.over[at] = second + takes;
        self.free[slot] = second + takes;
        self.tell(second + takes, EventKind::Finished { stage, outcome: outcome(second, second + takes, 2, Status::Ran) });
        self
    }

    /// A stage that is not tried.
    pub fn left(&mut self, at: usize, status: Status) -> &mut Self {
        self.over[at] = self.steps[at].upstream.iter().map(|up| self.over[*up]).max().unwrap_or(8) + 1;
        self.tell(self.over[at], EventKind::Finished { stage: id(at), outcome: Outcome::plain(status) });
        self
    }

    /// All stages run, to a good end.
    pub fn all(mut self) -> Self {
        for at in 0..self.steps.len() {
            self.ends(at, Status::Ran);
        }
        self.finish(None)
    }

    /// The end.
    pub fn finish(mut self, fault: Option<Fault>) -> Self {
        let last = self.events.iter().map(|event| event.elapsed.as_millis()).max().unwrap();
        let last = u64::try_from(last).unwrap() + 10;
        self.tell(last, EventKind::RunFinished { fault, to_track: Vec::new(), staged: false });
        self
    }

    /// What a report gets of it, with everything that a report can have.
    pub fn dossier(&self) -> Dossier {
        let mut events = self.events.clone();
        events.sort_by_key(|event| event.elapsed);
        let history = History::of(&events);
        let facts = Facts::of(&history, self.alive);
        let tried = history.stages.iter().enumerate().filter(|(_, entry)| !entry.tries.is_empty());
        let ended_badly = tried
            .filter(|(_, entry)| entry.outcome.as_ref().is_none_or(|outcome| matches!(outcome.status, Status::Failed | Status::Stopped)));
        let before = |(at, step): (usize, &Step)| (step.address.clone(), Duration::from_millis(step.takes + at as u64 * 7 % 50));
        Dossier {
            exit_code: history.end.as_ref().map(|end| if end.fault.is_some() { 255 } else { 0 }),
            maps: Default::default(),
            tails: ended_badly.map(|(at, _)| (at, tail(at))).collect(),
            changes: Ok(changes()),
            previous: Some(Previous { run: "20261119-170000-1b2c".to_owned(), times: self.steps.iter().enumerate().map(before).collect() }),
            what_if: vec![WhatIf { jobs: 8, wall: facts.wall.mul_f64(0.7) }],
            facts,
            history,
        }
    }
}

fn id(at: usize) -> StageId {
    StageId(u32::try_from(at).unwrap())
}

fn reasons(at: usize) -> Vec<Reason> {
    let (path, key) = ("params.yaml".to_owned(), "train.lr".to_owned());
    let param = Reason::ParamModified { path, key, old: "0.1".to_owned(), new: "0.2".to_owned() };
    let dep = Reason::DepModified { path: "data/<raw>.csv".to_owned(), old: None, new: "0123456789abcdef".to_owned() };
    match at % 5 {
        0 => vec![param],
        1 => vec![dep, param],
        _ => vec![Reason::NeverRun],
    }
}

fn outcome(start: u64, end: u64, number: u32, status: Status) -> Outcome {
    let ms = Duration::from_millis;
    let save = (end - start) / 12;
    let fault = match status {
        Status::Failed => Some(Fault::new(Class::StageCmdFailedError, "failed to run: make <it> && \"that\", exited with 1")),
        Status::Stopped => Some(Fault::new(Class::Interrupted, "interrupted by the user")),
        _ => None,
    };
    let ran = status != Status::Restored;
    let attempt = Attempt {
        number,
        started: BEGAN + i128::from(start) * 1_000_000,
        ended: BEGAN + i128::from(end) * 1_000_000,
        running: if ran { ms(end - start - save) } else { Duration::ZERO },
        saving: ms(save),
        usage: ran.then(|| Usage { user: ms((end - start) * 7 / 8), system: ms(3), peak_rss: 31 << 20 }),
        returncode: ran.then_some(i32::from(status == Status::Failed)),
        log: Some(format!(".dvc/tmp/paraffin/runs/{NAME}/{start:04}.log")),
    };
    let ended_by = (status == Status::Stopped).then_some(EndedBy::Interrupt);
    Outcome { status, attempt: Some(attempt), fault, ended_by }
}

fn tail(at: usize) -> Tail {
    let mut lines: Vec<String> = (1..=12).map(|epoch| format!("epoch {epoch:>2}/40  loss {:.4}", 1.0 / f64::from(epoch))).collect();
    lines.extend(["Traceback (most recent call last):", "  File \"src/train.py\", line 41, in <module>"].map(str::to_owned));
    lines.push(format!("ValueError: <script>alert({at})</script> & \"quotes\" are no number"));
    Tail { lines, cut: true }
}

fn changes() -> Changes {
    let row = |path: &str, name: &str, old: Option<&str>, new: &str, change: Option<&str>| Row {
        path: path.to_owned(),
        name: name.to_owned(),
        old: old.map(str::to_owned),
        new: Some(new.to_owned()),
        change: change.map(str::to_owned),
    };
    let metrics = vec![
        row("metrics.json", "accuracy", Some("0.914"), "0.927", Some("0.013")),
        row("metrics.json", "loss", Some("0.2291"), "0.1987", Some("-0.0304")),
        row("metrics.json", "test.auc", None, "0.98", None),
    ];
    let params =
        vec![row("params.yaml", "train.lr", Some("0.1"), "0.2", Some("0.1")), row("params.yaml", "<b>&name", Some("a|b"), "`c`", None)];
    let of = |rows| Differences { rows, ..Differences::default() };
    Changes { base: "main (1a2b3c4), the default branch".to_owned(), params: of(params), metrics: of(metrics), remarks: Vec::new() }
}

/// A stage with a command as the demo has them.
pub fn step(address: impl Into<String>, upstream: Vec<usize>, takes: u64) -> Step {
    let address = address.into();
    let cmd = format!("sh src/params_to_outs.sh {address} nodes/numbers.txt");
    Step { address, upstream, queue: "default", cmd, takes }
}

/// So many branches of the demo, of seven stages each.
pub fn demo(branches: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for branch in 0..branches {
        let name = if branches <= 2 { ["A", "B"][branch].to_owned() } else { format!("B{branch}") };
        let mut ends = Vec::new();
        for group in ["X", "Y"] {
            let first = steps.len();
            for (suffix, takes) in [("", 310), ("_1", 240)] {
                steps.push(step(format!("{name}_{group}_ParamsToOuts{suffix}"), Vec::new(), takes + branch as u64 % 9 * 31));
            }
            steps.push(step(format!("{name}_{group}_AddNodeNumbers"), vec![first, first + 1], 420));
            ends.push(first + 2);
        }
        steps.push(step(format!("{name}_SumNodeAttributes"), ends, 180));
    }
    steps
}

/// A pipeline with a sweep.
pub fn sweep(members: usize) -> Vec<Step> {
    let mut steps = vec![step("prepare", Vec::new(), 700), step("split", vec![0], 300)];
    for at in 0..members {
        let takes = 900 + at as u64 * 137 % 700;
        steps.push(Step { queue: "gpu", ..step(format!("train@lr{}-seed{at}", at % 4), vec![1], takes) });
    }
    steps.push(step("evaluate", (2..2 + members).collect(), 500));
    steps.push(step("reports/dvc.yaml:plot", vec![steps.len() - 1], 250));
    steps
}

/// A run in which one stage failed, one needed two tries, and some were left out.
pub fn failed() -> Run {
    let mut run = Run::new(sweep(6), 3);
    run.left(0, Status::Unchanged);
    run.ends(1, Status::Restored).ends(2, Status::Ran).ends_at_last(3).ends(4, Status::Failed);
    run.ends(5, Status::Ran).ends(6, Status::Ran).ends(7, Status::Ran);
    run.left(8, Status::UpstreamFailed).left(9, Status::UpstreamFailed);
    run.tell(2000, EventKind::Notice { level: Level::Warning, text: "Stages 'evaluate' and <plot> will be skipped".to_owned() });
    run.finish(Some(Fault::new(Class::ReproductionError, "failed to reproduce 'train@lr2-seed2'")))
}

/// A run that has come half of its way; whether it goes on is up to `alive`.
pub fn halfway(alive: bool) -> Run {
    let mut run = Run::new(sweep(6), 3);
    run.ends(0, Status::Ran).ends(1, Status::Ran).ends(2, Status::Ran).ends(3, Status::Ran);
    run.begins(4);
    run.begins(5);
    run.tell(3000, EventKind::Notice { level: Level::Info, text: "tick".to_owned() });
    run.alive = alive;
    run
}

/// A run that was asked to stop.
pub fn interrupted() -> Run {
    let mut run = Run::new(sweep(3), 2);
    run.ends(0, Status::Ran).ends(1, Status::Ran).ends(2, Status::Stopped).ends(3, Status::Ran);
    run.left(4, Status::NotStarted).left(5, Status::NotStarted).left(6, Status::NotStarted);
    run.tell(2500, EventKind::Interrupted { times: 1 });
    run.finish(Some(Fault::new(Class::Interrupted, "interrupted by the user")))
}

/// A run that one of its stages ended early, as it may.
pub fn stopped_early() -> Run {
    let mut run = Run::new(sweep(2), 1);
    run.ends(0, Status::Ran).ends(1, Status::Ran);
    let (_, start) = run.begins(2);
    let early = Outcome { ended_by: Some(EndedBy::EarlyStop), fault: None, ..outcome(start, start + 500, 1, Status::Stopped) };
    run.tell(start + 500, EventKind::Finished { stage: id(2), outcome: early });
    for at in 3..6 {
        run.left(at, Status::NotStarted);
    }
    run.finish(None)
}

/// A run that found nothing to do.
pub fn idle() -> Run {
    let mut run = Run::new(demo(1), 2);
    for at in 0..7 {
        run.left(at, Status::Unchanged);
    }
    run.finish(None)
}
