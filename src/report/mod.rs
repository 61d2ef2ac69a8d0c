//! Floor 4, showing: everything that people and programs see of a run.
//!
//! A run is a stream of [`crate::model::Event`]s; each module here reads that stream or plain
//! values of the ground floor, and nothing else. Nothing here decides, waits, or looks at the
//! environment: what the terminal can do arrives as [`screen::Settings`].
//!
//! - [`sink`]: the one trait, and a tee;
//! - [`screen`]: picks the right sink for a terminal, a pipe or a CI log;
//! - [`plain`]: DVC's lines in DVC's order (one job, dry runs);
//! - [`parallel`]: each stage's lines as one block when it ends (many jobs);
//! - [`progress`]: the live area around that on a terminal;
//! - [`history`]: a run as its events tell it; [`facts`]: what it amounts to; [`dossier`]: all that a
//!   report of it says;
//! - [`html`]: the report as a page; [`steps`]: the load of a run over time;
//! - [`difference`]: which values differ between two moments, and the words about the base;
//! - [`markdown`]: that for a pull request; [`template`]: what is wrong with a given template of either;
//! - [`answer`]: the JSON answer of `repro`, and of reports; [`csv`], [`trace`], [`junit`]: a report for other
//!   programs;
//! - [`status`]: the text and JSON of `status`; [`check`]: those of `check`;
//! - [`words`]: every sentence; [`tally`]: counts; [`chart`]: graphs as text, Mermaid, dot; [`flowchart`]: the
//!   levels of a run as Mermaid; [`mermaid`]: names in its source;
//! - [`mapped`]: what a map says; [`maps`]: maps in the report of the run around them; [`advance`]: how far one is;
//! - [`redact`]: takes times and the like out of texts, for tests.

mod account;
pub mod advance;
#[cfg(test)]
mod agreement;
pub mod answer;
mod block;
mod board;
pub mod chart;
pub mod check;
pub mod checkout;
pub mod csv;
pub mod difference;
pub mod dossier;
pub mod facts;
pub mod flowchart;
pub mod history;
pub mod html;
pub mod junit;
pub mod mapped;
pub mod maps;
pub mod markdown;
mod mend;
pub mod mermaid;
pub mod parallel;
pub mod plain;
pub mod progress;
mod pulse;
pub mod redact;
#[cfg(test)]
mod sample;
pub mod screen;
#[cfg(test)]
mod screens;
pub mod shown;
pub mod signs;
pub mod sink;
pub mod status;
pub mod steps;
pub mod streams;
pub mod tally;
pub mod template;
pub mod trace;
pub mod view;
pub mod words;

pub use screen::Settings;
pub use sink::{Sink, Tee};
