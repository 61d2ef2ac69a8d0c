//! What stands in the work tree since a checkout or a run of DVC, and belongs to no stage any more.
//!
//! DVC removes it if it was not changed since (dvc: `repo/checkout.py` `_remove_unused_links`). Here it
//! must also be in the cache, as all that is removed; so a file that `.dvcignore` hides keeps its directory, while
//! DVC removes it unseen.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::super::error::Error;
use super::super::hasher::{HashedFile, Hasher};
use super::super::link;
use super::super::os::Stamp;
use super::super::state::links::{Placed, time_of_dir, time_of_file};
use super::super::workspace::Workspace;
use crate::model::{Algo, Digest, RepoPath};

impl Workspace {
    /// Those of the paths that were placed which no output is at, and which are as they were placed.
    pub fn unused<'a>(&self, placed: &[(String, Placed)], used: impl Iterator<Item = &'a RepoPath>) -> Vec<RepoPath> {
        if placed.is_empty() {
            return Vec::new();
        }
        let used: HashSet<&RepoPath> = used.collect();
        let paths = placed.iter().map(|(path, placed)| (RepoPath::new(path), placed)).filter(|(path, _)| !path.is_root());
        let unused = paths.filter(|(path, placed)| !used.contains(path) && self.placed(path).as_ref() == Some(placed));
        unused.map(|(path, _)| path).collect()
    }

    /// The state of what stands at a path, as DVC notes it; none if nothing does.
    pub fn placed(&self, path: &RepoPath) -> Option<Placed> {
        let place = self.place(path);
        let inode = fs::symlink_metadata(&place).ok()?.ino();
        let meta = fs::metadata(&place).ok()?;
        if !meta.is_dir() {
            return Some(Placed { inode, time: time_of_file(Stamp::of(&meta).mtime) });
        }
        let mut files = Vec::new();
        for entry in self.below(path).ok()?.into_iter().filter(|entry| !entry.is_dir) {
            let file = place.join(&entry.name);
            if let Ok(meta) = fs::metadata(&file) {
                files.push((file.to_str()?.to_owned(), Stamp::of(&meta).mtime));
            }
        }
        Some(Placed { inode, time: time_of_dir(files) })
    }

    /// What stands at and below a path, whether or not DVC counts it. What a link leads to is not there.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn standing(&self, hasher: &Hasher, path: &RepoPath) -> Result<Standing, Error> {
        let mut standing = Standing::default();
        let mut files = Vec::new();
        let mut open = vec![self.place(path)];
        while let Some(place) = open.pop() {
            let Some(meta) = there(fs::symlink_metadata(&place), &place)? else { continue };
            if meta.is_dir() {
                let entries = there(fs::read_dir(&place).and_then(Iterator::collect::<Result<Vec<_>, _>>), &place)?;
                open.extend(entries.iter().flatten().map(fs::DirEntry::path));
                standing.dirs.push(place);
            } else if meta.is_file() {
                files.push(place);
            } else {
                if !meta.is_symlink() {
                    standing.only_here.push(place.clone());
                }
                standing.others.push(place);
            }
        }
        let files = hasher.files(files, &Algo::Md5)?;
        let lacking = self.lacking(&files, &Algo::Md5)?;
        standing.files.extend(files.into_iter().map(|file| (file.path, file.stamp)));
        // It may have been placed for an entry of DVC 2.
        let old = hasher.files(lacking, &Algo::Md5Dos2Unix)?;
        standing.only_here.extend(self.lacking(&old, &Algo::Md5Dos2Unix)?);
        Ok(standing)
    }

    fn lacking(&self, files: &[HashedFile], algo: &Algo) -> Result<Vec<PathBuf>, Error> {
        let mut lacking = Vec::new();
        for file in files {
            if !self.cache().keeps(&Digest { algo: algo.clone(), value: file.md5.clone() })? {
                lacking.push(file.path.clone());
            }
        }
        Ok(lacking)
    }
}

/// What stands at a path, and below it.
#[derive(Debug, Default)]
pub struct Standing {
    files: Vec<(PathBuf, Stamp)>,
    /// Links, and what else is no file.
    others: Vec<PathBuf>,
    /// Directories, each before those in it.
    dirs: Vec<PathBuf>,
    only_here: Vec<PathBuf>,
}

impl Standing {
    /// What is in no cache.
    pub fn only_here(&self) -> &[PathBuf] {
        &self.only_here
    }

    /// Removes it. What has come or changed since it was looked at stays, with the directories around it.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        let unchanged = self.files.into_iter().filter(|(path, stamp)| Stamp::at(path).as_ref() == Some(stamp)).map(|(path, _)| path);
        for path in unchanged.chain(self.others) {
            link::remove(&path)?;
        }
        for dir in self.dirs.iter().rev() {
            // It may hold something now.
            fs::remove_dir(dir).ok();
        }
        Ok(())
    }
}

/// What was found; nothing where it is gone by now.
fn there<T>(found: io::Result<T>, place: &Path) -> Result<Option<T>, Error> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some).map_err(Error::io("look at", place)),
    }
}
