//! Sets up the state before a case, runs the case's command with the program under test in place
//! of `dvc`, and reads off what is there afterwards.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::case::{After, Case, Scm};
use super::state;
use crate::dvc;
use crate::support::program;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::tree::replace;

/// What the program under test left, in the words of the case.
pub struct Replayed {
    /// What was left.
    pub after: After,
    /// The folder, which can be kept.
    pub scratch: Scratch,
}

/// Replays one case.
pub fn replay(case: &Case, jobs: usize) -> Replayed {
    let scratch = Scratch::new();
    let root = set_up(case, &scratch);
    let cache = cache_dir(&root);
    let skip = [".dvc/tmp", cache.as_str()];
    let line = case.cmd.replace("dvc repro", &format!("{} {}", program::path().display(), program::repro(jobs).join(" ")));
    assert!(line != case.cmd, "{}: {:?} does not call `dvc repro`", case.full_name, case.cmd);
    let mut command = scratch.command("/bin/sh");
    command.current_dir(&root).args(["-c", &format!("umask 022; {line}")]);
    let ran = Ran::of(&mut command);
    let staged = match case.scm {
        Scm::None => String::new(),
        _ => case.newly_staged(&sh(&scratch, &root, "git -c core.quotepath=off diff --cached --name-only .").out()),
    };
    let tree = state::standing(&root, &skip);
    let mut after = After {
        exit: ran.code,
        stdout: told(&ran.stdout, &root, &scratch),
        stderr: told(&ran.stderr, &root, &scratch),
        cache: state::cache(&root.join(&cache)),
        runs: state::runs(&root.join(&cache)),
        modes: state::modes(&root, &skip),
        staged,
        status: case.after.status.clone(),
        tree,
    };
    // Two equal trees have equal states; so real DVC is asked once for each case, and where something differs.
    let asked = jobs > 1 || program::is_dvc() || !super::compare::differences(&case.after, &after, jobs).is_empty();
    after.status = asked.then(|| status(&scratch, &root)).flatten().unwrap_or_else(|| case.after.status.clone());
    Replayed { after, scratch }
}

/// What real `dvc status` says, if there is a real DVC.
fn status(scratch: &Scratch, root: &Path) -> Option<String> {
    let ran = Ran::of(scratch.command(dvc::get("dvc status after golden cases")?).current_dir(root).arg("status"));
    Some(format!("{}{}exit {}\n", told(&ran.stdout, root, scratch), told(&ran.stderr, root, scratch), ran.code))
}

/// Output with paths, random names and random orders made the same each time.
fn told(bytes: &[u8], root: &Path, scratch: &Scratch) -> String {
    let bytes = replace(bytes, root.to_str().unwrap().as_bytes(), b"@ROOT@");
    let bytes = replace(&bytes, scratch.top().to_str().unwrap().as_bytes(), b"@TMPTOP@");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let text = regex::Regex::new(r"\.[A-Za-z0-9_-]{22}\.tmp").unwrap().replace_all(&text, ".@TMP@.tmp").into_owned();
    super::compare::git_add_sorted(&text)
}

fn set_up(case: &Case, scratch: &Scratch) -> PathBuf {
    let top = scratch.work();
    let root = if case.scm == Scm::GitSub { top.join("proj") } else { top.clone() };
    std::fs::create_dir_all(&root).unwrap();
    if case.scm != Scm::None {
        sh(scratch, &top, "git init -q -b main .");
    }
    copy(&case.dir.join("before"), &root);
    let modes = std::fs::read_to_string(case.dir.join("before-modes.txt")).unwrap();
    for line in modes.lines().filter(|line| !line.starts_with("link ")) {
        let (mode, path) = line.split_once(' ').unwrap();
        let path = root.join(path.trim_end_matches(" nlink>1"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(u32::from_str_radix(mode, 8).unwrap())).unwrap();
    }
    if case.scm != Scm::None {
        track(scratch, &root, &case.tracked);
    }
    super::gaps::fill_before(&case.name, &root);
    root
}

/// Copies a stored tree.
fn copy(from: &Path, to: &Path) {
    let name = to.to_str().unwrap();
    for path in state::walk(from, &[]) {
        let (source, target) = (from.join(&path), to.join(&path));
        if source.is_symlink() {
            std::os::unix::fs::symlink(source.read_link().unwrap().to_string_lossy().replace("@ROOT@", name), target).unwrap();
        } else if source.is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else if source.file_name().is_some_and(|file| file != state::KEEP) {
            std::fs::write(target, replace(&std::fs::read(source).unwrap(), b"@ROOT@", name.as_bytes())).unwrap();
        }
    }
}

/// Commits the paths that git knew. Those that are gone from the work tree are known all the same.
fn track(scratch: &Scratch, root: &Path, tracked: &str) {
    let mut script = String::from("set -e; empty=$(git hash-object -w --stdin < /dev/null)\n");
    for path in tracked.lines() {
        let plain = if path.starts_with('"') { serde_json::from_str::<String>(path).unwrap() } else { path.to_owned() };
        let word = format!("'{}'", plain.replace('\'', "'\\''"));
        if root.join(&plain).symlink_metadata().is_ok() {
            script += &format!("git add -f -- {word}\n");
        } else {
            script += &format!("git update-index --add --cacheinfo \"100644,$empty,$(git rev-parse --show-prefix){plain}\"\n");
        }
    }
    sh(scratch, root, &format!("{script}git commit -q --allow-empty -m base"));
}

/// Where the cache is, relative to the root, as `.dvc/config` tells it.
fn cache_dir(root: &Path) -> String {
    let config = std::fs::read_to_string(root.join(".dvc/config")).unwrap_or_default();
    let set = config.lines().filter_map(|line| line.trim().strip_prefix("dir = ")).next();
    set.map_or(".dvc/cache".to_owned(), |dir| dir.trim_start_matches("../").to_owned())
}
