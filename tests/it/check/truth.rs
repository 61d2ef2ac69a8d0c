//! What DVC says of a tree of git: of a fresh clone in which `dvc checkout` has put all data.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::differential::preloaded::Dvc;
use crate::differential::setting::Setting;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;

/// Something that changed: what kind of thing (as `check` calls it), its path, and how.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Change {
    pub kind: &'static str,
    pub path: String,
    pub how: String,
}

impl Change {
    /// Whether the content of an output is in no cache, not even in the one that has lost nothing.
    pub fn is_lost(&self) -> bool {
        self.kind == "out" && self.how == "not in cache"
    }
}

/// What DVC says.
pub struct Truth {
    /// The changes of each stage; none if DVC refuses the repository.
    pub changed: Option<BTreeMap<String, BTreeSet<Change>>>,
    /// All stages, with those that they depend on.
    pub stages: BTreeMap<String, BTreeSet<String>>,
    /// Stages that DVC says always change.
    pub always: BTreeSet<String>,
    /// Outputs that git has with other content than is recorded, each as `stage path`: DVC says so of a fresh clone,
    /// and `dvc checkout --force` puts what is recorded over them.
    pub kept: BTreeSet<String>,
    /// DVC's answer, for messages.
    pub told: String,
    /// The root of the DVC repository in the clone.
    root: PathBuf,
}

impl Truth {
    /// Clones the repository, with this tree checked out.
    pub fn of(dvc: &Dvc, scratch: &Scratch, setting: &Setting, tree: &str, number: usize) -> Self {
        let clone = scratch.top().join(format!("clone{number}"));
        let text = format!(
            "commit=$(git commit-tree {tree} -m clone) && git clone -q -s -n . '{clone}' && cd '{clone}' && git checkout -q $commit",
            clone = clone.display()
        );
        sh(scratch, &scratch.work(), &text);
        let root = setting.root(&clone);
        place_cache(&root, &scratch.top().join("full"));
        let kept = modified(&dvc.run(scratch, &root, &["status", "--json"]));
        // Stages that are not recorded have nothing to check out, which DVC minds.
        let checkout = dvc.run(scratch, &root, &["checkout", "--force"]);
        let status = dvc.run(scratch, &root, &["status", "--json"]);
        let stages = stages(scratch, &root);
        let told = format!("{checkout}{status}");
        let changed = (status.code == 0).then(|| changes(&status));
        let always = if status.code == 0 { always_changed(&status) } else { BTreeSet::new() };
        Self { changed, always, kept, stages, told, root }
    }

    /// Outputs that DVC does not find in a cache as it is now, each as `stage path`.
    pub fn missing(&self, dvc: &Dvc, scratch: &Scratch, cache: &Path) -> BTreeSet<String> {
        if self.changed.is_none() || !lacks(scratch, cache) {
            return BTreeSet::new();
        }
        place_cache(&self.root, cache);
        not_in_cache(dvc.run(scratch, &self.root, &["status", "--json"]).ok())
    }
}

/// Outputs that are there with other content than is recorded.
fn modified(status: &Ran) -> BTreeSet<String> {
    let all = if status.code == 0 { changes(status) } else { BTreeMap::new() };
    let outs = all.iter().flat_map(|(stage, changes)| changes.iter().map(move |change| (stage, change)));
    let modified = outs.filter(|(_, change)| change.kind == "out" && change.how == "modified");
    modified.map(|(stage, change)| format!("{stage} {}", change.path)).collect()
}

fn place_cache(root: &Path, dir: &Path) {
    std::fs::write(root.join(".dvc/config.local"), format!("[cache]\n    dir = {}\n", dir.display())).unwrap();
}

fn always_changed(ran: &Ran) -> BTreeSet<String> {
    let answer: BTreeMap<String, Vec<Value>> = serde_json::from_str(&ran.out()).unwrap();
    answer.into_iter().filter(|(_, entries)| entries.iter().any(|entry| entry == "always changed")).map(|(stage, _)| stage).collect()
}

/// Whether the cache has lost something.
fn lacks(scratch: &Scratch, cache: &Path) -> bool {
    let text = "cd \"$1\" 2>/dev/null || exit 1; find . -type f | (cd \"$2\" 2>/dev/null && while read -r object; do test -f \"$object\" || exit 1; done)";
    let full = scratch.top().join("full");
    full.exists() && Ran::of(scratch.command("/bin/sh").args(["-c", text, "sh"]).arg(full).arg(cache)).code != 0
}

/// All stages and what they depend on; none if the repository is refused.
fn stages(scratch: &Scratch, root: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let ran = Ran::of(scratch.command(crate::support::program::path()).current_dir(root).args(["graph", "--format", "json"]));
    let graph: Value = serde_json::from_str(&ran.out()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut stages: BTreeMap<String, BTreeSet<String>> =
        graph["stages"].as_array().into_iter().flatten().map(|stage| (text(&stage["addr"]), BTreeSet::new())).collect();
    for edge in graph["edges"].as_array().into_iter().flatten() {
        stages.entry(text(&edge[0])).or_default().insert(text(&edge[1]));
    }
    stages
}

/// What `dvc status --json` says, stage by stage; that a stage always runs is no change.
fn changes(ran: &Ran) -> BTreeMap<String, BTreeSet<Change>> {
    let answer: BTreeMap<String, Vec<Value>> = serde_json::from_str(&ran.out()).unwrap();
    let mut all = BTreeMap::new();
    for (stage, entries) in answer {
        let mut found = BTreeSet::new();
        let mut add = |kind, path: &str, how: &str| found.insert(Change { kind, path: path.to_owned(), how: how.to_owned() });
        for entry in &entries {
            let Value::Object(groups) = entry else {
                match entry.as_str().unwrap() {
                    "always changed" => {}
                    "changed checksum" if stage.ends_with(".dvc") => _ = add("lock", &stage, "changed"),
                    "changed command" | "changed checksum" => _ = add("cmd", "", "changed"),
                    other => panic!("{other}: {ran}"),
                }
                continue;
            };
            for (group, paths) in groups {
                let kind = if group == "changed deps" { "dep" } else { "out" };
                for (path, how) in paths.as_object().unwrap() {
                    match how {
                        Value::Object(keys) => {
                            keys.iter().for_each(|(key, how)| _ = add("param", &format!("{path}:{key}"), how.as_str().unwrap()))
                        }
                        how => _ = add(kind, path, how.as_str().unwrap()),
                    }
                }
            }
        }
        if !found.is_empty() {
            all.insert(stage, found);
        }
    }
    all
}

fn not_in_cache(ran: &Ran) -> BTreeSet<String> {
    let all = changes(ran);
    let outs = all.iter().flat_map(|(stage, changes)| changes.iter().map(move |change| (stage, change)));
    outs.filter(|(_, change)| change.kind == "out" && change.how == "not in cache")
        .map(|(stage, change)| format!("{stage} {}", change.path))
        .collect()
}
