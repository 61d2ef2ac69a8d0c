//! The journal of a run, as it is written: one file that only grows, in the folder of the run.
//!
//! A run holds a lock on its journal while its process lives; so whoever finds the file can tell
//! a run that goes on from one that was killed, and nothing has to be cleaned up after a kill. A
//! journal that cannot be written ends with a word, never with the run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::format::journal::Encoder;
use crate::model::{Event, EventKind};

use super::logs;
use crate::store::os;

/// Its name in the folder of the run.
pub const FILE: &str = "events.jsonl";

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// None once it could not be written.
    file: Option<File>,
    encoder: Encoder,
    lines: Vec<u8>,
    /// When its file last changed, by its own stamp; nanoseconds since 1970 UTC.
    stamped: i128,
}

/// So often a journal to which nothing is added is stamped, nanoseconds.
const SIGN_OF_LIFE: i128 = 1_000_000_000;

impl Journal {
    /// Begins the journal of a run; `tmp` is `.dvc/tmp`.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn begin(tmp: &Path, run: &str) -> io::Result<Self> {
        let dir = logs::folder(tmp, run);
        logs::make(&dir)?;
        let path = dir.join(FILE);
        let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        // A file system without locks: the run looks as if it had been killed until it has ended.
        os::try_lock(&file).ok();
        Ok(Self { path, file: Some(file), encoder: Encoder::default(), lines: Vec::new(), stamped: 0 })
    }

    /// Takes down an event. The failure to do so is told once.
    pub fn note(&mut self, event: &Event) -> Option<String> {
        if matches!(event.kind, EventKind::Tick | EventKind::RunFinished { .. }) {
            self.encoder.flush(&mut self.lines);
        }
        self.encoder.put(event, &mut self.lines);
        if self.lines.is_empty() {
            self.stamp(event.at);
            return None;
        }
        self.stamped = event.at;
        let written = self.file.as_mut().map(|file| file.write_all(&self.lines));
        self.lines.clear();
        let error = written?.err()?;
        self.file = None;
        Some(format!("the journal of this run ends here, '{}' cannot be written: {error}", self.path.display()))
    }
}

impl Journal {
    /// Lets the time of change of the file say that the run still went on then: of one that is killed later nothing else tells.
    fn stamp(&mut self, at: i128) {
        if at - self.stamped < SIGN_OF_LIFE {
            return;
        }
        self.stamped = at;
        if let (Some(file), Ok(since)) = (&self.file, u64::try_from(at)) {
            // A file system that refuses costs the time of a killed run, and nothing else.
            let _ = file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(since));
        }
    }
}

/// When a journal last changed, or its run showed that it lived: nanoseconds since 1970 UTC.
pub fn last_sign(path: &Path) -> Option<i128> {
    let since = fs::metadata(path).ok()?.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i128::try_from(since.as_nanos()).ok()
}

/// Whether the process that writes this journal lives.
pub fn is_written(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(os::try_lock_shared(&file), Ok(false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::journal::parse;
    use crate::model::Level;

    #[test]
    fn a_journal_is_written_while_it_is_open_and_says_what_it_was_told() {
        let tmp = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(tmp.path(), "r1").unwrap();
        let path = logs::folder(tmp.path(), "r1").join(FILE);
        let event =
            Event { at: 7, elapsed: Duration::from_secs(1), kind: EventKind::Notice { level: Level::Warning, text: "x".to_owned() } };
        assert_eq!(journal.note(&event), None);
        assert!(is_written(&path));
        let tick = |at: i128| Event { at, elapsed: Duration::from_secs(9), kind: EventKind::Tick };
        assert_eq!(journal.note(&tick(50 * SIGN_OF_LIFE)), None);
        assert_eq!(journal.note(&tick(51 * SIGN_OF_LIFE - 1)), None);
        assert_eq!(last_sign(&path), Some(50 * SIGN_OF_LIFE));
        drop(journal);
        assert!(!is_written(&path) && !is_written(&tmp.path().join("nothing")));
        assert_eq!(parse(&std::fs::read(&path).unwrap()).events, [event]);
        assert!(Journal::begin(tmp.path(), "r1").is_err());
    }
}
