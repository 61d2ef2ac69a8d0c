//! The hooks stand where git looks, whatever the repository is like: git itself runs them.

use std::path::Path;

use serde_json::Value;

use super::{Bench, state};
use crate::support::crate_dir;
use crate::support::project::Project;
use crate::support::ran::Ran;

/// A repository that is made in `w`. All places are seen from the folder above.
struct Layout {
    name: &'static str,
    make: &'static str,
    /// Where the program is called.
    from: &'static str,
    /// Where git then works.
    work: &'static str,
    /// Where the hooks must stand.
    folder: &'static str,
}

const fn plain(name: &'static str, make: &'static str, folder: &'static str) -> Layout {
    Layout { name, make, from: "w", work: "w", folder }
}

const fn elsewhere(name: &'static str, make: &'static str, [from, work, folder]: [&'static str; 3]) -> Layout {
    Layout { name, make, from, work, folder }
}

/// `init` makes a repository with a commit; `linked` one with a linked work tree.
const FUNCTIONS: &str = "
set -e
init() { git init -q -b main \"$@\" . && git commit -q --allow-empty -m one; }
linked() { mkdir main && cd main && init && git worktree add -q ../other -b other; }
";

const LAYOUTS: &[Layout] = &[
    plain("plain", "init", "w/.git/hooks"),
    plain("no folder of hooks", "init; rm -r .git/hooks", "w/.git/hooks"),
    plain("linked folder of hooks", "init; mkdir h; rm -r .git/hooks; ln -s ../h .git/hooks", "w/h"),
    plain("reftable", "init --ref-format=reftable", "w/.git/hooks"),
    plain("SHA-256", "init --object-format=sha256", "w/.git/hooks"),
    plain("git elsewhere", "init --separate-git-dir ../away", "away/hooks"),
    elsewhere("below the root", "init; mkdir -p deep/er", ["w/deep/er", "w", "w/.git/hooks"]),
    elsewhere("a DVC project below", "init; mkdir -p sub/.dvc; : > sub/.dvc/config", ["w/sub", "w", "w/.git/hooks"]),
    plain("relative core.hooksPath", "init; git config core.hooksPath ./my/hooks", "w/my/hooks"),
    elsewhere("relative core.hooksPath from below", "init; git config core.hooksPath h; mkdir d", ["w/d", "w", "w/h"]),
    plain("absolute core.hooksPath", "init; git config core.hooksPath $PWD/../far", "far"),
    plain("core.hooksPath with a blank", "init; git config core.hooksPath 'my hooks'", "w/my hooks"),
    plain("core.hooksPath at home", "init; git config core.hooksPath '~/h'", "home/h"),
    plain("core.hooksPath for all", "init; git config --global core.hooksPath '~/h'", "home/h"),
    plain(
        "core.hooksPath on a condition that libgit2 does not know",
        "init; git config remote.o.url x://y; printf '[core]\\nhooksPath = ~/h\\n' > ~/more; \
         git config --global 'includeIf.hasconfig:remote.*.url:x://y.path' '~/more'",
        "home/h",
    ),
    elsewhere("linked work tree", "linked", ["w/other", "w/other", "w/main/.git/hooks"]),
    elsewhere("beside a linked work tree", "linked", ["w/main", "w/other", "w/main/.git/hooks"]),
    elsewhere("linked work tree, relative", "linked; git config core.hooksPath h", ["w/other", "w/other", "w/other/h"]),
    elsewhere(
        "linked work tree with a configuration of its own",
        "linked; git config extensions.worktreeConfig true; git -C ../other config --worktree core.hooksPath h",
        ["w/other", "w/other", "w/other/h"],
    ),
    elsewhere(
        "work tree of a bare repository",
        "mkdir one; (cd one; init); git clone -q --bare one bare.git; git -C bare.git worktree add -q ../tree main",
        ["w/tree", "w/tree", "w/bare.git/hooks"],
    ),
    elsewhere(
        "submodule",
        "mkdir one outer; (cd one; init); cd outer; init; git -c protocol.file.allow=always submodule --quiet add ../one inner",
        ["w/outer/inner", "w/outer/inner", "w/outer/.git/modules/inner/hooks"],
    ),
];

/// Commits, changes the branch and pushes; the hooks that said so.
fn called(bench: &Bench, work: &Path) -> Vec<String> {
    bench.sh(
        work,
        "git init -q --bare --object-format=$(git rev-parse --show-object-format) ~/remote.git && \
         git commit -q --allow-empty -m two && git checkout -q -b new && git push -q ~/remote.git HEAD:refs/heads/main",
    );
    let notes = bench.notes();
    notes.lines().filter_map(|line| Some(line.strip_prefix("hooks run ")?.split(" --").next()?.to_owned())).collect()
}

#[test]
fn git_runs_what_was_installed() {
    for layout in LAYOUTS {
        let bench = Bench::of(Project::folder());
        bench.sh(&bench.root(), &format!("{FUNCTIONS}{}", layout.make));
        let [from, work, folder] = [layout.from, layout.work, layout.folder].map(|place| bench.top().join(place));
        let was = folder.symlink_metadata().is_ok();
        Ran::of(bench.command(&from).arg("install")).ok();
        let installed = state(&folder);
        assert_eq!(installed.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["post-checkout", "pre-commit", "pre-push"]);
        Ran::of(bench.command(&work).arg("install")).ok().says("pre-push: installed already");
        assert_eq!(state(&folder), installed, "{}", layout.name);
        bench.takes_notes(0);
        assert_eq!(called(&bench, &work), ["pre-commit", "post-checkout", "pre-push"], "{}", layout.name);
        bench.answers_itself();
        Ran::of(bench.command(&from).arg("uninstall")).ok();
        // Nor is a folder left that nobody else uses.
        assert!(was && state(&folder).is_empty() || !was && !folder.exists(), "{}", layout.name);
    }
}

#[test]
fn where_no_hook_would_run_nothing_is_installed() {
    let bench = Bench::new();
    bench.sh(bench.top(), "git init -q --bare bare.git; mkdir none");
    let call = |dir: &str, words: &[&str]| Ran::of(bench.command(bench.top().join(dir)).args(words));
    for words in [&["install"][..], &["uninstall"], &["status"]] {
        call("none", words).exits(255).complains("/none is not a git repository");
        call("bare.git", words).exits(255).complains("has no work tree here: it is bare");
        call("w/.git", words).exits(255).complains("or this is git's own folder");
    }
    for (value, why) in [("/dev/null", "core.hooksPath is '/dev/null', which is no folder"), ("", "core.hooksPath is empty")] {
        bench.sh(&bench.root(), &format!("git config core.hooksPath '{value}'"));
        bench.hooks(["install"]).exits(255).complains(why).complains("hint: `git config --show-origin");
        let status = bench.hooks(["status"]).ok().out();
        assert!(status.starts_with("git runs no hooks here, since ") && status.contains(why), "{status}");
        assert!(!status.contains("looks for") && !status.contains("Others that use it"), "{status}");
        assert_eq!(status.lines().count(), 4, "{status}");
        bench.hooks(["uninstall"]).ok().says("pre-push: not installed");
    }
}

#[test]
fn where_there_is_no_dvc_install_says_so() {
    let bench = Bench::of(Project::folder());
    let words = "WARNING: there is no DVC in this repository (git tracks no directory `.dvc`)";
    bench.sh(&bench.root(), "git init -q . && git commit -q --allow-empty -m one");
    bench.hooks(["install"]).ok().complains(words);
    // Made, and not added yet; then below the root, and seen from there.
    bench.sh(&bench.root(), "mkdir .dvc && touch .dvc/config");
    assert_eq!(bench.hooks(["install"]).ok().err(), "");
    bench.sh(&bench.root(), "mkdir sub && mv .dvc sub/");
    bench.hooks(["install"]).ok().complains(words);
    bench.sh(&bench.root(), "git add sub");
    assert_eq!(bench.hooks(["install"]).ok().err(), "");
}

#[test]
fn a_folder_that_others_use_is_remarked() {
    let remark = |make: &str| {
        let bench = Bench::new();
        bench.sh(&bench.root(), &make.replace("$PROJECT", crate_dir().to_str().unwrap()));
        let said = bench.hooks(["install"]).ok().err();
        assert!(
            said.is_empty() || bench.hooks(["status"]).ok().out().contains(said.trim_start_matches("WARNING: ").lines().next().unwrap())
        );
        said
    };
    assert_eq!(remark("true"), "");
    assert!(remark("git config --global core.hooksPath '~/h'").contains("(core.hooksPath is set for all repositories)"));
    assert!(remark("git config core.hooksPath ../h").contains("(it lies outside of this repository)"));
    assert!(remark("rm -r .git/hooks; mkdir ../h; ln -s ../../h .git/hooks").contains("(it lies outside of this repository)"));
    assert!(remark("git config core.hooksPath h").contains("/w/h' lies in the work tree."));
    let left = remark("cp $PROJECT/hooks/pre-push .git/hooks; git config core.hooksPath ../h");
    assert!(left.contains("/w/.git/hooks' hooks of ours are left (pre-push). Git does not look there"), "{left}");
    let linked = "git worktree add -q ../one; git worktree add -q ../two";
    assert!(remark(linked).contains("/w/.git/hooks' serves all 3 work trees"));
    assert!(remark(&format!("{linked}; git config core.hooksPath h")).contains("each work tree has a folder of its own. This is '"));
    let own = "git config extensions.worktreeConfig true; git config --worktree core.hooksPath $PWD/.git/mine";
    assert_eq!(remark(&format!("{linked}; {own}")), "");
}

/// What a hook of another repository has set must not lead there.
#[test]
fn the_environment_must_agree_with_the_directory() {
    let bench = Bench::new();
    bench.sh(bench.top(), "git init -q other; git init -q --bare dots.git; mkdir none");
    let with = |dir: &str, name: &str, value: &str| {
        let value = value.strip_prefix('@').map_or_else(|| value.into(), |place| bench.top().join(place).into_os_string());
        Ran::of(bench.command(bench.top().join(dir)).arg("install").env(name, value))
    };
    with("w", "GIT_DIR", "@other/.git").exits(255).complains("belong into '").complains("/other/.git/hooks'");
    with("w", "GIT_CONFIG_PARAMETERS", "'core.hooksPath'='/far'").exits(255).complains("they would go to '/far'");
    assert_eq!(state(&bench.top().join("other/.git/hooks")), []);
    assert_eq!(state(&bench.project.at(".git/hooks")), []);
    with("w", "GIT_DIR", "@w/.git").ok();
    with("w", "GIT_DIR", ".git").ok().says("installed already");
    with("w", "GIT_INDEX_FILE", "@other/.git/index").ok().says("installed already");
    // Where the directory belongs to no repository, git goes by the variable alone, and so do we.
    bench.sh(bench.top(), "git -C dots.git config core.bare false");
    with("none", "GIT_DIR", "@dots.git").ok();
    assert_eq!(state(&bench.top().join("dots.git/hooks")).len(), 3);
}

/// Without the `git` program the library in the binary tells the place.
#[test]
fn the_place_is_found_without_git() {
    let cases = [
        ("true", "w/.git/hooks"),
        ("git config core.hooksPath h", "w/h"),
        ("git config core.hooksPath '~/h'", "home/h"),
        ("git config --global core.hooksPath '~/h'", "home/h"),
    ];
    for (make, folder) in cases {
        let bench = Bench::new();
        bench.sh(&bench.root(), make);
        Ran::of(bench.command(bench.root()).arg("install").env("PATH", "/nowhere")).ok();
        assert_eq!(state(&bench.top().join(folder)).len(), 3, "{make}");
    }
    let bench = Bench::new();
    bench.sh(bench.top(), "git init -q --bare bare.git; mkdir none; git -C w worktree add -q ../linked");
    let call = |dir: &str| Ran::of(bench.command(bench.top().join(dir)).arg("install").env("PATH", "/nowhere"));
    call("bare.git").exits(255).complains("it is bare");
    call("none").exits(255).complains("is not a git repository");
    call("linked").ok();
    assert_eq!(state(&bench.project.at(".git/hooks")).len(), 3);
}

#[test]
fn status_is_told_as_json() {
    let bench = Bench::new();
    bench.sh(&bench.root(), "git config core.hooksPath h");
    bench.script(&bench.project.at("h/pre-push"), "#!/bin/sh\n");
    bench.script(&bench.project.at("h/pre-commit"), "#!/bin/sh\nexec dvc git-hook pre-commit $@\n");
    bench.hooks(["install", "pre-commit"]).ok();
    bench.hooks(["status", "--json-file", "out/s.json"]).ok().says("pre-push       not ours\n");
    let ran = bench.hooks(["status", "--json"]);
    assert_eq!(ran.ok().out(), bench.project.read("out/s.json"));
    let told: Value = serde_json::from_str(&ran.out()).unwrap();
    let at = |name: &str| bench.project.at("h").join(name).to_str().unwrap().to_owned();
    let want = serde_json::json!({
        "version": 1,
        "folder": bench.project.at("h"),
        "hooks_path": {"value": "h", "scope": "local"},
        "manager": null,
        "hooks": [
            {"name": "pre-push", "path": at("pre-push"), "state": "foreign", "script_version": null, "runs": true,
             "program": null, "program_found": null, "chained": null},
            {"name": "pre-commit", "path": at("pre-commit"), "state": "installed", "script_version": 1, "runs": true,
             "program": bench.program(), "program_found": true,
             "chained": {"path": at("pre-commit.pre-paraffin"), "runs": true, "dvc": true}},
            {"name": "post-checkout", "path": at("post-checkout"), "state": "absent", "script_version": null, "runs": false,
             "program": null, "program_found": null, "chained": null}
        ],
        "remarks": told["remarks"],
        "error": null
    });
    assert_eq!(told, want);
    assert_eq!(told["remarks"].as_array().unwrap().len(), 1, "{told}");
    let none = Ran::of(bench.command(bench.top()).args(["status", "--json"]));
    let told: Value = serde_json::from_str(&none.exits(255).out()).unwrap();
    assert_eq!(told["error"]["kind"], "SCMError", "{told}");
    assert_eq!((&told["folder"], &told["hooks"]), (&Value::Null, &serde_json::json!([])), "{told}");
}
