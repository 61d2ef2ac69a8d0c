//! One pipeline in two repositories, DVC's and ours: its life of edits and runs.

use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::compare::{self, Loose};
use super::disk::Op;
use super::edits;
use super::pipeline::Pipeline;
use super::preloaded::Dvc;
use super::setting::{Git, Setting};
use super::stage::Shape;
use super::steps::{self, Step};
use crate::support::program;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::tree::Tree;

/// How many runs were compared.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// All.
    pub runs: usize,
    /// Those that failed, as they did with DVC.
    pub failures: usize,
    /// Answers of `status` and `--dry`.
    pub answers: usize,
}

/// Both repositories, and the model of what is in them.
pub struct Twins<'a> {
    pub(super) rng: Rng,
    pub(super) dvc: &'a Dvc,
    pub(super) theirs: Scratch,
    pub(super) ours: Scratch,
    pub(super) setting: Setting,
    pub(super) pipeline: Pipeline,
    /// The model at each commit.
    pub(super) commits: Vec<Pipeline>,
    /// Whether the cache lacks objects. What one stage stores may then spare another its run, if
    /// that is judged later: only with one job is it known which.
    pub(super) bare: bool,
    pub(super) told: Vec<String>,
    pub(super) counts: Counts,
}

impl<'a> Twins<'a> {
    /// A new pair; all that is random comes from the seed.
    pub fn new(seed: u64, dvc: &'a Dvc) -> Self {
        let mut rng = Rng::with_seed(seed);
        let setting = Setting::random(&mut rng);
        let pipeline = Pipeline::random(&mut rng);
        let told = vec![format!("{setting:?}")];
        let (theirs, ours) = (Scratch::new(), Scratch::new());
        let mut twins =
            Self { rng, dvc, theirs, ours, setting, pipeline, commits: Vec::new(), bare: false, told, counts: Counts::default() };
        twins.begin();
        twins
    }

    fn begin(&mut self) {
        let root = self.setting.root(&self.theirs.work());
        std::fs::create_dir_all(&root).unwrap();
        if self.setting.git != Git::None {
            // A cache inside the repository is nothing for git: it would write objects anew. And only
            // content makes it write a file anew: by default it does so for a file with another inode
            // too, as in a copy of the repository, and for one of another mode if a second has passed.
            let text = "git init -q -b main . && printf '/%s\\n' cache store proj/store >> .git/info/exclude
                git config core.checkStat minimal && git config core.trustctime false";
            sh(&self.theirs, &self.theirs.work(), text);
        }
        self.dvc.run(&self.theirs, &root, &self.setting.init()).ok();
        sh(&self.theirs, &root, "mkdir -p work made/deep ran sub/deep; touch work/.gitkeep made/deep/.gitkeep ran/.gitkeep");
        std::fs::write(root.join(".dvc/config"), self.setting.config()).unwrap();
        let cache = root.join(self.setting.cache());
        edits::files(&self.pipeline).iter().for_each(|op| op.apply(&root, &cache));
        if !self.pipeline.added.is_empty() {
            let words: Vec<&str> = std::iter::once("add").chain(self.pipeline.added.iter().map(String::as_str)).collect();
            self.dvc.run(&self.theirs, &root, &words).ok();
        }
        if self.setting.git != Git::None {
            sh(&self.theirs, &root, "git add -A && git commit -q -m start && git tag c0");
            self.commits.push(self.pipeline.clone());
        }
        self.copy_theirs();
    }

    /// Makes our copy equal to DVC's.
    pub(super) fn copy_theirs(&self) {
        let (from, to) = (self.theirs.top(), self.ours.top());
        let text = "cd \"$1\" && rm -rf \"$2/w\" \"$2/cache\" && cp -a w $(test -d cache && echo cache) \"$2\"
            find \"$2\" -type l -lname \"$1/*\" | while IFS= read -r link; do ln -sfn \"$2$(readlink \"$link\" | cut -c${#3}-)\" \"$link\"; done";
        // The last word is one longer than the path: `cut` counts from one.
        let longer = format!("{}x", from.display());
        let ran = Ran::of(self.ours.command("/bin/sh").args(["-c", text, "sh"]).arg(from).arg(to).arg(longer));
        ran.ok();
    }

    /// Goes through some steps.
    pub fn live(&mut self, steps: u64) -> Result<Counts, String> {
        for step in 0..steps {
            if step > 0 {
                self.edit()?;
            }
            let step = self.choose();
            if !step.fails && self.rng.u8(..4) == 0 {
                self.same_status()?;
            }
            if !step.fails && self.rng.u8(..5) == 0 {
                self.same_dry(&step)?;
            }
            let failed = self.run(&step)?;
            if step.fails {
                self.mend();
                self.run(&Step::plain(if self.serial() { 1 } else { 4 }))?;
            } else if !failed && self.rng.u8(..3) == 0 {
                self.same_status()?;
            }
        }
        self.same_for_dvc()?;
        Ok(self.counts)
    }

    /// Keeps the folders, if asked for, and tells what was done.
    pub fn report(&mut self) -> String {
        for scratch in [&mut self.theirs, &mut self.ours] {
            scratch.eject_if_asked();
        }
        self.told.join("\n  ")
    }

    /// Some random edits, done to both; then perhaps a commit, or a command of DVC's.
    fn edit(&mut self) -> Result<(), String> {
        for _ in 0..self.rng.usize(1..4) {
            let before = self.pipeline.clone();
            let (what, ops) = edits::random(&mut self.pipeline, &mut self.rng);
            self.told.push(format!("edit: {what}"));
            self.apply(&edits::between(&before, &self.pipeline));
            self.apply(&ops);
        }
        match self.rng.u8(..12) {
            0..=3 => self.commit(),
            4 => self.reset(),
            5 => self.both(&["commit", "--force"]).map(|_| ())?,
            6 => self.checkout()?,
            7 => self.freeze()?,
            _ => {}
        }
        Ok(())
    }

    fn apply(&mut self, ops: &[Op]) {
        let broken = |op: &&Op| !(**op == Op::ForgetObjects && self.setting.has_symlinks());
        for scratch in [&self.theirs, &self.ours] {
            let root = self.setting.root(&scratch.work());
            ops.iter().filter(broken).for_each(|op| op.apply(&root, &root.join(self.setting.cache())));
        }
        self.bare |= ops.contains(&Op::ForgetObjects);
    }

    fn commit(&mut self) {
        if self.setting.git == Git::None {
            return;
        }
        let number = self.commits.len();
        self.told.push(format!("git commit {number}"));
        // Outputs stay out of git, or a lost .gitignore line would get them in for good.
        let kinds =
            "'*.yaml' '*.json' '*.toml' '*.py' '*.dvc' '*.lock' '*.gitignore' .dvcignore in.txt link.txt lndir raw other sub/local.txt";
        let text = format!(
            "for kind in {kinds}; do git add -A -- \"$kind\" 2>/dev/null || true; done
             git commit -q --allow-empty -m edit && git tag c{number}"
        );
        for scratch in [&self.theirs, &self.ours] {
            sh(scratch, &self.setting.root(&scratch.work()), &text);
        }
        self.commits.push(self.pipeline.clone());
    }

    /// Goes back to an older commit.
    fn reset(&mut self) {
        if self.commits.is_empty() {
            return;
        }
        let number = self.rng.usize(..self.commits.len());
        self.told.push(format!("git reset --hard to commit {number}"));
        for scratch in [&self.theirs, &self.ours] {
            sh(scratch, &self.setting.root(&scratch.work()), &format!("git reset -q --hard c{number}"));
        }
        self.pipeline = self.commits[number].clone();
    }

    /// A command of DVC's, in both repositories; whether it succeeded.
    fn both(&mut self, words: &[&str]) -> Result<bool, String> {
        self.told.push(format!("dvc {}", words.join(" ")));
        let [a, b] = [&self.theirs, &self.ours].map(|scratch| self.dvc.run(scratch, &self.setting.root(&scratch.work()), words));
        if a.code == b.code { Ok(a.code == 0) } else { Err(format!("the same command of DVC ends otherwise in our copy\n{a}{b}")) }
    }

    /// `dvc checkout`. It removes files that it knows as links to the cache and that are no outputs
    /// any more. Only DVC remembers links: what it removes from its copy is removed from ours.
    fn checkout(&mut self) -> Result<(), String> {
        let files = |twins: &Self| Tree::of_repository(&twins.root(&twins.theirs)).0;
        let before = files(self);
        self.both(&["checkout", "--force"])?;
        let after = files(self);
        let root = self.root(&self.ours);
        for path in before.keys().filter(|path| !after.contains_key(*path) && !path.starts_with(self.setting.cache())) {
            Op::Remove(path.clone()).apply(&root, &root);
        }
        Ok(())
    }

    fn freeze(&mut self) -> Result<(), String> {
        let Some(at) = (!self.pipeline.stages.is_empty()).then(|| self.rng.usize(..self.pipeline.stages.len())) else { return Ok(()) };
        let stage = &self.pipeline.stages[at];
        let (word, address) = (if stage.frozen { "unfreeze" } else { "freeze" }, stage.address());
        if self.both(&[word, &address])? {
            self.pipeline.stages[at].frozen = word == "freeze";
        }
        Ok(())
    }

    /// How the next run is called; sometimes a stage is made to fail for it.
    fn choose(&mut self) -> Step {
        match self.rng.u8(..16) {
            0 | 1 if !self.pipeline.stages.is_empty() => {
                let before = self.pipeline.clone();
                let at = self.rng.usize(..self.pipeline.stages.len());
                self.pipeline.stages[at].fails = true;
                self.told.push(format!("edit: let {} fail", self.pipeline.stages[at].name));
                self.apply(&edits::between(&before, &self.pipeline));
                let beside = self.rng.bool() && !self.serial();
                let step = if beside { Step::plain(4).with(["--keep-going"]) } else { Step::plain(1) };
                Step { fails: true, ..step }
            }
            2 if !self.pipeline.files.is_empty() => {
                let before = self.pipeline.clone();
                let files: Vec<&str> = self.pipeline.files.keys().copied().collect();
                let path = *self.rng.choice(&files).unwrap();
                self.pipeline.files.get_mut(path).unwrap().missing = Some("lr".to_owned());
                self.told.push(format!("edit: take lr from {path}"));
                self.apply(&edits::between(&before, &self.pipeline));
                Step { fails: true, ..Step::plain(1) }
            }
            _ => {
                let serial = self.serial();
                steps::random(&self.pipeline, &mut self.rng, serial)
            }
        }
    }

    /// Whether the result would depend on which of two stages ends first: without objects; with hard
    /// links, where of equal files in folders only the first becomes one with the object; and with
    /// links of either kind to an executable object, which loses its bits when it is stored again.
    fn serial(&self) -> bool {
        let outs = self.pipeline.outs();
        self.bare
            || self.setting.cache_type.contains("hardlink") && outs.iter().any(|out| out.shape == Shape::Dir)
            || self.setting.has_links() && outs.iter().any(|out| out.exec)
    }

    fn mend(&mut self) {
        let before = self.pipeline.clone();
        self.pipeline.stages.iter_mut().for_each(|stage| stage.fails = false);
        self.pipeline.files.values_mut().for_each(|file| file.missing = None);
        self.told.push("edit: mend it".to_owned());
        self.apply(&edits::between(&before, &self.pipeline));
    }

    /// Puts back sources that are gone, or every run from now on would fail.
    fn heal(&mut self) {
        let root = self.root(&self.theirs);
        let gone = |op: &Op| matches!(op, Op::Write(path, _) if !root.join(path).exists());
        let ops: Vec<Op> = edits::files(&self.pipeline).into_iter().filter(gone).collect();
        self.apply(&ops);
    }

    pub(super) fn root(&self, scratch: &Scratch) -> PathBuf {
        self.setting.root(&scratch.work())
    }

    /// Whether DVC may take the order of stages from a set.
    fn any_order(&self, step: &Step) -> bool {
        step.aimed || !step.has("--all-pipelines") && self.pipeline.at_root() * 2 < self.pipeline.count()
    }

    /// Runs both and compares; whether the run failed.
    fn run(&mut self, step: &Step) -> Result<bool, String> {
        self.told.push(step.told());
        self.counts.runs += 1;
        let mut own = self.ours.command(program::path());
        let (cwd, before) = step.start();
        own.current_dir(self.root(&self.ours).join(cwd)).args(before).args(program::repro(step.jobs)).args(&step.words);
        let words: Vec<&str> = before.iter().copied().chain(["repro"]).chain(step.words.iter().map(String::as_str)).collect();
        let cwd = self.root(&self.theirs).join(cwd);
        let (ours, theirs) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| self.dvc.run(&self.theirs, &cwd, &words));
            (Ran::of(&mut own), theirs.join().unwrap())
        });
        let failed = theirs.code != 0;
        let wrong = self.compare(step, &theirs, &ours);
        if !wrong.is_empty() {
            return Err(format!("{}\n{theirs}{ours}", compare::first(wrong)));
        }
        self.bare |= step.has("--no-commit");
        if failed || missed_and_ignored(&theirs) {
            self.counts.failures += 1;
            self.copy_theirs();
            self.heal();
        } else if self.any_order(step) {
            self.copy_order();
        } else if step.words.is_empty() && step.jobs == 1 {
            self.bare = false;
        }
        Ok(failed)
    }

    /// What differs after a run.
    fn compare(&self, step: &Step, theirs: &Ran, ours: &Ran) -> Vec<String> {
        let mut wrong = Vec::new();
        if theirs.code != ours.code {
            wrong.push(format!("exit code {} with dvc, {} with the program", theirs.code, ours.code));
        }
        let failed = theirs.code != 0;
        if failed && (step.jobs > 1 || self.any_order(step)) && !step.has("--keep-going") {
            // What runs beside the failed stage is finished; which ones came before it may be DVC's
            // secret.
            return wrong;
        }
        let mut loose = Loose { order: self.any_order(step), failed, ..Loose::default() };
        let ignored = missed_and_ignored(theirs);
        let forced = step.has("--force") || step.has("--force-downstream");
        if forced && (failed || ignored) && (compare::was_missing(theirs) || compare::was_missing(ours)) {
            // A stage that is forced runs with DVC, and misses its dep when it is saved.
            return wrong;
        }
        if ignored && compare::worked_on(theirs) != compare::worked_on(ours) {
            // What comes after a stage that missed a dep finds its outputs with us, and may run.
            return wrong;
        }
        if ignored || failed && compare::was_missing(theirs) {
            loose.outs = self.pipeline.outs().into_iter().map(|out| out.path).collect();
        }
        let [a, b] = [&self.theirs, &self.ours].map(|scratch| compare::tree(scratch, &self.setting, &loose));
        wrong.extend(a.differences(&b, "dvc's", "ours"));
        if step.jobs == 1 && !loose.order && !ignored {
            let pair = [(theirs, &self.theirs), (ours, &self.ours)];
            let [a, b] = pair.map(|(ran, scratch)| (compare::said(ran, scratch.top()), compare::errors(ran, scratch.top())));
            if a != b && !program::is_dvc() {
                wrong.push(format!("said otherwise:\n  dvc  {a:?}\n  ours {b:?}"));
            }
        }
        if self.setting.git != Git::None && !failed {
            let [a, b] = [&self.theirs, &self.ours].map(|scratch| sh(scratch, &self.root(scratch), "git ls-files").out());
            if a != b {
                wrong.push(format!("files in git with dvc: {a:?}, with the program: {b:?}"));
            }
        }
        wrong
    }

    /// Takes over the order in which DVC has put entries, so that it is compared again next time.
    fn copy_order(&self) {
        let (from, to) = (self.root(&self.theirs), self.root(&self.ours));
        for home in ["", "sub", "sub/deep", "made", "made/deep", "data"] {
            for name in ["dvc.lock", ".gitignore"] {
                let path = Path::new(home).join(name);
                let read = |root: &Path| std::fs::read(root.join(&path)).ok();
                if let (Some(theirs), Some(ours)) = (read(&from), read(&to))
                    && theirs != ours
                {
                    std::fs::write(to.join(&path), theirs).unwrap();
                }
            }
        }
    }
}

/// Whether a run went on after a stage that missed what it reads.
fn missed_and_ignored(ran: &Ran) -> bool {
    ran.code == 0 && ran.err().contains(" (ignored)") && compare::was_missing(ran)
}
