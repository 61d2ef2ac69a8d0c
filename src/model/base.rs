//! With what a run is compared: the commit, and how it was chosen.

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// What was said of the base, by the command line and by a CI.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// The revision that the user named.
    pub rev: Option<String>,
    /// The branch that a pull request goes to (`GITHUB_BASE_REF`).
    pub pull_request: Option<String>,
    /// Where a merge request leaves its target (`CI_MERGE_REQUEST_DIFF_BASE_SHA`).
    pub merge_request: Option<String>,
}

/// How a base was chosen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// The user named it.
    Given(String),
    /// It is where HEAD leaves this branch.
    MergeBase(String),
    /// It is the newest commit of this branch: the clone does not reach back to where HEAD leaves it.
    Tip(String),
    /// The CI named it.
    MergeRequest,
    /// There is nothing better than what is checked out.
    Head,
}

/// The commit that a run is compared with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Base {
    /// Its id.
    pub commit: String,
    /// Why it is this one.
    pub chosen: Chosen,
    /// Branches and commits that a CI named and that are not in this clone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
}

/// Why there is nothing to compare with.
#[derive(Clone, PartialEq, Debug)]
pub enum NoBase {
    /// The repository is used without git.
    NoGit,
    /// Nothing is committed.
    NoCommits,
    /// The revision that the user named is not there.
    Unknown(String),
    /// Git cannot be asked.
    Refused(Fault),
}
