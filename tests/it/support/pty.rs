//! A terminal with a shell on it that knows jobs: what is typed goes in, what is shown comes out,
//! and the modes of the terminal can be looked at from outside.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::project::Project;
use super::{aloud, in_ci};

/// How long anything on it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The terminal; its shell and all on it end with the value.
pub struct Pty {
    keyboard: File,
    shell: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much of it was asked for.
    taken: AtomicUsize,
}

impl Pty {
    /// A terminal with a shell in the root of a project, where `$PARAFFIN` is the program. None
    /// where there is no `setsid` that can give a process its terminal.
    pub fn open(project: &Project) -> Option<Self> {
        let able = Command::new("setsid").arg("--help").output().is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains("--ctty"));
        if !able {
            assert!(!in_ci(), "there is no `setsid --ctty` here");
            aloud("SKIPPED a terminal: there is no `setsid --ctty` here");
            return None;
        }
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let screen = || File::from(rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap());
        let mut command = project.scratch.command("setsid");
        command.args(["--ctty", "/bin/sh", "-i"]).current_dir(project.root());
        command.env("PARAFFIN", super::program::path()).env("TERM", "xterm-256color").env("PS1", "$ ").env_remove("CI");
        let shell = command.stdin(screen()).stdout(screen()).stderr(screen()).spawn().unwrap();
        let keyboard = File::from(keyboard);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut source, theirs) = (keyboard.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            // It fails once nobody has the terminal open any more.
            while let Ok(length @ 1..) = source.read(&mut part) {
                theirs.lock().unwrap().extend_from_slice(&part[..length]);
            }
        });
        Some(Self { keyboard, shell, shown, taken: AtomicUsize::new(0) })
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// What was shown since it was last asked.
    pub fn take(&self) -> String {
        let shown = self.shown.lock().unwrap();
        String::from_utf8_lossy(&shown[self.taken.swap(shown.len(), Ordering::SeqCst)..]).into_owned()
    }

    /// The last of all that was shown, for messages.
    pub fn end(&self) -> String {
        let shown = self.shown.lock().unwrap();
        String::from_utf8_lossy(&shown[shown.len().saturating_sub(4000)..]).into_owned()
    }

    /// Waits for a text, and takes all that was shown up to now.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        let mut seen = String::new();
        self.until(text, || {
            seen += &self.take();
            seen.contains(text)
        });
        seen
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "{what:?} never came; the terminal shows\n{}", self.end());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it hands over lines, echoed, with keys for signals: as a shell leaves it to programs.
    pub fn is_ordinary(&self) -> bool {
        let all = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHOCTL | LocalModes::ISIG;
        self.modes().contains(all)
    }

    /// Whether it hands over single keys without echo, and those for signals still are.
    pub fn gives_keys(&self) -> bool {
        let modes = self.modes();
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO) && modes.contains(LocalModes::ISIG)
    }

    fn modes(&self) -> LocalModes {
        tcgetattr(&self.keyboard).unwrap().local_modes
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Whoever still runs on the terminal is told that it is gone.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
