//! Stages run at the same time, as many as allowed and as early as possible, and nobody can tell
//! from the bytes afterwards.
//!
//! No test looks at a clock: stages wait for each other's marks, and would give up after a while.

use crate::support::project::{Project, Stage};

/// Shell that leaves a mark and waits for others, at most half a minute.
fn meet(mark: &str, others: &[&str]) -> String {
    let mut text = format!("mkdir -p ../marks && touch ../marks/{mark}");
    for other in others {
        text += &format!("; n=0; until test -e ../marks/{other}; do n=$((n+1)); test $n -lt 600 || exit 9; sleep 0.05; done");
    }
    text
}

/// A stage that meets others and then writes its own name.
fn meeting(stage: Stage, name: &str, others: &[&str]) -> Stage {
    stage.cmd(&format!("{}; echo {name} > {name}.txt", meet(name, others))).out(&format!("{name}.txt"))
}

#[test]
fn independent_stages_run_at_the_same_time() {
    let project = Project::new().stage("a", |s| meeting(s, "a", &["b"])).stage("b", |s| meeting(s, "b", &["a"]));
    project.repro(["--jobs", "2"]).ok().ran(["a", "b"]);
    assert_eq!(project.read("a.txt") + &project.read("b.txt"), "a\nb\n");
}

#[test]
fn four_jobs_are_really_four() {
    let names = ["a", "b", "c", "d"];
    let project = names.iter().fold(Project::new(), |project, name| project.stage(name, |s| meeting(s, name, &names)));
    project.repro(["-j4"]).ok().ran(names);
}

#[test]
fn concurrency_is_another_name_for_jobs() {
    let project = Project::new().stage("a", |s| meeting(s, "a", &["b"])).stage("b", |s| meeting(s, "b", &["a"]));
    project.repro(["--concurrency", "2"]).ok().ran(["a", "b"]);
}

#[test]
fn a_stage_does_not_wait_for_others_of_the_level_above() {
    // `late` ends only after `next` has run, and `next` depends on `early` alone.
    let project = Project::new()
        .stage("late", |s| meeting(s, "late", &["next"]))
        .stage("early", |s| meeting(s, "early", &[]))
        .stage("next", |s| meeting(s.dep("early.txt"), "next", &["late"]));
    project.repro(["--jobs", "2"]).ok().ran(["early", "late", "next"]);
}

#[test]
fn no_more_stages_run_than_there_are_jobs() {
    let count = "mkdir -p ../now ../seen; mkdir ../now/NAME; ls ../now | wc -l > ../seen/NAME; sleep 0.1; rmdir ../now/NAME; echo > NAME";
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let project = names.iter().fold(Project::new(), |project, name| project.stage(name, |s| s.cmd(&count.replace("NAME", name)).out(name)));
    project.repro(["--jobs", "2"]).ok();
    let most = names.iter().map(|name| project.read(&format!("../seen/{name}")).trim().parse::<usize>().unwrap()).max();
    assert!(most <= Some(2), "{most:?} stages ran at once");
}

#[test]
fn what_is_needed_is_saved_before_a_dependent_starts() {
    let look = "grep -q '^  first:' dvc.lock && grep -q /a.txt .gitignore && ls .dvc/cache/files/md5/60/b725f10c9c85c70d97880dfe8191b3";
    let project = Project::new()
        .stage("first", |s| s.cmd("echo a > a.txt").out("a.txt"))
        .stage("second", |s| s.cmd(&format!("{look} && echo b > b.txt")).dep("a.txt").out("b.txt"));
    project.repro(["--jobs", "4"]).ok();
}

#[test]
fn bytes_do_not_depend_on_the_order_in_which_stages_end() {
    let build = || {
        Project::new()
            .stage("slow", |s| s.cmd("sleep 0.4; echo 1 > z.txt").out("z.txt"))
            .stage("middle", |s| s.cmd("sleep 0.2; echo 2 > m.txt; mkdir -p d; echo 3 > d/q").out("m.txt").out("d/q"))
            .stage("quick", |s| s.cmd("mkdir -p d; echo 4 > a.txt; echo 5 > d/p").out("a.txt").out("d/p"))
            .stage("last", |s| s.cmd("cat z.txt a.txt > end.txt").dep("a.txt").dep("z.txt").out("end.txt"))
            .commit()
    };
    let (serial, parallel) = (build(), build());
    serial.repro(["--jobs", "1"]).ok();
    parallel.repro(["--jobs", "4"]).ok();
    parallel.tree().must_equal(&serial.tree(), "--jobs 4", "--jobs 1");
    let lock = serial.read("dvc.lock");
    let order: Vec<&str> = lock.lines().filter(|line| line.starts_with("  ") && line.ends_with(':') && !line.starts_with("   ")).collect();
    assert_eq!(order, ["  slow:", "  middle:", "  quick:", "  last:"]);
}

#[test]
fn a_stage_of_many_commands_stops_at_the_first_that_fails() {
    let project = Project::new().stage("a", |s| s.field("cmd", "[echo 1 > a.txt, exit 7, echo 3 >> a.txt]").out("a.txt"));
    project.repro(["--jobs", "4"]).exits(255).complains("ERROR: failed to reproduce 'a': failed to run: exit 7, exited with 7");
    assert_eq!(project.read("a.txt"), "1\n");
}
