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
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(Error::io("list", &dir)(error)),
    };
    let modified = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    // Names decide between equal times, so that the answer does not depend on the folder's order.
    // Names with a dot are files that another process is about to rename.
    let whole = |path: &PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
    let newest = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(whole).max_by_key(|path| (modified(path), path.clone()));
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
    cache.join("runs").join(key.get(..2).unwrap_or(key)).join(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_newest_entry_counts_and_none_is_written_twice() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        assert_eq!(newest(&cache, "k1ey").unwrap(), None);
        save(&cache, "k1ey", "b", "one", false).unwrap();
        let path = cache.join("runs/k1/k1ey/b");
        let file = fs::File::options().write(true).open(&path).unwrap();
        let old = SystemTime::now() - Duration::from_secs(60);
        file.set_modified(old).unwrap();
        save(&cache, "k1ey", "b", "other", false).unwrap();
        assert_eq!(newest(&cache, "k1ey").unwrap().unwrap(), (path.clone(), b"one".to_vec()));
        save(&cache, "k1ey", "a", "two", false).unwrap();
        fs::write(path.with_file_name(".x.tmp"), "half").unwrap();
        assert_eq!(newest(&cache, "k1ey").unwrap().unwrap(), (path.with_file_name("a"), b"two".to_vec()));
        assert_eq!(os::mode(&fs::metadata(&path).unwrap()), os::file_mode());
    }

    #[test]
    fn a_shared_cache_belongs_to_the_group() {
        let dir = tempfile::tempdir().unwrap();
        save(&dir.path().join("cache"), "k1ey", "v", "x", true).unwrap();
        let path = dir.path().join("cache/runs/k1/k1ey/v");
        assert_eq!(os::mode(&fs::metadata(&path).unwrap()), 0o664);
        assert_eq!(os::mode(&fs::metadata(path.parent().unwrap()).unwrap()), 0o2775);
    }

    #[test]
    fn a_failure_is_a_value() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        fs::write(&cache, "in the way").unwrap();
        assert!(save(&cache, "k1ey", "v", "x", false).is_err());
        assert_eq!(newest(&cache, "k1ey").unwrap(), None);
    }
}
