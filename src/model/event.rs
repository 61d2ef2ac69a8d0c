//! The one stream in which the runner and everything that shows a run meet.
//!
//! The runner makes events and never prints; the screen, the JSON answer and the reports only
//! read them. Times are taken where the thing happens, not where it is shown. Events are owned
//! and serialisable: they are written to disk and read back later.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::about::About;
use super::fault::Fault;
use super::reason::Verdict;
use super::stage::StageId;
use super::values::{GitFacts, Values};

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Time of day, nanoseconds since 1970 UTC.
    pub at: i128,
    /// Since the run began, from a clock that does not jump.
    #[serde(with = "nanoseconds")]
    pub elapsed: Duration,
    /// What it was.
    #[serde(rename = "event")]
    pub kind: EventKind,
}

/// What can happen in a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A run begins; what it is to do is not known yet.
    RunOpened(Box<About>),
    /// The plan stands; nothing has run.
    RunStarted {
        /// Name of the run and of its folder of logs.
        run: String,
        /// Stages of the plan in DVC's order of evaluation.
        plan: Vec<Planned>,
        /// Job slots.
        jobs: usize,
        /// The queues of the plan's stages that have a limit, with their slots.
        #[serde(default)]
        queues: IndexMap<String, usize>,
    },
    /// Where git stood when the first stage began, or the run failed before.
    GitStood(GitFacts),
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
        #[serde(with = "nanoseconds")]
        after: Duration,
    },
    /// A stage's commands have run for longer than they should; told once for each try.
    Slow {
        /// Which stage.
        stage: StageId,
        /// For how long so far.
        #[serde(with = "nanoseconds")]
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
        #[serde(with = "nanoseconds")]
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
    /// Parameters and metrics as they are when the last stage is over.
    ValuesKept(Box<Values>),
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

impl EventKind {
    /// Whether it says nothing to who reads of the run later.
    pub fn is_live_only(&self) -> bool {
        matches!(self, Self::Line { .. } | Self::Asked { .. } | Self::Tick)
    }

    /// Does something to each text that is not ours: names, paths, commands, values, messages. Parameters and metrics
    /// that are kept are not among them; they are to be compared later.
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        match self {
            Self::RunOpened(about) => about.each_text(edit),
            Self::RunStarted { plan, queues, .. } => plan_texts(plan.iter_mut().collect(), queues, edit),
            Self::GitStood(facts) => facts.each_text(edit),
            Self::Judged { verdict: Verdict::Stale(reasons), .. } => reasons.iter_mut().for_each(|reason| reason.each_text(edit)),
            Self::Retrying { outcome, .. } | Self::Finished { outcome, .. } => outcome.each_text(edit),
            Self::Said { saying: Saying::GeneratingLock(text) | Saying::UpdatingLock(text), .. }
            | Self::Command { cmd: text, .. }
            | Self::Waiting { what: text, .. }
            | Self::Notice { text, .. } => edit(text),
            Self::RunFinished { fault, to_track, .. } => {
                fault.iter_mut().for_each(|fault| fault.each_text(edit));
                to_track.iter_mut().for_each(edit);
            }
            Self::Judged { .. }
            | Self::Started { .. }
            | Self::Slow { .. }
            | Self::Said { .. }
            | Self::Line { .. }
            | Self::Interrupted { .. }
            | Self::Asked { .. }
            | Self::ValuesKept(_)
            | Self::Tick => {}
        }
    }
}

/// Does something to each text of a plan and its queues. Queues that had different names still have.
pub fn plan_texts(plan: Vec<&mut Planned>, queues: &mut IndexMap<String, usize>, edit: &mut dyn FnMut(&mut String)) {
    let mut names: IndexMap<String, String> = IndexMap::new();
    for queue in queues.keys().chain(plan.iter().map(|planned| &planned.queue)) {
        if !names.contains_key(queue) {
            let mut name = queue.clone();
            edit(&mut name);
            let taken = |name: &String| names.values().any(|other| other == name);
            let free = (2..).map(|number| format!("{name} ({number})")).find(|name| !taken(name)).filter(|_| taken(&name));
            names.insert(queue.clone(), free.unwrap_or(name));
        }
    }
    let of = |queue: &String| names.get(queue).cloned().unwrap_or_default();
    *queues = queues.iter().map(|(queue, slots)| (of(queue), *slots)).collect();
    for planned in plan {
        planned.queue = of(&planned.queue);
        planned.cmds.iter_mut().chain([&mut planned.address, &mut planned.file]).for_each(&mut *edit);
    }
}

/// A duration as a whole number of nanoseconds.
pub mod nanoseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is no such number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_nanos(u64::deserialize(deserializer)?))
    }
}

/// What keeps a ready stage from starting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
    /// The file that defines it, relative to the root.
    #[serde(default)]
    pub file: String,
}

/// DVC's sentences about a stage at work, as data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    #[serde(with = "nanoseconds")]
    pub running: Duration,
    /// How long hashing, storing and recording took.
    #[serde(with = "nanoseconds")]
    pub saving: Duration,
    /// What the commands used; none where none ended.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// Exit code of the last command, negative for a signal; none if none ended.
    pub returncode: Option<i32>,
    /// The log file, relative to the root; none where the terminal was inherited.
    pub log: Option<String>,
}

/// What commands used of the machine, with all that they started and waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time of their own.
    #[serde(with = "nanoseconds")]
    pub user: Duration,
    /// CPU time of the system for them.
    #[serde(with = "nanoseconds")]
    pub system: Duration,
    /// The most memory that one process held, in bytes. The system counts from the fork, so it is never
    /// less than what this program held then.
    pub peak_rss: u64,
}

impl Usage {
    /// That of two commands, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system, peak_rss: self.peak_rss.max(other.peak_rss) }
    }
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
    /// Does something to each text of it.
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        self.fault.iter_mut().for_each(|fault| fault.each_text(edit));
    }

    /// An end without an attempt.
    pub fn plain(status: Status) -> Self {
        Self { status, attempt: None, fault: None, ended_by: None }
    }
}
