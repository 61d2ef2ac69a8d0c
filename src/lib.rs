//! dvc-paraffin: DVC pipelines, in parallel.
//!
//! A pure core decides, a shell acts, a face shows; they meet in plain values. Modules use the
//! floors below them, never one above (a test reads every `use crate::` to keep it so):
//!
//! ```text
//! 6  cli      arguments -> request; failure -> words and exit code
//! 5  ops      one file for each command: wires the floors below together
//! 4  run      acts: the loop, job slots, child processes, the one writer of dvc.lock
//! 4  report   shows: screens, the JSON answer, charts, every sentence (uses model only)
//! 3  store    the disk: workspace, hashing, cache, run-cache, locks, git
//! 2  plan     decides, pure: graph, selection, what changed and why, what may start
//! 1  format   bytes <-> values, pure: YAML, dvc.yaml, templates, dvc.lock, params, config
//! 0  model    plain values: stages, records, observations, reasons, events, failures
//! ```
//!
//! The way of a run: [`cli`] makes a request, [`ops::repro`] reads the repository
//! ([`ops::load`]) and makes a plan, [`run::drive`] drives it by [`plan::schedule`], each stage
//! is checked by [`plan::judge`] and worked on in [`run::perform`], and all that happens is told
//! as [`model::Event`] to a [`report::Sink`]. docs/architecture.md tells it at length.
//! A map ([`ops::map`], [`run::map`]) is a run without a plan: one command over the parts of an input.

pub mod cli;
pub mod format;
pub mod model;
pub mod ops;
pub mod plan;
pub mod report;
pub mod run;
pub mod store;
