//! Every sentence that people read of a run: DVC's own, word for word, and ours.
//!
//! Reasons, sayings and failures travel as data; here alone they become text.

use std::time::Duration;

use crate::model::event::{Limit, Planned, Saying};
use crate::model::{Class, EndedBy, Fault, Outcome, Reason, Status};

use super::dossier::WhatIf;
use super::history::NoLog;
use super::tally::{Tally, count, duration};

/// `Running stage 'x':`
pub fn running(planned: &Planned) -> String {
    format!("Running stage '{}':", planned.address)
}

/// `> cmd`
pub fn command(cmd: &str) -> String {
    format!("> {cmd}")
}

/// `Stage 'x' didn't change, skipping`; a `.dvc` file without the word `Stage`.
pub fn unchanged(planned: &Planned) -> String {
    let word = if planned.data_file { "" } else { "Stage " };
    format!("{word}'{}' didn't change, skipping", planned.address)
}

/// What is said of a stage that failed and is tried again.
pub fn retrying(name: &str, outcome: &Outcome, tries: u32, after: Duration) -> String {
    let attempt = outcome.attempt.as_ref().map_or(1, |attempt| attempt.number);
    let why = why_failed(outcome).map(|why| format!(" ({})", why.lines().next().unwrap_or_default())).unwrap_or_default();
    let when = if after.is_zero() { String::new() } else { format!(" in {}", duration(after)) };
    format!("Stage '{name}' failed{why}, try {attempt} of {tries}; again{when}")
}

/// At most so many stages are named in one line.
const NAMED: usize = 8;

/// The sign of life of a run: what runs and since when, and how many stages wait.
pub fn still_running(now: Duration, running: &[(&str, Duration)], ready: usize, to_come: usize) -> String {
    let mut names: Vec<String> = running.iter().take(NAMED).map(|(name, time)| format!("'{name}' ({})", duration(*time))).collect();
    if running.len() > NAMED {
        names.push(format!("{} more", running.len() - NAMED));
    }
    let what = if names.is_empty() { "no stage runs now".to_owned() } else { names.join(", ") };
    format!("Still running after {}: {what}{}", duration(now), waiting(ready, to_come))
}

/// `; 3 ready, 12 to come`, without what there is none of.
fn waiting(ready: usize, to_come: usize) -> String {
    let counts = [(ready, "ready"), (to_come, "to come")];
    let parts: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
}

/// The first line to who asks how a run stands.
pub fn how_it_stands(now: Duration, running: usize, ready: usize, to_come: usize) -> String {
    format!("After {}: {running} running{}", duration(now), waiting(ready, to_come))
}

/// Since when a stage runs.
pub fn has_run(name: &str, time: Duration) -> String {
    format!("Stage '{name}' has run for {}", duration(time))
}

/// What keeps a stage from starting.
pub fn waits_for(name: &str, limits: &[Limit]) -> String {
    let limit = |limit: &Limit| match limit {
        Limit::Job => "a free job".to_owned(),
        Limit::Token => "a job that other programs share with it".to_owned(),
        Limit::Shared(name) => name.clone(),
    };
    let limits: Vec<String> = limits.iter().map(limit).collect();
    match limits.as_slice() {
        // It was found ready a moment ago, or waits for checks that may come before it.
        [] => format!("Stage '{name}' is about to start"),
        limits => format!("Stage '{name}' waits for {}", limits.join(" and ")),
    }
}

/// What is said of a stage that takes long.
pub fn slow(name: &str, since: Duration) -> String {
    format!("Stage '{name}' is slow: it has run for {}", duration(since))
}

/// Why a stage failed, in few words; DVC's sentence, which repeats the command, comes later.
pub fn why_failed(outcome: &Outcome) -> Option<String> {
    let fault = outcome.fault.as_ref().filter(|_| outcome.status == Status::Failed)?;
    let inner = fault.cause.as_deref().filter(|_| fault.class == Class::ReproductionError).unwrap_or(fault);
    if outcome.ended_by == Some(EndedBy::Timeout) {
        return Some(format!("timeout after {}s", fault.chain().find_map(|fault| fault.detail("timeout")).unwrap_or_default()));
    }
    let code = outcome.attempt.as_ref().and_then(|attempt| attempt.returncode);
    Some(match code.filter(|_| inner.class == Class::StageCmdFailedError) {
        Some(code) if code < 0 => format!("killed by signal {}", -code),
        Some(code) => format!("exit code {code}"),
        None => inner.to_string(),
    })
}

/// How long a run would have taken with other jobs.
pub fn what_if(what: &WhatIf) -> String {
    format!("With {} this run would have taken about {} (simulated).", count(what.jobs, "job"), duration(what.wall))
}

/// What is wrong with the journal of a run.
pub fn damaged(run: &str, line: usize) -> String {
    format!("the journal of run '{run}' is damaged from line {line} on, what came after is not known")
}

/// What cut a stage off, in few words.
pub fn stopped(outcome: &Outcome) -> &'static str {
    match outcome.ended_by {
        Some(EndedBy::EarlyStop) => "it ended the run early",
        _ => "interrupted",
    }
}

/// What is said of a stage that stopped the run early.
pub fn stopped_early(name: &str, outcome: &Outcome) -> String {
    let code = outcome.attempt.as_ref().and_then(|attempt| attempt.returncode).unwrap_or(0);
    format!("Stage '{name}' stopped the run early (exit code {code}); it is not recorded and runs again next time")
}

/// DVC's sentence about a stage at work.
pub fn saying(planned: &Planned, saying: &Saying) -> String {
    let name = &planned.address;
    match saying {
        Saying::IsCached => format!("Stage '{name}' is cached - skipping run, checking out outputs"),
        Saying::VerifyingDataSources => format!("Verifying data sources in stage: '{name}'"),
        Saying::VerifyingFrozen => format!("Verifying outputs in frozen stage: '{name}'"),
        Saying::GeneratingLock(path) => format!("Generating lock file '{path}'"),
        Saying::UpdatingLock(path) => format!("Updating lock file '{path}'"),
        Saying::Pulling => format!("Pulling data for stage: '{name}'"),
    }
}

/// What DVC says when a run is over and nothing failed: the hint for git, if there is
/// something to track, and the last line.
pub fn closing(to_track: &[String], staged: bool, tally: &Tally) -> String {
    let mut text = String::new();
    if !to_track.is_empty() && !staged {
        let files: Vec<String> = to_track.iter().map(|file| shell_quote(file)).collect();
        text.push_str("\nTo track the changes with git, run:\n\n\tgit add ");
        text.push_str(&files.join(" "));
        text.push_str("\n\nTo enable auto staging, run:\n\n\tdvc config core.autostage true\n");
    }
    text.push_str(match (tally.reproduced(), tally.stopped) {
        (0, 0) => "Data and pipelines are up to date.",
        // DVC knows of no such end, so it has no words for it.
        (0, _) => "Nothing was reproduced, the run was stopped early.",
        _ => "Use `dvc push` to send your updates to remote storage.",
    });
    text
}

/// A command line as a shell would take it.
pub fn command_line(program: &str, args: &[String]) -> String {
    let words: Vec<String> = std::iter::once(program).chain(args.iter().map(String::as_str)).map(shell_quote).collect();
    words.join(" ")
}

/// A word as Python's `shlex.quote` writes it.
pub fn shell_quote(word: &str) -> String {
    let safe = |ch: char| ch.is_ascii_alphanumeric() || "_@%+=:,./-".contains(ch);
    if !word.is_empty() && word.chars().all(safe) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\"'\"'")) }
}

/// The text that DVC prints for a failure, without colour: `ERROR: …`, or a text of its own
/// where the failure carries one (`details["text"]`: YAML files that cannot be read, with the
/// line).
pub fn failure(fault: &Fault) -> String {
    match fault.detail("text") {
        Some(text) => text.trim_end_matches('\n').to_owned(),
        None => format!("ERROR: {}", failure_message(fault)),
    }
}

/// What a report says of a failure: the same without `ERROR: `.
pub fn failure_text(fault: &Fault) -> String {
    match fault.detail("text") {
        Some(_) => failure(fault),
        None => failure_message(fault),
    }
}

/// Why there is no log, said of a stage.
pub fn no_log(why: NoLog) -> &'static str {
    match why {
        NoLog::Restored => "it was restored",
        NoLog::NoCommand => "none of its commands began",
        NoLog::Terminal => "it had the terminal to itself (--jobs 1)",
        NoLog::Lost => "its log could not be written",
        NoLog::Unknown => "it was cut off, and its log is gone",
    }
}

/// A failure's message as it follows `ERROR: ` (dvc: `cli/__init__.py` `main`).
pub fn failure_message(fault: &Fault) -> String {
    let prefix = match fault.class {
        Class::ConfigError => "configuration error",
        Class::Unexpected => "unexpected error",
        Class::Interrupted => "interrupted by the user",
        _ => return fault.to_string(),
    };
    let text = fault.to_string();
    if text.is_empty() || text == prefix { prefix.to_owned() } else { format!("{prefix} - {text}") }
}

/// A reason as a sentence, with old and new value. Long or many-lined commands take lines of
/// their own.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::NeverRun => "it has never run here (no entry in dvc.lock)".to_owned(),
        Reason::CmdChanged { old, new } => cmd_changed(old, new),
        Reason::FileAltered => "its file was edited: `md5` is not that of what it says".to_owned(),
        Reason::DepMissing { path } => format!("dep {path} does not exist"),
        Reason::DepModified { path, old, new } => format!("dep {path} changed: {}", hashes(old.as_deref(), new)),
        Reason::ParamsFileMissing { path } => format!("params file {path} does not exist"),
        Reason::ParamsFileNew { path } => format!("params file {path} is not recorded"),
        Reason::ParamMissing { path, key } => format!("param {key} is missing in {path}"),
        Reason::ParamNew { path, key, new } => format!("param {key} in {path} is new: {new}"),
        Reason::ParamModified { path, key, old, new } => format!("param {key} in {path} changed: {old} -> {new}"),
        Reason::OutMissing { path } => format!("out {path} does not exist"),
        Reason::OutNotInCache { path, old } => format!("out {path} is not in the cache: {}", short(old, 7)),
        Reason::OutModified { path, old, new } => format!("out {path} changed: {}", hashes(old.as_deref(), new)),
        Reason::AlwaysChanged => "it always counts as changed (always_changed: true)".to_owned(),
        Reason::Callback => "it has neither deps nor outs, so it runs each time".to_owned(),
        Reason::Forced => "forced (--force)".to_owned(),
        Reason::ForcedBy { stage } => format!("forced, because '{stage}' ran (--force-downstream)"),
        Reason::SaidByDvc { heading, path, key, word } => {
            let parts = [heading.as_deref(), path.as_deref(), key.as_deref(), Some(word.as_str())];
            format!("dvc says: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(": "))
        }
        Reason::UpstreamMayChange { stages } => format!("upstream may change: {}", quoted(stages)),
    }
}

/// The answer to `--explain` for a stage that must run (or may have to).
pub fn explanation(planned: &Planned, reasons: &[Reason]) -> String {
    let may = !reasons.is_empty() && reasons.iter().all(|reason| matches!(reason, Reason::UpstreamMayChange { .. }));
    let mut text = format!("Stage '{}' {}:", planned.address, if may { "may have to run" } else { "must run" });
    for item in telling(reasons) {
        text.push_str("\n  ");
        text.push_str(&reason(item));
    }
    text
}

/// The reasons without those that say nothing more than another: for a stage that never ran all is new.
fn telling(reasons: &[Reason]) -> Vec<&Reason> {
    let never_run = reasons.contains(&Reason::NeverRun);
    let implied = |reason: &&Reason| {
        matches!(
            reason,
            Reason::DepModified { old: None, .. }
                | Reason::ParamNew { .. }
                | Reason::ParamsFileNew { .. }
                | Reason::OutModified { old: None, .. }
                | Reason::OutMissing { .. }
        )
    };
    // A file's new parameters say that the file is new.
    let named = |reason: &&Reason| match reason {
        Reason::ParamsFileNew { path: file } => reasons.iter().any(|other| matches!(other, Reason::ParamNew { path, .. } if path == file)),
        _ => false,
    };
    reasons.iter().filter(|reason| !(named(reason) || never_run && implied(reason))).collect()
}

/// The reasons in a few words for one line: the first, and how many more there are.
pub fn brief(reasons: &[Reason]) -> Option<String> {
    const LONGEST: usize = 60;
    let reasons = telling(reasons);
    let first = reasons.first()?;
    let mut text = match first {
        Reason::CmdChanged { .. } => "command changed".to_owned(),
        Reason::NeverRun => "never run".to_owned(),
        Reason::Forced => "forced".to_owned(),
        other => reason(other).replace('\n', " "),
    };
    if text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST - 3).collect::<String>() + "...";
    }
    Some(match reasons.len() {
        1 => text,
        count => format!("{text} and {} more", count - 1),
    })
}

/// Names in quotes, joined as DVC joins them: `'a', 'b' and 'c'`.
pub fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

fn cmd_changed(old: &str, new: &str) -> String {
    const LONG: usize = 30;
    if old.len() <= LONG && new.len() <= LONG && !old.contains('\n') && !new.contains('\n') {
        return format!("command changed: {old} -> {new}");
    }
    let mut text = "command changed:".to_owned();
    for (sign, cmd) in [('-', old), ('+', new)] {
        for line in cmd.trim_end_matches('\n').split('\n') {
            text.push_str(&format!("\n    {sign} {line}"));
        }
    }
    text
}

/// `1a2b3c4 -> 9f8e7d6`, with as many digits as it takes to tell them apart.
fn hashes(old: Option<&str>, new: &str) -> String {
    let Some(old) = old else { return format!("not recorded -> {}", short(new, 7)) };
    let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
    let digits = if same < 7 { 7 } else { same + 1 };
    format!("{} -> {}", short(old, digits), short(new, digits))
}

fn short(hash: &str, digits: usize) -> String {
    hash.chars().take(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StageId;

    fn planned(address: &str, data_file: bool) -> Planned {
        Planned {
            stage: StageId(0),
            address: address.to_owned(),
            data_file,
            frozen: false,
            upstream: Vec::new(),
            cmds: Vec::new(),
            level: 0,
            queue: "default".to_owned(),
            file: "dvc.yaml".to_owned(),
        }
    }

    #[test]
    fn says_what_dvc_says() {
        assert_eq!(unchanged(&planned("a", false)), "Stage 'a' didn't change, skipping");
        assert_eq!(unchanged(&planned("d.dvc", true)), "'d.dvc' didn't change, skipping");
        assert_eq!(saying(&planned("a", false), &Saying::Pulling), "Pulling data for stage: 'a'");
    }

    #[test]
    fn closes_as_dvc_does() {
        let ran = |ran| Tally { ran, ..Tally::default() };
        assert_eq!(closing(&[], false, &ran(0)), "Data and pipelines are up to date.");
        assert_eq!(
            closing(&["dvc.lock".to_owned(), "a b".to_owned()], false, &ran(2)),
            "\nTo track the changes with git, run:\n\n\tgit add dvc.lock 'a b'\n\nTo enable auto staging, run:\n\n\tdvc config core.autostage true\nUse `dvc push` to send your updates to remote storage."
        );
        assert_eq!(closing(&["dvc.lock".to_owned()], true, &ran(1)), "Use `dvc push` to send your updates to remote storage.");
    }

    #[test]
    fn a_command_line_is_what_a_shell_takes() {
        let args = ["repro", "two words", "a'b", "", "--glob", "t*"].map(str::to_owned);
        assert_eq!(command_line("dvc-paraffin", &args), "dvc-paraffin repro 'two words' 'a'\"'\"'b' '' --glob 't*'");
    }

    #[test]
    fn reasons_tell_old_and_new() {
        let dep = |old: Option<&str>, new: &str| {
            reason(&Reason::DepModified { path: "d".to_owned(), old: old.map(str::to_owned), new: new.to_owned() })
        };
        assert_eq!(dep(Some("1a2b3c4d5e"), "9f8e7d6c5b"), "dep d changed: 1a2b3c4 -> 9f8e7d6");
        assert_eq!(dep(Some("1a2b3c4d5e"), "1a2b3c4d6e"), "dep d changed: 1a2b3c4d5 -> 1a2b3c4d6");
        assert_eq!(dep(None, "9f8e7d6c5b"), "dep d changed: not recorded -> 9f8e7d6");
        let cmd = |old: &str, new: &str| reason(&Reason::CmdChanged { old: old.to_owned(), new: new.to_owned() });
        assert_eq!(cmd("echo 1", "echo 2"), "command changed: echo 1 -> echo 2");
        assert_eq!(cmd("a\nb\n", "a"), "command changed:\n    - a\n    - b\n    + a");
    }

    #[test]
    fn explains_a_stage() {
        let stage = planned("train", false);
        let upstream = Reason::UpstreamMayChange { stages: vec!["a".to_owned(), "b".to_owned()] };
        assert_eq!(
            explanation(&stage, std::slice::from_ref(&upstream)),
            "Stage 'train' may have to run:\n  upstream may change: 'a' and 'b'"
        );
        assert_eq!(
            explanation(&stage, &[Reason::Forced, upstream]),
            "Stage 'train' must run:\n  forced (--force)\n  upstream may change: 'a' and 'b'"
        );
    }

    #[test]
    fn failures_read_as_with_dvc() {
        let cause = Fault::new(Class::StageCmdFailedError, "failed to run: exit 3, exited with 3");
        let fault = Fault::new(Class::ReproductionError, "failed to reproduce 'a'").caused_by(cause);
        assert_eq!(failure(&fault), "ERROR: failed to reproduce 'a': failed to run: exit 3, exited with 3");
        let config = Fault::new(Class::ConfigError, "config file error: extra keys not allowed @ data['core']['foo']");
        assert_eq!(failure(&config), "ERROR: configuration error - config file error: extra keys not allowed @ data['core']['foo']");
        assert_eq!(failure(&Fault::new(Class::Interrupted, "")), "ERROR: interrupted by the user");
        let yaml = Fault::new(Class::YAMLSyntaxError, "unable to read").with("text", "'./dvc.yaml' is invalid.\n\n  2   a:\n");
        assert_eq!(failure(&yaml), "'./dvc.yaml' is invalid.\n\n  2   a:");
    }

    #[test]
    fn brief_reasons_fit_a_line() {
        assert_eq!(brief(&[]), None);
        assert_eq!(brief(&[Reason::NeverRun]).as_deref(), Some("never run"));
        assert_eq!(brief(&[Reason::Forced, Reason::Callback]).as_deref(), Some("forced and 1 more"));
        let new = Reason::DepModified { path: "d".to_owned(), old: None, new: "1234567890".to_owned() };
        assert_eq!(brief(&[Reason::NeverRun, new.clone()]).as_deref(), Some("never run"));
        assert_eq!(explanation(&planned("a", false), &[Reason::NeverRun, new]).lines().count(), 2);
        let long = Reason::ParamNew { path: "p".to_owned(), key: "k".to_owned(), new: "x".repeat(99) };
        assert_eq!(brief(&[long]).map(|text| text.len()), Some(60));
    }
}
