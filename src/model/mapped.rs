//! What a map did: its partitions, one by one.

use std::path::PathBuf;
use std::time::Duration;

use super::{Fault, Usage};

/// What became of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The command ran and succeeded.
    Ran,
    /// Its part is that of an earlier run.
    Resumed,
    /// It failed, with all its tries.
    Failed,
    /// It was stopped, or not begun.
    NotStarted,
}

/// One partition.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// Its number, from 0.
    pub index: u64,
    /// The number of its first row or item, from 0.
    pub first: u64,
    /// How many it has.
    pub count: u64,
    /// What people know it by, if that is not the numbers of its rows.
    pub label: Option<String>,
    /// What became of it.
    pub status: Status,
    /// The exit code of the last try, negative for a signal; none if nothing ran.
    pub returncode: Option<i32>,
    /// How many tries there were.
    pub attempt: u32,
    /// When the last try began and ended, nanoseconds since 1970 UTC.
    pub started: Option<i128>,
    /// See `started`.
    pub ended: Option<i128>,
    /// What the command said, if it said anything.
    pub log: Option<PathBuf>,
    /// Why it failed, in words.
    pub why: Option<String>,
    /// What its tries used; nothing where a worker does many partitions.
    pub usage: Usage,
    /// The words of its command, where it was only planned.
    pub planned: Vec<String>,
    /// How many rows it was to have.
    pub requested: u64,
    /// How long it took to make it.
    pub cut: Duration,
    /// How long its last try took.
    pub ran: Duration,
    /// How long it took to put its part to the others.
    pub joined: Duration,
}

/// What is known of the cost of rows, in seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Estimate {
    /// Nobody asked: sizes were given.
    Fixed,
    /// Not enough was measured.
    Learning,
    /// `start` for a partition, `each` for a row of it.
    Known {
        /// `a`
        each: f64,
        /// `b`
        start: f64,
    },
}

/// What came of a map.
#[derive(Clone, PartialEq, Debug)]
pub struct Mapped {
    /// Where the result is; none for standard output.
    pub out: Option<PathBuf>,
    /// The partitions, in the order of the input.
    pub parts: Vec<Part>,
    /// When it began, nanoseconds since 1970 UTC.
    pub began: i128,
    /// How long it took.
    pub wall: Duration,
    /// What is known of the cost of rows.
    pub estimate: Estimate,
    /// Why there is no result.
    pub fault: Option<Fault>,
}

impl Part {
    /// One of which nothing is known yet.
    pub fn new(index: u64, first: u64, count: u64) -> Self {
        Self {
            index,
            first,
            count,
            label: None,
            status: Status::NotStarted,
            returncode: None,
            attempt: 0,
            started: None,
            ended: None,
            log: None,
            why: None,
            usage: Usage::default(),
            planned: Vec::new(),
            requested: count,
            cut: Duration::ZERO,
            ran: Duration::ZERO,
            joined: Duration::ZERO,
        }
    }

    /// One whose part is that of an earlier run.
    pub fn resumed(index: u64, first: u64, count: u64) -> Self {
        Self { status: Status::Resumed, ..Self::new(index, first, count) }
    }
}
