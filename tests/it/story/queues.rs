//! paraffin.yaml: queues with slots, resources, mutexes, priorities, variables, retries, early stop.
//!
//! No test looks at a clock: stages write down what they see, and wait for each other's marks.

use crate::support::is_alive;
use crate::support::project::{Project, Stage};

/// Shell that notes how many of its kind run at the same time, and in which slots.
fn counted(name: &str) -> String {
    format!(
        "mkdir -p ../now ../seen; mkdir ../now/{name}; ls ../now | wc -l > ../seen/{name}; \
         echo \"$PARAFFIN_QUEUE $PARAFFIN_SLOT $DEVICE\" > ../seen/{name}.slot; sleep 0.2; rmdir ../now/{name}; echo > {name}.txt"
    )
}

fn counting(stage: Stage, name: &str) -> Stage {
    stage.cmd(&counted(name)).out(&format!("{name}.txt"))
}

/// Six stages that count themselves.
fn six(settings: &str) -> Project {
    let names = ["t1", "t2", "t3", "t4", "t5", "t6"];
    names.iter().fold(Project::new(), |project, name| project.stage(name, |s| counting(s, name))).file("paraffin.yaml", settings)
}

/// The most that ran at once.
fn most(project: &Project) -> usize {
    (1..=6).map(|number| project.read(&format!("../seen/t{number}")).trim().parse().unwrap()).max().unwrap()
}

#[test]
fn slots_of_a_queue_are_never_exceeded_and_all_are_used() {
    let project = six("queue: {'t*': gpu}\nqueues: {gpu: {slots: 2, env: {DEVICE: [one, two]}}}\n");
    project.repro(["--jobs", "6"]).ok();
    assert_eq!(most(&project), 2);
    let mut seen: Vec<String> = (1..=6).map(|number| project.read(&format!("../seen/t{number}.slot"))).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["gpu 0 one\n", "gpu 1 two\n"]);
    // A flag gives it less.
    project.repro(["--jobs", "6", "--force", "--queue-slots", "gpu=1"]).ok();
    assert_eq!(most(&project), 1);
}

#[test]
fn resources_and_mutexes_hold() {
    let project = six("resources: {mem: 10G}\nstages: {'t*': {needs: {mem: 5G}}}\n");
    project.repro(["--jobs", "6"]).ok();
    assert_eq!(most(&project), 2);
    let project = six("stages: {'t*': {mutex: licence}}\n");
    project.repro(["--jobs", "6"]).ok();
    assert_eq!(most(&project), 1);
}

#[test]
fn a_wide_stage_takes_two_slots_and_sees_both() {
    let project = six("queue: {'t*': gpu}\nqueues: {gpu: {slots: 2, env: {DEVICE: [one, two]}}}\nstages: {'t*': {slots: 2}}\n");
    project.repro(["--jobs", "6"]).ok();
    assert_eq!(most(&project), 1);
    assert_eq!(project.read("../seen/t3.slot"), "gpu 0,1 one,two\n");
}

#[test]
fn larger_priority_starts_first() {
    let project = ["a", "b", "c", "d"]
        .iter()
        .fold(Project::new(), |project, name| project.stage(name, |s| s.cmd(&format!("echo {name} >> ../order; echo > {name}")).out(name)))
        .file("paraffin.yaml", "stages: {d: {priority: 2}, c: {priority: 1}, '*': {mutex: one}}\n");
    project.repro(["--jobs", "4"]).ok();
    assert_eq!(project.read("../order"), "d\nc\na\nb\n");
    // With one job DVC's order stands.
    project.repro(["--jobs", "1", "--force"]).ok();
    assert!(project.read("../order").ends_with("a\nb\nc\nd\n"));
}

#[test]
fn stages_see_the_run_they_belong_to() {
    let project = Project::new()
        .stage("a", |s| s.cmd("env | grep ^PARAFFIN_ | sort > seen.txt; echo \"$MODE\" >> seen.txt").out("seen.txt"))
        .file("paraffin.yaml", "queues: {default: {env: {MODE: fast}}}\n");
    project.repro(["--jobs", "3", "--json-file", "run.json"]).ok();
    let answer: serde_json::Value = serde_json::from_str(&project.read("run.json")).unwrap();
    let run = answer["run"].as_str().unwrap();
    let maps = project.at(&format!(".dvc/tmp/paraffin/runs/{run}/0001.maps"));
    let want = format!(
        "PARAFFIN_ATTEMPT=1\nPARAFFIN_JOBS=3\nPARAFFIN_MAP_REPORT={}\nPARAFFIN_QUEUE=default\nPARAFFIN_RUN_ID={run}\nPARAFFIN_SLOT=0\nfast\n",
        maps.display()
    );
    assert_eq!(project.read("seen.txt"), want);
}

/// A stage that succeeds with its third try.
fn third_time_lucky() -> Project {
    let cmd = "echo $PARAFFIN_ATTEMPT >> ../tries; ls out.txt 2>/dev/null >> ../left; echo try $PARAFFIN_ATTEMPT; echo > out.txt; \
               test $PARAFFIN_ATTEMPT -ge 3 || exit 75";
    Project::new().stage("flaky", |s| s.cmd(cmd).out("out.txt"))
}

#[test]
fn a_failed_stage_is_tried_again_with_a_log_for_each_try() {
    for jobs in ["1", "2"] {
        let project = third_time_lucky().file("paraffin.yaml", "stages: {flaky: {retries: {max: 3, on: [75], backoff: 10ms}}}\n");
        let ran = project.repro(["--jobs", jobs, "--json-file", "run.json"]);
        ran.ok().complains("Stage 'flaky' failed (exit code 75), try 1 of 4; again in 0.01s").complains("try 2 of 4");
        assert_eq!(project.read("../tries"), "1\n2\n3\n");
        assert_eq!(project.read("../left"), "", "an output of the try before was left");
        let answer: serde_json::Value = serde_json::from_str(&project.read("run.json")).unwrap();
        assert_eq!(answer["stages"][0]["attempt"], 3);
        if jobs == "2" {
            let log = answer["stages"][0]["log"].as_str().unwrap();
            assert_eq!(project.read(log), "try 3\n");
            assert_eq!(project.read(&log.replace("0001.3", "0001")), "try 1\n");
        }
    }
}

#[test]
fn only_what_is_named_is_tried_again_and_not_for_ever() {
    let project = third_time_lucky().file("paraffin.yaml", "stages: {flaky: {retries: {max: 3, on: [SIGKILL]}}}\n");
    project.repro(["--jobs", "2"]).exits(255).complains("failed to reproduce 'flaky'");
    assert_eq!(project.read("../tries"), "1\n");
    let project = third_time_lucky();
    project.repro(["--jobs", "2", "--retries", "1"]).exits(255);
    assert_eq!(project.read("../tries"), "1\n2\n");
}

#[test]
fn a_stage_can_stop_the_run_early() {
    let project = Project::new()
        .stage("probe", |s| s.cmd("echo > probe.txt; exit 75").out("probe.txt"))
        .stage("beside", |s| s.cmd("sleep 0.5; echo > beside.txt").out("beside.txt"))
        .stage("after", |s| s.cmd("echo > after.txt").dep("probe.txt").out("after.txt"))
        .file("paraffin.yaml", "stages: {probe: {early_stop: [75]}}\n");
    let ran = project.repro(["--jobs", "2", "--json-file", "run.json"]);
    ran.ok().complains("Stage 'probe' stopped the run early (exit code 75)").complains("1 stopped");
    let answer: serde_json::Value = serde_json::from_str(&project.read("run.json")).unwrap();
    assert_eq!((answer["stopped_early"].as_str(), answer["exit_code"].as_i64()), (Some("probe"), Some(0)));
    let ends: Vec<(&str, &str)> = answer["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| (stage["status"].as_str().unwrap(), stage["cause"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(ends, [("stopped", "early_stop"), ("ran", ""), ("not_started", "")]);
    assert!(!project.read("dvc.lock").contains("probe:"));
    // It runs again, and what was finished does not.
    for jobs in ["2", "1"] {
        let ran = project.repro(["--jobs", jobs]);
        ran.ok().ran(["probe"]).does_not_say("up to date").says("Nothing was reproduced, the run was stopped early.");
    }
}

#[test]
fn with_one_job_nothing_comes_between_the_tries_of_a_stage() {
    let project = Project::new()
        .stage("a", |s| s.cmd("echo a$PARAFFIN_ATTEMPT >> ../order; test $PARAFFIN_ATTEMPT -ge 3 && echo > a.txt").out("a.txt"))
        .stage("b", |s| s.cmd("echo b >> ../order; echo > b.txt").out("b.txt"))
        .file("paraffin.yaml", "stages: {a: {retries: {max: 2, backoff: 200ms}}}\n");
    project.repro(["--jobs", "1"]).ok();
    assert_eq!(project.read("../order"), "a1\na2\na3\nb\n");
}

#[test]
fn only_the_queues_that_are_served_run() {
    let project = Project::new()
        .stage("a", |s| s.cmd("echo > a.txt").out("a.txt"))
        .stage("b", |s| s.cmd("echo > b.txt").out("b.txt"))
        .stage("c", |s| s.cmd("cp b.txt c.txt").dep("b.txt").out("c.txt"))
        .file("paraffin.yaml", "queue: {b: BQueue}\n");
    let ran = project.repro(["--jobs", "2", "-Q", "celery"]);
    ran.exits(255).ran(["a"]).complains("not started, since its queue is not served: 'b'").complains("2 not started");
    project.repro(["--jobs", "1", "--queues", "BQueue"]).exits(255).ran(["b"]).complains("not served: 'c'");
    project.repro(["--jobs", "1", "--queues", "default,BQueue"]).ok().ran(["c"]);
    project.repro(["--queues", "BQueue"]).ok().ran([]);
    project.repro(["--queues", "BQeue"]).exits(254).complains("there is no queue 'BQeue'").complains("Did you mean 'BQueue'?");
}

#[test]
fn so_many_failures_are_borne() {
    let fails = |project: Project, name: &str| project.stage(name, |s| s.cmd("exit 1").out(&format!("{name}.txt")));
    let project = ["a", "b", "c", "d"].iter().fold(Project::new(), |project, name| fails(project, name));
    project.repro(["--jobs", "1", "--max-failures", "2"]).exits(255).ran(["a", "b"]).complains("2 failed, 2 not started");
}

#[test]
fn a_mistake_in_the_file_is_found_before_anything_runs() {
    for (settings, message) in [
        ("stages:\n  t1:\n    slots: 3\nqueues: {default: {slots: 2}}\n", "paraffin.yaml:3: stage 't1' can never run: it takes 3 slots"),
        ("queues:\n  gpu: {slotz: 1}\n", "paraffin.yaml:2: queues.gpu: unknown key 'slotz'. Did you mean 'slots'?"),
    ] {
        six(settings).repro(["--jobs", "2"]).exits(251).ran([]).complains(message);
    }
    let project = six("queue: {'x*': gpu}\n");
    project.repro(["--jobs", "2", "t1"]).ok().complains("WARNING: paraffin.yaml: queue.x* matches no stage");
}

#[test]
fn long_chains_start_early_also_by_what_earlier_runs_took() {
    // The long stage comes last in DVC's order, and nothing depends on it.
    let project = ["a", "b", "c"]
        .iter()
        .fold(Project::new(), |project, name| project.stage(name, |s| s.cmd(&format!("echo {name} >> ../order; echo > {name}")).out(name)))
        .stage("long", |s| s.cmd("echo long >> ../order; sleep 1; echo > long").out("long"))
        .file("paraffin.yaml", "stages: {'*': {mutex: one}}\n");
    project.repro(["--jobs", "2"]).ok();
    assert_eq!(project.read("../order"), "a\nb\nc\nlong\n");
    std::fs::remove_file(project.at("../order")).unwrap();
    project.repro(["--jobs", "2", "--force"]).ok();
    assert!(project.read("../order").starts_with("long\n"));
}

#[test]
fn a_stage_that_takes_too_long_is_ended_with_all_that_it_started() {
    // The stage ignores TERM, and has a child that left its session.
    let cmd = "trap '' TERM; setsid sleep 61.75 & echo $! > ../pid; sleep 62.75; sleep 63.75; echo > out.txt";
    for jobs in ["1", "2"] {
        let project = Project::new()
            .stage("slow", |s| s.cmd(cmd).out("out.txt"))
            .stage("quick", |s| s.cmd("echo > quick.txt").out("quick.txt"))
            .file("paraffin.yaml", "stages: {slow: {timeout: 1s, grace: 300ms}}\n");
        let ran = project.repro(["--jobs", jobs, "--keep-going", "--json-file", "run.json"]);
        ran.exits(255).complains("failed to reproduce 'slow'");
        if jobs == "2" {
            ran.complains("Stage 'slow' failed after").complains("timeout after 1s");
        }
        let answer: serde_json::Value = serde_json::from_str(&project.read("run.json")).unwrap();
        assert_eq!((answer["stages"][0]["status"].as_str(), answer["stages"][0]["cause"].as_str()), (Some("failed"), Some("timeout")));
        let pid = project.read("../pid");
        assert!(!is_alive(pid.trim()), "its child lives");
        assert!(project.has("quick.txt"), "other stages go on");
    }
}

#[test]
fn a_timeout_can_be_a_reason_to_try_again() {
    let cmd = "test $PARAFFIN_ATTEMPT -ge 2 || sleep 60; echo > out.txt";
    let project = Project::new()
        .stage("slow", |s| s.cmd(cmd).out("out.txt"))
        .file("paraffin.yaml", "stages: {slow: {retries: {max: 1, on: timeout}}}\n");
    project.repro(["--jobs", "2", "--timeout", "0.5"]).ok().complains("Stage 'slow' failed (timeout after 0.5s), try 1 of 2; again");
    project.repro(["--jobs", "2", "--timeout", "soon"]).exits(254).complains("a duration (like 90, 90s, 10m, 2h) or none is needed");
}

#[test]
fn the_terms_of_a_stage_can_be_asked_for() {
    let project = six(
        "queue: {'t*': gpu}\nqueues: {gpu: {slots: 2, env: {DEVICE: [one, two]}, timeout: 2h}}\nstages: {t1: {slow_after: 10m, retries: {max: 2, on: [75, SIGKILL]}}}\n",
    );
    project.run(["config"]).ok().says("queue gpu: 6 stages, slots: 2\n").says("queue default: 0 stages, as many slots as jobs\n");
    let told = project.run(["config", "--explain", "t1"]).out();
    let row = |words: &[&str]| assert!(told.lines().any(|line| line.split_whitespace().eq(words.iter().copied())), "{words:?}\n{told}");
    row(&["queue", "gpu", "queue.t*"]);
    row(&["timeout", "2h00m", "queues.gpu"]);
    row(&["retries", "2", "on", "75,", "SIGKILL", "stages.t1"]);
    row(&["log_max", "1G"]);
    row(&["slow_after", "10m00s", "stages.t1"]);
    // Its values may be secrets.
    row(&["env.DEVICE", "[***,", "***]", "queues.gpu"]);
    row(&["priority", "0"]);
    project.run(["config", "--schema"]).ok().says("\"$schema\"");
    project.run(["config", "--explain", "t9"]).exits(255).complains("Stage 't9' not found");
    six("queues: {gpu: {slots: 0}}").run(["config", "--check"]).exits(251).complains("paraffin.yaml:1: queues.gpu.slots");
}

#[test]
fn a_dry_run_shows_only_what_the_served_queues_would_run() {
    let project = Project::new()
        .stage("a", |s| s.cmd("echo > a.txt").out("a.txt"))
        .stage("b", |s| s.cmd("echo > b.txt").out("b.txt"))
        .file("paraffin.yaml", "queue: {b: BQueue}\n");
    let ran = project.repro(["--dry", "-Q", "BQueue"]);
    ran.exits(255).ran(["b"]).complains("1 would run, 1 not started");
}

#[test]
fn a_failure_that_waited_for_another_try_stays_a_failure() {
    // `flaky` is ready for its next try when the slot is still taken, and then nothing more starts.
    let project = Project::new()
        .stage("flaky", |s| s.cmd("exit 7").out("flaky.txt"))
        .stage("stopper", |s| s.cmd("sleep 1; exit 75").out("stopper.txt"))
        .file(
            "paraffin.yaml",
            "stages:\n  '*': {mutex: one}\n  flaky: {retries: {max: 5, backoff: 100ms}, priority: 1}\n  stopper: {early_stop: [75]}\n",
        );
    let ran = project.repro(["--jobs", "2", "--json-file", "run.json"]);
    ran.exits(255).complains("failed to reproduce 'flaky'");
    let answer: serde_json::Value = serde_json::from_str(&project.read("run.json")).unwrap();
    assert_eq!((answer["stages"][0]["status"].as_str(), answer["stages"][0]["returncode"].as_i64()), (Some("failed"), Some(7)));
}
