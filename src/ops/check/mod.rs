//! `check`: whether the pipeline of a commit, of the index or of the tracked files of the work tree is
//! in step with its lock.
//!
//! Everything is read from git, nothing is pulled, nothing is written and no lock of DVC is waited
//! for. The judgement is that of `repro` ([`crate::plan::judge`]); what it is given is what a fresh
//! clone with all data would have: of files that git tracks their own content, of outputs what is
//! recorded for them. Stages that always run are no finding, entries of dvc.lock without a stage are.

mod held;
mod inputs;
mod outs;
mod project;
mod tracked;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::{Files as _, paraffin};
use crate::model::finding::{Checked, Named, Standpoint, Weight, Wrong};
use crate::model::settings::{Hooks, Settings};
use crate::model::{Class, Fault, RepoPath};
use crate::store::git::{Git, Revision};
use crate::store::imprint::Imprints;
use crate::store::projects::Found;
use crate::store::snapshot::Snapshot;
use crate::store::workspace::{Env, Workspace};

use self::project::{Judged, Project};

/// The way out where commits are missing.
const SHALLOW: &str = "this clone is shallow: `git fetch --unshallow` brings all commits, `git fetch --deepen=50` some; \
                       in GitHub's actions/checkout it is `fetch-depth: 0`, in GitLab `GIT_DEPTH: 0`.";

/// Whose files are judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Those of the work tree that git tracks.
    WorkTree,
    /// Those of the index: the repository's own, or the one in this file.
    Index(Option<PathBuf>),
    /// Those of a commit, or of each commit in a range (`a..b`).
    Revision(String),
}

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose files are judged.
    pub what: What,
    /// How much it matters that the content of an output is missing; none: nothing is looked up.
    pub cache: Option<Weight>,
}

/// How much what matters.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    /// A stale lock; none: it is not looked at.
    pub lock: Option<Weight>,
    /// Content that is in no cache; none: it is not looked up.
    pub cache: Option<Weight>,
}

/// Who says how much what matters.
#[derive(Clone, Copy)]
pub enum Say {
    /// The command line.
    These(Levels),
    /// The paraffin.yaml of each DVC repository.
    Settings(fn(&Hooks) -> Levels),
}

/// Judges git repositories' snapshots; keeps what equal files hash to.
#[derive(Debug)]
pub struct Checker {
    git: Arc<Git>,
    env: Env,
    imprints: Imprints,
    standpoint: Standpoint,
    /// Branches and tags by their commits, once something was found.
    names: OnceCell<HashMap<String, Named>>,
}

impl Checker {
    /// For a repository of git, which may be bare, and a reader in this directory.
    pub fn new(git: Arc<Git>, env: Env, reader: &Path) -> Self {
        let is_bare = !git.has_work_tree();
        let dir = git.place_of(reader).filter(|_| !is_bare);
        let outside_of = (dir.is_none() && !is_bare).then(|| git.root().to_string_lossy().into_owned());
        let standpoint = Standpoint { dir: RepoPath::new(&dir.unwrap_or_default()), outside_of, is_bare, ..Standpoint::default() };
        Self { git, env, imprints: Imprints::default(), standpoint, names: OnceCell::new() }
    }

    /// The git repository.
    pub fn git(&self) -> &Arc<Git> {
        &self.git
    }

    /// Judges what was asked for.
    ///
    /// # Errors
    /// There is no such revision, or git cannot be read.
    pub fn check(&self, request: &Request) -> Result<Checked, Fault> {
        let mut answer = Checked::default();
        let say = Say::These(Levels { lock: Some(Weight::Error), cache: request.cache });
        match &request.what {
            What::WorkTree => {
                self.needs_work_tree()?;
                self.judge(&Snapshot::of_work_tree(&self.git)?, say, &mut answer);
            }
            What::Index(file) => {
                self.needs_work_tree()?;
                self.judge(&Snapshot::of_index(&self.git, file.as_deref())?, say, &mut answer);
            }
            What::Revision(rev) => {
                for revision in self.revisions(rev)? {
                    self.judge(&Snapshot::of_commit(&self.git, self.git.root(), revision), say, &mut answer);
                }
            }
        }
        Ok(answer)
    }

    fn needs_work_tree(&self) -> Result<(), Fault> {
        if self.git.has_work_tree() {
            return Ok(());
        }
        let fault =
            Fault::new(Class::SCMError, format!("'{}' is a bare git repository, without files of its own", self.git.root().display()));
        Err(fault.with("hint", "`--rev REV` checks a commit."))
    }

    /// Whether a text names commits of this clone.
    pub fn is_revision(&self, rev: &str) -> bool {
        self.revisions(rev).is_ok()
    }

    /// The commits that a text names, the oldest first.
    fn revisions(&self, rev: &str) -> Result<Vec<Revision>, Fault> {
        let cut = self.git.cut_at()?;
        let unknown = || {
            let fault = Fault::new(Class::SCMError, format!("unknown Git revision '{rev}'"));
            if cut.is_empty() { fault } else { fault.with("hint", SHALLOW) }
        };
        if !rev.contains("..") {
            return Ok(vec![self.git.revision(rev)?.ok_or_else(unknown)?]);
        }
        let found = self.git.revisions(rev)?.ok_or_else(unknown)?;
        // What is not in this clone would pass without a look.
        if let Some(last) = found.iter().find(|revision| cut.contains(&revision.commit)) {
            let message = format!("the range '{rev}' is not whole in this clone, which ends at {}", last.commit);
            return Err(Fault::new(Class::SCMError, message).with("hint", SHALLOW));
        }
        Ok(found)
    }

    /// Judges all DVC repositories of a snapshot. What cannot be judged is taken down.
    pub fn judge(&self, snapshot: &Snapshot, say: Say, answer: &mut Checked) {
        answer.looked_at.push(snapshot.commit().map(str::to_owned));
        let refused = |fault: Fault| (snapshot.commit().map(str::to_owned), fault);
        let found = match snapshot.projects() {
            Ok(found) => found,
            Err(error) => return answer.refused.push(refused(error.into())),
        };
        let known = answer.findings.len();
        for dir in &found.projects {
            match self.judge_project(snapshot, dir, &found, say) {
                Ok(None) => answer.projects += 1,
                Ok(Some(judged)) => {
                    answer.projects += 1;
                    answer.stages += judged.stages;
                    answer.findings.extend(judged.findings);
                }
                Err(fault) => answer.refused.push(refused(fault)),
            }
        }
        if answer.findings.len() > known {
            self.orient(snapshot, answer, known);
        }
    }

    /// Says what who reads the findings of a snapshot, which are those from `first` on, must know to mend them.
    pub(crate) fn orient(&self, snapshot: &Snapshot, answer: &mut Checked, first: usize) {
        if answer.standpoint == Standpoint::default() {
            // Without a first commit nothing is checked out.
            let head = if self.standpoint.is_bare { None } else { self.git.revision("HEAD").ok().flatten() };
            answer.standpoint = Standpoint { head: head.map(|head| head.commit), ..self.standpoint.clone() };
        }
        if !self.standpoint.is_bare {
            let is_missing = |path: &&String| fs::symlink_metadata(RepoPath::new(path).under(self.git.root())).is_err();
            let new = answer.findings.iter().skip(first);
            let absent = new.filter(|finding| finding.wrong == Wrong::NotInGit).filter_map(|finding| finding.path.as_ref());
            answer.standpoint.gone.extend(absent.filter(is_missing).cloned());
        }
        let Some(commit) = snapshot.commit().filter(|commit| answer.standpoint.head.as_deref() != Some(*commit)) else { return };
        let names = self.names.get_or_init(|| named(self.git.names().unwrap_or_default()));
        if let Some(name) = names.get(commit) {
            answer.standpoint.names.insert(commit.to_owned(), name.clone());
        }
    }

    /// A DVC repository of a snapshot, with the cache and the remotes that it has here.
    ///
    /// # Errors
    /// Its configuration is refused.
    pub(crate) fn workspace(&self, snapshot: &Snapshot, dir: &RepoPath) -> Result<Arc<Workspace>, Fault> {
        let root = dir.under(self.git.root());
        Ok(Arc::new(Workspace::of_git(&self.git, root, snapshot.own_config()?, &self.env)?))
    }

    /// The judgement of one DVC repository; none if nothing of it matters.
    fn judge_project(&self, whole: &Snapshot, dir: &RepoPath, found: &Found, say: Say) -> Result<Option<Judged>, Fault> {
        let snapshot = whole.below(dir);
        let levels = match say {
            Say::These(levels) => levels,
            Say::Settings(of) => of(&settings(&snapshot, dir)?.hooks),
        };
        if levels.lock.is_none() && levels.cache.is_none() {
            return Ok(None);
        }
        let workspace = self.workspace(&snapshot, dir)?;
        let mut judged = Project::open(&workspace, snapshot, dir, &self.imprints, levels.cache)?.judge(&found.locks_of(dir))?;
        judged.findings.retain_mut(|finding| {
            if finding.is_of_cache() {
                return true;
            }
            // A warning stays one.
            finding.weight = levels.lock.map_or(finding.weight, |lock| lock.max(finding.weight));
            levels.lock.is_some()
        });
        Ok(Some(judged))
    }
}

/// The commits that have a name: a branch goes before a tag, since work goes on there.
fn named(references: Vec<(String, String)>) -> HashMap<String, Named> {
    let mut names = HashMap::new();
    for (reference, commit) in references {
        if let Some(branch) = reference.strip_prefix("refs/heads/") {
            let known = names.entry(commit).or_insert_with(|| Named::Branch(branch.to_owned()));
            if matches!(known, Named::Tag(_)) {
                *known = Named::Branch(branch.to_owned());
            }
        } else if let Some(tag) = reference.strip_prefix("refs/tags/") {
            names.entry(commit).or_insert_with(|| Named::Tag(tag.to_owned()));
        }
    }
    names
}

/// What paraffin.yaml says in a snapshot of a DVC repository.
pub(crate) fn settings(snapshot: &Snapshot, dir: &RepoPath) -> Result<Settings, Fault> {
    settings_in(dir, snapshot.files().read(&RepoPath::new(paraffin::FILE)))
}

/// What the text says that was found, if one was, as the paraffin.yaml of the repository in this directory.
pub(crate) fn settings_in(dir: &RepoPath, found: std::io::Result<Option<Vec<u8>>>) -> Result<Settings, Fault> {
    let shown = dir.join(paraffin::FILE).to_string();
    let refused = |error| Fault::new(Class::IOError, format!("cannot read '{shown}': {error}"));
    let Some(bytes) = found.map_err(refused)? else { return Ok(Settings::default()) };
    paraffin::parse(&shown, &String::from_utf8_lossy(&bytes)).map_err(|error| error.fault())
}
