//! The .gitignore lines of a run's outputs.
//!
//! Stages end in any order, but the lines must read as after a serial `dvc repro`: a new line
//! stands where the plan's order puts it among those that this run added. They are written at once:
//! a directory that a stage depends on may have a .gitignore in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{Fault, RepoPath, Stage};
use crate::store::gitignore;
use crate::store::ignored::Ignored;
use crate::store::workspace::Workspace;

/// The lines that this run added.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    workspace: Arc<Workspace>,
    /// By directory: (place of the stage, index of the out) -> name.
    of: BTreeMap<RepoPath, BTreeMap<(usize, usize), String>>,
    /// What git ignores already.
    ignored: Ignored,
    /// The outputs of the plan, in its order.
    outs: Vec<&'a RepoPath>,
    /// Their names by directory; made when the first is asked for.
    names: HashMap<RepoPath, Vec<&'a str>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(workspace: Arc<Workspace>, outs: Vec<&'a RepoPath>) -> Self {
        Self { workspace, of: BTreeMap::new(), ignored: Ignored::default(), outs, names: HashMap::new() }
    }

    /// Makes git ignore the outputs of a stage that the cache keeps. Gives the files that changed.
    ///
    /// # Errors
    /// A `.gitignore` cannot be read or written, or lies outside of the git repository.
    pub(super) fn add(&mut self, place: usize, stage: &Stage) -> Result<Vec<RepoPath>, Fault> {
        let mut files = Vec::new();
        let Some(git) = self.workspace.git() else { return Ok(files) };
        for out in self.outs.drain(..) {
            self.names.entry(out.parent().unwrap_or_default()).or_default().push(out.file_name());
        }
        for (index, out) in stage.outs.iter().enumerate() {
            if !out.cache || out.path.is_external() {
                continue;
            }
            let (dir, name) = (out.path.parent().unwrap_or_default(), out.path.file_name());
            let on_disk = dir.under(self.workspace.root());
            let soon = self.names.get(&dir).into_iter().flatten().copied();
            if self.ignored.covers(git, &on_disk, name, soon)? {
                continue;
            }
            let lines = self.of.entry(dir.clone()).or_default();
            let later = lines.range((place, index + 1)..).map(|(_, name)| gitignore::line_for(name));
            gitignore::add(git, &on_disk, name, later)?;
            self.ignored.add(git, &on_disk, name);
            lines.insert((place, index), name.to_owned());
            files.push(dir.join(gitignore::NAME));
        }
        Ok(files)
    }

    /// Takes back the lines that a stage added: it failed after all.
    ///
    /// # Errors
    /// A `.gitignore` cannot be read or written.
    pub(super) fn take_back(&mut self, place: usize, stage: &Stage) -> Result<(), Fault> {
        let Some(git) = self.workspace.git() else { return Ok(()) };
        for (index, out) in stage.outs.iter().enumerate() {
            let dir = out.path.parent().unwrap_or_default();
            if let Some(name) = self.of.get_mut(&dir).and_then(|lines| lines.remove(&(place, index))) {
                gitignore::remove(git, &dir.under(self.workspace.root()), &name)?;
            }
        }
        Ok(())
    }
}
