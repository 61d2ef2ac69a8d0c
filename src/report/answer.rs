//! The JSON answer of `repro` (`--json`, `--json-file`): the run as one object.
//!
//! A public contract, described in docs/json.md; keys are added, never changed. It is folded
//! from the events like every other picture of a run.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::model::event::Planned;
use crate::model::{EndedBy, Event, EventKind, Fault, Level, Outcome, Reason, StageId, Status, Verdict};

use super::sink::Sink;

/// The sink; ask [`Answer::value`] at the end.
#[derive(Debug, Default)]
pub struct Answer {
    run: Option<String>,
    plan: Vec<Planned>,
    reasons: HashMap<StageId, Vec<Reason>>,
    slots: HashMap<StageId, usize>,
    ends: HashMap<StageId, Outcome>,
    log: Vec<Value>,
    fault: Option<Fault>,
}

impl Answer {
    /// An answer that has heard of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The answer. `fault` is the failure that ended the command, if the run itself did not
    /// tell of one (it failed before it began).
    pub fn value(&self, exit_code: i32, fault: Option<&Fault>) -> Value {
        let fault = fault.or(self.fault.as_ref());
        json!({
            "version": 1,
            "exit_code": exit_code,
            "run": self.run,
            "stages": self.plan.iter().map(|planned| self.stage(planned)).collect::<Vec<_>>(),
            "stopped_early": self.plan.iter().find(|planned| self.stopped_early(planned.stage)).map(|planned| &planned.address),
            "error": fault.map_or(Value::Null, error),
            "log": self.log,
        })
    }

    fn stopped_early(&self, stage: StageId) -> bool {
        self.ends.get(&stage).is_some_and(|outcome| outcome.ended_by == Some(EndedBy::EarlyStop))
    }

    fn stage(&self, planned: &Planned) -> Value {
        let outcome = self.ends.get(&planned.stage);
        let status = outcome.map_or(Status::NotStarted, |outcome| outcome.status);
        let attempt = outcome.and_then(|outcome| outcome.attempt.as_ref());
        let mut object = Map::new();
        object.insert("address".to_owned(), json!(planned.address));
        object.insert("status".to_owned(), json!(status));
        object.insert("returncode".to_owned(), json!(attempt.and_then(|attempt| attempt.returncode)));
        object.insert("reasons".to_owned(), json!(self.reasons.get(&planned.stage).map_or(&[][..], Vec::as_slice)));
        object.insert("queue".to_owned(), json!(planned.queue));
        object.insert("slot".to_owned(), json!(self.slots.get(&planned.stage)));
        object.insert("attempt".to_owned(), json!(attempt.map(|attempt| attempt.number)));
        object.insert("started".to_owned(), json!(attempt.and_then(|attempt| time_of_day(attempt.started))));
        object.insert("ended".to_owned(), json!(attempt.and_then(|attempt| time_of_day(attempt.ended))));
        object.insert("cause".to_owned(), json!(outcome.and_then(|outcome| outcome.ended_by)));
        object.insert("log".to_owned(), json!(attempt.and_then(|attempt| attempt.log.as_ref())));
        object.insert("error".to_owned(), outcome.and_then(|outcome| outcome.fault.as_ref()).map_or(Value::Null, error));
        Value::Object(object)
    }
}

/// A failure as the contract's ERROR object.
pub fn error(fault: &Fault) -> Value {
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!(fault.class));
    object.insert("message".to_owned(), json!(fault.message));
    if !fault.details.is_empty() {
        object.insert("details".to_owned(), json!(fault.details));
    }
    if let Some(cause) = &fault.cause {
        object.insert("cause".to_owned(), error(cause));
    }
    Value::Object(object)
}

/// Nanoseconds since 1970 as RFC 3339 in UTC, to the microsecond.
fn time_of_day(nanoseconds: i128) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some(format!("{time:.6}"))
}

impl Sink for Answer {
    fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { run, plan, .. } => {
                self.run = Some(run.clone());
                self.plan.clone_from(plan);
            }
            EventKind::Judged { stage, verdict: Verdict::Stale(reasons) } => {
                self.reasons.insert(*stage, reasons.clone());
            }
            EventKind::Started { stage, slots, .. } => {
                self.slots.insert(*stage, slots.numbers()[0]);
            }
            EventKind::Finished { stage, outcome } => {
                self.ends.insert(*stage, outcome.clone());
            }
            EventKind::Notice { level, text } => {
                let word = match level {
                    Level::Warning => "WARNING",
                    Level::Error => "ERROR",
                    Level::Info | Level::Debug => return,
                };
                self.log.push(json!({"level": word, "message": text}));
            }
            EventKind::RunFinished { fault, .. } => self.fault.clone_from(fault),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Attempt, Class, Slots};

    fn event(kind: EventKind) -> Event {
        Event { at: 0, elapsed: Duration::ZERO, kind }
    }

    fn planned(number: u32, address: &str) -> Planned {
        Planned {
            stage: StageId(number),
            address: address.to_owned(),
            data_file: false,
            frozen: false,
            upstream: Vec::new(),
            cmds: Vec::new(),
            level: 0,
            queue: "default".to_owned(),
            file: "dvc.yaml".to_owned(),
        }
    }

    #[test]
    fn a_run_becomes_one_object() {
        let mut answer = Answer::new();
        let plan = vec![planned(1, "a"), planned(0, "b")];
        answer.event(&event(EventKind::RunStarted { run: "r1".to_owned(), plan, jobs: 2, queues: indexmap::IndexMap::new() }));
        answer.event(&event(EventKind::Judged { stage: StageId(1), verdict: Verdict::Stale(vec![Reason::NeverRun]) }));
        answer.event(&event(EventKind::Started { stage: StageId(1), slots: Slots { job: 1, queue: Vec::new() }, attempt: 1 }));
        let fault = Fault::new(Class::StageCmdFailedError, "failed to run: false, exited with -9");
        let attempt = Attempt {
            number: 1,
            started: 1_795_167_652_607_617_600,
            ended: 1_795_167_653_000_000_000,
            returncode: Some(-9),
            log: Some("x/0.log".to_owned()),
            ..Attempt::default()
        };
        let outcome = Outcome {
            attempt: Some(attempt),
            ended_by: Some(EndedBy::Signal),
            fault: Some(fault.clone()),
            ..Outcome::plain(Status::Failed)
        };
        answer.event(&event(EventKind::Finished { stage: StageId(1), outcome }));
        answer.event(&event(EventKind::Notice { level: Level::Warning, text: "'x' is empty.".to_owned() }));
        let fault = Fault::new(Class::ReproductionError, "failed to reproduce 'a'").caused_by(fault);
        answer.event(&event(EventKind::RunFinished { fault: Some(fault), to_track: Vec::new(), staged: false }));
        let want = json!({
            "version": 1, "exit_code": 255, "run": "r1",
            "stages": [
                {"address": "a", "status": "failed", "returncode": -9, "reasons": [{"kind": "never_run"}], "queue": "default", "slot": 1,
                 "attempt": 1, "started": "2026-11-20T09:40:52.607617Z", "ended": "2026-11-20T09:40:53.000000Z", "cause": "signal",
                 "log": "x/0.log", "error": {"kind": "StageCmdFailedError", "message": "failed to run: false, exited with -9"}},
                {"address": "b", "status": "not_started", "returncode": null, "reasons": [], "queue": "default", "slot": null,
                 "attempt": null, "started": null, "ended": null, "cause": null, "log": null, "error": null},
            ],
            "stopped_early": null,
            "error": {"kind": "ReproductionError", "message": "failed to reproduce 'a'",
                      "cause": {"kind": "StageCmdFailedError", "message": "failed to run: false, exited with -9"}},
            "log": [{"level": "WARNING", "message": "'x' is empty."}],
        });
        assert_eq!(answer.value(255, None), want);
    }

    #[test]
    fn a_run_that_never_began_has_an_error_only() {
        let fault = Fault::new(Class::NotDvcRepoError, "you are not inside of a DVC repository");
        let value = Answer::new().value(253, Some(&fault));
        assert_eq!(value["run"], Value::Null);
        assert_eq!(value["error"]["kind"], "NotDvcRepoError");
        assert_eq!(value["stages"], json!([]));
    }
}
