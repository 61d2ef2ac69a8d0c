//! `checkout` of random states of the work tree: real DVC in one copy, the program in the other.
//!
//! Left out is what the program does otherwise on purpose: objects that are missing, outputs that were
//! never made, files that `.dvcignore` hides where an output is to go. The story tests tell of these. Where a
//! file stands in the place of a directory of which a part is asked for, DVC has an unexpected error, and where
//! an output without a stage holds what is in no cache, DVC removes it: there the life of a work tree ends. Now
//! and then both also run the pipeline.

mod choices;
mod repositories;

use std::path::Path;

use fastrand::Rng;

use repositories::{Kind, Repositories};

use super::preloaded::Dvc;
use crate::dvc;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::tree::Tree;
use crate::support::{aloud, number, on_threads, program};

#[test]
fn both_check_out_the_same() {
    let Some(script) = dvc::get("the differential test of checkout") else { return };
    let states = number("DVC_PARAFFIN_CHECKOUTS", 6);
    let first = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let seeds: Vec<u64> = (first..first + states).collect();
    let dvc = Dvc::start(script);
    let bases = Repositories::default();
    let wrong: Vec<String> = on_threads(2, &seeds, |seed| one(*seed, &bases, &dvc)).into_iter().filter_map(Result::err).collect();
    aloud(&format!("checkout: {states} work trees x {STEPS} steps from seed {first}"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// How often a work tree is edited and checked out.
const STEPS: usize = 8;

/// One work tree through some steps; a difference in words.
fn one(seed: u64, bases: &Repositories, dvc: &Dvc) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let kind = Kind::random(&mut rng);
    let told = vec![format!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_CHECKOUTS=1"), format!("{kind:?}")];
    let mut pair = Pair { kind, dvc, theirs: Scratch::new(), ours: Scratch::new(), told };
    let base = bases.get(kind, dvc);
    for scratch in [&pair.theirs, &pair.ours] {
        let text = format!("rm -rf {to} && cp -a {from} {to}", from = base.work().display(), to = scratch.work().display());
        sh(scratch, scratch.top(), &text);
    }
    // From here on both know what was placed.
    pair.do_both("rm -rf a.txt d x.sh p.txt e/f.txt sub/o sub/i.txt raw data.txt r-file r-dir u-file u-dir u-p.sh");
    pair.same("", &[])?;
    for _ in 0..STEPS {
        for _ in 0..rng.usize(1..4) {
            pair.do_both(&choices::edit(kind, &mut rng));
        }
        let restores = kind.runs() && rng.u8(..4) == 0 && pair.same("", &["-q", "-f"])? == Lives::Yes;
        if restores && pair.same_after_runs()? == Lives::No {
            break;
        }
        // What is damaged is found by a run, too; with one job, as DVC looks at nothing behind a failure.
        if kind.runs() && rng.u8(..6) == 0 && pair.same_run(&["--jobs", "1"])? == Lives::No {
            break;
        }
        let (cwd, words) = choices::words(kind, &mut rng);
        if pair.same(cwd, &words.iter().map(String::as_str).collect::<Vec<_>>())? == Lives::No {
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

/// A work tree twice: DVC's and ours.
struct Pair<'a> {
    kind: Kind,
    dvc: &'a Dvc,
    theirs: Scratch,
    ours: Scratch,
    told: Vec<String>,
}

impl Pair<'_> {
    /// A command of a shell in the root of both, which may fail.
    fn do_both(&mut self, text: &str) {
        self.told.push(text.to_owned());
        for scratch in [&self.theirs, &self.ours] {
            sh(scratch, &self.kind.root(scratch), &format!("{{ {text}\n}} 2>/dev/null || true"));
        }
    }

    /// Runs both, which must end, say and leave the same.
    fn same(&mut self, cwd: &str, words: &[&str]) -> Result<Lives, String> {
        self.told.push(format!("checkout {} {}", words.join(" "), if cwd.is_empty() { "" } else { "(below)" }));
        let mut all = vec!["checkout"];
        all.extend(words);
        let [theirs, ours] = [&self.theirs, &self.ours].map(|scratch| self.kind.root(scratch).join(cwd));
        let a = self.dvc.run(&self.theirs, &theirs, &all);
        if a.err().contains("unexpected error - [Errno 20] Not a directory") {
            return Ok(Lives::No);
        }
        let b = Ran::of(self.ours.command(program::path()).current_dir(ours).args(&all));
        if b.err().contains("belongs to no stage any more and is kept") {
            return Ok(Lives::No);
        }
        let (their_top, our_top) = (self.theirs.top(), self.ours.top());
        let said_alike = said(&a.out(), their_top) == said(&b.out(), our_top) && errors(&a, their_top) == errors(&b, our_top);
        self.alike(a.code == b.code && said_alike, &a, &b).map(|()| Lives::Yes)
    }

    /// In both copies lost outputs are brought back by a run of the pipeline: what it places is known to the next checkout.
    fn same_after_runs(&mut self) -> Result<Lives, String> {
        self.do_both("rm -rf a.txt d x.sh p.txt sub/o sub/i.txt");
        self.same_run(&[])
    }

    /// A run of the pipeline in both, which must end and leave the same. What it leaves where it fails is for the other
    /// differential test, as is what is said.
    fn same_run(&mut self, jobs: &[&str]) -> Result<Lives, String> {
        let all = ["repro", "-q", "-P"];
        self.told.push(all.join(" "));
        let a = self.dvc.run(&self.theirs, &self.kind.root(&self.theirs), &all);
        let b = Ran::of(self.ours.command(program::path()).current_dir(self.kind.root(&self.ours)).args(all).args(jobs));
        // An import that is not frozen is handed to an installed dvc, and here the program knows of none.
        if b.err().contains("must be imported again") {
            return Ok(Lives::No);
        }
        match (a.code, b.code) {
            (0, _) | (_, 0) => self.alike(a.code == b.code, &a, &b).map(|()| Lives::Yes),
            _ => Ok(Lives::No),
        }
    }

    /// The trees must be equal, and what was said.
    fn alike(&self, said_alike: bool, a: &Ran, b: &Ran) -> Result<(), String> {
        let [theirs, ours] = [&self.theirs, &self.ours].map(|scratch| Tree::of_repository(&self.kind.root(scratch)));
        let mut wrong = theirs.differences(&ours, "dvc's", "ours");
        if !said_alike {
            wrong.push(format!("{a}{b}"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", self.told.join("\n  "), wrong.join("\n"))) }
    }
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
