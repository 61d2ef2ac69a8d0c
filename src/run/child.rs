//! One command as a process: started, watched, and stopped if the run says so.
//!
//! With one job the terminal is inherited, as with DVC. Otherwise standard input is empty and
//! both outputs go straight into the stage's log file (no pipe that a background child could
//! keep open, no thread to read it), and the process leads a group of its own, so that the whole
//! group can be signalled.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use wait_timeout::ChildExt;

use crate::model::StageId;

/// Where a command's input comes from and its output goes to.
#[derive(Debug)]
pub enum Terminal<'a> {
    /// As ours.
    Inherited,
    /// Standard output and error of ours are both shown on standard error (for `--json`).
    InheritedToStderr,
    /// Nothing to read; everything into this file.
    Log(&'a File),
}

/// How long one wait lasts before the child is looked at again. Only a child that cannot be
/// waited for in the usual way would ever need it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The processes that run now, by stage, and whether the run was told to stop.
#[derive(Debug, Default)]
pub struct Children {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    running: HashMap<StageId, Running>,
    stopping: bool,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    pid: Pid,
    /// Whether it leads a group of its own.
    group: bool,
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
        };
        let mut child = {
            // The lock is held over the start, so that a stop that comes now finds the child.
            let mut inner = self.lock();
            if inner.stopping {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            let child = command.spawn()?;
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                inner.running.insert(stage, Running { pid, group });
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
        self.lock().running.remove(&stage);
        status
    }

    /// Starts nothing more and signals what runs. Children without a group of their own got the
    /// terminal's signal already; they are signalled only with `all`.
    pub fn stop(&self, signal: Signal, all: bool) {
        let mut inner = self.lock();
        inner.stopping = true;
        for child in inner.running.values() {
            // A child that ended in this moment is no error.
            if child.group {
                kill_process_group(child.pid, signal).ok();
            } else if all {
                kill_process(child.pid, signal).ok();
            }
        }
    }

    /// Whether the run was told to stop.
    pub fn stopping(&self) -> bool {
        self.lock().stopping
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exit code as Python gives it: negative for a signal.
pub fn returncode(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}
