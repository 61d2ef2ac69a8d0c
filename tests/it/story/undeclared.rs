//! A dep that nobody declared: the pipeline works in serial order only, and the failure says so.

use crate::support::project::Project;

const READ: &str = "cat data.txt > read.txt";
const MAKE: &str = "until test -e ../read; do sleep 0.05; done; echo data > data.txt";

/// `read` needs what `make` makes, and does not say so; `make` takes until `read` has failed.
fn hidden() -> Project {
    Project::new()
        .stage("make", |s| s.cmd(MAKE).out("data.txt"))
        .stage("read", |s| s.cmd(&format!("{READ} || {{ touch ../read; exit 1; }}")).out("read.txt"))
}

const HINT: &str = "hint: in serial order stage 'make' comes before 'read', and had not ended when that began; \
    if 'read' reads what it makes, a dep is undeclared: add it to `deps:` in dvc.yaml.";

#[test]
fn the_stage_that_may_be_missing_among_the_deps_is_named() {
    for flags in [["--jobs", "2", "--json-file", "run.json"], ["--jobs", "2", "--json-file=run.json", "--keep-going"]] {
        let project = hidden();
        let ran = project.repro(flags);
        ran.exits(255).complains("ERROR: failed to reproduce 'read'").complains(HINT);
        let answer: serde_json::Value = serde_json::from_str(&project.read("run.json")).unwrap();
        assert_eq!(answer["error"]["details"]["hint"], HINT.trim_start_matches("hint: "), "{answer}");
        // Now it is there.
        project.repro(["--jobs", "2"]).ok().ran(["read"]);
    }
}

/// Of stages that share a slot only the first one has begun when `read` fails.
#[test]
fn those_that_were_not_reached_are_named_too() {
    // It must be known that the other one failed before the first of these ends and the next one begins.
    let wait = "until test -e ../read; do sleep 0.05; done; sleep 1";
    let project = ["make1", "make2", "make3", "make4"].into_iter().fold(Project::new(), |project, name| {
        project.stage(name, |s| s.cmd(&format!("{wait}; echo > {name}.txt")).out(&format!("{name}.txt")))
    });
    let project = project.stage("read", |s| {
        s.cmd("cat make?.txt; touch ../read; echo 'no make1.txt make2.txt make3.txt make4.txt'; exit 1").out("read.txt")
    });
    let project = project.file("paraffin.yaml", "queue: {'make*': one}\nqueues: {one: {slots: 1}}\n");
    project.repro(["--jobs", "2"]).exits(255).complains("in serial order stages 'make1', 'make2', 'make3' and one more come before 'read'");
    // What one would make is there: perhaps it need not run.
    project.sh("rm -rf ../read make1.txt dvc.lock .dvc/cache; touch make2.txt make3.txt");
    project.repro(["--jobs", "2"]).exits(255).complains("in serial order stages 'make1' and 'make4' come before 'read'");
}

#[test]
fn nothing_is_said_where_order_cannot_be_the_reason() {
    let wait = "until test -e ../failed; do sleep 0.05; done";
    let fail = "touch ../failed; echo o.txt; exit 1";
    let quiet = |project: Project, flags: [&str; 2]| {
        let ran = project.repro(flags);
        assert!(!ran.exits(255).err().contains("in serial order"), "{ran}");
    };
    // The other one comes later in serial order.
    let project = Project::new().stage("bad", |s| s.cmd(fail).out("b.txt"));
    quiet(project.stage("other", |s| s.cmd(&format!("{wait}; echo > o.txt")).out("o.txt")), ["--jobs", "2"]);
    // What failed has nothing to do with what the other one makes.
    let project = Project::new().stage("other", |s| s.cmd(&format!("{wait}; echo > o.txt")).out("o.txt"));
    quiet(project.stage("bad", |s| s.cmd("echo 'no-o.txt, foo.txt'; touch ../failed; exit 1").out("b.txt")), ["--jobs", "2"]);
    // It writes elsewhere.
    let project = Project::new().file("sub/x", "").stage("other", |s| s.cmd(&format!("{wait}; echo > o.txt")).out("o.txt"));
    quiet(project.stage("bad", |s| s.cmd("touch ../../failed; echo o.txt; exit 1").field("wdir", "sub").out("b.txt")), ["--jobs", "2"]);
    // It was over, since it is declared, or by chance.
    let project = Project::new().stage("other", |s| s.cmd("echo > o.txt").out("o.txt"));
    quiet(project.stage("bad", |s| s.cmd("echo o.txt; exit 1").dep("o.txt").out("b.txt")), ["--jobs", "2"]);
    let project = Project::new().stage("other", |s| s.cmd("echo > o.txt").out("o.txt"));
    quiet(project.stage("bad", |s| s.cmd("echo o.txt; exit 1").out("b.txt")), ["--jobs", "1"]);
    // It need not run.
    let project = Project::new().stage("other", |s| s.cmd("echo > o.txt").out("o.txt"));
    project.repro([]).ok();
    quiet(project.stage("bad", |s| s.cmd("echo o.txt; exit 1").out("b.txt")), ["--jobs", "2"]);
}
