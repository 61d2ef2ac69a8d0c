//! What can go wrong on the disk, with the path and what was tried.
//!
//! Where DVC has a sentence, it is DVC's; [`Error::fault`] gives it with DVC's class. The words
//! that DVC puts in front at the very edge (`configuration error - `, `unexpected error - `)
//! are not part of it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::os;
use crate::format::config::ConfigError;
use crate::format::ignore::IgnoreError;
use crate::format::pytext;
use crate::model::{Class, Fault};

/// A failure of this floor.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no `.dvc` here or above.
    #[error("you are not inside of a DVC repository (checked up to mount point '{}')", .top.display())]
    NotDvcRepo {
        /// Where the search ended.
        top: PathBuf,
    },
    /// The directory to start from does not exist.
    #[error("directory '{}' does not exist", .path.display())]
    NoDirectory {
        /// Which.
        path: PathBuf,
    },
    /// A configuration file is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A `.dvcignore` is refused.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    /// The system refused.
    #[error("{}", os::python_words(.source, .path))]
    Io {
        /// What was tried.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A name that is not UTF-8.
    #[error("the name of '{}' is not valid UTF-8", .path.display())]
    NotUtf8 {
        /// Where.
        path: PathBuf,
    },
    /// Neither a file nor a directory.
    #[error("'{}' is not a file or directory", .path.display())]
    NotFileOrDir {
        /// What.
        path: PathBuf,
    },
    /// A `.dvcignore` inside of a directory that DVC tracks as a whole.
    #[error(".dvcignore file should not be in collected dir path: '{}'", .dir.display())]
    IgnoreFileInside {
        /// The directory that holds it.
        dir: PathBuf,
    },
    /// A file changed between hashing and storing.
    #[error("'{}' changed while it was being saved", .path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// No kind of link works.
    #[error(
        "No possible cache link types for '{}'. See <https://dvc.org/doc/user-guide/troubleshooting#cache-types> for more information.",
        .path.display()
    )]
    NoLink {
        /// For which file.
        path: PathBuf,
    },
    /// Objects that should be restored are not in the cache.
    #[error(
        "Checkout failed for following targets:\n{}\nIs your cache up to date?\n<https://error.dvc.org/missing-files>",
        .paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n")
    )]
    Checkout {
        /// Where they should go.
        paths: Vec<PathBuf>,
    },
    /// Something that is not in the cache would be lost.
    #[error("unable to remove {} without a confirmation. Use `-f` to force.", pytext::repr(&.path.to_string_lossy()))]
    WouldLose {
        /// What.
        path: PathBuf,
    },
    /// Git is required, and there is none.
    #[error("{} is not a git repository", .path.display())]
    NotGit {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The git repository cannot be read.
    #[error("cannot {attempt} the git repository '{}': {message}", .path.display())]
    Git {
        /// What was tried.
        attempt: &'static str,
        /// Where the repository is.
        path: PathBuf,
        /// What the library or program said.
        message: String,
    },
    /// There is a git repository, but no work tree.
    #[error("the git repository at '{}' has no work tree here: it is bare, or this is git's own folder", .path.display())]
    NoWorkTree {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The environment and the directory belong to different repositories.
    #[error(
        "the hooks of this directory belong into '{}', but by the variables GIT_DIR and the like they would go to '{}'",
        .here.display(),
        .set.display()
    )]
    TwoHooksFolders {
        /// By the directory.
        here: PathBuf,
        /// By the environment.
        set: PathBuf,
    },
    /// A `.gitignore` would lie outside of the git repository.
    #[error("'{}' is outside of git repository '{}'", .path.display(), .root.display())]
    OutsideGit {
        /// What should be ignored.
        path: PathBuf,
        /// The root of the git repository.
        root: PathBuf,
    },
    /// Git tracks what DVC should store.
    #[error(
        " output '{0}' is already tracked by SCM (e.g. Git).\n    You can remove it from Git, then add to DVC.\n        To stop tracking from Git:\n            git rm -r --cached '{0}'\n            git commit -m \"stop tracking {0}\" "
    )]
    AlreadyTracked(
        /// The output as the user sees it.
        String,
    ),
    /// Someone else held the lock for too long.
    #[error(
        "Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly. Check the page <https://dvc.org/doc/user-guide/troubleshooting#lock-issue> for other possible reasons and to learn how to resolve this."
    )]
    LockTimeout,
    /// Someone else kept the list of paths in use to itself for too long.
    #[error("'{}' is held by {holder}, which should last for moments only. Has it been stopped?", .path.display())]
    GuardTimeout {
        /// The file that is locked.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// Others use a path, and have for too long.
    #[error("{0}")]
    Busy(
        /// Which, and who.
        Box<super::rwlock::Busy>,
    ),
    /// A wait was given up because the run was stopped.
    #[error("not run, since the run was stopped")]
    GivenUp,
    /// The threads that hash could not be started.
    #[error("cannot start the hashing threads: {0}")]
    Threads(
        /// What the system said.
        String,
    ),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        error.fault()
    }
}

impl Error {
    /// For `map_err`: a failed attempt on a path.
    pub(crate) fn io(attempt: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { attempt, path: path.as_ref().to_path_buf(), source }
    }

    /// Whether a file or directory was not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// As a value that travels.
    pub fn fault(&self) -> Fault {
        let class = match self {
            Self::NotDvcRepo { .. } | Self::NoDirectory { .. } => Class::NotDvcRepoError,
            Self::Config(_) => Class::ConfigError,
            Self::Ignore(_) | Self::NotUtf8 { .. } | Self::Threads(_) => Class::Unexpected,
            Self::Io { .. } if self.is_missing() => Class::FileNotFoundError,
            Self::Io { .. } => Class::IOError,
            Self::NotFileOrDir { .. } | Self::IgnoreFileInside { .. } | Self::Changed { .. } | Self::WouldLose { .. } => {
                Class::DvcException
            }
            Self::NoLink { .. } => Class::CacheLinkError,
            Self::Checkout { .. } => Class::CheckoutError,
            Self::NotGit { .. } | Self::NoWorkTree { .. } | Self::TwoHooksFolders { .. } | Self::OutsideGit { .. } => Class::SCMError,
            Self::Git { .. } => Class::GitError,
            Self::AlreadyTracked(_) => Class::OutputAlreadyTrackedError,
            Self::LockTimeout | Self::GuardTimeout { .. } | Self::Busy(_) => Class::LockError,
            Self::GivenUp => Class::Interrupted,
        };
        let fault = Fault::new(class, self.to_string());
        match self {
            Self::Io { attempt, path, .. } => fault.with("attempt", *attempt).with("path", path.to_string_lossy()),
            _ => fault,
        }
    }
}
