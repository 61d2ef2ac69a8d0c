//! A repository built like a story: `Project::new().file(…).stage("train", |s| s.cmd("…"))`.
//!
//! The `.dvc` folder is written by hand, byte for byte what `dvc init` makes, so that most tests
//! need no DVC.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::ran::{Ran, sh};
use super::scratch::Scratch;
use super::tree::Tree;
use super::{program, tree};

/// What `dvc init` writes into `.dvcignore`.
const DVCIGNORE: &str = "# Add patterns of files dvc should ignore, which could improve\n# the performance. Learn more at\n# https://dvc.org/doc/user-guide/dvcignore\n";

/// A repository in a folder of its own.
pub struct Project {
    /// The folder.
    pub scratch: Scratch,
    stages: Vec<(String, Stage)>,
}

/// A stage as it will stand in dvc.yaml.
#[derive(Clone, Default)]
pub struct Stage {
    lines: String,
    lists: Vec<(&'static str, Vec<String>)>,
}

impl Stage {
    /// Its command.
    pub fn cmd(self, cmd: &str) -> Self {
        self.field("cmd", &quoted(cmd))
    }

    /// Any key with a value in YAML.
    pub fn field(mut self, key: &str, yaml: &str) -> Self {
        let _ = writeln!(self.lines, "    {key}: {yaml}");
        self
    }

    /// A dep.
    pub fn dep(self, path: &str) -> Self {
        self.item("deps", quoted(path))
    }

    /// A cached output.
    pub fn out(self, path: &str) -> Self {
        self.item("outs", quoted(path))
    }

    /// A key of params.yaml.
    pub fn param(self, key: &str) -> Self {
        self.item("params", quoted(key))
    }

    fn item(mut self, list: &'static str, text: String) -> Self {
        match self.lists.iter_mut().find(|(name, _)| *name == list) {
            Some((_, items)) => items.push(text),
            None => self.lists.push((list, vec![text])),
        }
        self
    }

    fn text(&self) -> String {
        let mut text = self.lines.clone();
        for (list, items) in &self.lists {
            let _ = writeln!(text, "    {list}:");
            for item in items {
                let _ = writeln!(text, "    - {item}");
            }
        }
        text
    }
}

/// A string that YAML reads back as it is.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

impl Project {
    /// An empty git and DVC repository.
    pub fn new() -> Self {
        let project = Self::folder();
        sh(&project.scratch, &project.root(), "git init -q -b main .");
        project.file(".dvc/config", "").file(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n").file(".dvcignore", DVCIGNORE).commit()
    }

    /// A folder that is no repository at all.
    pub fn folder() -> Self {
        Self { scratch: Scratch::new(), stages: Vec::new() }
    }

    /// The root of the work tree.
    pub fn root(&self) -> PathBuf {
        self.scratch.work()
    }

    /// Adds a file.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Adds a stage to the dvc.yaml of the root.
    pub fn stage(mut self, name: &str, tell: impl FnOnce(Stage) -> Stage) -> Self {
        self.stages.retain(|(other, _)| other != name);
        self.stages.push((name.to_owned(), tell(Stage::default())));
        let text: String = self.stages.iter().map(|(name, stage)| format!("  {}:\n{}", quoted(name), stage.text())).collect();
        self.write("dvc.yaml", format!("stages:\n{text}"));
        self
    }

    /// Commits everything to git.
    pub fn commit(self) -> Self {
        self.sh("git add -A && git commit -q -m state");
        self
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A path in the work tree.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// A file as text.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether something stands at a path.
    pub fn has(&self, path: &str) -> bool {
        self.at(path).symlink_metadata().is_ok()
    }

    /// The files below a path, relative to it; none if it is not there.
    pub fn files(&self, path: &str) -> Vec<String> {
        if !self.has(path) {
            return Vec::new();
        }
        let tree = Tree::of(&self.at(path), &[]);
        tree.0.into_iter().filter(|(_, node)| !matches!(node, tree::Node::Dir(_))).map(|(name, _)| name).collect()
    }

    /// Runs a shell command in the root; it must succeed.
    #[track_caller]
    pub fn sh(&self, text: &str) -> Ran {
        sh(&self.scratch, &self.root(), text)
    }

    /// Runs `repro` of the program under test.
    pub fn repro<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        Ran::of(self.command(self.root()).arg("repro").args(arguments))
    }

    /// Runs the program under test.
    pub fn run<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        Ran::of(self.command(self.root()).args(arguments))
    }

    /// The program under test, ready to be given arguments and more.
    pub fn command(&self, dir: impl AsRef<Path>) -> std::process::Command {
        let mut command = self.scratch.command(program::path());
        command.current_dir(dir);
        command
    }

    /// Objects of the cache that nobody trusts, since they have not the mode 0444.
    pub fn untrusted(&self) -> Vec<String> {
        let cache = self.at(".dvc/cache/files");
        let trusted = |path: &String| std::fs::symlink_metadata(cache.join(path)).unwrap().permissions().mode() & 0o7777 == 0o444;
        self.files(".dvc/cache/files").into_iter().filter(|path| !trusted(path)).collect()
    }

    /// The work tree with the cache, for comparison.
    pub fn tree(&self) -> Tree {
        Tree::of_repository(&self.root())
    }
}
