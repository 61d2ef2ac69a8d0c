//! The folder of a run: `.dvc/tmp/paraffin/runs/<run>/`, one log file for each stage that runs.
//!
//! File names are numbers of the plan, never names of stages (those may hold anything). Only the
//! last runs are kept. A folder that cannot be made is no reason to fail a run: the stages then
//! run with their output in a temporary file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::owner::{Owner, Standing};

/// Whose run it is.
const OWNER: &str = "owner";

/// How many runs are kept.
const KEPT: usize = 50;

/// The folder of a run; `tmp` is `.dvc/tmp`.
pub fn folder(tmp: &Path, run: &str) -> PathBuf {
    tmp.join("paraffin/runs").join(run)
}

/// Makes the folder of a run of this process.
///
/// # Errors
/// It cannot be made.
pub fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join(OWNER), Owner::own().mark())
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
    /// The folder relative to the root of the repository, for messages.
    shown: String,
    /// Whether it was told that a log could not be kept within its bounds.
    told: AtomicBool,
}

impl Logs {
    /// Names the folder of a run; it is made with the first log. `tmp` is `.dvc/tmp`.
    pub fn new(tmp: &Path, run: &str) -> Self {
        Self { dir: folder(tmp, run), shown: format!(".dvc/tmp/paraffin/runs/{run}"), told: AtomicBool::new(false) }
    }

    /// Whether a log that could not be kept within its bounds is the first of the run.
    pub fn first_unbound(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    /// Opens the log of this try of the stage at this place of the plan: appended to, so that several
    /// commands of a stage follow each other. Gives the file, its path, and how to show that.
    ///
    /// # Errors
    /// The folder or file cannot be made.
    pub fn open(&self, place: usize, attempt: u32) -> io::Result<(File, PathBuf, String)> {
        let name = if attempt > 1 { format!("{:04}.{attempt}.log", place + 1) } else { format!("{:04}.log", place + 1) };
        let path = self.dir.join(&name);
        let open = || OpenOptions::new().create(true).append(true).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&self.dir)?;
                open()?
            }
            other => other?,
        };
        Ok((file, path, format!("{}/{name}", self.shown)))
    }

    /// Removes the oldest runs. Names of runs sort by time.
    pub fn prune(&self) {
        let Some(runs) = self.dir.parent() else { return };
        let Ok(entries) = fs::read_dir(runs) else { return };
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
        found.sort();
        for old in found.iter().take(found.len().saturating_sub(KEPT)).filter(|dir| !lives(dir)) {
            // Another process may prune at the same time.
            fs::remove_dir_all(old).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_is_kept_however_old_it_is() {
        let tmp = tempfile::tempdir().unwrap();
        let oldest = folder(tmp.path(), "0000");
        make(&oldest).unwrap();
        for run in 1..=KEPT + 2 {
            fs::create_dir_all(folder(tmp.path(), &format!("{run:04}"))).unwrap();
        }
        Logs::new(tmp.path(), "0001").prune();
        assert!(oldest.exists() && !folder(tmp.path(), "0001").exists() && !folder(tmp.path(), "0002").exists());
        fs::write(oldest.join(OWNER), "").unwrap();
        Logs::new(tmp.path(), "0001").prune();
        assert!(!oldest.exists());
    }
}
