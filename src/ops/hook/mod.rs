//! What the hooks of git do when git calls them: judge what is pushed or committed, and bring outputs to
//! what a checkout asks for.
//!
//! They read git's objects, not the work tree, and write neither the index nor references. How much
//! what matters is said in the paraffin.yaml of what is judged.

pub mod checkout;
pub mod commit;
pub mod push;
pub mod send;

use crate::model::settings::{Hooks, Settings};
use crate::model::{Fault, RepoPath};
use crate::store::snapshot::Snapshot;

use super::check::settings;

/// The DVC repositories of a snapshot whose paraffin.yaml wants something of its hooks.
fn projects_that(snapshot: &Snapshot, want: fn(&Hooks) -> bool) -> Result<Vec<RepoPath>, Fault> {
    projects_by(snapshot, |dir| settings(&snapshot.below(dir), dir), want)
}

/// The same by what `settings` gives for the directory of each.
fn projects_by(
    snapshot: &Snapshot,
    settings: impl Fn(&RepoPath) -> Result<Settings, Fault>,
    want: fn(&Hooks) -> bool,
) -> Result<Vec<RepoPath>, Fault> {
    let mut wanted = Vec::new();
    for dir in snapshot.projects()?.projects {
        if want(&settings(&dir)?.hooks) {
            wanted.push(dir);
        }
    }
    Ok(wanted)
}
