//! Runs that take long: what is said of them while they run.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::project::Project;

#[test]
fn a_stage_that_takes_long_is_told_of_once() {
    for jobs in ["1", "2"] {
        let project = Project::new()
            .stage("long", |s| s.cmd("sleep 1.5; echo > long.txt").out("long.txt"))
            .stage("short", |s| s.cmd("echo > short.txt").out("short.txt"))
            .file("paraffin.yaml", "stages: {long: {slow_after: 200ms}, short: {slow_after: 1h}}\n");
        let ran = project.repro(["--jobs", jobs]);
        let told = ran.ok().err().matches("Stage 'long' is slow: it has run for ").count();
        assert_eq!((told, ran.err().matches("is slow").count()), (1, 1), "{ran}");
        // Nothing else follows from it.
        project.repro(["--jobs", jobs]).ok().ran([]).does_not_say("is slow");
    }
}

#[test]
fn who_sends_usr1_is_told_how_it_stands() {
    let wait = "touch ../NAME; echo first; printf 'epoch 7\\n'; until test -e ../go; do sleep 0.05; done; echo > NAME.txt";
    let stage = |project: Project, name: &str| project.stage(name, |s| s.cmd(&wait.replace("NAME", name)).out(&format!("{name}.txt")));
    let project = stage(stage(Project::new(), "t1"), "t2").file("paraffin.yaml", "queue: {'t*': gpu}\nqueues: {gpu: {slots: 1}}\n");
    let mut command = project.command(project.root());
    command.args(["repro", "--jobs", "2"]).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(std::fs::File::create(project.at("../stderr")).unwrap()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let told = |text: &str| project.read("../stderr").contains(text);
    // It is asked until all is as it will stay: the second stage may still be checked.
    while !told("Stage 't2' waits for a slot of the queue 'gpu'\n") {
        assert!(Instant::now() < deadline, "{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(100));
        if project.has("../t1") {
            kill_process(Pid::from_child(&child), Signal::USR1).unwrap();
        }
    }
    assert!(told("  Stage 't1' has run for ") && told("    | first\n    | epoch 7\n"), "{}", project.read("../stderr"));
    project.write("../go", "");
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
}
