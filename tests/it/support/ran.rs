//! A program that was run: its exit code and what it said, with the questions tests ask of these.

use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use wait_timeout::ChildExt as _;

/// No run of a test takes as long as this, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(180);

/// How long a program that was told to end may take.
const GRACE: Duration = Duration::from_secs(15);

/// What a run left besides files.
#[derive(Clone)]
pub struct Ran {
    /// The command line, for messages.
    pub what: String,
    /// Exit code; negative for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Ran {
    /// Runs a command to its end, with nothing on standard input.
    pub fn of(command: &mut Command) -> Self {
        Self::with_input(command, b"")
    }

    /// Runs a command to its end with this on standard input.
    pub fn with_input(command: &mut Command, input: &[u8]) -> Self {
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
        let what = format!("{} (in {})", words.join(" "), command.get_current_dir().unwrap_or(Path::new(".")).display());
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input);
        }
        let stdout = gather(child.stdout.take().unwrap());
        let stderr = gather(child.stderr.take().unwrap());
        let Some(status) = child.wait_timeout(DEADLINE).unwrap() else {
            child.kill().unwrap();
            panic!("{what} was still running after {DEADLINE:?}");
        };
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap());
        Self { what, code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// It must have succeeded.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.exits(0)
    }

    /// It must have ended with this code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert!(self.code == code, "exit code {} where {code} was expected\n{self}", self.code);
        self
    }

    /// Standard output must hold this.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.out().contains(text), "stdout does not hold {text:?}\n{self}");
        self
    }

    /// Standard output must not hold this.
    #[track_caller]
    pub fn does_not_say(&self, text: &str) -> &Self {
        assert!(!self.out().contains(text), "stdout holds {text:?}\n{self}");
        self
    }

    /// Standard error must hold this.
    #[track_caller]
    pub fn complains(&self, text: &str) -> &Self {
        assert!(self.err().contains(text), "stderr does not hold {text:?}\n{self}");
        self
    }

    /// These stages must have been started, in any order, and no others.
    #[track_caller]
    pub fn ran<const N: usize>(&self, stages: [&str; N]) -> &Self {
        let out = self.out();
        let mut started: Vec<&str> =
            out.lines().filter_map(|line| line.strip_prefix("Running stage '")).filter_map(|rest| rest.split('\'').next()).collect();
        started.sort_unstable();
        let mut wanted = stages.to_vec();
        wanted.sort_unstable();
        assert!(started == wanted, "stages that ran: {started:?}, expected: {wanted:?}\n{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "--- {} -> exit {}", self.what, self.code)?;
        writeln!(f, "--- stdout\n{}", self.out())?;
        writeln!(f, "--- stderr\n{}---", self.err())
    }
}

/// A program that was started. A test that fails before its end takes it along, with its stages.
pub struct Started(pub Child);

impl std::ops::Deref for Started {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Started {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // Asked first, since only the program itself can end what it runs.
            let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
            let _ = self.0.wait_timeout(GRACE);
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Reads a stream to its end beside the caller.
fn gather(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// Runs a shell command that must succeed.
#[track_caller]
pub fn sh(scratch: &super::scratch::Scratch, dir: &Path, text: &str) -> Ran {
    let ran = Ran::of(scratch.command("/bin/sh").current_dir(dir).args(["-c", text]));
    ran.ok();
    ran
}
