//! Floor 1: bytes in, values out, and back. Files arrive through [`Files`]; nothing here looks
//! at the disk by itself.

pub mod attributes;
pub mod config;
mod config_ini;
mod config_schema;
pub mod config_text;
pub mod dirtree;
pub mod dotdvc;
pub mod emit;
pub mod flat;
pub mod fnmatch;
pub mod hook;
pub mod ignore;
pub mod journal;
pub mod listed;
pub mod lockfile;
pub mod map;
pub mod mask;
pub mod paraffin;
pub mod params;
pub mod pipeline;
pub mod pushed;
pub mod pycode;
pub mod pyjson;
pub mod pytext;
pub mod rows;
pub mod runcache;
pub mod schema;
pub mod suggest;
pub mod target;
pub mod template;
pub mod yaml;

use crate::model::RepoPath;
pub use crate::model::floats;

/// A source of files: the work tree, a commit, a table in a test.
pub trait Files {
    /// The content of a file; none where there is no such file.
    ///
    /// # Errors
    /// What the source says when a file is there but cannot be read.
    fn read(&self, path: &RepoPath) -> std::io::Result<Option<Vec<u8>>>;
}
