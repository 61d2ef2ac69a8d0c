//! Ctrl-C in the middle: what was saved stays, what was not is told as stopped, and the next run
//! goes on from there.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::is_alive;
use crate::support::project::Project;
use crate::support::ran::Started;

/// A stage that never ends by itself, with a grandchild that would outlive it; and one that is quick.
fn endless() -> Project {
    Project::new()
        .stage("quick", |s| s.cmd("echo q > q.txt").out("q.txt"))
        .stage("endless", |s| s.cmd("echo > e.txt; sh -c 'echo $$ > ../inner; sleep 300; true'; true").dep("q.txt").out("e.txt"))
        .commit()
}

fn start(project: &Project, jobs: &str) -> Started {
    let errors = std::fs::File::create(project.at("../stderr")).unwrap();
    let mut command = project.command(project.root());
    command.args(["repro", "--jobs", jobs, "--json-file", "../answer.json"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    // A group of its own, as a shell would give it: else the signal would be the tests' own.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Started(command.spawn().unwrap())
}

/// Waits for something with a deadline.
#[track_caller]
fn until(what: &str, project: &Project, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what} never came\n{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the endless stage, interrupts the program, and checks what is left.
fn interrupted() -> (Project, i32) {
    let project = endless();
    let mut child = start(&project, "2");
    until("the endless stage", &project, || project.has("../inner") && !project.read("../inner").trim().is_empty());
    let inner = project.read("../inner").trim().to_owned();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut code = None;
    until("the end", &project, || {
        code = child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1));
        code.is_some()
    });
    until("the end of the grandchild", &project, || !is_alive(&inner));
    let lock = project.read("dvc.lock");
    assert!(lock.contains("  quick:") && !lock.contains("  endless:"), "{lock}");
    let busy = project.read(".dvc/tmp/rwlock");
    assert!(!busy.contains("e.txt"), "{busy}");
    assert_eq!((project.files(".dvc/cache/files").len(), project.untrusted()), (1, vec![]));
    (project, code.unwrap())
}

#[test]
fn ctrl_c_stops_all_and_records_nothing_half() {
    let (project, code) = interrupted();
    assert_eq!(code, 252, "{}", project.read("../stderr"));
    let answer: serde_json::Value = serde_json::from_str(&project.read("../answer.json")).unwrap();
    assert_eq!(answer["exit_code"], 252);
    assert_eq!(answer["stages"][1]["status"], "stopped", "{answer}");
    assert_eq!(answer["stages"][1]["cause"], "interrupt", "{answer}");
    let project = project
        .stage("quick", |s| s.cmd("echo q > q.txt").out("q.txt"))
        .stage("endless", |s| s.cmd("cp q.txt e.txt").dep("q.txt").out("e.txt"));
    project.repro(["--jobs", "2"]).ok().ran(["endless"]);
}
