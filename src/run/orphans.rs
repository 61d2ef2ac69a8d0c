//! What is left of runs that were killed: commands that still run, and temporary files.
//!
//! A run leaves a note in `.dvc/tmp/paraffin/running` for itself and for each stage that it is at
//! work on, and takes it away afterwards. A note without its run says where that was at work.
//! The commands of its stages live on, and nobody waits for them: a stage whose paths meet
//! theirs must, or two would write the same. They are known by the stage's line in their
//! environment (see `within`), so none is mistaken for another, and where the system does not
//! show that, none is found. Once they have ended, what the dead run was about to rename is
//! removed, then the note; the cache, which may be large, is looked through beside the run. What
//! the stage itself left half is no result: dvc.lock does not know it,
//! and outputs are removed before a stage runs.
//!
//! The note of a stage is written after its paths were claimed (`store::rwlock`) and before
//! anything is touched, so whoever has claimed them next finds it.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::model::settings::GRACE;
use crate::model::{Address, RepoPath, Stage};
use crate::store::leftovers::{named, sweep, sweep_folders};
use crate::store::os;
use crate::store::owner::{Owner, Standing};
use crate::store::quiet::Quiet;

use super::family::Family;
use super::job::hold;
use super::within::Within;

/// For how long it is believed who runs.
const FRESH: Duration = Duration::from_millis(100);
/// How long a run that has ended goes on looking through the cache for what dead ones left.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// How the name of a run's own note ends.
const RUN: &str = "-run";

/// A command of a dead run that still runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Orphan {
    /// Its stage.
    pub stage: Address,
    /// Its processes, as they are called.
    pub processes: Vec<String>,
}

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = self.stage.seen_from(&RepoPath::root());
        write!(f, "stage '{stage}' of a run that was killed, which still runs: {}", self.processes.join(", "))
    }
}

/// What a note says of a stage at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    stage: Address,
    line: String,
    reads: Vec<RepoPath>,
    writes: Vec<RepoPath>,
}

/// What is done about what dead runs left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// It is looked at, and nothing is removed.
    Look,
    /// Orphans are waited for, and what belongs to nobody any more is removed.
    Wait,
    /// So it is, and orphans in the way are told to end.
    End,
}

/// The notes of one repository.
#[derive(Debug)]
pub struct Orphans {
    root: PathBuf,
    dir: PathBuf,
    cache: PathBuf,
    within: Within,
    manner: Manner,
    made: AtomicU64,
    seen: Mutex<HashMap<PathBuf, Seen>>,
    /// Whether there are no notes but ours.
    alone: Quiet,
}

/// An orphan as it was last looked at.
#[derive(Debug)]
struct Seen {
    family: Family,
    looked: Option<Instant>,
    /// When it was told to end.
    told: Option<Instant>,
}

/// A note of ours, which is taken away when dropped.
#[derive(Debug)]
pub struct Note(Option<PathBuf>);

impl Drop for Note {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // If it stays, it is a note of a dead run some day, without any process.
            fs::remove_file(path).ok();
        }
    }
}

/// Looks through the cache for what dead runs left there, beside the run.
#[derive(Debug)]
struct Sweep {
    over: Receiver<()>,
    enough: Arc<AtomicBool>,
}

impl Sweep {
    /// The notes of the dead go at the end: where there is no time for all of it, the next run begins anew.
    fn start(cache: PathBuf, dead: Vec<PathBuf>) -> Option<Self> {
        let (end, over) = channel();
        let enough = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&enough);
        let body = move || {
            let _end: Sender<()> = end;
            if sweep(&cache, true, &|| !theirs.load(Ordering::Relaxed)) {
                dead.iter().for_each(|path| drop(fs::remove_file(path)));
            }
        };
        std::thread::Builder::new().name("leftovers".to_owned()).spawn(body).ok().map(|_| Self { over, enough })
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        self.over.recv_timeout(LAST_WAIT).ok();
        self.enough.store(true, Ordering::Relaxed);
    }
}

/// A run that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Since when there were runs that were killed, in nanoseconds since 1970.
    pub after_others: Option<i128>,
    /// The notes of these runs.
    dead: Vec<PathBuf>,
    sweep: Option<Sweep>,
    note: Note,
}

impl Begun {
    /// When the run began by the times of files, in nanoseconds since 1970.
    pub fn noted(&self) -> Option<i128> {
        Some(os::noted(&fs::symlink_metadata(self.note.0.as_ref()?).ok()?))
    }
}

impl Orphans {
    /// Those of the repository at `root` with its cache. `within` is ours: what we are part of
    /// ourselves is no orphan to us.
    pub fn new(root: &Path, cache: &Path, within: Within, manner: Manner) -> Self {
        let dir = root.join(".dvc/tmp/paraffin/running");
        let (root, cache) = (root.to_path_buf(), cache.to_path_buf());
        Self { root, dir, cache, within, manner, made: AtomicU64::new(0), seen: Mutex::default(), alone: Quiet::default() }
    }

    /// Leaves the note of a run, and removes what dead ones left beside the cache.
    pub fn begin(&self) -> Begun {
        let (after_others, dead) = self.tidy();
        Begun { after_others, dead, sweep: None, note: self.write(&format!("{}{RUN}", Owner::own().mark()), b"") }
    }

    /// Begins to remove what dead runs left in the cache, and their notes at the end. All else that
    /// the notes call for must be done by then: if this run is killed, too, the next one would not
    /// know of it.
    pub fn sweep(&self, begun: &mut Begun) {
        if !begun.dead.is_empty() {
            begun.sweep = Sweep::start(self.cache.clone(), std::mem::take(&mut begun.dead));
        }
    }

    /// Leaves the note of a stage.
    pub fn note(&self, stage: &Stage) -> Note {
        let told = Told {
            stage: stage.address.clone(),
            line: self.within.line(&stage.address),
            reads: stage.reads().cloned().collect(),
            writes: stage.outs.iter().map(|out| out.path.clone()).collect(),
        };
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.write(&format!("{}-{number}", Owner::own().mark()), &serde_json::to_vec(&told).unwrap_or_default())
    }

    /// Whether orphans in the way are told to end.
    pub fn are_ended(&self) -> bool {
        self.manner == Manner::End
    }

    /// An orphan that works on the same stage, writes what this one reads or writes, or reads what
    /// it writes.
    pub fn in_the_way(&self, stage: &Stage) -> Option<Orphan> {
        self.of_the_dead().into_iter().find_map(|(path, told)| {
            let meets = |paths: &[RepoPath], place: &RepoPath| paths.iter().any(|path| path.overlaps(place));
            let collides = told.stage == stage.address
                || stage.reads().any(|place| meets(&told.writes, place))
                || stage.outs.iter().any(|out| meets(&told.writes, &out.path) || meets(&told.reads, &out.path));
            if collides { self.look_at(&path, &told) } else { None }
        })
    }

    /// All orphans.
    pub fn all(&self) -> Vec<Orphan> {
        self.of_the_dead().iter().filter_map(|(path, told)| self.look_at(path, told)).collect()
    }

    /// Removes what dead runs left beside their stages' work, and what belongs to stages whose
    /// commands have ended. Gives when the first of these runs began.
    fn tidy(&self) -> (Option<i128>, Vec<PathBuf>) {
        let dead = named(&self.dir).into_iter().filter(|(path, name)| name.ends_with(RUN) && is_left(path, name));
        let dead: Vec<PathBuf> = dead.map(|(path, _)| path).collect();
        self.all();
        if dead.is_empty() {
            return (None, dead);
        }
        for dir in [".dvc", ".dvc/tmp", ".dvc/tmp/paraffin"] {
            sweep(&self.root.join(dir), false, &|| true);
        }
        sweep_folders(&self.root.join(".dvc/tmp/paraffin"));
        let began = dead.iter().filter_map(|path| Some(os::noted(&fs::symlink_metadata(path).ok()?))).min();
        (began, dead)
    }

    /// The notes of stages of dead runs.
    fn of_the_dead(&self) -> Vec<(PathBuf, Told)> {
        let others = || Some(named(&self.dir)).filter(|notes| notes.iter().any(|(_, name)| !is_own(name)));
        let notes = self.alone.look(&self.dir, others).unwrap_or_default();
        let notes = notes.into_iter().filter(|(path, name)| !name.ends_with(RUN) && is_left(path, name));
        let told = notes.filter_map(|(path, _)| match serde_json::from_slice::<Told>(&fs::read(&path).ok()?) {
            Ok(told) => Some((path, told)),
            Err(_) => {
                // Its run was killed while it wrote this: nothing was begun.
                self.remove(&path);
                None
            }
        });
        told.filter(|(_, told)| !self.within.is_around(&told.line)).collect()
    }

    /// Whether the command of this note still runs. If not, its leftovers and the note are removed.
    fn look_at(&self, path: &Path, told: &Told) -> Option<Orphan> {
        let mut all = hold(&self.seen);
        let seen =
            all.entry(path.to_path_buf()).or_insert_with(|| Seen { family: Family::left_behind(&told.line), looked: None, told: None });
        if seen.looked.is_none_or(|when| when.elapsed() >= FRESH) {
            seen.family.find();
            seen.looked = Some(Instant::now());
            if self.manner == Manner::End {
                seen.end();
            }
        }
        if seen.family.is_left() {
            return Some(Orphan { stage: told.stage.clone(), processes: seen.family.names().collect() });
        }
        all.remove(path);
        drop(all);
        self.forget(path, told);
        None
    }

    fn forget(&self, path: &Path, told: &Told) {
        if self.manner == Manner::Look {
            return;
        }
        let at = |path: &RepoPath| path.under(&self.root);
        sweep(&at(&told.stage.file.parent().unwrap_or_default()), false, &|| true);
        for out in &told.writes {
            sweep(&at(&out.parent().unwrap_or_default()), false, &|| true);
            sweep(&at(out), true, &|| true);
        }
        self.remove(path);
    }

    fn remove(&self, note: &Path) {
        if self.manner != Manner::Look {
            fs::remove_file(note).ok();
        }
    }

    /// A note that cannot be written is none: the disk is full or may not be written to, and then
    /// the stage fails by itself.
    fn write(&self, name: &str, text: &[u8]) -> Note {
        let path = self.dir.join(name);
        fs::create_dir_all(&self.dir).and_then(|()| fs::write(&path, text)).ok();
        Note(Some(path))
    }
}

impl Seen {
    /// Tells it to end; if that has not helped for some time, ends it.
    fn end(&mut self) {
        match self.told {
            None => {
                self.told = Some(Instant::now());
                self.family.signal(Signal::TERM, None);
            }
            Some(when) if when.elapsed() >= GRACE => self.family.signal(Signal::KILL, None),
            // Some may have come since.
            Some(_) => self.family.remind(Signal::TERM),
        }
    }
}

/// Whether the run that left a note is gone.
/// Whether this process has left the note.
fn is_own(name: &str) -> bool {
    Owner::of_mark(name) == Some(Owner::own())
}

fn is_left(path: &Path, name: &str) -> bool {
    let Some(owner) = Owner::of_mark(name) else { return false };
    match owner.standing() {
        Standing::Lives => false,
        Standing::Gone => true,
        Standing::Elsewhere => fs::symlink_metadata(path).is_ok_and(|meta| owner.has_left(&meta)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mark of an earlier process with our number.
    fn dead() -> String {
        let own = Owner::own().mark();
        format!("{}{:0>2$}", &own[..10], 1, own.len() - 10)
    }

    /// Else a second kill would hide what the first one left.
    #[test]
    fn notes_of_dead_runs_stay_until_all_is_put_right() {
        let dir = tempfile::tempdir().unwrap();
        let notes = dir.path().join(".dvc/tmp/paraffin/running");
        fs::create_dir_all(&notes).unwrap();
        let note = notes.join(format!("{}{RUN}", dead()));
        fs::write(&note, "").unwrap();
        let orphans = Orphans::new(dir.path(), &dir.path().join(".dvc/cache"), Within::new(None), Manner::Wait);
        let mut begun = orphans.begin();
        assert!(begun.after_others.is_some());
        assert!(note.exists());
        orphans.sweep(&mut begun);
        drop(begun);
        assert!(!note.exists());
    }
}
