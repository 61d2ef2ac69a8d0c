//! What runs have recorded and not yet written into dvc.lock.
//!
//! Writing a dvc.lock of ten thousand entries after each of ten thousand stages would cost more
//! than the stages. So a run writes the file now and then, and each result at once into a file
//! of its own in `.dvc/tmp/paraffin/backlog`, which costs a line. Whoever reads dvc.lock reads the
//! backlogs before it and adds what they hold; what a dead run left is written by the next run.
//!
//! An entry counts only while dvc.lock is the file that it was meant for: once someone else has
//! written that, it is theirs that counts. The living writer sees this and writes its own anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::leftovers::named;
use super::os::Stamp;
use super::owner::{Owner, Standing};
use crate::format::lockfile::{Lock, Place};
use crate::model::RepoPath;

/// An entry to be written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// The dvc.lock that it belongs to.
    pub lock: RepoPath,
    /// That file as it was; none if there was none.
    pub base: Option<Stamp>,
    /// The entry as YAML.
    pub text: String,
    /// The entry that it goes before if it is new.
    pub before: Option<String>,
}

/// The backlog of this process.
#[derive(Debug)]
pub struct Backlog {
    path: PathBuf,
    file: Option<File>,
}

impl Backlog {
    /// The backlog of a run in the repository with this `.dvc/tmp`; the file is made when it is needed.
    pub fn new(tmp: &Path) -> Self {
        Self { path: folder(tmp).join(Owner::own().mark()), file: None }
    }

    /// Adds items; when this returns they survive the end of the process.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn add(&mut self, items: &[Item]) -> io::Result<()> {
        let mut text = Vec::new();
        for item in items {
            serde_json::to_writer(&mut text, item)?;
            text.push(b'\n');
        }
        self.open()?.write_all(&text)
    }

    fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let dir = self.path.parent().unwrap_or(&self.path);
                fs::create_dir_all(dir)?;
                OpenOptions::new().append(true).create(true).open(&self.path)?
            }
        };
        Ok(self.file.insert(file))
    }

    /// All of it has been written to where it belongs.
    pub fn clear(&mut self) {
        // Where that fails the items stay, and count for nothing: their dvc.lock is another file now.
        self.file.as_ref().map(|file| file.set_len(0));
    }
}

impl Drop for Backlog {
    /// Removes the file, if nothing is left to be written.
    fn drop(&mut self) {
        if self.file.take().is_some() && fs::metadata(&self.path).is_ok_and(|meta| meta.len() == 0) {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// What backlogs hold, as read. It must be read before the files that it is about.
#[derive(Debug, Default)]
pub struct Backlogs(Vec<Item>);

impl Backlogs {
    /// Those of all runs.
    pub fn read(tmp: &Path) -> Self {
        Self(named(&folder(tmp)).iter().flat_map(|(path, _)| items(path)).collect())
    }

    /// Adds to a dvc.lock what is not written into it yet. `stamp` is the file's as it was before
    /// it was read. True if there was something to add.
    pub fn complete(&self, path: &RepoPath, stamp: Option<Stamp>, lock: &mut Lock) -> bool {
        let mut any = false;
        for item in self.0.iter().filter(|item| item.lock == *path && item.base == stamp) {
            lock.set_entry(&item.text, item.before.as_deref().map_or(Place::End, Place::Before));
            any = true;
        }
        any
    }

    /// The dvc.lock files that these are about.
    pub fn locks(&self) -> Vec<&RepoPath> {
        let mut locks: Vec<&RepoPath> = self.0.iter().map(|item| &item.lock).collect();
        locks.sort();
        locks.dedup();
        locks
    }
}

/// The backlogs that dead runs have left, each with its file, which is to be removed once the
/// items are written.
pub fn left(tmp: &Path) -> Vec<(PathBuf, Backlogs)> {
    let dead = |name: &str| Owner::of_mark(name).is_some_and(|owner| owner.standing() == Standing::Gone);
    let files = named(&folder(tmp)).into_iter().filter(|(_, name)| dead(name));
    files.map(|(path, _)| (path.clone(), Backlogs(items(&path)))).collect()
}

fn folder(tmp: &Path) -> PathBuf {
    tmp.join("paraffin/backlog")
}

/// The items of one file. A line that was not written to its end is none.
fn items(path: &Path) -> Vec<Item> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Record;

    fn entry(base: Option<Stamp>, name: &str, before: Option<&str>) -> Item {
        let record = Record { cmd: None, deps: Vec::new(), params: Default::default(), outs: Vec::new() };
        let text = Lock::entry_text(name, &record);
        Item { lock: RepoPath::new("dvc.lock"), base, text, before: before.map(str::to_owned) }
    }

    #[test]
    fn an_entry_counts_while_its_file_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dvc.lock");
        fs::write(&file, "x").unwrap();
        let base = Stamp::at(&file);
        let mut backlog = Backlog::new(dir.path());
        backlog.add(&[entry(base, "b", None)]).unwrap();
        backlog.add(&[entry(base, "a", Some("b"))]).unwrap();
        let read = Backlogs::read(dir.path());
        let path = RepoPath::new("dvc.lock");
        assert_eq!(read.locks(), [&path]);
        let mut lock = Lock::default();
        assert!(read.complete(&path, base, &mut lock));
        assert_eq!(lock.names().collect::<Vec<_>>(), ["a", "b"]);
        fs::write(&file, "xy").unwrap();
        assert!(!read.complete(&path, Stamp::at(&file), &mut Lock::default()));
    }

    #[test]
    fn a_torn_line_is_none_and_an_empty_file_goes() {
        let dir = tempfile::tempdir().unwrap();
        let mut backlog = Backlog::new(dir.path());
        backlog.add(&[entry(None, "a", None)]).unwrap();
        let path = backlog.path.clone();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [whole.as_slice(), &whole[..whole.len() - 1]].concat()).unwrap();
        assert_eq!(items(&path).len(), 1);
        assert!(left(dir.path()).is_empty(), "its run lives");
        backlog.clear();
        drop(backlog);
        assert!(!path.exists());
    }
}
