//! One stage, straight down: look it up in the cache or run it, store what it made, record it.
//!
//! The order of steps is DVC's (`stage/__init__.py` `run`, `stage/run.py` `run_stage`), but for
//! two decisions: what can be known to fail before the command runs is found before any output
//! is removed, and objects are stored before .gitignore and dvc.lock are touched, so that a
//! failure to store leaves both as they were.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::Signal;

use crate::format::runcache;
use crate::model::event::{Level, Saying};
use crate::model::{Attempt, Class, Cmd, EndedBy, EventKind, Fault, Meta, Outcome, Reason, Record, RecordedPath, Status};

use crate::store;
use crate::store::os;
use crate::store::span::span;

use super::bound::Bounded;
use super::child::{Limits, Terminal, returncode};
use super::copier::Copier;
use super::drive::Reply;
use super::error;
use super::job::{Job, Output, hold};
use super::pull::Wanted;
use super::shell;

/// What was asked of all stages of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Neither look up nor restore (`--force`); set for a stage that another one forces, too.
    pub force: bool,
    /// Hash and record, but store nothing (`--no-commit`).
    pub no_commit: bool,
    /// Look up earlier runs (not `--no-run-cache`).
    pub run_cache: bool,
}

impl Job<'_> {
    /// Runs the stage and saves its results.
    pub fn perform(&self, reasons: &[Reason], reply: &Reply) -> Outcome {
        let mut attempt = Attempt { started: reply.clock().now(), ..Attempt::default() };
        // Also when the work breaks off.
        let _tokens = Lent(self);
        let result = self.bring_about(reasons, reply, &mut attempt);
        attempt.ended = reply.clock().now();
        match result {
            Ok(status) => {
                attempt.number = self.start.attempt;
                let ended_by = (status == Status::Stopped).then_some(EndedBy::EarlyStop);
                Outcome { status, attempt: Some(attempt), fault: None, ended_by }
            }
            Err(fault) => {
                attempt.returncode = fault.detail("returncode").and_then(|code| code.parse().ok()).or(attempt.returncode);
                let (status, ended_by) = match attempt.returncode {
                    _ if fault.detail("timeout").is_some() => (Status::Failed, Some(EndedBy::Timeout)),
                    _ if self.run.children.stopping() || fault.class == Class::Interrupted => (Status::Stopped, Some(EndedBy::Interrupt)),
                    Some(code) if code < 0 => (Status::Failed, Some(EndedBy::Signal)),
                    _ => (Status::Failed, None),
                };
                // What found nothing to work with tried nothing.
                let tried = attempt.number > 0 || self.start.attempt > 1;
                attempt.number = self.start.attempt;
                Outcome { status, attempt: tried.then_some(attempt), fault: Some(fault), ended_by }
            }
        }
    }

    /// The attempt has its number from where the stage begins to change anything.
    fn bring_about(&self, reasons: &[Reason], reply: &Reply, attempt: &mut Attempt) -> Result<Status, Fault> {
        let began = reply.clock().elapsed();
        let claim = self.claim(reply)?;
        let _note = self.note(reply)?;
        if hold(&self.run.pullable).contains(&self.id) {
            attempt.number = self.start.attempt;
            if self.pull_outs(reply)? {
                return Ok(Status::Unchanged);
            }
        }
        if let Some(peer) = self.run.peer.as_ref().filter(|_| self.is_for_dvc()) {
            drop(claim);
            attempt.number = self.start.attempt;
            return self.hand_over(peer, reasons, reply, attempt);
        }
        let (status, before) = match &self.stage.cmd {
            Some(cmd) if !self.stage.frozen => self.restore_or_run(cmd, reasons, reply, attempt)?,
            _ => {
                self.verify(reply)?;
                (Status::Updated, None)
            }
        };
        if status == Status::Stopped {
            return Ok(status);
        }
        attempt.number = self.start.attempt;
        let saving = reply.clock().elapsed();
        self.save(before.as_ref(), began, reply)?;
        attempt.saving = reply.clock().elapsed().saturating_sub(saving);
        Ok(status)
    }

    /// A `.dvc` file or a frozen stage: nothing runs, what is there is taken as it is.
    fn verify(&self, reply: &Reply) -> Result<(), Fault> {
        if let Some(dep) = self.stage.deps.first().filter(|_| self.stage.is_import() && !self.stage.frozen) {
            return Err(error::changed_import(&dep.def_path, &self.address));
        }
        let saying = if self.stage.frozen { Saying::VerifyingFrozen } else { Saying::VerifyingDataSources };
        reply.tell(EventKind::Said { stage: self.id, saying });
        let missing: Vec<String> =
            self.stage.outs.iter().filter(|out| !self.disk().exists(&out.path)).map(|out| self.shown(&out.path, &out.def_path)).collect();
        if missing.is_empty() { Ok(()) } else { Err(error::data_missing(&missing)) }
    }

    /// If the stage ran, also what it read when it began.
    fn restore_or_run(
        &self,
        cmd: &Cmd,
        reasons: &[Reason],
        reply: &Reply,
        attempt: &mut Attempt,
    ) -> Result<(Status, Option<Record>), Fault> {
        if self.run.remotes.is_some() && !self.forced(reasons) {
            self.pull_missing_deps(reply)?;
        }
        let inputs = self.inputs()?;
        for (dep, found) in self.stage.deps.iter().zip(&inputs.deps) {
            let told = found.digest.as_ref().and_then(|digest| self.run.is_read(&dep.path, digest, reply.clock()));
            told.into_iter().for_each(|text| self.warn(reply, text));
        }
        self.check_tracked()?;
        let hit = if self.forced(reasons) { None } else { self.look_up(reasons, &inputs, reply)? };
        if self.run.children.stopping() {
            return Err(error::interrupted());
        }
        attempt.number = self.start.attempt;
        for out in &self.stage.outs {
            self.disk().remove_out(out)?;
        }
        if let Some(hit) = hit {
            reply.tell(EventKind::Said { stage: self.id, saying: Saying::IsCached });
            for recorded in &hit.outs {
                if let Some(out) = self.stage.outs.iter().find(|out| out.def_path == recorded.path) {
                    self.disk().checkout(out, recorded)?;
                }
            }
            return Ok((Status::Restored, None));
        }
        let running = reply.clock().elapsed();
        let result = {
            let _running = self.run.watch.runs(self.id, reply.clock());
            let _span = span("run", || self.address.clone());
            self.run_commands(cmd, reply, attempt)
        };
        // The command may have changed what DVC ignores.
        self.disk().workspace().forget_dvcignore();
        attempt.running = reply.clock().elapsed().saturating_sub(running);
        result.map(|early| if early { (Status::Stopped, None) } else { (Status::Ran, Some(inputs)) })
    }

    pub(super) fn forced(&self, reasons: &[Reason]) -> bool {
        self.run.options.force || reasons.iter().any(|reason| matches!(reason, Reason::Forced | Reason::ForcedBy { .. }))
    }

    /// An output that git tracks cannot be DVC's too.
    pub(super) fn check_tracked(&self) -> Result<(), Fault> {
        for out in self.stage.outs.iter().filter(|out| out.cache && !out.path.is_external()) {
            if self.run.is_tracked(&out.path)? {
                return Err(store::Error::AlreadyTracked(self.shown(&out.path, &out.def_path)).into());
            }
        }
        Ok(())
    }

    /// In a dry run: whether the stage would be restored instead of run.
    pub fn would_be_restored(&self, reasons: &[Reason], reply: &Reply) -> bool {
        !self.forced(reasons) && self.inputs().is_ok_and(|inputs| self.look_up(reasons, &inputs, reply).is_ok_and(|hit| hit.is_some()))
    }

    /// The entry that this stage can be restored from: its own in dvc.lock if only outputs are
    /// lost, else an earlier run with the same inputs (dvc: `stage/cache.py` `restore`).
    fn look_up(&self, reasons: &[Reason], inputs: &Record, reply: &Reply) -> Result<Option<Record>, Fault> {
        if !self.stage.can_be_cached() {
            return Ok(None);
        }
        let only_outs = reasons
            .iter()
            .all(|reason| matches!(reason, Reason::OutMissing { .. } | Reason::OutModified { .. } | Reason::OutNotInCache { .. }));
        let complete =
            |record: &&Record| self.stage.outs.iter().all(|out| record.out(&out.def_path).is_some_and(|out| out.digest.is_some()));
        let own = self.record.as_ref().filter(|_| only_outs).filter(complete);
        let found = match own {
            Some(own) => Some(own.clone()),
            None if self.run.options.run_cache => self.earlier_run(inputs, reply)?,
            None => None,
        };
        let Some(mut found) = found else { return Ok(None) };
        // An entry may still hold outputs that the stage no longer has.
        found.outs.retain(|recorded| self.stage.outs.iter().any(|out| out.def_path == recorded.path));
        let remote = |path: &str| self.stage.outs.iter().find(|out| out.def_path == path).and_then(|out| out.remote.as_deref());
        let wanted: Vec<Wanted<'_>> =
            found.outs.iter().filter_map(|recorded| Some((remote(&recorded.path), recorded.digest.as_ref()?))).collect();
        let whole = wanted.len() == self.stage.outs.len() && self.fetch(&wanted, reply)?;
        Ok(whole.then_some(found))
    }

    fn earlier_run(&self, inputs: &Record, reply: &Reply) -> Result<Option<Record>, Fault> {
        let mut wanted = inputs.clone();
        wanted.outs = self
            .stage
            .outs
            .iter()
            .map(|out| RecordedPath { path: out.def_path.clone(), digest: None, meta: Meta::default(), listed: None })
            .collect();
        let key = runcache::key(&wanted).map_err(|error| error.fault())?;
        let Some((path, bytes)) = self.disk().newest_run(&key)? else { return Ok(None) };
        match runcache::parse(&bytes) {
            Ok(found) if runcache::same_inputs(&found, &wanted) => Ok(Some(found)),
            Ok(_) => Ok(None),
            Err(_) => {
                let shown = path.display().to_string();
                reply.tell(EventKind::Notice { level: Level::Warning, text: format!("corrupted cache file '{shown}'.") });
                // Another process may have removed it; what matters is that it is not used.
                std::fs::remove_file(&path).ok();
                Ok(None)
            }
        }
    }

    /// True if a command ended the run early.
    fn run_commands(&self, cmd: &Cmd, reply: &Reply, attempt: &mut Attempt) -> Result<bool, Fault> {
        let log = self.open_log(reply, attempt);
        let copier = self.copier(log.as_deref(), reply);
        let terminal = match &copier {
            Some(copier) => Terminal::Copied(copier),
            None => self.terminal(log.as_deref().map(Bounded::file)),
        };
        let result = self.run_each(cmd, &terminal, reply, attempt);
        self.end_copier(copier, reply);
        self.close_log(log, result.is_err(), reply);
        result
    }

    /// Who passes output on, where it goes both into a log and to where ours goes.
    pub(super) fn copier(&self, log: Option<&Bounded>, reply: &Reply) -> Option<Copier> {
        let log = log.filter(|_| self.run.output == Output::Both)?;
        let begun = log.file().try_clone().and_then(|file| Copier::start(log.dir(), file, self.run.to_stderr));
        begun.map_err(|error| self.warn(reply, format!("the output of '{}' goes into its log alone: {error}", self.address))).ok()
    }

    pub(super) fn end_copier(&self, copier: Option<Copier>, reply: &Reply) {
        if let Some(error) = copier.and_then(Copier::finish) {
            self.lost(&error, reply);
        }
    }

    fn run_each(&self, cmd: &Cmd, terminal: &Terminal<'_>, reply: &Reply, attempt: &mut Attempt) -> Result<bool, Fault> {
        let wdir = self.stage.wdir.under(self.disk().root());
        let limits = self.limits();
        for (number, line) in shell::lines(cmd).into_iter().enumerate() {
            let event = EventKind::Command { stage: self.id, cmd: line.clone(), first: number == 0 };
            // Its line stands before what it prints, on a terminal and in a block.
            reply.tell_first(event);
            if !wdir.is_dir() {
                return Err(error::no_such_wdir(&wdir));
            }
            let mut command = self.run.shell.command(&line);
            command.current_dir(&wdir).env("DVC_STAGE", &self.address);
            let inherited = self.dress(&mut command, reply);
            if !self.run.has_dvc_root {
                command.env("DVC_ROOT", self.disk().root());
            }
            let ended = self.run.children.run(self.id, command, inherited, terminal, limits);
            let ended = ended.map_err(|error| start_failed(&line, &error))?;
            let code = returncode(ended.status);
            attempt.usage = Some(attempt.usage.unwrap_or_default().and(ended.usage));
            attempt.returncode = Some(code);
            if ended.timed_out {
                return Err(error::timed_out(&line, self.terms().timeout.unwrap_or_default(), code));
            }
            if self.terms().early_stop.contains(&code) {
                return Ok(true);
            }
            if code != 0 {
                return Err(error::command_failed(&line, code));
            }
            // As with DVC a command may end well at an interrupt, as a training that is to end early. What is told to end, by a
            // batch system or a CI, may do so as well, and has not done its work.
            if ended.told.is_some_and(|signal| signal != Signal::INT) {
                return Err(error::interrupted());
            }
        }
        Ok(false)
    }

    /// How long the stage may run from now on.
    pub(super) fn limits(&self) -> Limits {
        // A time that no clock reaches is no limit.
        Limits { deadline: self.terms().timeout.and_then(|timeout| Instant::now().checked_add(timeout)), grace: self.terms().grace }
    }

    /// Where the stage's output goes.
    pub(super) fn terminal<'f>(&self, log: Option<&'f std::fs::File>) -> Terminal<'f> {
        match log {
            Some(file) => Terminal::Log(file),
            None if self.run.to_stderr => Terminal::InheritedToStderr,
            None => Terminal::Inherited,
        }
    }

    /// The stage writes no more into its log.
    pub(super) fn close_log(&self, log: Option<Arc<Bounded>>, failed: bool, reply: &Reply) {
        let Some(log) = log else { return };
        if let Some(dir) = log.dir()
            && (failed || os::is_nearly_full(dir))
            && let Err(error) = os::has_room_in(dir)
        {
            self.lost(&error, reply);
        }
        let Err(error) = log.close() else { return };
        if self.run.logs.first_unbound() {
            let text = format!("the log of '{}' could not be kept within 'log_max' all the time: {error}", self.address);
            reply.tell(EventKind::Notice { level: Level::Warning, text });
        }
    }

    /// The disk of the logs is full, or broken. A command that writes there may have failed for no other reason.
    fn lost(&self, error: &io::Error, reply: &Reply) {
        if self.run.logs.first_lost() {
            let text = format!("the log of '{}' cannot be written: {error}. A command that prints may fail by that", self.address);
            reply.tell(EventKind::Notice { level: Level::Warning, text });
        }
    }

    /// The stage's log; none where it has the terminal for itself.
    pub(super) fn open_log(&self, reply: &Reply, attempt: &mut Attempt) -> Option<Arc<Bounded>> {
        if self.run.output == Output::Terminal {
            return None;
        }
        let most = self.terms().log_max;
        let log = match self.run.logs.open(self.place, self.start.attempt) {
            Ok((file, path, shown)) => {
                attempt.log = Some(shown);
                Bounded::new(file, path, most)
            }
            Err(error) => {
                if self.run.logs.first_lost() {
                    let text = format!("no log can be written for '{}': {error}", self.address);
                    reply.tell(EventKind::Notice { level: Level::Warning, text });
                }
                let (file, path) = os::file_in_memory().ok()?;
                Bounded::fleeting(file, path, most)
            }
        };
        let log = Arc::new(log);
        reply.log(Arc::clone(&log));
        Some(log)
    }
}

/// While it lives the stage may hold job tokens.
struct Lent<'a, 'j>(&'a Job<'j>);

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        self.0.run.tokens.end(self.0.id);
    }
}

fn start_failed(line: &str, error: &std::io::Error) -> Fault {
    let text = match error.kind() {
        std::io::ErrorKind::Interrupted => format!("not run, since the run was stopped: {line}"),
        _ => format!("cannot start the shell for: {line}: {error}"),
    };
    Fault::new(crate::model::Class::Unexpected, text)
}
