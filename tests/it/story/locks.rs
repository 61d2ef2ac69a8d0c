//! Other programs on the same repository: waited for, named, and not disturbed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::chain;
use crate::support::project::Project;
use crate::support::ran::{Ran, Started};

/// DVC's own sentence.
const LOCKED: &str = "Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly.";

/// Takes `.dvc/tmp/lock` as another DVC would.
fn hold(project: &Project) -> std::fs::File {
    std::fs::create_dir_all(project.at(".dvc/tmp")).unwrap();
    let file = std::fs::File::create(project.at(".dvc/tmp/lock")).unwrap();
    file.lock().unwrap();
    std::fs::write(project.at(".dvc/tmp/lock"), format!(" {}\n", std::process::id())).unwrap();
    file
}

/// Starts `repro` beside the test, with standard error in a file.
fn start(project: &Project, arguments: &[&str]) -> Started {
    let errors = std::fs::File::create(project.at("../stderr")).unwrap();
    Started(project.command(project.root()).arg("repro").args(arguments).stdout(Stdio::null()).stderr(errors).spawn().unwrap())
}

/// Waits until standard error of what was started holds this.
#[track_caller]
fn wait_for(project: &Project, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !project.read("../stderr").contains(text) {
        assert!(Instant::now() < deadline, "{text:?} was never said:\n{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_lock_is_waited_for_with_a_word_of_who_holds_it() {
    let project = chain();
    let lock = hold(&project);
    let mut child = start(&project, &["--jobs", "2"]);
    wait_for(&project, &std::process::id().to_string());
    assert!(!project.has("mid.txt"));
    drop(lock);
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
    assert!(project.has("end.txt"));
}

#[test]
fn a_wait_can_be_interrupted() {
    let project = chain();
    let _lock = hold(&project);
    let mut child = start(&project, &["--jobs", "2"]);
    wait_for(&project, "Waiting for .dvc/tmp/lock");
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(252), "{}", project.read("../stderr"));
    assert!(!project.has("mid.txt"));
}

#[test]
fn waiting_can_have_an_end() {
    let project = chain();
    let _lock = hold(&project);
    project.repro(["--lock-timeout", "1", "--jobs", "2"]).exits(255).complains(LOCKED);
    assert!(!project.has("mid.txt"));
}

#[test]
fn a_path_in_use_is_waited_for() {
    let project = chain();
    std::fs::create_dir_all(project.at(".dvc/tmp")).unwrap();
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let busy = serde_json::json!({"write": {project.at("mid.txt").to_str().unwrap(): {"pid": other.id(), "cmd": "dvc repro other"}}});
    project.write(".dvc/tmp/rwlock", busy.to_string());
    project
        .repro(["--lock-timeout", "1", "--jobs", "2"])
        .exits(255)
        .complains("is busy, it is being blocked by:")
        .complains("dvc repro other");
    let mut child = start(&project, &["--jobs", "2"]);
    wait_for(&project, "dvc repro other");
    project.write(".dvc/tmp/rwlock", "{}");
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn what_a_dead_process_holds_is_taken_from_it() {
    let project = chain();
    std::fs::create_dir_all(project.at(".dvc/tmp")).unwrap();
    let stale = serde_json::json!({"write": {project.at("mid.txt").to_str().unwrap(): {"pid": 4_000_000, "cmd": "dvc repro gone"}}});
    project.write(".dvc/tmp/rwlock", stale.to_string());
    project.repro(["--jobs", "2"]).ok().complains("WARNING: ").complains("4000000");
}

#[test]
fn the_lock_is_free_while_a_command_runs() {
    let project = Project::new().stage("a", |s| {
        s.cmd("touch ../mark; n=0; until test -e ../go; do n=$((n+1)); test $n -lt 600 || exit 9; sleep 0.05; done; echo > a").out("a")
    });
    let mut child = start(&project, &["--jobs", "2"]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !project.has("../mark") {
        assert!(Instant::now() < deadline, "the stage never started:\n{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    let file = std::fs::File::open(project.at(".dvc/tmp/lock")).unwrap();
    assert!(file.try_lock().is_ok(), "the lock is held while a command runs");
    drop(file);
    let busy: serde_json::Value = serde_json::from_str(&project.read(".dvc/tmp/rwlock")).unwrap();
    assert_eq!(busy["write"][project.at("a").to_str().unwrap()]["pid"], child.id());
    project.write("../go", "");
    assert!(child.wait().unwrap().success());
}

/// Waits until something is there.
#[track_caller]
fn wait_until(project: &Project, what: &str, there: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !there() {
        assert!(Instant::now() < deadline, "{what} never came:\n{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Takes `.dvc/tmp/lock` while the program is at work; it holds it for moments only.
fn snatch(project: &Project) -> std::fs::File {
    let file = std::fs::File::options().write(true).open(project.at(".dvc/tmp/lock")).unwrap();
    file.lock().unwrap();
    file
}

// DVC waits three seconds for this lock, and fails a finished stage if it has not got it by then. So
// nothing that grows with the size of data may happen under it.
#[test]
fn results_are_hashed_and_stored_without_the_lock() {
    for jobs in ["1", "2"] {
        let cmd = "touch ../mark; until test -e ../go; do sleep 0.05; done; echo a > a; mkdir d; echo b > d/b";
        let project = Project::new().file("in", "in\n").stage("a", |s| s.cmd(cmd).dep("in").out("a").out("d"));
        let mut child = start(&project, &["--jobs", jobs]);
        wait_until(&project, "the stage", || project.has("../mark"));
        let lock = snatch(&project);
        project.write("../go", "");
        let object = |name: &str| project.has(&format!(".dvc/cache/files/md5/{name}"));
        wait_until(&project, "the object of a", || object("60/b725f10c9c85c70d97880dfe8191b3"));
        wait_until(&project, "the object of d/b", || object("3b/5d5c3712955042212316173ccf37be"));
        wait_until(&project, "the run's entry", || !project.files(".dvc/cache/runs").is_empty());
        assert!(!project.has("dvc.lock") && !project.has(".gitignore"), "these are written under the lock");
        drop(lock);
        assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
        assert!(project.read("dvc.lock").contains("60b725f10c9c85c70d97880dfe8191b3"));
    }
}

#[test]
fn results_are_restored_without_the_lock() {
    let project = chain();
    project.repro(["--jobs", "2"]).ok();
    project.sh("rm dvc.lock mid.txt end.txt");
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let busy = serde_json::json!({"write": {project.at("mid.txt").to_str().unwrap(): {"pid": other.id(), "cmd": "dvc repro other"}}});
    project.write(".dvc/tmp/rwlock", busy.to_string());
    let mut child = start(&project, &["--jobs", "2"]);
    wait_for(&project, "dvc repro other");
    let lock = snatch(&project);
    project.write(".dvc/tmp/rwlock", "{}");
    wait_until(&project, "mid.txt", || project.has("mid.txt"));
    assert!(!project.has("dvc.lock"));
    drop(lock);
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
    assert!(project.has("end.txt") && project.has("dvc.lock"));
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_stage_may_run_the_program_itself() {
    let program = crate::support::program::path();
    let project = Project::new()
        .stage("inner", |s| s.cmd("echo i > i.txt").out("i.txt"))
        .stage("outer", |s| s.cmd(&format!("{} repro -q -s inner && echo o > o.txt", program.display())).out("o.txt"));
    Ran::of(project.command(project.root()).args(["repro", "--jobs", "2", "outer"])).ok();
    let lock = project.read("dvc.lock");
    assert!(lock.contains("\n  inner:\n") && lock.contains("\n  outer:\n"), "{lock}");
}

#[test]
fn a_run_within_a_stage_does_not_wait_for_that_stage() {
    let program = crate::support::program::path();
    let nested = format!("{} repro -s reader; echo $? > ../code; echo o > o.txt", program.display());
    for jobs in ["1", "2"] {
        let project = Project::new()
            .stage("outer", |s| s.cmd(&nested).out("o.txt"))
            .stage("reader", |s| s.cmd("cat o.txt > r.txt").dep("o.txt").out("r.txt"));
        project.repro(["--jobs", jobs, "outer"]).ok();
        assert_eq!(project.read("../code"), "255\n");
    }
}

// The inner run and its parent meet: both want `other`, the parent a little earlier.
#[test]
fn a_run_within_a_stage_waits_for_other_stages_of_the_outer_run() {
    let program = crate::support::program::path();
    let await_file = |name: &str| format!("n=0; until test -e ../{name}; do n=$((n+1)); test $n -lt 600 || exit 9; sleep 0.05; done");
    for command in ["repro other", "status other"] {
        let nested = format!("{}; {} {command} 2> ../inner; echo $? > ../code; echo o > o.txt", await_file("mark"), program.display());
        let project = Project::new()
            .stage("other", |s| s.cmd(&format!("touch ../mark; {}; echo > r.txt", await_file("go"))).out("r.txt"))
            .stage("outer", |s| s.cmd(&nested).out("o.txt"));
        let mut child = start(&project, &["--jobs", "2"]);
        wait_until(&project, "the inner wait", || {
            project.has("../code") || project.has("../inner") && project.read("../inner").to_lowercase().contains("waiting for ")
        });
        project.write("../go", "");
        assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
        assert_eq!(project.read("../code"), "0\n", "{}", project.read("../inner"));
    }
}

#[test]
fn busy_paths_hold_up_only_the_stages_that_need_them() {
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let blocked = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"];
    let project = blocked.iter().fold(Project::new(), |project, name| project.stage(name, |s| s.cmd(&format!("echo > {name}")).out(name)));
    let project = project.stage("free", |s| s.cmd("echo > free.txt").out("free.txt"));
    let by = serde_json::json!({"pid": other.id(), "cmd": "dvc repro other"});
    let writes: serde_json::Map<_, _> = blocked.iter().map(|name| (project.at(name).to_str().unwrap().to_owned(), by.clone())).collect();
    project.write(".dvc/tmp/rwlock", serde_json::json!({ "write": writes }).to_string());
    let mut child = start(&project, &["--jobs", "2"]);
    wait_for(&project, "Stage 'free' ran");
    project.write(".dvc/tmp/rwlock", "{}");
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
    other.kill().unwrap();
    other.wait().unwrap();
}

/// What a killed `dvc` can leave in the file of path locks.
fn broken(project: &Project) -> Vec<String> {
    let entry = |pid: &str| format!("{{\"pid\": {pid}, \"cmd\": \"dvc repro gone\"}}");
    let (mid, end) = (project.at("mid.txt"), project.at("end.txt"));
    vec![
        String::new(),
        format!("{{\"write\": {{\"{}\": {{\"pid\": 12", mid.display()),
        format!("{{\"write\": {{\"{}\": {}}}}}", mid.display(), entry("4000000")),
        format!("{{\"read\": {{\"{}\": [{}]}}}}", end.display(), entry("4000000")),
        format!("{{\"write\": {{\"{}\": {}}}}}", mid.display(), entry("\"1\"")),
        "[]".to_owned(),
    ]
}

#[test]
fn a_broken_file_of_path_locks_is_put_right_by_every_command() {
    let project = chain();
    project.repro(["--jobs", "2"]).ok();
    for text in broken(&project) {
        for command in ["status", "repro"] {
            project.write(".dvc/tmp/rwlock", &text);
            project.run([command]).ok().complains("WARNING: ").says("up to date.");
            assert_eq!(project.read(".dvc/tmp/rwlock"), "{}", "{command} {text:?}");
            project.run([command]).ok().says("up to date.");
        }
        project.write(".dvc/tmp/rwlock", &text);
        project.repro(["--force", "--jobs", "2"]).ok().complains("WARNING: ").ran(["first", "second"]);
        assert_eq!(project.read(".dvc/tmp/rwlock"), "{}", "repro --force {text:?}");
    }
}

#[test]
fn what_stops_dvc_is_put_right_for_dvc_too() {
    let Some(dvc) = crate::dvc::get("a broken file of path locks") else { return };
    let project = chain();
    project.repro(["--jobs", "2"]).ok();
    let status = || Ran::of(project.scratch.command(dvc).arg("status"));
    project.write(".dvc/tmp/rwlock", "");
    assert_ne!(status().code, 0, "DVC has learnt to read an empty file");
    project.run(["status"]).ok();
    status().ok().says("up to date.");
}

/// A project whose locks are hard links, and the DVC to share it with.
fn hardlinked() -> Option<(Project, &'static std::path::Path)> {
    let dvc = crate::dvc::get("locks by hard links")?;
    Some((chain().file(".dvc/config", "[core]\n    hardlink_lock = true\n"), dvc))
}

#[test]
fn a_hard_link_that_dvc_holds_is_waited_for() {
    let Some((project, dvc)) = hardlinked() else { return };
    std::fs::create_dir_all(project.at(".dvc/tmp")).unwrap();
    let script = "import sys; from dvc.lock import make_lock; lock = make_lock(sys.argv[1] + '/lock', tmp_dir=sys.argv[1], hardlink_lock=True)\n\
                  with lock: open(sys.argv[1] + '/held', 'w').close(); sys.stdin.readline()";
    let mut python = project.scratch.command(dvc.with_file_name("python"));
    let mut other = python.args(["-c", script]).arg(project.at(".dvc/tmp")).stdin(Stdio::piped()).spawn().unwrap();
    wait_until_held(&project);
    let mut child = start(&project, &["--jobs", "2"]);
    wait_for(&project, "Waiting for .dvc/tmp/lock, held by another process");
    project.run(["status", "--lock-timeout", "1"]).complains(LOCKED);
    assert!(!project.has("mid.txt"));
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
    assert!(project.has("end.txt"));
    let left = project.files(".dvc/tmp").into_iter().filter(|name| name == "lock" || name.ends_with(".lock")).collect::<Vec<_>>();
    assert_eq!(left, [""; 0]);
    Ran::of(project.scratch.command(dvc).arg("status")).ok().says("up to date.");
}

#[track_caller]
fn wait_until_held(project: &Project) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !project.has(".dvc/tmp/held") {
        assert!(Instant::now() < deadline, "DVC never took the lock");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_hard_link_of_ours_keeps_dvc_out() {
    use dvc_paraffin::store::lock::{Kind, RepoLock};
    let Some((project, dvc)) = hardlinked() else { return };
    let status = || Ran::of(project.scratch.command(dvc).arg("status"));
    project.repro(["--jobs", "2"]).ok();
    for (name, code) in [("lock", 255), ("rwlock.lock", 1)] {
        let lock = RepoLock::new(project.at(&format!(".dvc/tmp/{name}")), Kind::Hardlink);
        let held = lock.acquire(None, &mut |_, _| true).unwrap();
        status().exits(code).complains(LOCKED);
        drop(held);
        status().ok().says("up to date.");
    }
}

#[test]
fn with_hard_links_dvc_sees_which_paths_are_in_use() {
    let Some((project, dvc)) = hardlinked() else { return };
    let project = project.stage("first", |s| {
        s.cmd("touch ../mark; n=0; until test -e ../go; do n=$((n+1)); test $n -lt 600 || exit 9; sleep 0.05; done; cp in.txt mid.txt")
            .dep("in.txt")
            .out("mid.txt")
    });
    let mut child = start(&project, &["--jobs", "2"]);
    wait_until(&project, "the stage", || project.has("../mark"));
    let status = Ran::of(project.scratch.command(dvc).arg("status"));
    project.write("../go", "");
    assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
    status.exits(1).complains("is busy, it is being blocked by:").complains(&child.id().to_string());
}
