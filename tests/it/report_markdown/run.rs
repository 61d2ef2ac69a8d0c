//! Runs with stages of given names.

use std::time::Duration;

use dvc_paraffin::model::event::Planned;
use dvc_paraffin::model::{Attempt, Class, Event, EventKind, Fault, Outcome, Slots, StageId, Status, Verdict};
use dvc_paraffin::report::dossier::{Changes, Differences, Dossier, Row, Tail};
use dvc_paraffin::report::facts::Facts;
use dvc_paraffin::report::history::History;
use indexmap::IndexMap;
use serde_json::Value;

/// Every so many-th stage fails.
pub const FAILS: usize = 5;

/// A plan of four levels.
pub fn plan(names: &[&str]) -> Vec<Planned> {
    let stage = |at: usize| StageId(u32::try_from(at).unwrap());
    let planned = |(at, name): (usize, &&str)| Planned {
        stage: stage(at),
        address: (*name).to_owned(),
        upstream: if at % 4 > 0 { vec![stage(at - 1)] } else { Vec::new() },
        cmds: vec![format!("make {name}")],
        level: at % 4,
        queue: "default".to_owned(),
        file: "dvc.yaml".to_owned(),
        ..Planned::default()
    };
    names.iter().enumerate().map(planned).collect()
}

/// A run of them in which some failed with this log, and with values of these names.
pub fn failed(names: &[&str], log: &[&str]) -> Dossier {
    let event = |ms: u64, kind| Event { at: 0, elapsed: Duration::from_millis(ms), kind };
    let started = EventKind::RunStarted { run: "20261120-094052-3f2a".to_owned(), plan: plan(names), jobs: 4, queues: IndexMap::new() };
    let mut events = vec![event(1, started)];
    for (at, name) in names.iter().enumerate() {
        let (stage, start) = (StageId(u32::try_from(at).unwrap()), 10 * at as u64);
        let attempt = Attempt { number: 1, returncode: Some(1), log: Some("1.log".to_owned()), ..Attempt::default() };
        let fault = Fault::new(Class::StageCmdFailedError, format!("failed to run: make {name}"));
        let (status, fault) = if at % FAILS == 0 { (Status::Failed, Some(fault)) } else { (Status::Ran, None) };
        let outcome = Outcome { attempt: Some(attempt), fault, ..Outcome::plain(status) };
        events.push(event(start, EventKind::Judged { stage, verdict: Verdict::Stale(Vec::new()) }));
        events.push(event(start + 1, EventKind::Started { stage, slots: Slots::default(), attempt: 1 }));
        events.push(event(start + 9, EventKind::Finished { stage, outcome }));
    }
    events.push(event(10_000, EventKind::RunFinished { fault: None, to_track: Vec::new(), staged: false }));
    let history = History::of(&events);
    let log = Tail { lines: log.iter().map(|line| (*line).to_owned()).collect(), cut: false };
    let text = |text: &str| text.to_owned();
    let value = |name: &&str| Row { path: text("a|b.json"), name: text(name), old: None, new: Some(text(name)), change: None };
    let metrics = Differences { rows: names.iter().map(value).collect(), json: Value::Null };
    Dossier {
        facts: Facts::of(&history, false),
        exit_code: Some(255),
        maps: Default::default(),
        tails: (0..names.len()).step_by(FAILS).map(|at| (at, log.clone())).collect(),
        changes: Ok(Changes { base: text("a|b `c`"), metrics, ..Changes::default() }),
        previous: None,
        what_if: Vec::new(),
        history,
    }
}
