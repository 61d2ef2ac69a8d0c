//! Keeps the log of a stage within its bounds: of one that grows beyond them the head and the
//! tail stay, each half of what may be kept.
//!
//! The stage writes straight into the file, and goes on at its end whatever is done to the
//! middle. So while it runs the middle is given back to the file system as a hole; the file only
//! looks long. After its end the file is written anew without the hole. Where the file system
//! knows no holes only the latter is done.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::store::os;

/// How often it is looked at the length.
const PAUSE: Duration = Duration::from_millis(100);
/// While a stage runs at least so much is kept: who reads the log as it grows is never further behind.
const LEAST: u64 = 8 << 20;

/// An open log that stays within its bounds.
#[derive(Debug)]
pub struct Bounded {
    file: File,
    path: PathBuf,
    most: u64,
    watch: Option<(Sender<()>, JoinHandle<io::Result<()>>)>,
}

impl Bounded {
    /// Begins to look after a log, which keeps at most this many bytes.
    pub fn new(file: File, path: PathBuf, most: u64) -> Self {
        let watch = watch(&file, most.max(LEAST)).ok();
        Self { file, path, most, watch }
    }

    /// To be called when nobody writes any more: cuts the log if it is too long.
    ///
    /// # Errors
    /// Something could not be done. What the log holds can be read all the same.
    pub fn close(mut self) -> io::Result<()> {
        let given_back = self.watch.take().map_or(Ok(()), |(end, watch)| {
            drop(end);
            watch.join().unwrap_or(Ok(()))
        });
        cut(&self.path, self.most)?;
        given_back
    }
}

impl Deref for Bounded {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

/// Looks at the length of a file until the other end of the channel is dropped.
fn watch(file: &File, most: u64) -> io::Result<(Sender<()>, JoinHandle<io::Result<()>>)> {
    let (ended, end) = channel::<()>();
    let file = file.try_clone()?;
    let body = move || {
        let mut from = most / 2;
        while end.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            let to = file.metadata()?.len().saturating_sub(most - most / 2);
            if to > from {
                os::punch_hole(&file, from, to - from)?;
                from = to;
            }
        }
        Ok(())
    };
    Ok((ended, std::thread::Builder::new().name("log".to_owned()).spawn(body)?))
}

/// Writes a file anew that is longer than it may be: head, a line about what is missing, tail.
fn cut(path: &Path, most: u64) -> io::Result<()> {
    let mut old = File::open(path)?;
    let length = old.metadata()?.len();
    if length <= most {
        return Ok(());
    }
    let (head, tail) = (most / 2, most - most / 2);
    let new = path.with_extension("log.tmp");
    let write = || -> io::Result<()> {
        let mut file = File::create(&new)?;
        io::copy(&mut (&mut old).take(head), &mut file)?;
        writeln!(file, "\n... {} bytes left out (log_max) ...", length - head - tail)?;
        old.seek(SeekFrom::Start(length - tail))?;
        io::copy(&mut old.take(tail), &mut file)?;
        fs::rename(&new, path)
    };
    let result = write();
    if result.is_err() {
        // What failed is told; a rest would take the space that was to be saved.
        fs::remove_file(&new).ok();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_log_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0001.log");
        fs::write(&path, "12345678").unwrap();
        Bounded::new(File::options().append(true).open(&path).unwrap(), path.clone(), 8).close().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "12345678");
    }

    #[test]
    fn of_a_long_log_head_and_tail_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0001.log");
        fs::write(&path, "abc").unwrap();
        let log = Bounded::new(File::options().append(true).open(&path).unwrap(), path.clone(), 8);
        (&*log).write_all("-".repeat(1000).as_bytes()).unwrap();
        (&*log).write_all(b"xyz\n").unwrap();
        log.close().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "abc-\n... 999 bytes left out (log_max) ...\nxyz\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
