//! What stays of a run: its journal, the logs of its stages, and the reports made from them.

use std::process::Stdio;

use serde_json::Value;

use crate::support::project::Project;
use crate::support::ran::Ran;

/// `a` runs, `b` fails, `c` never comes to run, `d` is unchanged from the second run on.
fn mixed() -> Project {
    Project::new()
        .file("in.txt", "1\n")
        .stage("a", |s| s.cmd("echo from a; cp in.txt a.txt").dep("in.txt").out("a.txt"))
        .stage("b", |s| s.cmd("echo some words; echo secret_abc; cat a.txt; exit 3").dep("a.txt").out("b.txt"))
        .stage("c", |s| s.cmd("cp b.txt c.txt").dep("b.txt").out("c.txt"))
        .stage("d", |s| s.cmd("echo from d; echo d > d.txt").out("d.txt"))
        .commit()
}

fn json(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{ran}"))
}

fn report(project: &Project) -> Value {
    json(project.run(["report", "--json", "-"]).ok())
}

fn statuses(report: &Value) -> Vec<(String, String)> {
    let stages = report["stages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    stages.iter().map(|stage| (text(&stage["address"]), text(&stage["status"]))).collect()
}

fn is(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_failed_run_is_on_record_with_its_logs() {
    let project = mixed();
    project.repro(["--jobs", "2", "--keep-going"]).exits(255);
    let told = report(&project);
    assert_eq!(told["verdict"], "failed");
    assert_eq!(statuses(&told), is(&[("a", "ran"), ("b", "failed"), ("c", "upstream_failed"), ("d", "ran")]));
    assert_eq!(told["counts"], serde_json::json!({"failed": 1, "ran": 2, "upstream_failed": 1}));
    assert_eq!(told["exit_code"], 255);
    assert_eq!(told["env"]["jobs"], 2);
    project.run(["logs", "a"]).ok().says("from a\n");
    project.run(["logs", "dvc.yaml:b"]).ok().says("some words\nsecret_abc\n1\n");
    project.run(["logs", "c"]).exits(255).complains("'c' has no log in run");
    project.run(["logs", "bb"]).exits(255).complains("has no stage 'bb'").complains("`dvc-paraffin logs` lists");
    project.run(["logs"]).ok().says("a  (ran)\nb  (failed)\nd  (ran)\n");
    project.run(["report"]).ok().says("<!-- dvc-paraffin:report key=dvc-paraffin -->").says("some words");
    project.run(["report", "--csv", "-"]).ok().says(",b,default,").says(",failed,3,");
    project.run(["report", "--junit", "-"]).ok().says("<failure message=\"exit code 3\">").says("secret_abc");
    project.run(["report", "--html", "r/run.html", "--md", "r/run.md", "--trace", "r/run.trace.json"]).ok();
    assert!(project.read("r/run.html").starts_with("<!DOCTYPE html>"));
    let trace: Value = serde_json::from_str(&project.read("r/run.trace.json")).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 4);
}

#[test]
fn runs_are_listed_with_what_became_of_them() {
    let project = mixed();
    project.run(["runs"]).ok().complains("No run is on record here");
    project.run(["report"]).exits(255).complains("no run is on record here");
    project.repro(["d", "--jobs", "2"]).ok();
    project.repro(["d", "--jobs", "2"]).ok();
    project.repro(["--dry"]).ok();
    let runs = json(project.run(["runs", "--json"]).ok());
    let runs = runs["runs"].as_array().unwrap();
    // A dry run leaves nothing.
    assert_eq!(runs.len(), 2);
    assert_eq!((&runs[0]["counts"], &runs[1]["counts"]), (&serde_json::json!({"unchanged": 1}), &serde_json::json!({"ran": 1})));
    let first = runs[1]["run"].as_str().unwrap();
    project.run(["runs", "-n", "1"]).ok().says("repro d --jobs 2: 1 unchanged").does_not_say(first);
    project.run(["logs", "--run", first, "d"]).ok().says("from d");
    project.run(["logs", "d"]).exits(255).complains("there was nothing to do");
    project.run(["report", "2099"]).exits(255).complains("no run '2099' is on record");
}

#[test]
fn what_was_killed_is_told_from_what_goes_on() {
    let project = Project::new().stage("quick", |s| s.cmd("echo q > q.txt").out("q.txt")).stage("slow", |s| {
        s.cmd("echo begun; touch ../begun; while [ ! -e ../stop ]; do sleep 0.05; done; echo s > s.txt").dep("q.txt").out("s.txt")
    });
    let mut command = project.command(project.root());
    let mut child = command.args(["repro", "--jobs", "2"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !project.has("../begun") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let running = report(&project);
    assert_eq!((&running["verdict"], &running["exit_code"]), (&Value::from("running"), &Value::Null));
    assert_eq!(statuses(&running), is(&[("quick", "ran"), ("slow", "running")]));
    let tried = |report: &Value| {
        let stage = &report["stages"][1];
        let log = format!(".dvc/tmp/paraffin/runs/{}/0002.log", report["run"].as_str().unwrap());
        (stage["attempt"] == 1, stage["started"].is_string(), stage["log"] == log.as_str() && project.has(&log))
    };
    assert_eq!(tried(&running), (true, true, true), "{running}");
    project.run(["logs", "slow"]).ok().says("begun");
    // The run shows that it lives, though nothing happens: so its time is known after the kill.
    let seconds = |report: &Value| report["wall_ns"].as_u64().unwrap() / 1_000_000_000;
    while seconds(&report(&project)) < 4 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = report(&project);
    assert!((2..60).contains(&seconds(&killed)), "{killed}");
    assert_eq!((&killed["verdict"], &killed["exit_code"]), (&Value::from("killed"), &Value::Null));
    assert_eq!(statuses(&killed), is(&[("quick", "ran"), ("slow", "stopped")]));
    assert_eq!(tried(&killed), (true, true, true), "{killed}");
    project.run(["logs", "-f", "slow"]).ok().says("begun").complains("was killed while the stage ran");
    project.run(["report", "--junit", "-"]).ok().says("<error message=\"the run was killed while it ran\">").says("begun");
    project.run(["report", "--html", "run.html", "--md", "run.md"]).ok();
    assert!(project.read("run.html").contains("0002.log</code>") && project.read("run.md").contains("0002.log`"));
    // The command of the dead run goes on until then; it must not outlive the test.
    project.write("../stop", "");
    project.repro(["--jobs", "2"]).ok();
}

#[test]
fn a_damaged_journal_is_told_from_a_kill_and_what_is_before_is_shown() {
    let project = mixed();
    project.repro(["--jobs", "2", "--keep-going"]).exits(255);
    let run = project.sh("ls .dvc/tmp/paraffin/runs").out().trim().to_owned();
    let path = format!(".dvc/tmp/paraffin/runs/{run}/events.jsonl");
    let whole = project.read(&path);
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let at = lines.iter().position(|line| line.contains("\"finished\"")).unwrap() + 1;
    assert!(at + 2 < lines.len(), "{whole}");
    let mut in_the_middle = lines.clone();
    in_the_middle[at] = "\0\0\0\0\n";
    let half = format!("{}{}", lines[..at].concat(), &lines[at][..20]);
    for journal in [half, lines[..at].concat(), in_the_middle.concat()] {
        project.write(&path, journal);
        let told = project.run(["report", "--json", "-"]);
        let words = format!("the journal of run '{run}' is damaged from line {} on", at + 1);
        told.ok().complains(&words);
        let told = json(&told);
        assert_eq!(told["verdict"], "damaged");
        assert!(told["counts"]["waiting"].as_u64() >= Some(1), "{told}");
        project.run(["report"]).ok().says(&words).does_not_say("Killed").does_not_say("killed");
        project.run(["report", "--html", "run.html", "--junit", "run.xml", "--csv", "run.csv"]).ok();
        let page = project.read("run.html");
        assert!(page.contains("<title>Journal damaged: ") && page.contains(&format!("is damaged from line {} on", at + 1)), "{page}");
        project.run(["runs"]).ok().says("journal damaged").complains(&words);
        project.run(["logs"]).ok().complains(&words);
        project.run(["logs", "a"]).ok().says("from a").complains(&words);
    }
}

#[test]
fn an_empty_journal_is_told_and_the_newest_readable_one_is_reported() {
    let project = mixed();
    project.repro(["d", "--jobs", "2"]).ok();
    for run in ["20991122-000000-0000", "20991123-000000-0000"] {
        project.write(&format!(".dvc/tmp/paraffin/runs/{run}/events.jsonl"), "");
    }
    let told = project.run(["report"]);
    told.ok().says("1 ran").complains("nothing is on record of run '20991123-000000-0000', its journal is empty");
    assert_eq!(told.err().matches("nothing is on record of run").count(), 2, "{told}");
    project.run(["logs", "d"]).ok().says("from d");
    project.run(["report", "20991122"]).exits(255).complains("nothing is on record of run '20991122-000000-0000', its journal is empty");
    project.run(["runs"]).ok().says("1 ran").complains("nothing is on record of run '20991123-000000-0000'");
}

#[test]
fn a_report_goes_into_pipes_and_through_links() {
    let project = mixed();
    project.repro(["d", "--jobs", "2"]).ok();
    project.sh("mkfifo pipe.md && touch real.md && ln -s real.md link.md");
    let program = crate::support::program::path();
    let ran =
        project.sh(&format!("'{0}' report --md pipe.md & cat pipe.md; wait; '{0}' report --md link.md --csv /dev/null", program.display()));
    assert!(ran.out().contains("1 ran"), "{ran}");
    assert!(project.at("link.md").symlink_metadata().unwrap().is_symlink() && project.read("real.md").contains("1 ran"));
    project.run(["report", "--md", "/proc/x.md"]).exits(255).complains("WARNING: the report '/proc/x.md' was not written");
    project.run(["report", "--base", "nope"]).ok().complains("WARNING: nothing is compared with 'nope'");
    let of_a_tree = project.run(["report", "--base", "HEAD^{tree}"]);
    of_a_tree.ok().complains("WARNING: nothing is compared with 'HEAD^{tree}': there is no commit 'HEAD^{tree}' in this clone");
    project.repro(["--json", "--report", "-"]).exits(254);
    project.write("bad.j2", "{% if %}");
    project.repro(["d", "--force", "--report", "x.md", "--template", "bad.j2"]).exits(254).complains("the template 'bad.j2' is wrong");
}

#[test]
fn a_run_that_goes_on_has_come_to_this_moment() {
    let project =
        Project::new().stage("a", |s| s.cmd("touch ../begun; while [ ! -e ../go ]; do sleep 0.05; done; echo > a.txt").out("a.txt"));
    let mut command = project.command(project.root());
    let mut child = command.args(["repro", "--jobs", "2"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !project.has("../begun") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let wall = || report(&project)["wall_ns"].as_u64().unwrap();
    let first = wall();
    assert!(wall() > first);
    project.write("../go", "");
    assert!(child.wait().unwrap().success());
    assert_eq!(wall(), wall());
}

#[test]
fn a_report_never_changes_what_a_run_comes_to() {
    let project = mixed();
    project.repro(["d", "--report", "run.pdf"]).exits(254).complains(".html .md .json .csv .xml");
    assert!(!project.has("d.txt"));
    project.repro(["d", "--report", "x.html", "--report", "y.md", "--template", "t.j2"]).exits(254).complains("for which report");
    project.write("good.j2", "{{ verdict }}");
    project
        .repro(["d", "--report", "x.md", "--template", "html=good.j2"])
        .exits(254)
        .complains("for a report in HTML, and none is asked for");
    project.repro(["d", "--live", "a"]).exits(254).complains("say `--live -- a`");
    project.repro(["d", "--report", "x.html", "--template", "html=t.j2"]).exits(254).complains("cannot read the template 't.j2'");
    assert!(!project.has("d.txt"));
    project.write("full/here", "");
    project.repro(["d", "--report", "full/here/x.html"]).ok().complains("WARNING: the report 'full/here/x.html' was not written");
    let why = "(docs/reports.md lists those there are)";
    project.write("t.j2", "{{ verdict }} {{ counts[0].number }}\n{{ nothing.at.all }}");
    let ran = project.repro(["d", "--force", "--report", "x.md", "--template", "t.j2"]);
    ran.exits(254).complains(&format!("the template 't.j2' is wrong: line 2: there is no name 'nothing' {why}"));
    // What only shows in a run is a warning.
    project.write("t.j2", "{{ verdict }}\n{{ counts[0].nothing }}");
    for report in ["x.md", "x.html"] {
        let ran = project.repro(["d", "--force", "--report", report, "--template", "t.j2"]);
        let wrong = format!("the template 't.j2' is wrong: line 2: there is no name 'counts[0].nothing' {why}");
        ran.ok().complains(&format!("WARNING: the report '{report}' was not written: {wrong}\n"));
    }
    project.write("t.j2", "{{ verdict }}: {{ headline }}");
    project.repro(["d", "--force", "--report", "x.md", "--template", "t.j2"]).ok();
    assert!(project.read("x.md").starts_with("ok: 1 ran in "));
}

#[test]
fn a_summary_that_has_no_room_stays_as_it_is() {
    let project = mixed();
    project.repro(["d"]).ok();
    let summary = |there: usize| {
        project.write("summary.md", "x".repeat(there));
        let mut command = project.command(project.root());
        command.args(["report", "--summary"]).env("GITHUB_STEP_SUMMARY", "summary.md");
        (crate::support::ran::Ran::of(&mut command), project.read("summary.md")[there..].to_owned())
    };
    for left in [0, 1, 20, 60] {
        let (ran, more) = summary((1 << 20) - left);
        ran.exits(255).complains("WARNING: the summary of the job was not written: there is no room left in 'summary.md'");
        assert_eq!(more, "");
    }
    let (ran, more) = summary((1 << 20) - 400);
    ran.ok();
    assert!(more.len() <= 400 && more.contains("Left out for length: ") && more.trim_end().ends_with("--html report.html`"), "{more}");
}

#[test]
fn a_report_is_never_written_over_what_the_pipeline_is_made_of() {
    let project = Project::new()
        .file("p.json", "{\"n\": 1}\n")
        .file("in.csv", "1\n")
        .file("src/a.md", "")
        .file("lib/b.md", "")
        .file(".dvcignore", "lib/*.html\n")
        .file("one.md.dvc", "outs:\n- path: one.md\n")
        .file("paraffin.yaml", "jobs: 2\n")
        .stage("a", |s| s.cmd("touch ../began; mkdir out; cp in.csv m.json; echo > out/x").dep("in.csv").dep("src").dep("lib").out("out"))
        .stage("b", |s| s.cmd("cp in.csv m.json").dep("in.csv").field("params", "[{p.json: [n]}]").field("metrics", "[m.json]"));
    project.sh("ln -s in.csv link.csv && ln -s src linked && mkdir sub");
    let tree = project.tree();
    for (file, what) in [
        ("p.json", "the parameters of 'b'"),
        ("in.csv", "a dependency of 'a'"),
        ("m.json", "an output of 'b'"),
        ("out/run.html", "an output of 'a' ('out')"),
        ("one.md", "an output of 'one.md.dvc'"),
        ("src/new.md", "a dependency of 'a' ('src')"),
        ("sub/../in.csv", "a dependency of 'a'"),
        ("link.csv", "a dependency of 'a'"),
        ("linked/new.md", "a dependency of 'a' ('src')"),
    ] {
        let refused = project.repro(["--report", file]);
        refused.exits(254).complains(&format!("the report '{file}' would be written over {what}")).ran([]);
    }
    assert!(!project.has("../began") && project.tree() == tree);
    project.repro(["--report", "lib/run.html", "--report", "ok.md", "a"]).ok();
    for (file, what) in [
        ("dvc.yaml", "a pipeline"),
        ("elsewhere/dvc.lock", "what DVC knows of"),
        ("one.md.dvc", "a file of DVC"),
        ("paraffin.yaml", "the settings of dvc-paraffin"),
        ("params.yaml", "parameters of the pipeline"),
        (".git/HEAD", "what git keeps"),
        (".dvc/config", "what DVC keeps"),
        ("lib/.gitignore", "settings of git"),
        (".dvcignore", "settings of DVC"),
        ("in.csv", "a dependency of 'a'"),
    ] {
        project.run(["report", "--html", file]).exits(254).complains(what);
    }
    assert_eq!(project.read("in.csv"), "1\n");
    // By name it is refused also where the pipeline cannot be read.
    project.write("dvc.yaml", "stages: [\n");
    project.run(["report", "--md", "dvc.yaml"]).exits(254).complains("a pipeline");
    project.run(["report", "--md", "in.csv"]).ok();
}

#[test]
fn the_summary_of_a_job_is_appended_to_and_hidden_from_stages() {
    let project = Project::new().stage("a", |s| s.cmd("echo \"[$GITHUB_STEP_SUMMARY]\" > a.txt").out("a.txt"));
    project.write("../summary.md", "before\n");
    let mut command = project.command(project.root());
    Ran::of(command.args(["repro", "--summary"]).env("GITHUB_STEP_SUMMARY", project.at("../summary.md"))).ok();
    assert_eq!(project.read("a.txt"), "[]\n");
    let summary = project.read("../summary.md");
    assert!(summary.starts_with("before\n<!-- dvc-paraffin:report") && summary.contains("1 ran"), "{summary}");
    project.repro(["--summary"]).ok().complains("WARNING: --summary has nowhere to write");
    let mut command = project.command(project.root());
    let ran = Ran::of(command.args(["report", "--summary"]).env("GITHUB_STEP_SUMMARY", project.at("no/such/summary.md")));
    ran.exits(255).complains(&format!("cannot write '{}'", project.at("no/such/summary.md").display()));
    // A file that is full takes no more.
    project.write("../summary.md", "x".repeat(1 << 20));
    let mut command = project.command(project.root());
    let ran = Ran::of(command.args(["repro", "--summary", "--force"]).env("GITHUB_STEP_SUMMARY", project.at("../summary.md")));
    ran.ok().complains("no room left");
    assert_eq!(project.read("../summary.md").len(), 1 << 20);
}

#[test]
fn a_report_of_a_dry_run_names_no_run() {
    let project = mixed();
    project.repro(["--dry", "--report", "run.md", "--report", "run.html"]).ok();
    assert!(project.read("run.md").contains("A dry run of `"), "{}", project.read("run.md"));
    assert!(project.read("run.html").contains("<span>dry run</span>"));
    project.run(["runs"]).ok().complains("No run is on record");
}

#[test]
fn runs_beyond_those_to_be_kept_go() {
    let project = Project::new().stage("a", |s| s.cmd("echo a > a.txt").out("a.txt")).file("paraffin.yaml", "keep_runs: 2\n");
    for _ in 0..4 {
        project.repro(["--jobs", "2"]).ok();
    }
    assert_eq!(json(project.run(["runs", "--json"]).ok())["runs"].as_array().unwrap().len(), 2);
    project.write("paraffin.yaml", "keep_runs: {nmber: 2}\n");
    project.repro(["--jobs", "2", "--report", "run.xml"]).exits(251).complains("number");
    assert!(project.read("run.xml").contains("errors=\"1\""));
}

#[test]
fn a_journal_that_cannot_be_written_is_a_warning() {
    let project = Project::new().stage("a", |s| s.cmd("echo a > a.txt").out("a.txt"));
    project.write(".dvc/tmp/paraffin/runs", "in the way");
    project.repro(["--jobs", "1", "--report", "run.json"]).ok().complains("WARNING: no journal of this run can be written");
    let told: Value = serde_json::from_str(&project.read("run.json")).unwrap();
    assert_eq!((&told["verdict"], &told["counts"]["ran"]), (&Value::from("ok"), &Value::from(1)));
}

#[test]
fn other_numbers_of_jobs_are_simulated() {
    let project = (0..4).fold(Project::new(), |project, at| {
        project.stage(&format!("s{at}"), |s| s.cmd(&format!("sleep 0.5; echo {at} > {at}.txt")).out(&format!("{at}.txt")))
    });
    project.repro(["--jobs", "4"]).ok();
    let told = json(project.run(["report", "--json", "-", "--what-if", "jobs=1,jobs=2"]).ok());
    project.run(["report", "--csv", "x.csv", "--what-if", "jobs=1"]).ok().complains("With 1 job this run would have taken about");
    let wall = |at: usize| told["what_if"][at]["wall_ns"].as_u64().unwrap();
    let stages = told["stage_ns"].as_u64().unwrap();
    assert_eq!(wall(0), stages);
    assert!(wall(1) >= stages / 2 && wall(1) < stages * 3 / 4, "{told}");
    let twice = project.run(["report", "--csv", "x.csv", "--what-if", "jobs=1,jobs=1", "--what-if", "jobs=1"]).err();
    assert_eq!(twice.matches("With 1 job").count(), 1, "{twice}");
    project.run(["report", "--what-if", "8"]).exits(254).complains("jobs=N is needed");
}

#[test]
fn a_live_page_is_served_while_the_run_goes_on() {
    let project = Project::new().stage("a", |s| s.cmd("while [ ! -e ../go ]; do sleep 0.05; done; echo a > a.txt").out("a.txt"));
    let mut command = project.command(project.root());
    let child = command
        .args(["repro", "--jobs", "2", "--live"])
        .stdout(Stdio::null())
        .stderr(Stdio::from(std::fs::File::create(project.at("../err")).unwrap()));
    let mut child = child.spawn().unwrap();
    let port = loop {
        let err = project.read("../err");
        if let Some((_, rest)) = err.split_once("http://127.0.0.1:") {
            break rest.split('/').next().unwrap().to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let page = || {
        let ask = format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET / HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
        );
        project.sh(&format!("bash -c {}", shell_quoted(&ask))).out()
    };
    while !page().contains("1 running") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(page().contains("data-live"));
    project.run(["repro", "--live", &port]).exits(254).complains("cannot serve the page of the run");
    project.write("../go", "");
    assert!(child.wait().unwrap().success());
    project.run(["report", "--json", "-"]).ok().says("\"verdict\": \"ok\"");
}

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
