//! `post-checkout`: the outputs follow what was checked out.

use crate::format::paraffin;
use crate::model::settings::Settings;
use crate::model::{Class, Fault, RepoPath};
use crate::store::snapshot::Snapshot;

use super::super::check::Checker;
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
        let shown = dir.join(paraffin::FILE).to_string();
        let refused = |error| Fault::new(Class::IOError, format!("cannot read '{shown}': {error}"));
        match std::fs::read_to_string(dir.under(checker.git().root()).join(paraffin::FILE)) {
            Ok(text) => paraffin::parse(&shown, &text).map_err(|error| error.fault()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(error) => Err(refused(error)),
        }
    };
    projects_by(&Snapshot::of_work_tree(checker.git())?, settings, |hooks| hooks.post_checkout.run)
}
