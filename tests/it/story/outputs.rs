//! Outputs of unusual kinds: what happens to them before and after a run.

use std::os::unix::fs::PermissionsExt as _;

use crate::dvc;
use crate::support::project::Project;
use crate::support::ran::Ran;

#[test]
fn a_persistent_output_that_is_not_cached_keeps_its_mode() {
    let project = Project::new().file("in.txt", "1\n").stage("log", |s| {
        s.cmd("cat in.txt >> log.txt; chmod 600 log.txt").dep("in.txt").field("outs", "[log.txt: {persist: true, cache: false}]")
    });
    project.repro([]).ok();
    project.write("in.txt", "2\n");
    let project =
        project.stage("log", |s| s.cmd("cat in.txt >> log.txt").dep("in.txt").field("outs", "[log.txt: {persist: true, cache: false}]"));
    project.repro([]).ok().ran(["log"]);
    assert_eq!(project.read("log.txt"), "1\n2\n");
    assert_eq!(project.at("log.txt").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_executable_output_stays_so_behind_a_link_beside_an_uncached_one_of_the_same_content() {
    let project = Project::new().file("in.txt", "1\n").file(".dvc/config", "[cache]\n    type = symlink\n").stage("tool", |s| {
        let cmd = "cp in.txt same.txt; cp in.txt tool; chmod +x tool";
        s.cmd(cmd).dep("in.txt").out("tool").field("metrics", "[same.txt: {cache: false}]")
    });
    project.repro([]).ok();
    let tool = project.at("tool");
    assert!(tool.is_symlink());
    assert_eq!(tool.metadata().unwrap().permissions().mode() & 0o777, 0o544);
}

/// To whoever looks at it, DVC or the program, its object has the wrong mode, and gets the right one. After a failure DVC
/// looks at no further stage, and with several jobs some were looked at already.
#[test]
fn an_executable_output_behind_a_link_loses_its_rights_once_it_is_looked_at() {
    let Some(dvc) = dvc::get("executable outputs behind links") else { return };
    // It fails once the other stage has been looked at, or at once where nobody does that beside it.
    let fail =
        "test ! -e fail || { test -e serial || until test $(stat -Lc %a tool) = 444; do sleep 0.02; test -e fail || break; done; exit 3; }";
    for (types, serial, jobs) in [("hardlink", true, "1"), ("symlink", true, "1"), ("hardlink", false, "2"), ("symlink", false, "2")] {
        let project = Project::new()
            .file(".dvc/config", format!("[cache]\n    type = {types}\n"))
            .file("in.txt", "1\n")
            .stage("first", |s| s.cmd(&format!("{fail}; echo > first.txt")).dep("in.txt").out("first.txt"))
            .stage("tool", |s| s.cmd("echo x > tool; chmod +x tool").out("tool"));
        let mode = || project.at("tool").metadata().unwrap().permissions().mode() & 0o777;
        let dvc = |words: &[&str]| Ran::of(project.scratch.command(dvc).current_dir(project.root()).args(words));
        let ours = || project.repro(["--jobs", jobs]);
        let place = || {
            project.sh("rm -f tool");
            dvc(&["checkout", "tool"]).ok();
            assert_eq!(mode(), 0o544);
        };
        ours().ok();
        assert_eq!(mode(), 0o544);
        let looks: [&dyn Fn() -> Ran; 2] = [&|| dvc(&["repro"]), &ours];
        for look in looks {
            place();
            look().ok().ran([]);
            assert_eq!(mode(), 0o444);
        }
        place();
        project.sh(if serial { "touch fail serial; echo 2 > in.txt" } else { "touch fail; echo 2 > in.txt" });
        ours().exits(255);
        assert_eq!(mode(), if serial { 0o544 } else { 0o444 });
        if serial {
            dvc(&["repro"]).exits(255);
            assert_eq!(mode(), 0o544);
        }
    }
}

/// As with DVC, which needs its source to be there all the same.
#[test]
fn the_edited_data_of_a_frozen_import_is_recorded() {
    let import = |md5: &str| {
        let dep = "- path: r\n  repo:\n    url: ../gone\n    rev_lock: 0a23456789012345678901234567890123456789\n";
        format!("frozen: true\ndeps:\n{dep}outs:\n- md5: {md5}\n  size: 2\n  hash: md5\n  path: r.txt\n")
    };
    let project = Project::new().file("r.txt.dvc", import("60b725f10c9c85c70d97880dfe8191b3")).file("r.txt", "b\n");
    project.repro(["r.txt.dvc"]).ok();
    let text = project.read("r.txt.dvc");
    let text = text.lines().filter(|line| !line.starts_with("md5: ")).map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(text, import("3b5d5c3712955042212316173ccf37be"));
}

/// Ignored files and folders within count, as for DVC, which looks past `.dvcignore` here.
#[test]
fn what_has_nothing_in_it_is_warned_of() {
    let project = Project::new().file("in.txt", "").file("ignored/x", "x").file(".dvcignore", "ignored/x\n").stage("a", |s| {
        s.cmd("mkdir -p none more/deep && : > out.txt").dep("in.txt").dep("ignored").out("none").out("more").out("out.txt")
    });
    let ran = project.repro(["--jobs", "1"]);
    let warned: Vec<String> = ran.ok().err().lines().filter(|line| line.starts_with("WARNING: ")).map(str::to_owned).collect();
    assert_eq!(warned, ["in.txt", "none", "out.txt"].map(|path| format!("WARNING: '{path}' is empty.")), "{ran}");
}
