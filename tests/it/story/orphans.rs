//! A run that was killed leaves commands behind, and the next one does not run beside them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::project::Project;
use crate::support::ran::{Ran, Started};

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(project: &Project, arguments: &[&str], errors: &str) -> Started {
    let file = std::fs::File::create(project.at(errors)).unwrap();
    let mut command = project.command(project.root());
    Started(command.arg("repro").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap())
}

/// Starts a run, and kills the program (not its stages) when `../mark` is there.
#[track_caller]
fn killed(project: &Project, jobs: &str) {
    let mut child = start(project, &["--jobs", jobs], "../first");
    until("the stage never started", || project.has("../mark"));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Waits for `../go`, never beside itself.
const SLOW: &str = "mkdir ../busy || echo x > ../wrong; echo x >> ../count; echo half > a; touch ../mark; \
     until test -e ../go; do sleep 0.02; done; echo whole > a; rmdir ../busy";

#[test]
fn an_orphan_is_awaited_by_those_in_its_way_alone() {
    for jobs in ["1", "2"] {
        let project = Project::new()
            .stage("a", |s| s.cmd(SLOW).out("a"))
            .stage("after", |s| s.cmd("cat a > after").dep("a").out("after"))
            .stage("other", |s| s.cmd("until test -e ../other; do sleep 0.02; done; echo x > other").out("other"));
        killed(&project, jobs);
        project.write("../other", "");
        let mut second = start(&project, &["--jobs", "2"], "../second");
        let said = || project.read("../second");
        until("the orphan is not named", || said().contains("Stage 'a' is waiting for stage 'a' of a run that was killed"));
        assert!(said().contains("which still runs: PID ") && said().contains("--kill-orphans ends it"), "{}", said());
        until("a stage that has nothing to do with it did not run", || project.has("other"));
        let status = project.run(["status", "--lock-timeout", "20"]);
        status.ok().complains("there is stage 'a' of a run that was killed, which still runs: PID ");
        assert!(second.try_wait().unwrap().is_none());
        assert_eq!(project.read("../count").lines().count(), 1, "it was run beside the orphan");
        project.write("../go", "");
        assert!(second.wait().unwrap().success(), "{}", said());
        assert!(!project.has("../wrong"), "it was run beside the orphan:\n{}", said());
        assert_eq!(project.read("../count").lines().count(), 2, "what the orphan made was taken for a result:\n{}", said());
        assert_eq!(project.read("after"), "whole\n");
        assert_eq!(project.files(".dvc/tmp/paraffin/running"), [""; 0]);
        assert_eq!(project.read(".dvc/tmp/rwlock"), "{}");
    }
}

#[test]
fn an_orphan_can_be_ended() {
    let children = "setsid sh -c 'sleep 1001 & echo $! >> ../pids; wait' & (trap '' TERM; echo $(exec sh -c 'echo $PPID') >> ../pids; \
         while :; do sleep 0.1; done) & until test $(wc -l < ../pids) = 2; do sleep 0.02; done; touch ../mark; sleep 1002";
    let project = Project::new().stage("a", |s| s.cmd(&format!("test -e ../mark || {{ {children}; }}; echo x > a")).out("a"));
    killed(&project, "2");
    let refused = project.repro(["--lock-timeout", "0"]);
    refused.exits(255).complains("in the way is stage 'a' of a run that was killed, which still runs: PID ");
    project.repro(["--kill-orphans"]).ok().ran(["a"]);
    for pid in project.read("../pids").lines() {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "it lives on: {state}");
    }
    assert_eq!(project.read("a"), "x\n");
    assert_eq!(project.files(".dvc/tmp/paraffin/running"), [""; 0]);
}

#[test]
fn what_a_stage_that_ended_left_in_the_background_is_no_orphan() {
    let project = Project::new()
        .stage("a", |s| s.cmd("sleep 1000 & echo $! >> ../pids; echo x > a").out("a"))
        .stage("b", |s| s.cmd("touch ../mark; test -e ../go || sleep 1; echo x > b").dep("a").out("b"));
    killed(&project, "2");
    project.write("../go", "");
    let second = Ran::of(project.command(project.root()).args(["repro", "--force", "--jobs", "2", "a"]));
    for pid in project.read("../pids").lines() {
        let _ = std::process::Command::new("kill").args(["-KILL", pid]).status();
    }
    second.ok().ran(["a"]);
}

#[test]
fn who_only_looks_removes_nothing() {
    let project = Project::new().stage("a", |s| s.cmd("echo x > a; touch ../mark; test -e ../go || kill -KILL $PPID").out("a"));
    for _ in 0..2 {
        project.repro(["--jobs", "2"]).exits(-9);
    }
    let left = || -> Vec<String> {
        let cache = project.files(".dvc/cache").into_iter().chain(project.files(".dvc/tmp/paraffin/running"));
        cache.filter(|name| !name.ends_with("state.db")).collect()
    };
    let temporary = project.files(".dvc/tmp/paraffin/running").into_iter().find(|name| name.ends_with("-run")).unwrap();
    let temporary = format!(".0{}0000.tmp", temporary.trim_end_matches("-run"));
    for place in ["", ".dvc/cache/files/md5/00/"] {
        project.write(&format!("{place}{temporary}"), "half");
    }
    let before = (left(), project.has(&temporary));
    project.run(["status"]).ok();
    project.repro(["--dry", "--jobs", "2"]).ok();
    assert_eq!((left(), project.has(&temporary)), before);
    project.write("../go", "");
    project.repro(["--jobs", "2"]).ok().ran(["a"]);
    assert!(!project.has(&temporary));
    assert_eq!(left().into_iter().filter(|name| name.ends_with("-run") || name.ends_with(".tmp")).collect::<Vec<_>>(), [""; 0]);
}
