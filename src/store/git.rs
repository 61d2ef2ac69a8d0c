//! What DVC asks of git: whether a path is ignored or tracked, and `git add`.
//!
//! libgit2 answers. A repository that it refuses (reftable, SHA-256, split or sparse index) is
//! an error here, not a guess. Questions use paths as they are written, below the work tree;
//! symbolic links inside of it are not resolved, as git does not either.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use git2::{Repository, RepositoryOpenFlags};

use super::error::Error;

/// Variables that tie a `git` to one repository: a command of a stage must not inherit them
/// from a hook that runs this program (git: `rev-parse --local-env-vars`).
pub const LOCAL_ENV: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
];

/// Opens repositories of other users too, as DVC does: in containers the work tree often belongs
/// to someone else. libgit2 runs no program that a repository's configuration names.
fn trust_any_owner() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "a global setting of libgit2, written once and before anything is opened")]
        // SAFETY: the setting is a plain flag; `Once` lets nobody open a repository while it is written.
        let done = unsafe { git2::opts::set_verify_owner_validation(false) };
        // Without it such repositories are refused, in libgit2's words.
        done.ok();
    });
}

/// A git repository with a work tree.
pub struct Git {
    repository: Mutex<Repository>,
    /// The work tree's root without symbolic links.
    root: PathBuf,
    /// The directory that was opened, as written and without symbolic links.
    start: (PathBuf, PathBuf),
}

impl fmt::Debug for Git {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Git").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Git {
    /// Opens the repository that holds a directory.
    ///
    /// # Errors
    /// There is none, it has no work tree, or libgit2 refuses it.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let none: [&Path; 0] = [];
        trust_any_owner();
        let repository = Repository::open_ext(dir, RepositoryOpenFlags::CROSS_FS, none).map_err(|error| match error.code() {
            git2::ErrorCode::NotFound => Error::NotGit { path: dir.to_path_buf() },
            _ => failure("open", dir)(&error),
        })?;
        let real = dir.canonicalize().map_err(Error::io("resolve", dir))?;
        let root = repository.workdir().ok_or_else(|| Error::NotGit { path: dir.to_path_buf() })?;
        let root = root.canonicalize().map_err(Error::io("resolve", root))?;
        Ok(Self { repository: Mutex::new(repository), root, start: (dir.to_path_buf(), real) })
    }

    /// The root of the work tree, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the repository keeps its data (of a linked work tree: its own directory).
    pub fn dir(&self) -> PathBuf {
        self.repository().path().to_path_buf()
    }

    /// Whether any ignore file covers a path. A directory that exists counts as one; a path
    /// that ends in `/` always does.
    ///
    /// # Errors
    /// An ignore file that cannot be read.
    pub fn is_ignored(&self, path: &Path) -> Result<bool, Error> {
        let Some(inside) = self.inside(path) else { return Ok(false) };
        if inside.as_os_str().is_empty() {
            return Ok(false);
        }
        self.repository().is_path_ignored(&inside).map_err(|error| failure("read ignore rules of", &self.root)(&error))
    }

    /// A file below the git directory that all work trees share, or that the user set for all
    /// repositories: where ignore rules stand outside of the work tree, strongest first.
    pub(super) fn global_ignore_files(&self) -> Vec<PathBuf> {
        let repository = self.repository();
        let user = repository.config().and_then(|config| config.get_path("core.excludesfile")).ok();
        user.into_iter().chain([repository.commondir().join("info/exclude")]).collect()
    }

    /// Whether the index holds the path or something below it.
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn is_tracked(&self, path: &Path) -> Result<bool, Error> {
        let Some(inside) = self.inside(path) else { return Ok(false) };
        let repository = self.repository();
        let wrong = |error: git2::Error| failure("read the index of", &self.root)(&error);
        let mut index = repository.index().map_err(wrong)?;
        // Reads again only what has changed on disk.
        index.read(false).map_err(wrong)?;
        Ok(index.get_path(&inside, 0).is_some() || index.find_prefix(inside.join("")).is_ok())
    }

    /// Adds files to the index, and takes out those that are gone. Paths outside of the work
    /// tree, ignored paths and paths in submodules are left out.
    ///
    /// # Errors
    /// An index that cannot be read or written.
    pub fn add(&self, paths: &[PathBuf]) -> Result<(), Error> {
        let wrong = |error: git2::Error| failure("add files to the index of", &self.root)(&error);
        let mut wanted = Vec::new();
        for path in paths {
            if let Some(inside) = self.inside(path)
                && !self.is_ignored(path)?
            {
                wanted.push(inside);
            }
        }
        let repository = self.repository();
        let submodules: Vec<PathBuf> =
            repository.submodules().map_err(wrong)?.iter().map(|submodule| submodule.path().to_path_buf()).collect();
        let mut index = repository.index().map_err(wrong)?;
        index.read(false).map_err(wrong)?;
        for path in wanted.iter().filter(|path| !submodules.iter().any(|submodule| path.starts_with(submodule))) {
            if self.root.join(path).symlink_metadata().is_ok() {
                index.add_path(path).map_err(wrong)?;
            } else if index.get_path(path, 0).is_some() {
                index.remove_path(path).map_err(wrong)?;
            }
        }
        index.write().map_err(wrong)
    }

    fn repository(&self) -> MutexGuard<'_, Repository> {
        // libgit2 keeps its own state whole when a caller panics.
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A path relative to the work tree; none if it lies outside. A `/` at the end is kept.
    pub(super) fn inside(&self, path: &Path) -> Option<PathBuf> {
        let (written, real) = &self.start;
        let text = path.to_str()?;
        let place = path.strip_prefix(written).map_or_else(|_| path.to_path_buf(), |below| real.join(below));
        let inside = place.strip_prefix(&self.root).ok()?;
        Some(if text.ends_with('/') { inside.join("") } else { inside.to_path_buf() })
    }
}

fn failure(attempt: &'static str, path: &Path) -> impl Fn(&git2::Error) -> Error {
    move |error| Error::Git { attempt, path: path.to_path_buf(), message: error.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn repository() -> (tempfile::TempDir, Git) {
        let dir = tempfile::tempdir().unwrap();
        Repository::init(dir.path()).unwrap();
        let git = Git::open(dir.path()).unwrap();
        (dir, git)
    }

    #[test]
    fn ignored_and_tracked() {
        let (dir, git) = repository();
        let at = |name: &str| dir.path().join(name);
        fs::write(at(".gitignore"), "*.log\nd/\n/e\n").unwrap();
        fs::create_dir(at("d")).unwrap();
        fs::create_dir(at("t")).unwrap();
        fs::write(at("t/x"), "x").unwrap();
        for (path, want) in [("a.log", true), ("d", true), ("d/x", true), ("f/", false), ("e", true), ("t", false), ("e/x.dvc", true)] {
            assert_eq!(git.is_ignored(&at(path)).unwrap(), want, "{path}");
        }
        assert!(!git.is_ignored(Path::new("/elsewhere/a.log")).unwrap());
        assert!(!git.is_tracked(&at("t")).unwrap());
        git.add(&[at("t/x"), at("a.log"), at("gone")]).unwrap();
        assert!(git.is_tracked(&at("t")).unwrap());
        assert!(git.is_tracked(&at("t/x")).unwrap());
        assert!(!git.is_tracked(&at("a.log")).unwrap());
        fs::remove_file(at("t/x")).unwrap();
        git.add(&[at("t/x")]).unwrap();
        assert!(!git.is_tracked(&at("t")).unwrap());
    }

    #[test]
    fn sees_what_others_change() {
        let (dir, git) = repository();
        assert!(!git.is_ignored(&dir.path().join("o")).unwrap());
        fs::write(dir.path().join(".gitignore"), "/o\n").unwrap();
        assert!(git.is_ignored(&dir.path().join("o")).unwrap());
        fs::write(dir.path().join("x"), "x").unwrap();
        Git::open(dir.path()).unwrap().add(&[dir.path().join("x")]).unwrap();
        assert!(git.is_tracked(&dir.path().join("x")).unwrap());
    }

    #[test]
    fn a_repository_below_the_git_root() {
        let (dir, _) = repository();
        let sub = dir.path().join("sub");
        fs::create_dir(&sub).unwrap();
        fs::write(dir.path().join(".gitignore"), "/sub/o\n").unwrap();
        let git = Git::open(&sub).unwrap();
        assert!(git.is_ignored(&sub.join("o")).unwrap());
        assert!(!git.is_ignored(&sub.join("p")).unwrap());
    }

    #[test]
    fn refusals_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = Git::open(dir.path()).unwrap_err();
        assert_eq!(error.to_string(), format!("{} is not a git repository", dir.path().display()));
        let (dir, _) = repository();
        fs::write(dir.path().join(".git/config"), "[core]\nrepositoryformatversion = 1\n[extensions]\nrefstorage = reftable\n").unwrap();
        let error = Git::open(dir.path()).unwrap_err();
        assert!(matches!(&error, Error::Git { message, .. } if message.contains("refstorage")), "{error}");
    }
}
