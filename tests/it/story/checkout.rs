//! `checkout` where it keeps more than DVC does, and beside other processes. That it does the same
//! otherwise is for the differential test.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::dvc;
use crate::support::project::Project;
use crate::support::ran::Ran;

/// Two files, a directory and a program, made.
fn made(types: &str) -> Project {
    let project = Project::new()
        .stage("a", |stage| stage.cmd("echo a > a.txt").out("a.txt"))
        .stage("b", |stage| stage.cmd("echo b > b.txt").out("b.txt"))
        .stage("d", |stage| stage.cmd("mkdir -p d/sub && echo 1 > d/1 && echo 2 > d/sub/2").out("d"))
        .stage("x", |stage| stage.cmd("echo x > x.sh && chmod +x x.sh").out("x.sh"));
    project.write(".dvc/config", format!("[cache]\n    type = {types}\n"));
    project.repro([]).ok();
    project
}

/// Forgets the object of a text.
fn forget(project: &Project, text: &str) {
    project.sh(&format!("h=$(printf '{text}' | md5sum); rm -f .dvc/cache/files/md5/$(echo $h | cut -c1-2)/$(echo $h | cut -c3-32)"));
}

#[test]
fn what_is_in_no_cache_is_never_touched() {
    let project = made("copy");
    forget(&project, "a\\n");
    forget(&project, "2\\n");
    project.sh("echo b > a.txt; rm b.txt d/1 d/sub/2; echo mine > d/new");
    let ran = project.run(["checkout"]);
    assert_eq!((ran.code, ran.out().as_str()), (255, "A       b.txt\n"));
    ran.complains(
        "ERROR: Checkout failed for following targets:\na.txt\nd\nIs your cache up to date?\n<https://error.dvc.org/missing-files>\n",
    );
    assert_eq!((project.read("a.txt"), project.files("d")), ("b\n".to_owned(), vec!["new".to_owned()]));
    let ran = project.run(["checkout", "--force", "--relink"]);
    assert_eq!((ran.code, ran.out().as_str()), (255, ""));
    assert_eq!((project.read("a.txt"), project.files("d")), ("b\n".to_owned(), vec!["new".to_owned()]));
    project.run(["checkout", "--allow-missing"]).ok();
    // Only what is to be made anew must be there.
    project.sh("rm d/new; mkdir -p d/sub; echo 2 > d/sub/2; rm -f d/1; echo a > a.txt");
    assert_eq!(project.run(["checkout"]).ok().out(), "M       d/\n");
    assert_eq!(project.read("d/1"), "1\n");
}

#[test]
fn an_output_that_was_never_made_stays() {
    let project = made("copy").stage("late", |stage| stage.cmd("echo l > late.txt").out("late.txt"));
    project.sh("rm a.txt; echo b > late.txt");
    let ran = project.run(["checkout"]);
    assert_eq!((ran.code, ran.out().as_str()), (255, "A       a.txt\n"));
    let place = project.at("late.txt");
    ran.complains(&format!("WARNING: No file hash info found for '{}'. It won't be created.\n", place.display()));
    assert_eq!(project.read("late.txt"), "b\n");
}

#[test]
fn what_is_nowhere_else_needs_force() {
    let project = made("copy");
    project.sh("echo mine > a.txt; echo mine > d/new; rm b.txt");
    let ran = project.run(["checkout"]);
    let words = "ERROR: Can't remove the following unsaved files without confirmation. Use `--force` to force.\n";
    ran.complains(&format!("{words}{}\n{}\n", project.at("a.txt").display(), project.at("d/new").display()));
    assert_eq!((ran.code, project.has("b.txt"), project.read("a.txt").as_str()), (255, false, "mine\n"));
    assert_eq!(project.run(["checkout", "-f"]).ok().out(), "M       d/\nM       a.txt\nA       b.txt\n");
    assert!(!project.has("d/new"));
}

#[test]
fn the_answer_is_to_be_had_as_json() {
    let project = made("copy");
    project.sh("rm -r a.txt d; echo b > x.sh; mkdir -p e");
    forget(&project, "a\\n");
    let ran = Ran::of(project.command(project.at("e")).args(["checkout", "--json", "--json-file", "../out/answer.json"]));
    assert_eq!(ran.code, 255);
    let answer: serde_json::Value = serde_json::from_str(&ran.out()).unwrap();
    assert_eq!(answer, serde_json::from_str::<serde_json::Value>(&project.read("out/answer.json")).unwrap());
    let want = serde_json::json!({
        "version": 1, "added": ["../d/"], "modified": ["../x.sh"], "deleted": [], "failed": ["../a.txt"],
        "files": {"added": 2, "modified": 1, "deleted": 0},
    });
    for (key, value) in want.as_object().unwrap() {
        assert_eq!(&answer[key], value, "{key}");
    }
    assert_eq!(answer["error"]["kind"], "CheckoutError");
    let ran = project.run(["checkout", "--json", "nope"]);
    let answer: serde_json::Value = serde_json::from_str(&ran.out()).unwrap();
    assert_eq!((ran.code, answer["error"]["kind"].as_str()), (255, Some("CheckoutErrorSuggestGit")));
}

#[test]
fn looking_at_equal_content_takes_no_rights() {
    for types in ["symlink", "hardlink"] {
        let project = made(types);
        let is_program = || std::fs::metadata(project.at("x.sh")).unwrap().permissions().mode() & 0o100 != 0;
        assert!(is_program());
        // Content that the cache has, as the object that x.sh is a link to.
        project.sh("rm -f a.txt; echo x > a.txt");
        assert_eq!(project.run(["checkout"]).ok().out(), "M       a.txt\n");
        assert!(is_program(), "{types}");
    }
}

#[test]
fn outputs_of_a_removed_stage_go_if_the_cache_has_them() {
    let project = made("copy");
    project.sh("rm -r a.txt b.txt d");
    project.run(["checkout"]).ok();
    let lock = project.read("dvc.lock");
    project.write("dvc.yaml", "stages:\n  x: {cmd: 'true', outs: [x.sh]}\n");
    forget(&project, "b\\n");
    project.sh("echo changed > d/1");
    let ran = project.run(["checkout"]);
    assert_eq!(ran.ok().out(), "D       a.txt\n");
    ran.complains("'b.txt' belongs to no stage any more and is kept: it is in no cache");
    assert!(project.has("b.txt") && project.has("d/1") && !project.has("a.txt"));
    assert_eq!(project.run(["checkout", "--force", "--summary"]).ok().out(), "1 file deleted\n");
    assert!(!project.has("b.txt") && project.has("d/1"));
    assert_eq!(project.read("dvc.lock"), lock);
}

#[test]
fn a_directory_of_a_removed_stage_goes_whole_or_not_at_all() {
    let project = made("copy");
    project.write(".dvcignore", "*.tmp\n");
    project.sh("rm -r d && mkdir elsewhere && echo mine > elsewhere/f");
    project.run(["checkout"]).ok();
    project.write("dvc.yaml", "stages:\n  x: {cmd: 'true', outs: [x.sh]}\n");
    project.sh("ln -s ../elsewhere d/linked; echo mine > d/new.tmp");
    let ran = project.run(["checkout"]);
    ran.ok().complains("'d' belongs to no stage any more and is kept: '");
    assert!(project.has("d/1") && project.has("d/new.tmp"));
    project.sh("rm d/new.tmp");
    assert_eq!(project.run(["checkout"]).ok().out(), "D       d/\n");
    assert!(!project.has("d") && project.has("elsewhere/f"));
}

#[test]
fn a_file_gives_way_to_an_empty_directory() {
    let project = Project::new().stage("e", |stage| stage.cmd("mkdir -p e").out("e"));
    project.repro([]).ok();
    project.sh("rmdir e; echo mine > e");
    project.run(["checkout"]).exits(255);
    assert_eq!(project.run(["checkout", "--force"]).ok().out(), "M       e/\n");
    assert!(project.at("e").is_dir());
}

/// As with DVC, but that it fails with an unexpected error for the last three.
#[test]
fn nothing_gives_way_for_what_is_not_recorded() {
    for (before, part, said, left) in [
        ("rm -r d", "d/none", "A       d/\n", "d"),
        ("rm -r d", "d/sub/none", "A       d/\n", "d d/sub"),
        ("rm -r d; mkdir d", "d/none", "", "d"),
        ("rm -r d; mkdir d", "d/sub/none", "M       d/\n", "d d/sub"),
        ("rm -r d; echo p > d", "d/none", "", "d"),
        ("rm -r d; ln -s nowhere d", "d/none", "", "d"),
        ("rm -r d/*; echo p > d/sub", "d/sub/none", "", "d d/sub"),
        ("rm -r d; echo p > d", "d/sub/none", "", "d"),
        ("rm -r d; ln -s nowhere d", "d/sub/none", "", "d"),
        ("rm -r d; echo p > d", "d/1", "M       d/\n", "d d/1"),
    ] {
        let project = made("copy");
        project.sh(before);
        assert_eq!(project.run(["checkout", "--force", part]).ok().out(), said, "{before}; {part}");
        let found = project.sh("find d | sort | tr '\\n' ' '");
        assert_eq!(found.out().trim(), left, "{before}; {part}");
    }
}

/// DVC forgets outputs that are named after a stage or a `.dvc` file, and may remove them.
#[test]
fn every_target_counts() {
    for targets in [["a", "d/1"], ["d/1", "a"], ["dvc.yaml:a", "d/1"]] {
        let project = made("copy");
        project.sh("rm -r a.txt b.txt d");
        let [first, second] = targets;
        assert_eq!(project.run(["checkout", first, second]).ok().out(), "A       d/\nA       a.txt\n", "{targets:?}");
        assert!(project.has("d/1") && !project.has("b.txt"));
    }
}

/// What an import knows of its source is known of its data, too; DVC looks for that in a place of its own.
#[test]
fn an_import_without_data_leaves_what_stands_there() {
    let far = "md5: 60b725f10c9c85c70d97880dfe8191b3\n  size: 2\n  hash: md5\n  path: ../far.txt";
    let from_path = format!("frozen: true\ndeps:\n- {far}\nouts:\n- hash: md5\n  path: far.txt\n");
    let from_repo = "frozen: true\ndeps:\n- path: r\n  repo: {url: ../r, rev_lock: 0a23456789012345678901234567890123456789}\nouts:\n- hash: md5\n  path: r.txt\n";
    let project = made("copy").file("far.txt.dvc", from_path).file("r.txt.dvc", from_repo);
    let words = |failed: &str| {
        format!("ERROR: Checkout failed for following targets:\n{failed}Is your cache up to date?\n<https://error.dvc.org/missing-files>\n")
    };
    assert_eq!(project.run(["checkout", "far.txt"]).ok().out(), "A       far.txt\n");
    assert_eq!(project.read("far.txt"), "a\n");
    project.sh("rm far.txt");
    forget(&project, "a\\n");
    let ran = project.run(["checkout"]);
    ran.exits(255).complains(&words("far.txt\nr.txt\n"));
    assert!(!ran.err().contains("WARNING"), "{ran}");
    project.write("far.txt", "mine\n");
    project.write("r.txt", "mine\n");
    project.run(["checkout", "--force"]).exits(255).complains(&words("far.txt\nr.txt\n"));
    assert_eq!((project.read("far.txt"), project.read("r.txt")), ("mine\n".to_owned(), "mine\n".to_owned()));
    // As it was at its source.
    project.write("far.txt", "a\n");
    project.run(["checkout"]).exits(255).complains(&words("r.txt\n"));
}

#[test]
fn dvc_knows_what_was_placed_here_and_the_other_way_round() {
    let Some(dvc) = dvc::get("what DVC knows of placed outputs") else { return };
    let project = made("copy");
    let dvc = |words: &[&str]| Ran::of(project.scratch.command(dvc).current_dir(project.root()).args(words));
    let checkout: [&dyn Fn() -> Ran; 2] = [&|| dvc(&["checkout"]), &|| project.run(["checkout"])];
    let restore: [&dyn Fn() -> Ran; 2] = [&|| dvc(&["repro"]), &|| project.run(["repro"])];
    let make: [&dyn Fn() -> Ran; 2] = [&|| dvc(&["repro", "--force"]), &|| project.run(["repro", "--force"])];
    let yaml = project.read("dvc.yaml");
    for (way, one, other) in [(checkout, 0, 1), (checkout, 1, 0), (restore, 0, 1), (restore, 1, 0), (make, 0, 1), (make, 1, 0)] {
        project.sh("rm -rf a.txt d");
        way[one]().ok();
        assert!(project.has("a.txt") && project.has("d/1"));
        project.write("dvc.yaml", "stages:\n  x: {cmd: 'true', outs: [x.sh]}\n");
        let gone = checkout[other]().ok().out();
        assert!(gone.contains("D       d/\n") && gone.contains("D       a.txt\n"), "{gone}");
        assert!(!project.has("a.txt") && !project.has("d"));
        project.write("dvc.yaml", &yaml);
    }
}

#[test]
fn a_stage_at_work_is_left_alone() {
    let project = made("copy").stage("slow", |stage| {
        stage.cmd("echo half > slow.txt; cat ../going > /dev/null; cat ../go > /dev/null; echo whole > slow.txt").out("slow.txt")
    });
    project.sh("mkfifo ../going ../go");
    let mut repro = project.command(project.root());
    let mut repro = repro.args(["repro", "-j", "2", "slow"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Opening returns when the stage has written its half.
    project.sh("echo > ../going; rm a.txt");
    let ran = project.run(["checkout", "--lock-timeout", "0.1", "--force"]);
    assert_eq!(ran.code, 255);
    ran.complains("slow.txt' is busy");
    assert!(!project.has("a.txt"));
    assert_eq!(project.read("slow.txt"), "half\n");
    project.run(["checkout", "--lock-timeout", "0.1", "a"]).ok();
    project.sh("echo > ../go");
    assert!(repro.wait().unwrap().success());
    assert_eq!(project.run(["checkout"]).ok().out(), "");
    assert_eq!(project.read("slow.txt"), "whole\n");
}
