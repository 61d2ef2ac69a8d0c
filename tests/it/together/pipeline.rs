//! Random pipelines whose results can be computed without running them.
//!
//! A stage writes its name, a number, and the MD5 of each of its deps. While it works it holds a
//! folder of its name, by which it is seen whether it ever ran beside itself or beside a stage
//! that makes what it reads.

use std::fmt::Write as _;
use std::path::Path;

use fastrand::Rng;
use md5::{Digest as _, Md5};

/// Files that all stages may read.
pub const SOURCES: [&str; 3] = ["src0", "src1", "src2"];

/// What a stage runs: the body of a script that stands outside of the repository.
pub const STEP: &str = r#"#!/bin/sh
# step NAME NUMBER SECONDS KIND OUT [DEP PRODUCER]...
set -e
top=$(dirname "$0"); name=$1; number=$2; seconds=$3; kind=$4; out=$5; shift 5
mkdir "$top/busy/$name" || echo "$name ran beside itself" >> "$top/wrong"
look() {
    while [ $# -gt 0 ]; do
        if [ -d "$top/busy/$2" ]; then echo "$name ran beside $2, which makes $1" >> "$top/wrong"; fi
        shift 2
    done
}
look "$@"
sleep "$seconds"
text=$(echo "$name $number"
    while [ $# -gt 0 ]; do
        if [ -d "$1" ]; then cat "$1"/* | md5sum; else md5sum < "$1"; fi
        shift 2
    done)
if [ "$kind" = dir ]; then
    mkdir -p "$out"; echo "$text" > "$out/a"; echo end > "$out/b"
else
    echo "$text" > "$out"
fi
look "$@"
rmdir "$top/busy/$name"
"#;

/// What an output is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Dir,
    Uncached,
}

/// What a stage calls before it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Nested {
    Nothing,
    DvcStatus,
    DvcRepro,
    OwnRepro,
}

#[derive(Clone)]
pub struct Stage {
    pub name: String,
    /// The folder of its dvc.yaml, with `/` at its end if it is not the root.
    pub home: &'static str,
    pub number: u32,
    millis: u32,
    kind: Kind,
    deps: Vec<Dep>,
    pub nested: Nested,
}

#[derive(Clone)]
enum Dep {
    Source(usize),
    Stage(usize),
}

/// Stages, each of which reads sources and stages before it.
pub struct Pipeline {
    pub stages: Vec<Stage>,
    pub sources: [u32; 3],
}

/// Those that nested programs run: they read nothing that a stage makes, and nobody reads them.
pub const INNER: [&str; 2] = ["inner0", "inner1"];

impl Pipeline {
    pub fn random(rng: &mut Rng) -> Self {
        let homes: &[&str] = if rng.bool() { &[""] } else { &["", "sub/", "other/"] };
        let mut stages = Vec::new();
        for name in INNER {
            stages.push(Stage { name: name.to_owned(), nested: Nested::Nothing, ..random_stage(rng, 0) });
        }
        for at in INNER.len()..INNER.len() + rng.usize(4..8) {
            let mut stage = random_stage(rng, at);
            stage.home = homes[rng.usize(..homes.len())];
            stages.push(stage);
        }
        Self { stages, sources: [0; 3] }
    }

    /// Makes some stages stale.
    pub fn edit(&mut self, rng: &mut Rng) {
        for _ in 0..rng.usize(1..4) {
            if rng.bool() {
                self.sources[rng.usize(..3)] += 1;
            } else {
                let at = rng.usize(..self.stages.len());
                self.stages[at].number += 1;
            }
        }
    }

    /// The files of the work tree that say all this.
    pub fn files(&self, top: &Path, dvc: &Path, own: &Path) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> =
            SOURCES.iter().zip(self.sources).map(|(name, number)| ((*name).to_owned(), source(name, number))).collect();
        for home in ["", "sub/", "other/"] {
            let mut text = String::from("stages:\n");
            for stage in self.stages.iter().filter(|stage| stage.home == home) {
                let cmd = serde_json::to_string(&self.cmd(stage, top, dvc, own)).unwrap();
                let _ = writeln!(text, "  {}:\n    cmd: {cmd}\n    deps:", stage.name);
                for dep in &stage.deps {
                    let _ = writeln!(text, "    - {}", self.path_from(stage, dep));
                }
                let cache = if stage.kind == Kind::Uncached { ":\n        cache: false" } else { "" };
                let _ = writeln!(text, "    outs:\n    - {}.out{cache}", stage.name);
            }
            if text.len() > 10 {
                files.push((format!("{home}dvc.yaml"), text));
            }
        }
        files
    }

    /// The command of a stage.
    pub fn cmd(&self, stage: &Stage, top: &Path, dvc: &Path, own: &Path) -> String {
        let top = top.display();
        let inner = INNER[stage.number as usize % 2];
        let up = if stage.home.is_empty() { "" } else { "cd .. && " };
        let log = format!("{top}/nested/{}.$$", stage.name);
        let nested = match stage.nested {
            Nested::Nothing => String::new(),
            Nested::DvcStatus => format!("({up}{} status > {log}.dvc 2>&1; true) && ", dvc.display()),
            Nested::DvcRepro => format!("({up}{} repro {inner} > {log}.dvc 2>&1; true) && ", dvc.display()),
            Nested::OwnRepro => format!("({up}{} repro {inner} > {log}.own 2>&1; echo $? >> {log}.own) && ", own.display()),
        };
        let kind = if stage.kind == Kind::Dir { "dir" } else { "file" };
        let seconds = format!("{}.{:03}", stage.millis / 1000, stage.millis % 1000);
        let mut text = format!("{nested}sh {top}/step {} {} {seconds} {kind} {}.out", stage.name, stage.number, stage.name);
        for dep in &stage.deps {
            let producer = match dep {
                Dep::Source(_) => "none",
                Dep::Stage(at) => &self.stages[*at].name,
            };
            let _ = write!(text, " {} {producer}", self.path_from(stage, dep));
        }
        text
    }

    fn path_from(&self, stage: &Stage, dep: &Dep) -> String {
        let path = match dep {
            Dep::Source(at) => SOURCES[*at].to_owned(),
            Dep::Stage(at) => self.stages[*at].out(),
        };
        let up = if stage.home.is_empty() { "" } else { "../" };
        format!("{up}{path}")
    }

    /// What each output must hold in the end: path and content of its (first) file.
    pub fn results(&self) -> Vec<(String, String)> {
        let mut texts: Vec<String> = Vec::new();
        for stage in &self.stages {
            let mut text = format!("{} {}\n", stage.name, stage.number);
            for dep in &stage.deps {
                let read = match dep {
                    Dep::Source(at) => source(SOURCES[*at], self.sources[*at]),
                    Dep::Stage(at) if self.stages[*at].kind == Kind::Dir => format!("{}end\n", texts[*at]),
                    Dep::Stage(at) => texts[*at].clone(),
                };
                let _ = writeln!(text, "{}  -", hex(read.as_bytes()));
            }
            texts.push(text);
        }
        let place = |stage: &Stage| if stage.kind == Kind::Dir { format!("{}/a", stage.out()) } else { stage.out() };
        self.stages.iter().map(place).zip(texts).collect()
    }
}

impl Stage {
    /// Its output, from the root.
    pub fn out(&self) -> String {
        format!("{}{}.out", self.home, self.name)
    }

    /// How it is named at the root.
    pub fn address(&self) -> String {
        if self.home.is_empty() { self.name.clone() } else { format!("{}dvc.yaml:{}", self.home, self.name) }
    }

    /// Whether its output belongs to the cache, and so not to git.
    pub fn is_cached(&self) -> bool {
        self.kind != Kind::Uncached
    }
}

/// A stage of the root that reads sources, or stages before it if there are any for it to read.
fn random_stage(rng: &mut Rng, at: usize) -> Stage {
    let mut deps = vec![Dep::Source(rng.usize(..3))];
    for before in INNER.len()..at {
        if rng.u8(..3) == 0 {
            deps.push(Dep::Stage(before));
        }
    }
    let kind = [Kind::File, Kind::File, Kind::Dir, Kind::Uncached][rng.usize(..4)];
    let nested = match rng.u8(..10) {
        0 => Nested::DvcStatus,
        1 => Nested::DvcRepro,
        2 => Nested::OwnRepro,
        _ => Nested::Nothing,
    };
    let millis = if rng.bool() { rng.u32(..100) } else { rng.u32(100..1000) };
    Stage { name: format!("s{at}"), home: "", number: rng.u32(..2), millis, kind, deps, nested }
}

fn source(name: &str, number: u32) -> String {
    format!("{name} {number}\n")
}

/// The MD5 of some bytes, as text.
pub fn hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
