//! A random pipeline as a model that can be edited, and its dvc.yaml files.
//!
//! Commands are deterministic and read exactly what the stage declares, so that any difference
//! between two runs lies in the program that ran them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;

/// What kind of output a path is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Listed under `outs`.
    Out,
    /// Listed under `metrics`.
    Metric,
    /// Listed under `plots`.
    Plot,
}

/// An output.
#[derive(Clone, Debug)]
pub struct Out {
    /// Path from the root.
    pub path: String,
    /// How it is listed.
    pub kind: Kind,
    /// Whether it is a folder.
    pub dir: bool,
    /// Its flags.
    pub cache: bool,
    /// Whether it is kept and appended to.
    pub persist: bool,
    /// Whether the command makes it executable.
    pub exec: bool,
}

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its place in dvc.yaml.
    pub rank: u32,
    /// The folder of its dvc.yaml: the root or `sub`.
    pub home: &'static str,
    /// The folder in which it runs, from the root.
    pub wdir: &'static str,
    /// Paths from the root.
    pub deps: Vec<String>,
    /// Keys of params.yaml.
    pub params: Vec<String>,
    /// Its outputs.
    pub outs: Vec<Out>,
    /// How much of the input can be seen in the output: 0 all, 1 little, 2 nothing.
    pub style: u8,
    /// Stands in the command.
    pub salt: u32,
    /// Whether the command fails at its end.
    pub fails: bool,
    /// `frozen: true`
    pub frozen: bool,
    /// `always_changed: true`
    pub always: bool,
    /// `desc`, which no program should care about.
    pub desc: Option<u32>,
    /// Whether `cmd` is a list.
    pub list: bool,
}

/// A pipeline: stages in an order in which they can run, and what they start from.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    /// The stages.
    pub stages: Vec<Stage>,
    /// Source files by path, with all contents they ever had, the last one standing.
    pub sources: BTreeMap<String, Vec<String>>,
    /// Parameters, with all values they ever had.
    pub params: BTreeMap<String, Vec<String>>,
    /// Items of a `foreach` group that makes one file each.
    pub items: Vec<String>,
    next: u32,
}

/// Texts that make names interesting.
const WORDS: &[&str] = &["a", "Zeta", "mid dle", "ünï", "x-1", "日本", "b_c", "q.r"];

impl Pipeline {
    /// A random one.
    pub fn random(rng: &mut Rng) -> Self {
        let mut pipeline = Self::default();
        for path in ["in.txt", "raw/one.csv", "raw/deep/two.csv", "sub/local.txt"] {
            pipeline.sources.insert(path.to_owned(), vec![format!("{path}\n")]);
        }
        for (key, value) in [("lr", "0.1"), ("name", "first"), ("deep", "{n: 1, s: [1, 2.5]}"), ("flag", "true"), ("size", "3")] {
            pipeline.params.insert(key.to_owned(), vec![value.to_owned()]);
        }
        if rng.u8(..3) == 0 {
            pipeline.items = vec!["p".to_owned(), "q".to_owned()];
        }
        for _ in 0..rng.usize(2..7) {
            pipeline.add_stage(rng);
        }
        pipeline
    }

    /// A number that was not used before.
    pub fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Adds a stage that depends on what is there already.
    pub fn add_stage(&mut self, rng: &mut Rng) {
        let number = self.fresh();
        let home = if rng.u8(..5) == 0 { "sub" } else { "" };
        let wdir = if rng.u8(..6) == 0 { "work" } else { home };
        let mut deps: Vec<String> = (0..rng.usize(..4)).filter_map(|_| self.possible_dep(rng, self.stages.len())).collect();
        deps.sort();
        deps.dedup();
        let keys: Vec<String> = self.params.keys().cloned().collect();
        let params =
            if home.is_empty() && wdir.is_empty() && rng.u8(..3) == 0 { vec![rng.choice(&keys).unwrap().clone()] } else { Vec::new() };
        let word = rng.choice(WORDS).unwrap();
        let plain = if rng.bool() { "s" } else { word };
        let mut stage = Stage {
            name: format!("{}{number}", plain.replace([' ', '.'], "")),
            rank: rng.u32(..),
            home,
            wdir,
            deps: drop_nested(deps),
            params,
            outs: Vec::new(),
            style: rng.u8(..3),
            salt: 1,
            fails: false,
            frozen: false,
            always: rng.u8(..12) == 0,
            desc: None,
            list: rng.u8(..5) == 0,
        };
        for _ in 0..rng.usize(1..3) {
            stage.outs.push(self.random_out(rng));
        }
        self.stages.push(stage);
    }

    /// An output under a path that nobody has had.
    pub fn random_out(&mut self, rng: &mut Rng) -> Out {
        let number = self.fresh();
        let dir = rng.u8(..4) == 0;
        let kind = if dir { Kind::Out } else { *rng.choice(&[Kind::Out, Kind::Out, Kind::Out, Kind::Metric, Kind::Plot]).unwrap() };
        let place = rng.choice(&["", "", "made/", "sub/", "made/deep/"]).unwrap();
        Out {
            path: format!("{place}{}{number}", rng.choice(WORDS).unwrap()),
            kind,
            dir,
            cache: rng.u8(..4) != 0,
            persist: !dir && rng.u8(..10) == 0,
            exec: !dir && rng.u8(..8) == 0,
        }
    }

    /// A path that the stage of this number could depend on.
    pub fn possible_dep(&self, rng: &mut Rng, before: usize) -> Option<String> {
        if rng.bool() {
            let sources: Vec<&str> = self.sources.keys().map(String::as_str).chain(["raw", "raw/deep"]).collect();
            return rng.choice(sources).map(str::to_owned);
        }
        if !self.items.is_empty() && rng.u8(..4) == 0 {
            return rng.choice(&self.items).map(|item| format!("made/g-{item}"));
        }
        let outs: Vec<&Out> = self.stages[..before].iter().flat_map(|stage| &stage.outs).collect();
        let out = rng.choice(outs)?;
        Some(if out.dir && rng.bool() { format!("{}/x", out.path) } else { out.path.clone() })
    }

    /// All outputs.
    pub fn outs(&self) -> Vec<Out> {
        self.stages.iter().flat_map(|stage| stage.outs.clone()).collect()
    }

    /// How many stages there are.
    pub fn count(&self) -> usize {
        self.stages.len() + self.items.len()
    }

    /// How many stages the dvc.yaml at the root holds, which runs without a target start from.
    pub fn at_root(&self) -> usize {
        self.stages.iter().filter(|stage| stage.home.is_empty()).count() + self.items.len()
    }

    /// Takes a path, and what is below it, out of all deps.
    pub fn forget(&mut self, path: &str) {
        let below = format!("{path}/");
        for stage in &mut self.stages {
            stage.deps.retain(|dep| dep != path && !dep.starts_with(&below));
        }
    }

    /// params.yaml.
    pub fn params_yaml(&self) -> String {
        self.params.iter().map(|(key, values)| format!("{key}: {}\n", values.last().unwrap())).collect()
    }

    /// The dvc.yaml of a folder.
    pub fn dvc_yaml(&self, home: &str) -> String {
        let mut text = String::from("stages:\n");
        if home.is_empty() && !self.items.is_empty() {
            let items = self.items.join(", ");
            let _ = write!(
                text,
                "  group:\n    foreach: [{items}]\n    do:\n      cmd: (echo ${{item}}; cat in.txt) | cksum > made/g-${{item}}\n"
            );
            text.push_str("      deps: [in.txt]\n      outs: ['made/g-${item}']\n");
        }
        let mut stages: Vec<&Stage> = self.stages.iter().filter(|stage| stage.home == home).collect();
        stages.sort_by_key(|stage| stage.rank);
        for stage in &stages {
            text.push_str(&stage.yaml());
        }
        match (stages.is_empty() && self.items.is_empty(), home) {
            (false, _) => text,
            // DVC runs the whole repository if the file that it looks at first has no stage.
            (true, "") => text + "  idle:\n    cmd: echo > made/idle\n    outs: [made/idle]\n",
            (true, _) => "stages: {}\n".to_owned(),
        }
    }
}

impl Stage {
    fn yaml(&self) -> String {
        let mut text = format!("  {}:\n", self.name);
        if let Some(desc) = self.desc {
            let _ = writeln!(text, "    desc: told {desc} times");
        }
        if self.wdir != self.home {
            let _ = writeln!(text, "    wdir: {}", relative(self.home, self.wdir));
        }
        let cmd = self.cmd();
        if self.list {
            let _ = writeln!(text, "    cmd:\n    - 'true'\n    - {}", quoted(&cmd));
        } else {
            let _ = writeln!(text, "    cmd: {}", quoted(&cmd));
        }
        for (flag, set) in [("frozen", self.frozen), ("always_changed", self.always)] {
            if set {
                let _ = writeln!(text, "    {flag}: true");
            }
        }
        if !self.deps.is_empty() {
            text.push_str("    deps:\n");
            for dep in &self.deps {
                let _ = writeln!(text, "    - {}", quoted(&relative(self.wdir, dep)));
            }
        }
        if !self.params.is_empty() {
            let _ = writeln!(text, "    params: [{}]", self.params.join(", "));
        }
        for (kind, key) in [(Kind::Out, "outs"), (Kind::Metric, "metrics"), (Kind::Plot, "plots")] {
            let outs: Vec<&Out> = self.outs.iter().filter(|out| out.kind == kind).collect();
            if !outs.is_empty() {
                let _ = writeln!(text, "    {key}:");
            }
            for out in outs {
                let path = quoted(&relative(self.wdir, &out.path));
                let _ = match (out.cache, out.persist) {
                    (true, false) => writeln!(text, "    - {path}"),
                    (false, false) => writeln!(text, "    - {path}:\n        cache: false"),
                    (true, true) => writeln!(text, "    - {path}:\n        persist: true"),
                    (false, true) => writeln!(text, "    - {path}:\n        persist: true\n        cache: false"),
                };
            }
        }
        text
    }

    /// The command: everything that the stage depends on goes into everything that it makes.
    fn cmd(&self) -> String {
        let here = |path: &str| format!("'{}'", relative(self.wdir, path));
        let deps: Vec<String> = self.deps.iter().map(|dep| here(dep)).collect();
        let mut input = format!("echo {}", self.salt);
        if !deps.is_empty() {
            let _ = write!(input, "; find {} -type f | LC_ALL=C sort -u | xargs -d '\\n' cat", deps.join(" "));
        }
        for key in &self.params {
            let _ = write!(input, "; grep '^{key}:' params.yaml");
        }
        let tool = ["cksum", "wc -l", "sed -n 1p"][usize::from(self.style)];
        let mut parts = Vec::new();
        for out in &self.outs {
            let path = here(&out.path);
            if out.dir {
                parts.push(format!(
                    "mkdir -p {path}/in && ({input}) | {tool} > {path}/x && echo {} > {path}/in/y && touch {path}/none",
                    self.salt
                ));
            } else {
                parts.push(format!("({input}) | {tool} {} {path}", if out.persist { ">>" } else { ">" }));
            }
            if out.exec {
                parts.push(format!("chmod +x {path}"));
            }
        }
        if self.fails {
            parts.push("exit 4".to_owned());
        }
        parts.join(" && ")
    }
}

/// A string that YAML reads back as it is.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A path from the root as seen from a folder (which is the root or one below it).
fn relative(from: &str, path: &str) -> String {
    match from {
        "" => path.to_owned(),
        _ if path == from => ".".to_owned(),
        _ => path.strip_prefix(&format!("{from}/")).map_or_else(|| format!("../{path}"), str::to_owned),
    }
}

/// Leaves out what lies in another path of the list: reading it twice would prove nothing.
fn drop_nested(paths: Vec<String>) -> Vec<String> {
    let all = paths.clone();
    paths.into_iter().filter(|path| !all.iter().any(|other| path.starts_with(&format!("{other}/")))).collect()
}
