//! `checkout`: prints what changed in the work tree, as DVC does, or gives it as JSON.

use std::io::stderr;

use crate::model::Fault;
use crate::model::checked_out::CheckedOut;
use crate::ops::checkout::{Request, checkout};
use crate::report::checkout as shown;
use crate::report::{Settings, screen};

use super::args::{Checkout, Global};
use super::repro::{watcher, write_text};
use super::{Setting, fail, opened, print, print_answer, workspace};

/// Runs the command and gives the exit code.
pub fn run(args: &Checkout, global: &Global, setting: &Setting) -> Result<i32, Fault> {
    let result = bring(args, global, setting);
    let nothing = CheckedOut::default();
    let (answer, fault) = match &result {
        Ok(answer) => (answer, answer.fault().filter(|_| !args.allow_missing)),
        Err(fault) => (&nothing, Some(fault.clone())),
    };
    let json = || format!("{}\n", shown::json(answer, fault.as_ref()));
    if let Some(file) = &args.json.json_file {
        write_text(file, &json())?;
    }
    if args.json.json {
        print_answer(&json())?;
    } else if result.is_ok() && global.quiet == 0 {
        let text = if args.summary { shown::summary(answer) } else { shown::text(answer, setting.terminal.color_out) };
        print(&text, false);
        if args.relink && fault.is_none() {
            print(shown::RELINKED, false);
        }
    }
    Ok(fault.map_or(0, |fault| fail(&fault, setting)))
}

fn bring(args: &Checkout, global: &Global, setting: &Setting) -> Result<CheckedOut, Fault> {
    let repository = opened(workspace()?);
    let request = Request {
        targets: args.targets.clone(),
        with_deps: args.with_deps,
        recursive: args.recursive,
        force: args.force,
        relink: args.relink,
        patience: global.lock_timeout,
        command_line: setting.command_line.clone(),
    };
    let settings = Settings { jobs: 1, quiet: global.quiet > 0, verbose: global.verbose > 0, ..setting.terminal.settings() };
    let watcher = watcher()?;
    let mut screen = screen::open(settings, Box::new(stderr()), Box::new(stderr()));
    checkout(repository, &request, &watcher, screen.as_mut())
}
