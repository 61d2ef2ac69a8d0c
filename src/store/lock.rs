//! `.dvc/tmp/lock`: one process at a time, as DVC takes it (dvc: `lock.py`, zc.lockfile).
//!
//! An exclusive `flock` on the file, which then holds our pid, or a hard link where the
//! configuration wants that. Several threads of this process
//! share one hold; it is given back when the last of them is through. Unlike DVC, which gives up
//! after three seconds, we wait, and say for whom.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::Error;
use super::{hardlink, os};

/// How often the lock is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// Called while waiting, with who holds the lock and for how long we have waited. Says whether
/// to go on waiting.
pub type OnWait<'a> = dyn FnMut(&str, Duration) -> bool + 'a;

/// What a lock is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `flock` on a file that stays.
    Flock,
    /// A hard link, which is there while the lock is held (`core.hardlink_lock`).
    Hardlink,
}

/// The lock of a repository, or of another file that DVC locks in the same way.
#[derive(Debug)]
pub struct RepoLock {
    path: PathBuf,
    kind: Kind,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    hold: Option<Hold>,
    times: usize,
}

/// What has to be dropped to give the lock back.
#[derive(Debug)]
#[expect(dead_code, reason = "held for their end only")]
enum Hold {
    File(File),
    Link(hardlink::Link),
}

/// Holds the lock until dropped.
#[derive(Debug)]
pub struct Guard<'a> {
    lock: &'a RepoLock,
}

impl RepoLock {
    /// The lock in this file; nothing is locked yet.
    pub fn new(path: PathBuf, kind: Kind) -> Self {
        Self { path, kind, held: Mutex::default() }
    }

    fn try_once(&self) -> io::Result<Option<Hold>> {
        match self.kind {
            Kind::Flock => Ok(try_lock(&self.path)?.map(Hold::File)),
            Kind::Hardlink => Ok(hardlink::try_lock(&self.path)?.map(Hold::Link)),
        }
    }

    fn holder(&self) -> String {
        match self.kind {
            Kind::Flock => holder(&self.path),
            Kind::Hardlink => hardlink::holder(&self.path),
        }
    }

    /// Takes the lock, and waits for it if need be: without limit, or for `patience`.
    ///
    /// # Errors
    /// The wait took too long or was given up, or the file cannot be locked.
    pub fn acquire(&self, patience: Option<Duration>, on_wait: &mut OnWait<'_>) -> Result<Guard<'_>, Error> {
        let began = Instant::now();
        loop {
            {
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                if held.times == 0 {
                    held.hold = self.try_once().map_err(Error::io("lock", &self.path))?;
                }
                if held.hold.is_some() {
                    held.times += 1;
                    return Ok(Guard { lock: self });
                }
            }
            let since = began.elapsed();
            if patience.is_some_and(|patience| since >= patience) {
                return Err(Error::LockTimeout);
            }
            if !on_wait(&self.holder(), since) {
                return Err(Error::GivenUp);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut held = self.lock.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.times -= 1;
        if held.times == 0 {
            // Closing the file, or removing the link, gives the lock back.
            held.hold = None;
        }
    }
}

/// Tries once. None if someone else holds it.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if !os::try_lock(&file)? {
        return Ok(None);
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!(" {}\n", os::own_pid()).as_bytes())?;
    Ok(Some(file))
}

/// Who holds the lock, as far as can be known: the pid in the file, and its command.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    // Only for a message: a file that cannot be read names nobody.
    File::open(path).and_then(|mut file| file.read_to_string(&mut text)).ok();
    match text.trim().parse::<i64>() {
        Ok(pid) => os::described(pid),
        Err(_) => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_it_and_others_wait() {
        [Kind::Flock, Kind::Hardlink].into_iter().for_each(shared);
    }

    fn shared(kind: Kind) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let ours = RepoLock::new(path.clone(), kind);
        let theirs = RepoLock::new(path.clone(), kind);
        let first = ours.acquire(None, &mut |_, _| true).unwrap();
        let second = ours.acquire(None, &mut |_, _| true).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains(&os::own_pid().to_string()));
        let mut named = String::new();
        let wait = theirs.acquire(Some(Duration::from_millis(1)), &mut |holder, _| {
            holder.clone_into(&mut named);
            true
        });
        assert!(matches!(wait, Err(Error::LockTimeout)));
        assert!(named.starts_with(&format!("PID {}", os::own_pid())), "{named}");
        assert!(matches!(theirs.acquire(None, &mut |_, _| false), Err(Error::GivenUp)));
        drop(first);
        assert!(theirs.acquire(Some(Duration::ZERO), &mut |_, _| true).is_err());
        drop(second);
        assert!(theirs.acquire(Some(Duration::ZERO), &mut |_, _| true).is_ok());
    }
}
