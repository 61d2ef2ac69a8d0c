//! A lock as a second name of a file, for file systems without working `flock`
//! (`core.hardlink_lock`; dvc: `lock.py` `HardlinkLock`, flufl.lock).
//!
//! Who wants the lock makes a claim file, which holds its own path, and links it to the name of
//! the lock: that works for one at a time, also over NFS. The time of the file says until when
//! it holds; as with DVC that is a year, so that nobody breaks it, not even after a kill. Unlike
//! `flock` it has to be removed by hand then.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::os;

/// How long DVC's own locks of this kind are valid.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The lock while it is held; given back when dropped.
#[derive(Debug)]
pub(super) struct Link {
    claim: PathBuf,
    lock: PathBuf,
}

/// Tries once. None if someone else holds it.
pub(super) fn try_lock(lock: &Path) -> io::Result<Option<Link>> {
    let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(22).collect();
    let claim = lock.with_file_name(format!("{}-{name}.lock", os::own_pid()));
    let mut file = File::create_new(&claim)?;
    let link = Link { claim, lock: lock.to_path_buf() };
    file.write_all(link.claim.as_os_str().as_encoded_bytes())?;
    let until = SystemTime::now() + LIFETIME;
    file.set_times(FileTimes::new().set_accessed(until).set_modified(until))?;
    drop(file);
    match fs::hard_link(&link.claim, lock) {
        Ok(()) => Ok(Some(link)),
        // Over NFS a link may be made though the answer was lost.
        Err(_) if fs::metadata(&link.claim).is_ok_and(|meta| os::links(&meta) == 2) => Ok(Some(link)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who holds the lock, as far as can be known.
pub(super) fn holder(lock: &Path) -> String {
    let claim = fs::read_to_string(lock).unwrap_or_default();
    match fs::metadata(lock) {
        Ok(meta) if os::links(&meta) != 2 => format!("nobody: '{}' is no hard link; remove it if no process uses it", lock.display()),
        _ => match Path::new(&claim).file_stem().and_then(|stem| stem.to_str()?.split_once('-')?.0.parse().ok()) {
            Some(pid) => os::described(pid),
            None => format!("another process (its claim is '{claim}')"),
        },
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let is_ours = fs::read(&self.lock).is_ok_and(|text| text == self.claim.as_os_str().as_encoded_bytes());
        if is_ours {
            // There is nobody to tell; whoever waits will say that it does.
            fs::remove_file(&self.lock).ok();
        }
        fs::remove_file(&self.claim).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("lock");
        let names = || fs::read_dir(dir.path()).unwrap().count();
        let held = try_lock(&lock).unwrap().unwrap();
        assert!(holder(&lock).starts_with(&format!("PID {} (", os::own_pid())));
        assert!(fs::metadata(&lock).unwrap().modified().unwrap() > SystemTime::now() + LIFETIME / 2);
        assert!(try_lock(&lock).unwrap().is_none());
        assert_eq!(names(), 2);
        drop(held);
        assert_eq!(names(), 0);
        drop(try_lock(&lock).unwrap().unwrap());
        fs::write(&lock, " 1\n").unwrap();
        assert!(try_lock(&lock).unwrap().is_none());
        assert!(holder(&lock).starts_with("nobody"));
        assert_eq!(names(), 1);
    }
}
