//! The object of a large output, copied while its hash is made.
//!
//! To hash a file takes one thread all the time that a copy takes another, and what was just
//! written is read from memory by both. The name of the object is known only at the end, so the
//! copy waits under a temporary one. No copy is begun where it would most likely be for nothing:
//! where work files become objects by hard links, and where the content that was recorded last is
//! in the cache and has the same size.

use std::fs;
use std::path::Path;

use super::atomic::Temporary;
use super::cache::Cache;
use super::error::Error;
use super::hasher::{HashedFile, Hasher, WORTH_WAITING};
use super::link::LinkType;
use super::os::Stamp;
use super::tree::Hashed;
use super::workspace::Workspace;
use crate::model::{Algo, Digest, RepoPath};

/// A copy in the cache that has no name yet. It is removed unless it gets one.
#[derive(Debug)]
pub struct Copied {
    temporary: Temporary,
    /// The work file when the copy began.
    stamp: Stamp,
}

impl Copied {
    /// The copy, if it is one of what was hashed.
    pub(super) fn of(self, file: &HashedFile) -> Option<Temporary> {
        (self.stamp == file.stamp).then_some(self.temporary)
    }
}

impl Workspace {
    /// Hashes an output as [`Workspace::hash`] does, and copies it meanwhile if it is a large file.
    /// `recorded` is its last content.
    ///
    /// # Errors
    /// As [`Workspace::hash`]. That it could not be copied is none: it is tried again by who needs it.
    pub fn hash_copying(
        &self,
        hasher: &Hasher,
        path: &RepoPath,
        recorded: Option<&Digest>,
    ) -> Result<Option<(Hashed, Option<Copied>)>, Error> {
        let place = self.place(path);
        if !self.is_worth_copying(&place, recorded) || !hasher.must_read(&place, &Algo::Md5)? {
            return Ok(self.hash(hasher, path, &Algo::Md5)?.map(|hashed| (hashed, None)));
        }
        std::thread::scope(|scope| {
            let copy = scope.spawn(|| self.cache().copy_ahead(&place));
            let hashed = self.hash(hasher, path, &Algo::Md5)?;
            let copied = copy.join().ok().flatten();
            Ok(hashed.map(|hashed| (hashed, copied)))
        })
    }

    fn is_worth_copying(&self, place: &Path, recorded: Option<&Digest>) -> bool {
        let Ok(meta) = fs::symlink_metadata(place) else { return false };
        let is_there = |digest: &Digest| fs::metadata(self.cache().path_of(digest)).is_ok_and(|object| object.len() == meta.len());
        meta.is_file()
            && meta.len() >= WORTH_WAITING
            && self.config().cache_types.first() != Some(&LinkType::Hardlink)
            && !recorded.is_some_and(is_there)
    }
}

impl Cache {
    fn copy_ahead(&self, place: &Path) -> Option<Copied> {
        let stamp = Stamp::at(place)?;
        let temporary = Temporary::beside(&self.object_dir().join("copy"));
        self.make_parent(temporary.path()).ok()?;
        self.copy(place, temporary.path()).ok()?;
        flush_soon(temporary.path());
        Some(Copied { temporary, stamp })
    }
}

/// Has the disk begin with a file: whoever waits for it later (see `young`) need not wait for all of it.
fn flush_soon(path: &Path) {
    if let Ok(file) = fs::File::open(path) {
        let flush = move || file.sync_data().ok();
        std::thread::Builder::new().name("flush".to_owned()).spawn(flush).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::os::{self, RACY};
    use crate::store::workspace::tests::repository;

    fn write(path: &Path, byte: u8, size: u64) {
        fs::write(path, vec![byte; usize::try_from(size).unwrap()]).unwrap();
    }

    fn temporaries(workspace: &Workspace) -> usize {
        let dir = fs::read_dir(workspace.cache().object_dir());
        dir.map_or(0, |entries| entries.flatten().filter(|entry| entry.file_type().unwrap().is_file()).count())
    }

    #[test]
    fn a_large_file_is_copied_once_and_named_by_its_hash() {
        let (dir, workspace) = repository();
        let (hasher, path) = (Hasher::new(1, None).unwrap(), RepoPath::new("f"));
        write(&dir.path().join("f"), 1, WORTH_WAITING);
        let (hashed, copied) = workspace.hash_copying(&hasher, &path, None).unwrap().unwrap();
        assert_eq!(temporaries(&workspace), 1);
        let inode = copied.as_ref().map(|copied| Stamp::at(copied.temporary.path()).unwrap().ino);
        let types = &workspace.config().cache_types;
        workspace.commit_out(&hasher, &path, &hashed, copied, types).unwrap();
        workspace.cache().settle().unwrap();
        let object = workspace.cache().path_of(&hashed.digest);
        assert_eq!(Stamp::at(&object).map(|stamp| stamp.ino), inode);
        assert_eq!(fs::read(object).unwrap(), fs::read(dir.path().join("f")).unwrap());
        assert_eq!(temporaries(&workspace), 0);
    }

    #[test]
    fn a_copy_that_nobody_takes_is_removed() {
        let (dir, workspace) = repository();
        let (hasher, path, place) = (Hasher::new(1, None).unwrap(), RepoPath::new("f"), dir.path().join("f"));
        write(&place, 1, WORTH_WAITING);
        drop(workspace.hash_copying(&hasher, &path, None).unwrap());
        assert_eq!(temporaries(&workspace), 0);
        // What was copied is not what was hashed.
        std::thread::sleep(RACY);
        let copied = workspace.cache().copy_ahead(&place);
        write(&place, 2, WORTH_WAITING);
        let hashed = workspace.hash(&hasher, &path, &Algo::Md5).unwrap().unwrap();
        workspace.commit_out(&hasher, &path, &hashed, copied, &workspace.config().cache_types).unwrap();
        assert_eq!(fs::read(workspace.cache().path_of(&hashed.digest)).unwrap(), fs::read(&place).unwrap());
        assert_eq!(temporaries(&workspace), 0);
    }

    #[test]
    fn no_copy_is_begun_where_it_would_be_for_nothing() {
        let (dir, workspace) = repository();
        let (hasher, path, place) = (Hasher::new(1, None).unwrap(), RepoPath::new("f"), dir.path().join("f"));
        write(&place, 1, WORTH_WAITING - 1);
        assert!(!workspace.is_worth_copying(&place, None), "small");
        write(&place, 1, WORTH_WAITING);
        assert!(workspace.is_worth_copying(&place, None));
        let (hashed, copied) = workspace.hash_copying(&hasher, &path, None).unwrap().unwrap();
        workspace.commit_out(&hasher, &path, &hashed, copied, &workspace.config().cache_types).unwrap();
        assert!(!workspace.is_worth_copying(&place, Some(&hashed.digest)), "the same came out as before");
        assert!(workspace.is_worth_copying(&place, Some(&Digest::md5("00"))));
        std::thread::sleep(RACY);
        workspace.hash(&hasher, &path, &Algo::Md5).unwrap();
        assert!(workspace.hash_copying(&hasher, &path, None).unwrap().unwrap().1.is_none(), "its hash is known");
        os::symlink(Path::new("f"), &dir.path().join("link")).unwrap();
        assert!(!workspace.is_worth_copying(&dir.path().join("link"), None));
        assert!(workspace.hash_copying(&hasher, &RepoPath::new("none"), None).unwrap().is_none());
    }
}
