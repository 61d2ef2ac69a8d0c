//! What is left of runs that were killed: commands that still run, and temporary files.
//!
//! A run leaves a note in `.dvc/tmp/paraffin/running` for itself and for each stage that it is at
//! work on, and takes it away afterwards. A note without its run says where that was at work.
//! The commands of its stages live on, and nobody waits for them: a stage whose paths meet
//! theirs must, or two would write the same. They are known by the stage's line in their
//! environment (see `within`), so none is mistaken for another, and where the system does not
//! show that, none is found. Once they have ended, what the dead run was about to rename is
//! removed, then the note. What the stage itself left half is no result: dvc.lock does not know it,
//! and outputs are removed before a stage runs.
//!
//! The note of a stage is written after its paths were claimed (`store::rwlock`) and before
//! anything is touched, so whoever has claimed them next finds it.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::model::settings::GRACE;
use crate::model::{Address, RepoPath, Stage};
use crate::store::leftovers::{named, sweep, sweep_folders};
use crate::store::os;
use crate::store::owner::{Owner, Standing};

use super::family::Family;
use super::job::hold;
use super::within::Within;

/// For how long it is believed who runs.
const FRESH: Duration = Duration::from_millis(100);
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

/// The notes of one repository.
#[derive(Debug)]
pub struct Orphans {
    root: PathBuf,
    dir: PathBuf,
    cache: PathBuf,
    within: Within,
    /// Whether orphans are told to end.
    kill: bool,
    made: AtomicU64,
    seen: Mutex<HashMap<PathBuf, Seen>>,
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

impl Orphans {
    /// Those of the repository at `root` with its cache. `within` is ours: what we are part of
    /// ourselves is no orphan to us. With `kill` orphans in the way are told to end.
    pub fn new(root: &Path, cache: &Path, within: Within, kill: bool) -> Self {
        let dir = root.join(".dvc/tmp/paraffin/running");
        let (root, cache) = (root.to_path_buf(), cache.to_path_buf());
        Self { root, dir, cache, within, kill, made: AtomicU64::new(0), seen: Mutex::default() }
    }

    /// Leaves the note of a run, after what dead ones left is removed. Says too since when there
    /// were such, in nanoseconds since 1970.
    pub fn begin(&self) -> (Note, Option<i128>) {
        let after_others = self.tidy();
        (self.write(&format!("{}{RUN}", Owner::own().mark()), b""), after_others)
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
        self.kill
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
    fn tidy(&self) -> Option<i128> {
        let dead = named(&self.dir).into_iter().filter(|(path, name)| name.ends_with(RUN) && is_left(path, name));
        let dead: Vec<PathBuf> = dead.map(|(path, _)| path).collect();
        if !dead.is_empty() {
            for dir in [".dvc", ".dvc/tmp", ".dvc/tmp/paraffin"] {
                sweep(&self.root.join(dir), false);
            }
            sweep(&self.cache, true);
            sweep_folders(&self.root.join(".dvc/tmp/paraffin"));
        }
        self.all();
        let began = dead.iter().filter_map(|path| Some(os::noted(&fs::symlink_metadata(path).ok()?))).min();
        for path in dead {
            fs::remove_file(path).ok();
        }
        began
    }

    /// The notes of stages of dead runs.
    fn of_the_dead(&self) -> Vec<(PathBuf, Told)> {
        let notes = named(&self.dir).into_iter().filter(|(path, name)| !name.ends_with(RUN) && is_left(path, name));
        let told = notes.filter_map(|(path, _)| match serde_json::from_slice::<Told>(&fs::read(&path).ok()?) {
            Ok(told) => Some((path, told)),
            Err(_) => {
                // Its run was killed while it wrote this: nothing was begun.
                fs::remove_file(&path).ok();
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
            seen.family.meet(&os::processes());
            seen.looked = Some(Instant::now());
            if self.kill {
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
        let at = |path: &RepoPath| path.under(&self.root);
        sweep(&at(&told.stage.file.parent().unwrap_or_default()), false);
        for out in &told.writes {
            sweep(&at(&out.parent().unwrap_or_default()), false);
            sweep(&at(out), true);
        }
        fs::remove_file(path).ok();
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
fn is_left(path: &Path, name: &str) -> bool {
    let Some(owner) = Owner::of_mark(name) else { return false };
    match owner.standing() {
        Standing::Lives => false,
        Standing::Gone => true,
        Standing::Elsewhere => fs::symlink_metadata(path).is_ok_and(|meta| owner.has_left(&meta)),
    }
}
