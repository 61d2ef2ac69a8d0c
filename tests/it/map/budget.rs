//! One budget of jobs, shared with what is around a map and with what its commands start.

use super::Place;
use crate::support::counted::{counted, most};
use crate::support::program;
use crate::support::project::Project;

fn program() -> String {
    program::path().display().to_string()
}

impl Place {
    fn top(&self) -> String {
        self.scratch.top().display().to_string()
    }
}

/// A Makefile of so many targets that count themselves.
fn makefile(top: &str, targets: usize, prefix: &str) -> String {
    let names: Vec<String> = (1..=targets).map(|number| format!("{prefix}{number}")).collect();
    let rule = |name: &String| format!("{name}:\n\t@{}\n", counted(top, name));
    format!("all: {}\n{}", names.join(" "), names.iter().map(rule).collect::<String>())
}

#[test]
fn no_more_than_the_jobs_run_at_once() {
    let place = Place::new();
    let cmd = counted(&place.top(), "n{item}");
    place.map(&["--items", "1", "2", "3", "4", "5", "6", "7", "--jobs", "3", "--", "sh", "-c", &cmd]).ok();
    assert_eq!(most(place.scratch.top()), 3);
}

#[test]
fn a_map_within_a_map_takes_part_in_its_budget() {
    let place = Place::new();
    let inner = counted(&place.top(), "$OUTER-$PARAFFIN_MAP_ITEM");
    let outer = format!("OUTER=$PARAFFIN_MAP_ITEM exec {} map --items 1 2 3 4 --jobs 8 -- sh inner.sh", program());
    let place = place.with("inner.sh", inner).with("outer.sh", outer);
    place.map(&["--items", "a", "b", "c", "--jobs", "3", "--", "sh", "outer.sh"]).ok();
    assert_eq!(most(place.scratch.top()), 3);
    assert_eq!(std::fs::read_dir(place.scratch.top().join("seen")).unwrap().count(), 12);
}

#[test]
fn a_map_in_a_stage_shares_the_budget_of_the_run() {
    let project = Project::new();
    let top = project.scratch.top().display().to_string();
    let call = format!("{} map --items 1 2 3 4 5 6 --jobs 8 --out parts.txt -- sh part.sh", program());
    let beside = format!("{}; echo > beside.txt", counted(&top, "beside"));
    let project = project
        .file("part.sh", counted(&top, "p$PARAFFIN_MAP_ITEM"))
        .stage("parts", |s| s.cmd(&call).dep("part.sh").out("parts.txt"))
        .stage("beside", |s| s.cmd(&beside).out("beside.txt"));
    project.repro(["--jobs", "3"]).ok();
    assert_eq!(most(project.scratch.top()), 3);
    project.sh(&format!("rm -r {top}/seen"));
    // One job is one job, whatever the map asks for.
    project.repro(["--jobs", "1", "--force", "parts"]).ok();
    assert_eq!(most(project.scratch.top()), 1);
}

#[test]
fn a_run_within_a_map_takes_part_too() {
    let (place, mut calls) = (Place::new(), String::new());
    let projects = ["x", "y"].map(|which| {
        let stage = |project: Project, number: usize| {
            let name = format!("{which}{number}");
            project.stage(&name, |s| s.cmd(&format!("{}; echo > {name}", counted(&place.top(), &name))).out(&name))
        };
        let project = (1..=4).fold(Project::new(), stage);
        calls += &format!("{which}) exec {} --cd {} repro --jobs 8;;\n", program(), project.root().display());
        project
    });
    let place = place.with("run.sh", format!("case $1 in\n{calls}esac\n"));
    place.map(&["--items", "x", "y", "--jobs", "3", "--out", "said", "--", "sh", "run.sh", "{item}"]).ok();
    assert!(projects[0].has("x4") && projects[1].has("y4"));
    assert_eq!(most(place.scratch.top()), 3);
}

#[test]
fn a_make_within_a_map_takes_part() {
    let place = Place::new();
    let (one, two) = (makefile(&place.top(), 4, "a"), makefile(&place.top(), 4, "b"));
    let place = place.with("a.mk", one).with("b.mk", two);
    place.map(&["--items", "a", "b", "--jobs", "3", "--", "make", "-sf", "{item}.mk"]).ok();
    assert_eq!(most(place.scratch.top()), 3);
}

#[test]
fn a_map_within_a_make_takes_its_tokens() {
    let place = Place::new();
    let call = |name: &str| format!("{name}:\n\t+@{} map --items {name}1 {name}2 {name}3 {name}4 --jobs 8 -- sh part.sh\n", program());
    let text = format!("all: a b\n{}{}", call("a"), call("b"));
    let place = place.with("Makefile", text);
    let part = counted(&place.top(), "$PARAFFIN_MAP_ITEM");
    let place = place.with("part.sh", part);
    let mut command = place.scratch.command("make");
    command.current_dir(place.scratch.work()).env("TMPDIR", place.scratch.top()).args(["-s", "-j3"]);
    crate::support::ran::Ran::of(&mut command).ok();
    assert_eq!(most(place.scratch.top()), 3);
    assert_eq!(std::fs::read_dir(place.scratch.top().join("seen")).unwrap().count(), 8);
}

#[test]
fn libraries_with_threads_get_the_cores_of_one_job() {
    let place = Place::new();
    let cores = std::thread::available_parallelism().unwrap().get();
    let echo = ["--", "sh", "-c", "echo $OMP_NUM_THREADS $OPENBLAS_NUM_THREADS $MKL_NUM_THREADS"];
    let shown = |jobs: &str| place.map(&[&["--items", "1", "--jobs", jobs][..], &echo].concat()).ok().out();
    assert_eq!(shown("1"), format!("{cores} {cores} {cores}\n"));
    assert_eq!(shown("1000"), "1 1 1\n");
    let mut command = place.command(&[&["--items", "1", "--jobs", "1"][..], &echo].concat());
    command.env("OMP_NUM_THREADS", "77");
    assert_eq!(crate::support::ran::Ran::of(&mut command).ok().out(), format!("77 {cores} {cores}\n"));
}

/// One map waits for its input, the other one needs two commands at once: of three jobs there is one for it.
#[test]
fn who_waits_for_the_input_holds_no_token() {
    let waits = format!("(echo 1; until test -e both; do sleep 0.05; done; echo 2) | {} map --in - --size 1 --jobs 2 -- cat", program());
    let meet = "touch at-$PARAFFIN_MAP_ITEM; for n in $(seq 400); do test -e at-x && test -e at-y && touch both && exit; sleep 0.05; done; \
                touch both; exit 9";
    let works = format!("sleep 0.5; {} map --items x y --jobs 2 -- sh meet.sh", program());
    let place = Place::new().with("a", waits).with("b", works).with("meet.sh", meet);
    place.map(&["--items", "a", "b", "--jobs", "3", "--", "sh", "{item}"]).ok();
}

#[test]
fn jobs_may_be_more_than_there_is_anything_for() {
    let place = Place::new();
    assert_eq!(place.map(&["--items", "a", "b", "--jobs", "18446744073709551615", "--", "echo", "{item}"]).ok().out(), "a\nb\n");
}

/// A large input needs room for the partitions that are worked on, and for no others.
#[test]
fn no_more_partitions_are_cut_than_are_worked_on() {
    let rows: String = (0..60).map(|row| format!("{row}\n")).collect();
    let place = Place::new().with("t.txt", rows);
    let count = "ls \"$(dirname \"$PARAFFIN_MAP_IN\")\" | grep -cE '^([0-9]+\\.in|spare)'";
    let seen = place.map(&["--in", "t.txt", "--size", "1", "--jobs", "3", "--", "sh", "-c", count]).ok().out();
    let most = seen.lines().map(|line| line.parse::<u32>().unwrap()).max();
    assert!((1..=4).contains(&most.unwrap()) && seen.lines().count() == 60, "{seen}");
}
