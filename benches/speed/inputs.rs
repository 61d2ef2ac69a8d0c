//! The pipeline that is measured: chains of four stages, with sources, parameters and metrics.
//!
//! Each chain trains on what the chain before made, too, so that the graph is no heap of separate
//! lines. Everything follows from the number of the stage; nothing is random. The commands are
//! real ones, so that the same pipeline can be run ([`write`]).

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use dvc_paraffin::format::lockfile::{Lock, Place};
use dvc_paraffin::format::template::TemplateSettings;
use dvc_paraffin::format::{Files, params, pipeline};
use dvc_paraffin::model::{Cmd, Digest, Meta, Pipeline, Record, RecordedPath, RepoPath, Value};
use dvc_paraffin::store::md5;

/// Where the repository would be.
pub const ROOT: &str = "/home/someone/projects/pipeline";

/// The file of parameters.
const PARAMS: &str = "prepare:
  seed: 20170428
  split: 0.2
features:
  max: 200
  ngrams: 2
train:
  lr: 0.001
  epochs: 10
  layers: [64, 64, 32]
evaluate:
  threshold: 0.5
";

static VALUES: LazyLock<Value> =
    LazyLock::new(|| params::parse(PARAMS.as_bytes(), "params.yaml").expect("the file of parameters is well-formed"));

/// One stage, in the words of dvc.yaml.
pub struct Node {
    pub name: String,
    pub cmd: String,
    pub deps: Vec<String>,
    pub params: [String; 2],
    /// The output, and whether it is a metric.
    pub out: (String, bool),
}

/// The stage of this number.
pub fn node(at: usize) -> Node {
    let chain = at / 4;
    let (raw, prepared) = (format!("data/raw/{chain:05}.csv"), format!("data/prepared/{chain:05}.csv"));
    let (features, model) = (format!("data/features/{chain:05}.bin"), format!("models/{chain:05}.bin"));
    let (step, mut deps, keys, out) = match at % 4 {
        0 => ("prepare", vec![raw], ["prepare.seed", "prepare.split"], (prepared, false)),
        1 => ("featurize", vec![prepared], ["features.max", "features.ngrams"], (features, false)),
        2 => ("train", vec![features], ["train.lr", "train.layers"], (model, false)),
        _ => ("evaluate", vec![features, model], ["prepare.seed", "evaluate.threshold"], (format!("metrics/{chain:05}.json"), true)),
    };
    if step == "train" && chain > 0 {
        deps.push(format!("data/features/{:05}.bin", chain - 1));
    }
    deps.insert(0, format!("src/{step}.py"));
    let cmd = format!("cat {} > {}", deps.join(" "), out.0);
    Node { name: format!("{step}_{chain:05}"), cmd, deps, params: keys.map(str::to_owned), out }
}

/// The stages whose outputs the stage of this number reads, in the order in which it names them.
pub fn upstream(at: usize) -> Vec<usize> {
    match at % 4 {
        0 => Vec::new(),
        1 => vec![at - 1],
        2 if at < 4 => vec![at - 1],
        2 => vec![at - 1, at - 5],
        _ => vec![at - 2, at - 1],
    }
}

/// A dvc.yaml of so many stages, each written out.
pub fn dvc_yaml(count: usize) -> String {
    let mut text = String::from("stages:\n");
    for node in (0..count).map(node) {
        let _ = writeln!(text, "  {}:\n    cmd: {}\n    deps:", node.name, node.cmd);
        for dep in &node.deps {
            let _ = writeln!(text, "    - {dep}");
        }
        let _ = writeln!(text, "    params:\n    - {}\n    - {}", node.params[0], node.params[1]);
        let (out, metric) = &node.out;
        let _ = if *metric {
            writeln!(text, "    metrics:\n    - {out}:\n        cache: false")
        } else {
            writeln!(text, "    outs:\n    - {out}")
        };
    }
    text
}

/// What dvc.lock would say of a stage.
pub fn record(node: &Node) -> Record {
    let path = |path: &String| RecordedPath {
        path: path.clone(),
        digest: Some(Digest::md5(md5::of_bytes(path.as_bytes()))),
        meta: Meta { size: Some(1000 + path.len() as u64), ..Meta::default() },
        listed: None,
    };
    let picked = params::pick(&VALUES, &node.params).expect("the keys are plain");
    let picked = picked.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    Record {
        cmd: Some(Cmd::One(node.cmd.clone())),
        deps: node.deps.iter().map(path).collect(),
        params: [("params.yaml".to_owned(), picked)].into_iter().collect(),
        outs: vec![path(&node.out.0)],
    }
}

/// The dvc.lock of so many stages.
pub fn lock(count: usize) -> Lock {
    let mut lock = Lock::default();
    for node in (0..count).map(node) {
        lock.set(&node.name, &record(&node), Place::End);
    }
    lock
}

/// A work tree in memory.
pub struct Tree(pub Vec<(&'static str, String)>);

impl Files for Tree {
    fn read(&self, path: &RepoPath) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.iter().find(|(name, _)| *name == path.as_str()).map(|(_, text)| text.clone().into_bytes()))
    }
}

/// The work tree of so many stages.
pub fn tree(count: usize) -> Tree {
    Tree(vec![("dvc.yaml", dvc_yaml(count)), ("params.yaml", PARAMS.to_owned())])
}

/// What the dvc.yaml of a tree means.
pub fn project(tree: &Tree) -> pipeline::Project {
    let file = RepoPath::new("dvc.yaml");
    pipeline::load(tree, ROOT, &file, &TemplateSettings::default(), &RepoPath::root()).expect("the dvc.yaml is well-formed")
}

/// So many stages as values.
pub fn stages(count: usize) -> Pipeline {
    Pipeline::new(project(&tree(count)).stages)
}

/// Writes a repository of so many stages, which never ran. It is not yet one of git.
///
/// # Errors
/// What the system says.
pub fn write(root: &Path, count: usize) -> io::Result<()> {
    for dir in [".dvc", "src", "data/raw", "data/prepared", "data/features", "models", "metrics"] {
        std::fs::create_dir_all(root.join(dir))?;
    }
    let put = |name: &str, text: &str| std::fs::write(root.join(name), text);
    put(".dvc/config", "")?;
    put(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")?;
    put(".dvcignore", "")?;
    for (name, text) in tree(count).0 {
        put(name, &text)?;
    }
    for node in (0..count).map(node) {
        for dep in node.deps.iter().filter(|dep| dep.starts_with("src/") || dep.starts_with("data/raw/")) {
            put(dep, &format!("what {dep} says\n"))?;
        }
    }
    Ok(())
}
