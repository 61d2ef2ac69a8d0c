//! `post-checkout`: the outputs follow what was checked out.

use crate::format::paraffin;
use crate::model::{Fault, RepoPath};
use crate::store::snapshot::Snapshot;

use super::super::check::{Checker, settings_in};
use super::projects_by;

/// The DVC repositories of the work tree whose outputs follow a checkout, as far as the paraffin.yaml of each does not say
/// otherwise.
///
/// # Errors
/// The index cannot be read, or a paraffin.yaml.
pub fn to_follow(checker: &Checker) -> Result<Vec<RepoPath>, Fault> {
    if !checker.git().has_work_tree() {
        return Ok(Vec::new());
    }
    // As the work tree has it, whether or not git does.
    let settings = |dir: &RepoPath| {
        let found = match std::fs::read(dir.under(checker.git().root()).join(paraffin::FILE)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        };
        settings_in(dir, found)
    };
    projects_by(&Snapshot::of_work_tree(checker.git())?, settings, |hooks| hooks.post_checkout.run)
}
