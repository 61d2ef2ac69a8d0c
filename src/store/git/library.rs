//! What libgit2 says. What it cannot do is its error; whom to ask then is not its matter.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use git2::{AttrCheckFlags, Error, ErrorClass, ErrorCode, Repository, RepositoryOpenFlags};

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

/// A repository that libgit2 has opened.
pub(super) struct Library(Mutex<Repository>);

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

impl Library {
    /// The repository that holds a directory, and its work tree; none if there is no such thing.
    pub(super) fn open(dir: &Path) -> Result<Option<(Self, PathBuf)>, Error> {
        let none: [&Path; 0] = [];
        trust_any_owner();
        let repository = match Repository::open_ext(dir, RepositoryOpenFlags::CROSS_FS, none) {
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            opened => opened?,
        };
        let root = repository.workdir().map(Path::to_path_buf);
        Ok(root.map(|root| (Self(Mutex::new(repository)), root)))
    }

    /// Whether an ignore file covers a path below the work tree, or a directory above it.
    pub(super) fn is_ignored(&self, inside: &Path) -> Result<bool, Error> {
        let repository = self.hold();
        let above: Vec<&Path> = inside.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
        for dir in above.into_iter().rev() {
            // Asked about the path alone, libgit2 lets a rule take it back from an ignored directory.
            if repository.is_path_ignored(dir.join(""))? {
                return Ok(true);
            }
        }
        repository.is_path_ignored(inside)
    }

    /// The files with ignore rules outside of the work tree.
    pub(super) fn global_ignore_files(&self) -> Vec<PathBuf> {
        let repository = self.hold();
        let user = repository.config().and_then(|config| config.get_path("core.excludesfile")).ok();
        user.into_iter().chain([repository.commondir().join("info/exclude")]).collect()
    }

    /// Whether the index holds the path or something below it.
    pub(super) fn is_tracked(&self, inside: &Path) -> Result<bool, Error> {
        let repository = self.hold();
        let mut index = repository.index()?;
        // Reads again only what has changed on disk.
        index.read(false)?;
        Ok(index.get_path(inside, 0).is_some() || index.find_prefix(inside.join("")).is_ok())
    }

    /// Adds files to the index or takes them out, but those in submodules.
    pub(super) fn add(&self, root: &Path, paths: &[PathBuf]) -> Result<(), Error> {
        let repository = self.hold();
        let submodules: Vec<PathBuf> = repository.submodules()?.iter().map(|submodule| submodule.path().to_path_buf()).collect();
        let mut index = repository.index()?;
        index.read(false)?;
        for path in paths.iter().filter(|path| !submodules.iter().any(|submodule| path.starts_with(submodule))) {
            if root.join(path).symlink_metadata().is_ok() {
                refuse_filter(&repository, path)?;
                index.add_path(path)?;
            } else if index.get_path(path, 0).is_some() {
                index.remove_path(path)?;
            }
        }
        index.write()
    }

    fn hold(&self) -> MutexGuard<'_, Repository> {
        // libgit2 keeps its own state whole when a caller panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// libgit2 would store a file as it is where attributes ask for a program's version of it.
fn refuse_filter(repository: &Repository, path: &Path) -> Result<(), Error> {
    for name in ["filter", "working-tree-encoding"] {
        if repository.get_attr_bytes(path, name, AttrCheckFlags::default())?.is_some() {
            let words = format!("'{}' has the attribute '{name}', which libgit2 does not know", path.display());
            return Err(Error::new(ErrorCode::GenericError, ErrorClass::Filter, words));
        }
    }
    Ok(())
}
