//! The answer of `status`: the reasons for which stages do not count as unchanged, in DVC's form.
//!
//! DVC's words are few (`modified`, `deleted`, `not in cache`, `new`), and it prints them as an
//! indented text or as JSON (dvc: `stage/__init__.py` `status`, `commands/status.py`). Nothing is
//! judged here: all follows from the [`Reason`]s, but that DVC names a stage that runs each time
//! even where it is frozen.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use indexmap::IndexMap;

use crate::model::{Key, Map, Reason, RepoPath, Stage, Value};

/// What is printed if nothing changed.
pub const UP_TO_DATE: &str = "Data and pipelines are up to date.";

/// What is printed if there is no stage at all.
pub const EMPTY: &str = "There are no data or pipelines tracked in this project yet.\nSee <https://dvc.org/doc/start> to get started!";

/// What is said of a stage that runs each time.
const ALWAYS: &str = "always changed";

/// The width of DVC's words in the text.
const WIDTH: usize = 20;

/// All stages that changed, by address.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes(IndexMap<String, Vec<Entry>>);

/// One item of a stage's list.
#[derive(Clone, PartialEq, Debug)]
enum Entry {
    /// Paths under a heading, each with what happened to it.
    Paths(&'static str, IndexMap<String, Change>),
    /// A remark.
    Note(String),
}

/// What happened to a path.
#[derive(Clone, PartialEq, Debug)]
enum Change {
    /// One word.
    Whole(String),
    /// In a file of parameters: a word for each.
    Keys(IndexMap<String, String>),
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a stage, as seen from `cwd`. One that is there already is replaced, unless nothing
    /// is to be said of it now.
    pub fn add(&mut self, stage: &Stage, reasons: &[Reason], cwd: &RepoPath) {
        let entries = entries(stage, reasons, cwd);
        if !entries.is_empty() {
            self.0.insert(stage.address.seen_from(cwd), entries);
        }
    }

    /// The text, with tabs and ends of lines as DVC's.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (address, entries) in &self.0 {
            let _ = writeln!(out, "{address}:");
            for entry in entries {
                match entry {
                    Entry::Note(text) => {
                        let _ = writeln!(out, "\t{text}");
                    }
                    Entry::Paths(heading, paths) => {
                        let _ = writeln!(out, "\t{heading}:");
                        write_paths(&mut out, paths);
                    }
                }
            }
        }
        out
    }

    /// The value that DVC prints as JSON.
    pub fn value(&self) -> Value {
        let stage = |entries: &Vec<Entry>| {
            Value::seq(
                entries
                    .iter()
                    .map(|entry| match entry {
                        Entry::Note(text) => Value::str(text),
                        Entry::Paths(heading, paths) => Value::map(Map::from_iter([(Key::str(heading), paths_value(paths))])),
                    })
                    .collect(),
            )
        };
        Value::map(self.0.iter().map(|(address, entries)| (Key::str(address), stage(entries))).collect())
    }
}

fn write_paths(out: &mut String, paths: &IndexMap<String, Change>) {
    for (path, change) in paths {
        match change {
            Change::Whole(word) => {
                let _ = writeln!(out, "\t\t{:WIDTH$}{path}", format!("{word}:"));
            }
            Change::Keys(keys) => {
                let _ = writeln!(out, "\t\t{path}:");
                for (key, word) in keys {
                    let _ = writeln!(out, "\t\t\t{:WIDTH$}{key}", format!("{word}:"));
                }
            }
        }
    }
}

fn paths_value(paths: &IndexMap<String, Change>) -> Value {
    let change = |change: &Change| match change {
        Change::Whole(word) => Value::str(word),
        Change::Keys(keys) => Value::map(keys.iter().map(|(key, word)| (Key::str(key), Value::str(word))).collect()),
    };
    Value::map(paths.iter().map(|(path, what)| (Key::str(path), change(what))).collect())
}

/// What is to be said of one stage, in DVC's order.
fn entries(stage: &Stage, reasons: &[Reason], cwd: &RepoPath) -> Vec<Entry> {
    let names = Names::of(stage, cwd);
    let (mut deps, mut outs, mut own) = (IndexMap::new(), IndexMap::new(), None);
    let mut unrecorded = HashSet::new();
    for reason in reasons {
        let mut dep = |path: &String, word: &str| deps.insert(names.input(path), Change::Whole(word.to_owned()));
        let mut out = |path: &String, word: &str| outs.insert(names.output(path), Change::Whole(word.to_owned()));
        match reason {
            Reason::DepMissing { path } | Reason::ParamsFileMissing { path } => dep(path, "deleted"),
            Reason::DepModified { path, .. } => dep(path, "modified"),
            Reason::ParamsFileNew { path } => {
                unrecorded.insert(path);
                dep(path, "new")
            }
            // Of a file that is not recorded at all only that is said.
            Reason::ParamMissing { path, .. } | Reason::ParamNew { path, .. } if unrecorded.contains(path) => continue,
            Reason::ParamMissing { path, key } => param(&mut deps, names.input(path), key, "deleted"),
            Reason::ParamNew { path, key, .. } => param(&mut deps, names.input(path), key, "new"),
            Reason::ParamModified { path, key, .. } => param(&mut deps, names.input(path), key, "modified"),
            Reason::OutMissing { path } => out(path, "deleted"),
            Reason::OutNotInCache { path, .. } => out(path, "not in cache"),
            Reason::OutModified { path, .. } => out(path, "modified"),
            Reason::CmdChanged { .. } => {
                own = Some("changed command".to_owned());
                continue;
            }
            Reason::FileAltered => {
                own = Some("changed checksum".to_owned());
                continue;
            }
            Reason::SaidByDvc { heading, path, key, word } => match (heading.as_deref(), path, key) {
                (Some("changed outs"), Some(path), _) => out(path, word),
                (Some(_), Some(path), Some(key)) => param(&mut deps, path.clone(), key, word),
                (Some(_), Some(path), None) => dep(path, word),
                _ => {
                    own = Some(word.clone()).filter(|word| word != ALWAYS).or(own);
                    continue;
                }
            },
            // A stage that always changes is asked for it below; the rest comes from flags of a run.
            Reason::NeverRun
            | Reason::AlwaysChanged
            | Reason::Callback
            | Reason::Forced
            | Reason::ForcedBy { .. }
            | Reason::UpstreamMayChange { .. } => continue,
        };
    }
    let listed = |heading, paths: IndexMap<_, _>| (!paths.is_empty()).then_some(Entry::Paths(heading, paths));
    let always = stage.is_callback() || stage.always_changed;
    [listed("changed deps", deps), listed("changed outs", outs), always.then(|| Entry::Note(ALWAYS.to_owned())), own.map(Entry::Note)]
        .into_iter()
        .flatten()
        .collect()
}

/// One parameter. Where its file is a dep too, this takes the place of what was said of the dep.
fn param(deps: &mut IndexMap<String, Change>, file: String, key: &str, word: &str) -> Option<Change> {
    let change = deps.entry(file).or_insert_with(|| Change::Whole(word.to_owned()));
    match change {
        Change::Keys(keys) => {
            keys.insert(key.to_owned(), word.to_owned());
        }
        Change::Whole(_) => *change = Change::Keys(IndexMap::from([(key.to_owned(), word.to_owned())])),
    }
    None
}

/// How the paths of a stage are shown.
struct Names {
    inputs: HashMap<String, String>,
    outputs: HashMap<String, String>,
}

impl Names {
    fn of(stage: &Stage, cwd: &RepoPath) -> Self {
        let named = |def_path: &String, path: &RepoPath| (def_path.clone(), path.shown(def_path, cwd));
        let params = stage.params.iter().map(|params| named(&params.def_path, &params.path));
        Self {
            inputs: stage.deps.iter().map(|dep| named(&dep.def_path, &dep.path)).chain(params).collect(),
            outputs: stage.outs.iter().map(|out| named(&out.def_path, &out.path)).collect(),
        }
    }

    fn input(&self, def_path: &String) -> String {
        self.inputs.get(def_path).unwrap_or(def_path).clone()
    }

    fn output(&self, def_path: &String) -> String {
        self.outputs.get(def_path).unwrap_or(def_path).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Cmd, Dep, Out, OutKind, ParamsDep};

    fn stage(name: &str) -> Stage {
        let out = |path: &str| Out {
            def_path: path.to_owned(),
            path: RepoPath::new("sub").join(path),
            kind: OutKind::Plain,
            cache: true,
            persist: false,
            push: true,
            remote: None,
            annot: Map::default(),
            recorded: None,
            listed: None,
        };
        let dep = |path: &str| Dep {
            def_path: path.to_owned(),
            path: RepoPath::new("sub").join(path),
            foreign: None,
            repo: None,
            recorded: None,
        };
        Stage {
            address: Address { file: RepoPath::new("sub/dvc.yaml"), name: Some(name.to_owned()) },
            cmd: Some(Cmd::One("true".to_owned())),
            wdir: RepoPath::new("sub"),
            deps: vec![dep("./a"), dep("b"), dep("/abs/c")],
            params: vec![ParamsDep { def_path: "p.yaml".to_owned(), path: RepoPath::new("sub/p.yaml"), keys: Vec::new() }],
            outs: vec![out("o")],
            frozen: false,
            always_changed: false,
            desc: None,
            meta: Value::Null,
            line: None,
            md5: None,
            altered: false,
        }
    }

    fn path(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn is_laid_out_as_dvc_does() {
        let reasons = [
            Reason::CmdChanged { old: path("x"), new: path("y") },
            Reason::DepMissing { path: path("./a") },
            Reason::DepModified { path: path("/abs/c"), old: None, new: path("1") },
            Reason::ParamModified { path: path("p.yaml"), key: path("m.lr"), old: path("1"), new: path("2") },
            Reason::ParamMissing { path: path("p.yaml"), key: path("x") },
            Reason::OutNotInCache { path: path("o"), old: path("1") },
        ];
        let mut changes = Changes::default();
        changes.add(&stage("s"), &[], &RepoPath::root());
        assert!(changes.is_empty());
        changes.add(&stage("s"), &reasons, &RepoPath::root());
        let want = "sub/dvc.yaml:s:\n\tchanged deps:\n\t\tdeleted:            sub/a\n\t\tmodified:           /abs/c\n\t\tsub/p.yaml:\n\t\t\tmodified:           m.lr\n\t\t\tdeleted:            x\n\tchanged outs:\n\t\tnot in cache:       sub/o\n\tchanged command\n";
        assert_eq!(changes.text(), want);
        let mut from_below = Changes::default();
        from_below.add(&stage("s"), &reasons[1..2], &RepoPath::new("sub"));
        assert_eq!(from_below.text(), "s:\n\tchanged deps:\n\t\tdeleted:            a\n");
    }

    #[test]
    fn a_params_file_without_record_is_new_as_a_whole() {
        let reasons = [
            Reason::NeverRun,
            Reason::ParamsFileNew { path: path("p.yaml") },
            Reason::ParamNew { path: path("p.yaml"), key: path("lr"), new: path("1") },
        ];
        let mut changes = Changes::default();
        changes.add(&stage("s"), &reasons, &RepoPath::root());
        let value = changes.value();
        let entry = &value.get("sub/dvc.yaml:s").and_then(Value::as_seq).unwrap()[0];
        assert_eq!(entry.get("changed deps").unwrap().get("sub/p.yaml"), Some(&Value::str("new")));
    }

    #[test]
    fn what_always_changes_says_so_even_if_frozen() {
        let mut always = stage("s");
        (always.always_changed, always.frozen) = (true, true);
        let mut changes = Changes::default();
        changes.add(&always, &[Reason::FileAltered], &RepoPath::root());
        assert_eq!(changes.text(), "sub/dvc.yaml:s:\n\talways changed\n\tchanged checksum\n");
        changes.add(&always, &[Reason::OutMissing { path: path("o") }], &RepoPath::root());
        assert_eq!(changes.text(), "sub/dvc.yaml:s:\n\tchanged outs:\n\t\tdeleted:            sub/o\n\talways changed\n");
    }
}
