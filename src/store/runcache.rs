//! `<cache>/runs`: entries of earlier runs, found by what a stage reads (dvc: `stage/cache.py`).
//!
//! What stands in an entry is `format::runcache`'s affair; here are its files. An entry that
//! exists is not written again, so that its time stays, since the newest one counts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::atomic;
use super::error::Error;
use super::os;

/// The newest entry for a key, with its path; none if there is none.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn newest(cache: &Path, key: &str) -> Result<Option<(PathBuf, Vec<u8>)>, Error> {
    let dir = folder(cache, key);
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("list", &dir)(error)),
    };
    let modified = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    // Names decide between equal times, so that the answer does not depend on the folder's order.
    let newest = entries.filter_map(|entry| Some(entry.ok()?.path())).max_by_key(|path| (modified(path), path.clone()));
    match newest {
        Some(path) => match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => Ok(Some((path.clone(), other.map_err(Error::io("read", &path))?))),
        },
        None => Ok(None),
    }
}

/// Keeps an entry under its key and value, unless it is there.
///
/// # Errors
/// It cannot be written.
pub fn save(cache: &Path, key: &str, value: &str, text: &str, group: bool) -> Result<(), Error> {
    let dir = folder(cache, key);
    let path = dir.join(value);
    if path.exists() {
        return Ok(());
    }
    os::make_dirs(&dir, group.then_some(0o2775)).map_err(Error::io("create", &dir))?;
    let mode = if group { 0o664 } else { os::file_mode() };
    atomic::write_new(&path, text.as_bytes(), mode).map_err(Error::io("write", &path))
}

fn folder(cache: &Path, key: &str) -> PathBuf {
    cache.join("runs").join(&key[..2]).join(key)
}
