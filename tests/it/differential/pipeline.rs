//! A random pipeline as a model that can be edited: stages, groups, sources, variables, parameters,
//! rules of what is ignored. It says what every file of it holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;

use super::groups::{Group, Over};
use super::params::{FILES, ParamsFile};
use super::stage::{Kind, Out, Shape, Stage};

/// A pipeline: stages in an order in which they can run, and what they start from.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    /// The stages.
    pub stages: Vec<Stage>,
    /// `foreach` and `matrix`.
    pub groups: Vec<Group>,
    /// Source files by path, with all contents they ever had, the last one standing.
    pub sources: BTreeMap<String, Vec<String>>,
    /// Symbolic links with their targets.
    pub links: BTreeMap<String, String>,
    /// What `dvc add` tracks: files and folders of the sources.
    pub added: Vec<String>,
    /// params.yaml, with all values that the keys ever had.
    pub params: BTreeMap<String, Vec<String>>,
    /// Other parameter files.
    pub files: BTreeMap<&'static str, ParamsFile>,
    /// Lines of .dvcignore.
    pub ignore: Vec<&'static str>,
    /// Artifacts, plots and metrics at the top of dvc.yaml, which change nothing; 0 for none.
    pub trim: u32,
    next: u32,
}

/// Texts that make names interesting.
const WORDS: &[&str] = &["a", "Zeta", "mid dle", "ünï", "x-1", "日本", "b_c", "q.r"];

/// What an ignoring line may be; none of them matches a whole output.
pub const RULES: &[&str] =
    &["*.tmp", "/raw/skip*", "none", "!keep.tmp", "/raw/deep/two.csv", "in/*.tmp", "# nothing", "**/b", "/data/dir/ig*", "/other/"];

/// Maps that become options of a command.
pub const OPTIONS: &[&str] = &[
    "{}",
    "{lr: 0.1, on: true, off: false}",
    "{list: [1, 'b c', 2.50], deep: {n: null, s: \"it's\"}}",
    "{e: 1e-5, big: 100000000000000000000, '1': x, u: 'ü \"q\"'}",
];

impl Pipeline {
    /// A random one.
    pub fn random(rng: &mut Rng) -> Self {
        let mut pipeline = Self::default();
        let mut source = |path: &str, text: &str| pipeline.sources.insert(path.to_owned(), vec![text.to_owned()]);
        for path in ["in.txt", "raw/one.csv", "raw/deep/two.csv", "sub/local.txt", "other/f", "other/gé h"] {
            source(path, &format!("{path}\n"));
        }
        for path in ["raw/a.tmp", "raw/skip.csv", "raw/keep.tmp", "raw/dos.csv"] {
            source(path, &format!("{path}\r\ntwo\r\n"));
        }
        let with_data = rng.bool();
        if with_data {
            for path in ["data/a.csv", "data/dir/x", "data/dir/in/ü y", "data/dir/ig", "data/dir/dos"] {
                source(path, &format!("{path}\r\n"));
            }
            pipeline.added = vec!["data/a.csv".to_owned(), "data/dir".to_owned()];
        }
        if rng.bool() {
            for (path, target) in [("link.txt", "in.txt"), ("raw/ln.csv", "deep/two.csv"), ("raw/lnd", "../other"), ("lndir", "raw/deep")] {
                pipeline.links.insert(path.to_owned(), target.to_owned());
            }
        }
        for (key, value) in [("lr", "0.1"), ("name", "first"), ("deep", "{n: 1, s: [1, 2.5]}"), ("flag", "true"), ("size", "3")] {
            pipeline.params.insert(key.to_owned(), vec![value.to_owned()]);
        }
        for file in FILES.iter().filter(|_| rng.u8(..3) == 0) {
            pipeline.files.insert(file, ParamsFile::new());
        }
        for rule in RULES.iter().filter(|_| rng.u8(..5) == 0) {
            pipeline.ignore.push(rule);
        }
        for _ in 0..[0, 0, 1, 2][rng.usize(..4)] {
            let number = pipeline.fresh();
            pipeline.groups.push(Group::random(rng, number));
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
        let home = *rng.choice(&["", "", "", "", "", "", "sub", "sub/deep"]).unwrap();
        let wdir = if rng.u8(..6) == 0 { "work" } else { home };
        let mut deps: Vec<String> = (0..rng.usize(..4)).filter_map(|_| self.possible_dep(rng, self.stages.len())).collect();
        deps.sort();
        deps.dedup();
        let word = rng.choice(WORDS).unwrap();
        let plain = if rng.bool() { "s" } else { word };
        let mut stage = Stage {
            name: format!("{}{number}", plain.replace([' ', '.'], "")),
            rank: rng.u32(..),
            home,
            wdir,
            deps: drop_nested(deps),
            params: self.random_params(rng),
            outs: Vec::new(),
            style: rng.u8(..4),
            salt: 1,
            fails: false,
            frozen: false,
            always: rng.u8(..12) == 0,
            desc: None,
            list: rng.u8(..5) == 0,
            options: (home.is_empty() && rng.u8(..4) == 0).then(|| (*rng.choice(OPTIONS).unwrap()).to_owned()),
        };
        match rng.u8(..12) {
            0 => {}
            1 => stage.deps.clear(),
            _ => (0..rng.usize(1..3)).for_each(|_| stage.outs.push(self.random_out(rng))),
        }
        self.stages.push(stage);
    }

    fn random_params(&self, rng: &mut Rng) -> Vec<(String, Option<String>)> {
        if rng.bool() {
            return Vec::new();
        }
        let keys: Vec<&String> = self.params.keys().collect();
        let mut params = vec![("params.yaml".to_owned(), rng.choice(keys).cloned())];
        if let Some((file, content)) = rng.choice(self.files.iter().collect::<Vec<_>>()) {
            let keys: Vec<&String> = content.keys.keys().collect();
            let key = if rng.u8(..3) == 0 { None } else { rng.choice(keys).cloned() };
            params.push(((*file).to_owned(), key));
        }
        if rng.bool() { params.split_off(params.len() - 1) } else { params }
    }

    /// An output under a path that nobody has had.
    pub fn random_out(&mut self, rng: &mut Rng) -> Out {
        let number = self.fresh();
        let shape = *rng.choice(&[Shape::File, Shape::File, Shape::File, Shape::File, Shape::Dir, Shape::Dir, Shape::Link]).unwrap();
        let kind = *rng.choice(&[Kind::Out, Kind::Out, Kind::Out, Kind::Metric, Kind::Plot]).unwrap();
        let place = rng.choice(&["", "", "made/", "sub/", "made/deep/"]).unwrap();
        Out {
            path: format!("{place}{}{number}", rng.choice(WORDS).unwrap()),
            kind: if shape == Shape::Dir { Kind::Out } else { kind },
            shape,
            extras: if rng.bool() { rng.u8(..64) } else { 0 },
            cache: rng.u8(..4) != 0,
            persist: shape != Shape::Link && rng.u8(..10) == 0,
            exec: shape == Shape::File && rng.u8(..8) == 0,
            note: rng.u8(..8) == 0,
        }
    }

    /// A path that the stage of this number could depend on.
    pub fn possible_dep(&self, rng: &mut Rng, before: usize) -> Option<String> {
        if rng.bool() {
            let mut all: Vec<&str> = self.sources.keys().chain(self.links.keys()).map(String::as_str).chain(["raw", "raw/deep"]).collect();
            if !self.added.is_empty() {
                all.extend(["data/dir", "data/a.csv", "data"]);
            }
            return rng.choice(all).map(str::to_owned);
        }
        if let Some(group) = rng.choice(&self.groups)
            && rng.u8(..4) == 0
        {
            return group.member(rng).map(|(_, out)| out);
        }
        let outs: Vec<&Out> = self.stages[..before].iter().flat_map(|stage| &stage.outs).collect();
        let out = rng.choice(outs)?;
        Some(if out.shape == Shape::Dir && rng.bool() { format!("{}/x", out.path) } else { out.path.clone() })
    }

    /// All outputs.
    pub fn outs(&self) -> Vec<Out> {
        self.stages.iter().flat_map(|stage| stage.outs.clone()).collect()
    }

    /// How many stages there are, also those of added data.
    pub fn count(&self) -> usize {
        self.stages.len() + self.grouped() + self.added.len()
    }

    /// How many stages the dvc.yaml at the root holds, which runs without a target start from.
    pub fn at_root(&self) -> usize {
        self.stages.iter().filter(|stage| stage.home.is_empty()).count() + self.grouped()
    }

    fn grouped(&self) -> usize {
        self.groups.iter().map(Group::count).sum()
    }

    /// Takes a path, and what is below it, out of all deps.
    pub fn forget(&mut self, path: &str) {
        let below = format!("{path}/");
        for stage in &mut self.stages {
            stage.deps.retain(|dep| dep != path && !dep.starts_with(&below));
        }
    }

    /// All dvc.yaml files.
    pub fn dvc_yamls(&self) -> Vec<(String, String)> {
        let mut all = vec![("dvc.yaml".to_owned(), self.dvc_yaml(""))];
        for home in ["sub", "sub/deep"] {
            all.push((format!("{home}/dvc.yaml"), self.dvc_yaml(home)));
        }
        all
    }

    /// All files of the model but links.
    pub fn texts(&self) -> Vec<(String, String)> {
        let mut all = self.dvc_yamls();
        let params: String = self.params.iter().map(|(key, values)| format!("{key}: {}\n", values.last().unwrap())).collect();
        all.push(("params.yaml".to_owned(), params));
        all.extend(self.files.iter().map(|(path, file)| ((*path).to_owned(), file.text(path))));
        let vars: String = self.groups.iter().map(Group::vars).collect();
        all.push(("vars.yaml".to_owned(), format!("keys: {{lr: lr, name: name, deep: deep, flag: flag, size: size}}\n{vars}")));
        all.push((".dvcignore".to_owned(), self.ignore.iter().map(|rule| format!("{rule}\n")).collect()));
        all.extend(self.sources.iter().map(|(path, contents)| (path.clone(), contents.last().unwrap().clone())));
        all
    }

    /// The dvc.yaml of a folder.
    fn dvc_yaml(&self, home: &str) -> String {
        let mut text = String::new();
        if home.is_empty() {
            text.push_str("vars:\n- vars.yaml\n- dirs: {made: made}\n");
            if self.trim > 0 {
                let _ = write!(text, "artifacts:\n  model{n}:\n    path: in.txt\n    type: model\n    desc: ${{keys.lr}}\n", n = self.trim);
                let _ = write!(text, "plots:\n- in.txt:\n    x: a{}\n- raw/one.csv\nmetrics: [in.txt]\nparams: [vars.yaml]\n", self.trim);
            }
        }
        text.push_str("stages:\n");
        if home.is_empty() {
            self.groups.iter().for_each(|group| text.push_str(&group.yaml()));
        }
        let mut stages: Vec<&Stage> = self.stages.iter().filter(|stage| stage.home == home).collect();
        stages.sort_by_key(|stage| stage.rank);
        stages.iter().for_each(|stage| text.push_str(&stage.yaml()));
        match (stages.is_empty() && (self.groups.is_empty() || !home.is_empty()), home) {
            (false, _) => text,
            // DVC runs the whole repository if the file that it looks at first has no stage.
            (true, "") => text + "  idle:\n    cmd: echo > made/idle\n    outs: [made/idle]\n",
            (true, _) => "stages: {}\n".to_owned(),
        }
    }

    /// Whether items of a group may be taken out without anybody noticing in deps.
    pub fn shrink(&mut self, at: usize, rng: &mut Rng) {
        let group = &mut self.groups[at];
        if group.items.len() < 2 {
            return;
        }
        let item = group.items.remove(rng.usize(..group.items.len()));
        if matches!(group.over, Over::List | Over::ListVar) {
            let path = format!("made/{}-{item}", group.name);
            self.forget(&path);
        }
    }
}

/// Leaves out what lies in another path of the list: reading it twice would prove nothing.
fn drop_nested(paths: Vec<String>) -> Vec<String> {
    let all = paths.clone();
    paths.into_iter().filter(|path| !all.iter().any(|other| path.starts_with(&format!("{other}/")))).collect()
}
