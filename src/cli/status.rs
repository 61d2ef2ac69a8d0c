//! `status`: prints what changed, as DVC does, or gives it as JSON.
//!
//! The exit codes are DVC's: 0 also when something changed (1 with `--quiet`), 1 when DVC
//! would fail while it looks, else that of the failure.

use std::io::stderr;

use crate::format::pyjson;
use crate::model::{Class, Fault};
use crate::ops::status::{Refusal, Request, status};
use crate::report::status::{Changes, EMPTY, UP_TO_DATE};
use crate::report::{Settings, answer, screen};

use super::args::{Global, Status};
use super::repro::{watcher, write_text};
use super::{Setting, fail, opened, print, workspace};

/// Exit code of a failure while looking, and of `--quiet` when something changed.
const CHANGED: i32 = 1;

/// Runs the command and gives the exit code.
pub fn run(args: &Status, global: &Global, setting: &Setting) -> i32 {
    let result = look(args, global, setting);
    let (mut code, changes, fault) = match result {
        Ok((code, changes)) => (code, Some(changes), None),
        Err(refusal) => {
            let (code, fault) = refused(refusal, setting);
            (code, None, Some(fault))
        }
    };
    if let Some(file) = &args.json.json_file {
        let status = changes.as_ref().map_or_else(|| "null".to_owned(), json);
        let error = fault.as_ref().map_or(serde_json::Value::Null, answer::error);
        if let Err(fault) = write_text(file, &format!("{{\"status\": {status}, \"error\": {error}}}\n")) {
            let failed = fail(&fault, setting);
            code = if code == 0 { failed } else { code };
        }
    }
    code
}

/// Prints a failure. What DVC meets while it looks has an exit code of its own.
fn refused(refusal: Refusal, setting: &Setting) -> (i32, Fault) {
    match refusal {
        Refusal::Early(fault) => (fail(&fault, setting), fault),
        Refusal::Late(fault) if !is_of_dvc(fault.class) => (fail(&fault, setting), fault),
        Refusal::Late(fault) => {
            // A bad setting is told like all else then.
            let class = if fault.class == Class::ConfigError { Class::DvcException } else { fault.class };
            fail(&Fault { class, ..fault.clone() }, setting);
            (CHANGED, fault)
        }
    }
}

/// Whether DVC would raise an exception of its own.
fn is_of_dvc(class: Class) -> bool {
    !matches!(class, Class::Unexpected | Class::IOError | Class::FileNotFoundError | Class::NotSupported | Class::Interrupted)
}

fn look(args: &Status, global: &Global, setting: &Setting) -> Result<(i32, Changes), Refusal> {
    let quiet = global.quiet > 0;
    let repository = opened(workspace().map_err(Refusal::Early)?);
    refuse_remote(args)?;
    let request = Request {
        targets: args.targets.clone(),
        with_deps: args.with_deps,
        recursive: args.recursive,
        no_updates: args.no_updates,
        patience: global.lock_timeout,
    };
    let settings = Settings { jobs: 1, quiet, verbose: global.verbose > 0, ..setting.terminal.settings() };
    let watcher = watcher().map_err(Refusal::Early)?;
    let mut screen = screen::open(settings, Box::new(stderr()), Box::new(stderr()));
    let changes = status(repository, &request, &watcher, screen.as_mut())?;
    if quiet {
        return Ok((if args.json.json || changes.is_empty() { 0 } else { CHANGED }, changes));
    }
    let text = if args.json.json {
        format!("{}\n", json(&changes))
    } else if !changes.is_empty() {
        changes.text()
    } else {
        // DVC reads the rest of the repository only to know whether there is anything in it.
        repository.load_all().map_err(Refusal::Early)?;
        format!("{}\n", if repository.pipeline().is_empty() { EMPTY } else { UP_TO_DATE })
    };
    print(&text, false);
    Ok((0, changes))
}

/// What is compared with a remote is left to DVC; the flags that go with it mean nothing else.
fn refuse_remote(args: &Status) -> Result<(), Refusal> {
    if args.cloud || args.remote.is_some() {
        let fault = Fault::new(Class::NotSupported, "dvc-paraffin cannot compare with a remote yet");
        return Err(Refusal::Early(fault.with("hint", "`dvc status -c` can.")));
    }
    let given = [
        (args.all_branches, "--all-branches"),
        (args.all_tags, "--all-tags"),
        (args.all_commits, "--all-commits"),
        (args.jobs.is_some(), "--jobs"),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect();
    if given.is_empty() {
        return Ok(());
    }
    let message = format!("The following options are meaningless for local status: {}", given.join(", "));
    Err(Refusal::Late(Fault::new(Class::InvalidArgumentError, message)))
}

/// The JSON as Python writes it.
fn json(changes: &Changes) -> String {
    pyjson::dumps(&changes.value(), false).expect("there is nothing but text in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_dvc_while_looking_are_1() {
        assert!(is_of_dvc(Class::StageNotFound) && is_of_dvc(Class::ConfigError) && is_of_dvc(Class::LockError));
        assert!(!is_of_dvc(Class::Unexpected) && !is_of_dvc(Class::NotSupported));
    }
}
