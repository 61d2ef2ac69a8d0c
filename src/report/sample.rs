//! Runs for the tests of reports: one told by hand, and random ones.

use std::time::Duration;

use fastrand::Rng;
use indexmap::IndexMap;

use crate::model::event::Planned;
use crate::model::{
    About, Attempt, Class, EndedBy, Event, EventKind, Fault, Level, Outcome, Reason, Slots, StageId, Status, Usage, Verdict,
};

use crate::model::values::GitFacts;

use super::dossier::Dossier;
use super::facts::Facts;
use super::history::History;

/// When all of them began.
pub const BEGAN: i128 = 1_795_167_652_000_000_000;

/// Events under construction.
#[derive(Default)]
pub struct Tale {
    /// What was told so far.
    pub events: Vec<Event>,
}

impl Tale {
    /// A run with these stages: address, addresses of those it depends on, queue.
    pub fn new(stages: &[(&str, &[&str], &str)], jobs: usize) -> Self {
        let place = |name: &str| u32::try_from(stages.iter().position(|stage| stage.0 == name).unwrap()).unwrap();
        let mut plan: Vec<Planned> = Vec::new();
        for (address, upstream, queue) in stages {
            let upstream: Vec<StageId> = upstream.iter().map(|name| StageId(place(name))).collect();
            let level = upstream.iter().map(|up| plan[up.0 as usize].level + 1).max().unwrap_or(0);
            plan.push(Planned {
                stage: StageId(place(address)),
                address: (*address).to_owned(),
                upstream,
                cmds: vec![format!("make {address}")],
                level,
                queue: (*queue).to_owned(),
                file: "dvc.yaml".to_owned(),
                ..Planned::default()
            });
        }
        Self::default().opened(jobs).planned(plan, jobs)
    }

    /// The first event.
    pub fn opened(self, jobs: usize) -> Self {
        let about = About {
            journal: 1,
            run: "20261120-094052-3f2a".to_owned(),
            version: "0.1.0".to_owned(),
            args: vec!["repro".to_owned(), "-j".to_owned(), jobs.to_string()],
            project: "demo".to_owned(),
            host: "box".to_owned(),
            system: "linux x86_64".to_owned(),
            cpus: 4,
            jobs,
            ..About::default()
        };
        self.at(0, EventKind::RunOpened(Box::new(about)))
    }

    fn planned(self, plan: Vec<Planned>, jobs: usize) -> Self {
        let queues: IndexMap<String, usize> =
            plan.iter().filter(|planned| planned.queue != "default").map(|planned| (planned.queue.clone(), 2)).collect();
        self.at(5, EventKind::RunStarted { run: "20261120-094052-3f2a".to_owned(), plan, jobs, queues })
    }

    /// Something after these milliseconds.
    pub fn at(mut self, ms: u64, kind: EventKind) -> Self {
        let elapsed = Duration::from_millis(ms);
        self.events.push(Event { at: BEGAN + i128::from(ms) * 1_000_000, elapsed, kind });
        self
    }

    /// A stage that is found stale, runs in this slot and ends so.
    pub fn runs(self, stage: u32, ready: u64, start: u64, end: u64, slot: usize, status: Status) -> Self {
        self.begins(stage, ready, start, slot).ends(stage, start, end, 1, status)
    }

    /// A stage that is found stale and begins.
    pub fn begins(self, stage: u32, ready: u64, start: u64, slot: usize) -> Self {
        let stage = StageId(stage);
        self.at(ready, EventKind::Judged { stage, verdict: Verdict::Stale(vec![Reason::NeverRun]) })
            .at(start, EventKind::Started { stage, slots: Slots { job: slot, queue: Vec::new() }, attempt: 1 })
            .at(start + 1, EventKind::Command { stage, cmd: "make it".to_owned(), first: true })
    }

    /// The end of a stage that began.
    pub fn ends(self, stage: u32, start: u64, end: u64, number: u32, status: Status) -> Self {
        self.at(end, EventKind::Finished { stage: StageId(stage), outcome: outcome(start, end, number, status) })
    }

    /// The end of the run.
    pub fn over(self, ms: u64, fault: Option<Fault>) -> Self {
        self.at(ms, EventKind::RunFinished { fault, to_track: Vec::new(), staged: false })
    }

    /// The dossier of it.
    pub fn dossier(&self) -> Dossier {
        let history = History::of(&self.events);
        let facts = Facts::of(&history, false);
        Dossier {
            exit_code: history.end.as_ref().map(|end| if end.fault.is_some() { 255 } else { 0 }),
            facts,
            history,
            tails: Default::default(),
            maps: Default::default(),
            changes: Err("not inside of a git repository".to_owned()),
            previous: None,
            what_if: Vec::new(),
        }
    }
}

/// The end of a try that took from `start` to `end`, all but two milliseconds of it its commands.
pub fn outcome(start: u64, end: u64, number: u32, status: Status) -> Outcome {
    let ms = Duration::from_millis;
    let (code, fault) = match status {
        Status::Failed => (Some(1), Some(Fault::new(Class::StageCmdFailedError, "failed to run: make it, exited with 1"))),
        Status::Stopped => (Some(-2), Some(Fault::new(Class::Interrupted, "interrupted by the user"))),
        Status::Restored => (None, None),
        _ => (Some(0), None),
    };
    let ran = status != Status::Restored && end > start + 2;
    let attempt = Attempt {
        number,
        started: BEGAN + i128::from(start) * 1_000_000,
        ended: BEGAN + i128::from(end) * 1_000_000,
        running: if ran { ms(end - start - 2) } else { Duration::ZERO },
        saving: if end > start { ms(1) } else { Duration::ZERO },
        usage: code.map(|_| Usage { user: ms(end - start) / 2, system: ms(1), peak_rss: 40 << 20 }),
        returncode: code,
        log: Some(format!(".dvc/tmp/paraffin/runs/20261120-094052-3f2a/{start:04}.log")),
    };
    let ended_by = (status == Status::Stopped).then_some(EndedBy::Interrupt);
    Outcome { status, attempt: Some(attempt), fault, ended_by }
}

/// A run that went well: three stages after one, one of them unchanged.
pub fn well() -> Tale {
    let stages: [(&str, &[&str], &str); 5] = [
        ("prepare", &[], "default"),
        ("train@a", &["prepare"], "gpu"),
        ("train@b", &["prepare"], "gpu"),
        ("train@c", &["prepare"], "gpu"),
        ("report", &["train@a", "train@b", "train@c"], "default"),
    ];
    let head = GitFacts { commit: Some("1a2b3c4d5e6f".to_owned()), branch: Some("main".to_owned()), dirty: true };
    Tale::new(&stages, 2)
        .at(10, EventKind::GitStood(head))
        .runs(0, 10, 12, 512, 0, Status::Ran)
        .at(515, EventKind::Finished { stage: StageId(3), outcome: Outcome::plain(Status::Unchanged) })
        .begins(1, 515, 520, 0)
        .begins(2, 516, 521, 1)
        .ends(2, 521, 1521, 1, Status::Restored)
        .ends(1, 520, 2520, 1, Status::Ran)
        .at(2525, EventKind::Notice { level: Level::Warning, text: "'x' is empty.".to_owned() })
        .runs(4, 2525, 2530, 2730, 0, Status::Ran)
        .over(2740, None)
}

/// The same until a stage failed, after which one was skipped.
pub fn badly() -> Tale {
    let stages: [(&str, &[&str], &str); 3] =
        [("prepare", &[], "default"), ("train", &["prepare"], "default"), ("report", &["train"], "default")];
    let fault = Fault::new(Class::ReproductionError, "failed to reproduce 'train'")
        .caused_by(Fault::new(Class::StageCmdFailedError, "failed to run: make it, exited with 1"));
    Tale::new(&stages, 2)
        .runs(0, 10, 12, 512, 0, Status::Ran)
        .runs(1, 515, 520, 1520, 0, Status::Failed)
        .at(1521, EventKind::Finished { stage: StageId(2), outcome: Outcome::plain(Status::NotStarted) })
        .over(1530, Some(fault))
}

/// A random run of up to so many stages: retries, failures, stops, and ends of every kind.
pub fn random(rng: &mut Rng, most: usize) -> Tale {
    let count = rng.usize(1..=most);
    let names: Vec<String> = (0..count).map(|at| if rng.bool() { format!("s@{at}") } else { format!("s{at}") }).collect();
    let upstream: Vec<Vec<usize>> = (0..count).map(|at| (0..at).filter(|_| rng.usize(..count) < 2).collect()).collect();
    let upstream: Vec<Vec<&str>> = upstream.iter().map(|ups| ups.iter().map(|up| names[*up].as_str()).collect()).collect();
    let stages: Vec<(&str, &[&str], &str)> = names
        .iter()
        .zip(&upstream)
        .map(|(name, upstream)| (name.as_str(), upstream.as_slice(), *rng.choice(&["default", "gpu"]).unwrap()))
        .collect();
    let jobs = rng.usize(1..5);
    let mut tale = Tale::new(&stages, jobs);
    let cut = if rng.u8(..4) == 0 { rng.usize(..=count) } else { count };
    let mut now = 10;
    for stage in 0..u32::try_from(cut).unwrap() {
        let id = StageId(stage);
        match rng.u8(..10) {
            0..3 => {
                let status = *rng.choice(&[Status::Unchanged, Status::Frozen, Status::NotStarted, Status::UpstreamFailed]).unwrap();
                tale = tale.at(now, EventKind::Finished { stage: id, outcome: Outcome::plain(status) });
            }
            3 if rng.bool() => {
                // It is given a slot and lacks what it needs.
                let start = now + rng.u64(..50);
                tale = tale.at(now, EventKind::Judged { stage: id, verdict: Verdict::Stale(vec![Reason::NeverRun]) });
                tale = tale.at(start, EventKind::Started { stage: id, slots: Slots::default(), attempt: 1 });
                let fault = Some(Fault::new(Class::FileNotFoundError, "no such file"));
                let outcome = Outcome { fault, ..Outcome::plain(Status::Failed) };
                tale = tale.at(start + 1, EventKind::Finished { stage: id, outcome });
            }
            3 => tale = tale.begins(stage, now, now + rng.u64(..50), rng.usize(..jobs)),
            4 => {
                let (first, end) = (now + rng.u64(..50), now + 50 + rng.u64(..500));
                tale = tale.begins(stage, now, first, 0);
                let outcome = outcome(first, end, 1, Status::Failed);
                tale = tale.at(end, EventKind::Retrying { stage: id, outcome, tries: 3, after: Duration::ZERO });
                let again = end + rng.u64(..100);
                tale = tale.at(again, EventKind::Started { stage: id, slots: Slots::default(), attempt: 2 });
                now = again + rng.u64(..500);
                tale = tale.ends(stage, again, now, 2, *rng.choice(&[Status::Ran, Status::Failed]).unwrap());
            }
            _ => {
                let start = now + rng.u64(..50);
                let end = start + rng.u64(..2000);
                let status = *rng.choice(&[Status::Ran, Status::Ran, Status::Restored, Status::Failed, Status::Stopped]).unwrap();
                tale = tale.runs(stage, now, start, end, rng.usize(..jobs), status);
                now += rng.u64(..300);
            }
        }
    }
    let last = tale.events.iter().map(|event| event.elapsed.as_millis()).max().unwrap_or(0);
    let last = u64::try_from(last).unwrap() + 5;
    match rng.u8(..5) {
        0 => tale,
        1 => tale.over(last, Some(Fault::new(Class::Interrupted, "interrupted by the user"))),
        2 => tale.over(last, Some(Fault::new(Class::ReproductionError, "failed to reproduce 's0'"))),
        _ => tale.over(last, None),
    }
}
