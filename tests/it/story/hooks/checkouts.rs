//! `post-checkout` as real git calls it: the outputs follow.

use crate::support::project::Project;

use super::Bench;

/// Two branches whose outputs differ, with the hook in place; `main` is checked out.
fn branches() -> Bench {
    let project = Project::new().file("data.csv", "1\n").stage("prep", |s| s.cmd("cp data.csv prep.csv").dep("data.csv").out("prep.csv"));
    project.repro(["--quiet"]).ok();
    let project = project.commit();
    project.sh("git checkout -q -b other");
    project.write("data.csv", "2\n");
    project.repro(["--quiet"]).ok();
    project.sh("git commit -q -a -m other && git checkout -q main");
    let bench = Bench::of(project);
    bench.hooks(["install", "post-checkout"]).ok();
    bench
}

#[test]
fn outputs_follow_a_checkout() {
    let bench = branches();
    assert_eq!(bench.project.read("prep.csv"), "2\n", "there was no hook yet");
    for (branch, want) in [("other", "2\n"), ("main", "1\n"), ("other", "2\n")] {
        let ran = bench.tries(&format!("git checkout -q {branch}"));
        assert_eq!((ran.code, ran.err().as_str(), bench.project.read("prep.csv").as_str()), (0, "", want), "{branch}: {ran}");
    }
    // Not where single files are checked out.
    bench.project.sh("rm prep.csv data.csv");
    bench.tries("git checkout -q -- data.csv").ok();
    assert!(!bench.project.has("prep.csv"));
    assert_eq!(bench.tries("git status --porcelain").out(), "");
}

#[test]
fn what_cannot_follow_is_a_warning_and_is_not_touched() {
    let bench = branches();
    bench.project.sh("git checkout -q other && rm -rf .dvc/cache");
    let ran = bench.tries("git checkout -q main");
    assert_eq!((ran.code, bench.project.read("prep.csv").as_str()), (0, "2\n"), "{ran}");
    assert!(ran.err().contains("WARNING: not all outputs follow this checkout; `dvc-paraffin checkout` tries again.\n"), "{ran}");
    assert_eq!(bench.tries("git rev-parse --abbrev-ref HEAD").out(), "main\n");
}

#[test]
fn the_work_tree_may_say_that_nothing_follows() {
    let bench = branches();
    bench.project.sh("git checkout -q main");
    bench.project.write("paraffin.yaml", "hooks: {post-checkout: {run: false}}\n");
    // Also before git knows of it.
    bench.project.sh("git checkout -q other");
    assert_eq!(bench.project.read("prep.csv"), "1\n");
    bench.project.sh("git checkout -q main");
    bench.project.sh("git add -A && git commit -q -m settings && git checkout -q -b third");
    bench.project.sh("rm prep.csv && git checkout -q -b fourth");
    assert!(!bench.project.has("prep.csv"));
}
