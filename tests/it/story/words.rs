//! Arguments: what is refused, what is meant, what is offered instead.

use super::chain;
use crate::support::project::Project;

#[test]
#[ignore = "not yet: the program cannot run a pipeline"]
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
#[ignore = "not yet: the program cannot run a pipeline"]
fn a_flag_that_does_not_exist_names_the_nearest() {
    chain().repro(["--forse"]).exits(254).complains("--force");
    chain().repro(["--keep-goin"]).exits(254).complains("--keep-going");
}

#[test]
#[ignore = "not yet: the program cannot run a pipeline"]
fn a_command_that_does_not_exist_names_the_nearest() {
    chain().run(["repo"]).exits(254).complains("repro");
    chain().run(["grpah"]).exits(254).complains("graph");
}

#[test]
#[ignore = "not yet: the program cannot run a pipeline"]
fn a_target_that_does_not_exist_names_the_nearest() {
    chain().repro(["secnod"]).exits(255).complains("ERROR: Stage 'secnod' not found inside 'dvc.yaml' file").complains("second");
}

#[test]
#[ignore = "not yet: the program cannot run a pipeline"]
fn global_flags_may_stand_before_the_command() {
    let ran = chain().run(["-q", "repro", "--jobs", "2"]);
    assert!(ran.ok().stdout.is_empty(), "{ran}");
    chain().run(["-v", "repro", "--jobs", "2"]).ok();
}

#[test]
#[ignore = "not yet: the program cannot run a pipeline"]
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
#[ignore = "not yet: the program cannot run a pipeline"]
fn help_and_version_need_no_repository() {
    let folder = Project::folder();
    folder.run(["--version"]).ok().says(env!("CARGO_PKG_VERSION"));
    folder.run(["--help"]).ok().says("repro");
    folder.repro(["--help"]).ok().says("--jobs");
}

#[test]
#[ignore = "not yet: the program cannot run a pipeline"]
fn what_is_not_built_is_refused_and_not_done_differently() {
    let project = chain();
    let before = project.tree();
    project.repro(["--pull"]).exits(255).complains("ERROR: ");
    project.tree().must_equal(&before, "after", "before");
}

#[test]
#[ignore = "not yet: the program cannot run a pipeline"]
fn targets_that_match_nothing_are_an_error() {
    let project = chain();
    let before = project.tree();
    project.repro(["--glob", "zz*"]).exits(255).complains("zz*");
    project.tree().must_equal(&before, "after", "before");
}
