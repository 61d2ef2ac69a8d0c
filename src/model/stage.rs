//! Stages as they stand after templating: what a pipeline is made of.
//!
//! These types know neither dvc.yaml's syntax nor the disk. A `.dvc` file of added data is a
//! stage without a command, so that the graph sees one kind of node only.

use serde::{Deserialize, Serialize};

use super::digest::{Digest, Listed, Meta};
use super::path::RepoPath;
use super::value::{Map, Value};

/// A stage's number within its `Pipeline`, in the order of collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct StageId(pub u32);

impl StageId {
    /// As an index into the pipeline.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a stage is defined: the file and, in a dvc.yaml, its name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Address {
    /// The dvc.yaml or `.dvc` file.
    pub file: RepoPath,
    /// The name in a dvc.yaml; none for a `.dvc` file.
    pub name: Option<String>,
}

impl Address {
    /// The address as DVC prints it for someone who stands in `cwd`: `train`,
    /// `sub/dvc.yaml:train`, `data.dvc` (dvc: `stage/__init__.py` `addressing`).
    pub fn seen_from(&self, cwd: &RepoPath) -> String {
        let file = self.file.seen_from(cwd);
        match &self.name {
            Some(name) if file == "dvc.yaml" => name.clone(),
            Some(name) => format!("{file}:{name}"),
            None => file,
        }
    }
}

/// What a stage runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Cmd {
    /// A text; each of its lines is a command of its own.
    One(String),
    /// A list; each item is one command as it is.
    Many(Vec<String>),
}

/// A file or directory that a stage reads.
#[derive(Clone, PartialEq, Debug)]
pub struct Dep {
    /// The text of dvc.yaml, as it goes into dvc.lock (`def_path` in DVC).
    pub def_path: String,
    /// Where that is.
    pub path: RepoPath,
    /// For what DVC can read only through a plug-in or a download (`s3://`, `ds://`, imports):
    /// the kind in one word. Such stages are never taken as unchanged silently.
    pub foreign: Option<String>,
    /// The `repo` of an import from another repository, as written.
    pub repo: Option<Map>,
    /// What a `.dvc` file itself records of a source; none for stages of a dvc.yaml (see `Record`).
    pub recorded: Option<(Digest, Meta)>,
}

/// Parameters that a stage reads from one file.
#[derive(Clone, PartialEq, Debug)]
pub struct ParamsDep {
    /// The text of dvc.yaml.
    pub def_path: String,
    /// Where that is.
    pub path: RepoPath,
    /// Dotted keys in the order of dvc.yaml; empty for the whole file.
    pub keys: Vec<String>,
}

/// In which list of dvc.yaml an output stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OutKind {
    /// `outs`
    Plain,
    /// `metrics`
    Metric,
    /// `plots`
    Plot,
}

/// A file or directory that a stage writes.
#[derive(Clone, PartialEq, Debug)]
pub struct Out {
    /// The text of dvc.yaml, as it goes into dvc.lock.
    pub def_path: String,
    /// Where that is.
    pub path: RepoPath,
    /// Which list it stands in.
    pub kind: OutKind,
    /// Whether its content goes into the cache.
    pub cache: bool,
    /// Whether it is kept before a run.
    pub persist: bool,
    /// Whether `dvc push` takes it.
    pub push: bool,
    /// The remote it belongs to.
    pub remote: Option<String>,
    /// `desc`, `type`, `labels`, `meta` and a plot's options, as written.
    pub annot: Map,
    /// What a `.dvc` file itself records; none for stages of a dvc.yaml (see `Record`).
    pub recorded: Option<(Digest, Meta)>,
    /// The files that a `.dvc` file lists one by one, as it does for remotes that keep versions.
    pub listed: Option<Listed>,
}

/// One stage.
#[derive(Clone, PartialEq, Debug)]
pub struct Stage {
    /// Where it is defined.
    pub address: Address,
    /// What it runs; none for a `.dvc` file of added data.
    pub cmd: Option<Cmd>,
    /// The directory that its command runs in and its paths are relative to.
    pub wdir: RepoPath,
    /// Files that it reads, in the order of dvc.yaml.
    pub deps: Vec<Dep>,
    /// Parameters, one item a file, in the order of first appearance.
    pub params: Vec<ParamsDep>,
    /// What it writes: `outs`, then `metrics`, then `plots`.
    pub outs: Vec<Out>,
    /// Whether it is frozen.
    pub frozen: bool,
    /// Whether it always counts as changed.
    pub always_changed: bool,
    /// Free text.
    pub desc: Option<String>,
    /// Free data.
    pub meta: Value,
    /// Line of dvc.yaml where it stands, from 1, if known.
    pub line: Option<usize>,
    /// The `md5` of a `.dvc` file, if it has one.
    pub md5: Option<String>,
    /// Whether a `.dvc` file was edited since DVC wrote it: its `md5` is not that of what it says.
    pub altered: bool,
}

impl Stage {
    /// Whether it comes from a `.dvc` file.
    pub fn is_data_file(&self) -> bool {
        self.address.name.is_none()
    }

    /// The file that tells what it last read and wrote: its dvc.lock, or the `.dvc` file itself.
    pub fn recorded_in(&self) -> RepoPath {
        if self.is_data_file() { self.address.file.clone() } else { self.address.file.parent().unwrap_or_default().join("dvc.lock") }
    }

    /// Added data: a `.dvc` file with neither command nor deps (dvc: `is_data_source`).
    pub fn is_data_source(&self) -> bool {
        self.cmd.is_none() && self.deps.is_empty()
    }

    /// A `.dvc` file that brings data from elsewhere (dvc: `is_import`).
    pub fn is_import(&self) -> bool {
        self.cmd.is_none() && self.deps.len() == 1 && self.outs.len() == 1
    }

    /// A command without deps, params and outs: it runs each time (dvc: `is_callback`).
    pub fn is_callback(&self) -> bool {
        self.cmd.is_some() && self.deps.is_empty() && self.params.is_empty() && self.outs.is_empty()
    }

    /// Whether an earlier run of it can be looked up (dvc: `stage/cache.py` `_can_hash`).
    pub fn can_be_cached(&self) -> bool {
        self.could_have_run_before()
            && self.deps.iter().all(|dep| dep.foreign.is_none())
            && self.outs.iter().all(|out| !out.persist && !out.path.is_external())
    }

    /// Whether DVC reads its inputs to look up an earlier run, before it minds what its outputs are
    /// like. What is missing then is told in other words than when the stage is saved.
    pub fn is_read_for_lookup(&self) -> bool {
        !self.frozen && self.could_have_run_before()
    }

    fn could_have_run_before(&self) -> bool {
        let has_input = !self.deps.is_empty() || !self.params.is_empty();
        has_input && self.cmd.is_some() && !self.always_changed && !self.outs.is_empty()
    }

    /// Where the dep of this text is.
    pub fn dep_path(&self, def_path: &str) -> Option<RepoPath> {
        self.deps.iter().find(|dep| dep.def_path == def_path).map(|dep| dep.path.clone())
    }

    /// Where the output of this text is.
    pub fn out_path(&self, def_path: &str) -> Option<RepoPath> {
        self.outs.iter().find(|out| out.def_path == def_path).map(|out| out.path.clone())
    }

    /// All paths that it reads, params files included, in DVC's order.
    pub fn reads(&self) -> impl Iterator<Item = &RepoPath> {
        self.deps.iter().map(|dep| &dep.path).chain(self.params.iter().map(|params| &params.path))
    }

    /// All paths whose content tells whether it must run, but those on servers and params files.
    pub fn hashed(&self) -> impl Iterator<Item = &RepoPath> {
        let deps = self.deps.iter().filter(|dep| dep.foreign.is_none()).map(|dep| &dep.path);
        deps.chain(self.outs.iter().map(|out| &out.path))
    }
}
