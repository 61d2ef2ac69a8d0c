//! Hooks of git: they stand where git runs them, what was there before runs first and comes back, and
//! nothing is lost on the way. Real git runs them; a script that takes notes stands in for the program.

mod chain;
mod checkouts;
mod commits;
mod managers;
mod places;
mod pushes;
mod scripts;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program;
use crate::support::project::Project;
use crate::support::ran::{Ran, sh};

/// A repository, and beside it the program by a name of its own. Hooks call it by that name, so that
/// something else can answer them.
struct Bench {
    project: Project,
}

impl Bench {
    fn new() -> Self {
        Self::of(Project::new())
    }

    fn of(project: Project) -> Self {
        let bench = Self { project };
        std::fs::create_dir(bench.top().join("bin")).unwrap();
        std::os::unix::fs::symlink(program::path(), bench.program()).unwrap();
        bench
    }

    fn top(&self) -> &Path {
        self.project.scratch.top()
    }

    fn root(&self) -> PathBuf {
        self.project.root()
    }

    fn program(&self) -> PathBuf {
        self.top().join("bin/dvc-paraffin")
    }

    /// The program as it is called from a directory.
    fn command(&self, dir: impl AsRef<Path>) -> Command {
        let mut command = self.project.scratch.command(self.program());
        command.current_dir(dir).arg("hooks");
        command
    }

    fn hooks<const N: usize>(&self, words: [&str; N]) -> Ran {
        Ran::of(self.command(self.root()).args(words))
    }

    /// From now on the hooks call something that notes how it is called, and ends with a code.
    fn takes_notes(&self, code: i32) {
        let notes = self.top().join("notes");
        let text = format!("#!/bin/sh\n{{ echo \"$*\"; cat; }} >> '{}'\nexit {code}\n", notes.display());
        std::fs::remove_file(self.program()).unwrap();
        self.script(&self.program(), &text);
    }

    /// From now on the program itself is there again.
    fn answers_itself(&self) {
        std::fs::remove_file(self.program()).unwrap();
        std::os::unix::fs::symlink(program::path(), self.program()).unwrap();
    }

    /// What was noted, and is forgotten then.
    fn notes(&self) -> String {
        let notes = std::fs::read_to_string(self.top().join("notes")).unwrap_or_default();
        let _ = std::fs::remove_file(self.top().join("notes"));
        notes
    }

    /// Writes an executable file.
    fn script(&self, path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts a hook of someone else where plain git looks.
    fn foreign(&self, name: &str, text: &str) {
        self.script(&self.hook(name), text);
    }

    fn hook(&self, name: &str) -> PathBuf {
        self.project.at(".git/hooks").join(name)
    }

    /// Runs a shell command that must succeed.
    #[track_caller]
    fn sh(&self, dir: &Path, text: &str) -> Ran {
        sh(&self.project.scratch, dir, text)
    }

    /// Runs a shell command.
    fn tries(&self, text: &str) -> Ran {
        Ran::of(self.project.scratch.command("/bin/sh").args(["-c", text]))
    }

    /// A place to push to.
    fn remote(self) -> Self {
        self.sh(self.top(), "git init -q --bare remote.git && git -C w remote add origin ../remote.git");
        self
    }

    /// A `PATH` with what the scripts need, and nothing of ours.
    fn poor_path(&self) -> PathBuf {
        let dir = self.top().join("poor");
        if !dir.exists() {
            std::fs::create_dir(&dir).unwrap();
            for name in ["git", "sh", "cat", "grep"] {
                let found = self.tries(&format!("command -v {name}")).out();
                std::os::unix::fs::symlink(found.trim(), dir.join(name)).unwrap();
            }
        }
        dir
    }
}

/// All that stands in a folder, with content, targets and modes; samples left out.
fn state(dir: &Path) -> Vec<(String, Vec<u8>, u32)> {
    let mut all: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let meta = entry.path().symlink_metadata().unwrap();
            let text = if meta.is_symlink() {
                std::fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes()
            } else {
                std::fs::read(entry.path()).unwrap_or_default()
            };
            (entry.file_name().into_string().unwrap(), text, meta.permissions().mode())
        })
        .filter(|(name, ..)| !name.ends_with(".sample"))
        .collect();
    all.sort();
    all
}
