//! A run that is told to stop: nothing goes on behind its back, and nothing is lost.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::support::is_alive;
use crate::support::on_threads;
use crate::support::project::Project;
use crate::support::ran::{Ran, Started};

/// Starts `repro` and waits until the file `../mark` is there.
#[track_caller]
fn start(project: &Project, arguments: &[&str]) -> Started {
    let errors = std::fs::File::create(project.at("../stderr")).unwrap();
    let mut command = project.command(project.root());
    command.arg("repro").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    // A group of its own, as a shell would give it.
    let child = Started(std::os::unix::process::CommandExt::process_group(&mut command, 0).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !project.has("../mark") {
        assert!(Instant::now() < deadline, "the stage never started:\n{}", project.read("../stderr"));
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[track_caller]
fn signal(child: &Child, name: &str) {
    assert!(std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// A shell that dies at once, with a process below it that takes its time to end.
const SLOW_TO_END: &str =
    "sh -c 'trap \"sleep 0.5; touch ../ended; exit 1\" TERM INT; touch ../mark; while :; do sleep 0.05; done'; echo x > a";

#[test]
fn all_that_a_command_started_ends_with_the_run() {
    for (jobs, name) in [("1", "-TERM"), ("1", "-INT"), ("2", "-TERM"), ("2", "-INT")] {
        let project = Project::new().stage("a", |s| s.cmd(SLOW_TO_END).out("a"));
        let mut child = start(&project, &["--jobs", jobs]);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(252), "{jobs} {name}\n{}", project.read("../stderr"));
        assert!(project.has("../ended"), "{jobs} {name}: what the command started outlived the run");
        assert!(!project.has("dvc.lock") && !project.has(".gitignore"));
        assert_eq!(project.read(".dvc/tmp/rwlock"), "{}");
    }
}

#[test]
fn what_ends_well_when_it_is_told_to_end_has_not_done_its_work() {
    let half = "trap 'exit 0' TERM INT; echo half > a; touch ../mark; while test -e ../mark; do sleep 0.05; done";
    // At an interrupt DVC records it: a training may be ended early so.
    for (jobs, name, is_done) in
        [("1", "-TERM", false), ("2", "-TERM", false), ("2", "-HUP", false), ("1", "-INT", true), ("2", "-INT", true)]
    {
        let project = Project::new().stage("a", |s| s.cmd(half).out("a"));
        let mut child = start(&project, &["--jobs", jobs]);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(252), "{jobs} {name}\n{}", project.read("../stderr"));
        assert_eq!(project.has("dvc.lock"), is_done, "{jobs} {name}");
    }
}

/// As `timeout` does it: first the process, then its group.
#[test]
fn what_is_sent_twice_at_once_is_one_request() {
    for (name, signal) in [("TERM", Signal::TERM), ("INT", Signal::INT)] {
        let project = Project::new().stage("a", |s| s.cmd(SLOW_TO_END).out("a"));
        let mut child = start(&project, &["--jobs", "2"]);
        let pid = Pid::from_child(&child);
        kill_process(pid, signal).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        kill_process_group(pid, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(252), "{name}\n{}", project.read("../stderr"));
        assert!(project.has("../ended"), "{name}: it was killed:\n{}", project.read("../stderr"));
    }
}

#[test]
fn a_second_request_kills() {
    let stubborn = "sh -c 'trap : TERM INT; touch ../mark; while :; do sleep 0.05; done'; echo x > a";
    for jobs in ["1", "2"] {
        let project = Project::new().stage("a", |s| s.cmd(stubborn).out("a"));
        let mut child = start(&project, &["--jobs", jobs]);
        signal(&child, "-TERM");
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "it did not wait for what still runs");
        signal(&child, "-TERM");
        assert_eq!(child.wait().unwrap().code(), Some(252), "{}", project.read("../stderr"));
        assert_eq!(project.read(".dvc/tmp/rwlock"), "{}");
    }
}

/// A command with children of every kind: in the background, out of the group, and out of the
/// group with a parent that has ended. Each writes its id into `../pids`.
const CHILDREN: &str = "sleep 1000 & echo $! >> ../pids; setsid sleep 1001 & echo $! >> ../pids; \
     setsid sh -c 'sleep 1002 & echo $! >> ../pids' & wait $!; ";

/// One that heeds nothing but KILL.
const STUBBORN: &str = "setsid sh -c 'trap \"\" TERM INT HUP; echo $$ >> ../pids; while :; do sleep 0.1; done' & ";

/// Those of the stage's processes that still live.
fn survivors(project: &Project) -> Vec<String> {
    let pids = project.read("../pids");
    let alive: Vec<String> = pids.lines().filter(|pid| is_alive(pid)).map(str::to_owned).collect();
    for pid in &alive {
        let _ = std::process::Command::new("kill").args(["-KILL", pid]).status();
    }
    alive
}

/// Starts a stage that never ends, stops the run by signals, and looks at what is left.
fn stopped(command: &str, count: usize, jobs: &str, signals: &[&str]) -> Project {
    let wait = "until test $(wc -l < ../pids) = COUNT; do sleep 0.02; done; touch ../mark; sleep 1003; echo x > a";
    let cmd = format!("{command}{}", wait.replace("COUNT", &count.to_string()));
    let project = Project::new().stage("a", |s| s.cmd(&cmd).out("a"));
    let mut child = start(&project, &["--jobs", jobs]);
    for name in signals {
        // A terminal tells the whole group.
        let target = if *name == "-INT" { format!("-{}", child.id()) } else { child.id().to_string() };
        assert!(std::process::Command::new("kill").args([name, "--", &target]).status().unwrap().success());
        std::thread::sleep(Duration::from_millis(300));
    }
    let code = child.wait().unwrap().code();
    let (alive, what) = (survivors(&project), format!("{jobs} {signals:?}\n{}", project.read("../stderr")));
    assert_eq!(alive, [""; 0], "of the stage's processes some live: {what}");
    assert_eq!(code, Some(252), "{what}");
    assert!(!project.has("dvc.lock") && !project.has(".gitignore"), "{what}");
    assert_eq!(project.read(".dvc/tmp/rwlock"), "{}", "{what}");
    project
}

/// One and four jobs, stopped in each way.
const WAYS: [(&str, &str); 6] = [("1", "-INT"), ("1", "-TERM"), ("1", "-HUP"), ("4", "-INT"), ("4", "-TERM"), ("4", "-HUP")];

#[test]
fn no_child_of_a_stopped_stage_is_left() {
    on_threads(3, &WAYS, |(jobs, signal)| drop(stopped(CHILDREN, 3, jobs, &[signal])));
}

#[test]
fn what_heeds_no_signal_is_killed_after_some_grace() {
    let projects = on_threads(6, &WAYS, |(jobs, signal)| stopped(&format!("{CHILDREN}{STUBBORN}"), 4, jobs, &[signal]));
    if let Some(dvc) = crate::dvc::get("dvc status after a stopped run") {
        Ran::of(projects[3].scratch.command(dvc).arg("status")).ok().says("deleted:");
    }
}

#[test]
fn a_second_ctrl_c_kills_all_at_once() {
    on_threads(2, &["1", "4"], |jobs| drop(stopped(&format!("{CHILDREN}{STUBBORN}"), 4, jobs, &["-INT", "-INT"])));
}

/// What a stage leaves behind when it ends well is its own affair.
#[test]
fn a_background_child_of_a_stage_that_ends_well_lives_on() {
    for jobs in ["1", "4"] {
        let cmd = "sleep 1000 & echo $! > ../pids; echo x > a; touch ../mark";
        let project = Project::new().stage("a", |s| s.cmd(cmd).out("a"));
        let mut child = start(&project, &["--jobs", jobs]);
        let code = child.wait().unwrap().code();
        let pid = project.read("../pids").trim().to_owned();
        assert_eq!(survivors(&project), [pid.as_str()], "{}", project.read("../stderr"));
        assert_eq!(code, Some(0), "{}", project.read("../stderr"));
        assert!(project.has("dvc.lock"));
        let logs = project.files(".dvc/tmp/paraffin/runs");
        let named = format!("still running in the background: PID {pid} (sleep 1000)\n");
        assert!(jobs == "1" || project.read(&format!(".dvc/tmp/paraffin/runs/{}", logs[0])).contains(&named));
    }
}

#[test]
fn a_stage_that_closes_its_outputs_is_awaited() {
    for jobs in ["1", "4"] {
        let cmd = "exec < /dev/null > /dev/null 2>&1 >&- 2>&-; touch ../mark; until test -e ../go; do sleep 0.05; done; echo x > a";
        let project = Project::new().stage("a", |s| s.cmd(cmd).out("a"));
        let mut child = start(&project, &["--jobs", jobs]);
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none() && !project.has("dvc.lock"));
        project.write("../go", "");
        assert!(child.wait().unwrap().success(), "{}", project.read("../stderr"));
        assert!(project.read("dvc.lock").contains("401b30e3b8b5d629635a5c613cdb7919"));
    }
}

#[test]
fn stages_that_run_beside_others_have_nothing_to_read() {
    let project = Project::new().stage("a", |s| s.cmd("cat > a; echo end >> a").out("a"));
    for (jobs, want) in [("1", "typed\nend\n"), ("4", "end\n")] {
        Ran::with_input(project.command(project.root()).args(["repro", "--force", "--jobs", jobs]), b"typed\n").ok();
        assert_eq!(project.read("a"), want);
    }
}
