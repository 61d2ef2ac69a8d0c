//! `post-checkout`: the outputs follow what was checked out.

use crate::model::{Fault, RepoPath};
use crate::store::snapshot::Snapshot;

use super::super::check::{Checker, settings};

/// The DVC repositories of the work tree whose outputs follow a checkout, as far as the paraffin.yaml of each does not say
/// otherwise.
///
/// # Errors
/// The index cannot be read, or a paraffin.yaml.
pub fn to_follow(checker: &Checker) -> Result<Vec<RepoPath>, Fault> {
    let mut wanted = Vec::new();
    if !checker.git().has_work_tree() {
        return Ok(wanted);
    }
    let snapshot = Snapshot::of_work_tree(checker.git())?;
    for dir in snapshot.projects()?.projects {
        if settings(&snapshot.below(&dir), &dir)?.hooks.post_checkout.run {
            wanted.push(dir);
        }
    }
    Ok(wanted)
}
