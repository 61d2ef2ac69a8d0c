//! A temporary folder in which a repository, a home and DVC's own folders stand side by side, so
//! that a test sees nothing of the machine and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The folder: `w/` is for the repository; `home/`, `site/`, `g/` and `s/` are what DVC looks at
/// outside of one.
pub struct Scratch {
    dir: Option<TempDir>,
    top: PathBuf,
}

impl Scratch {
    /// A new one. Its path always has the same length, because a path inside a command moves the
    /// place at which dvc.lock wraps the line.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("dvcg-").rand_bytes(8).tempdir_in("/tmp").unwrap();
        let top = dir.path().canonicalize().unwrap();
        for name in ["w", "home"] {
            std::fs::create_dir(top.join(name)).unwrap();
        }
        Self { dir: Some(dir), top }
    }

    /// The folder itself.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The place of the repository.
    pub fn work(&self) -> PathBuf {
        self.top.join("w")
    }

    /// A command that knows this folder and nothing else of the machine but its programs.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.work());
        for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", self.top.join("home")).env("DVC_SITE_CACHE_DIR", self.top.join("site"));
        command.env("DVC_GLOBAL_CONFIG_DIR", self.top.join("g")).env("DVC_SYSTEM_CONFIG_DIR", self.top.join("s"));
        command.envs([("LANG", "C.UTF-8"), ("SHELL", "/bin/sh"), ("CI", "1"), ("DVC_NO_ANALYTICS", "1"), ("GIT_CONFIG_NOSYSTEM", "1")]);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "t").env(format!("GIT_{who}_EMAIL"), "t@e");
        }
        command
    }

    /// Keeps the folder after the test and says where it is, if `DVC_PARAFFIN_EJECT` asks for it.
    pub fn eject_if_asked(&mut self) {
        if std::env::var_os("DVC_PARAFFIN_EJECT").is_some()
            && let Some(dir) = self.dir.take()
        {
            super::aloud(&format!("EJECTED {}", dir.keep().display()));
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.eject_if_asked();
        }
        if self.dir.is_some() {
            // Folders without the write bit could not be emptied by anyone but root.
            let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(&self.top).output();
        }
    }
}
