//! Runs that take long: what is said of them while they run.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::project::Project;
use crate::support::ran::Started;

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
    let mut child = Started(command.stderr(std::fs::File::create(project.at("../stderr")).unwrap()).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    let told = |text: &str| project.read("../stderr").contains(text);
    // It is asked until all is as it will stay: the second stage may still be checked, the first one about to print.
    while !["Stage 't2' waits for a slot of the queue 'gpu'\n", "  Stage 't1' has run for ", "    | first\n    | epoch 7\n"]
        .into_iter()
        .all(told)
    {
        assert!(Instant::now() < deadline, "{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(100));
        if project.has("../t1") {
            kill_process(Pid::from_child(&child), Signal::USR1).unwrap();
        }
    }
    project.write("../go", "");
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
}

/// The stage waits until the middle of its log was given back, and looks how much memory we took.
#[test]
fn a_stage_that_prints_without_end_fills_neither_disk_nor_memory() {
    let cmd = "echo begin; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo end; \
        for n in $(seq 300); do test $(du -k .dvc/tmp/paraffin/runs/$PARAFFIN_RUN_ID/0001.log | cut -f1) -lt 20000 && break; sleep 0.1; done; \
        du -k .dvc/tmp/paraffin/runs/$PARAFFIN_RUN_ID/0001.log > ../disk; grep VmHWM /proc/$PPID/status > ../memory; echo > a.txt";
    let project = Project::new().stage("a", |s| s.cmd(cmd).out("a.txt")).file("paraffin.yaml", "stages: {a: {log_max: 1M}}\n");
    let ran = project.repro(["--jobs", "2", "--json-file", "run.json"]);
    ran.ok().says("\nend\n").does_not_say("log_max");
    let number = |file: &str| -> u64 { project.read(file).split_whitespace().find_map(|word| word.parse().ok()).unwrap() };
    assert!(number("../disk") < 20_000, "{}", project.read("../disk"));
    assert!(number("../memory") < 200_000, "{}", project.read("../memory"));
    let answer: serde_json::Value = serde_json::from_str(&project.read("run.json")).unwrap();
    let log = project.read(answer["stages"][0]["log"].as_str().unwrap());
    assert!(log.len() < (1 << 20) + 100 && log.starts_with("begin\nxxx") && log.ends_with("xxx\nend\n"), "{} bytes", log.len());
    let left_out = 100_000_011 - (1 << 20);
    assert!(log.contains(&format!("\n... {left_out} bytes left out (log_max) ...\n")));
}

#[test]
fn a_dep_that_changes_while_its_stage_runs_is_told_of() {
    for jobs in ["1", "2"] {
        let project =
            Project::new().file("dep.txt", "old").file("same.txt", "same").file("params.yaml", "lr: 1\nother: 1\n").stage("a", |s| {
                s.cmd("cp dep.txt a.txt; echo new > dep.txt; echo 'lr: 2' > params.yaml; touch same.txt")
                    .dep("dep.txt")
                    .dep("same.txt")
                    .param("lr")
                    .out("a.txt")
            });
        let ran = project.repro(["--jobs", jobs]);
        ran.ok().complains("WARNING: dep 'dep.txt' changed while stage 'a' ran");
        ran.complains("WARNING: params file 'params.yaml' changed while stage 'a' ran");
        assert_eq!(ran.err().matches("changed while").count(), 2, "{ran}");
        // Recorded is what DVC records: what is there afterwards.
        project.repro(["--jobs", jobs]).ok().ran([]).does_not_say("changed while");
    }
}
