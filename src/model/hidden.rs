//! What a run must not show, as its journal keeps it: so that its logs and values are hidden later too, by whoever
//! reads them, whatever paraffin.yaml says then.
//!
//! Patterns are no secrets and stand as they are. Of a value only what it can be known by again is kept: its length and
//! a salted digest. Parameters and metrics are compared with those of commits after the run, so a text that was hidden
//! among them has a digest too; it stands behind the text, after a mark, and is taken off before anything is shown.

use serde::{Deserialize, Serialize};

/// What a run must not show.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hidden {
    /// What every digest begins with.
    pub salt: String,
    /// Regular expressions.
    pub patterns: Vec<String>,
    /// Values of variables, the longest first.
    pub values: Vec<Trace>,
}

/// By what a value is known again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    /// Its length in bytes.
    pub bytes: usize,
    /// A sum of few bits, so that almost no other place of a text has to be digested.
    pub sum: u16,
    /// The digest of salt and value.
    pub digest: String,
}

impl Hidden {
    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.values.is_empty()
    }
}

/// Stands before the digest. No one writes it, and a text that has it gets a digest in any case.
pub const MARK: char = '\u{1}';

/// A text with the digest of what stood there.
pub fn marked(text: &str, digest: &str) -> String {
    format!("{text}{MARK}{digest}")
}

/// The text without its digest.
pub fn shown(text: &str) -> &str {
    text.rsplit_once(MARK).map_or(text, |(shown, _)| shown)
}
