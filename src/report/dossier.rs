//! All that a report says of a run, gathered: the input of every format.
//!
//! Who gathers it has looked at logs, at git and at other runs; those who render look at nothing
//! else. What could not be had is said, not left out.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::facts::Facts;
use super::history::History;

/// The matter of a report.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// What happened.
    pub history: History,
    /// What it amounts to.
    pub facts: Facts,
    /// The exit code of the run; none while it goes on, and if it was killed.
    pub exit_code: Option<i32>,
    /// The last lines of the logs of stages that failed or were cut off, by place.
    pub tails: HashMap<usize, Tail>,
    /// The JSON answers of the maps that stages ran, by place.
    pub maps: HashMap<usize, Vec<Value>>,
    /// Parameters and metrics against the base, or why there are none.
    pub changes: Result<Changes, String>,
    /// The run before with which times are compared.
    pub previous: Option<Previous>,
    /// What the run would have taken with other numbers of jobs.
    pub what_if: Vec<WhatIf>,
}

impl Default for Dossier {
    /// That of a run of which nothing is known.
    fn default() -> Self {
        let history = History::default();
        Self {
            facts: Facts::of(&history, false),
            history,
            exit_code: None,
            tails: HashMap::new(),
            maps: HashMap::new(),
            changes: Err("nothing was compared".to_owned()),
            previous: None,
            what_if: Vec::new(),
        }
    }
}

/// The end of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tail {
    /// Its lines, fit to be shown.
    pub lines: Vec<String>,
    /// Whether there are more before them.
    pub cut: bool,
}

/// Differences from the base.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// What the base is and how it was chosen: `HEAD (1a2b3c4)`.
    pub base: String,
    /// Of parameters.
    pub params: Differences,
    /// Of metrics.
    pub metrics: Differences,
    /// What could not be compared, and why.
    pub remarks: Vec<String>,
}

/// Differences in values of one kind.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Differences {
    /// For tables, sorted by file and name.
    pub rows: Vec<Row>,
    /// In the shape of `dvc params diff --json` and `dvc metrics diff --json`.
    pub json: Value,
}

/// One value that differs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// The file.
    pub path: String,
    /// The dotted name.
    pub name: String,
    /// In the base; none if it is not there.
    pub old: Option<String>,
    /// Now.
    pub new: Option<String>,
    /// By how much a number changed.
    pub change: Option<String>,
}

/// An earlier run of the same stages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Previous {
    /// Its name.
    pub run: String,
    /// The time of each stage that ran to its end, by address.
    pub times: HashMap<String, Duration>,
}

/// A run as it would have been with another number of jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WhatIf {
    /// The jobs.
    pub jobs: usize,
    /// The time that its stages would have taken, simulated with the times that they did take.
    pub wall: Duration,
}
