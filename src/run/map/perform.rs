//! The command on one partition, with its tries.
//!
//! Its files stand in the folder of the map, named by the partition's number: what it reads, what it writes, and
//! its log. A try begins without the output of the one before. Without a place for it in the words of the command,
//! a partition is standard input, and standard output is the part.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::format::map::words::{Place, Words};
use crate::model::mapped::{Part, Status};
use crate::model::{Address, RepoPath, StageId, Usage};
use crate::run::child::{Children, Ended, Limits, Terminal, returncode};
use crate::run::clock::Clock;
use crate::run::tokens::{Open, Tokens};
use crate::run::within::{self, Within};

use super::cut::Portion;
use super::{MapError, ending, persistent, told};
use persistent::Worker;

/// Runs a command on partitions.
pub struct Performer<'a> {
    /// The processes that run.
    pub children: &'a Children,
    /// The budget that the commands may draw from.
    pub tokens: &'a Tokens,
    /// The stages around.
    pub within: &'a Within,
    /// The command.
    pub words: &'a Words,
    /// Where the files of partitions stand.
    pub dir: &'a Path,
    /// Where tries leave their output. What a killed run started may still write into one of its own, and never into a
    /// part of this.
    pub tries: &'a Path,
    /// The end of the names of parts.
    pub suffix: &'a OsStr,
    /// What the commands have in their environment beside ours.
    pub env: &'a [(&'static str, OsString)],
    /// How many tries there are after the first.
    pub retries: u32,
    /// How long a try may take.
    pub timeout: Option<Duration>,
    /// Between the signal that asks and the one that kills.
    pub grace: Duration,
    /// Whether the command is a worker that does many partitions.
    pub persistent: bool,
    /// Whether a part may be a directory.
    pub takes_directories: bool,
    /// Whether the rest was stopped because a partition failed.
    pub gave_up: AtomicBool,
}

/// What one of the threads holds: its number, and its worker.
#[derive(Debug)]
pub struct Seat {
    number: u32,
    worker: Option<Worker>,
    /// A log in which nothing stands: most stay so, and a new file costs more than all else of a small partition.
    log: Option<File>,
}

impl Seat {
    /// Of the thread with this number.
    pub fn new(number: usize) -> Self {
        Self { number: u32::try_from(number).unwrap_or(u32::MAX), worker: None, log: None }
    }
}

/// What became of a partition.
#[derive(Debug)]
pub struct Tried {
    /// In numbers.
    pub part: Part,
    /// Its part of the result; none if it failed.
    pub result: Option<PathBuf>,
    /// How long the last try took.
    pub seconds: f64,
    /// Whether others take as long: the first of a worker waits until it has started.
    pub is_typical: bool,
}

/// One try.
#[derive(Clone, Copy)]
struct Try<'t> {
    portion: &'t Portion,
    /// Which, from 1.
    attempt: u32,
    /// Where its part is to be.
    out: &'t Path,
    log: &'t File,
}

/// How a try went wrong, in words, and its exit code.
struct Wrong(String, Option<i32>);

impl Performer<'_> {
    /// Whether nothing more is to begin.
    pub fn is_stopped(&self) -> bool {
        self.children.stopping()
    }

    /// Whether that is because a partition failed.
    pub fn stopped_itself(&self) -> bool {
        self.gave_up.load(Ordering::SeqCst)
    }

    /// Stops what runs, because it is of no use any more.
    pub fn stop(&self) {
        if !self.children.stopping() {
            self.gave_up.store(true, Ordering::SeqCst);
            self.children.stop(Signal::TERM, false);
        }
    }

    /// Runs the command on a partition until it succeeds or there are no more tries.
    ///
    /// # Errors
    /// It cannot be run at all, or was told to stop.
    pub fn perform(&self, portion: &Portion, seat: &mut Seat, clock: &Clock) -> Result<Tried, MapError> {
        let log = self.dir.join(self.name(portion.index, "log", OsStr::new("")));
        let mut part = Part { label: portion.label.clone(), ..Part::new(portion.index, portion.first, portion.count) };
        let file = |attempt, path: &Path| {
            let path = path.to_path_buf();
            move |source| MapError::File { attempt, path, source }
        };
        let blank = self.dir.join(format!("blank-{}", seat.number));
        let log_file = seat.log.take().map_or_else(|| File::create(&blank).map_err(file("create", &blank)), Ok)?;
        let (mut seconds, mut is_typical, mut out) = (0.0, true, PathBuf::new());
        for attempt in 1..=self.retries.saturating_add(1) {
            if attempt > 1 && !portion.is_intact() {
                part.why = part.why.map(|why| format!("{why}; it has changed its input, so there was no other try"));
                break;
            }
            is_typical = !self.persistent || seat.worker.is_some();
            part.attempt = attempt;
            out = self.try_of(portion.index, attempt);
            part.started = Some(clock.now());
            let began = Instant::now();
            let went = self.once(Try { portion, attempt, out: &out, log: &log_file }, seat)?;
            seconds = began.elapsed().as_secs_f64();
            part.ended = Some(clock.now());
            let (status, usage) = went;
            part.usage = part.usage.and(usage);
            match status {
                // It ended well because it was told to end, and its part may be half of one.
                Ok(()) if self.children.stopping() => {}
                Ok(()) => {
                    (part.status, part.returncode, part.why) = (Status::Ran, Some(0), None);
                    break;
                }
                Err(Wrong(why, code)) => {
                    (part.status, part.returncode, part.why) = (Status::Failed, code, Some(why));
                }
            }
            if self.children.stopping() {
                part.status = Status::NotStarted;
                break;
            }
        }
        let said = log_file.metadata().is_ok_and(|meta| meta.len() > 0);
        if said || part.status == Status::Failed {
            fs::rename(&blank, &log).map_err(file("make", &log))?;
            part.log = Some(log);
        } else {
            // That of a broken run.
            fs::remove_file(&log).ok();
            seat.log = Some(log_file);
        }
        let mut result = None;
        if part.status == Status::Ran {
            let place = self.part(portion.index);
            fs::rename(&out, &place).map_err(file("make", &place))?;
            result = Some(place);
        }
        Ok(Tried { part, result, seconds, is_typical })
    }

    /// There is nothing more to do in this seat.
    pub fn leave(&self, seat: Seat) {
        if let Some(worker) = seat.worker {
            worker.close();
        }
        self.tokens.end(StageId(seat.number));
    }

    /// The command as it would be run on a partition.
    ///
    /// # Errors
    /// A word would have to hold several items.
    pub fn command_of(&self, portion: &Portion) -> Result<Vec<OsString>, MapError> {
        Ok(told::words(self.words, portion, &self.try_of(portion.index, 1))?)
    }

    /// Where a try leaves its output: each in a place of its own, since what the one before has left behind may still write.
    fn try_of(&self, index: u64, attempt: u32) -> PathBuf {
        let what = if attempt == 1 { "out".to_owned() } else { format!("out{attempt}") };
        self.tries.join(self.name(index, &what, self.suffix))
    }

    /// Where the part of a partition stands.
    pub fn part(&self, index: u64) -> PathBuf {
        self.dir.join(self.name(index, "out", self.suffix))
    }

    fn name(&self, index: u64, what: &str, suffix: &OsStr) -> OsString {
        let mut name = OsString::from(format!("{index}.{what}"));
        name.push(suffix);
        name
    }

    /// One try.
    fn once(&self, tried: Try<'_>, seat: &mut Seat) -> Result<(Result<(), Wrong>, Usage), MapError> {
        match fs::remove_file(tried.out) {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(tried.out).ok(),
            other => other.ok(),
        };
        if self.children.stopping() {
            return self.did_not_start(io::ErrorKind::Interrupted.into(), &[]);
        }
        if self.persistent { self.ask(tried, seat) } else { self.run(tried, StageId(seat.number)) }
    }

    /// A process of its own.
    fn run(&self, tried: Try<'_>, id: StageId) -> Result<(Result<(), Wrong>, Usage), MapError> {
        let Try { portion, attempt, out, log } = tried;
        let words = told::words(self.words, portion, out)?;
        let (mut command, open) = self.command(&words, id, format!("map {}", portion.index))?;
        for (name, value) in told::variables(portion, attempt, out) {
            command.env(name, value);
        }
        let stdin = if self.reads() { told::input(portion, self.dir)? } else { None };
        let makes_file = self.words.has(|place| place == Place::Out);
        let stdout = if makes_file { None } else { Some(File::create(out).map_err(|source| MapError::read(out, source))?) };
        let terminal = Terminal::Given { stdin: stdin.as_ref(), out: stdout.as_ref().unwrap_or(log), err: log };
        // A time that no clock reaches is no limit.
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let limits = Limits { deadline, grace: self.grace };
        let ended = self.children.run(id, command, open, &terminal, limits);
        self.tokens.settle(id);
        match ended {
            Ok(ended) => Ok((self.judge(ended, out), ended.usage)),
            Err(error) => self.did_not_start(error, &words),
        }
    }

    /// What it means that a process was not started: that nothing more is to begin, or that nothing can.
    fn did_not_start(&self, error: io::Error, words: &[OsString]) -> Result<(Result<(), Wrong>, Usage), MapError> {
        if error.kind() == io::ErrorKind::Interrupted {
            return Ok((Err(Wrong("it was stopped before it began".to_owned(), None)), Usage::default()));
        }
        Err(not_started(words)(error))
    }

    /// The words that start a worker: it is told of partitions later.
    fn worker_words(&self) -> Result<Vec<OsString>, MapError> {
        Ok(self.words.fill(|_| Vec::new())?.into_iter().map(OsString::from_vec).collect())
    }

    /// The worker of this thread; a new one if it has none, or none that lives.
    fn ask(&self, tried: Try<'_>, seat: &mut Seat) -> Result<(Result<(), Wrong>, Usage), MapError> {
        let Try { portion, attempt, out, log } = tried;
        let id = StageId(seat.number);
        let mut worker = match seat.worker.take().filter(|worker| !worker.is_gone()) {
            Some(worker) => worker,
            None => {
                self.tokens.end(id);
                let words = self.worker_words()?;
                let (command, open) = self.command(&words, id, format!("map worker {}", seat.number))?;
                let errors = tempfile::tempfile_in(self.dir).map_err(not_started(&words))?;
                Worker::start(self.children, id, command, open, errors, self.grace).map_err(not_started(&words))?
            }
        };
        let request = match told::request(portion, attempt, out) {
            Ok(request) => request,
            Err(why) => {
                seat.worker = Some(worker);
                return Ok((Err(Wrong(why, None)), Usage::default()));
            }
        };
        match worker.ask(portion.index, &request, self.timeout, log) {
            Ok(answer) => {
                seat.worker = Some(worker);
                Ok((answer.and_then(|()| self.made(out)).map_err(|why| Wrong(why, None)), Usage::default()))
            }
            Err(wrong) => {
                let usage = worker.close();
                self.tokens.end(id);
                match wrong {
                    persistent::Wrong::Failed(why, code) => Ok((Err(Wrong(why, code)), usage)),
                    persistent::Wrong::NotStarted(error) => self.did_not_start(error, &self.worker_words()?),
                }
            }
        }
    }

    /// Whether a command that says that it succeeded has made its part; if not, why in words. A pipe or a device would keep us waiting
    /// when it is read.
    fn made(&self, out: &Path) -> Result<(), String> {
        match fs::metadata(out) {
            Ok(meta) if meta.is_file() || meta.is_dir() && self.takes_directories => Ok(()),
            Ok(meta) if meta.is_dir() => Err(format!("it succeeded but made a directory of '{}'", out.display())),
            Ok(_) => Err(format!("it succeeded but '{}' is no file", out.display())),
            Err(_) => Err(format!("it succeeded but did not write '{}'", out.display())),
        }
    }

    /// Whether the partition is standard input: no word of the command has it.
    fn reads(&self) -> bool {
        !self.words.has(|place| matches!(place, Place::In(_) | Place::Item))
    }

    /// `of` tells the processes that it starts from those of other partitions.
    fn command(&self, words: &[OsString], id: StageId, of: String) -> Result<(Command, Open), MapError> {
        let mut command = Command::new(words.first().map(OsString::as_os_str).unwrap_or_default());
        command.args(words.get(1..).unwrap_or_default()).envs(self.env.iter().map(|(name, value)| (name, value)));
        // What maps within a partition do is not told of the stage.
        command.env_remove(super::REPORT);
        let address = Address { file: RepoPath::root(), name: Some(of) };
        command.env(within::VARIABLE, self.within.value(&address));
        let open = self.tokens.dress(id, &mut command, true).map_err(not_started(words))?;
        Ok((command, open))
    }

    fn judge(&self, ended: Ended, out: &Path) -> Result<(), Wrong> {
        let code = returncode(ended.status);
        if ended.timed_out {
            let seconds = self.timeout.unwrap_or_default().as_secs_f64();
            return Err(Wrong(format!("stopped after its timeout of {seconds}s"), Some(code)));
        }
        match code {
            0 => self.made(out).map_err(|why| Wrong(why, Some(0))),
            code => Err(Wrong(ending(code), Some(code))),
        }
    }
}

fn not_started(words: &[OsString]) -> impl Fn(io::Error) -> MapError + use<> {
    let program = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    move |source| MapError::Start { program: program.clone(), source }
}
