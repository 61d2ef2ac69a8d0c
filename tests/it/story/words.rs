//! Arguments: what is refused, what is meant, what is offered instead.

use super::chain;
use crate::support::project::Project;

#[test]
fn a_number_of_jobs_that_is_none_is_refused() {
    for jobs in ["0", "-1", "x", "1.5", ""] {
        let project = chain();
        let before = project.tree();
        project.repro(["--jobs", jobs]).exits(254);
        project.tree().must_equal(&before, "after", "before");
    }
    chain().repro(["-j", "0"]).exits(254);
    chain().repro(["--concurrency=-3"]).exits(254);
}

#[test]
fn a_flag_that_does_not_exist_names_the_nearest() {
    chain().repro(["--forse"]).exits(254).complains("--force");
    chain().repro(["--keep-giong"]).exits(254).complains("--keep-going");
}

#[test]
fn a_flag_may_be_cut_short_as_with_dvc() {
    chain().repro(["--keep-go", "--no-com"]).ok();
    chain().repro(["--no"]).exits(254);
}

#[test]
fn a_command_that_does_not_exist_names_the_nearest() {
    chain().run(["repo"]).exits(254).complains("repro");
    chain().run(["grpah"]).exits(254).complains("graph");
}

#[test]
fn a_target_that_does_not_exist_names_the_nearest() {
    chain().repro(["secnod"]).exits(255).complains("ERROR: Stage 'secnod' not found inside 'dvc.yaml' file").complains("second");
}

#[test]
fn global_flags_may_stand_before_the_command() {
    let ran = chain().run(["-q", "repro", "--jobs", "2"]);
    assert!(ran.ok().stdout.is_empty(), "{ran}");
    chain().run(["-v", "repro", "--jobs", "2"]).ok();
}

#[test]
fn flags_of_dvc_are_known_by_their_short_names() {
    let project = chain();
    project.repro(["-f", "-s", "-q", "first"]).ok();
    project.repro(["-P", "-q"]).ok();
    project.repro(["-p", "-q", "second"]).ok();
    project.repro(["-R", "-q", "."]).ok();
    project.repro(["-k", "-v"]).ok();
    project.repro(["--wait-for-lock", "-q"]).ok();
    project.repro(["--downstream", "-q", "first"]).ok();
    project.repro(["--no-run-cache", "--no-commit", "--allow-missing", "--force-downstream", "-q"]).ok();
}

#[test]
fn help_and_version_need_no_repository() {
    let folder = Project::folder();
    folder.run(["--version"]).ok().says(env!("CARGO_PKG_VERSION"));
    folder.run(["--help"]).ok().says("repro");
    folder.repro(["--help"]).ok().says("--jobs");
}

#[test]
fn what_is_not_built_is_refused_and_not_done_differently() {
    let project = chain().stage("far", |s| s.cmd("touch far.txt").dep("s3://bucket/key").out("far.txt"));
    let before = project.tree();
    project.repro([]).exits(255).complains("ERROR: ").complains("s3://bucket/key");
    project.tree().must_equal(&before, "after", "before");
}

#[test]
fn targets_that_match_nothing_are_an_error() {
    let project = chain();
    let before = project.tree();
    project.repro(["--glob", "zz*"]).exits(255).complains("zz*");
    project.tree().must_equal(&before, "after", "before");
}

#[test]
fn a_time_that_is_none_is_refused() {
    let project = Project::new();
    for time in ["-1", "nan", "inf", "1e300", "x", ""] {
        project.repro([&format!("--lock-timeout={time}")]).exits(254).complains("a number of seconds");
    }
}
