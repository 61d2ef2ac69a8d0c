//! Answers for programs (`--json`) and for people who ask why (`--explain`) or what if (`--dry`).

use serde_json::Value;

use super::chain;
use crate::support::project::Project;
use crate::support::ran::Ran;

/// Standard output as the one JSON value that it must be.
#[track_caller]
fn answer(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{ran}"))
}

/// Of all stages one field.
fn each<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    answer["stages"].as_array().unwrap().iter().map(|stage| stage[field].as_str().unwrap_or("-")).collect()
}

#[test]
fn the_json_answer_tells_of_every_stage() {
    let project = chain();
    let ran = project.repro(["--jobs", "4", "--json"]);
    let found = answer(ran.ok());
    assert_eq!(found["version"], 1);
    assert_eq!(found["exit_code"], 0);
    assert_eq!(found["error"], Value::Null);
    assert_eq!(found["stopped_early"], Value::Null);
    assert!(found["run"].is_string() && found["log"].is_array(), "{found}");
    assert_eq!(each(&found, "address"), ["first", "second"]);
    assert_eq!(each(&found, "status"), ["ran", "ran"]);
    let first = &found["stages"][0];
    assert_eq!(first["returncode"], 0);
    assert_eq!(first["cause"], Value::Null);
    assert!(first["slot"].is_u64() && first["reasons"].is_array() && first["queue"] == "default" && first["attempt"] == 1, "{first}");
    assert!(first["started"].as_str().unwrap().ends_with('Z') && first["ended"].as_str().unwrap().ends_with('Z'), "{first}");
}

#[test]
fn with_json_what_stages_print_does_not_get_into_the_answer() {
    let project = Project::new().stage("a", |s| s.cmd("echo noise; echo > a").out("a"));
    for jobs in ["1", "4"] {
        let ran = project.repro(["-f", "--jobs", jobs, "--json"]);
        answer(ran.ok());
        ran.complains("noise");
    }
}

#[test]
fn a_json_file_is_written_beside_the_usual_words() {
    let project = chain();
    project.repro(["--jobs", "1", "--json-file", "../answer.json"]).ok().says("Running stage 'first':");
    let found: Value = serde_json::from_str(&project.read("../answer.json")).unwrap();
    assert_eq!(each(&found, "status"), ["ran", "ran"]);
    project.write("in.txt", "hallo\n");
    project.repro(["--jobs", "1", "--json-file", "../answer.json", "first"]).ok();
    project.write("in.txt", "hello\n");
    project.repro(["--json-file", "../answer.json"]).ok();
    let found: Value = serde_json::from_str(&project.read("../answer.json")).unwrap();
    assert_eq!(each(&found, "status"), ["restored", "unchanged"]);
}

#[test]
fn a_failure_is_in_the_answer_with_its_cause() {
    let project = Project::new()
        .stage("bad", |s| s.cmd("exit 3").out("bad.txt"))
        .stage("after", |s| s.cmd("echo > after.txt").dep("bad.txt").out("after.txt"));
    let ran = project.repro(["--json", "--jobs", "2", "-k"]);
    let found = answer(ran.exits(255));
    assert_eq!(found["exit_code"], 255);
    assert_eq!(found["error"]["kind"], "ReproductionError");
    assert_eq!(each(&found, "status"), ["failed", "upstream_failed"]);
    assert_eq!(found["stages"][0]["returncode"], 3);
    let found = answer(project.repro(["--json", "--jobs", "2"]).exits(255));
    assert_eq!(found["error"]["message"], "failed to reproduce 'bad'");
    assert_eq!(found["error"]["cause"]["kind"], "StageCmdFailedError");
    assert_eq!(each(&found, "status"), ["failed", "not_started"]);
}

#[test]
fn an_error_before_anything_runs_is_in_the_answer_too() {
    let found = answer(Project::new().repro(["--json", "nope"]).exits(255));
    assert!(found["error"]["kind"].is_string() && found["error"]["message"].is_string(), "{found}");
    let found = answer(Project::folder().repro(["--json"]).exits(253));
    assert_eq!(found["error"]["kind"], "NotDvcRepoError");
    assert_eq!(found["exit_code"], 253);
}

#[test]
fn a_stage_killed_by_a_signal_says_so() {
    let project = Project::new().stage("a", |s| s.cmd("kill -9 $$").out("a"));
    let found = answer(project.repro(["--json", "--jobs", "2"]).exits(255));
    assert_eq!(found["stages"][0]["returncode"], -9);
    assert_eq!(found["stages"][0]["cause"], "signal");
}

#[test]
fn explain_says_what_changed_from_what_to_what() {
    let project = chain().file("params.yaml", "lr: 0.1\n");
    let project = project.stage("third", |s| s.cmd("echo > third.txt").param("lr").out("third.txt"));
    project.repro(["--jobs", "1"]).ok();
    project.write("in.txt", "other\n");
    project.write("params.yaml", "lr: 0.2\n");
    let ran = project.repro(["--jobs", "1", "--explain"]);
    let said = format!("{}{}", ran.ok().out(), ran.err());
    // md5 of "hello\n" and of "other\n".
    for word in ["in.txt", "b1946ac", "ba7790b", "lr", "0.1", "0.2"] {
        assert!(said.contains(word), "{word} is not explained\n{ran}");
    }
}

#[test]
fn explain_with_dry_only_explains() {
    let project = chain();
    project.repro(["--jobs", "1"]).ok();
    project.write("in.txt", "other\n");
    let before = project.tree();
    let ran = project.repro(["--dry", "--explain"]);
    let said = format!("{}{}", ran.ok().out(), ran.err());
    assert!(said.contains("in.txt") && said.contains("upstream may change"), "{ran}");
    project.tree().must_equal(&before, "after", "before");
}

#[test]
fn dry_on_a_fresh_pipeline_is_a_plan() {
    let project = chain();
    let before = project.tree();
    let ran = project.repro(["--dry"]);
    ran.ok().says("Running stage 'first':").says("> cp in.txt mid.txt").says("second");
    project.tree().must_equal(&before, "after", "before");
    let found = answer(project.repro(["--dry", "--json"]).ok());
    assert_eq!(each(&found, "status"), ["planned", "planned"]);
}

#[test]
fn quiet_is_quiet() {
    let ran = chain().repro(["-q", "--jobs", "4"]);
    assert!(ran.ok().stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
}

#[test]
fn a_summary_closes_a_run_on_standard_error() {
    let project = chain();
    let ran = project.repro(["--jobs", "4"]);
    assert!(ran.ok().err().contains("2 ran"), "{ran}");
    let ran = project.repro(["--jobs", "4"]);
    assert!(ran.ok().err().contains("2 unchanged"), "{ran}");
}

#[test]
fn many_stages_that_did_not_change_are_one_line() {
    let list: Vec<String> = (0..60).map(|n| format!("s{n}")).collect();
    let project = Project::new();
    project.write(
        "dvc.yaml",
        format!(
            "stages:\n  fe:\n    foreach: [{}]\n    do:\n      cmd: echo ${{item}} > ${{item}}.txt\n      outs: ['${{item}}.txt']\n",
            list.join(", ")
        ),
    );
    project.repro(["--jobs", "4"]).ok();
    project.repro(["--jobs", "4"]).ok().does_not_say("Stage 'fe@s7' didn't change, skipping");
    project.repro(["--jobs", "4", "-v"]).ok().says("Stage 'fe@s7' didn't change, skipping");
    project.repro(["--jobs", "1"]).ok().says("Stage 'fe@s7' didn't change, skipping");
}

#[test]
fn a_profile_shows_what_our_own_time_was_spent_on() {
    let project = chain();
    project.repro(["--jobs", "2", "--profile", "../profile.json"]).ok();
    let found: Value = serde_json::from_str(&project.read("../profile.json")).unwrap();
    let events = found["traceEvents"].as_array().unwrap();
    let of = |phase: &str| events.iter().filter(|event| event["name"] == phase).collect::<Vec<_>>();
    assert!(of("parse").iter().any(|event| event["args"]["about"] == "dvc.yaml"), "{found}");
    for (phase, most) in [("judge", 9), ("hash", 99), ("run", 2), ("save", 2), ("lock", 2)] {
        assert!((1..=most).contains(&of(phase).len()), "{phase}: {found}");
    }
    let threads: Vec<_> = of("thread_name").iter().map(|event| &event["tid"]).cloned().collect();
    let spans: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
    assert!(spans.iter().all(|event| event["ts"].is_u64() && event["dur"].is_u64() && threads.contains(&event["tid"])), "{found}");
    project.repro(["--profile", "/no/such/folder/x"]).ok().complains("WARNING: the profile was not written");
}
