//! Random pipelines and random edits, run by real DVC in one copy and by the program in another.
//! After each step both trees must be equal to the byte: work tree, modes, cache, run-cache, locks.
//!
//! Three numbers widen it: `DVC_PARAFFIN_DIFF_PIPELINES` and `DVC_PARAFFIN_DIFF_STEPS` say how much,
//! `DVC_PARAFFIN_SEED` says where to begin. Without a seed each run looks at new pipelines; the seed
//! of a pipeline that fails is printed, and replays it alone.
//!
//! Some things are compared loosely, because DVC itself does not fix them or we decided otherwise.
//! The order of new entries, once targets were named or the dvc.yaml at the root holds less than half
//! of the stages: DVC takes it from a set when it selects less than half. After a failed run, `.gitignore` (DVC takes back lines that it should
//! keep), and with several jobs all but the exit code (what runs beside the failed stage is
//! finished); then the program's copy is made anew from DVC's. And a listing that DVC leaves in the
//! place of old caches when a stage gets a folder as a new dep: nothing ever reads it.

mod edits;
mod pipeline;

use std::path::{Path, PathBuf};

use fastrand::Rng;

use edits::Op;
use pipeline::Pipeline;

use crate::dvc;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::tree::{Node, Tree};
use crate::support::{aloud, number, on_threads, program};

#[test]
fn dvc_and_the_program_leave_the_same() {
    let Some(dvc) = dvc::get("the differential test") else { return };
    let pipelines = number("DVC_PARAFFIN_DIFF_PIPELINES", 10);
    let steps = number("DVC_PARAFFIN_DIFF_STEPS", 4);
    let first = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let seeds: Vec<u64> = (first..first + pipelines).collect();
    let results = on_threads(2, &seeds, |seed| {
        let lived = std::panic::catch_unwind(|| Twins::new(*seed, dvc).live(steps));
        lived.unwrap_or_else(|_| Err(format!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_DIFF_PIPELINES=1 broke off; see above")))
    });
    let runs: usize = results.iter().map(|result| result.as_ref().map_or(0, |runs| *runs)).sum();
    aloud(&format!("differential: {pipelines} pipelines x {steps} steps from seed {first}, {runs} pairs of runs were equal"));
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {pipelines} pipelines differ\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// One pipeline in two repositories: DVC's and ours.
struct Twins {
    seed: u64,
    rng: Rng,
    dvc: PathBuf,
    theirs: Scratch,
    ours: Scratch,
    pipeline: Pipeline,
    /// Whether DVC may have put new entries in an order of its own.
    any_order: bool,
    /// Whether the cache was just emptied. What one stage stores may then spare another its run, if
    /// that is judged later: only with one job is it known which.
    bare: bool,
    told: Vec<String>,
}

/// How a step is run and what may be expected of it.
struct Step {
    arguments: Vec<String>,
    jobs: usize,
    fails: bool,
}

impl Twins {
    fn new(seed: u64, dvc: &Path) -> Self {
        let mut rng = Rng::with_seed(seed);
        let pipeline = Pipeline::random(&mut rng);
        let twins = Self {
            seed,
            rng,
            dvc: dvc.to_owned(),
            theirs: Scratch::new(),
            ours: Scratch::new(),
            pipeline,
            any_order: false,
            bare: false,
            told: Vec::new(),
        };
        let root = twins.theirs.work();
        sh(&twins.theirs, &root, &format!("git init -q -b main . && {} init -q && mkdir -p work made/deep", twins.dvc.display()));
        std::fs::write(root.join("work/.gitkeep"), "").unwrap();
        std::fs::write(root.join("made/deep/.gitkeep"), "").unwrap();
        edits::files(&twins.pipeline).iter().for_each(|op| op.apply(&root));
        sh(&twins.theirs, &root, "git add -A && git commit -q -m start");
        twins.copy_theirs();
        twins
    }

    /// Makes our copy equal to DVC's.
    fn copy_theirs(&self) {
        let (from, to) = (self.theirs.work(), self.ours.work());
        sh(&self.ours, self.ours.top(), &format!("rm -rf {to} && cp -a {from} {to}", from = from.display(), to = to.display()));
    }

    /// Goes through some steps; the number of runs, or what went wrong.
    fn live(mut self, steps: u64) -> Result<usize, String> {
        let mut runs = 0;
        for step in 0..steps {
            if step > 0 {
                self.edit();
            }
            let step = self.choose();
            let mut rounds = vec![step];
            while let Some(step) = rounds.pop() {
                runs += 1;
                if let Err(text) = self.run(&step) {
                    return Err(self.report(&text));
                }
                if step.fails {
                    self.mend();
                    rounds.push(Step { arguments: Vec::new(), jobs: 4, fails: false });
                }
            }
        }
        self.same_status().map_err(|text| self.report(&text))?;
        Ok(runs)
    }

    fn report(&mut self, text: &str) -> String {
        for scratch in [&mut self.theirs, &mut self.ours] {
            scratch.eject_if_asked();
        }
        format!(
            "DVC_PARAFFIN_SEED={} DVC_PARAFFIN_DIFF_PIPELINES=1 differs; what was done:\n  {}\n{text}",
            self.seed,
            self.told.join("\n  ")
        )
    }

    /// Some random edits, done to both.
    fn edit(&mut self) {
        let mut ops: Vec<Op> = Vec::new();
        for _ in 0..self.rng.usize(1..4) {
            let before = edits::files(&self.pipeline).iter().map(|op| format!("{op:?}")).collect::<Vec<_>>();
            let (what, more) = edits::random(&mut self.pipeline, &mut self.rng);
            self.told.push(format!("edit: {what}"));
            // Only what changed is written: a file that is written anew is not the same to DVC's memory.
            ops.extend(edits::files(&self.pipeline).into_iter().filter(|op| !before.contains(&format!("{op:?}"))));
            ops.extend(more);
        }
        self.bare = ops.iter().any(|op| matches!(op, Op::Remove(path) if path.starts_with(".dvc/cache")));
        self.apply(&ops);
        if self.rng.u8(..3) == 0 {
            // Outputs stay out of git, or a lost .gitignore line would get them in for good.
            let add = "for kind in '*.yaml' in.txt raw '*.lock' '*.gitignore'; do git add -A -- \"$kind\" 2>/dev/null || true; done";
            for scratch in [&self.theirs, &self.ours] {
                sh(scratch, &scratch.work(), &format!("{add}; git commit -q --allow-empty -m edit"));
            }
        }
    }

    fn apply(&self, ops: &[Op]) {
        for scratch in [&self.theirs, &self.ours] {
            ops.iter().for_each(|op| op.apply(&scratch.work()));
        }
    }

    /// How the next run is called; sometimes a stage is made to fail for it.
    fn choose(&mut self) -> Step {
        let rng = &mut self.rng;
        if rng.u8(..8) == 0 && !self.pipeline.stages.is_empty() {
            let at = rng.usize(..self.pipeline.stages.len());
            self.pipeline.stages[at].fails = true;
            self.told.push(format!("edit: let {} fail", self.pipeline.stages[at].name));
            let (arguments, jobs) = if rng.bool() && !self.bare { (vec!["--keep-going".to_owned()], 4) } else { (Vec::new(), 1) };
            let ops = edits::files(&self.pipeline)[..2].to_vec();
            self.apply(&ops);
            return Step { arguments, jobs, fails: true };
        }
        self.any_order |= self.pipeline.at_root() * 2 < self.pipeline.count();
        let names: Vec<&str> = self.pipeline.stages.iter().filter(|stage| stage.home.is_empty()).map(|stage| stage.name.as_str()).collect();
        let target = rng.choice(names).map(str::to_owned);
        let plain =
            ["--force", "--no-run-cache", "--no-commit", "--force-downstream", "--all-pipelines", "--keep-going", "--allow-missing"];
        let aimed = ["--downstream", "--pipeline", "--single-item", "--force", "--glob", "--no-run-cache", ""];
        let arguments: Vec<String> = match (rng.u8(..9), target) {
            (0 | 1, _) => vec![(*rng.choice(&plain).unwrap()).to_owned()],
            (2, Some(target)) => {
                self.any_order = true;
                [(*rng.choice(&aimed).unwrap()).to_owned(), target].into_iter().filter(|word| !word.is_empty()).collect()
            }
            _ => Vec::new(),
        };
        Step { arguments, jobs: if self.bare { 1 } else { 4 }, fails: false }
    }

    fn mend(&mut self) {
        self.pipeline.stages.iter_mut().for_each(|stage| stage.fails = false);
        self.told.push("edit: mend it".to_owned());
        let ops = edits::files(&self.pipeline)[..2].to_vec();
        self.apply(&ops);
    }

    /// Runs both and compares.
    fn run(&mut self, step: &Step) -> Result<(), String> {
        self.told.push(format!("run: repro --jobs {} {}", step.jobs, step.arguments.join(" ")));
        let mut command = self.theirs.command(&self.dvc);
        command.arg("repro").args(&step.arguments);
        let mut own = self.ours.command(program::path());
        own.args(program::repro(step.jobs)).args(&step.arguments);
        let (ours, theirs) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| Ran::of(&mut command));
            (Ran::of(&mut own), theirs.join().unwrap())
        });
        let mut wrong = Vec::new();
        if theirs.code != ours.code {
            wrong.push(format!("exit code {} with dvc, {} with the program", theirs.code, ours.code));
        }
        let failed = theirs.code != 0;
        let comparable = !failed || step.jobs == 1 || step.arguments.iter().any(|word| word == "--keep-going");
        if comparable {
            let (tree, own) = (self.tree(&self.theirs, failed), self.tree(&self.ours, failed));
            wrong.extend(tree.differences(&own, "dvc's", "ours"));
        }
        if wrong.is_empty() {
            if failed {
                self.copy_theirs();
            }
            return Ok(());
        }
        let more = wrong.len().saturating_sub(12);
        wrong.truncate(12);
        Err(format!("  {}\n  and {more} more\n{theirs}{ours}", wrong.join("\n  ")))
    }

    /// A tree, without what may differ.
    fn tree(&self, scratch: &Scratch, failed: bool) -> Tree {
        let mut tree = Tree::of_repository(&scratch.work());
        for (path, node) in &mut tree.0 {
            let Node::File { bytes, .. } = node else { continue };
            if self.any_order && (path.ends_with(".gitignore") || path.ends_with("dvc.lock")) {
                *bytes = in_any_order(path, &String::from_utf8_lossy(bytes)).into_bytes();
            }
        }
        if failed {
            tree.0.retain(|path, _| !path.ends_with(".gitignore"));
        }
        let old_listing = regex::Regex::new(r"^\.dvc/cache/[0-9a-f]{2}(/[0-9a-f]{30}\.dir)?$").unwrap();
        tree.0.retain(|path, _| !old_listing.is_match(path));
        tree
    }

    /// `dvc status` must say the same of both.
    fn same_status(&self) -> Result<(), String> {
        let ask = |scratch: &Scratch| {
            let ran = Ran::of(scratch.command(&self.dvc).arg("status"));
            (ran.code, ran.out().replace(scratch.top().to_str().unwrap(), "@"))
        };
        let (theirs, ours) = (ask(&self.theirs), ask(&self.ours));
        if theirs == ours { Ok(()) } else { Err(format!("dvc status of dvc's copy: {theirs:?}\ndvc status of ours: {ours:?}")) }
    }
}

/// A dvc.lock with its entries sorted, a .gitignore with its lines sorted.
fn in_any_order(path: &str, text: &str) -> String {
    if path.ends_with(".gitignore") {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        return lines.join("\n");
    }
    let mut entries: Vec<String> = vec![String::new()];
    for line in text.lines() {
        if line.starts_with("  ") && !line.starts_with("   ") && !line.starts_with("  -") {
            entries.push(String::new());
        }
        let last = entries.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
    }
    entries.sort();
    entries.concat()
}
