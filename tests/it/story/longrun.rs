//! Runs that take long: what is said of them while they run.

use crate::support::project::Project;

#[test]
fn a_stage_that_takes_long_is_told_of_once() {
    for jobs in ["1", "2"] {
        let project = Project::new()
            .stage("long", |s| s.cmd("sleep 1.5; echo > long.txt").out("long.txt"))
            .stage("short", |s| s.cmd("echo > short.txt").out("short.txt"))
            .file("paraffin.yaml", "stages: {long: {slow_after: 200ms}, short: {slow_after: 1h}}\n");
        let ran = project.repro(["--jobs", jobs]);
        let told = ran.ok().err().matches("Stage 'long' is slow: it has run for ").count();
        assert_eq!((told, ran.err().matches("is slow").count()), (1, 1), "{ran}");
        // Nothing else follows from it.
        project.repro(["--jobs", jobs]).ok().ran([]).does_not_say("is slow");
    }
}
