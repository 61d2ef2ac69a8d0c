//! Where DVC itself is wrong and the program is not: docs/compat.md tells users the same. The golden
//! cases show that these differ; here stands what they ought to be.

use crate::dvc;
use crate::support::project::Project;
use crate::support::ran::Ran;

/// `dvc status` of real DVC must find nothing to do.
fn clean(project: &Project) {
    if let Some(dvc) = dvc::get("dvc status after a decision of our own") {
        Ran::of(project.scratch.command(dvc).arg("status")).ok().says("Data and pipelines are up to date.");
    }
}

#[test]
fn a_parameter_called_size_counts_like_any_other() {
    let project =
        Project::new().file("params.yaml", "size: 1\n").stage("a", |s| s.cmd("cat params.yaml > o.txt").param("size").out("o.txt"));
    project.repro(["--jobs", "1"]).ok();
    project.write("params.yaml", "size: 2\n");
    project.repro(["--jobs", "1"]).ok().ran(["a"]);
    assert_eq!(project.read("o.txt"), "size: 2\n");
    project.write("params.yaml", "size: 1\n");
    project.repro(["--jobs", "1"]).ok();
    assert_eq!(project.read("o.txt"), "size: 1\n");
    clean(&project);
}

#[test]
fn a_command_that_dvc_would_garble_is_written_so_that_it_reads_back() {
    let long = format!("echo {}   {}   {} > o.txt", "a".repeat(39), "b".repeat(26), "c".repeat(17));
    let project = Project::new().stage("a", |s| s.cmd(&long).out("o.txt"));
    project.repro(["--jobs", "1"]).ok().ran(["a"]);
    project.repro(["--jobs", "1"]).ok().ran([]);
    clean(&project);
}

#[test]
fn entries_of_other_stages_keep_their_text() {
    let project =
        Project::new().file("params.yaml", "x: 9.400000000000001e-05\n").stage("a", |s| s.cmd("echo a > a.txt").param("x").out("a.txt"));
    project.repro(["--jobs", "1"]).ok();
    let odd = project.read("dvc.lock").replace("    cmd: echo a > a.txt", "    # a remark\n    cmd:   \"echo a > a.txt\"");
    project.write("dvc.lock", &odd);
    let project = project.stage("b", |s| s.cmd("echo b > b.txt").dep("a.txt").out("b.txt"));
    project.repro(["--jobs", "4"]).ok().ran(["b"]);
    let lock = project.read("dvc.lock");
    assert!(lock.starts_with(&odd), "the entry of a was touched:\n{lock}");
    clean(&project);
}

#[test]
fn a_run_cache_that_cannot_be_written_fails_no_stage() {
    let project = Project::new().file("in.txt", "1\n").file(".dvc/cache/runs", "in the way\n");
    let project = project.stage("a", |s| s.cmd("cp in.txt o.txt").dep("in.txt").out("o.txt"));
    project.repro(["--jobs", "2"]).ok().complains("WARNING: ");
    assert!(project.read("dvc.lock").contains("  a:"));
}

#[test]
fn an_output_that_git_tracks_is_kept() {
    let project = Project::new().file("o.txt", "precious\n").stage("a", |s| s.cmd("echo new > o.txt").out("o.txt")).commit();
    project.repro(["--jobs", "2"]).exits(255).complains("is already tracked by SCM").ran([]);
    assert_eq!(project.read("o.txt"), "precious\n");
}
