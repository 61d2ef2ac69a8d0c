//! What a stage finds around it, and what a run leaves under `.dvc/tmp`.

use super::chain;
use crate::support::project::Project;
use crate::support::ran::Ran;

#[test]
fn gits_own_variables_do_not_reach_a_stage() {
    let project = Project::new().stage("look", |s| s.cmd("env | grep ^GIT_ | sort > env.txt").out("env.txt"));
    let listed = project.sh("git rev-parse --local-env-vars").out();
    let names: Vec<&str> = listed.lines().filter(|name| !matches!(*name, "GIT_DIR" | "GIT_WORK_TREE" | "GIT_COMMON_DIR")).collect();
    let mut command = project.command(project.root());
    command.args(["repro", "--jobs", "2"]).envs(names.iter().map(|name| (*name, "0")));
    command.env("GIT_DIR", project.at(".git")).env("GIT_WORK_TREE", project.root());
    Ran::of(&mut command).ok();
    let seen = project.read("env.txt");
    for name in listed.lines() {
        assert!(!seen.contains(&format!("{name}=")), "{name} reached the stage:\n{seen}");
    }
    assert!(seen.contains("GIT_AUTHOR_NAME=t\n"), "the author is gone:\n{seen}");
}

#[test]
fn a_stage_is_told_who_it_is() {
    let project = Project::new();
    project.write("sub/dvc.yaml", "stages:\n  s:\n    cmd: echo $DVC_STAGE $DVC_ROOT > who.txt\n    outs: [who.txt]\n");
    project.repro(["--jobs", "2", "sub/dvc.yaml:s"]).ok();
    assert_eq!(project.read("sub/who.txt"), format!("sub/dvc.yaml:s {}\n", project.root().display()));
}

#[test]
fn with_several_jobs_nothing_stands_on_standard_input() {
    let project = Project::new().stage("a", |s| s.cmd("cat > a.txt").out("a.txt"));
    Ran::with_input(project.command(project.root()).args(["repro", "--jobs", "2"]), b"not for stages").ok();
    assert_eq!(project.read("a.txt"), "");
}

#[test]
fn each_stage_has_a_log_whose_name_is_not_the_stages() {
    let project = Project::new().stage("../../odd name", |s| s.cmd("echo to the log; echo and this >&2; echo > o").out("o"));
    project.repro(["--jobs", "2"]).ok();
    let logs: Vec<String> =
        project.files(".dvc/tmp/paraffin/runs").into_iter().map(|file| format!(".dvc/tmp/paraffin/runs/{file}")).collect();
    let with_output: Vec<&String> =
        logs.iter().filter(|file| project.read(file).contains("to the log\n") && project.read(file).contains("and this\n")).collect();
    assert_eq!(with_output.len(), 1, "logs: {logs:?}");
    assert!(logs.iter().all(|file| !file.contains("odd")), "{logs:?}");
}

#[test]
fn the_last_fifty_runs_are_kept() {
    let project = Project::new().stage("a", |s| s.cmd("echo > a").field("always_changed", "true").out("a"));
    for _ in 0..53 {
        project.repro(["--jobs", "2"]).ok();
    }
    let kept = std::fs::read_dir(project.at(".dvc/tmp/paraffin/runs")).unwrap().count();
    assert_eq!(kept, 50);
}

#[test]
fn a_fresh_clone_gets_the_folders_that_it_lacks() {
    let project = chain();
    project.repro(["--jobs", "2"]).ok();
    project.sh("git add -A && git commit -q -m done && git clone -q . ../clone");
    let mut command = project.command(project.at("../clone"));
    Ran::of(command.args(["repro", "--jobs", "2"])).ok().ran(["first", "second"]);
    assert_eq!(project.read("../clone/dvc.lock"), project.read("dvc.lock"));
    assert!(project.has("../clone/.dvc/tmp/btime") && project.has("../clone/.dvc/cache/files/md5"));
}

#[test]
fn a_worktree_of_git_works_too() {
    let project = chain();
    project.sh("git worktree add -q ../tree");
    let mut command = project.command(project.at("../tree"));
    Ran::of(command.args(["repro", "--jobs", "2"])).ok().ran(["first", "second"]);
    assert_eq!(project.read("../tree/.gitignore"), "/mid.txt\n/end.txt\n");
}

#[test]
fn another_folder_can_be_named() {
    let project = chain();
    let mut command = project.command(project.scratch.top());
    Ran::of(command.args(["repro", "--cd", "w", "--jobs", "2"])).ok().ran(["first", "second"]);
    let mut command = project.command(project.scratch.top());
    Ran::of(command.args(["--cd", "w", "repro"])).ok().ran([]);
}

#[test]
fn no_temporary_file_stays() {
    let project = chain();
    project.repro(["--jobs", "4"]).ok();
    let left: Vec<String> = project.files(".").into_iter().filter(|file| file.contains(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(matches!(
        project.read(".dvc/tmp/rwlock").as_str(),
        "{}" | "{\"read\": {}}" | "{\"write\": {}, \"read\": {}}" | "{\"read\": {}, \"write\": {}}"
    ));
}
