//! `pre-push`: the tips that are pushed must be in step with their locks.
//!
//! Most pushes touch no file of a pipeline, so what differs from what the remote has is looked at before
//! anything is parsed. A tip that the remote has already under any name is not judged again: old history
//! that is stale is not mended by refusing a tag on it.

use crate::format::pushed::Pushed;
use crate::model::finding::Checked;
use crate::model::settings::Hooks;
use crate::model::{Class, Fault};
use crate::plan::touch::{MOST, Said};
use crate::store::git::Revision;
use crate::store::snapshot::Snapshot;

use super::super::check::{Checker, Levels, Say};

/// A commit that is pushed, and what was found in it.
#[derive(Clone, Debug)]
pub struct Tip {
    /// The references that are pushed with it, as people name them.
    pub names: Vec<String>,
    /// The commit.
    pub commit: String,
    /// Its files.
    pub snapshot: Snapshot,
    /// What is not in step.
    pub checked: Checked,
}

/// Judges all tips of a push to a remote, by its name or address. Tips in which nothing of a pipeline changed are left
/// out.
///
/// # Errors
/// Git cannot be read, or does not have what is pushed.
pub fn judge(checker: &Checker, remote: &str, pushed: &[Pushed]) -> Result<Vec<Tip>, Fault> {
    let mut tips: Vec<Tip> = Vec::new();
    for one in pushed {
        // A tag of a tree or of a file has no pipeline.
        if !checker.git().is_commit(&one.tip)? {
            continue;
        }
        let unknown = || Fault::new(Class::SCMError, format!("what is pushed to {} ({}) is not in this clone", one.name(), one.tip));
        let revision = checker.git().revision(&one.tip)?.ok_or_else(unknown)?;
        if let Some(tip) = tips.iter_mut().find(|tip| tip.commit == revision.commit) {
            tip.names.push(one.name().to_owned());
            continue;
        }
        let snapshot = Snapshot::of_commit(checker.git(), checker.git().root(), revision.clone());
        if !is_to_be_judged(checker, remote, one, &revision, &snapshot)? {
            continue;
        }
        let mut checked = Checked::default();
        checker.judge(&snapshot, Say::Settings(levels), &mut checked);
        tips.push(Tip { names: vec![one.name().to_owned()], commit: revision.commit, snapshot, checked });
    }
    Ok(tips)
}

fn levels(hooks: &Hooks) -> Levels {
    Levels { lock: hooks.pre_push.lock, cache: hooks.pre_push.cache }
}

/// Whether the remote gets something new with this tip that a pipeline may mind.
fn is_to_be_judged(checker: &Checker, remote: &str, pushed: &Pushed, tip: &Revision, snapshot: &Snapshot) -> Result<bool, Fault> {
    let git = checker.git();
    if git.is_at_remote(remote, &tip.commit)? {
        return Ok(false);
    }
    let base = match &pushed.was {
        // What was pushed by others and not fetched is unknown here.
        Some(was) => git.revision(was).unwrap_or_default(),
        None => match git.base_at_remote(remote, &tip.commit)? {
            Some(base) => git.revision(&base)?,
            None => None,
        },
    };
    let Some(base) = base else { return Ok(true) };
    let changed = git.changed(&base.tree, &tip.tree, MOST)?;
    if changed.is_empty() {
        return Ok(false);
    }
    let Some(texts) = snapshot.texts(MOST)? else { return Ok(true) };
    Ok(Said { texts: texts.files, links: texts.links }.may_be_touched(&changed))
}
