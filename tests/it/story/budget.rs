//! One budget of jobs, shared with what stages start themselves: make, and the program again.

use std::process::Command;

use crate::support::counted::{counted, most};
use crate::support::project::Project;
use crate::support::{aloud, in_ci, program};

/// A project with a Makefile of eight targets that count themselves, and a stage that makes them.
fn with_make(settings: &str) -> Option<Project> {
    if Command::new("make").arg("--version").output().is_err() {
        assert!(!in_ci(), "no make in CI");
        aloud("SKIPPED the shared budget: no make");
        return None;
    }
    let project = Project::new();
    let top = project.scratch.top().display().to_string();
    let names: Vec<String> = (1..=8).map(|number| format!("m{number}")).collect();
    let mut text = format!("all: {}\n", names.join(" "));
    for name in &names {
        text += &format!("{name}:\n\t@{}\n", counted(&top, name));
    }
    let beside = format!("{}; echo > beside.txt", counted(&top, "beside"));
    Some(
        project
            .file("Makefile", text)
            .stage("build", |s| s.cmd("make -s all && echo > built.txt").dep("Makefile").out("built.txt"))
            .stage("beside", |s| s.cmd(&beside).out("beside.txt"))
            .file("paraffin.yaml", settings),
    )
}

#[test]
fn make_gets_what_other_stages_leave_and_no_more() {
    let Some(project) = with_make("stages: {build: {jobserver: true}}\n") else { return };
    let ran = project.repro(["--jobs", "3"]);
    ran.ok();
    assert!(!ran.out().contains("jobserver"), "{ran}");
    assert_eq!(most(project.scratch.top()), 3);
}

#[test]
fn a_serial_makefile_stays_serial() {
    let Some(project) = with_make("") else { return };
    project.repro(["--jobs", "4", "build"]).ok();
    assert_eq!(most(project.scratch.top()), 1);
    // A flag shares the budget with all stages.
    project.repro(["--jobs", "4", "--jobserver", "--force", "build"]).ok();
    assert_eq!(most(project.scratch.top()), 4);
}

#[test]
fn a_run_within_a_stage_takes_part() {
    let inner = Project::new();
    let outer = Project::new();
    let top = outer.scratch.top().display().to_string();
    let inner = (1..=6).fold(inner, |inner, number| {
        let name = format!("i{number}");
        inner.stage(&name, |s| s.cmd(&format!("{}; echo > {name}", counted(&top, &name))).out(&name))
    });
    let call = format!("{} --cd {} repro --jobs 8 > inner.txt", program::path().display(), inner.root().display());
    let beside = format!("{}; echo > beside.txt", counted(&top, "beside"));
    let outer = outer.stage("nested", |s| s.cmd(&call).out("inner.txt")).stage("beside", |s| s.cmd(&beside).out("beside.txt"));
    outer.repro(["--jobs", "3"]).ok();
    assert_eq!(most(outer.scratch.top()), 3);
    assert!(inner.has("i6"));
    outer.sh(&format!("rm -r {top}/seen"));
    inner.sh("rm -rf .dvc/cache i1 i2 i3 i4 i5 i6");
    outer.repro(["--jobs", "1", "--force", "nested"]).ok();
    assert_eq!(most(outer.scratch.top()), 1);
}

#[test]
fn tokens_of_a_killed_stage_come_back() {
    // The first stage takes all tokens and dies with them; the others run side by side then.
    let take = "exec 3<> \"$DVC_PARAFFIN_TOKENS\"; head -c 2 <&3 > taken.txt; kill -9 $$";
    let project = Project::new().stage("thief", |s| s.cmd(take).out("taken.txt"));
    let top = project.scratch.top().display().to_string();
    let project = (1..=6).fold(project, |project, number| {
        let name = format!("n{number}");
        project.stage(&name, |s| s.cmd(&format!("{}; echo > {name}", counted(&top, &name))).out(&name))
    });
    project.repro(["--jobs", "3", "--keep-going", "thief", "n1", "n2", "n3", "n4", "n5", "n6"]).exits(255);
    assert!(most(project.scratch.top()) >= 2);
    project.repro(["--jobs", "3", "-k"]).exits(255);
}

/// A pipe that stays open would come to all stages that are started later.
#[test]
fn the_pipe_of_a_stage_is_for_that_stage_alone() {
    let list = "ls -l /proc/self/fd/ | grep -c tokens- > NAME.txt || true";
    let project = Project::new()
        .stage("a", |s| s.cmd(&format!("{}; touch ../a; until test -e ../go; do sleep 0.05; done", list.replace("NAME", "a"))).out("a.txt"))
        .stage("b", |s| s.cmd("until test -e ../a; do sleep 0.05; done; echo > b.txt").out("b.txt"))
        .stage("c", |s| s.cmd(&format!("{}; touch ../go", list.replace("NAME", "c"))).dep("b.txt").out("c.txt"))
        .file("paraffin.yaml", "stages: {a: {jobserver: true}}\n");
    project.repro(["--jobs", "3"]).ok();
    assert_eq!((project.read("a.txt").as_str(), project.read("c.txt").as_str()), ("2\n", "0\n"));
}
