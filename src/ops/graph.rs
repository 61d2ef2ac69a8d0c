//! `graph`: the stages and what depends on what, as text, Mermaid, dot or JSON.
//!
//! The JSON (`paraffin-graph/1`, described in docs/json.md) says of each stage all that
//! dvc.yaml and dvc.lock say, so that other tools need neither to read them nor to know
//! DVC's templates.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::model::{self, Algo, Cmd, Digest, Fault, Meta, OutKind, Pipeline, Record, RepoPath, Stage, StageId};
use crate::plan::graph::Graph;
use crate::plan::judge::listed_out;
use crate::plan::level::levels;
use crate::plan::select::{self, Scope};
use crate::plan::terms::Rulebook;
use crate::report::answer;
use crate::report::chart::{Chart, Node};

/// The name of the JSON's format.
pub const SCHEMA: &str = "paraffin-graph/1";

/// A pipeline with all that is known of it.
pub struct Picture<'a> {
    /// The stages.
    pub pipeline: &'a Pipeline,
    /// What depends on what.
    pub graph: &'a Graph,
    /// What dvc.lock says of a stage.
    pub record: &'a dyn Fn(&Stage) -> Option<Record>,
    /// Queues.
    pub rulebook: &'a Rulebook<'a>,
    /// Only these and what they need; all without any.
    pub targets: &'a [StageId],
}

impl Picture<'_> {
    /// The stages in DVC's order of evaluation; frozen ones do not ask for what they depend on.
    fn order(&self) -> Vec<StageId> {
        select::plan(&self.graph.active(self.pipeline), self.targets, &Scope::Upstream)
    }

    /// The levels of the chosen stages. Frozen stages stand above what they depend on too.
    fn levels(&self, chosen: &[StageId]) -> HashMap<StageId, usize> {
        let chosen: HashSet<&StageId> = chosen.iter().collect();
        let mut upstream_first = select::plan(self.graph, self.targets, &Scope::Upstream);
        upstream_first.retain(|stage| chosen.contains(stage));
        levels(&upstream_first, |stage| self.graph.upstream(stage))
    }

    /// The chart, with addresses as seen from `cwd`.
    pub fn chart(&self, cwd: &RepoPath) -> Chart {
        let order = self.order();
        let places: HashMap<StageId, usize> = order.iter().enumerate().map(|(at, stage)| (*stage, at)).collect();
        let level = self.levels(&order);
        let mut edges = Vec::new();
        for (at, stage) in order.iter().enumerate() {
            edges.extend(self.graph.upstream(*stage).iter().filter_map(|up| places.get(up)).map(|&up| (up, at)));
        }
        let components = crate::report::chart::components(order.len(), &edges);
        let nodes = order
            .iter()
            .zip(components)
            .map(|(stage, component)| Node {
                address: self.pipeline.get(*stage).address.seen_from(cwd),
                level: level.get(stage).copied().unwrap_or(0),
                component,
            })
            .collect();
        Chart { nodes, edges }
    }

    /// The JSON; addresses are those that DVC prints in the root.
    pub fn json(&self) -> Value {
        let order = self.order();
        let addr = |stage: &StageId| self.pipeline.get(*stage).address.seen_from(&RepoPath::root());
        let chosen: HashSet<StageId> = order.iter().copied().collect();
        let level = self.levels(&order);
        let component = self.graph.components();
        let mut stages: BTreeMap<String, Value> = BTreeMap::new();
        let mut edges: Vec<[String; 2]> = Vec::new();
        let (mut files, mut seen) = (Vec::new(), HashSet::new());
        for stage in &order {
            let definition = self.pipeline.get(*stage);
            let mut object = describe(definition, (self.record)(definition).as_ref());
            object.insert("component".to_owned(), json!(component.get(stage.index())));
            object.insert("level".to_owned(), json!(level.get(stage)));
            object.insert("queue".to_owned(), json!(self.rulebook.queue_of(&definition.address).0));
            stages.insert(addr(stage), Value::Object(object));
            edges.extend(self.graph.upstream(*stage).iter().filter(|up| chosen.contains(up)).map(|up| [addr(stage), addr(up)]));
        }
        for (id, stage) in self.pipeline.iter() {
            let file = stage.address.file.as_str();
            if chosen.contains(&id) && seen.insert(file) {
                files.push(file);
            }
        }
        edges.sort();
        json!({
            "schema": SCHEMA,
            "ok": true,
            "errors": [],
            "files": files,
            "stages": stages.into_values().collect::<Vec<_>>(),
            "edges": edges,
            "order": order.iter().map(addr).collect::<Vec<_>>(),
        })
    }
}

/// In which step a pipeline was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The repository or its configuration.
    Open,
    /// A file.
    Load,
    /// The graph of all files.
    Graph,
}

/// The JSON of a pipeline that was refused.
pub fn refused(phase: Phase, fault: &Fault) -> Value {
    let phase = match phase {
        Phase::Open => "open",
        Phase::Load => "load",
        Phase::Graph => "graph",
    };
    let mut error = Map::new();
    error.insert("phase".to_owned(), json!(phase));
    error.insert("class".to_owned(), json!(fault.class));
    error.insert("message".to_owned(), json!(fault.message));
    if let Some(file) = fault.detail("file") {
        error.insert("file".to_owned(), json!(file));
    }
    error.insert("causes".to_owned(), fault.chain().skip(1).map(|cause| json!(cause.class)).collect());
    error.insert("error".to_owned(), answer::error(fault));
    json!({"schema": SCHEMA, "ok": false, "errors": [error], "files": [], "stages": [], "edges": Value::Null, "order": []})
}

/// What dvc.yaml and dvc.lock say of a stage.
fn describe(stage: &Stage, record: Option<&Record>) -> Map<String, Value> {
    let cmd = match &stage.cmd {
        None => Value::Null,
        Some(Cmd::One(text)) => json!(text),
        Some(Cmd::Many(items)) => json!(items),
    };
    let Value::Object(mut object) = json!({
        "addr": stage.address.seen_from(&RepoPath::root()),
        "file": stage.address.file.as_str(),
        "name": stage.address.name,
        "kind": if stage.is_data_file() { "single" } else { "pipeline" },
        "cmd": cmd,
        "wdir": stage.wdir.to_string(),
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "desc": stage.desc,
        "meta": plain(&stage.meta),
        "md5": stage.md5,
        "is_import": stage.is_import(),
        "is_callback": stage.is_callback(),
        // DVC calls imports data sources too.
        "is_data_source": stage.cmd.is_none(),
    }) else {
        return Map::new();
    };
    object.insert("deps".to_owned(), stage.deps.iter().map(|dep| describe_dep(dep, &stage.wdir, record)).collect());
    object.insert("params".to_owned(), stage.params.iter().map(|params| describe_params(params, &stage.wdir, record)).collect());
    object.insert("outs".to_owned(), stage.outs.iter().map(|out| describe_out(out, &stage.wdir, record)).collect());
    object
}

fn describe_dep(dep: &model::Dep, wdir: &RepoPath, record: Option<&Record>) -> Value {
    let recorded = record.and_then(|record| record.dep(&dep.def_path));
    let recorded = recorded.and_then(|dep| Some((dep.digest.as_ref()?, dep.meta)));
    let lock = recorded.or(own_record(dep.recorded.as_ref())).map(|(digest, meta)| describe_hash(digest, meta));
    let kind = match dep.foreign.as_deref() {
        Some("repo") => "repo",
        Some("db") => "db",
        Some("ds") => "dataset",
        _ => "file",
    };
    // A path of another repository is relative to that one's root.
    let root_path = if kind == "repo" { dep.def_path.clone() } else { root_path(&dep.path, &dep.def_path, wdir) };
    let repo = dep.repo.as_ref().map(map);
    json!({"path": dep.def_path, "root_path": root_path, "kind": kind, "repo": repo, "lock": lock})
}

fn describe_params(params: &model::ParamsDep, wdir: &RepoPath, record: Option<&Record>) -> Value {
    let values = record.and_then(|record| record.params.get(&params.def_path));
    let lock = values.map(|values| {
        let values: Map<String, Value> = values.iter().map(|(key, value)| (key_text(key), plain(value))).collect();
        json!({"params": values})
    });
    json!({"path": params.def_path, "root_path": root_path(&params.path, &params.def_path, wdir), "keys": params.keys, "lock": lock})
}

fn describe_out(out: &model::Out, wdir: &RepoPath, record: Option<&Record>) -> Value {
    const ANNOTATIONS: [&str; 4] = ["desc", "type", "labels", "meta"];
    let recorded = record.and_then(|record| record.out(&out.def_path)).and_then(|out| Some((out.digest.as_ref()?, out.meta)));
    let listed = listed_out(out, record);
    let mut lock = recorded.or(own_record(out.recorded.as_ref())).map(|(digest, meta)| describe_hash(digest, meta));
    if let (Some(Value::Object(lock)), Some(listed)) = (&mut lock, listed) {
        lock.insert("files".to_owned(), json!(listed.files.len()));
    }
    let (annot, options): (Vec<_>, Vec<_>) =
        out.annot.iter().map(|(key, value)| (key_text(key), plain(value))).partition(|(key, _)| ANNOTATIONS.contains(&key.as_str()));
    let annot: Map<String, Value> = annot.into_iter().collect();
    let options: Map<String, Value> = options.into_iter().collect();
    let listed = |kind| match (out.kind == kind, options.is_empty()) {
        (false, _) => json!(false),
        (true, true) => json!(true),
        (true, false) => json!(options),
    };
    json!({
        "path": out.def_path,
        "root_path": root_path(&out.path, &out.def_path, wdir),
        "cache": out.cache,
        "persist": out.persist,
        "metric": listed(OutKind::Metric),
        "plot": listed(OutKind::Plot),
        "push": out.push,
        "remote": out.remote,
        "annot": annot,
        "lock": lock,
    })
}

/// What a `.dvc` file itself records.
fn own_record(recorded: Option<&(Digest, Meta)>) -> Option<(&Digest, Meta)> {
    recorded.map(|(digest, meta)| (digest, *meta))
}

fn describe_hash(digest: &Digest, meta: Meta) -> Value {
    let hash = match &digest.algo {
        Algo::Md5 => "md5",
        Algo::Md5Dos2Unix => "md5-dos2unix",
        Algo::Other(name) => name,
    };
    let mut object = Map::new();
    object.insert("hash".to_owned(), json!(hash));
    object.insert("value".to_owned(), json!(digest.value));
    if let Some(size) = meta.size {
        object.insert("size".to_owned(), json!(size));
    }
    if let Some(nfiles) = meta.nfiles {
        object.insert("nfiles".to_owned(), json!(nfiles));
    }
    if meta.isexec {
        object.insert("isexec".to_owned(), json!(true));
    }
    if digest.is_dir() {
        object.insert("isdir".to_owned(), json!(true));
    }
    Value::Object(object)
}

/// A path relative to the root; an address of another kind of storage as it is written. What
/// lies outside is absolute only if it is written so: the root's own place does not matter.
fn root_path(path: &RepoPath, def_path: &str, wdir: &RepoPath) -> String {
    if def_path.contains("://") {
        def_path.to_owned()
    } else if path.is_external() && !def_path.starts_with('/') && !wdir.is_external() {
        wdir.join(def_path).to_string()
    } else {
        path.to_string()
    }
}

fn key_text(key: &model::Key) -> String {
    key.as_str().map_or_else(|| plain(&key.0).to_string(), str::to_owned)
}

/// A value of a YAML file as JSON; what JSON has no form for becomes text.
fn plain(value: &model::Value) -> Value {
    match value {
        model::Value::Null => Value::Null,
        model::Value::Bool(value) => json!(value),
        model::Value::Int(value) => json!(value),
        model::Value::BigInt(digits) => serde_json::from_str(digits).unwrap_or_else(|_| json!(digits.as_ref())),
        model::Value::Float(value) if value.is_finite() => json!(value),
        model::Value::Float(value) if value.is_nan() => json!("NaN"),
        model::Value::Float(value) => json!(if *value > 0.0 { "Infinity" } else { "-Infinity" }),
        model::Value::Str(text) | model::Value::Time(text) => json!(text.as_ref()),
        model::Value::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
        model::Value::Set(map) => map.keys().map(|key| plain(&key.0)).collect(),
        model::Value::Seq(items) => items.iter().map(plain).collect(),
        model::Value::Map(entries) => map(entries),
    }
}

fn map(entries: &model::Map) -> Value {
    Value::Object(entries.iter().map(|(key, value)| (key_text(key), plain(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Dep, Out, RecordedPath};
    use crate::plan::terms::Overrides;

    fn stage(name: &str, deps: &[&str], outs: &[&str]) -> Stage {
        let out = |path: &&str| Out {
            def_path: (*path).to_owned(),
            path: RepoPath::new(path),
            kind: OutKind::Plain,
            cache: true,
            persist: false,
            push: true,
            remote: None,
            annot: model::Map::default(),
            recorded: None,
            listed: None,
        };
        let dep = |path: &&str| Dep { def_path: (*path).to_owned(), path: RepoPath::new(path), foreign: None, repo: None, recorded: None };
        Stage {
            address: Address { file: RepoPath::new("dvc.yaml"), name: Some(name.to_owned()) },
            cmd: Some(Cmd::One(format!("make {name}"))),
            wdir: RepoPath::root(),
            deps: deps.iter().map(dep).collect(),
            params: Vec::new(),
            outs: outs.iter().map(out).collect(),
            frozen: false,
            always_changed: false,
            desc: None,
            meta: model::Value::Null,
            line: None,
            md5: None,
            altered: false,
        }
    }

    /// a -> b -> c and a -> c, c is frozen; d stands alone.
    fn pipeline() -> Pipeline {
        let mut last = stage("c", &["b.txt", "a.txt"], &[]);
        last.frozen = true;
        Pipeline::new(vec![last, stage("b", &["a.txt"], &["b.txt"]), stage("a", &["in"], &["a.txt"]), stage("d", &[], &["d.txt"])])
    }

    fn with_picture<T>(targets: &[StageId], look: impl FnOnce(&Picture<'_>) -> T) -> T {
        let pipeline = pipeline();
        let graph = Graph::build(&pipeline, &RepoPath::root()).unwrap();
        let record = |stage: &Stage| {
            let dep = RecordedPath {
                path: "in".to_owned(),
                digest: Some(Digest::md5("0123456789abcdef")),
                meta: Meta { size: Some(3), ..Meta::default() },
                listed: None,
            };
            (stage.address.name.as_deref() == Some("a")).then(|| Record {
                cmd: None,
                deps: vec![dep],
                params: indexmap::IndexMap::new(),
                outs: Vec::new(),
            })
        };
        let settings = crate::format::paraffin::parse("paraffin.yaml", "queue:\n  b: gpu\n").unwrap();
        let overrides = Overrides::default();
        let rulebook = Rulebook::new(&settings, &overrides).unwrap();
        look(&Picture { pipeline: &pipeline, graph: &graph, record: &record, rulebook: &rulebook, targets })
    }

    #[test]
    fn the_json_holds_stages_edges_and_order() {
        let value = with_picture(&[], |picture| picture.json());
        assert_eq!(value["order"], json!(["c", "a", "b", "d"]));
        assert_eq!(value["edges"], json!([["b", "a"], ["c", "a"], ["c", "b"]]));
        assert_eq!(value["files"], json!(["dvc.yaml"]));
        let stages = value["stages"].as_array().unwrap();
        let column = |key: &str| stages.iter().map(|stage| stage[key].clone()).collect::<Value>();
        assert_eq!(column("addr"), json!(["a", "b", "c", "d"]));
        assert_eq!(column("level"), json!([0, 1, 2, 0]));
        assert_eq!(column("component"), json!([0, 0, 0, 1]));
        assert_eq!(column("queue"), json!(["default", "gpu", "default", "default"]));
        let want = json!([{"path": "in", "root_path": "in", "kind": "file", "repo": null, "lock": {"hash": "md5", "value": "0123456789abcdef", "size": 3}}]);
        assert_eq!(stages[0]["deps"], want);
        assert_eq!(stages[1]["outs"][0]["lock"], Value::Null);
    }

    #[test]
    fn targets_take_what_they_need() {
        let chart = with_picture(&[StageId(1)], |picture| picture.chart(&RepoPath::root()));
        let names: Vec<&str> = chart.nodes.iter().map(|node| node.address.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(chart.edges, [(0, 1)]);
    }

    #[test]
    fn a_refused_pipeline_has_its_error() {
        let fault = Fault::new(model::Class::YAMLSyntaxError, "bad").with("file", "dvc.yaml");
        let value = refused(Phase::Load, &fault);
        assert_eq!(value["ok"], json!(false));
        assert_eq!(value["errors"][0]["phase"], "load");
        assert_eq!(value["errors"][0]["class"], "YAMLSyntaxError");
        assert_eq!(value["errors"][0]["file"], "dvc.yaml");
    }

    #[test]
    fn places_outside_do_not_depend_on_where_the_root_is() {
        let wdir = RepoPath::new("sub");
        let shown = |path: &str, def_path: &str| root_path(&RepoPath::new(path), def_path, &wdir);
        assert_eq!(shown("sub/x", "x"), "sub/x");
        assert_eq!(shown("/top/x", "../../x"), "../x");
        assert_eq!(shown("/data/x", "/data//x"), "/data/x");
        assert_eq!(shown("/s3:/s3:/bucket/x", "s3://bucket/x/"), "s3://bucket/x/");
    }

    #[test]
    fn values_that_json_lacks_become_text() {
        assert_eq!(plain(&model::Value::Float(f64::INFINITY)), json!("Infinity"));
        assert_eq!(plain(&model::Value::BigInt("100000000000000000000".into())).to_string(), "100000000000000000000");
    }
}
