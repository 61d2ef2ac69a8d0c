//! What must not be seen: in the journal, in every format of a report, in logs, in the live page and in the settings told.

use serde_json::{Value, json};

use crate::support::project::Project;

/// Every format, each in a file of its own.
const FORMATS: [&str; 6] = ["run.html", "run.md", "run.json", "run.csv", "run.xml", "run.trace.json"];

/// What all formats say of the last run, and its journal.
fn texts(project: &Project) -> Vec<(&'static str, String)> {
    let flags = ["--html", "--md", "--json", "--csv", "--junit", "--trace"];
    let mut command = project.command(project.root());
    command.arg("report").args(flags.iter().zip(FORMATS).flat_map(|(flag, file)| [*flag, file]));
    crate::support::ran::Ran::of(&mut command).ok();
    let journal = ("journal", project.sh("cat $(ls -d .dvc/tmp/paraffin/runs/* | tail -n 1)/events.jsonl").out());
    let runs = ("runs", project.run(["runs"]).ok().out() + &project.run(["runs", "--json"]).ok().out());
    FORMATS.iter().map(|file| (*file, project.read(file))).chain([journal, runs]).collect()
}

fn none_of(words: &[&str], texts: &[(&str, String)]) {
    for (what, text) in texts {
        for word in words {
            assert!(!text.contains(word), "{word} in {what}:\n{text}");
        }
    }
}

fn report(project: &Project) -> Value {
    serde_json::from_str(&project.run(["report", "--json", "-"]).ok().out()).unwrap()
}

/// Three stages, of which one prints secrets and fails.
fn told() -> Project {
    let print = "echo secret_abc $TOKEN; echo hush >&2; printf 'hu\\033[1msh\\n'; exit 3";
    Project::new()
        .file("in.txt", "1\n")
        .stage("a", |s| s.cmd("echo from a; cp in.txt a.txt").dep("in.txt").out("a.txt"))
        .stage("b", |s| s.cmd(print).dep("a.txt").out("b.txt"))
        .file("paraffin.yaml", "mask: ['secret_[a-z]+', 'hush']\nqueues: {default: {env: {TOKEN: verysecretvalue}}}\n")
        .commit()
}

const SECRETS: [&str; 3] = ["secret_abc", "hush", "verysecretvalue"];

#[test]
fn what_is_masked_is_nowhere_but_in_the_log_file() {
    let project = told();
    project.repro(["--jobs", "2", "--report", "run.html", "--report", "run.md", "--report", "run.json"]).exits(255);
    let logs = project.sh("cat .dvc/tmp/paraffin/runs/*/*.log").out();
    assert!(logs.contains("secret_abc verysecretvalue"), "{logs}");
    let shown = project.run(["logs", "b"]).ok().out();
    assert_eq!(shown.trim_end().lines().next(), Some("*** ***"));
    let own = ["run.html", "run.md", "run.json"].map(|file| (file, project.read(file)));
    none_of(&SECRETS, &own);
    none_of(&SECRETS, &texts(&project));
    none_of(&SECRETS, &[("logs", shown)]);
}

#[test]
fn what_was_masked_stays_so_whatever_paraffin_yaml_says_later() {
    let project = told();
    project.repro(["--jobs", "2"]).exits(255);
    for later in ["", "mask: [other]\nqueues: {default: {env: {TOKEN: anothersecret}}}\n"] {
        project.write("paraffin.yaml", later);
        let shown = project.run(["logs", "b"]).ok().out();
        assert_eq!(shown.trim_end().lines().next(), Some("*** ***"), "{later}");
        none_of(&SECRETS, &texts(&project));
    }
    std::fs::remove_file(project.at("paraffin.yaml")).unwrap();
    none_of(&SECRETS, &texts(&project));
    assert!(project.read("run.md").contains("*** ***"), "{}", project.read("run.md"));
}

#[test]
fn what_is_masked_later_is_hidden_in_old_runs_too() {
    let project = told().file("paraffin.yaml", "").commit();
    project.repro(["--jobs", "2"]).exits(255);
    assert!(project.run(["report"]).ok().out().contains("secret_abc"));
    project.write("paraffin.yaml", "mask: ['secret_[a-z]+', 'hush', 'in\\.txt']\n");
    project.run(["logs", "b"]).ok().does_not_say("secret_abc").does_not_say("hush").says("***");
    let texts: Vec<_> = texts(&project).into_iter().filter(|(what, _)| *what != "journal").collect();
    none_of(&["secret_abc", "hush", "in.txt"], &texts);
}

/// A value that someone wrote into dvc.yaml as well.
#[test]
fn a_value_of_a_variable_is_hidden_wherever_it_stands() {
    let project = Project::new()
        .file("params.yaml", "verysecretvalue: verysecretvalue\nn: 1\n")
        .stage("a", |s| s.cmd("echo verysecretvalue > a.txt").param("verysecretvalue").dep("verysecretvalue.txt").out("a.txt"))
        .file("verysecretvalue.txt", "1\n")
        .file("verysecretvalue.json", "{\"verysecretvalue\": 1}")
        .stage("verysecretvalue", |s| {
            s.cmd("cat verysecretvalue >&2").dep("a.txt").field("metrics", "[{verysecretvalue.json: {cache: false}}]")
        })
        .commit();
    project.sh("git commit -q -a --amend -m x");
    project.write("paraffin.yaml", "queues: {default: {env: {TOKEN: verysecretvalue}}}\n");
    project.write("params.yaml", "verysecretvalue: other\nn: 1\n");
    let all = ["--report", "r.html", "--report", "r.md", "--report", "r.json", "--report", "r.csv", "--report", "r.xml"];
    let mut command = project.command(project.root());
    crate::support::ran::Ran::of(command.args(["repro", "--jobs", "2", "--key", "verysecretvalue"]).args(all)).exits(255);
    for file in ["r.html", "r.md", "r.json", "r.csv", "r.xml"] {
        none_of(&["verysecretvalue"], &[(file, project.read(file))]);
    }
    none_of(&["verysecretvalue"], &texts(&project));
    let first = project.read("r.md");
    assert!(first.starts_with("<!-- dvc-paraffin:report key=%2A%2A%2A -->"), "{first}");
    project.run(["config", "--explain", "a"]).ok().says("env.TOKEN").does_not_say("verysecretvalue");
    // Who knows the name finds the stage.
    project.run(["logs", "verysecretvalue"]).ok().does_not_say("verysecretvalue");
}

#[test]
fn what_is_masked_and_differs_is_told_as_changed() {
    let metrics = "[{m.yaml: {cache: false}}]";
    let project = Project::new()
        .file("params.yaml", "k: tok_abc\nn: 1\nsame: tok_same\nnumber: 4711\n")
        .stage("a", |s| s.cmd("cp params.yaml m.yaml").param("k").param("n").param("same").param("number").field("metrics", metrics))
        .file("paraffin.yaml", "mask: ['tok_[a-z]+', '471\\d']\n");
    project.repro(["--jobs", "2"]).ok();
    let project = project.commit();
    project.write("params.yaml", "k: tok_xyz\nn: 2\nsame: tok_same\nnumber: 4712\n");
    project.repro(["--jobs", "2", "--report", "own.json"]).ok();
    let masked = json!({"old": "***", "new": "***"});
    let want = json!({"k": masked, "n": {"old": 1, "new": 2, "diff": 1}, "number": masked});
    let own: Value = serde_json::from_str(&project.read("own.json")).unwrap();
    for told in [&own, &report(&project)] {
        assert_eq!((&told["params"], &told["metrics"]), (&json!({"params.yaml": want}), &json!({"m.yaml": want})));
    }
    let reasons = report(&project)["stages"][0]["reasons"].to_string();
    assert!(reasons.contains(r#""key":"k","old":"***","new":"***""#), "{reasons}");
    let markdown = project.run(["report"]).ok().out();
    assert!(markdown.contains("| `params.yaml` | `k` | `***` | `***` |"), "{markdown}");
    none_of(&["tok_", "471"], &[("Markdown", markdown)]);
    // And once nothing is masked any more.
    std::fs::remove_file(project.at("paraffin.yaml")).unwrap();
    assert_eq!(report(&project)["params"], json!({"params.yaml": want}));
}

#[test]
fn names_that_masks_make_alike_are_still_two() {
    let project = Project::new()
        .file("params.yaml", "id_1: 1\nid_2: 1\n")
        .file("paraffin.yaml", "mask: ['id_\\d']\nqueue: {id_1: id_1, id_2: id_2}\nqueues: {id_1: {slots: 1}, id_2: {slots: 1}}\n")
        .stage("id_1", |s| s.cmd("echo one; exit 1").param("id_1").out("k.txt"))
        .stage("id_2", |s| s.cmd("echo two; exit 1").param("id_2").out("l.txt"))
        .commit();
    project.write("params.yaml", "id_1: 2\nid_2: 3\n");
    project.repro(["--jobs", "2", "--keep-going"]).exits(255);
    let told = report(&project);
    let addresses: Vec<&Value> = told["stages"].as_array().unwrap().iter().map(|stage| &stage["address"]).collect();
    assert_eq!(addresses, ["***", "***"]);
    assert_eq!(told["env"]["queues"], json!({"***": 1, "*** (2)": 1}));
    let params = told["params"]["params.yaml"].as_object().unwrap();
    assert_eq!(params.keys().collect::<Vec<_>>(), ["***", "*** (2)"]);
    let texts = texts(&project);
    none_of(&["id_1", "id_2"], &texts);
    let text = |name: &str| texts.iter().find(|(what, _)| *what == name).map(|(_, text)| text.clone()).unwrap();
    let rows: Vec<String> =
        text("run.csv").lines().skip(1).map(|line| line.split(',').skip(1).take(2).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(rows, ["***,***", "***,\"*** (2)\""]);
    assert_eq!(text("run.xml").matches("<failure").count(), 2);
    assert_eq!(text("run.md").matches("| `***` | ✗ failed |").count(), 2, "{}", text("run.md"));
    assert_eq!(text("run.md").matches("[\"✗ #42;#42;#42;\"]").count(), 2, "{}", text("run.md"));
    let ran = project.run(["logs", "id_1"]);
    ran.exits(255).complains("2 stages of run").complains("are '***' once masked").complains("0001.log").complains("0002.log");
}

/// A word may hold signs that `regex::escape` escapes and that mean nothing by themselves.
#[test]
fn the_journal_holds_no_word_that_is_masked() {
    let project = Project::new().stage("a", |s| s.cmd("echo 'glpat-Ab#~&1' > a.txt").out("a.txt"));
    project.write("paraffin.yaml", "mask: ['glpat-Ab#~&1', 'a[b]c']\n");
    project.repro([]).ok();
    let journals = project.sh("cat .dvc/tmp/paraffin/runs/*/events.jsonl").out();
    assert!(journals.contains("a[b]c") && !journals.contains("glpat"), "{journals}");
}
