//! `pre-commit`: what is about to be committed must be in step with its lock.
//!
//! The index is judged, so that what is edited and not added yet does not matter. It is read from the file
//! that git names: of a partial commit that is not the usual one.

use std::path::Path;

use crate::model::finding::Checked;
use crate::model::settings::Hooks;
use crate::model::{Fault, RepoPath};
use crate::store::Error;
use crate::store::snapshot::Snapshot;
use crate::store::source::{Source, WorkTree};

use super::super::check::{Checker, Levels, Say, settings};

/// Judges the index: the repository's own, or the one in this file (an absolute path).
///
/// # Errors
/// An index that cannot be read.
pub fn judge(checker: &Checker, index: Option<&Path>) -> Result<Checked, Fault> {
    let mut checked = Checked::default();
    let snapshot = Snapshot::of_index(checker.git(), index)?;
    checker.judge(&snapshot, Say::Settings(levels), &mut checked);
    Ok(checked)
}

/// Content need not be anywhere before a commit is pushed.
fn levels(hooks: &Hooks) -> Levels {
    Levels { lock: hooks.pre_commit.lock, cache: None }
}

/// The DVC repositories in the index that are to be run before a commit.
///
/// # Errors
/// An index or a paraffin.yaml that cannot be read.
pub fn to_run(checker: &Checker, index: Option<&Path>) -> Result<Vec<RepoPath>, Fault> {
    let snapshot = Snapshot::of_index(checker.git(), index)?;
    let mut wanted = Vec::new();
    for dir in snapshot.projects()?.projects {
        if settings(&snapshot.below(&dir), &dir)?.hooks.pre_commit.run {
            wanted.push(dir);
        }
    }
    Ok(wanted)
}

/// The locks of these DVC repositories that are other ones in the work tree than in the index, from the root of git.
///
/// # Errors
/// An index that cannot be read, or a lock.
pub fn changed_locks(checker: &Checker, index: Option<&Path>, projects: &[RepoPath]) -> Result<Vec<RepoPath>, Fault> {
    let staged = Snapshot::of_index(checker.git(), index)?;
    let on_disk = WorkTree::new(checker.git().root());
    let mut changed = Vec::new();
    for lock in staged.projects()?.beside_pipelines() {
        let read = |files: &dyn Source| files.read(&lock).map_err(|error| Error::io("read", files.place(&lock))(error));
        if projects.iter().any(|project| project.contains(&lock)) && read(staged.files().as_ref())? != read(&on_disk)? {
            changed.push(lock);
        }
    }
    Ok(changed)
}
