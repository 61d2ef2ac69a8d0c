//! One golden case as it lies on disk. The layout is told in tests/golden/make_golden.py.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::state::Leaf;

/// How the repository relates to git.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scm {
    /// Its root is git's root.
    Git,
    /// It lies in a folder of the git repository.
    GitSub,
    /// There is no git.
    None,
}

/// A case.
pub struct Case {
    /// Its folder's name, with the number.
    pub full_name: String,
    /// Its name without the number.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// How it relates to git.
    pub scm: Scm,
    /// The command line as it was given to real DVC.
    pub cmd: String,
    /// Paths that git knew before.
    pub tracked: String,
    /// What real DVC left.
    pub after: After,
}

/// What real DVC left.
pub struct After {
    /// Exit code.
    pub exit: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Modes, sizes and paths of the cache.
    pub cache: String,
    /// Paths and texts of the run-cache.
    pub runs: String,
    /// Files that are not 0644, and links.
    pub modes: String,
    /// What is staged in git.
    pub staged: String,
    /// What `dvc status` says afterwards.
    pub status: String,
    /// The work tree.
    pub tree: BTreeMap<String, Leaf>,
}

impl Case {
    /// All cases below a folder, in the order of their names.
    pub fn all_in(folder: &Path) -> Vec<Self> {
        let mut cases = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let dir = entry.unwrap().path();
            if dir.join("cmd").exists() {
                cases.push(Self::read(dir));
            } else if dir.is_dir() && !dir.is_symlink() {
                cases.extend(Self::all_in(&dir));
            }
        }
        cases.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        cases
    }

    fn read(dir: PathBuf) -> Self {
        let text = |name: &str| String::from_utf8_lossy(&std::fs::read(dir.join(name)).unwrap_or_default()).into_owned();
        let full_name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let name = full_name.split_once('-').map_or(full_name.as_str(), |(_, name)| name).to_owned();
        let scm = match text("scm").trim() {
            "git" => Scm::Git,
            "git-sub" => Scm::GitSub,
            "none" => Scm::None,
            other => panic!("{full_name}: scm {other:?}"),
        };
        let mut tree = super::state::stored(&dir.join("after/ws"));
        super::gaps::fill_after(&name, &mut tree);
        let after = After {
            exit: text("after/exit").trim().parse().unwrap(),
            stdout: text("after/stdout"),
            stderr: text("after/stderr"),
            cache: text("after/cache.txt"),
            runs: text("after/runs.txt"),
            modes: text("after/modes.txt"),
            staged: text("after/staged.txt"),
            status: text("after/dvc-status.txt"),
            tree,
        };
        let mut case =
            Self { cmd: text("cmd").trim_end_matches('\n').to_owned(), tracked: text("tracked.txt"), name, scm, after, full_name, dir };
        case.after.staged = case.newly_staged(&case.after.staged);
        case
    }

    /// Of these staged paths those that git did not know before: a setup may have staged some.
    pub fn newly_staged(&self, paths: &str) -> String {
        paths.lines().filter(|path| !self.tracked.lines().any(|known| known == *path)).map(|path| format!("{path}\n")).collect()
    }
}
