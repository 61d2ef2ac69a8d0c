//! The thread that writes rows: it gathers them, makes sure of the doubtful ones, and writes many
//! at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::md5;
use super::super::os::{self, RACY, Stamp};
use super::db::Database;
use super::links::{LinkDb, Placed};
use super::{Note, Remarks, Trust, row};

/// How long rows are gathered.
const GATHER: Duration = Duration::from_secs(1);
/// How many are gathered.
const MANY: usize = 4096;
/// Up to this size a young file is read again before its row is written. What was placed and is
/// larger is believed, as in DVC: one tick is short for all that happens to such a file.
const READ_AGAIN: u64 = 1 << 20;

/// Sorted by path: then rows that are read together lie together.
type Notes = BTreeMap<OsString, Note>;

/// What is to be written.
#[derive(Debug)]
pub enum News {
    /// The hash of a file.
    Hash(PathBuf, Note),
    /// The state in which an output was placed, which is certain.
    Link(String, Placed),
}

/// The thread; when this is dropped, all is written.
#[derive(Debug)]
pub struct Writer {
    sender: Option<mpsc::Sender<News>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts it; hashes go to this file, what was placed to the database of links.
    pub fn start(file: PathBuf, links: LinkDb, remarks: Remarks) -> Self {
        let (sender, receiver) = mpsc::channel();
        let at_work = remarks.clone();
        let place = file.clone();
        let work = move || {
            Work { file: place, database: None, gone: false, links: Some(links), placed: Vec::new(), remarks: at_work }.run(&receiver)
        };
        let thread = std::thread::Builder::new().name("state".to_owned()).spawn(work);
        let thread = thread.map_err(|error| remarks.add(&file, error)).ok();
        Self { sender: Some(sender), thread }
    }

    /// Hands a row over.
    pub fn send(&self, news: News) {
        if let Some(sender) = &self.sender {
            // Nobody listens where no thread could be started: that was told.
            let _ = sender.send(news);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has cost rows, no more.
            let _ = thread.join();
        }
    }
}

struct Work {
    file: PathBuf,
    database: Option<Database>,
    /// Whether it has failed before.
    gone: bool,
    /// None if it has failed before.
    links: Option<LinkDb>,
    placed: Vec<(String, Placed)>,
    remarks: Remarks,
}

impl Work {
    fn run(mut self, receiver: &mpsc::Receiver<News>) {
        let mut notes = Notes::new();
        let mut since: Option<Instant> = None;
        loop {
            let wait = since.map_or(Duration::MAX, |since| GATHER.saturating_sub(since.elapsed()));
            let end = match receiver.recv_timeout(wait) {
                Ok(news) => {
                    match news {
                        News::Hash(path, note) => drop(notes.insert(path.into_os_string(), note)),
                        News::Link(path, placed) => self.placed.push((path, placed)),
                    }
                    since.get_or_insert_with(Instant::now);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            let age = since.map_or(Duration::ZERO, |since| since.elapsed());
            if end || age >= GATHER || notes.len() >= MANY && age >= RACY {
                self.write(&mut notes, end);
                self.write_links();
                since = (!notes.is_empty()).then(Instant::now);
            }
            if end {
                return;
            }
        }
    }

    /// Writes all rows that are certain; at the end it waits until they are.
    fn write(&mut self, notes: &mut Notes, end: bool) {
        if end && let Some(youngest) = notes.values().filter(|note| note.trust != Trust::Settled).map(|note| os::age(note.noted)).min() {
            std::thread::sleep(RACY.saturating_sub(youngest));
        }
        let young = |note: &Note| !end && note.trust != Trust::Settled && os::age(note.noted) < RACY;
        let (later, now): (Notes, Notes) = std::mem::take(notes).into_iter().partition(|(_, note)| young(note));
        *notes = later;
        let rows: Vec<(&str, String)> = now
            .iter()
            .filter(|(path, note)| certain(Path::new(path), note))
            .filter_map(|(path, note)| Some((row::key(Path::new(path))?, row::value(note.stamp, &note.algo, &note.md5))))
            .collect();
        if rows.is_empty() || self.gone {
            return;
        }
        if let Err(error) = self.store(rows) {
            self.remarks.add(&self.file, error);
            self.gone = true;
        }
    }

    fn write_links(&mut self) {
        let placed = std::mem::take(&mut self.placed);
        if let Some(Err(remark)) = self.links.as_ref().map(|links| links.change(&placed, &[])) {
            self.remarks.say(remark);
            self.links = None;
        }
    }

    fn store(&mut self, rows: Vec<(&str, String)>) -> Result<(), super::db::DbError> {
        if self.database.is_none() {
            self.database = Some(Database::open(&self.file)?);
        }
        self.database.as_mut().map_or(Ok(()), |database| database.write(rows.into_iter()))
    }
}

/// Whether the hash belongs to the state that the row names.
fn certain(path: &Path, note: &Note) -> bool {
    if note.trust == Trust::Settled {
        return true;
    }
    let unchanged = || fs::metadata(path).is_ok_and(|meta| Stamp::of(&meta) == note.stamp);
    if !unchanged() {
        return false;
    }
    if note.trust == Trust::Placed && note.stamp.size > READ_AGAIN {
        return true;
    }
    md5::of_file(path, &note.algo).is_ok_and(|md5| md5 == note.md5) && unchanged()
}
