//! When a stage fails: what still runs, what is kept, what is said.

use super::chain;
use crate::support::project::Project;

/// `bad` fails at once, `after` depends on it, `free` does not.
fn with_a_failure() -> Project {
    Project::new()
        .stage("bad", |s| s.cmd("exit 3").out("bad.txt"))
        .stage("after", |s| s.cmd("echo a > after.txt").dep("bad.txt").out("after.txt"))
        .stage("free", |s| s.cmd("sleep 0.2; echo f > free.txt").out("free.txt"))
}

#[test]
fn a_running_stage_is_finished_and_saved_when_another_fails() {
    let project = with_a_failure();
    project.repro(["--jobs", "2"]).exits(255).complains("ERROR: failed to reproduce 'bad': failed to run: exit 3, exited with 3");
    assert!(project.read("dvc.lock").contains("\n  free:\n"), "{}", project.read("dvc.lock"));
    assert_eq!(project.read(".gitignore"), "/free.txt\n");
    assert!(!project.has("after.txt"));
}

#[test]
fn nothing_new_starts_after_a_failure() {
    let project = with_a_failure();
    project.repro(["--jobs", "1"]).exits(255).ran(["bad"]);
    assert!(!project.has("free.txt") && !project.has("dvc.lock"));
}

#[test]
fn keep_going_runs_all_that_can_run() {
    let project = with_a_failure();
    let ran = project.repro(["--keep-going", "--jobs", "4"]);
    ran.exits(255).complains("WARNING: Stage 'after' will be skipped due to this failure").complains("ERROR: failed to reproduce 'bad'\n");
    ran.ran(["bad", "free"]);
    assert_eq!(project.read("free.txt"), "f\n");
}

#[test]
fn ignored_errors_stop_nobody() {
    let ran = with_a_failure().repro(["--ignore-errors", "--jobs", "4"]);
    ran.ok().complains("WARNING: failed to run: exit 3, exited with 3 (ignored)");
}

#[test]
fn lines_for_git_stay_when_a_later_stage_fails() {
    let project = Project::new()
        .stage("good", |s| s.cmd("echo g > good.txt").out("good.txt"))
        .stage("bad", |s| s.cmd("exit 1").dep("good.txt").out("bad.txt"));
    project.repro(["--jobs", "1"]).exits(255);
    assert_eq!(project.read(".gitignore"), "/good.txt\n");
}

#[test]
fn a_missing_dep_is_found_before_outputs_are_removed() {
    let project = chain();
    project.repro(["--jobs", "1"]).ok();
    std::fs::remove_file(project.at("in.txt")).unwrap();
    let before = project.tree();
    project.repro(["--jobs", "4"]).exits(255).complains("in.txt'").ran([]);
    project.tree().must_equal(&before, "after", "before");
}

/// DVC misses a dep when it looks up an earlier run, or when it saves the stage: the words differ.
#[test]
fn what_is_missing_is_told_in_the_words_of_dvc() {
    let project = Project::new()
        .file("c.txt", "c")
        .file("e.txt", "e")
        .stage("a", |s| s.cmd("echo").dep("in.txt").out("a.txt"))
        .stage("b", |s| s.cmd("echo").dep("in.txt").field("outs", "[{b.txt: {persist: true}}]"))
        .stage("c", |s| s.cmd("echo").dep("in.txt").out("c.txt").field("frozen", "true"))
        .stage("d", |s| s.cmd("echo").field("params", "[{p.yaml: [k]}]").field("outs", "[{d.txt: {persist: true}}]"))
        .stage("e", |s| s.cmd("echo").field("params", "[{p.yaml: [k]}]").out("e.txt").field("frozen", "true"))
        .stage("f", |s| s.cmd("echo").dep("in.txt").out("f.txt").field("always_changed", "true"));
    let ran = project.repro(["--ignore-errors", "--jobs", "1"]);
    let ignored: Vec<String> = ran.ok().err().lines().filter(|line| line.ends_with("(ignored)")).map(str::to_owned).collect();
    let no_file = format!("WARNING: [Errno 2] No such file or directory: '{}' (ignored)", project.at("in.txt").display());
    let no_dep = |path: &str| format!("WARNING: dependency '{path}' does not exist (ignored)");
    let no_key = "WARNING: Parameters 'k' are missing from 'p.yaml'. (ignored)".to_owned();
    assert_eq!(ignored, [no_file.clone(), no_file, no_dep("in.txt"), no_key, no_dep("p.yaml"), no_dep("in.txt")], "{ran}");
}

#[test]
fn a_mended_pipeline_goes_on_where_it_stopped() {
    let project = with_a_failure();
    project.repro(["-k", "--jobs", "2"]).exits(255);
    let project = project.stage("bad", |s| s.cmd("echo good > bad.txt").out("bad.txt"));
    project.repro(["--jobs", "2"]).ok().ran(["bad", "after"]).says("Stage 'free' didn't change, skipping");
    project.repro(["--jobs", "2"]).ok().ran([]).says("Data and pipelines are up to date.");
}

#[test]
fn a_failed_stage_is_shown_with_what_it_printed() {
    let project = Project::new().stage("bad", |s| s.cmd("echo the reason of it all >&2; exit 1").out("o"));
    let ran = project.repro(["--jobs", "4"]);
    ran.exits(255);
    assert!(format!("{}{}", ran.out(), ran.err()).contains("the reason of it all"), "{ran}");
}

#[test]
fn a_thousand_failures_are_told_and_counted() {
    let items: Vec<String> = (0..1000).map(|number| format!("n{number}")).collect();
    let text = format!(
        "stages:\n  bad:\n    foreach: [{}]\n    do:\n      cmd: echo ${{item}}; exit 3\n      outs: ['${{item}}.txt']\n  good:\n    cmd: echo > good.txt\n    outs: [good.txt]\n",
        items.join(", ")
    );
    let project = Project::new().file("dvc.yaml", text);
    let ran = project.repro(["--jobs", "8", "--keep-going"]);
    ran.exits(255).complains("Summary: 1 ran, 1000 failed").complains("failed to reproduce stages: 'bad@n0', 'bad@n1'");
    assert_eq!(project.read("dvc.lock").matches("cmd:").count(), 1);
    // Without the flag the first ones are the last.
    project.repro(["--jobs", "8", "--force"]).exits(255).complains("not started");
}
