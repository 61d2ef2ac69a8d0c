//! `pre-push` as real git calls it: what is pushed is judged, and nothing else.

use crate::support::project::Project;
use crate::support::ran::{Ran, sh};

use super::Bench;

/// A repository whose pipeline is in step and pushed, with the hook in place.
fn pushed() -> Bench {
    pushed_from(Project::new())
}

fn pushed_from(project: Project) -> Bench {
    let project = project
        .file("data.csv", "1\n")
        .file("README.md", "read\n")
        .stage("prep", |s| s.cmd("cp data.csv prep.csv").dep("data.csv").out("prep.csv"))
        .stage("use", |s| s.cmd("cp prep.csv end.csv").dep("prep.csv").out("end.csv"));
    project.repro(["--quiet"]).ok();
    let project = project.commit();
    project.sh("git init -q --bare ../remote.git && git remote add origin ../remote.git && git push -q -u origin main");
    let bench = Bench::of(project);
    bench.hooks(["install", "pre-push"]).ok();
    bench
}

/// Runs git, which may fail.
fn git(bench: &Bench, words: &str) -> Ran {
    let mut command = bench.project.scratch.command("sh");
    command.current_dir(bench.root()).args(["-c", &format!("git {words}")]);
    Ran::of(&mut command)
}

/// What the remote has at a reference.
fn remote_has(bench: &Bench, reference: &str) -> bool {
    git(bench, &format!("--git-dir=../remote.git rev-parse --verify -q {reference}")).code == 0
}

#[track_caller]
fn passes(bench: &Bench, words: &str) -> Ran {
    let ran = git(bench, words);
    ran.ok();
    assert!(!ran.err().contains("dvc"), "{ran}");
    ran
}

#[track_caller]
fn is_refused(bench: &Bench, words: &str, because: &str) -> Ran {
    let ran = git(bench, words);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err().contains(because), "stderr does not hold {because:?}\n{ran}");
    assert!(ran.err().contains("`git push --no-verify` goes on without being asked."), "{ran}");
    ran
}

const STALE: &str = "echo more >> data.csv && git commit -q -a -m stale";

#[test]
fn a_stale_lock_is_not_pushed() {
    let bench = pushed();
    bench.project.sh(STALE);
    let commit = bench.project.sh("git rev-parse --short=8 HEAD").out();
    let ran = is_refused(&bench, "push origin main", &format!("dvc.lock of main ({}) is stale.\n", commit.trim()));
    assert!(ran.err().contains("  prep\n    dep 'data.csv' differs: recorded b026324c, committed "), "{ran}");
    assert!(ran.err().contains("mend: dvc-paraffin repro"), "{ran}");
    assert_eq!(git(&bench, "log --oneline origin/main..main").out().lines().count(), 1);
    // Git runs its hooks at the root, wherever it is called.
    bench.project.sh("mkdir sub");
    let mut from_below = bench.project.scratch.command("git");
    let ran = Ran::of(from_below.current_dir(bench.root().join("sub")).args(["push", "origin", "main"]));
    assert!(ran.err().contains("mend: dvc-paraffin --cd .. repro, then commit"), "{ran}");
    // As the advice says.
    bench.project.repro(["--quiet"]).ok();
    bench.project.sh("git commit -q -a -m mended");
    passes(&bench, "push -q origin main");
}

#[test]
fn ways_around_are_open() {
    for (way, chained) in [("push --no-verify", false), ("push", true)] {
        let bench = pushed();
        bench.project.sh(STALE);
        let variable = if chained { "-c x.y=z" } else { "" };
        let mut command = bench.project.scratch.command("sh");
        command.current_dir(bench.root()).args(["-c", &format!("git {variable} {way} -q origin main")]);
        if chained {
            command.env("DVC_PARAFFIN_SKIP_HOOKS", "1");
        }
        Ran::of(&mut command).ok();
    }
}

#[test]
fn what_touches_no_pipeline_is_not_judged() {
    let bench = pushed();
    bench.project.sh(STALE);
    bench.project.sh("git push -q --no-verify origin main && echo more >> README.md && git commit -q -a -m words");
    passes(&bench, "push -q origin main");
    // But as soon as a file of it changes, all of it is judged.
    bench.project.sh("echo more >> data.csv && git commit -q -a -m data");
    is_refused(&bench, "push origin main", "dep 'data.csv' differs");
}

#[test]
fn a_pipeline_behind_links_is_read_whatever_changed() {
    let bench = pushed();
    bench.project.sh("mkdir real && git mv dvc.yaml real/p.yaml && git mv dvc.lock real/p.lock");
    bench.project.sh("ln -s real/p.yaml dvc.yaml && ln -s real/p.lock dvc.lock && git add -A && git commit -q -m links");
    passes(&bench, "push -q origin main");
    bench.project.sh("echo more >> data.csv && git commit -q -a -m data");
    is_refused(&bench, "push origin main", "dep 'data.csv' differs");
}

#[test]
fn the_work_tree_does_not_matter() {
    let bench = pushed();
    bench.project.sh("git checkout -q -b topic && echo words >> README.md && git commit -q -a -m words");
    bench.project.sh("echo dirty >> data.csv && rm dvc.lock && echo '[' > dvc.yaml");
    passes(&bench, "push -q origin topic");
    // The stale branch is not the one that is checked out.
    bench.project.sh("git checkout -q -f . && git checkout -q -b stale main");
    bench.project.sh(STALE);
    bench.project.sh("git checkout -q main");
    is_refused(&bench, "push origin stale", "dvc.lock of stale (");
    assert!(!remote_has(&bench, "stale"));
}

#[test]
fn each_reference_is_judged_once() {
    let bench = pushed();
    bench.project.sh("git checkout -q -b good && echo words >> README.md && git commit -q -a -m words");
    bench.project.sh("git checkout -q -b bad main");
    bench.project.sh(STALE);
    bench.project.sh("git branch worse && git tag v1 && git tag -a -m annotated v2 && git checkout -q main");
    let ran = is_refused(&bench, "push origin good bad worse v1 v2", "dvc.lock of bad, worse, v1, v2 (");
    assert_eq!(ran.err().matches("dep 'data.csv' differs").count(), 1, "{ran}");
    is_refused(&bench, "push origin v2", "dvc.lock of v2 (");
    is_refused(&bench, "push origin bad:refs/heads/elsewhere", "dvc.lock of elsewhere (");
    is_refused(&bench, "push --all origin", "dvc.lock of bad, worse (");
    passes(&bench, "push -q origin good");
    assert!(!remote_has(&bench, "v1") && !remote_has(&bench, "bad") && remote_has(&bench, "good"));
    // A tag of something else than a commit has no pipeline.
    bench.project.sh("git tag blob HEAD:README.md && git tag tree HEAD^{tree}");
    passes(&bench, "push -q origin blob tree");
}

#[test]
fn old_stale_history_passes() {
    let bench = pushed();
    bench.project.sh(STALE);
    bench.project.sh("git tag old && git push -q --no-verify origin main");
    bench.project.repro(["--quiet"]).ok();
    bench.project.sh("git commit -q -a -m mended");
    passes(&bench, "push -q origin main");
    passes(&bench, "push -q --tags origin");
    passes(&bench, "push -q origin old:refs/heads/again");
    assert!(remote_has(&bench, "old") && remote_has(&bench, "again"));
    passes(&bench, "push -q origin main");
    passes(&bench, "push -q origin :again");
    passes(&bench, "push -q --delete origin old");
    // To another remote, of which nothing is known, it is judged.
    bench.project.sh("git init -q --bare ../other.git");
    is_refused(&bench, "push ../other.git old:refs/heads/again", "dvc.lock of again (");
}

#[test]
fn a_force_push_over_the_unknown_is_judged_as_a_whole() {
    let bench = pushed();
    bench.project.sh(STALE);
    bench.project.sh("git push -q --no-verify origin main && echo words >> README.md && git commit -q --amend -a -m words");
    sh(
        &bench.project.scratch,
        &bench.root(),
        "git clone -q -b main ../remote.git ../clone && cd ../clone && git commit -q --allow-empty -m new && git push -q",
    );
    is_refused(&bench, "push --force origin main", "dep 'data.csv' differs");
}

#[test]
fn missing_content_is_told_and_no_more() {
    let bench = pushed();
    bench.project.sh("echo more >> data.csv");
    bench.project.repro(["--quiet"]).ok();
    bench.project.sh("git commit -q -a -m more && rm -rf .dvc/cache");
    let ran = git(&bench, "push -q origin main");
    ran.ok();
    assert!(ran.err().contains("warning: the content of output 'prep.csv'"), "{ran}");
}

#[test]
fn settings_are_those_of_what_is_pushed() {
    for (settings, stale, lost) in
        [("{lock: warn}", 0, 0), ("{lock: off, cache: off}", 0, 0), ("{cache: error}", 1, 1), ("{lock: off, cache: error}", 0, 1)]
    {
        let bench = pushed();
        bench.project.write("paraffin.yaml", format!("hooks: {{pre-push: {settings}}}\n"));
        bench.project.sh("echo more >> data.csv && git add -A && git commit -q -m stale && git rm -q --cached paraffin.yaml");
        let ran = git(&bench, "push -q origin main");
        assert_eq!(ran.code, stale, "{settings}: {ran}");
        assert_eq!(ran.err().contains("dep 'data.csv' differs"), !settings.contains("lock: off"), "{settings}: {ran}");
        bench.project.repro(["--quiet"]).ok();
        bench.project.sh("git add -A && git commit -q -m mended && rm -rf .dvc/cache && git push -q --no-verify origin main");
        bench.project.sh("git checkout -q -b lost && echo words: 1 >> params.yaml && git add -A && git commit -q -m lost");
        let ran = git(&bench, "push -q origin lost");
        assert_eq!(ran.code, lost, "{settings}: {ran}");
        let told = (ran.err().contains("Content that lost ("), ran.err().contains("is stale"));
        assert_eq!(told, (lost == 1, false), "{settings}: {ran}");
    }
    let bench = pushed();
    bench.project.write("paraffin.yaml", "hooks: {pre-pusch: {}}\n");
    bench.project.sh("git add -A && git commit -q -m settings");
    is_refused(&bench, "push origin main", "paraffin.yaml:1: hooks: unknown key 'pre-pusch'. Did you mean 'pre-push'?");
}

#[test]
fn what_cannot_be_judged_is_refused() {
    for (damage, says) in [("echo 'stages: [' > dvc.lock", "dvc.lock"), ("echo 'stages: {a: {cmd: \"${no}\"}}' > dvc.yaml", "no")] {
        let bench = pushed();
        bench.project.sh(&format!("{damage} && git commit -q -a -m damaged"));
        let ran = is_refused(&bench, "push origin main", says);
        assert!(ran.err().contains("cannot be judged"), "{ran}");
    }
    let bench = pushed();
    let mut command = bench.command(bench.root());
    let ran = Ran::with_input(command.args(["run", "pre-push", "--", "origin", "url"]), b"what is this\n");
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err().contains("'what is this'") && ran.err().contains("--no-verify"), "{ran}");
    Ran::of(bench.command(bench.root()).args(["run", "pre-push", "--", "origin", "url"])).ok();
}

#[test]
fn linked_work_trees_and_other_folders_of_hooks_are_as_good() {
    let bench = pushed();
    bench.project.sh("git worktree add -q ../linked -b linked");
    let linked = |text: &str| {
        let mut command = bench.project.scratch.command("sh");
        Ran::of(command.current_dir(bench.top().join("linked")).args(["-c", text]))
    };
    linked(STALE).ok();
    let ran = linked("git push origin linked");
    assert!(ran.code == 1 && ran.err().contains("dvc.lock of linked ("), "{ran}");
    let folders = ["hooks-here".to_owned(), bench.top().join("hooks-there").display().to_string()];
    for folder in folders {
        let bench = pushed();
        bench.project.sh(&format!("git config core.hooksPath '{folder}'"));
        bench.hooks(["install", "pre-push"]).ok();
        bench.project.sh(STALE);
        is_refused(&bench, "push origin main", "dvc.lock of main (");
    }
}

/// As people keep the files of their home: the git directory stands elsewhere, and is named each time.
#[test]
fn a_git_directory_that_is_named_is_the_one_that_is_judged() {
    let bench = pushed();
    bench.project.sh("mv .git ../apart && git --git-dir=../apart config core.worktree ../w");
    for around in ["", "git init -q . && git commit -q --allow-empty -m around"] {
        bench.project.sh(&format!("{around}\necho $$ >> data.csv; git --git-dir=../apart --work-tree=. commit -q -a -m stale"));
        is_refused(&bench, "--git-dir=../apart --work-tree=. push origin main", "dep 'data.csv' differs");
    }
}

#[test]
fn dvc_repositories_below_the_root_of_git_are_judged() {
    let bench = pushed();
    for name in ["sub/one", "two"] {
        bench.project.write(&format!("{name}/.dvc/config"), "");
        bench.project.write(&format!("{name}/.dvc/.gitignore"), "/config.local\n/tmp\n/cache\n");
        bench.project.write(&format!("{name}/in.txt"), "in");
        bench.project.write(&format!("{name}/dvc.yaml"), "stages: {s: {cmd: cp in.txt out.txt, deps: [in.txt], outs: [out.txt]}}\n");
        Ran::of(bench.project.command(bench.project.at(name)).arg("repro")).ok();
    }
    bench.project.sh("git add -A && git commit -q -m subs");
    passes(&bench, "push -q origin main");
    bench.project.sh("echo other > sub/one/in.txt && git commit -q -a -m stale");
    is_refused(&bench, "push origin main", "sub/one/dvc.yaml:s");
}

#[test]
fn other_layouts_of_git_are_read_by_the_program() {
    for layout in ["--ref-format=reftable", "--object-format=sha256"] {
        let project = Project::new();
        project.sh(&format!("rm -rf .git && git init -q -b main {layout} ."));
        let bench = {
            let project = project.file("data.csv", "1\n").stage("prep", |s| s.cmd("cp data.csv prep.csv").dep("data.csv").out("prep.csv"));
            project.repro(["--quiet"]).ok();
            let project = project.commit();
            project.sh(&format!(
                "git init -q --bare {layout} ../remote.git && git remote add origin ../remote.git && git push -q -u origin main"
            ));
            Bench::of(project)
        };
        bench.hooks(["install", "pre-push"]).ok();
        bench.project.sh("echo words > README.md && git add -A && git commit -q -m words && git branch topic");
        passes(&bench, "push -q origin main topic");
        bench.project.sh(STALE);
        is_refused(&bench, "push origin main", "dep 'data.csv' differs");
        is_refused(&bench, "push origin main:new", "dep 'data.csv' differs");
    }
}

#[test]
fn data_goes_to_no_remote_that_holds_no_objects() {
    for (before, option, why) in [
        ("", "worktree = true", "it keeps versions of files, not objects"),
        ("", "version_aware = true", "it keeps versions of files, not objects"),
        ("file://", "jobs = 1", "DVC takes its address for a path below the current directory"),
    ] {
        let bench = pushed();
        let store = bench.top().join("store");
        let remote = format!("[core]\n    remote = store\n['remote \"store\"']\n    url = {before}{}\n    {option}\n", store.display());
        bench.project.write(".dvc/config", remote);
        for (push, code) in [("run", 1), ("check", 0), ("off", 0)] {
            bench.project.write("paraffin.yaml", format!("hooks: {{pre-push: {{push: {push}}}}}\n"));
            bench.project.sh("echo more >> data.csv");
            bench.project.repro(["--quiet"]).ok();
            bench.project.sh("git add -A && git commit -q -m more");
            let ran = git(&bench, "push -q origin main");
            assert_eq!(ran.code, code, "{before} {option} {push}: {ran}");
            if push == "run" {
                assert!(ran.err().contains(&format!("the hook cannot bring data to the remote 'store': {why}")), "{ran}");
            }
        }
        assert!(!store.exists());
    }
}

#[test]
fn content_must_be_in_the_remote_or_is_brought_there() {
    for push in ["check", "run"] {
        let bench = pushed();
        let store = bench.top().join("store");
        bench.project.write(".dvc/config", format!("[core]\n    remote = store\n['remote \"store\"']\n    url = {}\n", store.display()));
        bench.project.write("paraffin.yaml", format!("hooks: {{pre-push: {{push: {push}}}}}\n"));
        bench.project.write("dvc.yaml", "stages:\n  dir:\n    cmd: mkdir d; cp data.csv d/x; echo 2 > d/y; echo keep > own\n    deps: [data.csv]\n    outs: [d, own: {push: false}]\n");
        bench.project.sh("rm dvc.lock");
        bench.project.repro(["--quiet"]).ok();
        bench.project.sh("git add -A && git commit -q -m dir");
        let ran = git(&bench, "push -q origin main");
        if push == "check" {
            assert_eq!(ran.code, 1, "{ran}");
            assert!(ran.err().contains("the content of output 'd' (") && ran.err().contains("is not in the remote 'store'"), "{ran}");
            assert!(ran.err().contains("mend: dvc push --remote store dir"), "{ran}");
            bench.project.sh(&format!("mkdir -p {0} && cp -r .dvc/cache/files {0}/", store.display()));
            passes(&bench, "push -q origin main");
        } else {
            ran.ok();
            assert!(ran.err().contains("3 objects pushed to 'store'"), "{ran}");
            assert_eq!(bench.project.sh(&format!("find {} -type f -perm 444 | wc -l", store.display())).out().trim(), "3");
            bench.project.sh(&format!(
                "echo more >> data.csv && {} repro -q && git commit -q -a -m more && rm -rf .dvc/cache",
                bench.program().display()
            ));
            let ran = git(&bench, "push -q origin main");
            assert_eq!(ran.code, 1, "{ran}");
            assert_eq!(ran.err().matches("the content of output 'd'").count(), 1, "{ran}");
            assert!(ran.err().contains("is in no cache that can be looked into"), "{ran}");
        }
    }
}
