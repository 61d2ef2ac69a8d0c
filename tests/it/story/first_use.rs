//! The first minutes: `demo`, and `graph`.

use crate::support::project::Project;
use crate::support::ran::Ran;

/// A command of the program where no git identity is known.
fn stranger(folder: &Project, arguments: &[&str]) -> Ran {
    let mut command = folder.command(folder.root());
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"] {
        command.env_remove(name);
    }
    Ran::of(command.args(arguments))
}

#[test]
fn the_demo_runs_and_leaves_a_clean_repository() {
    let folder = Project::folder();
    let ran = stranger(&folder, &["demo"]);
    ran.ok();
    assert!(folder.has("dvc-paraffin-demo/.git") && folder.has("dvc-paraffin-demo/dvc.lock"), "{ran}");
    let lock = folder.read("dvc-paraffin-demo/dvc.lock");
    for node in ["A_X_ParamsToOuts", "A_Y_", "B_X_", "B_Y_"] {
        assert!(lock.contains(node) || lock.contains(&node[..3]), "{node} is not in\n{lock}");
    }
    let mut again = folder.command(folder.at("dvc-paraffin-demo"));
    Ran::of(again.args(["repro", "--jobs", "4"])).ok().ran([]).says("Data and pipelines are up to date.");
    folder.sh("cd dvc-paraffin-demo && git log -1 --format=%s && git diff --quiet HEAD -- dvc.yaml");
    if let Some(dvc) = crate::dvc::get("dvc status in the demo") {
        let mut command = folder.scratch.command(dvc);
        Ran::of(command.current_dir(folder.at("dvc-paraffin-demo")).arg("status")).ok().says("Data and pipelines are up to date.");
    }
}

#[test]
fn the_demo_takes_a_name() {
    let folder = Project::folder();
    stranger(&folder, &["demo", "sub/try"]).ok();
    assert!(folder.has("sub/try/dvc.lock") && !folder.has("dvc-paraffin-demo"));
}

#[test]
fn the_demo_does_not_touch_a_folder_in_use() {
    let folder = Project::folder().file("dvc-paraffin-demo/mine.txt", "mine\n");
    let before = folder.tree();
    let ran = stranger(&folder, &["demo"]);
    assert!(ran.code != 0 && ran.err().contains("dvc-paraffin-demo"), "{ran}");
    folder.tree().must_equal(&before, "after", "before");
}

#[test]
fn graph_shows_levels_as_text_and_mermaid() {
    let project = super::chain();
    project.run(["graph"]).ok().says("first").says("second");
    project.run(["graph", "--format", "mermaid"]).ok().says("-->").says("first");
}
