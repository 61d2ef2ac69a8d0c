//! `post-checkout`: the outputs follow what was checked out.
//!
//! All DVC repositories of the work tree whose paraffin.yaml does not say otherwise are brought to what their locks say, by
//! an installed dvc. One that fails does not keep the others from it.

use crate::model::{Class, Fault};
use crate::run::child::returncode;
use crate::run::peer::Peer;
use crate::store::snapshot::Snapshot;

use super::super::check::{Checker, settings};

/// Checks out the outputs of the work tree.
///
/// # Errors
/// The last thing that went wrong.
pub fn follow(checker: &Checker) -> Result<(), Fault> {
    if !checker.git().has_work_tree() {
        return Ok(());
    }
    let snapshot = Snapshot::of_work_tree(checker.git())?;
    let mut failed = Ok(());
    for dir in snapshot.projects()?.projects {
        let wanted = settings(&snapshot.below(&dir), &dir).map(|settings| settings.hooks.post_checkout.run);
        match wanted {
            Ok(false) => {}
            Err(fault) => failed = Err(fault),
            Ok(true) => {
                if let Err(fault) = by_dvc(&dir.under(checker.git().root())) {
                    failed = Err(fault);
                }
            }
        }
    }
    failed
}

fn by_dvc(dir: &std::path::Path) -> Result<(), Fault> {
    let missing = || Fault::new(Class::NotSupported, "no dvc is installed, which checks out the outputs");
    let peer = Peer::find(|name| std::env::var_os(name), false).ok_or_else(missing)?;
    let failed = |words: String| Fault::new(Class::DvcException, format!("`dvc checkout` failed: {words}"));
    let status = peer.command(dir, ["checkout", "--quiet"]).status().map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(format!("exit code {}", returncode(status)))) }
}
