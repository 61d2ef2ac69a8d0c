//! Reports of runs that came to no stage: what was wrong before, nothing to do, nothing to work with.

use serde_json::Value;

use crate::support::project::Project;
use crate::support::ran::Ran;

fn report(project: &Project) -> Value {
    serde_json::from_slice(&project.run(["report", "--json", "-"]).ok().stdout).unwrap()
}

/// A stage with something to do.
fn simple() -> Project {
    Project::new().stage("d", |s| s.cmd("echo from d; echo d > d.txt").out("d.txt")).commit()
}

#[test]
fn a_run_that_fails_before_its_first_stage_is_on_record_too() {
    let project = Project::new()
        .stage("a", |s| s.cmd("cp b.txt a.txt").dep("b.txt").out("a.txt"))
        .stage("b", |s| s.cmd("cp a.txt b.txt").dep("a.txt").out("b.txt"));
    let ran = project.repro(["--jobs", "2", "--report", "run.json", "--report", "run.html", "--report", "run.xml", "--what-if", "jobs=8"]);
    ran.exits(255);
    assert!(!ran.err().contains("would have taken"), "{ran}");
    let told: Value = serde_json::from_str(&project.read("run.json")).unwrap();
    assert_eq!((&told["verdict"], &told["error"]["kind"]), (&Value::from("failed"), &Value::from("CyclicGraphError")));
    assert!(
        project.read("run.html").contains("defined as both a dependency and an output") && project.read("run.xml").contains("errors=\"1\"")
    );
    assert_eq!(report(&project)["error"]["kind"], "CyclicGraphError");
    let commit = project.sh("git rev-parse HEAD").out();
    assert_eq!((&told["env"]["git_commit"], &told["env"]["git_dirty"]), (&Value::from(commit.trim()), &Value::from(false)));
    assert_eq!(report(&project)["env"]["git_commit"], commit.trim());
    // The settings cannot be read: nobody knows what must not be seen.
    project.write("params.yaml", "k: some_secret\n");
    project.write("paraffin.yaml", "jobs: many\n");
    project.repro(["--report", "run.json"]).exits(251);
    let told: Value = serde_json::from_str(&project.read("run.json")).unwrap();
    assert_eq!((&told["exit_code"], &told["env"]["git_commit"]), (&Value::from(251), &Value::from(commit.trim())));
    assert_eq!(told["params"], Value::Null);
}

#[test]
fn a_pipeline_that_cannot_be_read_is_told_with_its_place_and_not_compared() {
    let project = simple();
    project.write("dvc.yaml", "stages:\n  a:\n    cmd: echo\n   outs: [a]\n");
    project.repro(["--report", "run.md"]).exits(255);
    let told = project.read("run.md");
    assert!(told.contains("line 4") && told.contains("failed before the first stage"), "{told}");
    assert!(told.contains("the pipeline as it is now cannot be read") && !told.contains("differ from"), "{told}");
}

#[test]
fn masks_hold_where_the_configuration_is_refused() {
    let project = simple();
    project.write("paraffin.yaml", "mask: ['glpat-AbCdEf']\n");
    project.sh("echo '[core' > .dvc/config");
    project.repro(["--report", "e.json", "--report", "e.html", "--report", "e.md", "--key", "glpat-AbCdEf"]).exits(251);
    for report in ["e.json", "e.html", "e.md"] {
        assert!(!project.read(report).contains("glpat-AbCdEf"), "{report}: {}", project.read(report));
    }
}

#[test]
fn a_repository_that_cannot_be_used_is_reported() {
    for (spoil, code) in [("echo '[core' > .dvc/config", 251), ("rm -rf .dvc/tmp && touch .dvc/tmp", 255)] {
        let project = simple();
        project.sh(spoil);
        project.repro(["--report", "run.json", "--report", "run.md"]).exits(code);
        let told: Value = serde_json::from_str(&project.read("run.json")).unwrap();
        assert_eq!((&told["verdict"], &told["exit_code"]), (&"failed".into(), &code.into()), "{told}");
        assert_eq!(told["env"]["git_commit"], project.sh("git rev-parse HEAD").out().trim());
        let text = told["error"]["message"].as_str().unwrap();
        assert!(project.read("run.md").contains(text), "{text}");
        // What the pipeline is made of is safe here too.
        project.write("d.json", "1");
        project.write("dvc.yaml", "stages: {d: {cmd: echo, deps: [d.json]}}\n");
        project.repro(["--report", "d.json"]);
        assert_eq!(project.read("d.json"), "1");
    }
}

#[test]
fn without_a_repository_there_is_a_report_that_says_so() {
    let project = Project::folder();
    let mut command = project.command(project.root());
    let formats = ["run.html", "run.md", "run.json", "run.csv", "run.xml", "run.trace.json"];
    Ran::of(command.arg("repro").args(formats.iter().flat_map(|file| ["--report", *file]))).exits(253);
    let told: Value = serde_json::from_str(&project.read("run.json")).unwrap();
    assert_eq!((&told["verdict"], &told["exit_code"], &told["error"]["kind"]), (&"failed".into(), &253.into(), &"NotDvcRepoError".into()));
    for file in ["run.html", "run.md", "run.xml"] {
        assert!(project.read(file).contains("you are not inside of a DVC repository"), "{file}");
    }
}

#[test]
fn what_is_called_wrongly_leaves_no_report() {
    let project = simple();
    let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = project.command(project.root());
    Ran::of(command.args(["repro", "--report", "run.md", "--live", &port]))
        .exits(254)
        .complains("cannot serve the page of the run on port");
    assert!(!project.has("run.md") && !project.has("d.txt"));
}

#[test]
fn a_report_of_a_run_with_nothing_to_do_says_where_git_stood() {
    let project = simple();
    project.repro(["d", "--jobs", "2"]).ok();
    project.repro(["d", "--jobs", "2", "--report", "run.json"]).ok();
    let told: Value = serde_json::from_str(&project.read("run.json")).unwrap();
    assert_eq!(told["counts"], serde_json::json!({"unchanged": 1}));
    assert_eq!(told["env"]["git_commit"], project.sh("git rev-parse HEAD").out().trim());
}

#[test]
fn what_found_nothing_to_work_with_was_not_tried() {
    let project = Project::new().stage("a", |s| s.cmd("cp in.txt a.txt").dep("in.txt").out("a.txt")).commit();
    project.repro(["--jobs", "2", "--report", "run.html", "--report", "run.csv", "--report", "run.xml"]).exits(255);
    let told = report(&project);
    assert_eq!(told["counts"], serde_json::json!({"failed": 1}));
    for key in ["attempt", "slot", "started", "ended", "log", "returncode"] {
        assert_eq!(told["stages"][0][key], Value::Null, "{key}");
    }
    assert_eq!(told["stages"][0]["reasons"][1]["kind"], "dep_missing");
    assert_eq!(project.read("run.csv").lines().count(), 1);
    let hint = "this dep is missing: make or fetch it";
    let why = "There is no log: none of its commands began.";
    let texts = [project.run(["report"]).ok().out(), project.read("run.html"), project.read("run.xml")];
    for text in texts {
        assert!(text.contains(hint) && text.contains(why) && !text.contains("could not be written"), "{text}");
    }
    project.run(["logs", "a"]).exits(255).complains("none of its commands began");
}
