//! The one writer of dvc.lock and of .gitignore lines.
//!
//! Stages end in any order, but the files must read as after a serial `dvc repro`: a new entry
//! or line stands where the plan's order puts it among those that this run added; what was there
//! before keeps its place and its text. Each result is on disk before a dependent starts. The
//! file is read anew whenever someone else wrote it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::format::lockfile::{Lock, Place};
use crate::model::event::Saying;
use crate::model::{Fault, Record, RepoPath, Stage};
use crate::store::os::Stamp;
use crate::store::workspace::Workspace;
use crate::store::{atomic, gitignore};
use crate::{format::Files, store};

/// Writes what stages made.
#[derive(Debug)]
pub struct Ledger {
    workspace: Arc<Workspace>,
    locks: HashMap<RepoPath, Open>,
    /// Lines that this run added, by directory: (place of the stage, index of the out) → name.
    lines: BTreeMap<RepoPath, BTreeMap<(usize, usize), String>>,
    /// Files that git should know of.
    changed: BTreeSet<RepoPath>,
}

/// A dvc.lock as this run last wrote or read it.
#[derive(Debug)]
struct Open {
    lock: Lock,
    /// Size, inode and time of the file then; none if there was no file.
    stamp: Option<Stamp>,
    /// Entries that this run added: place of the stage → name.
    added: BTreeMap<usize, String>,
}

impl Open {
    fn write(&mut self, on_disk: &Path) -> Result<(), Fault> {
        if let Err(error) = atomic::write(on_disk, &self.lock.to_bytes()) {
            // What is in memory is no longer what is on disk; the next stage reads it anew.
            self.stamp = None;
            return Err(error.into());
        }
        self.stamp = stamp(on_disk);
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

impl Ledger {
    /// A ledger of a run that has written nothing.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        Self { workspace, locks: HashMap::new(), lines: BTreeMap::new(), changed: BTreeSet::new() }
    }

    /// Files of this run that git should know of.
    pub fn changed(&self) -> &BTreeSet<RepoPath> {
        &self.changed
    }

    /// Notes that a file was written by someone else on behalf of the run.
    pub fn note_changed(&mut self, path: RepoPath) {
        self.changed.insert(path);
    }

    /// Writes the entry of a stage. The repository's lock must be held. Gives what DVC says.
    ///
    /// # Errors
    /// dvc.lock cannot be read, or not be written; it is then as it was.
    pub fn record(&mut self, place: usize, stage: &Stage, record: &Record) -> Result<Vec<Saying>, Fault> {
        let Some(name) = stage.address.name.as_deref() else { return Ok(Vec::new()) };
        let path = self.lock_of(stage)?;
        let shown = path.seen_from(self.workspace.cwd());
        let on_disk = path.under(self.workspace.root());
        let open = self.locks.get_mut(&path).expect("lock_of opened it");
        let mut said = Vec::new();
        if open.stamp.is_none() {
            said.push(Saying::GeneratingLock(shown.clone()));
        }
        if !open.lock.differs(name, record) {
            return Ok(said);
        }
        said.push(Saying::UpdatingLock(shown));
        let at = match open.added.range(place + 1..).next() {
            Some((_, later)) => Place::Before(later),
            None => Place::End,
        };
        let new = open.lock.value(name).is_none();
        open.lock.set(name, record, at);
        open.write(&on_disk)?;
        if new {
            open.added.insert(place, name.to_owned());
        }
        self.changed.insert(path);
        Ok(said)
    }

    /// What must be known before another program runs the stage and records it. The repository's
    /// lock must be held.
    ///
    /// # Errors
    /// dvc.lock cannot be read.
    pub fn before_another(&mut self, stage: &Stage) -> Result<Before, Fault> {
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
        before.files = files.into_iter().map(|path| (stamp(&path.under(root)), path)).collect();
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
        let changed = before.files.iter().filter(|(old, path)| stamp(&path.under(&root)) != *old);
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

    /// The dvc.lock in which a stage of a dvc.yaml is recorded, read.
    fn lock_of(&mut self, stage: &Stage) -> Result<RepoPath, Fault> {
        let path = stage.recorded_in();
        self.refresh(&path, &path.seen_from(self.workspace.cwd()))?;
        Ok(path)
    }

    /// Makes sure that what we know of a dvc.lock is what stands on disk.
    fn refresh(&mut self, path: &RepoPath, shown: &str) -> Result<(), Fault> {
        let on_disk = path.under(self.workspace.root());
        let stamp = stamp(&on_disk);
        if self.locks.get(path).is_some_and(|open| open.stamp == stamp && stamp.is_some()) {
            return Ok(());
        }
        let lock = match self.workspace.read(path).map_err(|source| store::Error::io("read", &on_disk)(source))? {
            Some(bytes) => Lock::parse(&bytes, shown).map_err(|error| error.fault())?,
            None => Lock::default(),
        };
        let mut added = self.locks.remove(path).map(|open| open.added).unwrap_or_default();
        added.retain(|_, name| lock.value(name).is_some());
        self.locks.insert(path.clone(), Open { lock, stamp, added });
        Ok(())
    }

    /// Makes git ignore the outputs of a stage that the cache keeps. The repository's lock must
    /// be held.
    ///
    /// # Errors
    /// A `.gitignore` cannot be read or written, or lies outside of the git repository.
    pub fn ignore_outs(&mut self, place: usize, stage: &Stage) -> Result<(), Fault> {
        let Some(git) = self.workspace.git() else { return Ok(()) };
        for (index, out) in stage.outs.iter().enumerate() {
            if !out.cache || out.path.is_external() || git.is_ignored(&out.path.under(self.workspace.root()))? {
                continue;
            }
            let dir = out.path.parent().unwrap_or_default();
            let lines = self.lines.entry(dir.clone()).or_default();
            let later: Vec<String> = lines.range((place, index + 1)..).map(|(_, name)| gitignore::line_for(name)).collect();
            gitignore::add(git, &dir.under(self.workspace.root()), out.path.file_name(), &later)?;
            lines.insert((place, index), out.path.file_name().to_owned());
            self.changed.insert(dir.join(".gitignore"));
        }
        Ok(())
    }

    /// Takes back the lines that a stage added: it failed after all.
    ///
    /// # Errors
    /// A `.gitignore` cannot be read or written.
    pub fn unignore_outs(&mut self, place: usize, stage: &Stage) -> Result<(), Fault> {
        let Some(git) = self.workspace.git() else { return Ok(()) };
        for (index, out) in stage.outs.iter().enumerate() {
            let dir = out.path.parent().unwrap_or_default();
            if let Some(name) = self.lines.get_mut(&dir).and_then(|lines| lines.remove(&(place, index))) {
                gitignore::remove(git, &dir.under(self.workspace.root()), &name)?;
            }
        }
        Ok(())
    }
}

/// By what a file is known to be as it was last seen; none if there is none.
fn stamp(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().map(|meta| Stamp::of(&meta))
}
