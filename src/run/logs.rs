//! The folder of a run: `.dvc/tmp/paraffin/runs/<run>/`, one log file for each stage that runs.
//!
//! File names are numbers of the plan, never names of stages (those may hold anything). Only the
//! last runs are kept. A log that cannot be made, or for which the disk has no room, is no reason to fail
//! a stage that could run: what it prints is then kept in memory until it has been shown.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::settings::KeepRuns;
use crate::store::os;
use crate::store::owner::{Owner, Standing};

/// Whose run it is.
const OWNER: &str = "owner";

/// With less room than that a log is not begun.
const ROOM: u64 = 1 << 16;

/// The folders of runs, below `.dvc/tmp`.
const RUNS: &str = "paraffin/runs";

/// The folder of a run; `tmp` is `.dvc/tmp`.
pub fn folder(tmp: &Path, run: &str) -> PathBuf {
    tmp.join(RUNS).join(run)
}

/// A log of a run as messages name it: from the root of the repository.
pub fn shown(run: &str, name: &str) -> String {
    format!(".dvc/tmp/{RUNS}/{run}/{name}")
}

/// Makes the folder of a run of this process.
///
/// # Errors
/// It cannot be made.
pub fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join(OWNER), Owner::own().mark())
}

/// The run of this folder has ended in its own time, whatever its journal says of that. If this cannot be noted, the run
/// looks as if it had been killed where its journal ends early.
pub fn end(dir: &Path) {
    // An empty file needs no room on the disk.
    File::create(dir.join(OWNER)).ok();
}

/// Whether it has.
pub fn has_ended(dir: &Path) -> bool {
    fs::metadata(dir.join(OWNER)).is_ok_and(|meta| meta.len() == 0)
}

/// Whether the run of this folder goes on.
fn lives(dir: &Path) -> bool {
    let mark = fs::read_to_string(dir.join(OWNER)).unwrap_or_default();
    Owner::of_mark(&mark).is_some_and(|owner| owner.standing() != Standing::Gone)
}

/// Where the logs of one run are.
#[derive(Debug)]
pub struct Logs {
    dir: PathBuf,
    run: String,
    /// Whether it was told that a log could not be kept within its bounds.
    told: AtomicBool,
    /// Whether it was told that a log could not be written.
    told_lost: AtomicBool,
}

impl Logs {
    /// Names the folder of a run; it is made with the first log. `tmp` is `.dvc/tmp`.
    pub fn new(tmp: &Path, run: &str) -> Self {
        Self { dir: folder(tmp, run), run: run.to_owned(), told: AtomicBool::new(false), told_lost: AtomicBool::new(false) }
    }

    /// Where maps of this try of the stage at this place of the plan tell what they did.
    pub fn maps(&self, place: usize, attempt: u32) -> PathBuf {
        self.dir.join(maps_name(place, attempt))
    }

    /// Whether a log that could not be kept within its bounds is the first of the run.
    pub fn first_unbound(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    /// Whether a log that could not be written is the first of the run.
    pub fn first_lost(&self) -> bool {
        !self.told_lost.swap(true, Ordering::Relaxed)
    }

    /// Opens the log of this try of the stage at this place of the plan: appended to, so that several
    /// commands of a stage follow each other. Gives the file, its path, and how to show that.
    ///
    /// # Errors
    /// The folder or file cannot be made, or there is no room for it.
    pub fn open(&self, place: usize, attempt: u32) -> io::Result<(File, PathBuf, String)> {
        let name = name(place, attempt);
        let path = self.dir.join(&name);
        let open = || OpenOptions::new().create(true).append(true).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&self.dir)?;
                open()?
            }
            other => other?,
        };
        if let Err(error) = os::has_room(&file, ROOM) {
            // An empty log would say that nothing was printed.
            fs::remove_file(&path).ok();
            return Err(error);
        }
        Ok((file, path, shown(&self.run, &name)))
    }
}

/// Removes runs that are no longer to be kept: all but the newest, and all that are too old. Names of
/// runs sort by time. One that goes on stays, and `own`, whose reports are still to be made. `tmp` is `.dvc/tmp`.
pub fn prune(tmp: &Path, keep: KeepRuns, own: &str) {
    let newest = all(tmp).into_iter().rev().enumerate();
    let too_old = |dir: &Path| {
        let since = fs::metadata(dir).and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
        keep.age.zip(since).is_some_and(|(age, since)| since > age)
    };
    let own = folder(tmp, own);
    for (at, dir) in newest.filter(|(_, dir)| *dir != own) {
        if (keep.number.is_some_and(|most| at >= most) || too_old(&dir)) && !lives(&dir) {
            // Another process may prune at the same time.
            fs::remove_dir_all(dir).ok();
        }
    }
}

/// The folders of all runs, the oldest first.
pub fn all(tmp: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(tmp.join(RUNS)) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// The name of the log of this try of the stage at this place of the plan.
pub fn name(place: usize, attempt: u32) -> String {
    if attempt > 1 { format!("{:04}.{attempt}.log", place + 1) } else { format!("{:04}.log", place + 1) }
}

/// The name of the folder of maps of this try of the stage at this place of the plan.
pub fn maps_name(place: usize, attempt: u32) -> String {
    if attempt > 1 { format!("{:04}.{attempt}.maps", place + 1) } else { format!("{:04}.maps", place + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_is_kept_however_old_it_is() {
        let tmp = tempfile::tempdir().unwrap();
        let oldest = folder(tmp.path(), "0000");
        make(&oldest).unwrap();
        for run in 1..=5 {
            fs::create_dir_all(folder(tmp.path(), &format!("{run:04}"))).unwrap();
        }
        let keep = |number, age| prune(tmp.path(), KeepRuns { number, age }, "9999");
        keep(Some(3), None);
        assert!(oldest.exists() && !folder(tmp.path(), "0002").exists() && folder(tmp.path(), "0003").exists());
        keep(None, Some(std::time::Duration::from_secs(3600)));
        assert_eq!(all(tmp.path()).len(), 4);
        fs::write(oldest.join(OWNER), "").unwrap();
        keep(Some(3), None);
        assert!(!oldest.exists());
        keep(None, Some(std::time::Duration::ZERO));
        assert!(all(tmp.path()).is_empty());
        for run in ["0001", "0002"] {
            fs::create_dir_all(folder(tmp.path(), run)).unwrap();
        }
        prune(tmp.path(), KeepRuns { number: Some(0), age: None }, "0001");
        assert_eq!(all(tmp.path()), [folder(tmp.path(), "0001")]);
    }
}
