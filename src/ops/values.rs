//! Collects the parameters and metrics of a repository that was read: of the work tree, or of a
//! commit (dvc: `repo/params/show.py`, `repo/metrics/show.py`).
//!
//! Of parameters these are shown: all of `params.yaml` at the root and of the files in the `params`
//! lists beside the stages, of other files what stages track, and variables from files that templates
//! use. Of metrics the outputs of stages and the files in the `metrics` lists. What is not in the
//! work tree (or the commit) is looked up in the local cache by the hash that dvc.lock has; nothing is
//! fetched and nothing is written. A file that cannot be read costs its own values only.

mod cached;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::format::template::TopLevel;
use crate::format::{flat, params};
use crate::model::values::{Content, Table, Values};
use crate::model::{Class, Fault, OutKind, RepoPath, Value};
use crate::store::imprint::LFS;
use crate::store::snapshot::Snapshot;
use crate::store::source::Kind;
use crate::store::workspace::Workspace;

use super::load::Repository;
use cached::Cached;

/// The detail of a failure that tells of content that dvc.lock knows and the local cache lacks.
pub const NOT_IN_CACHE: &str = "not_in_cache";

/// The file of parameters that is always shown.
const DEFAULT_PARAMS: &str = "params.yaml";

/// The values of a repository as it was read; its files are looked at now.
pub fn of(repository: &Repository) -> Values {
    let reader = Reader { repository, cached: Cached::new(repository) };
    Values { params: reader.params(), metrics: reader.metrics(), error: None }
}

/// The values of the work tree, whose dvc.yaml and dvc.lock files are read for it.
pub fn of_work_tree(workspace: &Arc<Workspace>) -> Values {
    loaded(Repository::with(workspace))
}

/// The values of a commit, given by its id or any revision that names it.
///
/// # Errors
/// There is no git or no such commit, or git cannot be asked. A commit whose pipeline cannot be read has no values,
/// and says why.
pub fn at(workspace: &Arc<Workspace>, rev: &str) -> Result<Values, Fault> {
    let unknown = || Fault::new(Class::SCMError, format!("unknown Git revision '{rev}'"));
    let git = workspace.git().ok_or_else(unknown)?;
    let revision = git.revision(rev)?.ok_or_else(unknown)?;
    let short = revision.commit.get(..7).unwrap_or_default().to_owned();
    let repository = Repository::at(workspace, Snapshot::of_commit(git, workspace.root(), revision));
    if repository.source().kind(&RepoPath::root()) != Some(Kind::Dir) {
        let fault = Fault::new(Class::NotDvcRepoError, format!("Commit '{short}' does not contain a DVC repo"));
        return Ok(Values { error: Some(fault), ..Values::default() });
    }
    Ok(loaded(repository))
}

fn loaded(mut repository: Repository) -> Values {
    match repository.load_all() {
        Ok(()) => of(&repository),
        Err(fault) => Values { error: Some(fault), ..Values::default() },
    }
}

/// Reads the values of one repository.
struct Reader<'a> {
    repository: &'a Repository,
    cached: Cached<'a>,
}

impl Reader<'_> {
    fn metrics(&self) -> Table {
        let mut table = Table::default();
        let stages = self.repository.pipeline().iter().flat_map(|(_, stage)| &stage.outs);
        let mut paths: Vec<RepoPath> = stages.filter(|out| out.kind == OutKind::Metric).map(|out| out.path.clone()).collect();
        match self.listed(TopLevel::Metrics) {
            Ok(listed) => paths.extend(listed),
            Err((file, fault)) => return failed(&file, fault),
        }
        for path in paths {
            self.each_file(&path, &mut table, flat::metrics);
        }
        table
    }

    fn params(&self) -> Table {
        // Keys by file; no keys: the whole file.
        let mut wanted: IndexMap<RepoPath, Vec<String>> = IndexMap::new();
        let default = RepoPath::new(DEFAULT_PARAMS);
        let mut whole = match self.listed(TopLevel::Params) {
            Ok(listed) => listed,
            Err((file, fault)) => return failed(&file, fault),
        };
        if self.exists(&default) {
            whole.push(default);
        }
        for params in self.repository.pipeline().iter().flat_map(|(_, stage)| &stage.params) {
            if params.keys.is_empty() {
                whole.push(params.path.clone());
            }
            wanted.entry(params.path.clone()).or_default().extend(params.keys.iter().cloned());
        }
        for path in whole {
            wanted.insert(path, Vec::new());
        }
        let mut table = Table::default();
        for (path, keys) in wanted {
            self.each_file(&path, &mut table, |value| {
                flat::params(&if keys.is_empty() { value.clone() } else { Value::map(params::cut(value, &keys)) })
            });
        }
        self.variables(&mut table);
        table
    }

    /// Adds what templates use of files that are not shown already.
    fn variables(&self, table: &mut Table) {
        let mut used: BTreeMap<String, Content> = BTreeMap::new();
        for (file, values) in self.repository.tracked().flatten() {
            let path = self.repository.workspace().locate(self.repository.cwd(), file).to_string();
            if table.files.contains_key(&path) || table.errors.contains_key(&path) {
                continue;
            }
            let content = used.entry(path).or_insert_with(|| Content::Keys(BTreeMap::new()));
            if let Content::Keys(keys) = content {
                keys.extend(values.iter().map(|(key, value)| (key.to_string(), flat::leaf(value))));
            }
        }
        table.files.extend(used);
    }

    /// The files in the lists beside the stages.
    fn listed(&self, section: TopLevel) -> Result<Vec<RepoPath>, (RepoPath, Fault)> {
        let mut paths = Vec::new();
        for (file, lists) in self.repository.beside() {
            let items = if section == TopLevel::Metrics { &lists.metrics } else { &lists.params };
            for item in items {
                let Some(text) = item.as_str() else {
                    let fault = Fault::new(Class::Unexpected, format!("'{}' object has no attribute 'replace'", item.python_type()));
                    return Err((file.clone(), fault));
                };
                paths.push(self.repository.workspace().locate(&file.parent().unwrap_or_default(), text));
            }
        }
        Ok(paths)
    }

    /// Reads a file, or all files of a directory, into the table.
    fn each_file(&self, path: &RepoPath, table: &mut Table, make: impl Fn(&Value) -> Content) {
        if path.is_external() {
            // DVC looks for such a path below the root, and mostly finds nothing.
            let fault = Fault::new(Class::NotSupported, format!("'{path}' lies outside of the DVC repository"));
            table.errors.insert(path.to_string(), fault);
            return;
        }
        let files = match self.expanded(path) {
            Ok(files) => files,
            Err(fault) => {
                table.errors.insert(path.to_string(), fault);
                return;
            }
        };
        for file in files {
            let name = file.to_string();
            match self.value(&file) {
                Ok(value) => {
                    table.files.insert(name, make(&value));
                }
                Err(fault) => {
                    table.errors.insert(name, fault);
                }
            }
        }
    }

    /// What a file holds. DVC takes all behind the first dot of its name for the suffix here.
    fn value(&self, path: &RepoPath) -> Result<Value, Fault> {
        let read = self.repository.source().read(path);
        let bytes = match read.map_err(|error| Fault::new(Class::IOError, format!("cannot read '{path}': {error}")))? {
            Some(bytes) => bytes,
            None => self.cached.bytes(path)?,
        };
        if bytes.starts_with(LFS) {
            return Err(Fault::new(Class::NotSupported, format!("'{path}' is kept in Git LFS, which is not read")));
        }
        let suffix = path.file_name().split_once('.').map_or("", |(_, suffix)| suffix);
        params::parse_as(&bytes, suffix, path.as_str()).map_err(|error| error.fault())
    }

    /// The path itself, or the files below it, also those that only dvc.lock knows of.
    fn expanded(&self, path: &RepoPath) -> Result<BTreeSet<RepoPath>, Fault> {
        let kind = self.visible(path)?;
        if kind == Some(Kind::File) || (kind.is_none() && !self.cached.is_dir(path)) {
            return Ok(BTreeSet::from([path.clone()]));
        }
        let mut files = BTreeSet::new();
        let mut open = if kind.is_some() { vec![path.clone()] } else { Vec::new() };
        let (source, ignore) = (self.repository.source(), self.repository.dvcignore());
        while let Some(dir) = open.pop() {
            for entry in ignore.shown(&dir, source.list(&dir).unwrap_or_default())? {
                // A link to a directory might lead round in a circle.
                match (entry.is_dir, entry.is_link) {
                    (true, false) => open.push(entry.path),
                    (false, _) => drop(files.insert(entry.path)),
                    (true, true) => {}
                }
            }
        }
        files.extend(self.cached.files_below(path)?);
        files.retain(|file| !is_of_dvc(file.file_name()));
        Ok(files)
    }

    /// Whether DVC sees anything there.
    fn exists(&self, path: &RepoPath) -> bool {
        self.visible(path).is_ok_and(|kind| kind.is_some()) || self.cached.knows(path)
    }

    /// What stands at a path, unless it is ignored.
    fn visible(&self, path: &RepoPath) -> Result<Option<Kind>, Fault> {
        let Some(kind) = self.repository.source().kind(path) else { return Ok(None) };
        let ignored = self.repository.dvcignore().ignored_by(path, kind == Kind::Dir, true)?.is_some();
        Ok((!ignored).then_some(kind))
    }
}

/// A table without values, and why.
fn failed(file: &RepoPath, fault: Fault) -> Table {
    Table { files: BTreeMap::new(), errors: BTreeMap::from([(file.to_string(), fault)]) }
}

/// Files that DVC leaves out when it lists a directory.
fn is_of_dvc(name: &str) -> bool {
    name == "dvc.yaml" || name == ".dvcignore" || name.ends_with(".dvc")
}
