//! The logs of stages: which there are, how they are named, and what becomes of them on a bad disk.

use std::process::Stdio;

use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::small_disk::SmallDisk;

#[test]
fn who_follows_a_log_sees_every_try() {
    let project = Project::new()
        .stage("a", |s| s.cmd("echo try $PARAFFIN_ATTEMPT; sleep 0.3; test $PARAFFIN_ATTEMPT -ge 3 && echo > a.txt").out("a.txt"))
        .file("paraffin.yaml", "stages: {a: {retries: {max: 2, backoff: 300ms}}}\n");
    let mut command = project.command(project.root());
    let mut child = command.args(["repro", "--jobs", "2"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while project.sh("ls .dvc/tmp/paraffin/runs 2>/dev/null || true").out().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    while project.run(["logs", "-f", "a"]).code != 0 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(child.wait().unwrap().success());
    project.run(["logs", "--attempt", "2", "a"]).ok().says("try 2");
    project.run(["logs", "--attempt", "0", "a"]).exits(254);
    project.run(["logs", "-f", "a"]).ok().says("try 3").does_not_say("try 1");
}

#[test]
fn with_one_job_and_no_terminal_there_is_a_log_and_the_streams_are_as_with_dvc() {
    let project = Project::new().stage("a", |s| s.cmd("echo out; echo err >&2; printf '\\377 no end'; echo a > a.txt").out("a.txt"));
    let ran = project.repro(["--jobs", "1"]);
    ran.ok().says("> echo out").complains("err\n").does_not_say("err\n");
    assert!(ran.stdout.windows(8).any(|bytes| bytes == b"\xff no end"), "{ran}");
    let log = project.sh("cat .dvc/tmp/paraffin/runs/*/0001.log");
    assert!(log.out().contains("out\n") && log.out().contains("err\n"), "{log}");
    project.run(["logs", "a"]).ok().says("out\n");
}

#[test]
fn with_one_job_what_a_stage_left_behind_is_still_heard() {
    let project = Project::new()
        .stage("a", |s| s.cmd("(while [ ! -e ../go ]; do sleep 0.05; done; echo late; touch ../said) & echo a > a.txt").out("a.txt"))
        .stage("b", |s| {
            s.cmd("touch ../go; while [ ! -e ../said ]; do sleep 0.05; done; sleep 0.2; cp a.txt b.txt").dep("a.txt").out("b.txt")
        });
    project.repro(["--jobs", "1"]).ok().says("late\n");
    project.run(["logs", "a"]).ok().says("late\n");
}

#[test]
fn with_one_job_and_one_stream_lines_keep_their_order() {
    let lines: String = (0..50).map(|at| format!("echo o{at}; echo e{at} >&2; ")).collect();
    let project = Project::new().stage("a", |s| s.cmd(&format!("{lines} echo a > a.txt")).out("a.txt"));
    project.sh(&format!("'{}' repro --jobs 1 > ../all.txt 2>&1", crate::support::program::path().display()));
    let all = project.read("../all.txt");
    let seen: Vec<&str> = all.lines().filter(|line| line.len() < 5 && line.starts_with(['o', 'e'])).collect();
    let want: Vec<String> = (0..50).flat_map(|at| [format!("o{at}"), format!("e{at}")]).collect();
    assert_eq!(seen, want);
}

#[test]
fn a_group_is_a_list_of_its_stages() {
    let project = Project::new();
    project.write(
        "dvc.yaml",
        "stages:\n  g:\n    foreach: [1, 2]\n    do: {cmd: 'echo from ${item} > g${item}.txt', outs: ['g${item}.txt']}\n  a: {cmd: echo}\n",
    );
    project.repro(["--jobs", "2"]).ok();
    project.run(["logs", "g"]).ok().says("g@1  (ran)\ng@2  (ran)\n").does_not_say("a  (ran)");
    project.run(["logs", "h"]).exits(255).complains("has no stage 'h'");
}

#[test]
fn a_log_that_cannot_be_written_fails_no_stage() {
    for jobs in ["1", "2"] {
        let project = Project::new()
            .stage("a", |s| s.cmd("echo from a; echo and more >&2; echo a > a.txt").out("a.txt"))
            .stage("b", |s| s.cmd("echo from b; echo b > b.txt").out("b.txt"));
        project.write(".dvc/tmp/paraffin/runs", "in the way");
        let ran = project.repro(["--jobs", jobs, "--report", "run.md"]);
        ran.ok().says("from a").says("from b");
        assert!(ran.err().contains("and more") || ran.out().contains("and more"), "{ran}");
        assert_eq!(ran.err().matches("no log can be written").count(), 1, "{ran}");
        assert!(project.read("run.md").contains("no log can be written for"));
    }
}

#[test]
fn a_disk_without_room_for_logs_fails_no_stage_and_one_that_fills_up_is_named() {
    const RUNS: &str = ".dvc/tmp/paraffin/runs";
    for jobs in ["1", "2"] {
        let fill = format!("dd if=/dev/zero of={RUNS}/fill bs=4k count=4000 2>/dev/null");
        let project = Project::new()
            .stage("a", |s| s.cmd("echo from a && echo a > a.txt").out("a.txt"))
            .stage("b", |s| s.cmd("echo from b && cp a.txt b.txt").dep("a.txt").out("b.txt"));
        let Some(_disk) = SmallDisk::at(&project, RUNS, "4m") else { return };
        project.sh(&format!("{fill} || true"));
        let ran = project.repro(["--jobs", jobs]);
        ran.ok().says("from a").says("from b").complains("no log can be written for 'a': No space left on device");
        project.run(["logs", "a"]).exits(255);
        // Now it fills up under a stage, which then cannot print.
        project.sh(&format!("rm -r {RUNS}/*"));
        let project = project.stage("a", |s| s.cmd(&format!("{fill}; echo {} && echo a > a.txt", "x".repeat(10_000))).out("a.txt"));
        let ran = project.repro(["--jobs", jobs, "--report", "run.md"]);
        ran.exits(255).complains("the log of 'a' cannot be written: No space left on device");
        assert!(project.read("run.md").contains("the log of 'a' cannot be written"), "{ran}");
    }
}

#[test]
fn a_stage_is_named_for_its_log_as_repro_would_take_it() {
    let project = Project::new().stage("a", |s| s.cmd("echo root").field("always_changed", "true"));
    project.write("sub/dvc.yaml", "stages: {a: {cmd: echo below, always_changed: true}}\n");
    project.repro(["-P", "--jobs", "2"]).ok();
    let logs = |dir: &str, words: &[&str]| Ran::of(project.command(project.at(dir)).arg("logs").args(words)).ok().out();
    for (dir, stage, want) in [
        (".", "a", "root\n"),
        (".", "./dvc.yaml:a", "root\n"),
        (".", "sub/dvc.yaml:a", "below\n"),
        ("sub", "a", "below\n"),
        ("sub", "dvc.yaml:a", "below\n"),
        ("sub", "../dvc.yaml:a", "root\n"),
        ("sub", "sub/dvc.yaml:a", "below\n"),
    ] {
        assert_eq!(logs(dir, &[stage]), want, "{dir} {stage}");
    }
    assert_eq!(logs("sub", &[]), "../dvc.yaml:a  (ran)\na  (ran)\n");
}
