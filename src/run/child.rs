//! One command as a process: started, watched, and stopped if the run says so.
//!
//! With one job the terminal is inherited, as with DVC. Otherwise standard input is empty and
//! both outputs go straight into the stage's log file (no pipe that a background child could
//! keep open, no thread to read it), and the process leads a group of its own, so that the whole
//! group can be signalled. A run that was told to stop waits until all that its commands started
//! has ended, not their shells alone: what still writes would spoil the next run.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use wait_timeout::ChildExt;

use crate::model::StageId;
use crate::store::os::{self, Process};

/// Where a command's input comes from and its output goes to.
#[derive(Debug)]
pub enum Terminal<'a> {
    /// As ours.
    Inherited,
    /// Standard output and error of ours are both shown on standard error (for `--json`).
    InheritedToStderr,
    /// Nothing to read; everything into this file.
    Log(&'a File),
    /// Nothing to read; standard output into the first file, standard error into the second.
    Apart(&'a File, &'a File),
}

/// How long one wait lasts before the child is looked at again. Only a child that cannot be
/// waited for in the usual way would ever need it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How often it is looked whether what a command started has ended.
const PAUSE: Duration = Duration::from_millis(20);
/// How long after the last signal nobody waits any more.
const LAST: Duration = Duration::from_secs(2);

/// The processes that run now, by stage, and whether the run was told to stop.
#[derive(Debug, Default)]
pub struct Children {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    running: HashMap<StageId, Running>,
    stopping: bool,
    /// When they were killed.
    killed: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Running {
    pid: Pid,
    /// Whether it leads a group of its own.
    group: bool,
    /// What it has started, where it has no group of its own; known from the first signal on.
    kin: Vec<i32>,
    /// Whether it has ended itself; its id may be another's then.
    ended: bool,
}

impl Running {
    /// Finds what it has started; only in this group, if one is named.
    fn meet(&mut self, all: &[Process], within: Option<i32>) {
        if self.group {
            return;
        }
        let leader = self.pid.as_raw_nonzero().get();
        loop {
            let known = |pid: i32, kin: &[i32]| (pid == leader && !self.ended) || kin.contains(&pid);
            let new = all.iter().find(|process| {
                known(process.parent, &self.kin) && !known(process.pid, &self.kin) && within.is_none_or(|group| process.group == group)
            });
            match new {
                Some(process) => self.kin.push(process.pid),
                None => return,
            }
        }
    }

    /// Whether something that it has started is still there.
    fn has_kin(&self, all: &[Process]) -> bool {
        let leader = self.pid.as_raw_nonzero().get();
        all.iter().any(|process| if self.group { process.group == leader } else { self.kin.contains(&process.pid) })
    }

    fn signal(&self, signal: Signal) {
        // A process that ended in this moment is no error.
        if self.group {
            kill_process_group(self.pid, signal).ok();
            return;
        }
        let own = Some(self.pid).filter(|_| !self.ended);
        for pid in own.into_iter().chain(self.kin.iter().filter_map(|pid| Pid::from_raw(*pid))) {
            kill_process(pid, signal).ok();
        }
    }
}

impl Children {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// It could not be started or waited for. [`io::ErrorKind::Interrupted`]: the run was told to
    /// stop before the command started.
    pub fn run(&self, stage: StageId, mut command: Command, terminal: &Terminal<'_>) -> io::Result<ExitStatus> {
        let group = match terminal {
            Terminal::Inherited => false,
            Terminal::InheritedToStderr => {
                command.stdout(Stdio::from(rustix::stdio::stderr().try_clone_to_owned()?));
                false
            }
            Terminal::Log(file) => {
                command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
                command.process_group(0);
                true
            }
            Terminal::Apart(out, err) => {
                command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
                command.process_group(0);
                true
            }
        };
        let mut child = {
            // The lock is held over the start, so that a stop that comes now finds the child.
            let mut inner = self.lock();
            if inner.stopping {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            let child = command.spawn()?;
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                inner.running.insert(stage, Running { pid, group, kin: Vec::new(), ended: false });
            }
            child
        };
        let status = loop {
            match child.wait_timeout(PATIENCE) {
                Ok(Some(status)) => break Ok(status),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
        };
        self.wait_for_kin(stage);
        self.lock().running.remove(&stage);
        status
    }

    /// Runs a command to its end and gives what it printed.
    ///
    /// # Errors
    /// As [`Children::run`].
    pub fn output(&self, stage: StageId, command: Command) -> io::Result<Output> {
        let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let status = self.run(stage, command, &Terminal::Apart(&out, &err))?;
        Ok(Output { status, stdout: whole(&mut out)?, stderr: whole(&mut err)? })
    }

    /// If the run was told to stop: waits until all that the command started has ended too.
    fn wait_for_kin(&self, stage: StageId) {
        loop {
            {
                let mut inner = self.lock();
                if !inner.stopping || inner.killed.is_some_and(|when| when.elapsed() >= LAST) {
                    return;
                }
                let Some(child) = inner.running.get_mut(&stage) else { return };
                child.ended = true;
                let all = os::processes();
                child.meet(&all, None);
                if !child.has_kin(&all) {
                    return;
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Starts nothing more and signals what runs. Children without a group of their own got the
    /// terminal's signal already; they are signalled only with `all`.
    pub fn stop(&self, signal: Signal, all: bool) {
        let mut inner = self.lock();
        inner.stopping = true;
        if signal == Signal::KILL {
            inner.killed.get_or_insert_with(Instant::now);
        }
        let processes = os::processes();
        let own_group = rustix::process::getpgrp().as_raw_nonzero().get();
        for child in inner.running.values_mut() {
            child.meet(&processes, if all { None } else { Some(own_group) });
            if child.group || all {
                child.signal(signal);
            }
        }
    }

    /// Whether the run was told to stop.
    pub fn stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Whether what ran was killed.
    pub fn killed(&self) -> bool {
        self.lock().killed.is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The exit code as Python gives it: negative for a signal.
pub fn returncode(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}
