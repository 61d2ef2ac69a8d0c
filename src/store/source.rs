//! What is asked of a place that holds the files of a repository: the work tree, or a commit.
//!
//! Whoever reads a repository (dvc.yaml, parameters, `.dvcignore`) asks a [`Source`] and does not
//! know which of the two it is, so there is one way to read both.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::format::Files;
use crate::model::RepoPath;

/// What stands at a path, symbolic links followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Something that can be read.
    File,
    /// A directory.
    Dir,
}

/// What stands in a directory under some name, symbolic links not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// Something that can be read.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
}

/// One name in a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub kind: EntryKind,
}

/// A place that holds files.
pub trait Source: Files + fmt::Debug + Send + Sync {
    /// What stands at a path; none if there is nothing, or a link that leads nowhere.
    fn kind(&self, path: &RepoPath) -> Option<Kind>;

    /// Whether there is anything at a path, be it a link that leads nowhere.
    fn has(&self, path: &RepoPath) -> bool;

    /// What a directory holds, in any order. Names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// The directory is none, or cannot be listed.
    fn list(&self, dir: &RepoPath) -> io::Result<Vec<Entry>>;

    /// The path as sentences name it.
    fn place(&self, path: &RepoPath) -> PathBuf;
}

/// The files of the work tree.
#[derive(Clone, Debug)]
pub struct WorkTree {
    root: PathBuf,
}

impl WorkTree {
    /// The work tree of the repository at `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }
}

impl Files for WorkTree {
    fn read(&self, path: &RepoPath) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.place(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Source for WorkTree {
    fn kind(&self, path: &RepoPath) -> Option<Kind> {
        fs::metadata(self.place(path)).ok().map(|meta| if meta.is_dir() { Kind::Dir } else { Kind::File })
    }

    fn has(&self, path: &RepoPath) -> bool {
        fs::symlink_metadata(self.place(path)).is_ok()
    }

    fn list(&self, dir: &RepoPath) -> io::Result<Vec<Entry>> {
        let entry = |entry: fs::DirEntry| {
            let kind = entry.file_type().ok()?;
            let kind = if kind.is_dir() {
                EntryKind::Dir
            } else if kind.is_symlink() {
                EntryKind::Link
            } else {
                EntryKind::File
            };
            Some(Entry { name: entry.file_name().into_string().ok()?, kind })
        };
        Ok(fs::read_dir(self.place(dir))?.flatten().filter_map(entry).collect())
    }

    fn place(&self, path: &RepoPath) -> PathBuf {
        path.under(&self.root)
    }
}
