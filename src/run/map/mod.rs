//! One command over the parts of an input, several at a time.
//!
//! `cut` makes partitions, `perform` runs the command on one, `join` puts the parts of the result together in
//! the order of the input. Here is the loop: as many threads as jobs, each of which cuts a partition when it is
//! free, so that no more of them exist than there are threads. The first that works needs no token, each other one needs
//! one (see [`super::tokens`]), from the beginning of its command to the end: who waits for the input has none. Partitions get
//! them in their order, so that no part waits for long for those before it. Knows no command line, and no report.

pub mod cut;
pub mod grouped;
pub mod join;
pub mod keep;
pub mod perform;
pub mod persistent;
#[cfg(feature = "parquet")]
pub mod row_groups;
pub mod shell;
mod told;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::format::map::words::WordError;
use crate::model::mapped::{Part, Status};
use crate::plan::portion::Cost;
use crate::store::rows::RowsError;

use super::clock::Clock;
use super::job::hold;
use super::tokens::Tokens;
use cut::Portion;
use join::Joiner;
use keep::Keep;
use perform::{Performer, Seat, Tried};

/// The variable that names the folder in which a map tells the run around it what it did.
pub const REPORT: &str = "PARAFFIN_MAP_REPORT";

/// How often it is looked whether a token is free.
const PAUSE: Duration = Duration::from_millis(20);

/// How often tokens that commands do not use go to others.
const SPREAD: Duration = Duration::from_millis(50);

/// Why a map ends without a result.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// An input or the output.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// Inputs side by side are of different lengths.
    #[error("'{}' has fewer rows than '{}'", .short.display(), .long.display())]
    Lengths {
        /// The shorter one.
        short: PathBuf,
        /// The longer one.
        long: PathBuf,
    },
    /// Inputs side by side have not the same groups.
    #[error("'{}' has no row of a group that '{}' has", .lacking.display(), .having.display())]
    Groups {
        /// Which lacks one.
        lacking: PathBuf,
        /// Which has it.
        having: PathBuf,
    },
    /// The parts of the result do not go together; in words.
    #[error("{0}")]
    Part(String),
    /// A word of the command cannot be filled.
    #[error(transparent)]
    Word(#[from] WordError),
    /// The command cannot be started.
    #[error("cannot run '{program}': {source}")]
    Start {
        /// Its first word.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of ours.
    #[error("cannot {attempt} '{}': {source}", .path.display())]
    File {
        /// What was tried.
        attempt: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A partition failed, and the rest was stopped.
    #[error("{}", if *.0 == 1 { "a partition failed".to_owned() } else { format!("{} partitions failed", .0) })]
    Failed(usize),
    /// Partitions failed, and not enough of the input is left.
    #[error("{failed} of {all} partitions failed")]
    TooMany {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// It was told to stop.
    #[error("interrupted by the user")]
    Interrupted,
}

impl MapError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::File { attempt: "read", path: path.to_path_buf(), source }
    }
}

/// What makes partitions.
pub trait Cutter: Send {
    /// The next one; none at the end.
    ///
    /// # Errors
    /// The input cannot be read or divided.
    fn next(&mut self) -> Result<Option<Portion>, MapError>;

    /// How long one of so many rows took, in seconds.
    fn learn(&mut self, rows: u64, seconds: f64);

    /// About how many rows are not in a partition yet; none where nobody knows.
    fn remaining(&self) -> Option<u64>;

    /// What partitions cost, as far as it is known.
    fn cost(&self) -> Option<Cost>;
}

/// What is told while it goes on.
pub trait Teller: Sync {
    /// A partition begins; `all` is about how many rows there are, where that is known.
    fn begins(&self, portion: &Portion, all: Option<u64>);

    /// A partition has ended.
    fn ended(&self, part: &Part);
}

/// What to do about a partition that failed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Failing {
    /// Stop all others.
    Fast,
    /// Go on, and be content if this share of the rows, from 0 to 1, came out well.
    KeepGoing {
        /// The share.
        enough: f64,
    },
}

/// A map at work.
pub struct Map<'a> {
    /// How many partitions are worked on at a time, at most.
    pub jobs: usize,
    /// The budget.
    pub tokens: &'a Tokens,
    /// What is known of a broken run, and noted of this one.
    pub keep: &'a Keep,
    /// Runs the command.
    pub performer: &'a Performer<'a>,
    /// The only partition that is worked on; all without one.
    pub wanted: Option<u64>,
    /// What to do about failures.
    pub failing: Failing,
    /// Who is told.
    pub teller: &'a dyn Teller,
    /// The time.
    pub clock: &'a Clock,
}

/// What the threads share.
struct Shared<'c> {
    cutter: Mutex<&'c mut dyn Cutter>,
    joiner: Mutex<&'c mut Joiner>,
    /// Rows and seconds of which the cutter does not know yet: it may be waiting for its input.
    learnt: Mutex<Vec<(u64, f64)>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether someone works without a token.
    without: bool,
    /// Partitions that are ready and may not begin yet.
    waiting: BTreeSet<u64>,
    parts: Vec<Part>,
    /// Why nothing more is begun.
    error: Option<MapError>,
    over: bool,
}

/// The right to work on a partition.
enum Right {
    Without,
    Token,
}

/// A partition, how long it took to cut it, and about how many rows are left.
struct Cut {
    portion: Portion,
    took: Duration,
    left: Option<u64>,
}

impl Shared<'_> {
    /// The next partition; none at the end.
    fn cut(&self) -> Result<Option<Cut>, MapError> {
        let mut cutter = hold(&self.cutter);
        for (rows, seconds) in hold(&self.learnt).drain(..) {
            cutter.learn(rows, seconds);
        }
        let began = Instant::now();
        match cutter.next() {
            Err(MapError::Rows(RowsError::Stopped)) => Ok(None),
            next => Ok(next?.map(|portion| Cut { portion, took: began.elapsed(), left: cutter.remaining() })),
        }
    }
}

impl Map<'_> {
    /// Runs it to the end. What became of each partition comes back also if it failed; the result is not placed yet.
    pub fn run(&self, cutter: &mut dyn Cutter, joiner: &mut Joiner) -> (Vec<Part>, Result<(), MapError>) {
        let shared = Shared {
            cutter: Mutex::new(cutter),
            joiner: Mutex::new(joiner),
            learnt: Mutex::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        std::thread::scope(|scope| {
            let (_over, end) = channel::<()>();
            let spread = move || {
                while end.recv_timeout(SPREAD) == Err(RecvTimeoutError::Timeout) {
                    self.tokens.balance();
                }
            };
            // Without it what one command does not need stays with it.
            std::thread::Builder::new().name("tokens".to_owned()).spawn_scoped(scope, spread).ok();
            for number in 1..self.jobs.max(1) {
                let (shared, seat) = (&shared, Seat::new(number));
                let work = move || self.work(shared, seat);
                // With fewer threads it takes longer, that is all.
                if std::thread::Builder::new().name(format!("map {number}")).spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            self.work(&shared, Seat::new(0));
        });
        for (rows, seconds) in hold(&shared.learnt).drain(..) {
            hold(&shared.cutter).learn(rows, seconds);
        }
        let mut state = shared.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.parts.sort_by_key(|part| part.index);
        let joiner = shared.joiner.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        for part in &mut state.parts {
            part.joined = joiner.time_of(part.index);
        }
        let result = self.judge(&state.parts, state.error.take());
        (state.parts, result)
    }

    fn judge(&self, parts: &[Part], error: Option<MapError>) -> Result<(), MapError> {
        if self.performer.is_stopped() && !self.performer.stopped_itself() {
            return Err(MapError::Interrupted);
        }
        if let Some(error) = error {
            return Err(error);
        }
        let failed = parts.iter().filter(|part| part.status == Status::Failed);
        let rows = |parts: &mut dyn Iterator<Item = &Part>| parts.map(|part| part.count).sum::<u64>();
        let (lost, all) = (rows(&mut failed.clone()), rows(&mut parts.iter()));
        // Without rows nothing of what was tried has succeeded.
        let share = if all == 0 { 0.0 } else { (all - lost) as f64 / all as f64 };
        match (failed.count(), self.failing) {
            (0, _) => Ok(()),
            (failed, Failing::Fast) => Err(MapError::Failed(failed)),
            (_, Failing::KeepGoing { enough }) if share >= enough => Ok(()),
            (failed, Failing::KeepGoing { .. }) => Err(MapError::TooMany { failed, all: parts.len() }),
        }
    }

    /// What one thread does.
    fn work(&self, shared: &Shared<'_>, mut seat: Seat) {
        while !self.performer.is_stopped() && !hold(&shared.state).over {
            let went = self.one(shared, &mut seat);
            let mut state = hold(&shared.state);
            state.over |= !matches!(went, Ok(true));
            if let Err(error) = went {
                state.error.get_or_insert(error);
                self.performer.stop();
            }
            drop(state);
            shared.changed.notify_all();
        }
        self.performer.leave(seat);
    }

    /// Waits until the command may run on a partition; none when nothing more is to begin.
    fn right(&self, shared: &Shared<'_>, index: u64) -> Option<Right> {
        let mut state = hold(&shared.state);
        state.waiting.insert(index);
        let right = loop {
            if self.performer.is_stopped() {
                break None;
            }
            let is_next = state.waiting.first() == Some(&index);
            if is_next && !state.without {
                state.without = true;
                break Some(Right::Without);
            }
            if is_next && self.tokens.take() {
                break Some(Right::Token);
            }
            state = shared.changed.wait_timeout(state, PAUSE).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        };
        state.waiting.remove(&index);
        drop(state);
        shared.changed.notify_all();
        right
    }

    fn give_back(&self, shared: &Shared<'_>, right: &Right) {
        match right {
            Right::Without => hold(&shared.state).without = false,
            Right::Token => self.tokens.give_back(),
        }
        shared.changed.notify_all();
    }

    /// Cuts a partition and sees to it; false if there was none, or nothing more is to be done.
    fn one(&self, shared: &Shared<'_>, seat: &mut Seat) -> Result<bool, MapError> {
        let Some(cut) = shared.cut()? else { return Ok(false) };
        let portion = &cut.portion;
        if self.wanted.is_some_and(|wanted| wanted != portion.index) {
            portion.forget();
            return Ok(true);
        }
        let resumed = self.performer.part(portion.index);
        if self.wanted.is_none() && self.keep.finished(portion, &resumed) {
            portion.forget();
            let part = Part::resumed(portion.index, portion.first, portion.count);
            self.teller.ended(&part);
            hold(&shared.state).parts.push(part);
            hold(&shared.joiner).accept(portion, Some(resumed))?;
            return Ok(true);
        }
        self.keep.cut(portion);
        let Some(right) = self.right(shared, portion.index) else {
            portion.forget();
            return Ok(false);
        };
        self.teller.begins(portion, cut.left.map(|left| portion.first + portion.count + left));
        let tried = self.performer.perform(portion, seat, self.clock);
        self.give_back(shared, &right);
        self.settle(shared, &cut, tried?)
    }

    /// Takes down what became of a partition, and hands in its part; false if nothing more is to be done.
    fn settle(&self, shared: &Shared<'_>, cut: &Cut, tried: Tried) -> Result<bool, MapError> {
        let (Cut { portion, took, .. }, Tried { mut part, result, seconds, is_typical }) = (cut, tried);
        part.requested = portion.requested;
        part.cut = *took;
        part.ran = Duration::from_secs_f64(seconds);
        if let Some(result) = &result {
            if is_typical {
                hold(&shared.learnt).push((portion.count, seconds));
            }
            self.keep.finish(portion, result)?;
            portion.release();
        }
        let status = part.status;
        self.teller.ended(&part);
        hold(&shared.state).parts.push(part);
        match (status, self.failing) {
            (Status::Failed, Failing::Fast) => {
                self.performer.stop();
                return Ok(false);
            }
            (Status::NotStarted, _) => return Ok(false),
            _ => hold(&shared.joiner).accept(portion, result)?,
        }
        Ok(self.wanted.is_none())
    }
}

/// How a command ended that did not succeed: its exit code, or the signal as a negative number.
fn ending(code: i32) -> String {
    if code < 0 { format!("ended by signal {}", -code) } else { format!("exited with {code}") }
}

#[cfg(test)]
mod tests;
