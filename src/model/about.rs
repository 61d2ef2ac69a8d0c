//! What a run was: who ran what, with what, and where. It goes into the journal of a run and comes out
//! of it in reports.

use serde::{Deserialize, Serialize};

use super::hidden::Hidden;

/// The run and its surroundings.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The version of the journal's format: [`JOURNAL`].
    pub journal: u32,
    /// Name of the run and of its folder.
    pub run: String,
    /// Whether nothing ran (`--dry`): then nothing of it is kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry: bool,
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
    /// Whether stages had the terminal to themselves (one job): then they left no logs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
    /// What of the run must not be seen.
    #[serde(skip_serializing_if = "Hidden::is_empty")]
    pub hidden: Hidden,
}

impl About {
    /// Does something to each text in it that is not ours.
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        self.args.iter_mut().for_each(&mut *edit);
        [&mut self.cwd, &mut self.project, &mut self.host].into_iter().for_each(edit);
    }
}

/// The version of the journal's format that this program writes, and the highest that it reads.
pub const JOURNAL: u32 = 1;
