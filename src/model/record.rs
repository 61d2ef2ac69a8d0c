//! What dvc.lock says of a stage, and what the disk says now: two types, never one.
//!
//! DVC keeps both in the same objects and swaps them by the order of calls; here only the
//! commit of a stage turns an observation into a record.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::digest::{Digest, Listed, Meta};
use super::stage::Cmd;
use super::value::{Key, Map, Value};

/// A path with its recorded hash.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordedPath {
    /// The text of dvc.yaml (`def_path`).
    pub path: String,
    /// The hash, if there is one.
    pub digest: Option<Digest>,
    /// Size, number of files, execute bit.
    pub meta: Meta,
    /// The files, where the entry lists them one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
}

/// The entry of dvc.lock for one stage.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// The command that ran; none where the entry's `cmd` is null.
    pub cmd: Option<Cmd>,
    /// Deps as written.
    pub deps: Vec<RecordedPath>,
    /// Params file → key → value, as written.
    pub params: IndexMap<String, Map>,
    /// Outs as written.
    pub outs: Vec<RecordedPath>,
}

impl Record {
    /// The recorded dep of this text.
    pub fn dep(&self, def_path: &str) -> Option<&RecordedPath> {
        self.deps.iter().find(|dep| dep.path == def_path)
    }

    /// The recorded out of this text.
    pub fn out(&self, def_path: &str) -> Option<&RecordedPath> {
        self.outs.iter().find(|out| out.path == def_path)
    }
}

/// What stands at a path now.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    /// Nothing.
    Missing,
    /// A file or directory with this content.
    Found(Digest, Meta),
}

/// What a params file holds now for one stage.
#[derive(Clone, PartialEq, Debug)]
pub enum SeenParams {
    /// There is no such file.
    Missing,
    /// The tracked keys in the order of dvc.yaml (all top-level keys for a whole file);
    /// none where the file lacks the key.
    Values(Vec<(Key, Option<Value>)>),
}

/// What stands at an output's path now.
#[derive(Clone, PartialEq, Debug)]
pub struct SeenOut {
    /// The work tree.
    pub seen: Seen,
    /// Whether the recorded object (for a directory: with all its files) is in the cache;
    /// true where nothing is recorded or the output is not cached.
    pub in_cache: bool,
}

/// What the disk says of one stage, item by item in the stage's own order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Observed {
    /// One for each dep.
    pub deps: Vec<Seen>,
    /// One for each params file.
    pub params: Vec<SeenParams>,
    /// One for each out.
    pub outs: Vec<SeenOut>,
}
