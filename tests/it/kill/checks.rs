//! What must hold after a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use super::pipeline::{Pipeline, STAGES, name};
use crate::support::scratch::Scratch;
use crate::support::tree::{Node, Tree};

/// More temporary files than this cannot be of one run with four jobs.
const TEMPORARY: usize = 24;

/// The stages that every dvc.lock records. Each must be whole.
pub fn recorded(scratch: &Scratch) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    for path in ["dvc.lock", "sub/dvc.lock"] {
        let Ok(text) = std::fs::read_to_string(scratch.work().join(path)) else { continue };
        let broken = || format!("{path} is torn:\n{text}");
        let value: serde_yaml::Value = serde_yaml::from_str(&text).map_err(|_| broken())?;
        let stages = value.get("stages").and_then(serde_yaml::Value::as_mapping).ok_or_else(broken)?;
        for (name, entry) in stages {
            let whole = ["cmd", "deps", "outs"].iter().all(|key| entry.get(key).is_some());
            found.insert(name.as_str().filter(|_| whole).ok_or_else(broken)?.to_owned());
        }
    }
    Ok(found)
}

/// The stages whose entries the killed run had not yet written into dvc.lock: the next one does.
fn backlog(scratch: &Scratch) -> BTreeSet<String> {
    let files = files(&scratch.work().join(".dvc/tmp/paraffin/backlog"));
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let items = texts.flat_map(|text| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<serde_json::Value>>());
    items.filter_map(|item| Some(item["text"].as_str()?.trim_start().split_once(':')?.0.to_owned())).collect()
}

/// All that the program said to have finished is recorded.
pub fn nothing_lost(scratch: &Scratch, recorded: &BTreeSet<String>) -> Result<(), String> {
    let backlog = backlog(scratch);
    let said = std::fs::read_to_string(scratch.top().join("err")).unwrap();
    let finished = said.lines().filter_map(|line| line.strip_prefix("Stage '")?.split_once("' ran in ").map(|(name, _)| name));
    for address in finished {
        let name = address.rsplit(':').next().unwrap_or(address);
        if !recorded.contains(name) && !backlog.contains(name) {
            return Err(format!("'{address}' had finished and is neither in dvc.lock nor in the backlog:\n{said}"));
        }
    }
    Ok(())
}

/// How often each stage was started.
pub fn counts(scratch: &Scratch) -> BTreeMap<String, usize> {
    let count = |number| {
        let text = std::fs::read_to_string(scratch.top().join("count").join(name(number))).unwrap_or_default();
        (name(number), text.lines().count())
    };
    (0..STAGES).map(count).collect()
}

/// Each cache object holds what its name says, and few temporary files lie about.
pub fn objects(scratch: &Scratch) -> Result<(), String> {
    let objects = scratch.work().join(".dvc/cache/files/md5");
    for path in files(&objects) {
        let name = path.strip_prefix(&objects).unwrap().to_string_lossy().replace('/', "");
        if name.ends_with(".tmp") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let hash: String = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if name.trim_end_matches(".dir") != hash {
            return Err(format!("the object {name} holds {} bytes of hash {hash}", bytes.len()));
        }
    }
    Ok(())
}

/// Temporary files of any program.
pub fn temporary(scratch: &Scratch) -> Vec<PathBuf> {
    let is_temporary = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".tmp"));
    files(&scratch.work()).into_iter().filter(is_temporary).collect()
}

/// What lies about is at most what one run may leave.
pub fn no_piles(scratch: &Scratch) -> Result<usize, String> {
    let found = temporary(scratch);
    if found.len() > TEMPORARY { Err(format!("temporary files pile up: {found:#?}")) } else { Ok(found.len()) }
}

/// After a run that ended by itself nothing of dead ones is left.
pub fn tidy(scratch: &Scratch) -> Result<(), String> {
    let mut left = temporary(scratch);
    left.extend(files(&scratch.work().join(".dvc/tmp/paraffin/running")));
    if !left.is_empty() {
        return Err(format!("this was left: {left:#?}"));
    }
    let text = std::fs::read_to_string(scratch.work().join(".dvc/tmp/rwlock")).unwrap();
    let table: serde_json::Value = serde_json::from_str(&text).map_err(|error| format!("rwlock: {error}: {text:?}"))?;
    let empty = |half: &str| table.get(half).is_none_or(|half| half.as_object().is_some_and(serde_json::Map::is_empty));
    if empty("read") && empty("write") { Ok(()) } else { Err(format!("rwlock still holds {text}")) }
}

/// No stage ran beside itself.
pub fn never_beside(scratch: &Scratch) -> Result<(), String> {
    match std::fs::read_to_string(scratch.top().join("wrong")) {
        Ok(names) => Err(format!("these ran beside themselves: {names}")),
        Err(_) => Ok(()),
    }
}

/// A repository for comparison. In which order entries and lines are added depends on where runs
/// were killed.
pub fn tree(root: &Path, pipeline: &Pipeline) -> Tree {
    let mut tree = Tree::of_repository(root);
    for (path, node) in &mut tree.0 {
        let Node::File { bytes, .. } = node else { continue };
        let text = String::from_utf8_lossy(bytes).into_owned();
        if path.ends_with(".gitignore") {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            *bytes = lines.join("\n").into_bytes();
        } else if path.ends_with("dvc.lock") {
            *bytes = sorted_entries(&text, &pipeline.names(path.starts_with("sub/"))).into_bytes();
        }
    }
    tree
}

fn sorted_entries(text: &str, names: &[String]) -> String {
    let mut entries = vec![String::new()];
    for line in text.lines() {
        let is_head =
            line.strip_prefix("  ").and_then(|rest| rest.strip_suffix(':')).is_some_and(|name| names.iter().any(|one| one == name));
        if is_head {
            entries.push(String::new());
        }
        *entries.last_mut().unwrap() += &format!("{line}\n");
    }
    entries.sort();
    entries.concat()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.is_symlink() && !path.ends_with(".git") { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
