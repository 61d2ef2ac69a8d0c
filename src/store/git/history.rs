//! What git knows of commits: which one a revision names, where two branches part, and the
//! objects of a commit's tree.

use std::path::Path;

use super::Git;
use crate::model::values::GitFacts;
use crate::store::error::Error;

/// A commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Its id, in hex.
    pub commit: String,
    /// The id of its tree.
    pub tree: String,
}

/// What a name in a tree stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// A file.
    File,
    /// A directory: a tree again.
    Dir,
    /// A symbolic link; its target is a blob.
    Link,
    /// A submodule, of which nothing is known here.
    Module,
    /// Something whose name is not UTF-8; it comes with a name that is near to its own.
    Unnamed,
}

impl NodeKind {
    /// By the mode that git keeps.
    pub(super) fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o040_000 => Self::Dir,
            0o120_000 => Self::Link,
            0o160_000 => Self::Module,
            _ => Self::File,
        }
    }
}

/// A name as text, and what it stands for as far as it can be named.
pub(super) fn named(name: &[u8], mode: u32) -> (String, NodeKind) {
    match std::str::from_utf8(name) {
        Ok(name) => (name.to_owned(), NodeKind::of_mode(mode)),
        Err(_) => (String::from_utf8_lossy(name).into_owned(), NodeKind::Unnamed),
    }
}

/// One name in a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// The id of the object.
    pub id: String,
}

impl Git {
    /// The commit that a revision names; none if there is no such thing.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn revision(&self, rev: &str) -> Result<Option<Revision>, Error> {
        self.ask("look up a revision in", |library| library.revision(rev), |program| program.revision(rev))
    }

    /// The commits in a range (`a..b`, `a...b`), the oldest first; none if it names what is not there.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn revisions(&self, range: &str) -> Result<Option<Vec<Revision>>, Error> {
        self.ask("look up a range of commits in", |library| library.revisions(range), |program| program.revisions(range))
    }

    /// The best common ancestor of two commits; none if this clone knows of none.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Error> {
        self.ask("find a merge base in", |library| library.merge_base(one, other), |program| program.merge_base(one, other))
    }

    /// Names of the branch that others start from, likeliest first: that of the remote `origin`, the one that the
    /// configuration names for new repositories, and the usual ones.
    pub fn default_branches(&self) -> Vec<String> {
        let asked = self.ask("read the references of", |library| Ok(library.default_branches()), |program| Ok(program.default_branches()));
        let mut names: Vec<String> = Vec::new();
        let (remote, configured) = asked.unwrap_or_default();
        names.extend(remote);
        for name in configured.into_iter().chain(["main".to_owned(), "master".to_owned()]) {
            for name in [format!("origin/{name}"), name] {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The commits before which a shallow clone ends; none of a whole one.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn cut_at(&self) -> Result<Vec<String>, Error> {
        let file = self.ask("find the history of", |library| Ok(library.shallow_file()), super::program::Program::shallow_file)?;
        match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            text => Ok(text.map_err(Error::io("read", file))?.lines().map(str::to_owned).collect()),
        }
    }

    /// Branches and tags of this clone that lead to a commit, by their full names.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn names(&self) -> Result<Vec<(String, String)>, Error> {
        self.ask("read the references of", super::library::Library::names, super::program::Program::names)
    }

    /// What is checked out, and whether the tracked files are as it has them.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn facts(&self) -> Result<GitFacts, Error> {
        self.ask("read the state of", super::library::Library::facts, super::program::Program::facts)
    }

    /// What a tree holds.
    ///
    /// # Errors
    /// There is no such tree in this clone, or the repository cannot be read.
    pub fn tree(&self, id: &str) -> Result<Vec<Node>, Error> {
        self.ask("read a tree of", |library| library.tree(id), |program| program.tree(id))
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// There is no such blob in this clone, or the repository cannot be read.
    pub fn blob(&self, id: &str) -> Result<Vec<u8>, Error> {
        self.ask("read a blob of", |library| library.blob(id), |program| program.blob(id))
    }

    /// A path relative to the work tree, `/` between its parts; none if it lies outside or is not UTF-8.
    pub fn place_of(&self, path: &Path) -> Option<String> {
        self.inside(path)?.to_str().map(|text| text.trim_end_matches('/').to_owned())
    }
}
