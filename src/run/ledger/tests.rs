//! The ledger alone, in a repository without git.

use super::*;
use crate::format::pipeline;
use crate::format::template::TemplateSettings;
use crate::store::backlog::Backlogs;
use crate::store::workspace::Env;

struct Repo {
    dir: tempfile::TempDir,
    workspace: Arc<Workspace>,
    stages: Vec<Stage>,
}

impl Repo {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".dvc/tmp")).unwrap();
        std::fs::write(dir.path().join(".dvc/config"), "[core]\n    no_scm = True\n").unwrap();
        let stage = |name: &str| format!("  {name}:\n    cmd: make {name}\n");
        let text = format!("stages:\n{}", ["a", "b", "c", "d"].map(stage).concat());
        std::fs::write(dir.path().join("dvc.yaml"), text).unwrap();
        let workspace = Arc::new(Workspace::open(dir.path(), &Env::default()).unwrap());
        let (root, file) = (workspace.root_text().to_owned(), RepoPath::new("dvc.yaml"));
        let loaded = pipeline::load(workspace.as_ref(), &root, &file, &TemplateSettings::default(), &RepoPath::root()).unwrap();
        Self { dir, workspace, stages: loaded.stages }
    }

    fn record(&self, ledger: &mut Ledger, place: usize) -> Vec<Saying> {
        let stage = &self.stages[place];
        let record = Record { cmd: stage.cmd.clone(), deps: Vec::new(), params: indexmap::IndexMap::new(), outs: Vec::new() };
        ledger.record(place, stage, &record).unwrap()
    }

    /// The names in dvc.lock as it is on disk.
    fn on_disk(&self) -> Vec<String> {
        let bytes = std::fs::read(self.dir.path().join("dvc.lock")).unwrap_or_default();
        if bytes.is_empty() {
            return Vec::new();
        }
        Lock::parse(&bytes, "dvc.lock").unwrap().names().map(str::to_owned).collect()
    }

    /// The names as a reader finds them now, with what waits.
    fn seen(&self) -> Vec<String> {
        let path = RepoPath::new("dvc.lock");
        let file = self.dir.path().join("dvc.lock");
        let backlogs = Backlogs::read(&self.workspace.tmp_dir());
        let stamp = Stamp::at(&file);
        let mut lock = std::fs::read(&file).map_or_else(|_| Lock::default(), |bytes| Lock::parse(&bytes, "dvc.lock").unwrap());
        backlogs.complete(&path, stamp, &mut lock);
        lock.names().map(str::to_owned).collect()
    }
}

#[test]
fn what_waits_is_seen_and_written_in_the_order_of_the_plan() {
    let repo = Repo::new();
    let mut ledger = Ledger::new(Arc::clone(&repo.workspace), Vec::new());
    assert_eq!(repo.record(&mut ledger, 2).len(), 2, "dvc.lock is generated and updated");
    assert!(ledger.due().unwrap().is_zero(), "the first is written at once");
    ledger.write().unwrap();
    assert_eq!((repo.on_disk(), ledger.due()), (vec!["c".to_owned()], None));
    assert_eq!(repo.record(&mut ledger, 0).len(), 1);
    repo.record(&mut ledger, 3);
    assert!(repo.record(&mut ledger, 3).is_empty(), "it did not change");
    assert_eq!((repo.on_disk(), repo.seen()), (vec!["c".to_owned()], ["a", "c", "d"].map(str::to_owned).to_vec()));
    ledger.write().unwrap();
    assert_eq!(repo.on_disk(), ["a", "c", "d"]);
    drop(ledger);
    assert!(crate::store::leftovers::named(&repo.workspace.tmp_dir().join("paraffin/backlog")).is_empty());
}

#[test]
fn entries_of_others_stay() {
    let repo = Repo::new();
    let mut ledger = Ledger::new(Arc::clone(&repo.workspace), Vec::new());
    repo.record(&mut ledger, 1);
    ledger.write().unwrap();
    repo.record(&mut ledger, 0);
    let theirs = "schema: '2.0'\nstages:\n  z:\n    cmd: z\n  b:\n    cmd: make b\n";
    std::fs::write(repo.dir.path().join("dvc.lock"), theirs).unwrap();
    assert_eq!(repo.seen(), ["z", "b"], "what waits was meant for another file");
    repo.record(&mut ledger, 3);
    assert!(ledger.due().unwrap().is_zero());
    ledger.write().unwrap();
    assert_eq!(repo.on_disk(), ["z", "a", "b", "d"]);
}

#[test]
fn what_cannot_be_written_waits_and_one_stage_can_be_taken_back() {
    let repo = Repo::new();
    let mut ledger = Ledger::new(Arc::clone(&repo.workspace), Vec::new());
    let file = repo.dir.path().join("dvc.lock");
    repo.record(&mut ledger, 0);
    repo.record(&mut ledger, 1);
    std::fs::create_dir(&file).unwrap();
    ledger.write().unwrap_err();
    ledger.take_back(1, &repo.stages[1]);
    assert!(ledger.due().is_some_and(|due| !due.is_zero()), "not at once");
    std::fs::remove_dir(&file).unwrap();
    assert_eq!(repo.seen(), ["a"]);
    ledger.write().unwrap();
    assert_eq!(repo.on_disk(), ["a"]);
}

#[test]
fn what_a_dead_run_left_is_written_unless_dvc_lock_has_changed() {
    let repo = Repo::new();
    let tmp = repo.workspace.tmp_dir();
    let path = RepoPath::new("dvc.lock");
    let folder = tmp.join("paraffin/backlog");
    std::fs::create_dir_all(&folder).unwrap();
    let leave = |base: Option<Stamp>, name: &str| {
        let record = Record { cmd: repo.stages[0].cmd.clone(), deps: Vec::new(), params: indexmap::IndexMap::new(), outs: Vec::new() };
        let item = Item { lock: path.clone(), base, text: Lock::entry_text(name, &record), before: None };
        // Of this machine and a process that cannot be.
        let mark = format!("{}zzzzz0000001", &crate::store::owner::Owner::own().mark()[..5]);
        std::fs::write(folder.join(mark), format!("{}\n", serde_json::to_string(&item).unwrap())).unwrap();
    };
    leave(None, "a");
    write_left(&repo.workspace);
    assert_eq!(repo.on_disk(), ["a"]);
    leave(None, "b");
    write_left(&repo.workspace);
    assert_eq!(repo.on_disk(), ["a"]);
    assert!(crate::store::leftovers::named(&folder).is_empty());
}
