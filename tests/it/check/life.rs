//! The life of one random repository: edits, runs, `git add`, commits, and after each round the questions.

use std::collections::HashMap;
use std::path::PathBuf;

use fastrand::Rng;
use serde_json::Value;

use super::Counts;
use super::compare;
use super::truth::Truth;
use crate::differential::disk::Op;
use crate::differential::edits;
use crate::differential::pipeline::Pipeline;
use crate::differential::preloaded::Dvc;
use crate::differential::setting::{Git, Setting};
use crate::support::program;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;

/// A repository.
pub struct Life<'a> {
    rng: Rng,
    dvc: &'a Dvc,
    scratch: Scratch,
    setting: Setting,
    pipeline: Pipeline,
    told: Vec<String>,
    counts: Counts,
    /// What DVC said, by the id of the tree.
    truths: HashMap<String, Truth>,
}

/// The words for `check`, and a shell command that prints the id of the tree it looks at.
const QUESTIONS: [(&[&str], &str); 3] = [
    (&["--rev", "HEAD"], "git rev-parse 'HEAD^{tree}'"),
    (&["--index"], "git write-tree"),
    (&[], "cp .git/index ../index && GIT_INDEX_FILE=../index git add -u && GIT_INDEX_FILE=../index git write-tree"),
];

impl<'a> Life<'a> {
    /// A new one, run once; all that is random comes from the seed.
    pub fn new(seed: u64, dvc: &'a Dvc) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut setting = Setting::random(&mut rng);
        if setting.git == Git::None {
            setting.git = Git::Root;
        }
        // An output that is a link into the cache of one machine, and in git, means nothing on another. But all
        // clones of this test stand on the same one.
        if setting.has_symlinks() {
            setting.cache_type = "hardlink,copy";
        }
        let pipeline = Pipeline::random(&mut rng);
        let told = vec![format!("{setting:?}")];
        let (scratch, counts) = (Scratch::new(), Counts::default());
        let mut life = Self { rng, dvc, scratch, setting, pipeline, told, counts, truths: HashMap::new() };
        life.begin();
        life
    }

    fn begin(&mut self) {
        let root = self.root();
        std::fs::create_dir_all(&root).unwrap();
        // The cache is nothing for git wherever it lies, nor is what other programs leave.
        let text = "git init -q -b main . && printf '%s\\n' /cache /store /proj/store '*.pyc' >> .git/info/exclude";
        sh(&self.scratch, &self.scratch.work(), text);
        self.dvc.run(&self.scratch, &root, &self.setting.init()).ok();
        sh(&self.scratch, &root, "mkdir -p work made/deep ran sub/deep; touch work/.gitkeep made/deep/.gitkeep ran/.gitkeep");
        std::fs::write(root.join(".dvc/config"), self.setting.config()).unwrap();
        self.apply(&edits::files(&self.pipeline));
        if !self.pipeline.added.is_empty() {
            let words: Vec<&str> = std::iter::once("add").chain(self.pipeline.added.iter().map(String::as_str)).collect();
            self.dvc.run(&self.scratch, &root, &words).ok();
        }
        self.run();
        self.git("git add -A && git commit -q -m start");
    }

    /// Goes through some rounds.
    pub fn live(&mut self, rounds: u64) -> Result<Counts, String> {
        self.ask()?;
        for _ in 0..rounds {
            for _ in 0..self.rng.usize(1..4) {
                self.edit();
            }
            match self.rng.u8(..8) {
                0..=2 => self.run(),
                3 => self.dvc_commit(),
                _ => {}
            }
            self.stage();
            self.ask()?;
        }
        Ok(self.counts)
    }

    /// Keeps the folder, if asked for, and tells what was done.
    pub fn report(&mut self) -> String {
        self.scratch.eject_if_asked();
        self.told.join("\n  ")
    }

    fn root(&self) -> PathBuf {
        self.setting.root(&self.scratch.work())
    }

    /// A command of git's, from the root of git.
    fn git(&self, text: &str) -> String {
        sh(&self.scratch, &self.scratch.work(), text).out().trim().to_owned()
    }

    fn apply(&self, ops: &[Op]) {
        let root = self.root();
        ops.iter().for_each(|op| op.apply(&root, &root.join(self.setting.cache())));
    }

    /// Keeps all objects that there are now for good.
    fn keep(&self) {
        let text = "if test -d \"$1\"; then mkdir -p \"$2\" && cp -an \"$1/.\" \"$2\"; fi";
        let cache = self.root().join(self.setting.cache());
        let mut copy = self.scratch.command("/bin/sh");
        Ran::of(copy.args(["-c", text, "sh"]).arg(cache).arg(self.scratch.top().join("full"))).ok();
    }

    fn edit(&mut self) {
        if self.rng.u8(..8) == 0 {
            let path = *self.rng.choice(&["raw/x.pyc", "other/in/x.pyc", "raw/deep/new.tmp"]).unwrap();
            self.told.push(format!("edit: leave {path}"));
            return self.apply(&[Op::Write(path.to_owned(), "left\n".to_owned())]);
        }
        let before = self.pipeline.clone();
        let (what, ops) = edits::random(&mut self.pipeline, &mut self.rng);
        self.told.push(format!("edit: {what}"));
        self.apply(&edits::between(&before, &self.pipeline));
        self.keep();
        self.apply(&ops);
        // What is old has objects of its own.
        self.keep();
    }

    /// All stages, as far as that goes.
    fn run(&mut self) {
        let mut own = self.scratch.command(program::path());
        let ran = Ran::of(own.current_dir(self.root()).args(program::repro(2)).args(["--all-pipelines", "--keep-going"]));
        self.told.push(format!("run: repro --all-pipelines --keep-going, exit code {}", ran.code));
        self.keep();
    }

    /// What is there becomes what is recorded.
    fn dvc_commit(&mut self) {
        let ran = self.dvc.run(&self.scratch, &self.root(), &["commit", "--force"]);
        self.told.push(format!("dvc commit --force, exit code {}", ran.code));
        self.keep();
    }

    /// Some of what has changed goes into the index, and perhaps into a commit.
    fn stage(&mut self) {
        let lock = "'*dvc.lock' '*.dvc'";
        let text = match self.rng.u8(..10) {
            0 | 1 => "true".to_owned(),
            2 => "git add -u".to_owned(),
            3 => format!("git add -A -- {lock}"),
            4 => format!("git add -A -- . && git reset -q -- {lock}"),
            5 => self.untrack(),
            6 => "git add -A -f -- '*made*'".to_owned(),
            _ => "git add -A".to_owned(),
        };
        self.told.push(text.clone());
        self.git(&format!("{{ {text} || true; }} 2>../git.err"));
        if self.rng.bool() {
            self.told.push("git commit".to_owned());
            self.git("git commit -q --allow-empty -m edit");
        }
    }

    /// Takes a file that is no setting out of the index.
    fn untrack(&mut self) -> String {
        let listed = self.git("git -c core.quotePath=false ls-files | grep -v '\\.dvc/'");
        let files: Vec<&str> = listed.lines().collect();
        format!("git rm -q --cached -- '{}'", self.rng.choice(files).unwrap())
    }

    /// Asks both about all that `check` can look at.
    fn ask(&mut self) -> Result<(), String> {
        let cache = self.root().join(self.setting.cache());
        let mut missing = HashMap::new();
        for (words, tree) in QUESTIONS {
            let tree = self.git(tree);
            if !self.truths.contains_key(&tree) {
                let number = self.truths.len();
                let truth = Truth::of(self.dvc, &self.scratch, &self.setting, &tree, number);
                self.truths.insert(tree.clone(), truth);
            }
            let ran = Ran::of(self.scratch.command(program::path()).current_dir(self.root()).args(["check", "--json"]).args(words));
            let truth = &self.truths[&tree];
            let missing = missing.entry(tree.clone()).or_insert_with(|| truth.missing(self.dvc, &self.scratch, &cache));
            let differs = |why: String| format!("check {} of the tree {tree}: {why}\n{ran}{}", words.join(" "), truth.told);
            let answer: Value = serde_json::from_str(&ran.out()).map_err(|error| differs(error.to_string()))?;
            let prefix = if self.setting.git == Git::Subdir { "proj/" } else { "" };
            let counts = compare::compare(&answer, ran.code, truth, missing, prefix).map_err(|wrong| differs(wrong.join("\n  ")))?;
            self.counts = self.counts.plus(counts);
        }
        Ok(())
    }
}
