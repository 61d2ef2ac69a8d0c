//! Where a map keeps its files: a folder of its own for each command and way of dividing, so that a broken run of it
//! can go on, and so that what partitions cost is known the next time.
//!
//! Within a repository it stands in `.dvc/tmp/paraffin/map`, else with the system's temporary files. One process has it
//! at a time; another one with the same command gets one of its own, of which logs stay for a time.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::plan::portion::Cost;
use crate::run::map::{MapError, keep};
use crate::store::{atomic, md5, os, workspace};

/// How many folders stay of commands that have succeeded: with what was learnt, and logs.
const KEPT: usize = 500;
/// How long they stay.
const AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// What partitions cost.
const COST: &str = "cost.json";
/// Where what is only tried is put.
const TRIES: &str = "try-";
/// Locked while someone uses the folder.
const LOCK: &str = "lock";

/// The folder of one map.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether nobody comes back to it.
    is_own: bool,
    /// Held as long as the folder is used.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Noted {
    each: f64,
    start: f64,
}

impl Folder {
    /// The folder of what is described by these texts. Without `resume` nothing of an earlier run is in it but what
    /// was learnt.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(described: &[Vec<u8>], resume: bool) -> Result<Self, MapError> {
        let base = repository().map_or_else(temporary, Ok)?;
        let failed = |source| MapError::File { attempt: "make", path: base.clone(), source };
        fs::create_dir_all(&base).map_err(failed)?;
        prune(&base);
        let mut text = Vec::new();
        for part in described {
            text.extend((part.len() as u64).to_le_bytes());
            text.extend_from_slice(part);
        }
        let path = base.join(&md5::of_bytes(&text)[..16]);
        fs::create_dir_all(&path).map_err(failed)?;
        let lock = File::create(path.join(LOCK)).map_err(failed)?;
        // Whoever tidies up may have removed it just now.
        if !os::try_lock(&lock).map_err(failed)? || !path.join(LOCK).exists() {
            let own = tempfile::Builder::new().prefix("map-").tempdir_in(&base).map_err(failed)?.keep();
            let lock = File::create(own.join(LOCK)).map_err(failed)?;
            os::try_lock(&lock).map_err(failed)?;
            return Ok(Self { path: own, is_own: true, _lock: lock });
        }
        let folder = Self { path, is_own: false, _lock: lock };
        folder.clear(&|name| name == COST || resume && !name.starts_with("tokens-") && !name.starts_with(TRIES));
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A place in it for what is only tried, as long as the value lives.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn tries(&self) -> Result<tempfile::TempDir, MapError> {
        let failed = |source| MapError::File { attempt: "make", path: self.path.clone(), source };
        tempfile::Builder::new().prefix(TRIES).tempdir_in(&self.path).map_err(failed)
    }

    /// What partitions cost before.
    pub fn cost(&self) -> Option<Cost> {
        let noted: Noted = serde_json::from_slice(&fs::read(self.path.join(COST)).ok()?).ok()?;
        let sound = noted.each.is_finite() && noted.each > 0.0 && noted.start.is_finite() && noted.start >= 0.0;
        sound.then_some(Cost { each: noted.each, start: noted.start })
    }

    /// All went well: only what was learnt stays, and logs.
    pub fn finish(&self, cost: Option<Cost>) {
        self.clear(&|name| name == COST || is_log(name));
        if let Some(cost) = cost
            && let Ok(text) = serde_json::to_string(&Noted { each: cost.each, start: cost.start })
        {
            // It is a help, and no condition.
            atomic::write_passing(&self.path.join(COST), text.as_bytes()).ok();
        }
    }

    /// It went wrong: what is made anew in any case goes, so that a disk that is full does not get fuller.
    pub fn break_off(&self) {
        self.clear(&|name| {
            let kind = name.trim_start_matches(|ch: char| ch.is_ascii_digit());
            !(kind.len() < name.len() && kind.starts_with(".in") || name.starts_with("spare-") || name.starts_with("spooled"))
        });
    }

    /// Removes all but the lock and what is to stay.
    fn clear(&self, stays: &dyn Fn(&str) -> bool) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name != LOCK && !stays(&name.to_string_lossy()) {
                let path = entry.path();
                // What stays is overwritten, or in nobody's way.
                if path.is_dir() {
                    fs::remove_dir_all(path).ok()
                } else {
                    fs::remove_file(path).ok()
                };
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let has_logs =
            || fs::read_dir(&self.path).into_iter().flatten().flatten().any(|entry| is_log(&entry.file_name().to_string_lossy()));
        if self.is_own && !has_logs() {
            fs::remove_dir_all(&self.path).ok();
        }
    }
}

/// Whether it is the log of a partition, and not a part or an input whose own name ends so.
fn is_log(name: &str) -> bool {
    name.strip_suffix(".log").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn repository() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    Some(workspace::find_root(&here).ok()?.join(".dvc/tmp/paraffin/map"))
}

/// For each user one, which nobody else may write to.
fn temporary() -> Result<PathBuf, MapError> {
    let user = rustix::process::getuid().as_raw();
    let path = std::env::temp_dir().join(format!("dvc-paraffin-map-{user}"));
    let failed = |source| MapError::File { attempt: "make", path: path.clone(), source };
    match fs::DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let meta = fs::symlink_metadata(&path).map_err(failed)?;
            // Whoever else made it could put parts of a result there.
            let is_ours = meta.is_dir() && meta.uid() == user && meta.mode() & 0o022 == 0;
            if is_ours { Ok(path) } else { Err(failed(io::Error::other("it belongs to somebody else"))) }
        }
        other => other.map_err(failed).map(|()| path.clone()),
    }
}

/// Removes what nobody came back for.
fn prune(base: &Path) {
    let mut folders: Vec<(SystemTime, PathBuf)> = fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.path().join(LOCK).metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    folders.sort_unstable();
    let old = |time: &SystemTime| time.elapsed().is_ok_and(|age| age > AGE);
    // Those of a broken run are what it goes on with.
    let (broken, done): (Vec<_>, Vec<_>) = folders.into_iter().partition(|(_, path)| keep::is_in(path));
    let many = done.len().saturating_sub(KEPT);
    let too_many = done.iter().take(many);
    for (_, path) in too_many.chain(done.iter().skip(many).chain(&broken).filter(|(time, _)| old(time))) {
        let lock = File::open(path.join(LOCK)).ok();
        if lock.as_ref().is_some_and(|lock| os::try_lock(lock).unwrap_or(false)) {
            fs::remove_dir_all(path).ok();
        }
    }
}
