//! Bad input of every kind: DVC's exit code, DVC's sentence, and nothing changed on disk but what
//! the failing stage itself made.
//!
//! What can be known before a stage runs must be found before one runs. That real DVC says the
//! same is checked too, so that the sentences here stay true.

use std::path::Path;

use crate::dvc;
use crate::support::program;
use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::small_disk::SmallDisk;
use crate::support::tree::Node;

/// A way to go wrong.
struct Bad {
    name: &'static str,
    /// Makes the repository.
    make: fn() -> Project,
    /// Words after `repro`.
    arguments: &'static [&'static str],
    /// Exit code.
    code: i32,
    /// All of this must be on standard error; `@ROOT@` is the repository.
    says: &'static [&'static str],
    /// Paths that the failing stage may have made.
    may_make: &'static [&'static str],
}

/// One stage that works, in a file that a case then spoils.
fn fine() -> Project {
    Project::new().file("in.txt", "1\n").stage("fine", |s| s.cmd("cp in.txt out.txt").dep("in.txt").out("out.txt"))
}

/// A repository with this dvc.yaml.
fn yaml(text: &str) -> Project {
    Project::new().file("in.txt", "1\n").file("dvc.yaml", text)
}

/// `fine`, run once, with this in its dvc.lock.
fn lock(text: &str) -> Project {
    fine().file("dvc.lock", text)
}

const ALL: &[Bad] = &[
    Bad {
        name: "no repository",
        make: || Project::folder().file("dvc.yaml", "stages: {}\n"),
        arguments: &[],
        code: 253,
        says: &["ERROR: you are not inside of a DVC repository (checked up to mount point '/')"],
        may_make: &[],
    },
    Bad {
        name: "no dvc.yaml",
        make: Project::new,
        arguments: &[],
        code: 255,
        says: &["ERROR: '@ROOT@/dvc.yaml' does not exist"],
        may_make: &[],
    },
    Bad {
        name: "YAML that ends too early",
        make: || yaml("stages:\n  a:\n    cmd: \"unclosed\n"),
        arguments: &[],
        code: 255,
        says: &[
            "'./dvc.yaml' is invalid.",
            "While scanning a quoted scalar, in line 3, column 10",
            "Found unexpected end of stream, in line 4, column 1",
        ],
        may_make: &[],
    },
    Bad {
        name: "YAML with wrong indentation",
        make: || yaml("stages:\n  a:\n    cmd: echo\n   outs: [x\n"),
        arguments: &[],
        code: 255,
        says: &[
            "'./dvc.yaml' is invalid.",
            "While parsing a block mapping, in line 2, column 3",
            "Expected <block end>, but found '<block mapping start>', in line 4, column 4",
        ],
        may_make: &[],
    },
    Bad {
        name: "an unknown key",
        make: || yaml("stages:\n  a:\n    cmd: echo\n    depz: [x]\n"),
        arguments: &[],
        code: 255,
        says: &["'./dvc.yaml' validation failed.", "extra keys not allowed, in stages -> a -> depz, line 4, column 11"],
        may_make: &[],
    },
    Bad {
        name: "a key of the wrong type",
        make: || yaml("stages:\n  a:\n    cmd: echo\n    outs: x\n"),
        arguments: &[],
        code: 255,
        says: &["'./dvc.yaml' validation failed.", "expected a list, in stages -> a -> outs, line 3, column 5"],
        may_make: &[],
    },
    Bad {
        name: "a variable that is not there",
        make: || yaml("stages:\n  a:\n    cmd: echo ${nope.x}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: failed to parse 'stages.a.cmd' in 'dvc.yaml': Could not find 'nope.x'"],
        may_make: &[],
    },
    Bad {
        name: "an unknown stage",
        make: fine,
        arguments: &["fone"],
        code: 255,
        says: &["ERROR: Stage 'fone' not found inside 'dvc.yaml' file"],
        may_make: &[],
    },
    Bad {
        name: "a file that is not there",
        make: fine,
        arguments: &["sub/dvc.yaml"],
        code: 255,
        says: &["ERROR: '@ROOT@/sub/dvc.yaml' does not exist"],
        may_make: &[],
    },
    Bad {
        name: "an unknown stage beside a good one",
        make: fine,
        arguments: &["fine", "fone"],
        code: 255,
        says: &["ERROR: Stage 'fone' not found inside 'dvc.yaml' file"],
        may_make: &[],
    },
    Bad {
        name: "a cycle",
        make: || yaml("stages:\n  a: {cmd: echo > o, deps: [p], outs: [o]}\n  b: {cmd: echo > p, deps: [o], outs: [p]}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: Same item(s) are defined as both a dependency and an output in stages: "],
        may_make: &[],
    },
    Bad {
        name: "a stage that depends on itself",
        make: || yaml("stages:\n  a: {cmd: echo > o, deps: [o], outs: [o]}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: Same item(s) are defined as both a dependency and an output in stage: a."],
        may_make: &[],
    },
    Bad {
        name: "one output of two stages",
        make: || yaml("stages:\n  a: {cmd: echo > o, outs: [o]}\n  b: {cmd: echo > o, outs: [o]}\n"),
        arguments: &[],
        code: 255,
        says: &[
            "ERROR: output 'o' is specified in:\n\t- ",
            "Use `dvc remove` with any of the above targets to stop tracking the overlapping output.",
        ],
        may_make: &[],
    },
    Bad {
        name: "an output inside another",
        make: || yaml("stages:\n  a: {cmd: mkdir d, outs: [d]}\n  b: {cmd: echo > d/x, outs: [d/x]}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: The output paths:\n'd'('a')\n'd/x'('b')\noverlap and are thus in the same tracked directory.\n"],
        may_make: &[],
    },
    Bad {
        name: "a missing dep",
        make: || yaml("stages:\n  a: {cmd: echo > o, deps: [none.txt], outs: [o]}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: failed to reproduce 'a': [Errno 2] No such file or directory: '@ROOT@/none.txt'"],
        may_make: &[],
    },
    Bad {
        name: "a missing parameter",
        make: || yaml("stages:\n  a: {cmd: echo > o, params: [none], outs: [o]}\n").file("params.yaml", "x: 1\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: failed to reproduce 'a': Parameters 'none' are missing from 'params.yaml'."],
        may_make: &[],
    },
    Bad {
        name: "an output that git tracks",
        make: || fine().file("out.txt", "old\n").commit(),
        arguments: &[],
        code: 255,
        says: &[
            "ERROR: failed to reproduce 'fine':  output 'out.txt' is already tracked by SCM (e.g. Git).\n    You can remove it from Git, then add to DVC.",
            "            git rm -r --cached 'out.txt'",
        ],
        may_make: &["out.txt"],
    },
    Bad {
        name: "a file where the cache should be",
        make: || fine().file(".dvc/cache", ""),
        arguments: &[],
        code: 255,
        says: &["ERROR: failed to reproduce 'fine': ", "Not a directory: '@ROOT@/.dvc/cache"],
        may_make: &["out.txt"],
    },
    Bad {
        name: "a command that is not there",
        make: || yaml("stages:\n  a: {cmd: no-such-command-anywhere, outs: [o]}\n"),
        arguments: &[],
        code: 255,
        says: &[
            "no-such-command-anywhere: not found",
            "ERROR: failed to reproduce 'a': failed to run: no-such-command-anywhere, exited with 127",
        ],
        may_make: &[],
    },
    Bad {
        name: "a command killed by a signal",
        make: || yaml("stages:\n  a: {cmd: 'echo half > o; kill -9 $$', outs: [o]}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: failed to reproduce 'a': failed to run: echo half > o; kill -9 $$, exited with -9"],
        may_make: &["o"],
    },
    Bad {
        name: "an output that was not made",
        make: || yaml("stages:\n  a: {cmd: 'true', outs: [o]}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: failed to reproduce 'a': output 'o' does not exist"],
        may_make: &[],
    },
    Bad {
        name: "a wdir that is not there",
        make: || yaml("stages:\n  a: {cmd: echo > o, wdir: nodir, outs: [o]}\n"),
        arguments: &[],
        code: 255,
        says: &["ERROR: failed to reproduce 'a': [Errno 2] No such file or directory: '@ROOT@/nodir'"],
        may_make: &[],
    },
    Bad {
        name: "a torn dvc.lock",
        make: || lock("schema: '2.0'\nstages:\n  fine: [\n"),
        arguments: &[],
        code: 255,
        says: &["'./dvc.lock' is invalid.", "Expected the node content, but found '<stream end>', in line 4, column 1"],
        may_make: &[],
    },
    Bad {
        name: "a dvc.lock with a wrong type",
        make: || lock("schema: '2.0'\nstages:\n  fine:\n    cmd: x\n    deps: 3\n"),
        arguments: &[],
        code: 255,
        says: &["'./dvc.lock' validation failed.", "expected a list, in stages -> fine -> deps, line 4, column 5"],
        may_make: &[],
    },
    Bad {
        name: "a dvc.lock of schema 1.0",
        make: || lock("fine:\n  cmd: cp in.txt out.txt\n  deps:\n  - path: in.txt\n    md5: b026324c6904b2a9cb4b88d6d61c81d1\n"),
        arguments: &[],
        code: 255,
        says: &[
            "'./dvc.lock' validation failed: 2 errors.",
            "extra keys not allowed, in fine, line 2, column 3",
            "required key not provided, in schema",
        ],
        may_make: &[],
    },
    Bad { name: "an unknown flag", make: fine, arguments: &["--no-such-flag"], code: 254, says: &["--no-such-flag"], may_make: &[] },
];

/// Runs a program on a bad repository; what is wrong with how it goes.
fn go(bad: &Bad, program: &Path, jobs: Option<&str>) -> Vec<String> {
    let project = (bad.make)();
    let before = project.tree();
    let mut command = project.scratch.command(program);
    command.arg("repro").args(jobs.map(|jobs| format!("--jobs={jobs}"))).args(bad.arguments);
    let ran = Ran::of(&mut command);
    let mut wrong = Vec::new();
    if ran.code != bad.code {
        wrong.push(format!("exit code {} instead of {}", ran.code, bad.code));
    }
    let shown = format!("{}{}", ran.out(), ran.err());
    for text in bad.says {
        let text = text.replace("@ROOT@", project.root().to_str().unwrap());
        if !shown.contains(&text) {
            wrong.push(format!("{text:?} is not said"));
        }
    }
    let mut after = project.tree();
    let mut earlier = before;
    for tree in [&mut after, &mut earlier] {
        // An empty cache folder and DVC's own bookkeeping tell nobody anything.
        tree.0.retain(|path, node| {
            !(bad.may_make.contains(&path.as_str()) || path.starts_with(".dvc/cache") && matches!(node, Node::Dir(_)))
        });
    }
    wrong.extend(after.differences(&earlier, "after", "before"));
    if !wrong.is_empty() {
        wrong.insert(0, format!("{} ({})", bad.name, ran.what));
        wrong.push(ran.to_string());
    }
    wrong
}

#[test]
fn every_bad_input_is_answered_as_by_dvc() {
    if program::is_dvc() {
        return;
    }
    let wrong: Vec<String> = ALL.iter().flat_map(|bad| ["1", "4"].map(|jobs| go(bad, &program::path(), Some(jobs)))).flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dvc_itself_says_what_is_expected_here() {
    let Some(dvc) = dvc::get("what DVC says of bad input") else { return };
    let wrong: Vec<String> = crate::support::on_threads(2, ALL, |bad| go(bad, dvc, None)).into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A stage whose result is larger than the disk under the cache, after one whose result fits.
fn too_large() -> Project {
    Project::new()
        .stage("small", |s| s.cmd("echo small > small.txt").out("small.txt"))
        .stage("large", |s| s.cmd("head -c 3000000 /dev/zero > large.bin").dep("small.txt").out("large.bin"))
        .stage("after", |s| s.cmd("echo > after.txt").dep("large.bin").out("after.txt"))
        .commit()
}

/// What was computed is still there, what was stored is whole, and no half object is left.
fn check_after_failed_save(project: &Project, ran: &Ran) {
    assert_eq!(project.at("large.bin").metadata().unwrap().len(), 3_000_000, "the computed output is gone\n{ran}");
    assert!(!project.has("after.txt"), "a dependent ran\n{ran}");
    let cache = project.files(".dvc/cache");
    assert!(cache.iter().all(|path| !path.contains("tmp")), "temporary files are left in the cache: {cache:?}\n{ran}");
    assert_eq!(project.untrusted(), Vec::<String>::new(), "an object is left untrusted\n{ran}");
    let lock = project.read("dvc.lock");
    assert!(lock.contains("  small:") && !lock.contains("  large:"), "{lock}\n{ran}");
}

#[test]
fn a_full_disk_loses_nothing() {
    for jobs in ["1", "4"] {
        let project = too_large();
        let Some(disk) = SmallDisk::at(&project, ".dvc/cache", "1m") else { return };
        let ran = project.repro(["--jobs", jobs]);
        ran.exits(255).complains("ERROR: failed to reproduce 'large': [Errno 28] No space left on device");
        check_after_failed_save(&project, &ran);
        assert!(!project.files(".dvc/cache").iter().any(|path| path.starts_with("files/md5/c9/")), "half an object is left");
        disk.remount("size=16m");
        project.repro(["--jobs", jobs]).ok().ran(["large", "after"]);
    }
}

/// The files of the folder that fitted are objects as any other.
#[test]
fn a_disk_that_fills_within_a_folder_leaves_no_untrusted_object() {
    let fill = "mkdir d; for i in 1 2 3 4 5; do echo $i > d/$i; done; head -c 3000000 /dev/zero > d/z";
    let project = Project::new().stage("folder", |s| s.cmd(fill).out("d"));
    let Some(_disk) = SmallDisk::at(&project, ".dvc/cache", "1m") else { return };
    project.repro(["--jobs", "2"]).exits(255).complains("No space left on device");
    assert_eq!((project.files(".dvc/cache/files").len(), project.untrusted()), (5, vec![]));
}

#[test]
fn a_cache_that_cannot_be_written_loses_nothing() {
    for jobs in ["1", "4"] {
        let project = too_large();
        let Some(disk) = SmallDisk::at(&project, ".dvc/cache", "16m") else { return };
        project.repro(["--jobs", jobs, "small"]).ok();
        disk.remount("ro");
        let ran = project.repro(["--jobs", jobs]);
        ran.exits(255).complains("ERROR: failed to reproduce 'large': [Errno 30] Read-only file system");
        check_after_failed_save(&project, &ran);
        disk.remount("rw");
        project.repro(["--jobs", jobs]).ok().ran(["large", "after"]);
    }
}
