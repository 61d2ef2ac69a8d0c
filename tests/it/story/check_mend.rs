//! What `check` advises: it works as it stands there, and mends.

use super::check::{found, pipeline};
use crate::support::project::Project;
use crate::support::ran::Ran;

/// The command of the only advice, run by a shell.
fn follow(project: &Project, ran: &Ran) {
    let out = ran.out();
    let mends: Vec<&str> = out.lines().filter_map(|line| line.trim().strip_prefix("mend: ")).collect();
    assert_eq!(mends.len(), 1, "{ran}");
    let command = mends[0].split(',').next().unwrap().replace("dvc-paraffin", crate::support::program::path().to_str().unwrap());
    project.sh(&command);
}

#[test]
fn what_is_gone_is_made_again_before_git_gets_it() {
    let project = pipeline();
    project.sh("git rm -q m.json && git commit -q -m gone");
    follow(&project, project.run(["check"]).says("mend: dvc-paraffin repro && git add -f m.json, then commit"));
    assert_eq!(found(&project, &[]), [""; 0]);
}

#[test]
fn an_output_that_git_has_otherwise_is_taken_out_of_git() {
    let project = pipeline();
    project.sh("rm prep.csv && echo other > prep.csv && git add -f prep.csv && git commit -q -m forced");
    let ran = project.run(["check"]);
    ran.exits(1).says("output 'prep.csv' is in git as well, with other content: recorded ");
    follow(&project, ran.says("mend: git rm -r --cached prep.csv\n"));
    assert_eq!(found(&project, &[]), [""; 0]);
}

#[test]
fn content_that_no_remote_will_have_is_made_again() {
    let project = Project::new().stage("own", |s| s.cmd("echo 1 > o.txt").field("outs", "[o.txt: {push: false}]"));
    project.repro(["--quiet"]).ok();
    let project = project.commit();
    project.sh("rm -r .dvc/cache o.txt");
    let ran = project.run(["check", "--cache", "error"]);
    ran.exits(1).says("the work tree: 1 stage in step with dvc.lock, content is missing in 1 place\n");
    follow(&project, ran.says("mend: dvc-paraffin repro, then commit"));
    assert_eq!(found(&project, &["--cache", "error"]), [""; 0]);
}

#[test]
fn what_mends_several_is_said_once_and_else_with_each() {
    let project = pipeline();
    project.sh("echo 3 >> data.csv; sed -i 's/y: 2/z: 2/' params.yaml; git rm -q --cached m.json");
    let want = "the work tree:
  prep
    dep 'data.csv' differs: recorded 6ddb4095, now c0710d6b
      mend: dvc-paraffin repro, then commit what it has changed
  use
    param 'params.yaml:x.y' is not in its file
      mend: add the parameter to its file, or take it out of dvc.yaml
    output 'm.json' is not in git: recorded 6ddb4095
      mend: git add -f m.json
the work tree: 2 stages out of step with dvc.lock
";
    assert_eq!(project.run(["check"]).out(), want);
    // One way for all.
    let project = pipeline();
    project.sh("echo 3 >> data.csv; sed -i 's/y: 2/y: 3/' params.yaml; echo 7 > m.json");
    let out = project.run(["check"]).out();
    assert_eq!(out.matches("mend: ").count(), 1, "{out}");
    assert!(out.contains("\n  mend: dvc-paraffin repro, then commit what it has changed\n"), "{out}");
    // Below the uppermost dvc.yaml, too.
    project.write("sub/dvc.yaml", "stages: {s: {cmd: 'true > o', outs: [o]}}\n");
    project.sh("git add sub");
    let out = project.run(["check"]).out();
    assert_eq!(out.matches("mend: dvc-paraffin repro --all-pipelines, then commit").count(), 1, "{out}");
}

#[test]
fn what_is_not_checked_out_is_mended_there() {
    let project = pipeline();
    project.sh("git checkout -q -b topic; echo 3 >> data.csv; git commit -q -a -m stale; git checkout -q main");
    let ran = project.run(["check", "--rev", "topic"]);
    ran.says("mend: git checkout topic && dvc-paraffin repro, then commit what it has changed\n");
    follow(&project, &ran);
    project.sh("git commit -q -a -m mended");
    assert_eq!(found(&project, &["--rev", "topic"]), [""; 0]);
    // What has been followed by others.
    project.sh("git checkout -q main");
    let stale = project.sh("git rev-parse --short=8 topic~1").out().trim().to_owned();
    let advice = format!("mend: git checkout {stale} && dvc-paraffin repro, then amend this commit and rebase what follows it");
    project.run(["check", "--rev", "main..topic"]).says(&advice);
    // A tag.
    project.sh("git tag -a -m old v1 topic~1");
    let moved = ", then commit what it has changed and move the tag (git tag -f v1); or git tag -d v1\n";
    let ran = project.run(["check", "--rev", "v1"]);
    ran.says(&format!("mend: git checkout v1 && dvc-paraffin repro{moved}"));
    follow(&project, &ran);
    project.sh("git commit -q -a -m mended && git tag -f v1 && git checkout -q main");
    assert_eq!(found(&project, &["--rev", "v1"]), [""; 0]);
    // Without a work tree nothing can be run.
    project.sh("git clone -q --bare . ../bare.git");
    let bare = Ran::of(project.command(project.at("../bare.git")).args(["check", "--cache", "off", "--rev", &stale]));
    bare.says(&format!("mend: in a work tree of {stale}: dvc-paraffin repro, then"));
}

#[test]
fn a_frozen_stage_that_never_ran_is_run_as_advised() {
    let Some(dvc) = crate::dvc::get("how a frozen stage is run for the first time") else { return };
    let project = Project::new()
        .stage("ice", |s| s.cmd("echo 1 > ice.txt").out("ice.txt").field("frozen", "true"))
        .stage("water", |s| s.cmd("cp ice.txt water.txt").dep("ice.txt").out("water.txt"))
        .commit();
    // A run does not help.
    project.repro([]).exits(255).complains("missing data 'source': ice.txt");
    let ran = project.run(["check"]);
    ran.says("  ice\n    dvc.lock has no entry for this stage, which is frozen and has never run\n");
    ran.says("      mend: dvc unfreeze ice && dvc-paraffin repro && dvc freeze ice, then commit what it has changed\n");
    let ours = crate::support::program::path().display().to_string();
    project.sh(&format!("{dvc} unfreeze ice && {ours} repro && {dvc} freeze ice && git add -A", dvc = dvc.display()));
    assert_eq!(found(&project, &["--index"]), [""; 0]);
}
