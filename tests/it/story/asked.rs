//! What is asked of reports and graphs, and what is refused before anything happens.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::project::Project;
use crate::support::ran::Ran;

fn one() -> Project {
    Project::new().stage("two words", |s| s.cmd("echo > a.txt").out("a.txt"))
}

#[test]
fn two_reports_never_share_a_file() {
    let project = one();
    project.sh("mkdir sub && ln -s sub linked && ln -s ../there.md sub/link.md");
    for (first, second) in
        [("x.md", "x.md"), ("x.md", "./x.md"), ("x.md", "sub/../x.md"), ("sub/x.md", "linked/x.md"), ("new/../x.md", "x.md")]
    {
        for touch in [false, true] {
            if touch {
                project.sh(&format!("mkdir -p new && touch -a {first}"));
            }
            let ran = project.repro(["--report", first, "--report", second]);
            ran.exits(254).complains(&format!("'{second}' is asked for twice"));
        }
        project.sh("rm -rf x.md sub/x.md there.md new");
    }
    // A link that leads nowhere yet is replaced and not followed.
    project.sh("touch there.md");
    project.repro(["--report", "sub/link.md", "--report", "there.md"]).exits(254).complains("'there.md' is asked for twice");
    project.repro(["--report", "x.json", "--json-file", "x.json"]).exits(254).complains("'x.json' is asked for twice");
    assert!(!project.has("a.txt"));
    let ran = project.repro(["--report", "x.md", "--report", "sub/x.md", "--report", "x.html"]);
    ran.ok();
    project.run(["report", "--md", "y", "--html", "sub/../y"]).exits(254).complains("'y' is asked for twice, as 'sub/../y',");
    assert!(!project.has("y"));
    project.run(["report", "--md", "/dev/null", "--html", "/dev/null"]).ok();
}

#[test]
fn quiet_is_quiet_about_simulated_runs() {
    let project = one();
    let ran = project.repro(["-q", "--what-if", "jobs=8", "--report", "x.md"]);
    assert_eq!(ran.ok().err(), "");
    assert!(project.read("x.md").contains("| With 8 jobs (simulated) |"));
    project.repro(["-f", "--what-if", "jobs=8"]).ok().complains("With 8 jobs this run would have taken about ");
}

#[test]
fn a_command_line_is_told_as_it_was_typed() {
    let project = one();
    project.repro(["two words", "--report", "my report.md"]).ok();
    let report = project.read("my report.md");
    assert!(report.contains("`dvc-paraffin repro 'two words' --report 'my report.md'`"), "{report}");
}

#[test]
fn levels_are_refused_where_they_mean_nothing() {
    let project = one();
    let ran = project.run(["graph", "--levels", "--format", "dot"]);
    ran.exits(254).complains("--levels means nothing to dot: `graph --levels` alone draws them for Mermaid");
    let ran = project.run(["graph", "--levels", "--format", "json"]);
    ran.exits(254).complains("--levels means nothing to JSON: it tells the level of each stage (`level`) without it");
    project.run(["graph", "--levels", "--dot"]).exits(254);
    for format in ["text", "mermaid"] {
        project.run(["graph", "--levels", "--format", format]).ok().says("two words");
    }
}

#[test]
fn a_page_that_no_browser_shows_is_told_of() {
    let project = one();
    project.repro([]).ok();
    project.sh("mkdir ../bin");
    let top = project.scratch.top();
    let script = |name: &str, text: &str| {
        std::fs::write(top.join("bin").join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(top.join("bin").join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let open = |browser: &str, screen: &str| {
        let mut command = project.command(project.root());
        command.args(["report", "--html", "x.html", "--open"]).env("PATH", top.join("bin")).env("BROWSER", browser);
        Ran::of(command.env("DISPLAY", screen).env_remove("WAYLAND_DISPLAY"))
    };
    let none = "no browser could be started ($BROWSER, and with a screen xdg-open and open): the page is 'x.html'";
    open("", ":0").exits(255).complains(none);
    script("xdg-open", "exit 3");
    open("", ":0").exits(255).complains(none);
    script("xdg-open", "echo \"$@\" > ../shown");
    open("", ":0").ok().complains("The page is 'x.html'.");
    assert_eq!(project.read("../shown"), "x.html\n");
    // What it found then would be a browser for a terminal that it has not.
    open("", "").exits(255).complains(none);
    script("mine", "echo mine > ../shown");
    open("mine", "").ok();
    assert_eq!(project.read("../shown"), "mine\n");
}

/// What was cut off did not exit with the number of a signal.
#[test]
fn an_interrupt_is_no_exit_code() {
    let project = Project::new().stage("slow", |s| s.cmd("touch ../began; echo begun; sleep 100; true").out("a.txt"));
    project.sh(&format!(
        "'{}' repro --jobs 2 --report run.xml --report run.md & while ! test -e ../began; do sleep 0.05; done; kill -INT $!; wait",
        crate::support::program::path().display()
    ));
    for file in ["run.xml", "run.md"] {
        let text = project.read(file);
        assert!(text.contains("interrupted") && !text.contains("exited with"), "{file}: {text}");
    }
}

/// A reason of several lines is read line by line.
#[test]
fn a_changed_command_is_told_line_by_line() {
    let project = Project::new().stage("a", |s| s.cmd("echo first\necho second > a.txt\n").out("a.txt"));
    project.repro([]).ok();
    let project = project.stage("a", |s| s.cmd("echo first\necho third > a.txt\n").out("a.txt"));
    project.repro(["--report", "x.md", "--report", "x.html"]).ok();
    let (markdown, page) = (project.read("x.md"), project.read("x.html"));
    assert!(markdown.contains("<code>    &#45; echo second &#62; a&#46;txt</code><br><code>"), "{markdown}");
    assert!(page.contains("\n    - echo second &gt; a.txt\n    + echo first\n"), "{page}");
}
