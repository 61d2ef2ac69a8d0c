//! One command as a process: started, watched, and stopped if the run says so.
//!
//! With one job the terminal is inherited, as with DVC (without a terminal output is passed on to
//! where it would go, see `copier`). Otherwise standard input is empty and
//! both outputs go straight into the stage's log file (no pipe that a background child could
//! keep open, no thread to read it), and the process leads a group of its own, so that the whole
//! group can be signalled. A run that was told to stop waits until all that its commands started
//! has ended, not their shells alone: what still writes would spoil the next run. The same holds for
//! a command that took too long, and for one of a map that failed. What has not ended after some grace is killed. A command that
//! ends well may leave processes behind, as with DVC; the log names them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, test_kill_process_group, waitid};

use crate::model::settings::GRACE;
use crate::model::{StageId, Usage};
use crate::store::os::{self, Process};

use super::console::Lender;
use super::copier::Copier;
use super::family::Family;
use super::tokens::Open;
use super::within;

/// Where a command's input comes from and its output goes to.
#[derive(Debug)]
pub enum Terminal<'a> {
    /// As ours.
    Inherited,
    /// Standard output and error of ours are both shown on standard error (for `--json`).
    InheritedToStderr,
    /// Input as ours; output to who passes it on.
    Copied(&'a Copier),
    /// Nothing to read; everything into this file.
    Log(&'a File),
    /// Nothing to read; standard output into the first file, standard error into the second.
    Apart(&'a File, &'a File),
    /// From this file, if any, and into these two.
    Given {
        /// What is read; without it there is nothing to read.
        stdin: Option<&'a File>,
        /// Standard output.
        out: &'a File,
        /// Standard error.
        err: &'a File,
    },
    /// As the command was told already. Once it has begun nobody but the command has its ends open.
    Told,
}

/// How often it is looked whether what a command started has ended.
const PAUSE: Duration = Duration::from_millis(20);
/// Within which time a signal that a command has got must have come to us as well.
const EXPECTED: Duration = Duration::from_secs(2);
/// How often at most it is looked again only because of someone who may not belong there.
const LOOKS: usize = 50;
/// How often it is looked whose grace is over.
const LOOK: Duration = Duration::from_millis(50);
/// How long after a process was killed nobody waits for its end any more.
const LAST: Duration = Duration::from_secs(2);

/// The processes that run now, by stage, and whether the run was told to stop.
#[derive(Clone, Debug, Default)]
pub struct Children {
    inner: Arc<Mutex<Inner>>,
    terminal: Lender,
}

#[derive(Debug, Default)]
struct Inner {
    running: HashMap<StageId, Member>,
    /// How many commands were started.
    count: u64,
    /// The last signal of a stop.
    stopping: Option<Signal>,
    /// Whether it was asked that what runs be killed.
    asked_to_kill: bool,
}

/// How long a command may run, and how long it may take to end once it was told to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// When it has taken too long.
    pub deadline: Option<Instant>,
    /// Between the signal that asks and the one that kills.
    pub grace: Duration,
}

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Its exit code or signal.
    pub status: ExitStatus,
    /// What it used.
    pub usage: Usage,
    /// Whether it was stopped since it took too long.
    pub timed_out: bool,
    /// The last signal that it was sent from here before it ended. It may have ended well all the same, and done half of its work.
    pub told: Option<Signal>,
}

/// A running command with all that it started.
#[derive(Debug)]
struct Member {
    family: Family,
    /// Which of all commands it is.
    number: u64,
    grace: Duration,
    /// The last signal that it was sent, and since when it was told to end.
    told: Option<(Signal, Instant)>,
    timed_out: bool,
    /// When it was killed.
    killed: Option<Instant>,
}

impl Member {
    /// Sends a signal to all of it. With `heard`, those of that group have it already.
    fn signal(&mut self, processes: &[Process], signal: Signal, heard: Option<i32>) {
        let now = Instant::now();
        let since = self.told.map_or(now, |(_, since)| since);
        self.told = Some((signal, since));
        if signal == Signal::KILL {
            self.killed.get_or_insert(now);
        }
        self.family.meet(processes);
        self.family.signal(signal, heard);
    }

    /// Whether it was told to end and has had its time.
    fn is_overdue(&self) -> bool {
        self.killed.is_none() && self.told.is_some_and(|(_, since)| since.elapsed() >= self.grace)
    }
}

impl Children {
    /// None yet; they may be lent the terminal.
    pub fn new(terminal: Lender) -> Self {
        Self { terminal, ..Self::default() }
    }

    /// Runs a command to its end. What it is to inherit is closed here as soon as it has it: it would
    /// come to all that is started later, too.
    ///
    /// # Errors
    /// It could not be started or waited for. [`io::ErrorKind::Interrupted`]: the run was told to
    /// stop before the command started.
    pub fn run(&self, stage: StageId, mut command: Command, inherited: Open, terminal: &Terminal<'_>, limits: Limits) -> io::Result<Ended> {
        let group = connect(terminal, &mut command)?;
        let line = within::line_of(&command);
        let (child, number) = {
            // The lock is held over the start, so that a stop that comes now finds the child.
            let mut inner = self.lock();
            if inner.stopping.is_some() {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            let child = command.spawn()?;
            drop((inherited, command));
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                inner.count += 1;
                let (family, number, grace) = (Family::new(pid, group, line), inner.count, limits.grace);
                inner.running.insert(stage, Member { family, number, grace, told: None, timed_out: false, killed: None });
            }
            (child, inner.count)
        };
        let mut watch = limits.deadline.and_then(|deadline| self.watch(stage, number, deadline));
        let ended = self.wait_for(stage, &child);
        let timed_out = self.lock().running.get(&stage).is_some_and(|member| member.timed_out);
        if !timed_out {
            // What it has left takes no time of it.
            watch = None;
        }
        match (&ended, terminal) {
            (Ok((status, _)), Terminal::Given { .. } | Terminal::Told) if !status.success() && !timed_out => {
                self.end_kin(stage, limits.grace)
            }
            (Ok((status, _)), _) => self.expect_stop(stage, *status),
            (Err(_), _) => {}
        }
        self.wait_for_kin(stage);
        drop(watch);
        let member = self.lock().running.remove(&stage);
        let (status, usage) = ended?;
        let told = member.as_ref().and_then(|member| member.told).map(|(signal, _)| signal);
        match (terminal, member) {
            (Terminal::Log(file), Some(member)) if status.success() => name_those_left(member.family, &child, file),
            (Terminal::Copied(copier), Some(mut member)) => {
                member.family.meet(&os::processes());
                if member.family.is_left() {
                    copier.go_on();
                }
            }
            _ => {}
        }
        Ok(Ended { status, usage, timed_out, told })
    }

    /// Stops a command at its deadline, unless it has ended before; the watch ends with the value.
    fn watch(&self, stage: StageId, number: u64, deadline: Instant) -> Option<Sender<()>> {
        let (ended, end) = channel::<()>();
        let children = self.clone();
        let body = move || {
            let left = deadline.saturating_duration_since(Instant::now());
            if end.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let still_there = |inner: &mut Inner, signal: Signal| {
                let stopping = inner.stopping.is_some();
                let Some(member) = inner.running.get_mut(&stage).filter(|member| member.number == number) else { return false };
                // A stop that was asked for has its own end.
                if !stopping {
                    member.timed_out = true;
                    member.signal(&os::processes(), signal, None);
                }
                !stopping
            };
            let grace = children.lock().running.get(&stage).map_or(Duration::ZERO, |member| member.grace);
            if still_there(&mut children.lock(), Signal::TERM) && end.recv_timeout(grace) == Err(RecvTimeoutError::Timeout) {
                still_there(&mut children.lock(), Signal::KILL);
            }
        };
        std::thread::Builder::new().name("timeout".to_owned()).spawn(body).ok().map(|_| ended)
    }

    /// Waits for a command. Its id is given up only under the lock, so that nobody signals
    /// another process by it.
    fn wait_for(&self, stage: StageId, child: &Child) -> io::Result<(ExitStatus, Usage)> {
        let ended = || waitid(WaitId::Pid(Pid::from_child(child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        while matches!(ended(), Err(rustix::io::Errno::INTR)) {}
        let mut inner = self.lock();
        let stopping = inner.stopping.is_some();
        if let Some(member) = inner.running.get_mut(&stage) {
            if stopping || member.told.is_some() {
                member.family.meet(&os::processes());
            }
            member.family.leader_ended();
        }
        os::wait(child)
    }

    /// Runs a command to its end and gives what it printed.
    ///
    /// # Errors
    /// As [`Children::run`].
    pub fn output(&self, stage: StageId, command: Command) -> io::Result<Output> {
        let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let limits = Limits { deadline: None, grace: GRACE };
        let _lent = self.terminal.lend();
        let status = self.run(stage, command, Open::default(), &Terminal::Apart(&out, &err), limits)?.status;
        Ok(Output { status, stdout: whole(&mut out)?, stderr: whole(&mut err)? })
    }

    /// A signal of the terminal may have ended the command before we have seen it ourselves. So
    /// one that did not end well is not done with at once if there is still something to stop.
    fn expect_stop(&self, stage: StageId, status: ExitStatus) {
        let began = Instant::now();
        while !status.success() && began.elapsed() < EXPECTED {
            {
                let mut inner = self.lock();
                let stopping = inner.stopping.is_some();
                let Some(member) = inner.running.get_mut(&stage).filter(|member| !stopping && member.told.is_none()) else { return };
                let family = &mut member.family;
                family.meet(&os::processes());
                if !family.is_left() && status.signal() != Some(Signal::INT.as_raw()) {
                    return;
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends what a command has left that failed: it might still write where the next try does. No terminal has sent it a signal,
    /// its group is its own.
    fn end_kin(&self, stage: StageId, grace: Duration) {
        let began = Instant::now();
        loop {
            {
                let mut inner = self.lock();
                // A stop has its own end.
                let is_stopping = inner.stopping.is_some();
                let Some(member) = inner.running.get_mut(&stage).filter(|_| !is_stopping) else { return };
                let processes = os::processes();
                member.family.meet(&processes);
                if !member.family.is_left() || member.killed.is_some_and(|when| when.elapsed() >= LAST) {
                    return;
                }
                let signal = if began.elapsed() < grace { Signal::TERM } else { Signal::KILL };
                match member.told {
                    Some((told, _)) if told == signal => member.family.remind(signal),
                    _ => member.signal(&processes, signal, None),
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// If the command or the run was told to stop: waits until all that the command started has
    /// ended too.
    fn wait_for_kin(&self, stage: StageId) {
        for look in 0.. {
            {
                let mut inner = self.lock();
                let stopping = inner.stopping;
                let Some(member) = inner.running.get_mut(&stage) else { return };
                let Some(signal) = stopping.or(member.told.map(|(signal, _)| signal)) else { return };
                let family = &mut member.family;
                family.meet(&os::processes());
                let awaited = family.is_left() || family.is_unsure() && look < LOOKS;
                if !awaited || member.killed.is_some_and(|when| when.elapsed() >= LAST) {
                    return;
                }
                family.remind(signal);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Starts nothing more and signals what runs; what does not heed that is killed after some
    /// grace. With `heard`, those that share our group have the signal already, from the
    /// terminal.
    pub fn stop(&self, signal: Signal, heard: bool) {
        let mut inner = self.lock();
        inner.asked_to_kill |= signal == Signal::KILL;
        if inner.stopping.is_none() && signal != Signal::KILL {
            let children = self.clone();
            // Without the thread there is still the user, who can ask again.
            std::thread::Builder::new().name("grace".to_owned()).spawn(move || children.kill_after_grace()).ok();
        }
        inner.signal(signal, heard);
    }

    /// Sends a signal to one command, with all that it started. What was not started, or has ended, is no error.
    pub fn end(&self, stage: StageId, signal: Signal) {
        let mut inner = self.lock();
        if let Some(member) = inner.running.get_mut(&stage) {
            member.signal(&os::processes(), signal, None);
        }
    }

    /// Kills each command whose grace is over, until none is left.
    fn kill_after_grace(&self) {
        loop {
            std::thread::sleep(LOOK);
            let mut inner = self.lock();
            if inner.running.is_empty() {
                return;
            }
            if inner.running.values().any(Member::is_overdue) {
                let processes = os::processes();
                for member in inner.running.values_mut().filter(|member| member.is_overdue()) {
                    member.signal(&processes, Signal::KILL, None);
                }
            }
        }
    }

    /// Whether the run was told to stop.
    pub fn stopping(&self) -> bool {
        self.lock().stopping.is_some()
    }

    /// Whether the user asked that what runs be killed.
    pub fn killed(&self) -> bool {
        self.lock().asked_to_kill
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn signal(&mut self, signal: Signal, heard: bool) {
        self.stopping = Some(signal);
        let processes = os::processes();
        let own_group = rustix::process::getpgrp().as_raw_nonzero().get();
        for member in self.running.values_mut() {
            member.signal(&processes, signal, heard.then_some(own_group));
        }
    }
}

/// Connects a command with where its input comes from and its output goes to; whether it leads a group of its own.
fn connect(terminal: &Terminal<'_>, command: &mut Command) -> io::Result<bool> {
    Ok(match terminal {
        Terminal::Inherited => false,
        Terminal::InheritedToStderr => {
            command.stdout(Stdio::from(rustix::stdio::stderr().try_clone_to_owned()?));
            false
        }
        Terminal::Copied(copier) => {
            let (out, err) = copier.streams()?;
            command.stdout(out).stderr(err);
            false
        }
        Terminal::Log(file) => {
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
            command.process_group(0);
            true
        }
        Terminal::Apart(out, err) => {
            // In our group: where no run is there to pass it on, Ctrl-C must reach it.
            command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
            false
        }
        Terminal::Told => {
            command.process_group(0);
            true
        }
        Terminal::Given { stdin, out, err } => {
            let stdin = stdin.map_or(Ok(Stdio::null()), |file| file.try_clone().map(Stdio::from))?;
            command.stdin(stdin).stdout(out.try_clone()?).stderr(err.try_clone()?);
            command.process_group(0);
            true
        }
    })
}

/// Writes into the log of a command that ended well what it left running.
fn name_those_left(mut family: Family, child: &Child, mut log: &File) {
    // That nobody is left is the rule, and is asked quickly.
    if test_kill_process_group(Pid::from_child(child)).is_err() {
        return;
    }
    family.meet(&os::processes());
    for name in family.names() {
        // It is only a remark.
        writeln!(log, "dvc-paraffin: still running in the background: {name}").ok();
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
