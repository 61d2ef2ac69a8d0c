//! Where git looks for the hooks of a work tree.
//!
//! The `git` program is asked first here, since it is the one that will run them: it alone reads all of
//! its configuration (`GIT_CONFIG_GLOBAL`, the system's file of this installation, `hasconfig`, `~user`).
//! libgit2 answers where there is no such program. What variables such as `GIT_DIR` say must agree with
//! the directory: a hook that runs us somewhere else has set them for another repository.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::library;
use super::program::{self, Refusal, run};
use crate::store::error::Error;

/// Variables that decide where hooks are looked for.
const DECIDING: [&str; 5] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"];

/// The folder, and why it is this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HooksFolder {
    /// The folder as git names it, from the root on.
    pub path: PathBuf,
    /// The root of the work tree.
    pub root: PathBuf,
    /// What all work trees of the repository share.
    pub common: PathBuf,
    /// `core.hooksPath`.
    pub setting: Option<HooksPath>,
}

/// A value of `core.hooksPath`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HooksPath {
    /// The value, `~` expanded.
    pub value: String,
    /// Where it holds: `system`, `global`, `local`, `worktree` or `command`; none if this git does not tell.
    pub scope: Option<String>,
}

impl HooksPath {
    /// Whether it is set for more than one repository.
    pub fn is_everywhere(&self) -> bool {
        matches!(self.scope.as_deref(), Some("system" | "global"))
    }
}

/// The folder for the work tree that holds a directory.
///
/// # Errors
/// There is no repository, it has no work tree, it cannot be read, or the environment names another one.
pub fn hooks_folder(dir: &Path) -> Result<HooksFolder, Error> {
    let told = |asked: Asked| match asked {
        Asked::Folder(folder) => Ok(folder),
        Asked::NoWorkTree => Err(Error::NoWorkTree { path: dir.to_path_buf() }),
        Asked::NotGit => Err(Error::NotGit { path: dir.to_path_buf() }),
    };
    let failed = |message: String| Error::Git { attempt: "find the hooks of", path: dir.to_path_buf(), message };
    let here = match by_program(dir, Whose::Directory) {
        Err(Refusal::NotInstalled) => return by_library(dir).map_err(|error| failed(error.message().to_owned())).and_then(told),
        here => here,
    };
    if DECIDING.iter().any(|name| env::var_os(name).is_some()) {
        let set = by_program(dir, Whose::Environment);
        match (&here, &set) {
            (Ok(Asked::Folder(here)), Ok(Asked::Folder(set))) if is_same(&here.path, &set.path) => {}
            (Ok(Asked::Folder(here)), Ok(Asked::Folder(set))) => {
                return Err(Error::TwoHooksFolders { here: here.path.clone(), set: set.path.clone() });
            }
            (_, Ok(Asked::Folder(set))) => return Ok(set.clone()),
            _ => {}
        }
    }
    here.map_err(|refusal| failed(refusal.to_string())).and_then(told)
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Whom git shall believe.
#[derive(Clone, Copy)]
enum Whose {
    Directory,
    Environment,
}

enum Asked {
    Folder(HooksFolder),
    NoWorkTree,
    NotGit,
}

fn by_program(dir: &Path, whose: Whose) -> Result<Asked, Refusal> {
    let git = |at: &Path| match whose {
        Whose::Directory => program::git(at),
        Whose::Environment => program::git_as_called(at),
    };
    let parse = |at: &Path, word: &str, more: &[&str]| {
        let mut line = run(git(at).args(["rev-parse", word]).args(more), b"")?;
        line.pop_if(|end| *end == b'\n');
        Ok(OsString::from_vec(line))
    };
    match parse(dir, "--is-inside-work-tree", &[]) {
        Ok(inside) if inside == "true" => {}
        Ok(_) => return Ok(Asked::NoWorkTree),
        Err(Refusal::Said(words)) if words.starts_with("not a git repository") => return Ok(Asked::NotGit),
        Err(refusal) => return Err(refusal),
    }
    let root = PathBuf::from(parse(dir, "--show-toplevel", &[])?);
    // Asked at the root, since a relative folder is one of the root.
    let common = root.join(parse(&root, "--git-common-dir", &[])?);
    let path = root.join(parse(&root, "--git-path", &["hooks"])?);
    let get = |words: &[&str]| {
        // Fails if the setting is not made.
        let found = run(git(&root).arg("config").args(words).args(["--null", "--type=path", "--get", "core.hooksPath"]), b"").ok()?;
        Some(String::from_utf8_lossy(&found).trim_end_matches('\0').to_owned())
    };
    let setting = get(&[]).map(|value| {
        // Older than 2.26, git does not know of scopes.
        let scope = get(&["--show-scope"]).and_then(|found| Some(found.split('\0').next()?.to_owned()));
        HooksPath { value, scope }
    });
    Ok(Asked::Folder(HooksFolder { path, root, common, setting }))
}

fn by_library(dir: &Path) -> Result<Asked, git2::Error> {
    let Some(repository) = library::repository(dir)? else { return Ok(Asked::NotGit) };
    let Some(root) = repository.workdir().map(Path::to_path_buf) else { return Ok(Asked::NoWorkTree) };
    let common = repository.commondir().to_path_buf();
    let config = repository.config()?.snapshot()?;
    let setting = match config.get_entry("core.hookspath") {
        Err(error) if error.code() == git2::ErrorCode::NotFound => None,
        entry => {
            let scope = match entry?.level() {
                git2::ConfigLevel::ProgramData | git2::ConfigLevel::System => "system",
                git2::ConfigLevel::XDG | git2::ConfigLevel::Global => "global",
                git2::ConfigLevel::Worktree => "worktree",
                _ => "local",
            };
            let value = config.get_path("core.hookspath")?.to_string_lossy().into_owned();
            Some(HooksPath { value, scope: Some(scope.to_owned()) })
        }
    };
    let path = setting.as_ref().map_or_else(|| common.join("hooks"), |setting| root.join(&setting.value));
    Ok(Asked::Folder(HooksFolder { path, root, common, setting }))
}
