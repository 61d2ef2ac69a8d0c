//! Writing a file so that readers see the old text or the new one, never a half.
//!
//! DVC writes dvc.lock, `.gitignore` and the like in place; a crash or a full disk then leaves
//! half a file. Here a temporary file in the same directory takes the place of the old one.
//! What DVC's way keeps is kept: the mode, and a symbolic link stays one. After a power loss, too,
//! it must be the old text or the new one: where the file system does not see to that by itself,
//! the new one is on the disk before it takes the place.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::{os, owner};

/// Writes a whole file.
///
/// # Errors
/// Whatever the system says; the old content is then still there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let target = behind_links(path);
    let mode = fs::metadata(&target).map_or_else(|_| os::file_mode(), |meta| os::mode(&meta));
    let result = put_in_place(&target, bytes, mode, true);
    let refused = matches!(&result, Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy));
    if refused && target.is_file() {
        // The directory may not be written to, or the file is a mount point of its own; the
        // file itself can still be written.
        return fs::write(&target, bytes).map_err(Error::io("write", path));
    }
    result.map_err(Error::io("write", path))
}

/// Writes a whole file that matters to living processes alone: after a power loss it may be torn.
///
/// # Errors
/// As [`write()`].
pub fn write_passing(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mode = fs::metadata(path).map_or_else(|_| os::file_mode(), |meta| os::mode(&meta));
    write_new(path, bytes, mode).map_err(Error::io("write", path))
}

/// Waits until a file that was written is on the disk, its name too.
///
/// # Errors
/// It did not get there.
pub fn settle(path: &Path) -> Result<(), Error> {
    let target = behind_links(path);
    os::sync(&target).map_err(Error::io("sync", path))?;
    target.parent().map_or(Ok(()), |dir| os::sync(dir).map_err(Error::io("sync", path)))
}

/// Writes a file with this mode, replacing what is there. After a power loss it may be torn.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    put_in_place(path, bytes, mode, false)
}

fn put_in_place(path: &Path, bytes: &[u8], mode: u32, lasting: bool) -> io::Result<()> {
    prepare(path, bytes, mode, lasting)?.replace(path)
}

/// Writes a file that shall take the place of another; with `lasting`, so that it survives a power loss.
pub(super) fn prepare(path: &Path, bytes: &[u8], mode: u32, lasting: bool) -> io::Result<Temporary> {
    let temporary = Temporary::beside(path);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(temporary.path())?;
    file.write_all(bytes)?;
    if lasting && !(path.exists() && os::replaces_whole(&file)) {
        file.sync_all()?;
    }
    drop(file);
    os::set_mode(temporary.path(), mode)?;
    Ok(temporary)
}

/// A name beside a path, for a file that shall take its place. What stands under it is removed
/// unless that happens.
#[derive(Debug)]
pub(super) struct Temporary(Option<PathBuf>);

impl Temporary {
    /// A name that is not taken, in the form of DVC's own temporary names. It tells who made the
    /// file, in case that we are killed.
    pub(super) fn beside(path: &Path) -> Self {
        Self(Some(path.with_file_name(owner::temporary_name())))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.as_deref().expect("the name is taken away by `replace` only")
    }

    /// Puts the file in the place of another.
    pub(super) fn replace(mut self, path: &Path) -> io::Result<()> {
        fs::rename(self.path(), path)?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // There may be nothing, and there is no one to tell.
            let _ = fs::remove_file(path);
        }
    }
}

/// Where a chain of symbolic links ends, even if nothing is there yet.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // As many links as the kernel follows.
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| next.clone(), |dir| dir.join(&next));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_mode_and_the_link() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let link = dir.path().join("link");
        fs::write(&file, "old").unwrap();
        os::set_mode(&file, 0o640).unwrap();
        os::symlink(Path::new("file"), &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(os::mode(&fs::metadata(&file).unwrap()), 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_new_file_has_the_mode_of_new_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        write(&file, b"x").unwrap();
        assert_eq!(os::mode(&fs::metadata(&file).unwrap()), os::file_mode());
    }

    #[test]
    fn a_failure_names_the_path_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("no-dir"), "x").unwrap();
        let error = write(&dir.path().join("no-dir/file"), b"x").unwrap_err();
        assert!(error.to_string().starts_with("[Errno 20] Not a directory"), "{error}");
        fs::create_dir(dir.path().join("taken")).unwrap();
        write(&dir.path().join("taken"), b"x").unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
