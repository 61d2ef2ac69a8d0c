//! Objects that are not yet known to be on the disk.
//!
//! After a power loss a file may have its name and not its content. An object of mode 0444 is
//! trusted by everybody, so it gets that mode only when it is on the disk, its name too; until then
//! whoever meets it, DVC too, hashes it, and a wrong one is removed and made again. To wait for the
//! disk for each object takes 5 to 10 ms and would be most of the time of short stages, so the
//! objects of a moment are gathered; stages that took longer than such a moment wait for it
//! before they are recorded. Of a kill nothing of all this is seen: the system keeps what was
//! written.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::Error;
use super::os;

/// The mode of an object until it is on the disk. With any mode but 0444 it is not trusted.
pub(super) const YOUNG_MODE: u32 = 0o644;
/// How long objects are gathered.
pub const MOMENT: Duration = Duration::from_millis(250);
/// Up to so many are written to the disk one by one, so that nobody waits for what others write.
const FEW: usize = 8;

/// Those of one cache.
#[derive(Clone, Debug)]
pub(super) struct Young {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The cache.
    dir: PathBuf,
    waiting: Mutex<Vec<PathBuf>>,
    /// Held while some are written: who has to wait for them waits here. What went wrong, until
    /// someone is told.
    writing: Mutex<Option<Error>>,
    /// Whether a thread will see to what waits.
    is_due: AtomicBool,
    /// Directories whose names are known to be on the disk.
    named: Mutex<HashSet<PathBuf>>,
}

impl Young {
    /// Those of the cache in this directory.
    pub(super) fn new(dir: &Path) -> Self {
        Self { inner: Arc::new(Inner { dir: dir.to_path_buf(), ..Inner::default() }) }
    }

    /// Takes in a new one; it is on the disk within a moment.
    pub(super) fn add(&self, object: PathBuf) {
        hold(&self.inner.waiting).push(object);
        if !self.inner.is_due.swap(true, Ordering::AcqRel) {
            let young = self.clone();
            let later = move || {
                std::thread::sleep(MOMENT);
                young.inner.is_due.store(false, Ordering::Release);
                young.write(&mut hold(&young.inner.writing));
            };
            // Without the thread there is still the end of the run.
            std::thread::Builder::new().name("disk".to_owned()).spawn(later).ok();
        }
    }

    /// Waits until all that were taken in are on the disk.
    ///
    /// # Errors
    /// One did not get there, now or since this was last asked. It is removed.
    pub(super) fn settle(&self) -> Result<(), Error> {
        let mut untold = hold(&self.inner.writing);
        self.write(&mut untold);
        untold.take().map_or(Ok(()), Err)
    }

    fn write(&self, untold: &mut Option<Error>) {
        let mut objects = std::mem::take(&mut *hold(&self.inner.waiting));
        let together = objects.len() > FEW && File::open(&self.inner.dir).is_ok_and(|dir| os::sync_all_of(&dir).is_ok());
        if !together {
            objects.retain(|object| match sync(object) {
                Ok(()) => true,
                Err(error) => {
                    // Once the system has told of a lost write it takes the file for written, and so
                    // would whoever reads it next.
                    fs::remove_file(object).ok();
                    untold.get_or_insert(error);
                    false
                }
            });
            if let Err(error) = self.sync_dirs(objects.iter().map(PathBuf::as_path)) {
                untold.get_or_insert(error);
                return;
            }
        }
        for object in &objects {
            // Whoever has changed its mode has looked at it; an executable output may be behind it now.
            // Where modes cannot be set, or the object is gone again, there is nothing to trust.
            if fs::symlink_metadata(object).is_ok_and(|meta| os::mode(&meta) == YOUNG_MODE) {
                os::set_mode(object, super::cache::OBJECT_MODE).ok();
            }
        }
    }

    /// Waits until an object is on the disk.
    ///
    /// # Errors
    /// It did not get there.
    pub(super) fn sync(&self, object: &Path) -> Result<(), Error> {
        sync(object)?;
        self.sync_dirs([object])
    }

    /// A name is on the disk when its directory is. Those above, which may be new, are waited for
    /// once: each wait takes some milliseconds, even where nothing is to be written.
    fn sync_dirs<'a>(&self, objects: impl IntoIterator<Item = &'a Path>) -> Result<(), Error> {
        let dirs: BTreeSet<&Path> = objects.into_iter().filter_map(Path::parent).collect();
        for dir in dirs {
            sync(dir)?;
            for named in dir.ancestors().take_while(|named| named.starts_with(&self.inner.dir)) {
                if hold(&self.inner.named).contains(named) {
                    break;
                }
                named.parent().map_or(Ok(()), sync)?;
                hold(&self.inner.named).insert(named.to_path_buf());
            }
        }
        Ok(())
    }
}

fn sync(path: &Path) -> Result<(), Error> {
    os::sync(path).map_err(Error::io("sync", path))
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_trusted_once_it_is_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        for count in [1, FEW + 2] {
            let young = Young::new(dir.path());
            let path = |number| dir.path().join(format!("ab/{count}-{number}"));
            let objects: Vec<PathBuf> = (0..count).map(path).collect();
            fs::create_dir_all(dir.path().join("ab")).unwrap();
            for object in &objects {
                fs::write(object, "x").unwrap();
                os::set_mode(object, YOUNG_MODE).unwrap();
                young.add(object.clone());
            }
            young.add(path(count));
            os::set_mode(&objects[0], 0o544).unwrap();
            young.settle().unwrap();
            assert_eq!(os::mode(&fs::metadata(&objects[0]).unwrap()), 0o544);
            assert!(objects.iter().skip(1).all(|object| os::mode(&fs::metadata(object).unwrap()) == 0o444));
            assert!(!path(count).exists());
        }
    }

    #[test]
    fn nobody_has_to_ask() {
        let dir = tempfile::tempdir().unwrap();
        let object = dir.path().join("x");
        fs::write(&object, "x").unwrap();
        os::set_mode(&object, YOUNG_MODE).unwrap();
        Young::new(dir.path()).add(object.clone());
        let is_trusted = || os::mode(&fs::metadata(&object).unwrap()) == 0o444;
        // Until the test is ended from outside.
        while !is_trusted() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
