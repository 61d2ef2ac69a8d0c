//! Chooses the commit that a run is compared with.
//!
//! What the user names counts before what a CI says, this before the branch that others start
//! from. A CI that clones without history must not end without a comparison: what cannot be found
//! is noted, and the next best is taken.

use crate::model::Fault;
use crate::model::base::{Asked, Base, Chosen, NoBase};

/// What must be known of the history.
pub trait History {
    /// The id of the commit that a revision names.
    ///
    /// # Errors
    /// The history cannot be read.
    fn commit(&self, rev: &str) -> Result<Option<String>, Fault>;

    /// Where two commits part.
    ///
    /// # Errors
    /// The history cannot be read.
    fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Fault>;

    /// Names of the branch that others start from, likeliest first.
    fn default_branches(&self) -> Vec<String>;
}

/// The base, or why there is none.
///
/// # Errors
/// There is no commit, the revision that was named is unknown, or the history cannot be read.
pub fn choose(asked: &Asked, history: &impl History) -> Result<Base, NoBase> {
    let commit = |rev: &str| history.commit(rev).map_err(NoBase::Refused);
    let mut missed = Vec::new();
    if let Some(rev) = &asked.rev {
        let Some(id) = commit(rev)? else { return Err(NoBase::Unknown(rev.clone())) };
        return Ok(Base { commit: id, chosen: Chosen::Given(rev.clone()), missed });
    }
    let head = commit("HEAD")?.ok_or(NoBase::NoCommits)?;
    let tip = |name: &str| match name.strip_prefix("origin/") {
        Some(_) => commit(&format!("refs/remotes/{name}")),
        None => commit(&format!("refs/heads/{name}")),
    };
    let parting = |tip: &str| history.merge_base(&head, tip).map_err(NoBase::Refused);
    if let Some(branch) = &asked.pull_request {
        for name in [format!("origin/{branch}"), branch.clone()] {
            if let Some(tip) = tip(&name)? {
                let found = parting(&tip)?;
                let chosen = if found.is_some() { Chosen::MergeBase(name) } else { Chosen::Tip(name) };
                return Ok(Base { commit: found.unwrap_or(tip), chosen, missed });
            }
        }
        missed.push(branch.clone());
    }
    if let Some(id) = &asked.merge_request {
        if let Some(commit) = commit(id)? {
            return Ok(Base { commit, chosen: Chosen::MergeRequest, missed });
        }
        missed.push(id.clone());
    }
    for name in history.default_branches() {
        if let Some(tip) = tip(&name)?
            && let Some(commit) = parting(&tip)?
        {
            return Ok(Base { commit, chosen: Chosen::MergeBase(name), missed });
        }
    }
    Ok(Base { commit: head, chosen: Chosen::Head, missed })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits by their names, and where each parts from HEAD.
    struct Table {
        commits: &'static [(&'static str, &'static str)],
        parting: &'static [(&'static str, &'static str)],
        default: &'static [&'static str],
    }

    fn find(table: &[(&str, &str)], name: &str) -> Option<String> {
        table.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    impl History for Table {
        fn commit(&self, rev: &str) -> Result<Option<String>, Fault> {
            Ok(find(self.commits, rev))
        }

        fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Fault> {
            assert_eq!(one, "h");
            Ok(find(self.parting, other))
        }

        fn default_branches(&self) -> Vec<String> {
            self.default.iter().map(|name| (*name).to_owned()).collect()
        }
    }

    const FULL: Table = Table {
        commits: &[
            ("HEAD", "h"),
            ("v1", "1"),
            ("refs/remotes/origin/main", "m"),
            ("refs/heads/dev", "d"),
            ("refs/remotes/origin/far", "f"),
            ("abc", "abc"),
        ],
        parting: &[("m", "p"), ("d", "q")],
        default: &["origin/main", "main"],
    };

    fn asked(rev: &str, pull_request: &str, merge_request: &str) -> Asked {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Asked { rev: said(rev), pull_request: said(pull_request), merge_request: said(merge_request) }
    }

    fn chosen(asked: &Asked, table: &Table) -> (String, Chosen, Vec<String>) {
        let base = choose(asked, table).unwrap();
        (base.commit, base.chosen, base.missed)
    }

    #[test]
    fn what_is_said_counts_in_order() {
        let text = str::to_owned;
        for (said, commit, how, missed) in [
            (asked("v1", "main", "abc"), "1", Chosen::Given(text("v1")), vec![]),
            (asked("", "main", "abc"), "p", Chosen::MergeBase(text("origin/main")), vec![]),
            (asked("", "dev", ""), "q", Chosen::MergeBase(text("dev")), vec![]),
            (asked("", "far", ""), "f", Chosen::Tip(text("origin/far")), vec![]),
            (asked("", "gone", "abc"), "abc", Chosen::MergeRequest, vec![text("gone")]),
            (asked("", "gone", "def"), "p", Chosen::MergeBase(text("origin/main")), vec![text("gone"), text("def")]),
            (asked("", "", ""), "p", Chosen::MergeBase(text("origin/main")), vec![]),
        ] {
            assert_eq!(chosen(&said, &FULL), (text(commit), how, missed), "{said:?}");
        }
        assert_eq!(choose(&asked("v2", "main", ""), &FULL), Err(NoBase::Unknown(text("v2"))));
    }

    #[test]
    fn without_a_branch_in_common_head_is_the_base() {
        let alone = Table { commits: &[("HEAD", "h"), ("refs/heads/main", "m")], parting: &[], default: &["main"] };
        assert_eq!(chosen(&Asked::default(), &alone), ("h".to_owned(), Chosen::Head, vec![]));
        let empty = Table { commits: &[], parting: &[], default: &["main"] };
        assert_eq!(choose(&Asked::default(), &empty), Err(NoBase::NoCommits));
    }
}
