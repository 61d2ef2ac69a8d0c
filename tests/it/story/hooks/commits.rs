//! `pre-commit` as real git calls it: the index is judged, and stays as it is.

use crate::support::program;
use crate::support::project::Project;
use crate::support::ran::Ran;

use super::Bench;

fn committed() -> Bench {
    let project = Project::new()
        .file("data.csv", "1\n")
        .file("README.md", "read\n")
        .stage("prep", |s| s.cmd("cp data.csv prep.csv").dep("data.csv").out("prep.csv"))
        .stage("use", |s| s.cmd("cp prep.csv end.csv").dep("prep.csv").out("end.csv"));
    project.repro(["--quiet"]).ok();
    let bench = Bench::of(project.commit());
    bench.hooks(["install", "pre-commit"]).ok();
    bench
}

#[test]
fn a_stale_index_is_not_committed() {
    let bench = committed();
    bench.project.write("data.csv", "2\n");
    for commit in ["git add -A && git commit -q -m stale", "git commit -q -a -m stale", "git commit -q -m stale data.csv"] {
        let ran = bench.tries(commit);
        assert_eq!(ran.code, 1, "{commit}: {ran}");
        let err = ran.err();
        assert!(err.contains("the index:\n  prep\n    dep 'data.csv' differs: recorded b026324c, now 26ab0db9\n"), "{commit}: {ran}");
        assert!(err.contains("The commit is refused. `git commit --no-verify` goes on without being asked.\n"), "{commit}: {ran}");
        bench.tries("git reset -q").ok();
    }
    bench.tries("git commit -q --no-verify -a -m stale").ok();
}

#[test]
fn what_is_not_added_does_not_matter() {
    let bench = committed();
    bench.project.write("data.csv", "2\n");
    bench.project.write("README.md", "more\n");
    bench.tries("git add README.md && git commit -q -m words").ok();
    bench.tries("echo again >> README.md && git commit -q -m words README.md").ok();
    assert_eq!(bench.tries("git status --porcelain").out(), " M data.csv\n");
    // Nor does missing content, before it is pushed.
    bench.tries("git checkout -q data.csv && rm -rf .dvc/cache && echo x >> README.md").ok();
    let ran = bench.tries("git commit -q -a -m words");
    assert_eq!((ran.code, ran.err().as_str()), (0, ""), "{ran}");
}

#[test]
fn conflicts_and_damage_are_refused() {
    let bench = committed();
    bench.project.write("dvc.lock", "stages: [\n");
    let ran = bench.tries("git commit -q -a -m damaged");
    assert!(ran.code == 1 && ran.err().contains("'./dvc.lock' is invalid."), "{ran}");
    bench.project.sh("git checkout -q dvc.lock && echo '[' > paraffin.yaml && git add -A");
    let ran = bench.tries("git commit -q -m damaged");
    assert!(ran.code == 1 && ran.err().contains("paraffin.yaml"), "{ran}");
}

#[test]
fn it_runs_what_changed_where_that_is_asked_for() {
    let bench = committed();
    bench.project.write("paraffin.yaml", "hooks: {pre-commit: {run: true}}\n");
    bench.project.write(".dvc/config", "[core]\n    autostage = true\n");
    bench.project.sh("git add -A && git commit -q --no-verify -m settings");
    bench.project.write("data.csv", "2\n");
    bench.project.sh("git add data.csv");
    let ran = bench.tries("git commit -q -m data");
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err().contains("'dvc.lock' is not the one that is committed: `git add` it, and what else has changed.\n"), "{ran}");
    assert_eq!(bench.project.read("end.csv"), "2\n");
    assert_eq!(bench.tries("git status --porcelain").out(), "M  data.csv\n M dvc.lock\n", "the index is not written");
    bench.tries("git add dvc.lock && git commit -q -m data").ok();
    // A stage that fails stands against it, too.
    bench.project.sh("git rm -q data.csv");
    let ran = bench.tries("git commit -q -m gone");
    assert!(ran.code == 1 && ran.err().contains("The commit is refused, since its stages fail."), "{ran}");
}

/// Git tells a hook by variables which repository and which index are meant. A stage that runs git elsewhere must not meet them: it
/// would write into ours.
#[test]
fn a_stage_that_runs_git_elsewhere_does_not_touch_this_repository() {
    for linked in [false, true] {
        let bench = committed();
        bench.project.write("paraffin.yaml", "hooks: {pre-commit: {run: true}}\n");
        bench.project.write(
            "dvc.yaml",
            "stages: {other: {cmd: 'cd \"$OTHER\" && date > f && git add -A && git commit -q -m other', deps: [data.csv]}}\n",
        );
        bench.project.sh("git rm -q --cached dvc.lock; rm dvc.lock; git add -A && git commit -q --no-verify -m settings");
        bench.project.sh("git init -q ../other");
        let root = if linked {
            bench.project.sh("git worktree add -q ../linked -b linked");
            bench.top().join("linked")
        } else {
            bench.root()
        };
        let at_root = |text: &str| {
            let mut command = bench.project.scratch.command("sh");
            Ran::of(command.current_dir(&root).env("OTHER", bench.top().join("other")).args(["-c", text]))
        };
        at_root("echo 2 > data.csv && git add data.csv").ok();
        for commit in ["git commit -q -m first", "git commit -q -a -m first", "git commit -q -m first data.csv"] {
            let ran = at_root(commit);
            assert!(ran.code == 1 && ran.err().contains("'dvc.lock' is not the one that is committed"), "{linked} {commit}: {ran}");
            assert_eq!(at_root("git status --porcelain --untracked-files=no").out(), "M  data.csv\n", "{linked} {commit}");
        }
        assert_eq!(at_root("git -C ../other log --format=%s").out().lines().next(), Some("other"));
        at_root("git add dvc.lock && git commit -q -m second").ok();
        assert_eq!(at_root("git show --format= --name-only").out(), "data.csv\ndvc.lock\n", "{linked}");
    }
}

#[test]
fn the_index_can_be_checked_by_hand() {
    let bench = committed();
    bench.project.write("data.csv", "2\n");
    let check = || Ran::of(bench.project.scratch.command(program::path()).current_dir(bench.root()).args(["check", "--index"]));
    check().ok();
    bench.project.sh("git add data.csv");
    assert_eq!(check().code, 1, "{}", check());
}
