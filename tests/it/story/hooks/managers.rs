//! Managers of hooks: nothing is written into their folders, and what is printed for them works with
//! the real ones, which come from PyPI and npm into the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Bench, state};
use crate::dvc::{tried, venv};
use crate::support::ran::Ran;
use crate::support::{aloud, in_ci, target_dir};

const PRE_COMMIT: &str = "4.7.0";
const LEFTHOOK: &str = "2.2.2";
const HUSKY: &str = "9.1.7";

/// A repository with hooks that are called `dvc-paraffin` in `PATH`, and programs of a manager beside it.
struct Managed {
    bench: Bench,
    programs: PathBuf,
}

impl Managed {
    fn new(programs: &Path) -> Self {
        let managed = Self { bench: Bench::new().remote(), programs: programs.to_owned() };
        managed.bench.takes_notes(0);
        managed
    }

    /// A shell command with the manager and the program in `PATH`.
    fn sh(&self, text: &str) -> Ran {
        let usual = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{usual}", self.bench.top().join("bin").display(), self.programs.display());
        let mut command = self.bench.project.scratch.command("/bin/sh");
        // It keeps what it has fetched, and lefthook asks for a newer one of itself.
        Ran::of(command.args(["-c", text]).env("PATH", path).env("PRE_COMMIT_HOME", self.bench.top().join("pc")))
    }

    /// Writes the parts of a snippet to the files that their first lines name.
    fn write(&self, snippet: &str) {
        for part in snippet.split("\n\n") {
            let (file, text) = part.split_once('\n').unwrap();
            self.bench.project.write(file.strip_prefix("# ").unwrap(), format!("{}\n", text.trim_end()));
        }
    }

    fn snippet(&self, manager: &str) -> String {
        self.bench.answers_itself();
        let text = self.bench.hooks(["print", "--manager", manager]).ok().out();
        self.bench.takes_notes(0);
        text
    }

    /// The hooks are called, with what they need, for a commit, a checkout and a push; `refs` if they come
    /// on standard input.
    fn works(&self, name: &str, arguments: bool, refs: bool) {
        let commit = self.sh("git commit -q --allow-empty -m two");
        assert_eq!((commit.code, self.bench.notes()), (0, "hooks run pre-commit --\n".to_owned()), "{name}: {commit}");
        let head = self.sh("git rev-parse HEAD").out();
        let head = head.trim();
        self.sh("git checkout -q -b b").ok();
        let words = if arguments { format!(" {head} {head} 1") } else { String::new() };
        assert_eq!(self.bench.notes(), format!("hooks run post-checkout --{words}\n"), "{name}");
        // A branch that is not checked out, when all of the one that is has been pushed: lefthook's commands
        // do not run then.
        self.sh("echo 1 > f && git add f && git commit -q --no-verify -m three && git push -q --no-verify -u origin b").ok();
        self.sh("git update-ref refs/heads/main $(git commit-tree -p main -m four main^{tree})").ok();
        let head = self.sh("git rev-parse main").out();
        let head = head.trim();
        self.bench.notes();
        self.sh("git push -q origin main").ok();
        let words = if arguments { " origin ../remote.git" } else { "" };
        let none = "0".repeat(40);
        let refs = if refs { format!("refs/heads/main {head} refs/heads/main {none}\n") } else { String::new() };
        assert_eq!(self.bench.notes(), format!("hooks run pre-push --{words}\n{refs}"), "{name}");
        self.bench.takes_notes(1);
        self.sh("git update-ref refs/heads/main $(git commit-tree -p main -m five main^{tree}) && git push -q origin main").exits(1);
        self.sh("git rm -q f && git commit -q -m six").exits(1);
    }
}

/// What is found, or why there is nothing: then `what` is skipped, but never in CI.
fn or_skipped(found: &'static Result<PathBuf, String>, what: &str) -> Option<&'static Path> {
    found
        .as_deref()
        .map_err(|why| {
            assert!(!in_ci(), "no {what} in CI: {why}");
            aloud(&format!("SKIPPED hooks of {what}: {why}"));
        })
        .ok()
}

fn pre_commit() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let check = |venv: &Path| {
        let version = tried(Command::new(venv.join("bin/pre-commit")).arg("--version"))?;
        if version.trim().ends_with(PRE_COMMIT) { Ok(venv.join("bin")) } else { Err(version) }
    };
    let found = FOUND.get_or_init(|| venv("pre-commit-venv", "tests/pre-commit-requirements.txt", "pre-commit", check));
    or_skipped(found, "pre-commit")
}

/// The folder of programs of lefthook and husky.
fn npm() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    or_skipped(FOUND.get_or_init(fetch), "lefthook and husky")
}

fn fetch() -> Result<PathBuf, String> {
    let folder = target_dir().join("npm-hooks");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = std::fs::File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let programs = folder.join("node_modules/.bin");
    let is_there = || tried(Command::new(programs.join("lefthook")).arg("version")).is_ok_and(|version| version.contains(LEFTHOOK));
    if !(is_there() && programs.join("husky").exists()) {
        aloud(&format!("fetching lefthook {LEFTHOOK} and husky {HUSKY} into {} (once)", folder.display()));
        let packages = [format!("lefthook@{LEFTHOOK}"), format!("husky@{HUSKY}")];
        // Its own script would install lefthook into the git repository around the target folder.
        let words = ["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
        tried(Command::new("npm").args(words).arg(&folder).args(packages))?;
    }
    Ok(programs)
}

#[test]
fn nothing_is_written_where_a_manager_is() {
    let signs = [
        ("pre-commit", ": > .pre-commit-config.yaml", "- id: dvc-paraffin-pre-push"),
        (
            "pre-commit",
            "printf '#!/bin/sh\\n# File generated by pre-commit: https://pre-commit.com\\n' > .git/hooks/pre-commit",
            "- id: dvc-",
        ),
        ("lefthook", ": > lefthook.yml", "      use_stdin: true"),
        ("husky", "mkdir .husky", "# .husky/pre-push"),
        ("husky", "git config core.hooksPath web/.husky/_", "# .husky/pre-push"),
    ];
    for (name, make, snippet) in signs {
        let bench = Bench::new();
        bench.sh(&bench.root(), make);
        let before = state(&bench.project.at(".git/hooks"));
        for words in [&["install"][..], &["install", "--chain"], &["install", "pre-push", "--force"]] {
            let ran = Ran::of(bench.command(bench.root()).args(words));
            ran.exits(255).says(snippet).complains(&format!("nothing was changed: {name} sees to the hooks here ('"));
        }
        assert_eq!(bench.hooks(["install"]).out(), bench.hooks(["print", "--manager", name]).ok().out());
        bench.hooks(["install", "pre-push"]).exits(255).does_not_say("post-checkout");
        bench.hooks(["status"]).ok().says(&format!("{name} sees to the hooks here"));
        assert_eq!(state(&bench.project.at(".git/hooks")), before);
        assert!(!bench.project.has("web"));
        bench.hooks(["uninstall"]).ok();
    }
}

#[test]
fn pre_commit_runs_our_hooks() {
    let Some(programs) = pre_commit() else { return };
    let managed = Managed::new(programs);
    managed.write(&managed.snippet("pre-commit"));
    managed.sh("git add -A && git commit -q -m config").ok();
    managed.sh("pre-commit install --hook-type pre-push --hook-type pre-commit --hook-type post-checkout").ok();
    managed.works("pre-commit", false, false);
}

/// Both take the place of a hook that is there: pre-commit runs it before its own, lefthook no more.
#[test]
fn a_hook_that_a_manager_put_aside_is_known_and_taken_away() {
    let (Some(pre_commit), Some(npm)) = (pre_commit(), npm()) else { return };
    for (programs, install, status) in [
        (pre_commit, "pre-commit install --hook-type pre-push", "installed; pre-commit runs it as 'pre-push.legacy'"),
        (npm, "lefthook install", "installed; lefthook keeps it as 'pre-push.old', and does not run it"),
    ] {
        for kept in [false, true] {
            let managed = Managed::new(programs);
            let bench = &managed.bench;
            bench.answers_itself();
            if kept {
                bench.foreign("pre-push", "#!/bin/sh\necho foreign\n");
            }
            bench.hooks(["install", "pre-push", "--chain"]).ok();
            bench.project.write(".pre-commit-config.yaml", "repos: []\n");
            bench.project.write("lefthook.yml", "pre-push: {jobs: [{run: 'true'}]}\n");
            managed.sh(install).ok();
            let place = if status.contains("legacy") { "pre-push.legacy" } else { "pre-push.old" };
            bench.hooks(["status"]).ok().says(status);
            bench.hooks(["uninstall"]).ok().says("pre-push: taken away");
            // What stood there before us is where the manager would have put it.
            let left = bench.project.has(&format!(".git/hooks/{place}")).then(|| bench.project.read(&format!(".git/hooks/{place}")));
            assert_eq!(left.as_deref(), kept.then_some("#!/bin/sh\necho foreign\n"), "{install}");
            assert!(bench.project.read(".git/hooks/pre-push").contains(if place.ends_with("old") { "lefthook" } else { "pre-commit" }));
            bench.hooks(["uninstall"]).ok().says("pre-push: not ours");
        }
    }
}

/// pre-commit tells of a push by variables, and of a new branch by its name alone.
#[test]
fn pre_commit_lets_no_stale_lock_through() {
    let Some(programs) = pre_commit() else { return };
    let managed = Managed::new(programs);
    managed.write(&managed.snippet("pre-commit"));
    managed.bench.answers_itself();
    managed.bench.project.write("data.csv", "1\n");
    managed.bench.project.write("dvc.yaml", "stages: {prep: {cmd: cp data.csv prep.csv, deps: [data.csv], outs: [prep.csv]}}\n");
    managed.bench.project.repro(["--quiet"]).ok();
    managed.sh("git add -A && git commit -q -m pipeline").ok();
    managed.sh("pre-commit install --hook-type pre-push --hook-type pre-commit").ok();
    managed.sh("git push -q origin HEAD:refs/heads/fresh").ok();
    managed.sh("echo 2 > data.csv; git add -A");
    let ran = managed.sh("git commit -q -m stale");
    assert!(ran.code == 1 && format!("{ran}").contains("dep 'data.csv' differs"), "{ran}");
    managed.sh("git commit -q --no-verify -m stale").ok();
    for push in ["git push -q origin HEAD:refs/heads/fresh", "git push -q origin HEAD:refs/heads/new"] {
        let ran = managed.sh(push);
        assert!(ran.code == 1 && format!("{ran}").contains("dep 'data.csv' differs"), "{push}: {ran}");
    }
    managed.bench.project.repro(["--quiet"]).ok();
    managed.sh("git commit -q -a -m mended && git push -q origin HEAD:refs/heads/fresh HEAD:refs/heads/new").ok();
}

/// The hooks as pre-commit takes them from a repository.
#[test]
fn pre_commit_takes_the_hooks_from_the_repository() {
    let Some(programs) = pre_commit() else { return };
    let managed = Managed::new(programs);
    let hooks = crate::support::crate_dir().join(".pre-commit-hooks.yaml");
    let tool = managed.bench.top().join("tool");
    managed
        .sh(&format!("git init -q ../tool && cp '{}' ../tool && git -C ../tool add -A && git -C ../tool commit -q -m v", hooks.display()))
        .ok();
    let rev = managed.sh("git -C ../tool rev-parse HEAD").out();
    let ids: String = ["pre-push", "pre-commit", "post-checkout"].map(|name| format!("  - id: dvc-paraffin-{name}\n")).concat();
    let config = format!("repos:\n- repo: {}\n  rev: {}\n  hooks:\n{ids}", tool.display(), rev.trim());
    managed.bench.project.write(".pre-commit-config.yaml", config);
    managed.sh("git add -A && git commit -q -m config").ok();
    managed.sh("pre-commit validate-manifest ../tool/.pre-commit-hooks.yaml && pre-commit validate-config").ok();
    managed.sh("pre-commit install --hook-type pre-push --hook-type pre-commit --hook-type post-checkout").ok();
    managed.works("pre-commit from a repository", false, false);
}

#[test]
fn lefthook_runs_our_hooks() {
    let Some(programs) = npm() else { return };
    let managed = Managed::new(programs);
    managed.write(&managed.snippet("lefthook"));
    managed.sh("git add -A && git commit -q -m config && lefthook install").ok();
    managed.works("lefthook", true, true);
    managed.bench.answers_itself();
    managed.bench.hooks(["install"]).exits(255).complains("lefthook sees to the hooks here");
}

#[test]
fn husky_runs_our_hooks() {
    let Some(programs) = npm() else { return };
    let managed = Managed::new(programs);
    managed.write(&managed.snippet("husky"));
    managed.sh("git add -A && git commit -q -m config && husky").ok();
    managed.works("husky", true, true);
    managed.bench.answers_itself();
    managed.bench.hooks(["install"]).exits(255).complains("husky sees to the hooks here");
}
