//! `post-checkout`: the outputs follow what was checked out.

use crate::model::{Fault, RepoPath};
use crate::store::snapshot::Snapshot;

use super::super::check::Checker;
use super::projects_that;

/// The DVC repositories of the work tree whose outputs follow a checkout, as far as the paraffin.yaml of each does not say
/// otherwise.
///
/// # Errors
/// The index cannot be read, or a paraffin.yaml.
pub fn to_follow(checker: &Checker) -> Result<Vec<RepoPath>, Fault> {
    if !checker.git().has_work_tree() {
        return Ok(Vec::new());
    }
    projects_that(&Snapshot::of_work_tree(checker.git())?, |hooks| hooks.post_checkout.run)
}
