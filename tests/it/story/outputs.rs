//! Outputs of unusual kinds: what happens to them before and after a run.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::project::Project;

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
