//! What a checkout did: the answer of `checkout`.

use super::fault::{Class, Fault};

/// What happened to an output or a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Something else stands there now.
    Modified,
    /// There was nothing.
    Added,
    /// There is nothing any more.
    Deleted,
}

/// How many files changed in which way. As with DVC a directory that is gone counts, one that was made does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// See [`Kind::Modified`].
    pub modified: usize,
    /// See [`Kind::Added`].
    pub added: usize,
    /// See [`Kind::Deleted`].
    pub deleted: usize,
}

impl Counts {
    /// Counts one more.
    pub fn count(&mut self, kind: Kind) {
        *match kind {
            Kind::Modified => &mut self.modified,
            Kind::Added => &mut self.added,
            Kind::Deleted => &mut self.deleted,
        } += 1;
    }

    /// Adds others to these.
    pub fn add(&mut self, other: Counts) {
        self.modified += other.modified;
        self.added += other.added;
        self.deleted += other.deleted;
    }
}

/// The whole answer. Paths are as the user sees them, directories with a `/` at the end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckedOut {
    /// The outputs that changed.
    pub changes: Vec<(Kind, String)>,
    /// Files.
    pub counts: Counts,
    /// The outputs whose content could not be brought.
    pub failed: Vec<String>,
}

impl CheckedOut {
    /// The paths of one kind, as DVC sorts them: directories first.
    pub fn of(&self, kind: Kind) -> Vec<&str> {
        let mut paths: Vec<&str> = self.changes.iter().filter(|(found, _)| *found == kind).map(|(_, path)| path.as_str()).collect();
        paths.sort_unstable_by_key(|path| (!path.ends_with('/'), *path));
        paths
    }

    /// DVC's failure for what could not be brought, if there is any.
    pub fn fault(&self) -> Option<Fault> {
        let message = || {
            let paths = self.failed.join("\n");
            format!("Checkout failed for following targets:\n{paths}\nIs your cache up to date?\n<https://error.dvc.org/missing-files>")
        };
        (!self.failed.is_empty()).then(|| Fault::new(Class::CheckoutError, message()))
    }
}
