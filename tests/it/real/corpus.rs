//! Pipelines of public repositories, read by the program and by real DVC: the same stages, flags,
//! hashes, edges and order, and the same `status`. The files and DVC's answers are not part of the
//! project; where the folder `../shared/corpus` is missing nothing is compared.
//!
//! DVC's answers hold absolute paths of the machine on which they were made: of these the root of
//! the repository, and nothing else, is made equal on both sides.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::dvc;
use crate::support::ran::Ran;
use crate::support::scratch::Scratch;
use crate::support::{aloud, on_threads, program};

/// The roots of repositories in DVC's answers.
const THEIRS: &str = r#"/tmp/research/corpus/scratch2?/slim/[^/"]+"#;

/// Runs the program and puts `/ROOT` in place of the repository's root in what it prints. It is called
/// some hundred times: a Python for each would take a good part of the test's time.
const WRAPPER: &str = r#"#!/bin/sh
root=$(git rev-parse --show-toplevel) || exit 1
out=$(@PROGRAM@ "$@")
code=$?
printf '%s\n' "$out" | sed "s|$root|/ROOT|g"
exit $code
"#;

/// How many comparisons go on at once.
const PARTS: usize = 4;

#[test]
fn public_pipelines_are_read_as_dvc_reads_them() {
    let Some(dev) = super::public("the public pipelines") else { return };
    let scratch = Scratch::new();
    rooted(&dev.join("oracle"), &scratch.top().join("oracle"));
    let wrapper = scratch.top().join("program");
    std::fs::write(&wrapper, WRAPPER.replace("@PROGRAM@", program::path().to_str().unwrap())).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Stages with deps at http:// are handed to an installed dvc.
    let dvc = dvc::get("`status` of the public pipelines");
    let list = std::fs::read_to_string(dev.join("dev.txt")).unwrap();
    let lines: Vec<&str> = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let parts: Vec<usize> = (0..PARTS).collect();
    let compared = on_threads(PARTS, &parts, |part| {
        let part_list = scratch.top().join(format!("part-{part}.txt"));
        let of_part: Vec<&str> = lines.iter().skip(*part).step_by(PARTS).copied().collect();
        std::fs::write(&part_list, of_part.join("\n")).unwrap();
        let mut compare = Command::new("python3");
        compare.arg(dev.join("compare.py")).arg("--bin").arg(&wrapper).arg("--list").arg(&part_list);
        // The largest takes a debug build on a busy machine longer than a minute; the whole part has an end of its own.
        compare.arg("--oracle").arg(scratch.top().join("oracle")).args(["--seconds", "180"]);
        if let Some(dvc) = dvc {
            let path = std::env::var("PATH").unwrap();
            compare.arg("--status").env("PATH", format!("{}:{path}", dvc.parent().unwrap().display()));
        }
        let ran = Ran::of(&mut compare);
        ran.ok().says(", 0 failed");
        let out = ran.out();
        let (passed, _) = out.lines().last().and_then(|line| line.split_once(" passed")).unwrap();
        passed.parse::<usize>().unwrap()
    });
    let passed: usize = compared.iter().sum();
    aloud(&format!("public pipelines: {passed} of {} passed", lines.len()));
    assert!(passed * 10 > lines.len() * 9, "only {passed} were compared");
}

/// A copy of DVC's answers without the roots of that machine.
fn rooted(from: &Path, to: &Path) {
    let theirs = regex::Regex::new(THEIRS).unwrap();
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        std::fs::write(to.join(entry.file_name()), theirs.replace_all(&text, "/ROOT").as_bytes()).unwrap();
    }
}
