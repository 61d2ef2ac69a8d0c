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
    // Also of a run that went well it is said why there is nothing to read.
    let why = "they had the terminal to themselves (--jobs 1)";
    project.run(["logs"]).ok().complains(why);
    project.run(["logs", "a"]).exits(255).complains("'a' has no log in run").complains(": it had the terminal to itself (--jobs 1)");
    project.run(["report"]).ok().says("none: the stages had the terminal to themselves (--jobs 1)");
    project.run(["report", "--json", "-"]).ok().says("\"terminal\": true");
}

#[test]
fn a_failure_without_a_log_says_who_had_the_stream() {
    let project = Project::new().stage("a", |s| s.cmd("echo from a; exit 3"));
    let Some(ran) = on_terminal(&project, "repro --jobs 1 --report run.html --report run.xml") else { return };
    ran.exits(255);
    let why = "There is no log: it had the terminal to itself (--jobs 1).";
    project.run(["report"]).ok().says(why);
    assert!(project.read("run.html").contains(why) && project.read("run.xml").contains(why));
    // Without a terminal there is one.
    project.repro(["--jobs", "1"]).exits(255);
    project.run(["report"]).ok().says("from a").does_not_say("There is no log");
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

/// A log that would set the title, clear the screen and turn a name around.
#[test]
fn a_log_cannot_rule_the_terminal_that_shows_it() {
    let log = "\\033[32mgreen\\033[0m \\033]0;title\\007\\033[2J\\033[?1049h\\342\\200\\256txt\\n";
    let project = Project::new().stage("a", |s| s.cmd(&format!("printf '{log}'; echo > a.txt")).out("a.txt"));
    project.repro(["--jobs", "2"]).ok();
    // To a file it goes byte for byte.
    let plain = project.run(["logs", "a"]);
    assert_eq!(plain.ok().out(), "\x1b[32mgreen\x1b[0m \x1b]0;title\x07\x1b[2J\x1b[?1049h\u{202e}txt\n");
    let Some(ran) = on_terminal(&project, "logs a") else { return };
    assert_eq!(ran.ok().out(), "\x1b[32mgreen\x1b[0m \\u{202e}txt\x1b[0m\r\n");
}

#[test]
fn a_graph_cannot_rule_the_terminal_either() {
    let project = Project::new().stage("a\u{1b}]0;t\u{7}", |s| s.cmd("echo > a.txt").out("a.txt"));
    for format in ["text", "dot", "mermaid"] {
        let ran = project.run(["graph", "--format", format]);
        assert!(!ran.ok().out().contains(['\u{1b}', '\u{7}']), "{ran}");
    }
}
