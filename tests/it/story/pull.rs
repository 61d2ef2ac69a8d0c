//! `--pull`: missing data comes from a remote that is a plain directory.

use super::chain;
use crate::support::project::Project;

/// A project that was run, whose cache and outputs are gone, and whose data is in a remote.
fn emptied() -> Project {
    let project = chain();
    project.repro(["--jobs", "1"]).ok();
    project.sh("cp -r .dvc/cache ../remote && rm -rf .dvc/cache mid.txt end.txt").ok();
    project.write(".dvc/config", "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n");
    project
}

#[test]
fn what_is_only_missing_is_fetched_and_not_run() {
    for jobs in ["1", "4"] {
        let project = emptied();
        let lock = project.read("dvc.lock");
        let ran = project.repro(["--pull", "--jobs", jobs]);
        ran.ok().ran([]).says("Pulling data for stage: 'first'").says("Data and pipelines are up to date.");
        assert_eq!((project.read("mid.txt").as_str(), project.read("end.txt").as_str()), ("hello\n", "6\n"));
        assert_eq!(project.read("dvc.lock"), lock);
        project.repro(["--jobs", jobs]).ok().ran([]);
    }
}

#[test]
fn earlier_runs_are_fetched_too() {
    let project = emptied();
    std::fs::remove_file(project.at("dvc.lock")).unwrap();
    let ran = project.repro(["--pull", "--jobs", "1"]);
    ran.ok().ran([]).says("Stage 'first' is cached - skipping run, checking out outputs");
    assert_eq!(project.read("end.txt"), "6\n");
}

#[test]
fn what_the_remote_lacks_is_made_again() {
    let project = emptied();
    project.sh("find ../remote -type f -name '*' -path '*files*' | head -1 | xargs rm -f; rm -rf ../remote/runs").ok();
    project.repro(["--pull", "--jobs", "1"]).ok();
    assert_eq!((project.read("mid.txt").as_str(), project.read("end.txt").as_str()), ("hello\n", "6\n"));
}

#[test]
fn a_remote_out_of_reach_is_refused_before_anything_runs() {
    let project = emptied();
    project.write(".dvc/config", "[core]\n    remote = store\n['remote \"store\"']\n    url = s3://bucket/path\n");
    project.repro(["--pull", "--jobs", "1"]).exits(255).ran([]).complains("--pull cannot fetch from the remote 'store' (s3://bucket/path)");
    assert!(!project.has("mid.txt"));
}

#[test]
fn without_a_remote_the_run_cache_is_a_warning() {
    let project = chain();
    project.repro(["--pull", "--jobs", "1"]).ok().complains("WARNING: Failed to pull run cache: no remote specified in ");
}

#[test]
fn what_was_not_missing_stays_as_the_user_left_it() {
    let project = Project::new()
        .file("in.txt", "in\n")
        .stage("first", |s| s.cmd("mkdir -p d; cp in.txt d/x; echo y > d/y").out("d"))
        .stage("second", |s| s.cmd("cat d/x in.txt > end.txt").dep("d/x").dep("in.txt").out("end.txt"));
    project.repro(["--jobs", "1"]).ok();
    project.sh("mv .dvc/cache ../remote; rm d/x; echo precious > d/y; echo new > in.txt").ok();
    project.write(".dvc/config", "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n");
    project.repro(["-s", "second", "--pull"]).ok().ran(["second"]);
    assert_eq!((project.read("d/x").as_str(), project.read("d/y").as_str()), ("in\n", "precious\n"));
    assert_eq!(project.read("end.txt"), "in\nnew\n");
}

#[test]
fn data_that_is_nowhere_else_is_not_replaced() {
    let project = emptied();
    project.write("mid.txt", "mine\n");
    project.repro(["--pull", "--jobs", "1"]).exits(255).complains("unable to remove");
    assert_eq!(project.read("mid.txt"), "mine\n");
}
