//! Keeps the log of a stage within its bounds: of one that grows beyond them the head and the
//! tail stay, each half of what may be kept.
//!
//! The stage writes straight into the file, and goes on at its end whatever is done to the
//! middle. So while it runs the middle is given back to the file system as a hole; the file only
//! looks long. The loop of the run looks at all logs each tick; a thread for each would only do
//! the same. After its end the file is written anew without the hole. Where the file system
//! knows no holes only the latter is done.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::job::hold;
use crate::store::os;

/// While a stage runs at least so much is kept: who reads the log as it grows is never further behind.
const LEAST: u64 = 8 << 20;

/// An open log that stays within its bounds.
#[derive(Debug)]
pub struct Bounded {
    file: File,
    path: PathBuf,
    most: u64,
    /// Whether it goes with the stage.
    fleeting: bool,
    /// Up to where it was given back, or why that cannot be done.
    given_back: Mutex<io::Result<u64>>,
}

impl Bounded {
    /// Begins to look after a log, which keeps at most this many bytes.
    pub fn new(file: File, path: PathBuf, most: u64) -> Self {
        Self { file, path, most, fleeting: false, given_back: Mutex::new(Ok(most.max(LEAST) / 2)) }
    }

    /// The same for one that is not kept.
    pub fn fleeting(file: File, path: PathBuf, most: u64) -> Self {
        Self { fleeting: true, ..Self::new(file, path, most) }
    }

    /// The directory in which it is kept, if it is.
    pub fn dir(&self) -> Option<&Path> {
        self.path.parent().filter(|_| !self.fleeting)
    }

    /// Where a stage writes.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives back what is too much by now. To be called again and again while a stage writes.
    pub fn look(&self) {
        let most = self.most.max(LEAST);
        let mut given_back = hold(&self.given_back);
        let Ok(from) = &mut *given_back else { return };
        let mut give_back = || -> io::Result<()> {
            let to = self.file.metadata()?.len().saturating_sub(most - most / 2);
            if to > *from {
                os::punch_hole(&self.file, *from, to - *from)?;
                *from = to;
            }
            Ok(())
        };
        if let Err(error) = give_back() {
            *given_back = Err(error);
        }
    }

    /// To be called when nobody writes any more: cuts the log if it is too long.
    ///
    /// # Errors
    /// Something could not be done. What the log holds can be read all the same.
    pub fn close(&self) -> io::Result<()> {
        if self.fleeting {
            return Ok(());
        }
        cut(&self.path, self.most)?;
        std::mem::replace(&mut *hold(&self.given_back), Ok(u64::MAX)).map(drop)
    }
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
        log.file().write_all("-".repeat(1000).as_bytes()).unwrap();
        log.file().write_all(b"xyz\n").unwrap();
        log.look();
        log.close().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "abc-\n... 999 bytes left out (log_max) ...\nxyz\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn while_it_grows_its_middle_is_given_back() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0001.log");
        fs::write(&path, "").unwrap();
        let log = Bounded::new(File::options().append(true).open(&path).unwrap(), path.clone(), 8);
        for _ in 0..(3 * LEAST) >> 20 {
            log.file().write_all(&[b'-'; 1 << 20]).unwrap();
            log.look();
        }
        // Where the file system knows no holes, that is told.
        let taken = fs::metadata(&path).unwrap().blocks() * 512;
        assert!(log.close().is_err() || taken < 2 * LEAST, "{taken}");
    }
}
