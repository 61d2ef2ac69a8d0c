//! What is asked of git before a push: what the remote is known to have, and what differs between two commits.

use std::collections::HashMap;

use super::program::Program;
use super::{Git, Node, NodeKind};
use crate::store::error::Error;

impl Git {
    /// Whether what a revision names is a commit or a tag of one. Trees and blobs can be tagged and pushed, too.
    ///
    /// # Errors
    /// There is no such thing, or the repository cannot be read.
    pub fn is_commit(&self, rev: &str) -> Result<bool, Error> {
        self.ask("look up a revision in", |library| library.is_commit(rev), |program| program.is_commit(rev))
    }

    /// Whether a rebase goes on in this work tree.
    pub fn is_in_rebase(&self) -> bool {
        let ask = self.ask("find the directory of", |library| Ok(library.git_dir()), Program::git_dir);
        ask.is_ok_and(|dir| dir.join("rebase-merge").is_dir() || dir.join("rebase-apply").is_dir())
    }

    /// Whether a remote is known to have a commit: one of its branches, as last seen, reaches it. `remote` may be
    /// any text; of an address that has no name nothing is known.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn is_at_remote(&self, remote: &str, commit: &str) -> Result<bool, Error> {
        if !is_name(remote) {
            return Ok(false);
        }
        self.ask("walk the history of", |library| library.is_at_remote(remote, commit), |program| program.is_at_remote(remote, commit))
    }

    /// The newest commit in the history of this one that a remote is known to have; none if there is no such thing.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn base_at_remote(&self, remote: &str, commit: &str) -> Result<Option<String>, Error> {
        if !is_name(remote) {
            return Ok(None);
        }
        self.ask("find a merge base in", |library| library.base_at_remote(remote, commit), |program| program.base_at_remote(remote, commit))
    }

    /// The files that differ between two trees, sorted; at most one more than `most`.
    ///
    /// # Errors
    /// An object that this clone does not have.
    pub fn changed(&self, old: &str, new: &str, most: usize) -> Result<Vec<String>, Error> {
        let mut changed = Vec::new();
        let mut open = vec![(String::new(), Some(old.to_owned()), Some(new.to_owned()))];
        while let Some((dir, old, new)) = open.pop() {
            if old == new {
                continue;
            }
            let mut before: HashMap<String, Node> = self.nodes(old.as_deref())?.into_iter().map(|node| (node.name.clone(), node)).collect();
            let mut pairs: Vec<(String, Option<Node>, Option<Node>)> = Vec::new();
            for node in self.nodes(new.as_deref())? {
                pairs.push((node.name.clone(), before.remove(&node.name), Some(node)));
            }
            pairs.extend(before.into_iter().map(|(name, node)| (name, Some(node), None)));
            for (name, old, new) in pairs.into_iter().filter(|(_, old, new)| old != new) {
                let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
                let tree = |node: Option<&Node>| node.filter(|node| node.kind == NodeKind::Dir).map(|node| node.id.clone());
                let is_file = |node: Option<&Node>| node.is_some_and(|node| node.kind != NodeKind::Dir);
                if is_file(old.as_ref()) || is_file(new.as_ref()) {
                    changed.push(path.clone());
                }
                if changed.len() > most {
                    return Ok(changed);
                }
                open.push((path, tree(old.as_ref()), tree(new.as_ref())));
            }
        }
        changed.sort_unstable();
        Ok(changed)
    }

    fn nodes(&self, tree: Option<&str>) -> Result<Vec<Node>, Error> {
        tree.map_or_else(|| Ok(Vec::new()), |tree| self.tree(tree))
    }
}

/// Whether a text can be the name of a remote, and is no address or pattern.
fn is_name(remote: &str) -> bool {
    !remote.is_empty()
        && !remote.starts_with('-')
        && !remote.contains([':', '*', '?', '[', '\\', ' ', '~', '^'])
        && !remote.starts_with(['/', '.'])
}
