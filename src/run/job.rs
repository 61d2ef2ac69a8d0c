//! What the work on stages shares within a run, and what belongs to one stage of it.

use std::collections::{HashMap, HashSet};
use std::process::Command;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::event::Level;
use crate::model::settings::{EnvValue, Terms};
use crate::model::{Class, Digest, EventKind, Fault, Pipeline, Record, RepoPath, Stage, StageId};
use crate::store::lock::RepoLock;
use crate::store::rwlock::{Claim, RwLock};

use super::child::Children;
use super::disk::Disk;
use super::drive::{Reply, Start};
use super::error;
use super::ledger::Ledger;
use super::logs::Logs;
use super::orphans::{Note, Orphan, Orphans};
use super::peer::Peer;
use super::perform::Options;
use super::pull::Remotes;
use super::shell::Shell;
use super::tokens::{Open, Tokens};
use super::watch::Watch;
use super::within::{self, Within};

/// How long a wait for someone else lasts before a line says so.
const QUIET: Duration = Duration::from_secs(1);
/// How often it is looked whether someone is still in the way.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// All that the stages of one run share.
pub struct Run<'a> {
    /// The stages.
    pub pipeline: &'a Pipeline,
    /// The work tree and the cache.
    pub disk: Disk,
    /// The processes that run.
    pub children: Children,
    /// The shell of all commands.
    pub shell: Shell,
    /// Where logs go.
    pub logs: Logs,
    /// The name of the run.
    pub name: String,
    /// Its job slots.
    pub jobs: usize,
    /// The job tokens of the run and its stages.
    pub tokens: Tokens,
    /// The terms of each stage, by its place in the plan.
    pub terms: Vec<Terms>,
    /// What was asked for.
    pub options: Options,
    /// Where the output of stages goes.
    pub output: Output,
    /// Whether an inherited standard output is our standard error (`--json`).
    pub to_stderr: bool,
    /// The writer of dvc.lock and .gitignore.
    pub ledger: Mutex<Ledger<'a>>,
    /// Rung when there is something to write, or never will be.
    pub bell: Condvar,
    /// `.dvc/tmp/lock`.
    pub lock: RepoLock,
    /// `.dvc/tmp/rwlock`.
    pub rwlock: RwLock,
    /// The stages that this run is itself part of.
    pub within: Within,
    /// What runs that were killed have left.
    pub orphans: Orphans,
    /// What stages of this run made, by path.
    pub made: Mutex<HashMap<RepoPath, Digest>>,
    /// What of all that was read or made changes when it should not.
    pub watch: Watch,
    /// What dvc.lock said of any stage when the run began.
    pub records: &'a (dyn Fn(&Stage) -> Option<Record> + Sync),
    /// Where missing data comes from (`--pull`).
    pub remotes: Option<Remotes>,
    /// An installed dvc, for what only DVC can do.
    pub peer: Option<Peer>,
    /// Stages that lack data and nothing else, found by the checks of a run with `--pull`.
    pub pullable: Mutex<HashSet<StageId>>,
    /// Variables of our environment that are not for stages.
    pub withheld: Vec<&'static str>,
    /// Whether our own environment has `DVC_ROOT`; it is not overwritten then, as in DVC.
    pub has_dvc_root: bool,
    /// How long a lock is waited for; none: without limit.
    pub patience: Option<Duration>,
    /// Asks the user whether a stage may run (`--interactive`).
    pub confirm: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
}

/// Where the output of stages goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// To the terminal, which a stage has for itself. There is no log.
    Terminal,
    /// To where our own goes, and into a log.
    Both,
    /// Into a log.
    Log,
}

/// One stage at work.
pub struct Job<'a> {
    /// What all stages share.
    pub run: &'a Run<'a>,
    /// Its number.
    pub id: StageId,
    /// Its place in the plan.
    pub place: usize,
    /// Itself.
    pub stage: &'a Stage,
    /// What dvc.lock said of it when the run began.
    pub record: Option<Record>,
    /// Its address as seen from the current directory.
    pub address: String,
    /// Which try it is, and in which slots; meaningless while it is checked.
    pub start: Start,
}

/// The lock on a mutex; a panic elsewhere does not spoil what it guards, since every change
/// goes to disk whole or not at all.
pub fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run<'_> {
    /// Whether git tracks this path or something below it.
    ///
    /// # Errors
    /// Git's index cannot be read.
    pub fn is_tracked(&self, path: &RepoPath) -> Result<bool, Fault> {
        match self.disk.workspace().git() {
            Some(git) => Ok(git.is_tracked(&path.under(self.disk.root()))?),
            None => Ok(false),
        }
    }

    /// Does something while `.dvc/tmp/lock` is held.
    ///
    /// # Errors
    /// The lock could not be had in time, or what `work` says.
    pub fn locked<T>(&self, stage: Option<StageId>, reply: &Reply, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let _guard = self.lock.acquire(self.patience, &mut |holder, since| {
            waiting(reply, stage, &lock_of(holder), since);
            // A result waits to be recorded: it is given up only when all is to be killed.
            !self.children.killed()
        })?;
        work()
    }

    /// Writes what was recorded, if a stage reads a dvc.lock that is behind.
    ///
    /// # Errors
    /// The lock could not be had in time, or a file cannot be written.
    pub fn catch_up(&self, id: StageId, stage: &Stage, reply: &Reply) -> Result<(), Fault> {
        let is_behind = hold(&self.ledger).is_behind_in(stage.reads());
        if is_behind { self.locked(Some(id), reply, || hold(&self.ledger).write()) } else { Ok(()) }
    }

    /// Writes what was recorded whenever it is due, until the ledger is closed. Failures are left to
    /// who comes next: a stage, or the end of the run.
    pub fn keep_up(&self) {
        let mut ledger = hold(&self.ledger);
        while !ledger.is_closed() {
            ledger = match ledger.due() {
                None => self.bell.wait(ledger).unwrap_or_else(PoisonError::into_inner),
                Some(due) if !due.is_zero() => self.bell.wait_timeout(ledger, due).unwrap_or_else(PoisonError::into_inner).0,
                Some(_) => {
                    drop(ledger);
                    let mut go_on = |_: &str, _| !hold(&self.ledger).is_closed() && !self.children.killed();
                    let guard = self.lock.acquire(None, &mut go_on);
                    let mut ledger = hold(&self.ledger);
                    if guard.is_err() || ledger.write().is_err() {
                        ledger.put_off();
                    }
                    ledger
                }
            };
        }
    }

    /// Writes what is left at the end of the run. `waited` hears of a wait, and says whether to go on.
    ///
    /// # Errors
    /// The lock could not be had in time, or a file cannot be written.
    pub fn write_rest(&self, waited: &mut dyn FnMut(EventKind) -> bool) -> Result<(), Fault> {
        if hold(&self.ledger).due().is_none() {
            return Ok(());
        }
        let _guard = self
            .lock
            .acquire(self.patience, &mut |holder, since| waited(EventKind::Waiting { stage: None, what: lock_of(holder), since }))?;
        hold(&self.ledger).write()
    }

    /// Nothing will be recorded any more.
    pub fn close_ledger(&self) {
        hold(&self.ledger).close();
        self.bell.notify_one();
    }
}

/// What is waited for while someone holds the repository's lock.
pub fn lock_of(holder: &str) -> String {
    format!(".dvc/tmp/lock, held by {holder}")
}

impl Run<'_> {
    /// Says that a command of a dead run is waited for.
    ///
    /// # Errors
    /// It has taken too long, or the run was told to stop.
    pub fn waits_for(&self, orphan: &Orphan, since: Duration, stage: StageId, reply: &Reply) -> Result<(), Fault> {
        if self.patience.is_some_and(|patience| since >= patience) {
            return Err(Fault::new(Class::LockError, format!("in the way is {orphan}")));
        }
        if self.children.stopping() {
            return Err(error::interrupted());
        }
        let how = if self.orphans.are_ended() { "was told to end" } else { "--kill-orphans ends it" };
        waiting(reply, Some(stage), &format!("{orphan}; {how}"), since);
        Ok(())
    }
}

/// Says that something is waited for, once it has lasted.
pub(super) fn waiting(reply: &Reply, stage: Option<StageId>, what: &str, since: Duration) {
    if since >= QUIET {
        reply.tell(EventKind::Waiting { stage, what: what.to_owned(), since });
    }
}

impl<'a> Job<'a> {
    /// The disk of the run.
    pub fn disk(&self) -> &'a Disk {
        &self.run.disk
    }

    /// The terms on which the stage runs.
    pub fn terms(&self) -> &'a Terms {
        &self.run.terms[self.place]
    }

    /// Gives a process of the stage the variables that it should see. What comes back must live
    /// until it was started.
    pub fn dress(&self, command: &mut Command, reply: &Reply) -> Open {
        for name in &self.run.withheld {
            command.env_remove(name);
        }
        command.env(within::VARIABLE, self.run.within.value(&self.stage.address));
        let slots = self.start.slots.numbers();
        let joined = |texts: Vec<String>| texts.join(",");
        command.env("PARAFFIN_RUN_ID", &self.run.name).env("PARAFFIN_QUEUE", &self.terms().queue);
        command.env("PARAFFIN_SLOT", joined(slots.iter().map(usize::to_string).collect()));
        command.env("PARAFFIN_JOBS", self.run.jobs.to_string()).env("PARAFFIN_ATTEMPT", self.start.attempt.to_string());
        command.env(super::map::REPORT, self.run.logs.maps(self.place, self.start.attempt));
        let open = self.run.tokens.dress(self.id, command, self.terms().jobserver).unwrap_or_else(|error| {
            // A file system without named pipes matters only to those who asked for one.
            if self.terms().jobserver {
                self.warn(reply, format!("'{}' gets no share of the jobs: {error}", self.address));
            }
            Open::default()
        });
        for (name, value) in &self.terms().env {
            match value {
                EnvValue::One(value) => command.env(name, value),
                EnvValue::PerSlot(values) => {
                    command.env(name, joined(slots.iter().filter_map(|slot| values.get(*slot).cloned()).collect()))
                }
            };
        }
        open
    }

    /// How DVC shows a path of this stage.
    pub fn shown(&self, path: &RepoPath, def_path: &str) -> String {
        path.shown(def_path, self.disk().cwd())
    }

    /// The hash that dvc.lock or the `.dvc` file has for a dep.
    pub fn recorded_dep(&self, def_path: &str) -> Option<&Digest> {
        crate::plan::judge::recorded_dep(self.stage, self.record.as_ref(), def_path)
    }

    /// The hash that dvc.lock or the `.dvc` file has for an output.
    pub fn recorded_out(&self, def_path: &str) -> Option<&Digest> {
        crate::plan::judge::recorded_out(self.stage, self.record.as_ref(), def_path)
    }

    /// Keeps other processes from writing what the stage reads, and from touching what it writes,
    /// for as long as the claim lives. Waits for those that do.
    ///
    /// # Errors
    /// The file of locks cannot be read or written, or the wait took too long.
    pub fn claim(&self, reply: &Reply) -> Result<Claim, Fault> {
        let root = self.disk().root();
        let reads: Vec<_> = self.stage.reads().map(|path| path.under(root)).collect();
        let writes: Vec<_> = self.stage.outs.iter().map(|out| out.path.under(root)).collect();
        let claim = self.run.rwlock.claim(&reads, &writes, self.run.patience, &mut |busy, since| {
            waiting(reply, Some(self.id), &busy.short(), since);
            !self.run.children.stopping()
        })?;
        Ok(claim)
    }

    /// Leaves a note of the stage at work, as soon as no command of a dead run is in its way. The
    /// paths must be claimed.
    ///
    /// # Errors
    /// The wait took too long, or the run was told to stop.
    pub fn note(&self, reply: &Reply) -> Result<Note, Fault> {
        let began = Instant::now();
        while let Some(orphan) = self.run.orphans.in_the_way(self.stage) {
            self.run.waits_for(&orphan, began.elapsed(), self.id, reply)?;
            std::thread::sleep(PAUSE);
        }
        Ok(self.run.orphans.note(self.stage))
    }

    /// A warning that names this stage's file or similar.
    pub fn warn(&self, reply: &Reply, text: String) {
        reply.tell(EventKind::Notice { level: Level::Warning, text });
    }
}
