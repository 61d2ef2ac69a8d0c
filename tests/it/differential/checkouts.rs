//! `checkout` of random states of the work tree: real DVC in one copy, the program in the other.
//!
//! Left out is what the program does otherwise on purpose: objects that are missing, outputs that were
//! never made, files that `.dvcignore` hides where an output is to go. The story tests tell of these. Where a
//! file stands in the place of a directory of which a part is asked for, DVC has an unexpected error, and where
//! an output without a stage holds what is in no cache, DVC removes it: there the life of a work tree ends. Now
//! and then both also run the pipeline.

use std::path::Path;

use fastrand::Rng;

use super::preloaded::Dvc;
use crate::dvc;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::tree::Tree;
use crate::support::{aloud, number, on_threads, program};

const PIPELINE: &str = "\
stages:
  a:
    cmd: echo ${v} > a.txt
    outs: [a.txt]
  d:
    cmd: mkdir -p d/sub/deep && echo ${v} > d/1 && echo 2 > d/sub/2 && echo ${v} > d/sub/deep/${v} && touch d/empty
    outs: [d]
  x:
    cmd: echo x${v} > x.sh && chmod +x x.sh
    outs: [x.sh]
  p:
    cmd: echo p > p.txt
    outs: [p.txt: {persist: true}]
  m:
    cmd: echo ${v} > m.json
    metrics: [m.json: {cache: false}]
  f:
    frozen: true
    cmd: echo f > e/f.txt
    outs: [e/f.txt]
";

const BELOW: &str = "\
stages:
  inner:
    cmd: mkdir -p o && cat ../a.txt > o/copy && echo i > i.txt
    deps: [../a.txt]
    outs: [o, i.txt]
";

/// What is done to the work tree, in both copies.
const EDITS: &[&str] = &[
    "rm -rf a.txt",
    "rm -rf d",
    "rm -rf d x.sh p.txt e sub/o raw data.txt m.json",
    "rm -rf a.txt; echo 2 > a.txt",
    "rm -rf a.txt; echo mine > a.txt",
    "rm -rf a.txt; mkdir a.txt",
    "rm -rf a.txt; mkdir a.txt; echo 2 > a.txt/in; mkdir a.txt/deep",
    "rm -rf a.txt; ln -s nowhere a.txt",
    "rm -rf a.txt; ln -s p.txt a.txt",
    "rm -rf d/1; echo p > d/1",
    "rm -rf d/1; echo mine > d/1",
    "rm -rf d/1; mkdir -p d/1/deep; echo p > d/1/in",
    "rm -rf d/1; mkdir -p d; ln -s ../p.txt d/1",
    "rm -rf d/1; mkdir -p d; ln -s nowhere d/1; ln -s nowhere d/broken",
    "rm -rf d/sub; mkdir -p d; echo p > d/sub",
    "rm -rf d; echo p > d",
    "rm -rf d; mkdir d",
    "rm -rf d/sub/deep; mkdir -p d/none/deeper; echo 2 > d/new; rm -f d/empty",
    "mkdir -p d; echo mine > d/new",
    "mkdir -p d/sub/deep; rm -f d/empty; echo 2 > d/sub/deep/new",
    "mkdir -p d/hidden; echo x > d/x.tmp; echo x > d/hidden/x.tmp",
    "mkdir -p d; ln -sfn ../raw d/linked",
    "test ! -f d/1 || chmod +x d/1",
    "test ! -f a.txt || chmod +x a.txt",
    "test ! -f x.sh || chmod -x x.sh",
    "test ! -f p.txt || chmod 600 p.txt",
    "rm -rf raw/r sub/o/copy; mkdir -p raw; rm -f raw/s; echo 2 > raw/s",
    "rm -rf data.txt; echo p > data.txt",
    "rm -rf sub/o; echo p > sub/o",
    "sed -i '/^  p:/,/outs/d' dvc.yaml",
    "sed -i '/^  d:/,/outs/d' dvc.yaml",
    "git checkout -q -f one",
    "git checkout -q -f two",
    "git checkout -q -f two; rm -f data.txt.dvc",
    "rm -rf a.txt; echo a > a.txt; rm -f d/sub/2; mkdir -p d/sub; touch d/sub/2",
    "printf '[cache]\\n    type = hardlink\\n' > .dvc/config",
    "printf '[cache]\\n    type = symlink\\n' > .dvc/config",
    "printf '[cache]\\n    type = copy\\n' > .dvc/config",
    "printf '[cache]\\n    type = \"reflink,copy\"\\n' > .dvc/config",
];

/// What is typed.
const WORDS: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    "--force",
    "--force",
    "--relink",
    "--relink --force",
    "--summary",
    "--summary --force",
    "--force --relink --summary",
    "a",
    "a.txt d",
    "d/1",
    "-f d/sub/deep d/1",
    "-f d/sub/2",
    "d/new",
    "-f d/none",
    "d/nothing/there",
    "-f d/sub/none",
    "-f dvc.yaml",
    "-d -f sub/dvc.yaml:inner",
    "-d inner",
    "-R -f sub",
    "-R .",
    "data.txt raw.dvc",
    "-f raw/s data.txt",
    "m.json",
    "f",
    "nope",
    "nope.dvc",
    "-q -f",
    "--allow-missing -f",
];

#[test]
fn both_check_out_the_same() {
    let Some(script) = dvc::get("the differential test of checkout") else { return };
    let states = number("DVC_PARAFFIN_CHECKOUTS", 6);
    let first = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let seeds: Vec<u64> = (first..first + states).collect();
    let dvc = Dvc::start(script);
    let base = base(&dvc);
    let wrong: Vec<String> = on_threads(2, &seeds, |seed| one(*seed, &base, &dvc)).into_iter().filter_map(Result::err).collect();
    aloud(&format!("checkout: {states} work trees x {STEPS} steps from seed {first}"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// How often a work tree is edited and checked out.
const STEPS: usize = 8;

/// Two commits of a repository, as DVC makes them.
fn base(dvc: &Dvc) -> Scratch {
    let scratch = Scratch::new();
    let root = scratch.work();
    sh(&scratch, &root, "git init -q -b main . && mkdir -p sub e raw && echo r > raw/r && echo s > raw/s && echo data > data.txt");
    dvc.run(&scratch, &root, &["init", "-q"]).ok();
    for (file, text) in
        [("dvc.yaml", PIPELINE), ("sub/dvc.yaml", BELOW), (".dvcignore", "*.tmp\n"), ("e/.keep", ""), ("params.yaml", "v: 1\n")]
    {
        std::fs::write(root.join(file), text).unwrap();
    }
    dvc.run(&scratch, &root, &["add", "-q", "data.txt", "raw"]).ok();
    for (commit, value) in [("one", "1"), ("two", "22")] {
        std::fs::write(root.join("params.yaml"), format!("v: {value}\n")).unwrap();
        sh(&scratch, &root, "sed -i 's/frozen: true/frozen: false/' dvc.yaml");
        dvc.run(&scratch, &root, &["repro", "-q", "-P"]).ok();
        sh(
            &scratch,
            &root,
            &format!("sed -i 's/frozen: false/frozen: true/' dvc.yaml; git add -A && git commit -q -m {commit} && git tag {commit}"),
        );
    }
    scratch
}

/// One work tree through some steps; a difference in words.
fn one(seed: u64, base: &Scratch, dvc: &Dvc) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let pair = [Scratch::new(), Scratch::new()];
    let mut told = vec![format!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_CHECKOUTS=1")];
    for scratch in &pair {
        let text = format!("rm -rf {to} && cp -a {from} {to}", from = base.work().display(), to = scratch.work().display());
        sh(scratch, scratch.top(), &text);
        // From here on both know what was placed.
        sh(scratch, &scratch.work(), "rm -rf a.txt d x.sh p.txt e/f.txt sub/o sub/i.txt raw data.txt");
    }
    same(&pair, dvc, &[], &mut told)?;
    for _ in 0..STEPS {
        for _ in 0..rng.usize(1..4) {
            let edit = *rng.choice(EDITS).unwrap();
            told.push(edit.to_owned());
            pair.iter().for_each(|scratch| drop(sh(scratch, &scratch.work(), &format!("{{ {edit}; }} 2>/dev/null || true"))));
        }
        if rng.u8(..4) == 0 && same(&pair, dvc, &["-q", "-f"], &mut told)? == Lives::Yes {
            same_after_runs(&pair, dvc, &mut told)?;
        }
        let words: Vec<&str> = rng.choice(WORDS).unwrap().split_whitespace().collect();
        if same(&pair, dvc, &words, &mut told)? == Lives::No {
            break;
        }
    }
    Ok(())
}

/// Whether DVC can go on with a work tree.
#[derive(PartialEq, Eq)]
enum Lives {
    Yes,
    No,
}

/// Runs both, which must end, say and leave the same.
fn same(pair: &[Scratch; 2], dvc: &Dvc, words: &[&str], told: &mut Vec<String>) -> Result<Lives, String> {
    told.push(format!("checkout {}", words.join(" ")));
    let [theirs, ours] = pair;
    let mut all = vec!["checkout"];
    all.extend(words);
    let a = dvc.run(theirs, &theirs.work(), &all);
    if a.err().contains("unexpected error - [Errno 20] Not a directory") {
        return Ok(Lives::No);
    }
    let b = Ran::of(ours.command(program::path()).current_dir(ours.work()).args(&all));
    if b.err().contains("belongs to no stage any more and is kept") {
        return Ok(Lives::No);
    }
    let mut wrong = Tree::of_repository(&theirs.work()).differences(&Tree::of_repository(&ours.work()), "dvc's", "ours");
    if a.code != b.code || said(&a.out(), theirs.top()) != said(&b.out(), ours.top()) || errors(&a, theirs.top()) != errors(&b, ours.top())
    {
        wrong.push(format!("{a}{b}"));
    }
    if wrong.is_empty() { Ok(Lives::Yes) } else { Err(format!("{}\n{}", told.join("\n  "), wrong.join("\n"))) }
}

/// In both copies lost outputs are brought back by a run of the pipeline: what it places is known to the next checkout.
fn same_after_runs(pair: &[Scratch; 2], dvc: &Dvc, told: &mut Vec<String>) -> Result<(), String> {
    let lost = "rm -rf a.txt d x.sh p.txt sub/o sub/i.txt";
    told.extend([lost.to_owned(), "repro -q -P".to_owned()]);
    pair.iter().for_each(|scratch| drop(sh(scratch, &scratch.work(), lost)));
    let [theirs, ours] = pair;
    let all = ["repro", "-q", "-P"];
    let a = dvc.run(theirs, &theirs.work(), &all);
    let b = Ran::of(ours.command(program::path()).current_dir(ours.work()).args(all));
    let mut wrong = Tree::of_repository(&theirs.work()).differences(&Tree::of_repository(&ours.work()), "dvc's", "ours");
    // What is said is for the other differential test.
    if a.code != b.code {
        wrong.push(format!("{a}{b}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", told.join("\n  "), wrong.join("\n"))) }
}

fn said(text: &str, top: &Path) -> String {
    text.replace(top.to_str().unwrap(), "@TOP@")
}

/// The failure, with paths in any order: DVC takes them from a set. A hint is ours alone.
fn errors(ran: &Ran, top: &Path) -> Vec<String> {
    let text = said(&ran.err(), top);
    let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with("hint: ") && !line.is_empty()).map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}
