//! The one stream in which the runner and everything that shows a run meet.
//!
//! The runner makes events and never prints; the screen, the JSON answer and the reports only
//! read them. Times are taken where the thing happens, not where it is shown. Events are owned
//! and serialisable: they are written to disk and read back later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::reason::Verdict;
use super::stage::StageId;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Time of day, nanoseconds since 1970 UTC.
    pub at: i128,
    /// Since the run began, from a clock that does not jump.
    pub elapsed: Duration,
    /// What it was.
    pub kind: EventKind,
}

/// What can happen in a run.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// The plan stands; nothing has run.
    RunStarted {
        /// Name of the run and of its folder of logs.
        run: String,
        /// Stages of the plan in DVC's order of evaluation.
        plan: Vec<Planned>,
        /// Job slots.
        jobs: usize,
    },
    /// It was found whether a stage must run.
    Judged {
        /// Which.
        stage: StageId,
        /// With the reasons.
        verdict: Verdict,
    },
    /// A stage's work began.
    Started {
        /// Which.
        stage: StageId,
        /// What it has while it works.
        slots: Slots,
        /// Which try, from 1.
        attempt: u32,
    },
    /// A stage failed and will be tried again.
    Retrying {
        /// Which.
        stage: StageId,
        /// How the try ended.
        outcome: Outcome,
        /// How many tries there will be at most.
        tries: u32,
        /// When the next one begins.
        after: Duration,
    },
    /// A stage's commands have run for longer than they should; told once for each try.
    Slow {
        /// Which stage.
        stage: StageId,
        /// For how long so far.
        since: Duration,
    },
    /// One of the stage's commands is about to run.
    Command {
        /// Which stage.
        stage: StageId,
        /// The command line.
        cmd: String,
        /// Whether it is the stage's first.
        first: bool,
    },
    /// Something DVC says of a stage while it works.
    Said {
        /// Which stage.
        stage: StageId,
        /// What.
        saying: Saying,
    },
    /// A line that a stage printed (live only).
    Line {
        /// Which stage.
        stage: StageId,
        /// Where it printed.
        stream: Stream,
        /// The bytes without the line's end.
        text: Vec<u8>,
    },
    /// A stage is over.
    Finished {
        /// Which.
        stage: StageId,
        /// How.
        outcome: Outcome,
    },
    /// A stage waits for something that another process holds.
    Waiting {
        /// Which stage; none for the run as a whole.
        stage: Option<StageId>,
        /// What is waited for, and who holds it.
        what: String,
        /// For how long so far.
        since: Duration,
    },
    /// The user or the system asked to stop.
    Interrupted {
        /// How often so far.
        times: u32,
    },
    /// The user asked how it stands.
    Asked {
        /// The last lines of the stages that run, where they are kept.
        lines: Vec<(StageId, Vec<Vec<u8>>)>,
        /// Why ready stages do not start.
        lacks: Vec<(StageId, Vec<Limit>)>,
    },
    /// A remark.
    Notice {
        /// How loud.
        level: Level,
        /// What.
        text: String,
    },
    /// Time passed (live only): what moves may be drawn anew.
    Tick,
    /// Nothing more will come.
    RunFinished {
        /// The run's failure as the exit code tells it.
        fault: Option<Fault>,
        /// Files that changed and that git should know, relative to the current directory.
        to_track: Vec<String>,
        /// Whether they were staged already (`core.autostage`).
        staged: bool,
    },
}

/// What keeps a ready stage from starting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Limit {
    /// All job slots are taken.
    Job,
    /// All jobs that it shares with other programs are taken.
    Token,
    /// Something that stages share, as people call it.
    Shared(String),
}

/// What a stage has while it runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Slots {
    /// Its job slot, from 0.
    pub job: usize,
    /// The numbers of its queue's slots; none where the queue has no limit.
    pub queue: Vec<usize>,
}

impl Slots {
    /// The numbers that the stage goes by: those of its queue, else its job slot.
    pub fn numbers(&self) -> &[usize] {
        if self.queue.is_empty() { std::slice::from_ref(&self.job) } else { &self.queue }
    }
}

/// A stage of the plan, as those who show it need it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Planned {
    /// Its number.
    pub stage: StageId,
    /// Its address as seen from the current directory.
    pub address: String,
    /// Whether it is the stage of a `.dvc` file.
    pub data_file: bool,
    /// Whether it is frozen.
    pub frozen: bool,
    /// The stages of the plan that it depends on directly.
    pub upstream: Vec<StageId>,
    /// Commands as they will run.
    pub cmds: Vec<String>,
    /// Longest path from a stage without upstream, from 0.
    pub level: usize,
    /// The queue that gives it a slot.
    pub queue: String,
}

/// DVC's sentences about a stage at work, as data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Saying {
    /// `Stage 'x' is cached - skipping run, checking out outputs`
    IsCached,
    /// `Verifying data sources in stage: 'x.dvc'`
    VerifyingDataSources,
    /// `Verifying outputs in frozen stage: 'x'`
    VerifyingFrozen,
    /// `Generating lock file 'dvc.lock'`
    GeneratingLock(String),
    /// `Updating lock file 'dvc.lock'`
    UpdatingLock(String),
    /// `Pulling data for stage: 'x'`
    Pulling,
}

/// Where a stage printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How loud a remark is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Level {
    /// Only with `-v`.
    Debug,
    /// As DVC's plain lines.
    Info,
    /// `WARNING: …`
    Warning,
    /// `ERROR: …`
    Error,
}

/// How a stage ended (the words of the JSON answer).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The command ran and succeeded.
    Ran,
    /// Outputs and lock entry came from the cache.
    Restored,
    /// A `.dvc` file or a frozen stage was hashed again.
    Updated,
    /// `--dry`: it would run.
    Planned,
    /// Nothing to do.
    Unchanged,
    /// Frozen, nothing to do.
    Frozen,
    /// Attempted and failed.
    Failed,
    /// Left out because a stage it depends on failed.
    UpstreamFailed,
    /// Interrupted; not recorded.
    Stopped,
    /// Not reached.
    NotStarted,
}

/// What ended a stage from outside, or before it could succeed or fail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// It ran too long.
    Timeout,
    /// The user or the system asked to stop.
    Interrupt,
    /// A signal that was not ours.
    Signal,
    /// One of its `early_stop` codes.
    EarlyStop,
}

/// Times and results of the commands of one stage.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Attempt {
    /// Which try, from 1.
    pub number: u32,
    /// Time of day at which the work began, nanoseconds since 1970 UTC.
    pub started: i128,
    /// Time of day at which it ended.
    pub ended: i128,
    /// How long the commands ran.
    pub running: Duration,
    /// How long hashing, storing and recording took.
    pub saving: Duration,
    /// Exit code of the last command, negative for a signal; none if none ended.
    pub returncode: Option<i32>,
    /// The log file, relative to the root; none where the terminal was inherited.
    pub log: Option<String>,
}

/// The end of a stage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Times; none where nothing was attempted.
    pub attempt: Option<Attempt>,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// What ended it, if it was not its command alone.
    pub ended_by: Option<EndedBy>,
}

impl Outcome {
    /// An end without an attempt.
    pub fn plain(status: Status) -> Self {
        Self { status, attempt: None, fault: None, ended_by: None }
    }
}
