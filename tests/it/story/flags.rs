//! Flags that meet each other, and files that change while a run goes on.

use super::chain;
use crate::support::project::Project;

#[test]
fn a_single_item_may_be_a_directory() {
    let project = chain();
    project.repro(["-s", "-R", ".", "--jobs", "2"]).ok().ran(["first", "second"]);
    project.repro(["-s", "-R", "."]).ok().says("Data and pipelines are up to date.");
}

#[test]
fn a_dry_run_leaves_a_frozen_stage_alone() {
    let project = chain();
    project.repro(["--jobs", "1"]).ok();
    let project = project.stage("second", |s| s.cmd("wc -c < mid.txt > end.txt").field("frozen", "true").dep("mid.txt").out("end.txt"));
    project.write("in.txt", "other\n");
    project.repro(["--dry"]).ok().ran(["first"]).says("Stage 'second' didn't change, skipping");
    // Also one whose output is not what it was: it would be recorded, not run.
    project.write("end.txt", "other\n");
    project.repro(["--dry"]).ok().ran(["first"]).does_not_say("wc -c");
}

#[test]
fn a_dvcignore_that_a_stage_writes_counts_from_then_on() {
    let project = Project::new()
        .file("d/a.txt", "a\n")
        .file("d/b.log", "b\n")
        .stage("reads", |s| s.cmd("ls d > seen.txt").dep("d").out("seen.txt"))
        .stage("writes", |s| s.cmd("echo '*.log' > .dvcignore; cp seen.txt w.txt").dep("seen.txt").out("w.txt"))
        .stage("again", |s| s.cmd("cat w.txt > x.txt").dep("w.txt").dep("d").out("x.txt"));
    project.repro(["--jobs", "2"]).ok();
    let lock = project.read("dvc.lock");
    let entry = |name: &str| lock.split(&format!("  {name}:\n")).nth(1).unwrap().split("    outs:").next().unwrap().to_owned();
    assert!(entry("reads").contains("nfiles: 2") && entry("again").contains("nfiles: 1"), "{lock}");
}

#[test]
fn what_may_be_missing_is_no_change() {
    let project = Project::new()
        .file("in.txt", "1\n")
        .file("params.yaml", "lr: 1\n")
        .stage("a", |s| s.cmd("cp in.txt a.txt").dep("in.txt").out("a.txt"))
        .stage("b", |s| s.cmd("cp a.txt b.txt").dep("a.txt").param("lr").out("b.txt"));
    project.repro(["--jobs", "2"]).ok();
    project.sh("rm params.yaml b.txt").ok();
    project.repro(["--allow-missing", "--jobs", "2"]).ok().ran([]);
    // A single item is not compared with what is upstream of it.
    project.sh("echo 2 > in.txt").ok();
    project.repro(["-s", "a"]).ok().ran(["a"]);
    project.sh("rm a.txt").ok();
    project.repro(["-s", "b", "--allow-missing"]).ok().ran([]);
    project.repro(["b", "--allow-missing"]).exits(255);
}

/// DVC calls such a stage unchanged, as nothing of it is there that could have changed.
#[test]
fn a_dry_run_names_a_stage_that_never_ran_though_it_may_be_missing() {
    let project = chain();
    let ran = project.repro(["--dry", "--allow-missing"]);
    ran.ok().says("Running stage 'first':").says("Running stage 'second':");
    assert!(!project.has("mid.txt"));
    project.repro(["--allow-missing", "--jobs", "1"]).ok().ran(["first", "second"]);
}
