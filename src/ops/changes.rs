//! Parameters and metrics of a run against the base: which commit that is, its values, and what
//! differs.

use std::sync::Arc;

use crate::format::mask::Masks;
use crate::model::base::{Asked, Base, NoBase};
use crate::model::hidden;
use crate::model::values::{GitFacts, Table, Values};
use crate::model::{Class, Fault};
use crate::plan::base::{self, History};
use crate::report::difference::{Manner, base_words, differences, no_base_words};
use crate::report::dossier::Changes;
use crate::store::git::Git;
use crate::store::workspace::Workspace;

use super::values::{self, NOT_IN_CACHE};

/// What variables of the environment say of the base; `rev` is what the user named.
pub fn asked(rev: Option<&str>, get: impl Fn(&str) -> Option<String>) -> Asked {
    let said = |name: &str| get(name).filter(|value| !value.is_empty());
    Asked { rev: rev.map(str::to_owned), pull_request: said("GITHUB_BASE_REF"), merge_request: said("CI_MERGE_REQUEST_DIFF_BASE_SHA") }
}

/// The commit that a run is compared with.
///
/// # Errors
/// Why there is none.
pub fn base(workspace: &Workspace, asked: &Asked) -> Result<Base, NoBase> {
    let git = workspace.git().ok_or(NoBase::NoGit)?;
    base::choose(asked, git.as_ref())
}

/// What git says of the work tree; none without git, and if it cannot be asked.
pub fn facts(workspace: &Workspace) -> Option<GitFacts> {
    workspace.git()?.facts().ok()
}

/// What differs between the base and these values, which were masked by the same masks as what comes from the base is
/// masked here.
///
/// # Errors
/// Why there is nothing to compare with, as a sentence.
pub fn against_base(workspace: &Arc<Workspace>, asked: &Asked, now: &Values, masks: &Masks) -> Result<Changes, String> {
    let base = base(workspace, asked).map_err(|why| no_base_words(&why))?;
    let mut then = values::at(workspace, &base.commit).map_err(|fault| no_base_words(&NoBase::Refused(fault)))?;
    if let Some(fault) = &now.error {
        return Err(format!("the pipeline as it is now cannot be read: {fault}"));
    }
    // Before there was a DVC repository all is new; of one that cannot be read that would be a guess.
    if let Some(fault) = then.error.as_ref().filter(|fault| fault.class != Class::NotDvcRepoError) {
        return Err(format!("the pipeline of {} cannot be read: {fault}", base_words(&base)));
    }
    masks.values(&mut then);
    Ok(between(&base, &then, now))
}

/// What differs between the values of a base and others, with what could not be compared.
pub fn between(base: &Base, then: &Values, now: &Values) -> Changes {
    let short = base.commit.get(..7).unwrap_or(&base.commit);
    let mut remarks = Vec::new();
    for (when, values, other) in [(format!("at {short}"), then, now), ("now".to_owned(), now, then)] {
        let missed = |table: &Table, other: &Table| {
            // A file that came or went is seen in the table; one whose content is only missing here is neither.
            let is_seen = |path: &String, fault: &Fault| fault.class == Class::FileNotFoundError && other.files.contains_key(path);
            let told = |(path, fault): &(&String, &Fault)| fault.detail(NOT_IN_CACHE).is_some() || !is_seen(path, fault);
            table.errors.iter().filter(told).map(|(path, fault)| format!("{} {when}: {fault}", hidden::shown(path))).collect::<Vec<_>>()
        };
        remarks.extend(values.error.iter().map(|fault| format!("the pipeline {when} cannot be read: {fault}")));
        remarks.extend(missed(&values.params, &other.params).into_iter().chain(missed(&values.metrics, &other.metrics)));
    }
    Changes {
        base: base_words(base),
        params: differences(&then.params, &now.params, Manner::Params),
        metrics: differences(&then.metrics, &now.metrics, Manner::Metrics),
        remarks,
    }
}

impl History for Git {
    fn commit(&self, rev: &str) -> Result<Option<String>, Fault> {
        Ok(self.revision(rev)?.map(|revision| revision.commit))
    }

    fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Fault> {
        Ok(Git::merge_base(self, one, other)?)
    }

    fn default_branches(&self) -> Vec<String> {
        Git::default_branches(self)
    }
}
