//! What stages have read and made is looked at again: whoever writes what is not its own is named.

use crate::support::project::{Project, Stage};
use crate::support::ran::Ran;

/// Waits until a stage is recorded, and then some time, in which it ends.
const AFTER_A: &str = "until grep -q '^  a:' dvc.lock; do sleep 0.05; done; sleep 0.3";

/// `a` reads `in.txt` and makes `a.txt`; `b`, without an edge to it, does this after that.
fn with(command: &str) -> Project {
    Project::new()
        .file("in.txt", "in\n")
        .stage("a", |s| s.cmd("cp in.txt a.txt").dep("in.txt").out("a.txt"))
        .stage("b", |s| s.cmd(&format!("{AFTER_A}; {command}; echo b > b.txt")).out("b.txt"))
}

fn warnings(ran: &Ran) -> Vec<String> {
    ran.err().lines().filter(|line| line.contains("changed while")).map(str::to_owned).collect()
}

#[test]
fn a_stage_that_changes_what_another_has_made_or_read_is_named_with_it() {
    for jobs in ["1", "2"] {
        let changes = [("echo x > a.txt", "output 'a.txt'"), ("echo x > in.txt", "dep 'in.txt'"), ("rm a.txt", "output 'a.txt'")];
        for (command, what) in changes {
            let ran = with(command).repro(["--jobs", jobs]);
            let want = format!("WARNING: {what} of stage 'a' changed while only stage 'b' ran");
            assert_eq!(warnings(ran.ok()), [want], "{command}\n{ran}");
        }
    }
}

#[test]
fn what_has_the_same_content_has_not_changed() {
    for command in ["touch a.txt in.txt", "cp in.txt copy; mv copy in.txt", "chmod +x in.txt"] {
        let ran = with(command).repro(["--jobs", "2"]);
        assert_eq!(warnings(ran.ok()), [""; 0], "{command}\n{ran}");
    }
}

#[test]
fn stages_that_need_not_run_are_watched_too() {
    let project = with("true");
    project.repro(["--jobs", "2"]).ok();
    let project = project.stage("b", |s| s.cmd("sleep 0.1; echo x > in.txt; echo x > a.txt; echo b > b.txt").out("b.txt"));
    let ran = project.repro(["--jobs", "2"]);
    let of = |what: &str| format!("WARNING: {what} of stage 'a' changed while only stage 'b' ran");
    assert_eq!(warnings(ran.ok().ran(["b"])), [of("output 'a.txt'"), of("dep 'in.txt'")], "{ran}");
}

#[test]
fn a_stage_that_reads_it_tells_of_it_before_it_runs() {
    let project = with("echo x > a.txt").stage("c", |s| s.cmd("cat a.txt b.txt > c.txt").dep("a.txt").dep("b.txt").out("c.txt"));
    let ran = project.repro(["--jobs", "2"]);
    assert_eq!(warnings(ran.ok()).len(), 1, "{ran}");
    let (told, ended) = (ran.err().find("changed while"), ran.err().find("Stage 'c' ran in"));
    assert!(told.is_some() && told < ended, "{ran}");
}

#[test]
fn folders_are_looked_into() {
    let project = Project::new()
        .stage("a", |s| s.cmd("mkdir d; echo 1 > d/1; echo 2 > d/2").out("d"))
        .stage("b", |s| s.cmd(&format!("{AFTER_A}; echo 3 > d/3; echo b > b.txt")).out("b.txt"));
    let ran = project.repro(["--jobs", "2"]);
    assert_eq!(warnings(ran.ok()), ["WARNING: output 'd' of stage 'a' changed while only stage 'b' ran"], "{ran}");
}

/// Nobody is named, and nothing said, where two could have done it.
#[test]
fn of_two_that_ran_none_is_named() {
    let beside = format!("{AFTER_A}; until test -e ../changed; do sleep 0.05; done; sleep 0.1; echo c > c.txt");
    let project = with("echo x > a.txt; touch ../changed").stage("c", |s| s.cmd(&beside).out("c.txt"));
    let ran = project.repro(["--jobs", "3"]);
    assert_eq!(warnings(ran.ok().ran(["a", "b", "c"])), [""; 0], "{ran}");
}

/// Links of all kinds and executable outputs of equal content, made anew.
#[test]
fn what_the_program_does_to_outputs_is_no_change() {
    for types in ["reflink,copy", "hardlink", "symlink"] {
        let many = |s: Stage, name: &str| {
            let text = "sleep 0.1; mkdir N; echo same > N/f; echo same > N.sh; chmod +x N.sh; echo >> N.n; wc -l < N.n > N/n";
            s.cmd(&text.replace('N', name)).out(name).out(&format!("{name}.sh")).field("always_changed", "true")
        };
        let config = format!("[cache]\n    type = \"{types}\"\n");
        let project = Project::new().file(".dvc/config", config).stage("one", |s| many(s, "one")).stage("two", |s| many(s, "two"));
        for jobs in ["1", "2", "1"] {
            let ran = project.repro(["--jobs", jobs]);
            assert_eq!(warnings(ran.ok().ran(["one", "two"])), [""; 0], "{types}\n{ran}");
        }
        assert_eq!(project.read("one/n").trim(), "3");
    }
}

#[test]
fn a_dvc_lock_that_is_written_into_a_dep_is_no_change_of_a_stage() {
    let project = Project::new()
        .file("sub/dvc.yaml", "stages:\n  inner:\n    cmd: sleep 0.1; echo i > ../i.txt\n    outs: [../i.txt]\n")
        .stage("a", |s| s.cmd("echo a > a.txt").dep("sub").out("a.txt"));
    let ran = project.repro(["--jobs", "1", "-P"]);
    assert_eq!(warnings(ran.ok().ran(["a", "sub/dvc.yaml:inner"])), [""; 0], "{ran}");
}

#[test]
fn a_stage_may_go_on_with_its_own_persistent_output() {
    let project = Project::new()
        .file("p.txt", "0\n")
        .stage("a", |s| s.cmd("sleep 0.1; echo 1 >> p.txt").field("outs", "[{p.txt: {persist: true}}]").field("always_changed", "true"))
        .stage("b", |s| s.cmd("sleep 0.3; echo b > b.txt").out("b.txt").field("always_changed", "true"));
    for _ in 0..2 {
        let ran = project.repro(["--jobs", "2"]);
        assert_eq!(warnings(ran.ok().ran(["a", "b"])), [""; 0], "{ran}");
    }
}
