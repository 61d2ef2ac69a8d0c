//! What a run was: who ran it with what, where git stood, and which values it left.
//!
//! Plain values that go into the journal of a run and come out of it in reports.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The run and its surroundings.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The version of the journal's format: [`JOURNAL`].
    pub journal: u32,
    /// Name of the run and of its folder.
    pub run: String,
    /// The version of this program.
    pub version: String,
    /// The arguments of the command line, without the program.
    pub args: Vec<String>,
    /// The current directory relative to the root; empty: the root.
    pub cwd: String,
    /// Name of the repository's folder.
    pub project: String,
    /// The machine's name.
    pub host: String,
    /// Its operating system and architecture.
    pub system: String,
    /// How many processors it lends.
    pub cpus: usize,
    /// Job slots.
    pub jobs: usize,
    /// The installed dvc, if one was asked for its version.
    pub dvc: Option<String>,
}

/// The version of the journal's format that this program writes, and the highest that it reads.
pub const JOURNAL: u32 = 1;

/// Where git stands.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// The commit; none before the first.
    pub commit: Option<String>,
    /// The branch; none where the head is detached.
    pub branch: Option<String>,
    /// Whether tracked files differ from the commit; none where that could not be found out.
    pub dirty: Option<bool>,
}

/// Parameters and metrics: file → name → value, names in DVC's dotted form.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    /// Of the parameters.
    pub params: Table,
    /// Of the metrics.
    pub metrics: Table,
    /// What could not be read, and why.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// File → dotted name → value.
pub type Table = IndexMap<String, IndexMap<String, serde_json::Value>>;

impl Kept {
    /// Does something to each value that is text.
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        let files = self.params.values_mut().chain(self.metrics.values_mut());
        files.flat_map(IndexMap::values_mut).for_each(|value| each_string(value, edit));
    }
}

fn each_string(value: &mut serde_json::Value, edit: &mut dyn FnMut(&mut String)) {
    match value {
        serde_json::Value::String(text) => edit(text),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| each_string(item, edit)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|value| each_string(value, edit)),
        _ => {}
    }
}
