//! Which ignore files libgit2 misreads, told by a look at the files.
//!
//! It follows a link, which git and DVC do not. And it throws away a rule with `!` of which it
//! believes that there is nothing to undo, looking at earlier rules of the same file alone and at
//! their words. Files that are sound in both respects are left to it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::store::os::State;

/// What was seen of ignore files, for as long as they stay as they are: whether they undo rules.
#[derive(Debug, Default)]
pub(super) struct RuleFiles(Mutex<HashMap<PathBuf, (State, bool)>>);

impl RuleFiles {
    /// Whether libgit2 may misread one of these files.
    pub(super) fn are_misread(&self, mut files: impl Iterator<Item = PathBuf>) -> bool {
        files.any(|file| fs::symlink_metadata(&file).is_ok_and(|meta| meta.is_symlink() || self.undoes(file, &meta)))
    }

    fn undoes(&self, file: PathBuf, meta: &fs::Metadata) -> bool {
        let state = State::of(meta);
        // The map is whole between any two operations, so a panic elsewhere does not spoil it.
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(&file) {
            Some((old, undoes)) if *old == state => *undoes,
            _ => {
                let undoes = has_exceptions(&file);
                seen.insert(file, (state, undoes));
                undoes
            }
        }
    }
}

fn has_exceptions(file: &Path) -> bool {
    // What cannot be read is libgit2's to complain about.
    let bytes = fs::read(file).unwrap_or_default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"!"))
}
