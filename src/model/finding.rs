//! What is not in step between a pipeline and its lock, as data. Sentences are made in
//! `report::check` only.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::path::RepoPath;
use super::stage::Address;

/// What a finding is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// An entry of dvc.lock, or a `.dvc` file.
    Lock,
    /// A command.
    Cmd,
    /// A file or directory that a stage reads.
    Dep,
    /// A parameter.
    Param,
    /// What a stage writes.
    Out,
    /// The content of an output, in the cache.
    Cache,
}

/// How much it matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// It is not in step.
    Error,
    /// It may be.
    Warn,
}

/// What is wrong, or why that is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// What is recorded is not what is there.
    Differs,
    /// A cached output that git has as well, with other content than is recorded.
    InGit,
    /// It is recorded, and git does not have it.
    NotInGit,
    /// It is there, and dvc.lock does not know it.
    NotRecorded,
    /// It is recorded, and the output in which it would lie has no such path.
    NotInOutput,
    /// A parameter that stages track is not in its file.
    NotInFile,
    /// A stage that dvc.lock does not know.
    NoEntry,
    /// The same, and the stage is frozen: it does not run.
    NeverRan,
    /// An entry of dvc.lock without a stage.
    NoStage,
    /// A dvc.lock without a dvc.yaml.
    NoPipeline,
    /// A `.dvc` file that was edited since DVC wrote it.
    Altered,
    /// A directory that held other files when it was recorded than git has: so many then, so many in git.
    HeldMore(u64, u64),
    /// The same, where it cannot be told whether git ignores those files or they are gone since.
    MayHaveHeldMore(u64, u64),
    /// It is the same but for the ends of its lines, which were `\r\n` when it was recorded, or `\n`.
    LineEnds {
        /// `\r\n`
        crlf: bool,
    },
    /// Not judged: git keeps it in another form (`Git LFS`, the name of a filter).
    Converted(String),
    /// Not judged: it lies outside of git's work tree.
    Outside,
    /// Not judged: it lies in a submodule.
    Submodule,
    /// Not judged: it lies on a server (the kind in one word).
    Foreign(String),
    /// Not judged: this object is in no cache that can be looked into.
    Unknown(String),
    /// The content is in no cache that can be looked into.
    NoObject,
    /// The same, and the stage says `push: false`: no remote will ever have it.
    NeverPushed,
    /// The content is not in this remote.
    NotPushed(String),
}

/// One thing that is not in step, or may not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The commit; none for the index and the work tree.
    pub commit: Option<String>,
    /// The DVC repository, from the root of git's work tree.
    pub project: RepoPath,
    /// The stage or `.dvc` file, as that repository knows it.
    pub address: Option<Address>,
    /// What it is about.
    pub subject: Subject,
    /// The path from the root of git's work tree, a parameter's with its key behind a colon; none for a command.
    pub path: Option<String>,
    /// What dvc.lock says.
    pub recorded: Option<String>,
    /// What git has.
    pub actual: Option<String>,
    /// How much it matters.
    pub weight: Weight,
    /// What is wrong.
    pub wrong: Wrong,
}

impl Finding {
    /// Whether it is about content that is not there, rather than about the lock.
    pub fn is_of_cache(&self) -> bool {
        self.subject == Subject::Cache || matches!(self.wrong, Wrong::Unknown(_))
    }

    /// The address as someone writes it who stands at the root of git's work tree.
    pub fn full_address(&self) -> Option<String> {
        let address = self.address.as_ref()?;
        let file = self.project.join(address.file.as_str());
        Some(Address { file, name: address.name.clone() }.seen_from(&RepoPath::root()))
    }
}

/// A name that leads to a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Named {
    /// A branch of this clone.
    Branch(String),
    /// A tag.
    Tag(String),
}

/// Where someone stands who reads what was found: what mends it must work from there.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Standpoint {
    /// The current directory, from the root of git's work tree.
    pub dir: RepoPath,
    /// That root, if the current directory does not lie below it.
    pub outside_of: Option<String>,
    /// The commit that is checked out; none without a work tree.
    pub head: Option<String>,
    /// The commits in which something was found and that are not checked out, with a name of theirs.
    pub names: BTreeMap<String, Named>,
    /// Whether there is no work tree.
    pub is_bare: bool,
    /// Paths of findings that are not on the disk either.
    pub gone: BTreeSet<String>,
}

impl Standpoint {
    /// A path as it is typed there.
    pub fn typed(&self, path: &RepoPath) -> String {
        match &self.outside_of {
            Some(root) if path.is_root() => root.clone(),
            Some(root) if !path.is_external() => format!("{}/{path}", root.trim_end_matches('/')),
            _ => path.seen_from(&self.dir),
        }
    }
}

/// What a check has found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What is not in step, commit by commit, in the order of the files.
    pub findings: Vec<Finding>,
    /// What could not be judged, with the commit.
    pub refused: Vec<(Option<String>, Fault)>,
    /// The commits that were looked at, the oldest first; none stands for the index or the work tree.
    pub looked_at: Vec<Option<String>>,
    /// How many stages and `.dvc` files they had.
    pub stages: usize,
    /// How many DVC repositories they had.
    pub projects: usize,
    /// Where its reader stands.
    pub standpoint: Standpoint,
}

impl Checked {
    /// Whether something is not in step, or missing where that is asked for.
    pub fn is_stale(&self) -> bool {
        self.findings.iter().any(|finding| finding.weight == Weight::Error)
    }

    /// Whether a lock is not in step.
    pub fn is_out_of_step(&self) -> bool {
        self.findings.iter().any(|finding| finding.weight == Weight::Error && !finding.is_of_cache())
    }
}
