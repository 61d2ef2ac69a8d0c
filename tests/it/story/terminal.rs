//! On a terminal: with one job it belongs to the stage, as with DVC; with several it does not.

use super::chain;
use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::{aloud, program};

/// Runs the program with a terminal as standard input, output and error. None where there is no
/// `script` to make one.
fn on_terminal(project: &Project, words: &str) -> Option<Ran> {
    let line = format!("{} {words}", program::path().display());
    let mut command = project.scratch.command("script");
    command.args(["-q", "-e", "-c", &line, "/dev/null"]).env("TERM", "xterm-256color");
    if std::process::Command::new("script").arg("--version").output().is_err() {
        aloud("SKIPPED a terminal: there is no `script` here");
        return None;
    }
    Some(Ran::of(&mut command))
}

/// A stage that tells what it was given.
fn curious() -> Project {
    Project::new().stage("a", |s| s.cmd("for n in 0 1 2; do test -t $n && echo $n; done > tty.txt; true").out("tty.txt"))
}

#[test]
fn with_one_job_the_stage_has_the_terminal() {
    let project = curious();
    let Some(ran) = on_terminal(&project, "repro --jobs 1") else { return };
    ran.ok().says("Running stage 'a':");
    // Its standard output goes to the file by its own wish.
    assert_eq!(project.read("tty.txt"), "0\n2\n");
    let logs: Vec<String> = project.files(".dvc/tmp/paraffin").into_iter().filter(|file| file.ends_with(".log")).collect();
    assert!(logs.is_empty(), "{logs:?}");
}

#[test]
fn with_several_jobs_no_stage_has_it() {
    let project = curious();
    let Some(ran) = on_terminal(&project, "repro --jobs 2") else { return };
    ran.ok();
    assert_eq!(project.read("tty.txt"), "");
}

#[test]
fn no_color_is_respected() {
    let project = chain();
    let Some(ran) = on_terminal(&project, "repro --jobs 1; NO_COLOR=1 true") else { return };
    ran.ok();
    let mut command = project.command(project.root());
    let ran = Ran::of(command.args(["repro", "-f", "--jobs", "2"]).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "0"));
    assert!(!ran.ok().out().contains('\x1b') && !ran.err().contains('\x1b'), "{ran}");
}
