//! A project built with ZnTrack: its `zntrack run` opens the repository with DVC's own library while
//! the stage runs, reads dvc.yaml and hashes deps, so the files of DVC must be whole at every moment.
//!
//! What a node says of its run (`node-meta.json`: an identity, a time) differs each time; so results
//! are compared with what they must be, not with another run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::dvc::{self, tried};
use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::{aloud, in_ci, program};

/// The release whose projects are run.
const VERSION: &str = "0.8.10";

/// Two nodes that wait for each other if `.meet` is there: they end only if they run at once.
const NODES: &str = r#"
import time
from pathlib import Path

import zntrack


class Numbers(zntrack.Node):
    file: Path = zntrack.deps_path()
    factor: int = zntrack.params()
    outs: list = zntrack.outs()

    def run(self):
        if Path(".meet").is_dir():
            Path(".meet", self.name).touch()
            patience = time.time() + 60
            while len(list(Path(".meet").iterdir())) < 2:
                if time.time() > patience:
                    raise RuntimeError("the other node did not run at the same time")
                time.sleep(0.05)
        self.outs = [int(number) * self.factor for number in Path(self.file).read_text().split()]


class Add(zntrack.Node):
    numbers: list = zntrack.deps()
    plus: int = zntrack.params(1)
    outs: list = zntrack.outs()
    listing: Path = zntrack.outs_path(zntrack.nwd / "listing.txt")

    def run(self):
        self.outs = [number + self.plus for number in self.numbers]
        self.listing.parent.mkdir(parents=True, exist_ok=True)
        self.listing.write_text("\n".join(map(str, self.outs)))


class Sum(zntrack.Node):
    lists: list = zntrack.deps()
    metrics: dict = zntrack.metrics()

    def run(self):
        self.metrics = {"sum": sum(map(sum, self.lists)), "runs": self.state.run_count}
"#;

/// Two branches that meet.
const MAIN: &str = r#"
import zntrack

from src.nodes import Add, Numbers, Sum

project = zntrack.Project()
branches = []
for name, factor in (("A", 2), ("B", 3)):
    with project.group(name):
        branches.append(Add(numbers=Numbers(file="numbers.txt", factor=factor).outs, plus=10))
with project:
    Sum(lists=[branch.outs for branch in branches])
project.build()
"#;

#[test]
fn a_zntrack_project_runs_in_parallel() {
    let Some(bin) = bin("the ZnTrack project") else { return };
    let project = Project::new()
        .file("src/__init__.py", "")
        .file("src/nodes.py", NODES)
        .file("main.py", MAIN)
        .file("numbers.txt", "1 2 3\n")
        .file(".gitignore", "__pycache__/\n/.meet/\n");
    run(&project, bin, "python", &["main.py"]).ok();
    let project = project.commit();
    std::fs::create_dir(project.at(".meet")).unwrap();

    repro(&project, bin).ok().ran(["A_Numbers", "B_Numbers", "A_Add", "B_Add", "Sum"]);
    assert_eq!(sum(&project), 2 * (1 + 2 + 3) + 30 + 3 * (1 + 2 + 3) + 30);
    assert_eq!(project.read("nodes/B/Add/listing.txt"), "13\n16\n19");
    clean(&project, bin);
    let first = project.read("nodes/Sum/node-meta.json");
    repro(&project, bin).ok().ran([]);
    assert_eq!(project.read("nodes/Sum/node-meta.json"), first);

    let before = project.read("params.yaml");
    std::fs::remove_dir_all(project.at(".meet")).unwrap();
    project.write("params.yaml", before.replace("factor: 2", "factor: 5"));
    repro(&project, bin).ok().ran(["A_Numbers", "A_Add", "Sum"]);
    assert_eq!(sum(&project), 5 * (1 + 2 + 3) + 30 + 3 * (1 + 2 + 3) + 30);
    clean(&project, bin);

    // What ran once comes back from the cache, down to the node's own account of its run.
    project.write("params.yaml", before);
    repro(&project, bin).ok().ran([]).says("Stage 'Sum' is cached - skipping run, checking out outputs");
    assert_eq!(project.read("nodes/Sum/node-meta.json"), first);
    clean(&project, bin);
}

/// The metric at the end; each node must have run for the first time, not on.
#[track_caller]
fn sum(project: &Project) -> u64 {
    let metrics: serde_json::Value = serde_json::from_str(&project.read("nodes/Sum/metrics.json")).unwrap();
    assert_eq!(metrics["runs"], 1);
    metrics["sum"].as_u64().unwrap()
}

fn repro(project: &Project, bin: &Path) -> Ran {
    let mut command = project.command(project.root());
    command.args(program::repro(4)).env("PATH", path(bin));
    Ran::of(&mut command)
}

#[track_caller]
fn clean(project: &Project, bin: &Path) {
    run(project, bin, "dvc", &["status"]).ok().says("Data and pipelines are up to date.");
}

fn run(project: &Project, bin: &Path, name: &str, arguments: &[&str]) -> Ran {
    Ran::of(project.scratch.command(bin.join(name)).args(arguments).env("PATH", path(bin)))
}

/// The search path with the venv's programs in front, as in an activated venv.
fn path(bin: &Path) -> String {
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
}

/// The folder of `zntrack`, `dvc` and `python`, if it can be had; `what` says what is skipped otherwise.
fn bin(what: &str) -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(find) {
        Ok(path) => Some(path),
        Err(why) => {
            assert!(!in_ci(), "no zntrack {VERSION} in CI: {why}");
            aloud(&format!("SKIPPED {what}: no zntrack {VERSION}: {why}"));
            None
        }
    }
}

fn find() -> Result<PathBuf, String> {
    let check = |venv: &Path| {
        let script = "import importlib.metadata as m; print(m.version('zntrack'), m.version('dvc'))";
        let versions = tried(Command::new(venv.join("bin/python")).args(["-c", script]))?;
        let wanted = format!("{VERSION} {}", dvc::VERSION);
        if versions.trim() == wanted { Ok(venv.join("bin")) } else { Err(format!("zntrack and dvc are of versions {}", versions.trim())) }
    };
    match std::env::var_os("DVC_PARAFFIN_TEST_ZNTRACK") {
        Some(venv) => check(Path::new(&venv)),
        None => dvc::venv("zntrack-venv", "tests/zntrack-requirements.txt", &format!("zntrack {VERSION}"), check),
    }
}
