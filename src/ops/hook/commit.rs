//! `pre-commit`: what is about to be committed must be in step with its lock.
//!
//! The index is judged, so that what is edited and not added yet does not matter. It is read from the file
//! that git names: of a partial commit that is not the usual one.

use crate::model::finding::Checked;
use crate::model::settings::Hooks;
use crate::model::{Fault, RepoPath};
use crate::store::Error;
use crate::store::snapshot::Snapshot;
use crate::store::source::{Source, WorkTree};

use super::super::check::{Checker, Levels, Say};
use super::projects_that;

/// Judges the index.
pub fn judge(checker: &Checker, staged: &Snapshot) -> Checked {
    let mut checked = Checked::default();
    checker.judge(staged, Say::Settings(levels), &mut checked);
    checked
}

/// Content need not be anywhere before a commit is pushed.
fn levels(hooks: &Hooks) -> Levels {
    Levels { lock: hooks.pre_commit.lock, cache: None }
}

/// The DVC repositories in the index that are to be run before a commit.
///
/// # Errors
/// A tree or a paraffin.yaml that cannot be read.
pub fn to_run(staged: &Snapshot) -> Result<Vec<RepoPath>, Fault> {
    projects_that(staged, |hooks| hooks.pre_commit.run)
}

/// The locks of these DVC repositories that are other ones in the work tree than in the index, from the root of git.
///
/// # Errors
/// A lock that cannot be read.
pub fn changed_locks(checker: &Checker, staged: &Snapshot, projects: &[RepoPath]) -> Result<Vec<RepoPath>, Fault> {
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
