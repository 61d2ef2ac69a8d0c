//! What a command started: all its processes, wherever they went.
//!
//! A process belongs to a command if it is in the command's group, if one that belongs to it
//! started it, or if its environment names the stage (see `within`): so are those found that
//! left the group by `setsid` and whose parents have ended. Process ids come again, so nothing
//! is signalled by its id alone: the time of its start must be the same too. Where the system
//! does not list processes (it does in `/proc`), the group is all that is known.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::within;
use crate::store::os::{self, Process};

/// How often it is looked again only because of someone of whom it cannot be told.
const LOOKS: usize = 10;
/// How long it takes at most to become another program.
const MOMENT: Duration = Duration::from_millis(2);

/// The processes of one command.
#[derive(Debug)]
pub(super) struct Family {
    leader: Pid,
    /// Whether the leader has a group of its own.
    group: bool,
    /// Whether the leader has ended itself; its id may be another's then.
    ended: bool,
    /// The line of the stage in the environment of all that it starts; may be empty.
    line: String,
    kin: Vec<Kin>,
    /// When the leader was started.
    since: u64,
    /// Whether someone was met of whom it could not be told at that moment.
    unsure: bool,
}

/// One that is not the leader.
#[derive(Clone, Debug)]
struct Kin {
    process: Process,
    /// Whether a run within the stage answers for it, and passes signals on.
    inner: bool,
    /// The last signal that it was sent.
    told: Option<Signal>,
}

impl Family {
    pub(super) fn new(leader: Pid, group: bool, line: String) -> Self {
        let since = os::process(leader.as_raw_nonzero().get()).map_or(0, |process| process.start);
        Self { leader, group, ended: false, line, kin: Vec::new(), since, unsure: false }
    }

    /// Of a command whose run was killed: nothing is known but the line of its stage.
    pub(super) fn left_behind(line: &str) -> Self {
        Self { leader: Pid::INIT, group: false, ended: true, line: line.to_owned(), kin: Vec::new(), since: 0, unsure: false }
    }

    /// Takes in who is there now; looks again for a moment while that cannot be told of someone.
    pub(super) fn find(&mut self) {
        for _ in 0..LOOKS {
            self.meet(&os::processes());
            if self.is_left() || !self.unsure {
                return;
            }
            std::thread::sleep(MOMENT);
        }
    }

    /// From now on the leader is no more.
    pub(super) fn leader_ended(&mut self) {
        self.ended = true;
    }

    /// Takes in who is there now, and forgets who has ended.
    pub(super) fn meet(&mut self, all: &[Process]) {
        self.kin.retain(|kin| all.iter().any(|process| is_same(process, &kin.process)));
        let leader = self.leader.as_raw_nonzero().get();
        // Once all of a group have ended, its id is free for another.
        let group = self.group && (!self.ended || self.kin.iter().any(|kin| kin.process.group == leader));
        let mut met = true;
        self.unsure = false;
        while std::mem::take(&mut met) {
            for process in all {
                let known = process.pid == leader && !self.ended || self.kin.iter().any(|kin| is_same(&kin.process, process));
                if known || u32::try_from(process.pid) == Ok(os::own_pid()) {
                    continue;
                }
                let is_child = process.parent == leader && !self.ended || self.kin.iter().any(|kin| kin.process.pid == process.parent);
                let of_group = group && process.group == leader;
                let environment = if self.line.is_empty() { None } else { os::environment_of(process.pid) };
                // The second process is the parent of the system's own, which have no environment.
                let of_system = process.parent == 2 || process.pid == 2;
                self.unsure |= environment.as_ref().is_some_and(Vec::is_empty) && process.start >= self.since && !of_system;
                let environment = environment.unwrap_or_default();
                if is_child || of_group || within::is_marked(&environment, &self.line) {
                    let inner = within::is_marked(&environment, &self.line) && !within::ends_with(&environment, &self.line);
                    self.kin.push(Kin { process: *process, inner, told: None });
                    met = true;
                }
            }
        }
    }

    /// Whether something that the command started is still there.
    pub(super) fn is_left(&self) -> bool {
        !self.kin.is_empty()
    }

    /// Whether a process that was started since may turn out to belong to the command: it was
    /// becoming another program when it was looked at.
    pub(super) fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// Those that are still there, as they are called.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.kin.iter().map(|kin| {
            let pid = kin.process.pid;
            format!("PID {pid} ({})", os::command_of(i64::from(pid)).unwrap_or_else(|| "?".to_owned()))
        })
    }

    /// Sends a signal to all. With `heard`, those of that group have it already. A gentle signal
    /// is left to inner runs to pass on, as long as the leader lives.
    pub(super) fn signal(&mut self, signal: Signal, heard: Option<i32>) {
        let leader = self.leader.as_raw_nonzero().get();
        let whole = self.group && !self.ended;
        // Whoever ended in this moment is no error, here and below.
        if whole {
            kill_process_group(self.leader, signal).ok();
        } else if !self.ended && heard.is_none() {
            kill_process(self.leader, signal).ok();
        }
        for kin in &mut self.kin {
            let has_it = whole && kin.process.group == leader || heard == Some(kin.process.group);
            let others_pass_it_on = kin.inner && !self.ended && signal != Signal::KILL;
            if has_it {
                kin.told = Some(signal);
            } else if !others_pass_it_on {
                kin.tell(signal);
            }
        }
    }

    /// After the leader's end: sends the signal to those that came since, and TERM to those that
    /// ignore an interrupt, as all do that a shell put into the background.
    pub(super) fn remind(&mut self, signal: Signal) {
        for kin in &mut self.kin {
            let wanted = if signal == Signal::INT && os::ignores(kin.process.pid, signal.as_raw()) { Signal::TERM } else { signal };
            if kin.told != Some(wanted) {
                kin.tell(wanted);
            }
        }
    }
}

impl Kin {
    fn tell(&mut self, signal: Signal) {
        self.told = Some(signal);
        let there = os::process(self.process.pid).is_some_and(|now| is_same(&now, &self.process));
        if let Some(pid) = Pid::from_raw(self.process.pid).filter(|_| there) {
            kill_process(pid, signal).ok();
        }
    }
}

/// Parents and groups may change; the id and the time of start do not.
fn is_same(a: &Process, b: &Process) -> bool {
    a.pid == b.pid && a.start == b.start
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sleeper() -> (Child, Process) {
        let child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let process = os::process(i32::try_from(child.id()).unwrap()).unwrap();
        (child, process)
    }

    #[test]
    fn another_process_with_the_id_of_one_that_ended_is_left_alone() {
        let (mut child, process) = sleeper();
        let (mut gone, leader) = sleeper();
        gone.kill().unwrap();
        gone.wait().unwrap();
        let mut family = Family::new(Pid::from_raw(leader.pid).unwrap(), false, String::new());
        family.leader_ended();
        family.kin.push(Kin { process: Process { start: process.start - 1, ..process }, inner: false, told: None });
        family.signal(Signal::KILL, None);
        family.remind(Signal::TERM);
        assert!(child.try_wait().unwrap().is_none(), "a stranger was signalled");
        family.meet(&os::processes());
        assert!(!family.is_left(), "one that has ended is not forgotten");
        family.kin.push(Kin { process, inner: false, told: None });
        family.signal(Signal::KILL, None);
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn of_whom_nothing_can_be_told_it_is_unsure_whether_he_belongs_to_a_dead_run() {
        let mut child = Command::new("sleep").arg("60").env_clear().stdin(Stdio::null()).spawn().unwrap();
        // Until it has begun, its environment is ours.
        while os::environment_of(i32::try_from(child.id()).unwrap()).is_none_or(|environment| !environment.is_empty()) {}
        let mut family = Family::left_behind("1|0|a|dvc.yaml");
        family.find();
        assert!(family.is_unsure() && !family.is_left());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn who_left_the_group_is_known_by_its_environment() {
        let line = format!("{}|0|a|dvc.yaml", os::own_pid());
        let mut child = Command::new("sleep").arg("60").env(within::VARIABLE, &line).stdin(Stdio::null()).spawn().unwrap();
        let leader = Pid::from_raw(i32::MAX).unwrap();
        let mut family = Family::new(leader, false, line);
        // Until it has begun, its environment is ours.
        while !family.is_left() {
            family.meet(&os::processes());
        }
        assert!(family.names().all(|name| name.starts_with(&format!("PID {} (", child.id()))));
        family.signal(Signal::TERM, None);
        assert!(!child.wait().unwrap().success());
        let mut other = Family::new(leader, false, "1|0|a|dvc.yaml".to_owned());
        other.meet(&os::processes());
        assert!(!other.is_left());
    }
}
