//! Reads a repository: its stages, what dvc.lock says of them, and how they hang together.
//!
//! The one place where files become a [`Pipeline`]: `repro`, `status` and `graph` all start
//! here, so that they cannot disagree. The files are those of the work tree or of a snapshot
//! (a commit, say); of that git ignores nothing, and no run has anything to add.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;

use crate::format::config::{ParsingBool, ParsingList};
use crate::format::lockfile::Lock;
use crate::format::pipeline::TopLists;
use crate::format::template::{BoolOption, ListOption, TemplateSettings, Tracked};
use crate::format::{dotdvc, pipeline};
use crate::model::{Address, Algo, Class, Fault, Pipeline, Record, RepoPath, Stage};
use crate::store::backlog::Backlogs;
use crate::store::dvcignore::DvcIgnore;
use crate::store::os::Stamp;
use crate::store::snapshot::Snapshot;
use crate::store::source::{Kind, Source};
use crate::store::span::span;
use crate::store::workspace::Workspace;

/// A repository with all that its files say.
#[derive(Debug)]
pub struct Repository {
    workspace: Arc<Workspace>,
    /// Whose files are read; none: those of the work tree, tracked or not.
    snapshot: Option<Snapshot>,
    cwd: RepoPath,
    pipeline: Pipeline,
    /// What was read of each dvc.yaml or `.dvc` file.
    files: HashMap<RepoPath, Loaded>,
    /// The same in the order of reading.
    read: Vec<RepoPath>,
    /// Remarks made while reading.
    warnings: Vec<String>,
    /// What runs have not yet written into dvc.lock.
    backlogs: OnceLock<Backlogs>,
}

#[derive(Debug, Default)]
struct Loaded {
    /// The pipeline has the same.
    stages: Vec<Arc<Stage>>,
    /// Where the stages stand, by name; made when the first one is asked for.
    places: OnceLock<HashMap<Option<String>, usize>>,
    lock: Option<Lock>,
    /// Base name of a foreach or matrix → names of the stages made from it.
    groups: IndexMap<String, Vec<String>>,
    /// The lists beside the stages.
    beside: TopLists,
    /// Which variables from files each stage used.
    tracked: Vec<Tracked>,
}

impl Repository {
    /// Takes an opened workspace; nothing is read yet.
    pub fn new(workspace: Workspace) -> Self {
        Self::of(Arc::new(workspace), None)
    }

    /// The same for a workspace that others use too.
    pub fn with(workspace: &Arc<Workspace>) -> Self {
        Self::of(Arc::clone(workspace), None)
    }

    /// The same with the files of a snapshot. The configuration is that of the workspace, as with DVC.
    pub fn at(workspace: &Arc<Workspace>, snapshot: Snapshot) -> Self {
        Self::of(Arc::clone(workspace), Some(snapshot))
    }

    fn of(workspace: Arc<Workspace>, snapshot: Option<Snapshot>) -> Self {
        let cwd = workspace.cwd().clone();
        Self {
            workspace,
            snapshot,
            cwd,
            pipeline: Pipeline::default(),
            files: HashMap::new(),
            read: Vec::new(),
            warnings: Vec::new(),
            backlogs: OnceLock::new(),
        }
    }

    /// The disk.
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// The files that are read.
    pub fn source(&self) -> &dyn Source {
        match &self.snapshot {
            Some(snapshot) => snapshot.files().as_ref(),
            None => self.workspace.files().as_ref(),
        }
    }

    /// The rules of `.dvcignore` there.
    pub fn dvcignore(&self) -> Arc<DvcIgnore> {
        match &self.snapshot {
            Some(snapshot) => Arc::clone(snapshot.dvcignore()),
            None => self.workspace.dvcignore(),
        }
    }

    /// The lists beside the stages of all files that were read, each with its file, in the order of reading.
    pub fn beside(&self) -> impl Iterator<Item = (&RepoPath, &TopLists)> {
        self.read.iter().filter_map(|file| Some((file, &self.files.get(file)?.beside)))
    }

    /// The variables from files that the stages used, stage by stage.
    pub fn tracked(&self) -> impl Iterator<Item = &Tracked> {
        self.read.iter().filter_map(|file| self.files.get(file)).flat_map(|loaded| &loaded.tracked)
    }

    /// Where the user stands.
    pub fn cwd(&self) -> &RepoPath {
        &self.cwd
    }

    /// All stages that were read.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Remarks made while reading.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The root as text, for paths of dvc.yaml.
    pub fn root_text(&self) -> String {
        self.workspace.root_text().to_owned()
    }

    /// What dvc.lock says of a stage.
    pub fn record(&self, stage: &Stage) -> Option<Record> {
        let mut record = self.files.get(&stage.address.file)?.lock.as_ref()?.record(stage.address.name.as_deref()?)?;
        // Entries without `hash` are of DVC 2.x, which hashed text in another way; but only what
        // lies in the repository (dvc: `_compute_hash_info_from_meta`).
        let outside: HashSet<&str> = stage.deps.iter().filter(|dep| dep.path.is_external()).map(|dep| dep.def_path.as_str()).collect();
        let outs = stage.outs.iter().filter(|out| out.path.is_external());
        let outside_outs: HashSet<&str> = outs.map(|out| out.def_path.as_str()).collect();
        let deps = record.deps.iter_mut().filter(|dep| outside.contains(dep.path.as_str()));
        for item in deps.chain(record.outs.iter_mut().filter(|out| outside_outs.contains(out.path.as_str()))) {
            if let Some(digest) = item.digest.as_mut().filter(|digest| digest.algo == Algo::Md5Dos2Unix) {
                digest.algo = Algo::Md5;
            }
        }
        Some(record)
    }

    /// The names that a foreach or matrix of this file made.
    pub fn group(&self, file: &RepoPath, name: &str) -> Option<&[String]> {
        self.files.get(file)?.groups.get(name).map(Vec::as_slice)
    }

    /// The names of the foreach and matrix groups of a file.
    pub fn group_names(&self, file: &RepoPath) -> impl Iterator<Item = &str> {
        self.files.get(file).into_iter().flat_map(|loaded| loaded.groups.keys()).map(|name| &**name)
    }

    /// A stage that was read.
    pub fn stage(&self, address: &Address) -> Option<&Stage> {
        let loaded = self.files.get(&address.file)?;
        let name = |(at, stage): (usize, &Arc<Stage>)| (stage.address.name.clone(), at);
        let places = loaded.places.get_or_init(|| loaded.stages.iter().enumerate().map(name).collect());
        loaded.stages.get(*places.get(&address.name)?).map(|stage| &**stage)
    }

    /// All paths that a stage that was read reads or writes.
    pub fn paths_of(&self, address: &Address) -> Option<Vec<PathBuf>> {
        let stage = self.stage(address)?;
        let paths = stage.reads().chain(stage.outs.iter().map(|out| &out.path));
        Some(paths.map(|path| path.under(self.workspace.root())).collect())
    }

    /// The stages of a file that was read, in its order.
    pub fn of_file(&self, file: &RepoPath) -> &[Arc<Stage>] {
        self.files.get(file).map_or(&[], |loaded| loaded.stages.as_slice())
    }

    /// The files that were read, in the order of reading.
    pub fn files_read(&self) -> impl Iterator<Item = &RepoPath> {
        self.read.iter()
    }

    /// The names of the entries in the dvc.lock beside a dvc.yaml that was read, in its order.
    pub fn recorded_names(&self, file: &RepoPath) -> impl Iterator<Item = &str> {
        self.files.get(file).and_then(|loaded| loaded.lock.as_ref()).into_iter().flat_map(Lock::names)
    }

    /// Forgets all that was read: it may have changed since.
    pub fn forget(&mut self) {
        self.workspace.forget_dvcignore();
        (self.pipeline, self.files) = Default::default();
        self.read.clear();
        self.warnings.clear();
        self.backlogs.take();
    }

    fn seal(&mut self, order: &[RepoPath]) {
        let stages = order.iter().filter_map(|file| self.files.get(file)).flat_map(|loaded| &loaded.stages);
        self.pipeline = Pipeline::new(stages.map(Arc::clone));
    }

    /// Reads the whole repository, or takes only what was read so far (`--single-item`).
    ///
    /// # Errors
    /// As [`Repository::load_all`].
    pub fn load_all_or(&mut self, only_read: bool) -> Result<(), Fault> {
        if only_read {
            let order = self.read.clone();
            self.seal(&order);
            Ok(())
        } else {
            self.load_all()
        }
    }

    /// The names of all stages, for suggestions.
    pub fn names(&self) -> Vec<String> {
        self.pipeline.iter().map(|(_, stage)| stage.address.seen_from(&self.cwd)).collect()
    }

    /// Reads every dvc.yaml and `.dvc` file of the repository, in DVC's order of collection.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn load_all(&mut self) -> Result<(), Fault> {
        let (workspace, snapshot) = (Arc::clone(&self.workspace), self.snapshot.clone());
        let mut order: Vec<RepoPath> = Vec::new();
        let visit = |file: &RepoPath| -> Result<Vec<RepoPath>, Fault> {
            self.load_file(file)?;
            order.push(file.clone());
            let stages = &self.files[file].stages;
            Ok(stages.iter().flat_map(|stage| stage.outs.iter().map(|out| out.path.clone())).collect())
        };
        match snapshot {
            Some(snapshot) => snapshot.collect(visit)?,
            None => workspace.collect(visit)?,
        }
        self.seal(&order);
        Ok(())
    }

    /// Reads one file, once.
    ///
    /// # Errors
    /// It does not exist, is ignored, or does not say what it should.
    pub fn load_file(&mut self, file: &RepoPath) -> Result<(), Fault> {
        if self.files.contains_key(file) {
            return Ok(());
        }
        let loaded = self.read(file)?;
        self.files.insert(file.clone(), loaded);
        self.read.push(file.clone());
        Ok(())
    }

    fn read(&mut self, file: &RepoPath) -> Result<Loaded, Fault> {
        let shown = file.seen_from(&self.cwd);
        let absolute = file.under(self.workspace.root());
        let absolute_text = absolute.to_string_lossy();
        if self.dvcignore().ignored_by(file, false, true)?.is_some() {
            return Err(Fault::new(Class::StageFileDoesNotExistError, format!("'{absolute_text}' is dvc-ignored")));
        }
        let kind = self.source().kind(file);
        if kind.is_none() {
            return Err(Fault::new(Class::StageFileDoesNotExistError, format!("'{absolute_text}' does not exist")));
        }
        let name = file.file_name();
        if name != "dvc.yaml" && !name.ends_with(".dvc") {
            return Err(Fault::new(
                Class::StageFileIsNotDvcFileError,
                format!("bad DVC file name '{shown}'. DVC files should be named 'dvc.yaml' or have a '.dvc' suffix (e.g. '{name}.dvc')."),
            ));
        }
        if kind != Some(Kind::File) {
            return Err(Fault::new(Class::StageFileIsNotDvcFileError, format!("'{absolute_text}' is not a .dvc file")));
        }
        if self.git_ignores(file)? {
            return Err(Fault::new(Class::FileIsGitIgnored, format!("bad DVC file name '{shown}' is git-ignored.")));
        }
        if name == "dvc.yaml" { self.read_pipeline(file) } else { self.read_data_file(file) }
    }

    fn read_pipeline(&mut self, file: &RepoPath) -> Result<Loaded, Fault> {
        let root = self.root_text();
        let settings = self.template_settings();
        let _span = span("parse", || file.to_string());
        let project = pipeline::load(self.source(), &root, file, &settings, &self.cwd).map_err(|error| error.fault())?;
        let lock = self.read_lock(file)?;
        self.check_outs(&project.stages)?;
        self.warnings.extend(project.warnings);
        let stages = project.stages.into_iter().map(Arc::new).collect();
        let (beside, tracked) = (project.top_level, project.tracked);
        Ok(Loaded { stages, places: OnceLock::new(), lock, groups: project.groups, beside, tracked })
    }

    fn read_lock(&self, file: &RepoPath) -> Result<Option<Lock>, Fault> {
        let path = lock_path(file);
        let shown = path.seen_from(&self.cwd);
        // Both before the file, so that what is written meanwhile is not missed.
        let waiting = self.snapshot.is_none().then(|| {
            let backlogs = self.backlogs.get_or_init(|| Backlogs::read(&self.workspace.tmp_dir()));
            (backlogs, Stamp::at(&path.under(self.workspace.root())))
        });
        let complete = |lock: &mut Lock| waiting.is_some_and(|(backlogs, stamp)| backlogs.complete(&path, stamp, lock));
        let Some(bytes) = self.source().read(&path).map_err(|error| unreadable(&shown, &error))? else {
            let mut lock = Lock::default();
            return Ok(complete(&mut lock).then_some(lock));
        };
        if self.git_ignores(&path)? {
            let text = path.under(self.workspace.root()).to_string_lossy().into_owned();
            return Err(Fault::new(Class::FileIsGitIgnored, format!("'{text}' is git-ignored.")));
        }
        // DVC names the file in such messages as a path of the current directory.
        let shown = if shown.starts_with("..") { shown } else { format!("./{shown}") };
        let _span = span("parse", || path.to_string());
        let mut lock = Lock::parse(&bytes, &shown).map_err(|error| error.fault())?;
        complete(&mut lock);
        Ok(Some(lock))
    }

    fn read_data_file(&mut self, file: &RepoPath) -> Result<Loaded, Fault> {
        let stage = dotdvc::load(self.source(), &self.root_text(), file, &self.cwd).map_err(|error| error.fault())?;
        self.check_outs(std::slice::from_ref(&stage))?;
        Ok(Loaded { stages: vec![Arc::new(stage)], ..Loaded::default() })
    }

    /// The rule of .dvcignore that hides an output; one in a repository inside is not hidden.
    fn ignored_by(&self, path: &RepoPath, is_dir: bool) -> Result<Option<String>, Fault> {
        Ok(self.dvcignore().ignored_by(path, is_dir, false)?.map(|rule| rule.origin()))
    }

    /// What the configuration says of templates.
    pub(super) fn template_settings(&self) -> TemplateSettings {
        let config = self.workspace.config();
        TemplateSettings {
            parsing_bool: match config.parsing_bool {
                ParsingBool::StoreTrue => BoolOption::StoreTrue,
                ParsingBool::BooleanOptional => BoolOption::BooleanOptional,
            },
            parsing_list: match config.parsing_list {
                ParsingList::Nargs => ListOption::Nargs,
                ParsingList::Append => ListOption::Append,
            },
        }
    }

    fn git_ignores(&self, path: &RepoPath) -> Result<bool, Fault> {
        match self.workspace.git().filter(|_| self.snapshot.is_none()) {
            Some(git) => Ok(git.is_ignored(&path.under(self.workspace.root()))?),
            None => Ok(false),
        }
    }

    /// An output that .dvcignore hides is refused when it is read (dvc: `OutputIsIgnoredError`).
    fn check_outs(&self, stages: &[Stage]) -> Result<(), Fault> {
        for out in stages.iter().flat_map(|stage| &stage.outs).filter(|out| !out.path.is_external()) {
            if let Some(by) = self.ignored_by(&out.path, self.source().kind(&out.path) == Some(Kind::Dir))? {
                let path = out.path.under(self.workspace.root());
                return Err(Fault::new(Class::OutputIsIgnoredError, format!("Path '{}' is ignored by {by}", path.display())));
            }
        }
        Ok(())
    }
}

/// The dvc.lock beside a dvc.yaml.
pub fn lock_path(file: &RepoPath) -> RepoPath {
    file.parent().unwrap_or_default().join("dvc.lock")
}

fn unreadable(shown: &str, error: &std::io::Error) -> Fault {
    Fault::new(Class::IOError, format!("cannot read '{shown}': {error}"))
}
