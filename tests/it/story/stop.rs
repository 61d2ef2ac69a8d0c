//! A run that is told to stop: nothing goes on behind its back, and nothing is lost.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::project::Project;

/// Starts `repro` and waits until the file `../mark` is there.
#[track_caller]
fn start(project: &Project, arguments: &[&str]) -> Child {
    let errors = std::fs::File::create(project.at("../stderr")).unwrap();
    let child = project.command(project.root()).arg("repro").args(arguments).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !project.has("../mark") {
        assert!(Instant::now() < deadline, "the stage never started:\n{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[track_caller]
fn signal(child: &Child, name: &str) {
    assert!(std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// A shell that dies at once, with a process below it that takes its time to end.
const SLOW_TO_END: &str =
    "sh -c 'trap \"sleep 0.5; touch ../ended; exit 1\" TERM INT; touch ../mark; while :; do sleep 0.05; done'; echo x > a";

#[test]
fn all_that_a_command_started_ends_with_the_run() {
    for (jobs, name) in [("1", "-TERM"), ("2", "-TERM"), ("2", "-INT")] {
        let project = Project::new().stage("a", |s| s.cmd(SLOW_TO_END).out("a"));
        let mut child = start(&project, &["--jobs", jobs]);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(252), "{jobs} {name}\n{}", project.read("../stderr"));
        assert!(project.has("../ended"), "{jobs} {name}: what the command started outlived the run");
        assert!(!project.has("dvc.lock") && !project.has(".gitignore"));
        assert_eq!(project.read(".dvc/tmp/rwlock"), "{}");
    }
}

#[test]
fn a_second_request_kills() {
    let stubborn = "sh -c 'trap : TERM INT; touch ../mark; while :; do sleep 0.05; done'; echo x > a";
    for jobs in ["1", "2"] {
        let project = Project::new().stage("a", |s| s.cmd(stubborn).out("a"));
        let mut child = start(&project, &["--jobs", jobs]);
        signal(&child, "-TERM");
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "it did not wait for what still runs");
        signal(&child, "-TERM");
        assert_eq!(child.wait().unwrap().code(), Some(252), "{}", project.read("../stderr"));
        assert_eq!(project.read(".dvc/tmp/rwlock"), "{}");
    }
}
