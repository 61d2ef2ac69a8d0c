//! The JSON answer of `repro` (`--json`, `--json-file`): the run as one object.
//!
//! A public contract, described in docs/json.md; keys are added, never changed. It is folded
//! from the events like every other picture of a run.

use serde_json::{Map, Value, json};

use crate::model::{EndedBy, Fault, Level, Status};

use super::dossier::Dossier;
use super::facts::{Facts, Shown};
use super::history::{Entry, History};
use super::view::ns;

/// The answer. `fault` is the failure that ended the command, if the run itself did not tell of
/// one (it failed before it began).
pub fn value(history: &History, exit_code: Option<i32>, fault: Option<&Fault>) -> Value {
    let fault = fault.or(history.end.as_ref().and_then(|end| end.fault.as_ref()));
    json!({
        "version": 1,
        "exit_code": exit_code,
        "run": history.planned.then_some(&history.about.run),
        "stages": history.stages.iter().map(|entry| stage(entry, key_of(entry), history.began)).collect::<Vec<_>>(),
        "stopped_early": stopped_early(history),
        "error": fault.map_or(Value::Null, error),
        "log": history.remarks.iter().map(remark).collect::<Vec<_>>(),
    })
}

/// The answer with all that a report knows beside it (docs/json.md).
pub fn report(dossier: &Dossier) -> Value {
    let (history, facts) = (&dossier.history, &dossier.facts);
    let mut value = value(history, dossier.exit_code, None);
    let Value::Object(object) = &mut value else { return value };
    let with_maps = |at: usize, mut stage: Value| {
        stage["maps"] = dossier.maps.get(&at).map_or_else(|| json!([]), |maps| json!(maps));
        stage
    };
    let stages = history.stages.iter().zip(&facts.shown).map(|(entry, shown)| stage(entry, shown.key(), history.began));
    let stages = stages.enumerate().map(|(at, stage)| with_maps(at, stage)).collect();
    object.insert("run".to_owned(), json!(history.about.run));
    object.insert("stages".to_owned(), Value::Array(stages));
    object.insert("verdict".to_owned(), json!(facts.verdict.key()));
    object.insert("counts".to_owned(), counts(facts));
    object.insert("wall_ns".to_owned(), json!(ns(facts.wall)));
    object.insert("stage_ns".to_owned(), json!(ns(facts.stage_time)));
    let critical: Vec<&str> = facts.critical.iter().map(|at| history.stages[*at].planned.address.as_str()).collect();
    object.insert("critical_path".to_owned(), json!(critical));
    object.insert("critical_path_ns".to_owned(), json!(ns(facts.critical_time)));
    object.insert("overhead_ns".to_owned(), json!(ns(facts.own)));
    let what_if: Vec<Value> = dossier.what_if.iter().map(|what| json!({"jobs": what.jobs, "wall_ns": ns(what.wall)})).collect();
    object.insert("what_if".to_owned(), json!(what_if));
    let (metrics, params, base) = match &dossier.changes {
        Ok(changes) => (changes.metrics.json.clone(), changes.params.json.clone(), json!(changes.base)),
        Err(_) => (Value::Null, Value::Null, Value::Null),
    };
    object.insert("base".to_owned(), base);
    object.insert("metrics".to_owned(), metrics);
    object.insert("params".to_owned(), params);
    object.insert("env".to_owned(), env(history));
    value
}

/// How many stages ended how, by the words of the answer.
pub fn counts(facts: &Facts) -> Value {
    Value::Object(facts.counts.iter().map(|(shown, count)| (shown.key().to_owned(), json!(count))).collect())
}

fn env(history: &History) -> Value {
    let about = &history.about;
    let git = history.git.as_ref();
    json!({
        "began": history.began.and_then(time_of_day),
        "args": about.args,
        "version": about.version,
        "dvc": about.dvc,
        "project": about.project,
        "host": about.host,
        "system": about.system,
        "cpus": about.cpus,
        "jobs": history.jobs,
        "terminal": about.terminal,
        "queues": history.queues,
        "git_commit": git.and_then(|git| git.commit.as_ref()),
        "git_branch": git.and_then(|git| git.branch.as_ref()),
        "git_dirty": git.map(|git| git.dirty),
    })
}

/// The status of a run that is over, in one word.
fn key_of(entry: &Entry) -> &'static str {
    Shown::Over(entry.outcome.as_ref().map_or(Status::NotStarted, |outcome| outcome.status)).key()
}

fn stopped_early(history: &History) -> Option<&str> {
    let early = |entry: &&Entry| entry.outcome.as_ref().is_some_and(|outcome| outcome.ended_by == Some(EndedBy::EarlyStop));
    history.stages.iter().find(early).map(|entry| entry.planned.address.as_str())
}

fn remark((level, text): &(Level, String)) -> Value {
    let word = if *level == Level::Error { "ERROR" } else { "WARNING" };
    json!({"level": word, "message": text})
}

/// A stage; `began` is when the run did.
fn stage(entry: &Entry, status: &str, began: Option<i128>) -> Value {
    let (planned, outcome) = (&entry.planned, entry.outcome.as_ref());
    let attempt = entry.attempt();
    let slot = entry.tries.last().map(|last| last.slots.numbers()[0]);
    // One that goes on, or was cut off.
    let open = entry.tries.last().filter(|last| last.end.is_none());
    let since = || Some(began? + i128::try_from(open?.start.as_nanos()).ok()?);
    let mut object = Map::new();
    let mut insert = |key: &str, value: Value| object.insert(key.to_owned(), value);
    insert("address", json!(planned.address));
    insert("status", json!(status));
    insert("returncode", json!(attempt.and_then(|attempt| attempt.returncode)));
    insert("reasons", json!(entry.reasons));
    insert("queue", json!(planned.queue));
    insert("slot", json!(slot));
    insert("attempt", json!(attempt.map(|attempt| attempt.number).or(open.map(|open| open.number))));
    insert("started", json!(attempt.map(|attempt| attempt.started).or_else(since).and_then(time_of_day)));
    insert("ended", json!(attempt.and_then(|attempt| time_of_day(attempt.ended))));
    insert("cause", json!(outcome.and_then(|outcome| outcome.ended_by)));
    insert("log", json!(attempt.map_or_else(|| open?.log.as_ref(), |attempt| attempt.log.as_ref())));
    insert("error", outcome.and_then(|outcome| outcome.fault.as_ref()).map_or(Value::Null, error));
    Value::Object(object)
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
pub(super) fn time_of_day(nanoseconds: i128) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some(format!("{time:.6}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::event::Planned;
    use crate::model::{Attempt, Class, Event, EventKind, Outcome, Reason, Slots, StageId, Verdict};
    use crate::report::Sink;

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
        let mut answer = History::default();
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
        assert_eq!(value(&answer, Some(255), None), want);
    }

    #[test]
    fn a_run_that_never_began_has_an_error_only() {
        let fault = Fault::new(Class::NotDvcRepoError, "you are not inside of a DVC repository");
        let value = value(&History::default(), Some(253), Some(&fault));
        assert_eq!(value["run"], Value::Null);
        assert_eq!(value["error"]["kind"], "NotDvcRepoError");
        assert_eq!(value["stages"], json!([]));
    }
}
