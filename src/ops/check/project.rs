//! The judgement of one DVC repository of a snapshot, stage by stage.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::format::template::python_str;
use crate::model::finding::{Finding, Subject, Weight, Wrong};
use crate::model::{Address, Digest, Fault, Pipeline, Reason, Record, RepoPath, Stage, StageId, Value};
use crate::plan::graph::Graph;
use crate::plan::judge::{self, Rules, recorded_dep, recorded_out, value_text};
use crate::plan::outs::{OutRef, Outs};
use crate::store::imprint::Imprints;
use crate::store::shelves::Shelves;
use crate::store::snapshot::Snapshot;
use crate::store::workspace::Workspace;

use super::super::load::{Repository, lock_path};
use super::held::Known;

/// A DVC repository that was read.
pub(super) struct Project<'a> {
    /// Where it lies in the git repository.
    dir: &'a RepoPath,
    pub repository: Repository,
    pub snapshot: Snapshot,
    pub imprints: &'a Imprints,
    pub shelves: Shelves,
    pub outs: Outs,
    pub cache: Option<Weight>,
    records: Vec<OnceCell<Option<Record>>>,
    /// Of directories that hold less than they did.
    pub known: Known,
    /// Files of parameters that were read.
    pub params: RefCell<HashMap<RepoPath, Arc<Value>>>,
}

/// What came of it.
pub(super) struct Judged {
    pub findings: Vec<Finding>,
    pub stages: usize,
}

/// Something to be said of one stage beside the reasons for which it counts as changed.
pub(super) struct Note {
    pub subject: Subject,
    pub path: Option<RepoPath>,
    pub recorded: Option<String>,
    pub actual: Option<String>,
    pub weight: Weight,
    pub wrong: Wrong,
}

/// What was noticed while a stage was looked at.
#[derive(Default)]
pub(super) struct Notes {
    /// The file in which the stage is recorded.
    pub lock: RepoPath,
    pub notes: Vec<Note>,
    /// Of deps and outs that differ, by their paths: what is known beyond that.
    pub known: HashMap<RepoPath, Wrong>,
}

impl<'a> Project<'a> {
    /// Reads the repository.
    pub fn open(
        workspace: &Arc<Workspace>,
        snapshot: Snapshot,
        dir: &'a RepoPath,
        imprints: &'a Imprints,
        cache: Option<Weight>,
    ) -> Result<Self, Fault> {
        let mut repository = Repository::at(workspace, snapshot.clone());
        repository.load_all()?;
        let outs = Outs::of(repository.pipeline(), repository.cwd())?;
        // It is refused for what DVC refuses it for.
        Graph::over(&outs, repository.pipeline(), repository.cwd())?;
        let records = (0..repository.pipeline().len()).map(|_| OnceCell::new()).collect();
        let shelves = Shelves::of(workspace);
        Ok(Self { dir, repository, snapshot, imprints, shelves, outs, cache, records, known: Known::default(), params: RefCell::default() })
    }

    pub fn pipeline(&self) -> &Pipeline {
        self.repository.pipeline()
    }

    /// What dvc.lock says of a stage.
    pub fn record(&self, id: StageId) -> Option<&Record> {
        self.records[id.index()].get_or_init(|| self.repository.record(self.pipeline().get(id))).as_ref()
    }

    /// What is recorded for an output.
    pub fn recorded(&self, out: OutRef) -> Option<&Digest> {
        let stage = self.pipeline().get(out.stage);
        recorded_out(stage, self.record(out.stage), &stage.outs[out.index].def_path)
    }

    /// Judges all stages, and the lock files (`locks`, from the root of this repository).
    pub fn judge(&self, locks: &[RepoPath]) -> Result<Judged, Fault> {
        let mut findings = Vec::new();
        for (id, stage) in self.pipeline().iter() {
            self.stage(id, stage, &mut findings)?;
        }
        self.entries_without_stages(locks, &mut findings)?;
        Ok(Judged { findings, stages: self.pipeline().len() })
    }

    fn stage(&self, id: StageId, stage: &Stage, findings: &mut Vec<Finding>) -> Result<(), Fault> {
        let record = self.record(id);
        let mut notes = Notes { lock: stage.recorded_in(), ..Notes::default() };
        let mut observed = self.inputs(stage, record, &mut notes)?;
        let mut reasons = judge::inputs(stage, record, &observed, Rules::default(), &|_| None);
        observed.outs = self.observed_outs(stage, record, &mut notes)?;
        reasons.extend(judge::outs(stage, record, &observed, Rules::default()));
        let mut add = |note: Note| findings.push(self.finding(Some(stage.address.clone()), note));
        // A frozen stage that writes nothing needs no entry: nothing of it is looked at.
        if record.is_none() && !stage.is_data_file() && !reasons.is_empty() {
            let wrong = if stage.frozen { Wrong::NeverRan } else { Wrong::NoEntry };
            add(entry(wrong, Some(lock_path(&stage.address.file))));
            return Ok(());
        }
        reasons.into_iter().filter_map(|reason| told(stage, record, reason, &mut notes.known)).for_each(&mut add);
        notes.notes.into_iter().for_each(add);
        Ok(())
    }

    /// Entries of lock files that no stage has.
    fn entries_without_stages(&self, locks: &[RepoPath], findings: &mut Vec<Finding>) -> Result<(), Fault> {
        let read: HashSet<RepoPath> = self.repository.files_read().filter(|file| file.file_name() == "dvc.yaml").map(lock_path).collect();
        for lock in locks {
            if !read.contains(lock) {
                if self.snapshot.dvcignore().ignored_by(lock, false, true)?.is_none() {
                    findings.push(self.finding(None, entry(Wrong::NoPipeline, Some(lock.clone()))));
                }
                continue;
            }
            let file = lock.parent().unwrap_or_default().join("dvc.yaml");
            for name in self.repository.recorded_names(&file) {
                let address = Address { file: file.clone(), name: Some(name.to_owned()) };
                if self.pipeline().find(&address).is_none() {
                    findings.push(self.finding(Some(address), entry(Wrong::NoStage, Some(lock.clone()))));
                }
            }
        }
        Ok(())
    }

    fn finding(&self, address: Option<Address>, note: Note) -> Finding {
        let Note { subject, path, recorded, actual, weight, wrong } = note;
        let from_top = |path: RepoPath| if path.is_external() { path.to_string() } else { self.dir.join(path.as_str()).to_string() };
        let commit = self.snapshot.commit().map(str::to_owned);
        let project = self.dir.clone();
        Finding { commit, project, address, subject, path: path.map(from_top), recorded, actual, weight, wrong }
    }
}

fn entry(wrong: Wrong, path: Option<RepoPath>) -> Note {
    Note { subject: Subject::Lock, path, recorded: None, actual: None, weight: Weight::Error, wrong }
}

/// A reason for which a stage counts as changed, as a finding; none for those that are no finding.
fn told(stage: &Stage, record: Option<&Record>, reason: Reason, known: &mut HashMap<RepoPath, Wrong>) -> Option<Note> {
    let dep_place = |text: &String| stage.dep_path(text);
    let out_place = |text: &String| stage.out_path(text);
    let params_place = |text: &String, key: &str| {
        let path = stage.params.iter().find(|params| params.def_path == *text).map(|params| params.path.clone())?;
        Some(if key.is_empty() { path } else { RepoPath::new(&format!("{path}:{key}")) })
    };
    let old_dep = |path: &String| recorded_dep(stage, record, path).map(|digest| digest.value.clone());
    let old_out = |path: &String| recorded_out(stage, record, path).map(|digest| digest.value.clone());
    let differs = |old: &Option<String>| if old.is_some() { Wrong::Differs } else { Wrong::NotRecorded };
    let (subject, path, recorded, actual, wrong) = match reason {
        Reason::CmdChanged { old, new } => (Subject::Cmd, None, Some(old), Some(new), Wrong::Differs),
        Reason::FileAltered => (Subject::Lock, Some(stage.address.file.clone()), None, None, Wrong::Altered),
        Reason::DepMissing { path } => {
            let place = dep_place(&path);
            let wrong = place.as_ref().and_then(|place| known.remove(place)).unwrap_or(Wrong::NotInGit);
            (Subject::Dep, place, old_dep(&path), None, wrong)
        }
        Reason::DepModified { path, old, new } => {
            let place = dep_place(&path);
            let wrong = place.as_ref().and_then(|place| known.remove(place)).unwrap_or_else(|| differs(&old));
            (Subject::Dep, place, old, Some(new), wrong)
        }
        Reason::ParamsFileMissing { path } => (Subject::Param, params_place(&path, ""), None, None, Wrong::NotInGit),
        Reason::ParamsFileNew { path } => (Subject::Param, params_place(&path, ""), None, None, Wrong::NotRecorded),
        Reason::ParamMissing { path, key } => {
            // Of a file that counts as a whole a key may be gone.
            let is_named = stage.params.iter().any(|params| params.def_path == path && !params.keys.is_empty());
            let values = record.and_then(|record| record.params.get(&path));
            let old =
                values.and_then(|values| values.iter().find(|(name, _)| python_str(&name.0) == key)).map(|(_, value)| value_text(value));
            let place = params_place(&path, &key);
            if is_named { (Subject::Param, place, old, None, Wrong::NotInFile) } else { (Subject::Param, place, old, None, Wrong::Differs) }
        }
        Reason::ParamNew { path, key, new } => (Subject::Param, params_place(&path, &key), None, Some(new), Wrong::NotRecorded),
        Reason::ParamModified { path, key, old, new } => (Subject::Param, params_place(&path, &key), Some(old), Some(new), Wrong::Differs),
        Reason::OutMissing { path } => {
            let old = old_out(&path);
            let wrong = if old.is_some() { Wrong::NotInGit } else { Wrong::NotRecorded };
            (Subject::Out, out_place(&path), old, None, wrong)
        }
        Reason::OutModified { path, old, new } => {
            let place = out_place(&path);
            let wrong = place.as_ref().and_then(|place| known.remove(place)).unwrap_or_else(|| differs(&old));
            (Subject::Out, place, old, Some(new), wrong)
        }
        // The content of outputs is looked up apart; the rest belongs to runs.
        Reason::NeverRun
        | Reason::OutNotInCache { .. }
        | Reason::AlwaysChanged
        | Reason::Callback
        | Reason::Forced
        | Reason::ForcedBy { .. }
        | Reason::SaidByDvc { .. }
        | Reason::UpstreamMayChange { .. } => return None,
    };
    Some(Note { subject, path, recorded, actual, weight: Weight::Error, wrong })
}
