//! What paraffin.yaml asks for: queues with slots, and terms on which stages run.
//!
//! Values only. How the file is read is for `format::paraffin`, which pattern counts for which
//! stage for `plan::terms`. What the file does not say is `None`, so that it is known later who
//! said what.

use std::time::Duration;

use indexmap::IndexMap;

use super::finding::Weight;

/// The queue of a stage that no pattern matches.
pub const DEFAULT_QUEUE: &str = "default";

/// How long a stage that was told to end may take before it is killed.
pub const GRACE: Duration = Duration::from_secs(10);

/// How many bytes of a log are kept.
pub const LOG_MAX: u64 = 1 << 30;

/// The whole file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// Job slots where the command line names none.
    pub jobs: Option<usize>,
    /// Pattern on stages → queue, in the order of the file; the first match counts.
    pub queue: IndexMap<String, String>,
    /// What holds for the stages of a queue.
    pub queues: IndexMap<String, Rule>,
    /// Pattern on stages → what holds for them; for each setting the first match that gives it
    /// counts, before what their queue says.
    pub stages: IndexMap<String, Rule>,
    /// How much there is of each resource.
    pub resources: IndexMap<String, u64>,
    /// Regular expressions for what must not be seen in reports, logs and journals.
    pub mask: Vec<String>,
    /// Which journals of runs are kept.
    pub keep_runs: KeepRuns,
    /// What the hooks of git do.
    pub hooks: Hooks,
}

/// What the hooks of git do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hooks {
    /// Before a push.
    pub pre_push: PrePush,
    /// Before a commit.
    pub pre_commit: PreCommit,
    /// After a checkout.
    pub post_checkout: PostCheckout,
}

/// What is asked of the commits that are pushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrePush {
    /// How much a stale lock matters; none: it is not looked at.
    pub lock: Option<Weight>,
    /// How much it matters that content is in no cache; none: it is not looked up.
    pub cache: Option<Weight>,
    /// What becomes of the content in the remote.
    pub push: Push,
}

impl Default for PrePush {
    fn default() -> Self {
        Self { lock: Some(Weight::Error), cache: Some(Weight::Warn), push: Push::Off }
    }
}

/// What becomes of the content of outputs in a remote before a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Push {
    /// Nothing.
    #[default]
    Off,
    /// It must be there.
    Check,
    /// It is brought there.
    Run,
}

/// What is asked of the index before a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PreCommit {
    /// How much a stale lock matters; none: it is not looked at.
    pub lock: Option<Weight>,
    /// Whether what changed is run first.
    pub run: bool,
}

impl Default for PreCommit {
    fn default() -> Self {
        Self { lock: Some(Weight::Error), run: false }
    }
}

/// What follows a checkout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PostCheckout {
    /// Whether outputs are brought to what dvc.lock says.
    pub run: bool,
}

impl Default for PostCheckout {
    fn default() -> Self {
        Self { run: true }
    }
}

/// Which runs are kept; one that goes on always is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepRuns {
    /// The newest, so many.
    pub number: Option<usize>,
    /// Those that began within this time.
    pub age: Option<Duration>,
}

impl Default for KeepRuns {
    fn default() -> Self {
        Self { number: Some(50), age: None }
    }
}

/// What a queue or a pattern says of its stages.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rule {
    /// Of a queue: how many slots it has. Of a pattern: how many of them a stage takes.
    pub slots: Option<usize>,
    /// Variables that its stages see.
    pub env: IndexMap<String, EnvValue>,
    /// When a stage is stopped; `Some(None)`: never.
    pub timeout: Option<Option<Duration>>,
    /// How long it may take to end then.
    pub grace: Option<Duration>,
    /// Whether it is tried again.
    pub retries: Option<Retries>,
    /// When a stage is shown as slow; `Some(None)`: never.
    pub slow_after: Option<Option<Duration>>,
    /// How many bytes of its log are kept, half of them from the beginning.
    pub log_max: Option<u64>,
    /// Larger starts first.
    pub priority: Option<i64>,
    /// How much it takes of which resource.
    pub needs: Option<IndexMap<String, u64>>,
    /// Names that only one running stage may hold.
    pub mutex: Option<Vec<String>>,
    /// Exit codes that end the run early, without failure.
    pub early_stop: Option<Vec<i32>>,
    /// Whether make, cargo and the like get their share of the jobs.
    pub jobserver: Option<bool>,
    /// Where its settings stand in the file: the line of each key.
    pub lines: IndexMap<String, usize>,
}

/// The value of a variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EnvValue {
    /// The same for all.
    One(String),
    /// One for each slot of the queue.
    PerSlot(Vec<String>),
}

/// When a failed stage is tried again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retries {
    /// Further tries after the first.
    pub max: u32,
    /// What counts; all failures of the command if empty.
    pub on: Vec<Cause>,
    /// How long to wait before the next try.
    pub backoff: Duration,
}

/// What ended a command that did not succeed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// An exit code.
    Code(i32),
    /// A signal, by number.
    Signal(i32),
    /// It ran too long.
    Timeout,
}

impl Cause {
    /// What an exit code says, negative for a signal.
    pub fn of(returncode: i32) -> Self {
        if returncode < 0 { Self::Signal(-returncode) } else { Self::Code(returncode) }
    }

    /// Whether this is what happened. A shell tells of a command that died of a signal by the exit
    /// code 128 and the signal's number.
    fn covers(self, happened: Self) -> bool {
        self == happened || matches!((self, happened), (Self::Signal(number), Self::Code(code)) if code == 128 + number)
    }
}

impl Retries {
    /// Whether a command that ended so is tried again after this many tries.
    pub fn again(&self, tries: u32, cause: Cause) -> bool {
        tries <= self.max && (self.on.is_empty() || self.on.iter().any(|wanted| wanted.covers(cause)))
    }
}

/// Who gave a setting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// Nobody: it is what holds without a word.
    Default,
    /// The entry of a queue.
    Queue(String),
    /// A pattern of `stages`.
    Stages(String),
    /// A pattern of `queue`.
    Pattern(String),
    /// A flag.
    CommandLine,
}

/// The terms on which one stage runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Terms {
    /// Its queue.
    pub queue: String,
    /// How many slots of the queue it takes.
    pub slots: usize,
    /// Variables that it sees.
    pub env: IndexMap<String, EnvValue>,
    /// When it is stopped.
    pub timeout: Option<Duration>,
    /// How long it may take to end then.
    pub grace: Duration,
    /// Whether it is tried again.
    pub retries: Retries,
    /// When it is shown as slow.
    pub slow_after: Option<Duration>,
    /// How many bytes of its log are kept.
    pub log_max: u64,
    /// Larger starts first.
    pub priority: i64,
    /// How much it takes of which resource.
    pub needs: IndexMap<String, u64>,
    /// Names that only one running stage may hold.
    pub mutex: Vec<String>,
    /// Exit codes that end the run early, without failure.
    pub early_stop: Vec<i32>,
    /// Whether make, cargo and the like get their share of the jobs.
    pub jobserver: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            queue: DEFAULT_QUEUE.to_owned(),
            slots: 1,
            env: IndexMap::new(),
            timeout: None,
            grace: GRACE,
            retries: Retries::default(),
            slow_after: None,
            log_max: LOG_MAX,
            priority: 0,
            needs: IndexMap::new(),
            mutex: Vec::new(),
            early_stop: Vec::new(),
            jobserver: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_tried_again_as_often_as_allowed_and_only_if_it_counts() {
        let any = Retries { max: 2, ..Retries::default() };
        assert!(any.again(1, Cause::Code(1)) && any.again(2, Cause::Timeout) && !any.again(3, Cause::Code(1)));
        let some = Retries { max: 1, on: vec![Cause::Code(75), Cause::Signal(9)], ..Retries::default() };
        assert!(some.again(1, Cause::Code(75)) && some.again(1, Cause::of(-9)) && some.again(1, Cause::of(137)));
        assert!(!some.again(1, Cause::Code(1)) && !some.again(1, Cause::Timeout) && !some.again(1, Cause::Signal(15)));
        assert!(!Retries::default().again(1, Cause::Code(1)));
    }
}
