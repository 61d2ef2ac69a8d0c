//! What docs/map.md and the examples show.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Place;
use crate::dvc::{tried, venv};
use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::{aloud, crate_dir, in_ci, program};

/// The worker of the text, word for word.
#[test]
fn the_worker_of_the_text_works() {
    let text = std::fs::read_to_string(crate_dir().join("docs/map.md")).unwrap();
    let (_, rest) = text.split_once("```python\n").expect("there is a worker in the text");
    let (worker, _) = rest.split_once("```").unwrap();
    assert!(worker.lines().count() <= 15, "it is said to be short");
    let place = Place::new().with("worker.py", worker).with("t.csv", "a,b\n1,3\n\"2\",4\n0,0.5\n");
    place.map(&["--in", "t.csv", "--size", "1", "--persistent", "--out", "o.csv", "--", "python3", "worker.py"]).ok();
    assert_eq!(place.read("o.csv").replace("\r\n", "\n"), "a,b,mean\n1,3,2.0\n2,4,3.0\n0,0.5,0.25\n");
    let place = place.with("t.csv", "a,b\n1,x\n");
    let ran = place.map(&["--in", "t.csv", "--size", "1", "--persistent", "--out", "o.csv", "--", "python3", "worker.py"]);
    ran.exits(255).complains("partition 0 (row 1) failed: could not convert string to float: 'x'");
}

/// The folder of a `python` with pandas, if it can be had.
fn pandas() -> Option<PathBuf> {
    let check = |venv: &Path| tried(Command::new(venv.join("bin/python")).args(["-c", "import pandas"])).map(|_| venv.join("bin"));
    venv("pandas-venv", "tests/pandas-requirements.txt", "pandas", check)
        .inspect_err(|why| {
            assert!(!in_ci(), "no pandas in CI: {why}");
            aloud(&format!("SKIPPED examples/relative_metrics: no pandas: {why}"));
        })
        .ok()
}

/// With less data, and as many rows in a partition as are a twentieth of it, as there.
#[test]
fn the_example_gives_what_one_call_gives_row_for_row() {
    let Some(bin) = pandas() else { return };
    let example = crate_dir().join("examples/relative_metrics");
    let stages = std::fs::read_to_string(example.join("dvc.yaml")).unwrap();
    let less = "python -c \"from relative_metrics import make; make('data.csv', 4000, 60)\"";
    let stages = stages.replace("python relative_metrics.py --make data.csv", less).replace("--size 3000", "--size 200");
    assert!(stages.contains(less) && stages.contains("--size 200"));
    let script = std::fs::read(example.join("relative_metrics.py")).unwrap();
    let project = Project::new().file("dvc.yaml", stages).file("relative_metrics.py", script);
    let path = format!("{}:{}:{}", program::path().parent().unwrap().display(), bin.display(), std::env::var("PATH").unwrap());
    Ran::of(project.command(project.root()).arg("repro").env("PATH", &path)).ok();
    let whole =
        Command::new(bin.join("python")).args(["relative_metrics.py", "data.csv", "whole.csv"]).current_dir(project.root()).output();
    assert!(whole.unwrap().status.success());
    assert_eq!(project.read("result.csv").lines().count(), 4001);
    assert!(project.read("result.csv") == project.read("whole.csv"), "not the same");
}
