//! What only DVC can do is handed to an installed dvc: deps on a server, imports that are made
//! again, remotes that need a network. Without one it is refused before anything runs.

use std::path::Path;

use super::chain;
use crate::dvc;
use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::server::Server;
use crate::support::twins::Twins;

/// The variable that names the dvc to be called.
const PEER: &str = "DVC_PARAFFIN_DVC";

/// `far` reads a file of the server, `near` what `far` made, `apart` nothing of it.
fn far_and_near(server: &Server) -> Project {
    server.put("x.txt", "one\n");
    let fetch = format!("sleep 1; cat {} > far.txt", server.path("x.txt").display());
    Project::new()
        .stage("far", |s| s.cmd(&fetch).dep(&server.url("x.txt")).out("far.txt"))
        .stage("near", |s| s.cmd("cp far.txt near.txt").dep("far.txt").out("near.txt"))
        .stage("apart", |s| s.cmd("echo apart > apart.txt").out("apart.txt"))
}

fn with_dvc<const N: usize>(project: &Project, dvc: &Path, arguments: [&str; N]) -> Ran {
    Ran::of(project.command(project.root()).env(PEER, dvc).args(arguments))
}

#[test]
fn a_dep_on_a_server_is_judged_and_run_by_dvc() {
    let Some(dvc) = dvc::get("deps on a server") else { return };
    let server = Server::start();
    let twins = Twins::of(dvc, far_and_near(&server));
    twins.repro(&[], ["far", "near", "apart"]);
    twins.clean();
    twins.repro(&[], []);
    server.put("x.txt", "two\n");
    twins.repro(&[], ["far", "near"]);
    assert_eq!(twins.read("near.txt"), "two");
    twins.sh("rm far.txt");
    twins.repro(&["near"], ["far"]);
    twins.repro(&["--force", "far"], ["far"]);
    twins.clean();
}

#[test]
fn its_status_is_what_dvc_says() {
    let Some(dvc) = dvc::get("the status of deps on a server") else { return };
    let server = Server::start();
    let project = far_and_near(&server);
    let compare = |what: &str| {
        for arguments in [["status", "--json"].as_slice(), &["status", "far"]] {
            let theirs = Ran::of(project.scratch.command(dvc).args(arguments));
            let ours = Ran::of(project.command(project.root()).env(PEER, dvc).args(arguments));
            assert_eq!((theirs.code, theirs.out()), (ours.code, ours.out()), "{what}: {arguments:?}\n{theirs}{ours}");
        }
    };
    compare("never run");
    with_dvc(&project, dvc, ["repro", "--jobs", "4"]).ok();
    compare("after a run");
    server.put("x.txt", "two\n");
    project.write("far.txt", "mine\n");
    compare("changed there and here");
    std::fs::remove_file(server.path("x.txt")).unwrap();
    compare("gone");
}

#[test]
fn a_failure_of_dvc_is_told_in_its_words() {
    let Some(dvc) = dvc::get("a failure of a dep on a server") else { return };
    let server = Server::start();
    let project = far_and_near(&server);
    std::fs::remove_file(server.path("x.txt")).unwrap();
    let text = format!("ERROR: failed to reproduce 'far': dependency '{}' does not exist", server.url("x.txt"));
    with_dvc(&project, dvc, ["repro", "--jobs", "4"]).exits(255).complains(&text);
    assert!(!project.has("near.txt"));
    with_dvc(&project, dvc, ["repro", "--jobs", "1"]).exits(255).complains(&text);
}

#[test]
fn without_dvc_it_is_refused_before_anything_runs() {
    let server = Server::start();
    let project = far_and_near(&server);
    let none = Path::new("/nowhere/dvc");
    let why = format!("stage 'far' needs '{}' (http), which dvc-paraffin cannot read without an installed dvc", server.url("x.txt"));
    with_dvc(&project, none, ["repro", "--jobs", "4"]).exits(255).ran([]).complains(&why).complains("name it in DVC_PARAFFIN_DVC");
    with_dvc(&project, none, ["status"]).exits(255).complains(&why);
    with_dvc(&project, none, ["repro", "apart"]).ok().ran(["apart"]);
}

#[test]
fn what_is_only_planned_is_not_run() {
    let Some(dvc) = dvc::get("a dry run of deps on a server") else { return };
    let server = Server::start();
    let project = far_and_near(&server);
    with_dvc(&project, dvc, ["repro", "--dry"]).ok().ran(["far", "near", "apart"]);
    let why = format!("dvc says: changed deps: {}: modified", server.url("x.txt"));
    with_dvc(&project, dvc, ["repro", "--dry", "--explain"]).ok().says(&why);
    assert!(!project.has("far.txt"));
}

#[test]
fn a_new_entry_stands_where_a_serial_run_puts_it() {
    let Some(dvc) = dvc::get("the order of handed stages") else { return };
    let server = Server::start();
    let project = far_and_near(&server);
    with_dvc(&project, dvc, ["repro", "--jobs", "4"]).ok();
    let lock = project.read("dvc.lock");
    let names: Vec<&str> = lock.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
    assert_eq!(names, ["  far:", "  near:", "  apart:"], "{lock}");
}

#[test]
fn an_import_that_is_not_frozen_is_made_again() {
    let Some(dvc) = dvc::get("imports that are made again") else { return };
    let server = Server::start();
    for (source, place) in [(server.url("x.txt"), server.path("x.txt")), ("src.txt".to_owned(), "src.txt".into())] {
        server.put("x.txt", "one\n");
        let project =
            Project::new().file("src.txt", "one\n").stage("use", |s| s.cmd("cp data.txt used.txt").dep("data.txt").out("used.txt"));
        let import = format!("{0} import-url -q {source} data.txt && {0} unfreeze -q data.txt.dvc", dvc.display());
        project.sh(&import);
        let twins = Twins::of(dvc, project);
        twins.repro(&["--all-pipelines"], ["use"]);
        twins.sh(&format!("echo two > {}", place.display()));
        twins.repro(&["--all-pipelines"], ["use"]);
        assert_eq!(twins.read("used.txt"), "two", "{source}");
        twins.clean();
    }
}

#[test]
fn missing_data_is_fetched_by_dvc_from_a_remote_that_needs_a_network() {
    let Some(dvc) = dvc::get("remotes that need a network") else { return };
    let server = Server::start();
    let project = chain().stage("folder", |s| s.cmd("mkdir -p d/in; echo 1 > d/in/x; echo 2 > d/y").out("d"));
    project.repro(["--jobs", "4"]).ok();
    let lock = project.read("dvc.lock");
    let empty = format!("cp -r .dvc/cache/. {0} && rm -rf .dvc/cache mid.txt end.txt d", server.dir().display());
    project.sh(&empty);
    let config = format!("[core]\n    remote = store\n['remote \"store\"']\n    url = {}\n", server.url(""));
    project.write(".dvc/config", &config);
    with_dvc(&project, Path::new("/nowhere/dvc"), ["repro", "--pull", "--jobs", "4"])
        .exits(255)
        .ran([])
        .complains("it is not a plain directory");
    with_dvc(&project, dvc, ["repro", "--pull", "--jobs", "4"]).ok().ran([]);
    assert_eq!((project.read("end.txt").as_str(), project.read("d/in/x").as_str()), ("6\n", "1\n"));
    assert_eq!(project.read("dvc.lock"), lock);
    assert!(project.files(".dvc/tmp/paraffin").iter().all(|path| !path.contains("fetch-")));
    assert!(!project.scratch.top().join("site/repo").read_dir().unwrap().any(|entry| entry.unwrap().path().join("index").exists()));
    // What the remote lacks is made again.
    project.sh("rm -rf .dvc/cache mid.txt end.txt");
    std::fs::remove_dir_all(server.path("files")).unwrap();
    with_dvc(&project, dvc, ["repro", "--pull", "--jobs", "4", "second"]).ok().ran(["first", "second"]);
}

#[test]
fn dvc_is_called_again_when_another_process_came_before_it() {
    let Some(dvc) = dvc::get("a stage for dvc whose paths are in use") else { return };
    let server = Server::start();
    let project = far_and_near(&server);
    let words =
        "ERROR: failed to reproduce 'far': '/x/far.txt' is busy, it is being blocked by:\\n  (PID 1): dvc add\\n\\nIf there are no\\n";
    let busy = format!(
        "#!/bin/sh\ncase \"$*\" in *repro*) echo x >> ../calls; if test $(wc -l < ../calls) -lt 3; then printf \"{words}\" >&2; exit 255; fi;; esac\n\
         exec {} \"$@\"\n",
        dvc.display()
    );
    project.write("../busy", busy);
    project.sh("chmod +x ../busy");
    with_dvc(&project, &project.at("../busy"), ["repro", "--jobs", "2"]).ok().ran(["far", "near", "apart"]);
    assert_eq!(project.read("../calls").lines().count(), 3);
    server.put("x.txt", "two\n");
    project.sh("rm ../calls");
    let refused = with_dvc(&project, &project.at("../busy"), ["repro", "--jobs", "2", "--lock-timeout", "0"]);
    refused.exits(255).complains("'/x/far.txt' is busy, it is being blocked by:");
}
