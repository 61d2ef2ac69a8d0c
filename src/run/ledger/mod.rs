//! The one writer of dvc.lock and of .gitignore lines.
//!
//! Stages end in any order, but the files must read as after a serial `dvc repro`: a new entry
//! or line stands where the plan's order puts it among those that this run added; what was there
//! before keeps its place and its text. A result is safe in the backlog (`store::backlog`) before
//! a dependent starts. dvc.lock is written when that is due: so seldom that it takes a small part of
//! the time, so often that a small one is never behind. It is read anew whenever someone else wrote
//! it.

mod left;
mod lines;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::format::lockfile::{Lock, Place};
use crate::model::event::Saying;
use crate::model::{Fault, Record, RepoPath, Stage};
use crate::store::backlog::{Backlog, Item};
use crate::store::os::Stamp;
use crate::store::span::span;
use crate::store::workspace::Workspace;
use crate::store::{atomic, gitignore};
use crate::{format::Files, store};

pub use left::write_left;
use lines::Lines;

/// Writing may take one part in so many of the time.
const SHARE: u32 = 20;
/// How long it is not tried again after a failure, but for a stage or the end of the run.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes what stages made.
#[derive(Debug)]
pub struct Ledger<'a> {
    workspace: Arc<Workspace>,
    locks: HashMap<RepoPath, Open>,
    lines: Lines<'a>,
    backlog: Backlog,
    /// Whether a dvc.lock is behind.
    is_behind: bool,
    /// When it may be written again.
    next: Instant,
    /// Whether no stage will be recorded any more.
    closed: bool,
    /// Files that git should know of.
    changed: BTreeSet<RepoPath>,
}

/// A dvc.lock as this run last wrote or read it, and what it will be.
#[derive(Debug)]
struct Open {
    lock: Lock,
    /// Size, inode and time of the file then; none if there was no file.
    stamp: Option<Stamp>,
    /// Whether what is in memory is not what the file shall be.
    is_spoilt: bool,
    /// Entries that this run added: place of the stage → name.
    added: BTreeMap<usize, String>,
    /// Entries that are not in the file yet, by the place of the stage.
    waiting: BTreeMap<usize, (String, Record)>,
}

impl Open {
    /// Puts an entry where the plan wants it. Gives the entry that it goes before.
    fn set(&mut self, place: usize, name: &str, record: &Record) -> Option<String> {
        let later = self.added.range(place + 1..).next().map(|(_, later)| later.clone());
        let new = self.lock.value(name).is_none();
        self.lock.set(name, record, later.as_deref().map_or(Place::End, Place::Before));
        if new {
            self.added.insert(place, name.to_owned());
        }
        later
    }

    /// An entry as the backlog keeps it.
    fn item(&self, path: &RepoPath, name: &str, record: &Record, before: Option<String>) -> Item {
        Item { lock: path.clone(), base: self.stamp, text: Lock::entry_text(name, record), before }
    }

    fn write(&mut self, on_disk: &Path) -> Result<(), Fault> {
        if let Err(error) = atomic::write(on_disk, &self.lock.to_bytes()) {
            // Whoever needs it next reads it anew.
            self.is_spoilt = true;
            return Err(error.into());
        }
        self.stamp = Stamp::at(on_disk);
        self.waiting.clear();
        Ok(())
    }
}

/// The state of a stage's files before another program ran it.
#[derive(Debug)]
pub struct Before {
    /// The files that it may write, as they were.
    files: Vec<(Option<Stamp>, RepoPath)>,
    /// The outputs that had a line in .gitignore.
    ignored: HashSet<RepoPath>,
    /// Whether dvc.lock had an entry of the stage.
    is_recorded: bool,
}

impl<'a> Ledger<'a> {
    /// A ledger of a run that has written nothing. It may record stages with these outputs.
    pub fn new(workspace: Arc<Workspace>, outs: Vec<&'a RepoPath>) -> Self {
        Self {
            lines: Lines::new(Arc::clone(&workspace), outs),
            backlog: Backlog::new(&workspace.tmp_dir()),
            workspace,
            locks: HashMap::new(),
            is_behind: false,
            next: Instant::now(),
            closed: false,
            changed: BTreeSet::new(),
        }
    }

    /// Files of this run that git should know of.
    pub fn changed(&self) -> &BTreeSet<RepoPath> {
        &self.changed
    }

    /// Notes that a file was written by someone else on behalf of the run.
    pub fn note_changed(&mut self, path: RepoPath) {
        self.changed.insert(path);
    }

    /// Takes down the result of a stage, so that it survives the process, and has git ignore its
    /// outputs. The repository's lock must be held. Gives what DVC says.
    ///
    /// # Errors
    /// dvc.lock cannot be read, or a .gitignore cannot be read or written. Nothing is taken down then.
    pub fn record(&mut self, place: usize, stage: &Stage, record: &Record) -> Result<Vec<Saying>, Fault> {
        let Some(name) = stage.address.name.as_deref() else { return Ok(Vec::new()) };
        let path = self.lock_of(stage)?;
        let shown = path.seen_from(self.workspace.cwd());
        self.ignore_outs(place, stage)?;
        let open = self.locks.get_mut(&path).expect("lock_of opened it");
        let mut said = Vec::new();
        if open.stamp.is_none() && open.waiting.is_empty() {
            said.push(Saying::GeneratingLock(shown.clone()));
        }
        if open.lock.differs(name, record) {
            said.push(Saying::UpdatingLock(shown));
            let before = open.set(place, name, record);
            let item = open.item(&path, name, record, before);
            open.waiting.insert(place, (name.to_owned(), record.clone()));
            self.is_behind = true;
            // A backlog that cannot be written is no loss once dvc.lock is, and that is tried next.
            if self.backlog.add(&[item]).is_err() {
                self.next = Instant::now();
            }
        }
        Ok(said)
    }

    /// After which time the files should be written; none if they are not behind.
    pub fn due(&self) -> Option<Duration> {
        self.is_behind.then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// Whether a dvc.lock is behind that is among these paths or below one of them.
    pub fn is_behind_in<'p>(&self, mut paths: impl Iterator<Item = &'p RepoPath>) -> bool {
        self.is_behind && paths.any(|path| self.locks.iter().any(|(lock, open)| !open.waiting.is_empty() && path.contains(lock)))
    }

    /// Writes all that waits. The repository's lock must be held.
    ///
    /// # Errors
    /// A file cannot be read or written; what was to be written goes on waiting.
    pub fn write(&mut self) -> Result<(), Fault> {
        if !self.is_behind {
            return Ok(());
        }
        let _span = span("lock", || "dvc.lock".to_owned());
        let began = Instant::now();
        let written = self.write_all();
        self.next = Instant::now() + if written.is_ok() { began.elapsed() * SHARE } else { PAUSE };
        written
    }

    fn write_all(&mut self) -> Result<(), Fault> {
        let waiting: Vec<RepoPath> = self.locks.iter().filter(|(_, open)| !open.waiting.is_empty()).map(|(path, _)| path.clone()).collect();
        for path in waiting {
            self.refresh(&path, &path.seen_from(self.workspace.cwd()))?;
            let on_disk = path.under(self.workspace.root());
            self.locks.get_mut(&path).map_or(Ok(()), |open| open.write(&on_disk))?;
            self.changed.insert(path);
        }
        self.is_behind = false;
        self.backlog.clear();
        Ok(())
    }

    /// Takes back what a stage had taken down: it could not be written, so the stage failed.
    pub fn take_back(&mut self, place: usize, stage: &Stage) {
        // The first failure is the one to tell.
        self.lines.take_back(place, stage).ok();
        for open in self.locks.values_mut() {
            if open.waiting.remove(&place).is_some() {
                open.is_spoilt = true;
            }
        }
        let items = |(path, open): (&RepoPath, &Open)| -> Vec<Item> {
            open.waiting.values().map(|(name, record)| open.item(path, name, record, None)).collect()
        };
        let items: Vec<Item> = self.locks.iter().flat_map(items).collect();
        self.backlog.clear();
        self.backlog.add(&items).ok();
        self.is_behind = !items.is_empty();
    }

    /// Does not try again for a while.
    pub fn put_off(&mut self) {
        self.next = Instant::now() + PAUSE;
    }

    /// Says that no stage will be recorded any more.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether that was said.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What must be known before another program runs the stage and records it. The repository's
    /// lock must be held.
    ///
    /// # Errors
    /// dvc.lock cannot be read, or what waits cannot be written.
    pub fn before_another(&mut self, stage: &Stage) -> Result<Before, Fault> {
        self.write()?;
        let mut before = Before { files: Vec::new(), ignored: HashSet::new(), is_recorded: false };
        let mut files = vec![stage.address.file.clone()];
        if let Some(name) = &stage.address.name {
            let path = self.lock_of(stage)?;
            before.is_recorded = self.locks.get(&path).is_some_and(|open| open.lock.value(name).is_some());
            files = vec![path];
        }
        for out in &stage.outs {
            if self.has_line(&out.path)? {
                before.ignored.insert(out.path.clone());
            }
            files.push(out.path.parent().unwrap_or_default().join(".gitignore"));
        }
        let root = self.workspace.root();
        before.files = files.into_iter().map(|path| (Stamp::at(&path.under(root)), path)).collect();
        Ok(before)
    }

    /// Whether the .gitignore beside an output has its line.
    fn has_line(&self, out: &RepoPath) -> Result<bool, Fault> {
        Ok(gitignore::has(&out.parent().unwrap_or_default().under(self.workspace.root()), out.file_name())?)
    }

    /// Takes over what another program recorded of the stage, and puts a new entry or line where
    /// the plan wants it. The repository's lock must be held.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn take_over(&mut self, place: usize, stage: &Stage, before: &Before) -> Result<Option<Record>, Fault> {
        let root = self.workspace.root().to_path_buf();
        let changed = before.files.iter().filter(|(old, path)| Stamp::at(&path.under(&root)) != *old);
        self.changed.extend(changed.map(|(_, path)| path.clone()));
        if let Some(git) = self.workspace.git() {
            for out in stage.outs.iter().filter(|out| !before.ignored.contains(&out.path)) {
                if self.has_line(&out.path)? {
                    gitignore::remove(git, &out.path.parent().unwrap_or_default().under(&root), out.path.file_name())?;
                }
            }
        }
        self.ignore_outs(place, stage)?;
        let Some(name) = stage.address.name.as_deref() else { return Ok(None) };
        let path = self.lock_of(stage)?;
        let open = self.locks.get_mut(&path).expect("lock_of opened it");
        let record = open.lock.record(name);
        if record.is_none() || before.is_recorded {
            return Ok(record);
        }
        if let Some((_, later)) = open.added.range(place + 1..).next() {
            open.lock.shift(name, later);
            open.write(&path.under(&root))?;
        }
        open.added.insert(place, name.to_owned());
        Ok(record)
    }

    /// Makes git ignore the outputs of a stage that the cache keeps, now. The repository's lock must
    /// be held.
    ///
    /// # Errors
    /// A `.gitignore` cannot be read or written, or lies outside of the git repository.
    pub fn ignore_outs(&mut self, place: usize, stage: &Stage) -> Result<(), Fault> {
        let files = self.lines.add(place, stage)?;
        self.changed.extend(files);
        Ok(())
    }

    /// The dvc.lock in which a stage of a dvc.yaml is recorded, read.
    fn lock_of(&mut self, stage: &Stage) -> Result<RepoPath, Fault> {
        let path = stage.recorded_in();
        self.refresh(&path, &path.seen_from(self.workspace.cwd()))?;
        Ok(path)
    }

    /// Makes sure that what we know of a dvc.lock is what stands on disk, with what waits.
    fn refresh(&mut self, path: &RepoPath, shown: &str) -> Result<(), Fault> {
        let on_disk = path.under(self.workspace.root());
        let stamp = Stamp::at(&on_disk);
        if self.locks.get(path).is_some_and(|open| open.stamp == stamp && !open.is_spoilt) {
            return Ok(());
        }
        let lock = match self.workspace.read(path).map_err(|source| store::Error::io("read", &on_disk)(source))? {
            Some(bytes) => Lock::parse(&bytes, shown).map_err(|error| error.fault())?,
            None => Lock::default(),
        };
        let (mut added, waiting) = self.locks.remove(path).map(|open| (open.added, open.waiting)).unwrap_or_default();
        added.retain(|_, name| lock.value(name).is_some());
        let mut open = Open { lock, stamp, is_spoilt: false, added, waiting: BTreeMap::new() };
        for (place, (name, record)) in &waiting {
            open.set(*place, name, record);
        }
        // The backlog was for the file as it was.
        if !waiting.is_empty() {
            self.next = Instant::now();
        }
        open.waiting = waiting;
        self.locks.insert(path.clone(), open);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
