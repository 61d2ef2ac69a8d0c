//! What maps left in the folder of a run: the answer of each, by the stage that ran it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::format::mask::Masks;
use crate::report::history::History;
use crate::run::logs;

/// A larger answer is not looked at: a report that holds it would be of no use.
const LARGEST: u64 = 64 << 20;

/// The answers of the last tries of stages, by place, in the order in which the maps began.
pub fn read(dir: &Path, history: &History, masks: &Masks) -> HashMap<usize, Vec<Value>> {
    let tried = history.stages.iter().enumerate().filter_map(|(at, entry)| Some((at, entry.tries.last()?.number)));
    tried
        .map(|(at, attempt)| (at, answers(&dir.join(logs::maps_name(at, attempt)), masks)))
        .filter(|(_, found)| !found.is_empty())
        .collect()
}

fn answers(dir: &Path, masks: &Masks) -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    // Their names begin with the time.
    paths.sort_unstable();
    let small = paths.iter().filter(|path| fs::metadata(path).is_ok_and(|meta| meta.len() <= LARGEST));
    let mut found: Vec<Value> = small.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect();
    if masks.any() {
        found.iter_mut().for_each(|value| masked(value, masks));
    }
    found
}

fn masked(value: &mut Value, masks: &Masks) {
    match value {
        Value::String(text) => masks.edit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| masked(item, masks)),
        Value::Object(items) => items.values_mut().for_each(|item| masked(item, masks)),
        _ => {}
    }
}
