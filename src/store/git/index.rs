//! What git's index holds: the files that the next commit would have. It is only read.

use std::path::Path;

use super::{Git, NodeKind};
use crate::store::error::Error;

/// One path of the index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staged {
    /// The path from the root of the work tree.
    pub path: String,
    /// What it is; never a directory.
    pub kind: NodeKind,
    /// The id of the object.
    pub id: String,
    /// Whether a merge has left more than one version of it.
    pub is_unmerged: bool,
    /// Whether a sparse checkout leaves it out of the work tree.
    pub is_left_out: bool,
    /// Whether it is only announced (`git add -N`), without content.
    pub is_promised: bool,
}

impl Git {
    /// What the index holds: the repository's own or, as in a hook of a partial commit, the one in this file
    /// (an absolute path).
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn staged(&self, file: Option<&Path>) -> Result<Vec<Staged>, Error> {
        self.ask("read the index of", |library| library.staged(file), |program| program.staged(file))
    }
}
