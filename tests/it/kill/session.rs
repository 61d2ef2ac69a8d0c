//! A run of the program in a session of its own, so that all it started can be found and killed.

use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::scratch::Scratch;
use crate::support::{program, ran::Ran};

/// The run.
pub struct Session {
    child: Child,
}

/// One that runs in a session.
struct Member {
    pid: i32,
    parent: i32,
    is_zombie: bool,
}

impl Session {
    /// Starts `repro`; what it says goes into files beside the repository.
    pub fn start(scratch: &Scratch) -> Self {
        let file = |name: &str| File::create(scratch.top().join(name)).unwrap();
        // It becomes the program itself: the id stays the same.
        let mut command = scratch.command("setsid");
        command.arg(program::path()).args(program::repro(4)).arg("--all-pipelines");
        let child = command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).spawn().unwrap();
        Self { child }
    }

    /// The exit code, if the run has ended by itself within this time.
    pub fn wait(&mut self, time: Duration) -> Option<i32> {
        use wait_timeout::ChildExt as _;
        self.child.wait_timeout(time).unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// Kills the program; what it started lives on, if there is something: that is the answer.
    pub fn kill_program(&mut self) -> bool {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.members().iter().any(|member| !member.is_zombie)
    }

    /// Kills the program and all that it started.
    pub fn kill_all(&mut self) {
        let began = Instant::now();
        self.child.kill().unwrap();
        loop {
            let members: Vec<i32> = self.members().iter().filter(|member| !member.is_zombie).map(|member| member.pid).collect();
            if members.is_empty() {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "these cannot be killed: {members:?}");
            members.into_iter().for_each(kill);
        }
        self.child.wait().unwrap();
    }

    /// Kills the shell of a stage, if one runs. (Whether the death of something that a shell has
    /// started fails the stage is up to its command.)
    pub fn kill_a_shell(&self, choose: impl FnOnce(usize) -> usize) {
        let own = i32::try_from(self.child.id()).unwrap();
        let others: Vec<i32> = self.members().iter().filter(|member| member.parent == own).map(|member| member.pid).collect();
        if !others.is_empty() {
            kill(others[choose(others.len())]);
        }
    }

    /// All of the session that have not been waited for.
    fn members(&self) -> Vec<Member> {
        let session = self.child.id().to_string();
        let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter_map(|pid| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
            (fields[3] == session).then(|| Member { pid, parent: fields[1].parse().unwrap(), is_zombie: matches!(fields[0], "Z" | "X") })
        })
        .collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After a failed test nothing may live on.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.kill_all();
        }
        self.members().iter().for_each(|member| kill(member.pid));
    }
}

fn kill(pid: i32) {
    // It may have ended in this moment.
    let _ = Ran::of(std::process::Command::new("kill").args(["-KILL", &pid.to_string()]));
}
