//! Placing cached files in the work tree: by reflink, hard link, symbolic link or copy.
//!
//! The kinds are tried in the order of `cache.type`; one that the file system refuses is not
//! tried again. A file is made beside its place and renamed, so that its old content is there
//! until the new one is (dvc_objects: `fs/generic.py`, dvc_data: `hashfile/checkout.py`).

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use crate::format::config::LinkType;

use super::atomic::Temporary;
use super::error::Error;
use super::os;

/// Places files, and remembers which kinds of link do not work.
#[derive(Debug)]
pub struct Linker {
    types: Vec<LinkType>,
    /// How many of the types were refused.
    refused: AtomicUsize,
}

impl Linker {
    /// Tries these kinds in this order. With `no_reflink` the file system of the cache is known to
    /// refuse the first if that is a reflink.
    pub fn new(types: &[LinkType], no_reflink: bool) -> Self {
        let skipped = no_reflink && types.len() > 1 && types[0] == LinkType::Reflink;
        Self { types: types.to_vec(), refused: AtomicUsize::new(skipped.into()) }
    }

    /// Puts an object at a place, which may be taken by another file. The directory must exist.
    ///
    /// # Errors
    /// The object is missing, no kind of link works, or the system refuses.
    pub fn place(&self, object: &Path, place: &Path) -> Result<(), Error> {
        loop {
            let at = self.refused.load(Ordering::Relaxed);
            let Some(kind) = self.types.get(at) else { return Err(Error::NoLink { path: place.to_path_buf() }) };
            match make(*kind, object, place) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound && fs::metadata(object).is_err() => {
                    return Err(Error::Checkout { paths: vec![place.to_path_buf()] });
                }
                Err(error) if *kind != LinkType::Copy && os::link_refused(&error) => {
                    // Another thread may have found the same out; it counts once.
                    let _ = self.refused.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed);
                }
                Err(error) => return Err(Error::io("place", place)(error)),
            }
        }
    }

    /// Whether a file with the right content is not yet placed as it should be.
    pub fn must_relink(&self, object: &Path, place: &Path, meta: &Metadata) -> bool {
        let symlink = meta.is_symlink();
        let hardlink = !symlink && os::links(meta) > 1;
        for kind in &self.types {
            match kind {
                LinkType::Copy | LinkType::Reflink if !symlink && !hardlink => return false,
                LinkType::Hardlink if hardlink => {
                    return fs::metadata(object).map_or(true, |other| os::Stamp::of(&other) != os::Stamp::of(meta));
                }
                LinkType::Symlink if symlink => return fs::read_link(place).map_or(true, |target| target != object),
                _ => {}
            }
        }
        true
    }

    /// Whether plain copies are what it makes.
    pub fn copies(&self) -> bool {
        self.types.get(self.refused.load(Ordering::Relaxed)) == Some(&LinkType::Copy)
    }
}

fn make(kind: LinkType, object: &Path, place: &Path) -> io::Result<()> {
    let temporary = Temporary::beside(place);
    let path = temporary.path();
    match kind {
        LinkType::Reflink => {
            os::reflink(object, path)?;
            os::set_mode(path, os::file_mode())?;
        }
        LinkType::Copy => {
            fs::copy(object, path)?;
            os::set_mode(path, os::file_mode())?;
        }
        LinkType::Symlink => os::symlink(object, path)?,
        LinkType::Hardlink => {
            let meta = fs::metadata(object)?;
            if meta.len() == 0 {
                // Data sets have many empty files; all as one inode would meet the limit of links.
                fs::File::create_new(path)?;
            } else if fs::symlink_metadata(place).is_ok_and(|there| os::Stamp::of(&there) == os::Stamp::of(&meta)) {
                // Renaming one name of a file over another does nothing.
                return Ok(());
            } else {
                os::hardlink(&fs::canonicalize(object)?, path)?;
            }
        }
    }
    temporary.replace(place)
}

/// Makes a file, or all files of a directory, the user's own: links become copies, and all may
/// be written to (dvc_data: `db/local.py` `unprotect`).
///
/// # Errors
/// The system refuses.
pub fn unprotect(path: &Path, mode: u32) -> Result<(), Error> {
    let meta = fs::symlink_metadata(path).map_err(Error::io("look at", path))?;
    if meta.is_dir() || (meta.is_symlink() && path.is_dir()) {
        for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
            let entry = entry.map_err(Error::io("list", path))?;
            let kind = entry.file_type().map_err(Error::io("look at", entry.path()))?;
            let linked_dir = kind.is_symlink() && entry.path().is_dir();
            if !linked_dir {
                unprotect(&entry.path(), mode)?;
            }
        }
        return Ok(());
    }
    if meta.is_symlink() || os::links(&meta) > 1 {
        let temporary = Temporary::beside(path);
        fs::copy(path, temporary.path()).map_err(Error::io("copy", path))?;
        os::set_mode(temporary.path(), mode).map_err(Error::io("unprotect", path))?;
        return temporary.replace(path).map_err(Error::io("unprotect", path));
    }
    os::set_mode(path, mode).map_err(Error::io("unprotect", path))
}

/// Removes a file, a directory with all in it, or a symbolic link (not what it leads to).
///
/// # Errors
/// The system refuses. That nothing is there is no error.
pub fn remove(path: &Path) -> Result<(), Error> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(Error::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(dir: &Path, text: &str) -> std::path::PathBuf {
        let path = dir.join(format!("object-{text}"));
        fs::write(&path, text).unwrap();
        os::set_mode(&path, 0o444).unwrap();
        path
    }

    #[test]
    fn each_kind_makes_what_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let object = object(dir.path(), "x");
        let place = dir.path().join("work");
        let look = || fs::symlink_metadata(&place).unwrap();
        Linker::new(&[LinkType::Reflink, LinkType::Copy], false).place(&object, &place).unwrap();
        assert_eq!((os::mode(&look()), os::links(&look())), (os::file_mode(), 1));
        Linker::new(&[LinkType::Hardlink], false).place(&object, &place).unwrap();
        assert_eq!((os::mode(&look()), os::links(&look())), (0o444, 2));
        Linker::new(&[LinkType::Hardlink], false).place(&object, &place).unwrap();
        Linker::new(&[LinkType::Symlink], false).place(&object, &place).unwrap();
        assert_eq!(fs::read_link(&place).unwrap(), object);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn empty_files_are_never_hard_links() {
        let dir = tempfile::tempdir().unwrap();
        let object = object(dir.path(), "");
        let place = dir.path().join("work");
        Linker::new(&[LinkType::Hardlink], false).place(&object, &place).unwrap();
        let meta = fs::metadata(&place).unwrap();
        assert_eq!((os::mode(&meta), os::links(&meta)), (os::file_mode(), 1));
    }

    #[test]
    fn failures_are_told_and_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let error = Linker::new(&[LinkType::Copy], false).place(&missing, &dir.path().join("work")).unwrap_err();
        assert!(matches!(error, Error::Checkout { .. }), "{error}");
        let object = object(dir.path(), "x");
        fs::create_dir(dir.path().join("taken")).unwrap();
        Linker::new(&[LinkType::Copy], false).place(&object, &dir.path().join("taken")).unwrap_err();
        let error = Linker::new(&[], false).place(&object, &dir.path().join("work")).unwrap_err();
        assert!(error.to_string().starts_with("No possible cache link types for '"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn unprotecting_parts_links() {
        let dir = tempfile::tempdir().unwrap();
        let object = object(dir.path(), "x");
        let work = dir.path().join("d");
        fs::create_dir(&work).unwrap();
        os::symlink(&object, &work.join("s")).unwrap();
        os::hardlink(&object, &work.join("h")).unwrap();
        unprotect(&work, 0o644).unwrap();
        for name in ["s", "h"] {
            let meta = fs::symlink_metadata(work.join(name)).unwrap();
            assert!(meta.is_file());
            assert_eq!((os::mode(&meta), os::links(&meta)), (0o644, 1));
        }
        assert_eq!(os::mode(&fs::metadata(&object).unwrap()), 0o444);
    }

    #[test]
    fn removing_takes_the_link_only() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("f"), "x").unwrap();
        let link = dir.path().join("link");
        os::symlink(&target, &link).unwrap();
        remove(&link).unwrap();
        assert!(fs::symlink_metadata(&link).is_err());
        assert!(target.join("f").exists());
        remove(&target).unwrap();
        remove(&target).unwrap();
    }
}
