//! Rewrites the hash, size and the like of the deps and outputs of a `.dvc` file, line by line, so that
//! comments, order and all other keys stay as they are.
//!
//! DVC loads the file in a mode that keeps comments, changes the data and dumps it anew
//! (dvc: `stage/serialize.py` `to_single_stage_file`, `utils/collections.py` `apply_diff`). For
//! files in the layout that DVC writes the bytes are the same; in other layouts DVC lays the
//! whole file out anew, which is done here only where the lines cannot be told apart.

use std::ops::Range;
use std::sync::Arc;

use super::stamp::stamp;
use crate::format::emit;
use crate::format::yaml::{self, Doc, Step};
use crate::model::{Algo, Digest, Key, Map, Meta, Value};

/// Keys that say what an output was and go where the new state lacks them.
const STATE: [&str; 10] = ["md5", "etag", "checksum", "version_id", "cloud", "files", "size", "nfiles", "isexec", "hash"];

/// A dep or output by its number, and what it is now.
type State = (usize, Digest, Meta);

/// The text with these deps and outputs recorded anew, and the `md5` of an import. A text that
/// cannot be read is given back as it is.
pub fn update(text: &[u8], deps: &[State], outs: &[State]) -> Vec<u8> {
    let Ok(doc) = yaml::parse(text) else { return text.to_vec() };
    let Ok(source) = std::str::from_utf8(text) else { return text.to_vec() };
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = source.strip_suffix('\n').unwrap_or(&source).split('\n').map(str::to_owned).collect();
    let mut edits = Vec::new();
    for (list, (index, digest, meta)) in deps.iter().map(|dep| ("deps", dep)).chain(outs.iter().map(|out| ("outs", out))) {
        match Layout::of(&doc, &lines, &[Step::from(list), Step::from(*index)]) {
            Some(layout) => edits.push(layout.rewritten(&lines, &state(digest, *meta))),
            None => return whole(&doc, deps, outs),
        }
    }
    if let Some(layout) = Layout::of(&doc, &lines, &[]) {
        edits.extend(layout.superfluous(&doc.value));
        if let Some(stamp) = stamp(&renewed(&doc.value, deps, outs), false) {
            edits.push(layout.stamped(&lines, &Value::str(&stamp)));
        }
    }
    // From the last to the first, so that the lines of those before stay where they are.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, new) in edits {
        lines.splice(range, new);
    }
    lines.push(String::new());
    lines.join("\n").into_bytes()
}

/// Lines and what takes their place.
type Edit = (Range<usize>, Vec<String>);

/// What an output's entry says of its data, in DVC's order.
fn state(digest: &Digest, meta: Meta) -> Map {
    let name = match &digest.algo {
        Algo::Md5 | Algo::Md5Dos2Unix => "md5",
        Algo::Other(name) => name,
    };
    let mut state = Map::default();
    let mut put = |key: &str, value: Value| {
        state.insert(Key::str(key), value);
    };
    let number = |value: u64| i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string().into()), Value::Int);
    put(name, Value::str(&digest.value));
    if let Some(size) = meta.size {
        put("size", number(size));
    }
    if let Some(nfiles) = meta.nfiles {
        put("nfiles", number(nfiles));
    }
    if meta.isexec {
        put("isexec", Value::Bool(true));
    }
    if digest.algo != Algo::Md5Dos2Unix {
        put("hash", Value::str("md5"));
    }
    state
}

/// Where the keys of a map stand.
struct Layout<'a> {
    /// The map.
    map: &'a Map,
    /// The lines of each key, in the order of the file.
    keys: Vec<Range<usize>>,
    /// How far the keys are in.
    indent: usize,
}

impl<'a> Layout<'a> {
    /// None where there is no map with each key on a line of its own.
    fn of(doc: &'a Doc, lines: &[String], path: &[Step]) -> Option<Self> {
        let map = path.iter().try_fold(&doc.value, |value, step| match step {
            Step::Key(key) => value.as_map()?.get(key),
            Step::Index(index) => value.as_seq()?.get(*index),
        });
        let map = map?.as_map()?;
        let marks = doc.places.keys(&doc.value, path);
        let indent = marks.first()?.column - 1;
        let apart = marks.windows(2).all(|pair| pair[0].line < pair[1].line) && marks.iter().all(|mark| mark.column == indent + 1);
        let flow = lines.get(marks.first()?.line - 1)?.chars().take(indent).any(|c| !matches!(c, ' ' | '-'));
        if !apart || flow || marks.len() != map.len() || !map.keys().all(|key| key.as_str().is_some()) {
            return None;
        }
        let begins: Vec<usize> = marks.iter().map(|mark| mark.line - 1).collect();
        let ends = begins.iter().skip(1).copied().chain(begins.last().map(|&last| block_end(lines, last, indent + 1)));
        Some(Self { map, keys: begins.iter().copied().zip(ends).map(|(begin, end)| begin..end).collect(), indent })
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &Value, &Range<usize>)> {
        self.map.iter().zip(&self.keys).map(|((key, value), range)| (key.as_str().unwrap_or_default(), value, range))
    }

    /// All lines of an output with its new state. The dash before the first key stays there.
    fn rewritten(&self, lines: &[String], state: &Map) -> Edit {
        let begin = self.keys.first().map_or(0, |range| range.start);
        // Comments and blank lines belong to the key before them.
        let last = self.keys.last().map_or(begin, |range| range.end);
        let end = (last..lines.len()).find(|&at| !is_blank(&lines[at])).unwrap_or(lines.len());
        let lead: String = lines[begin].chars().take(self.indent).collect();
        let mut new: Vec<String> = Vec::new();
        for (key, value, range) in self.entries() {
            if let Some(value) = state.get(key) {
                new.push(with_value(&lines[range.start], key, value));
                new.extend_from_slice(&lines[range.start + 1..range.end]);
            } else if !STATE.contains(&key) && !is_default(key, value) {
                new.extend_from_slice(&lines[range.clone()]);
            }
        }
        new.extend_from_slice(&lines[last..end]);
        let added = state.iter().filter(|(key, _)| !self.map.contains_key(*key));
        new.extend(added.map(|(key, value)| " ".repeat(self.indent) + &pair(key.as_str().unwrap_or_default(), value)));
        if let Some(first) = new.first_mut() {
            let bare: String = first.chars().skip(self.indent).collect();
            *first = lead + &bare;
        }
        (begin..end, new)
    }

    /// The line of the file's `md5`; at the end if there was none.
    fn stamped(&self, lines: &[String], stamp: &Value) -> Edit {
        match self.entries().find(|(key, ..)| *key == "md5") {
            Some((_, _, range)) => (range.clone(), vec![with_value(&lines[range.start], "md5", stamp)]),
            None => {
                let end = self.keys.last().map_or(0, |range| range.end);
                (end..end, vec![pair("md5", stamp)])
            }
        }
    }

    /// Keys of the whole file that DVC does not write back.
    fn superfluous(&self, document: &Value) -> Vec<Edit> {
        let added_data = document.get("deps").is_none_or(|deps| deps.as_seq().is_none_or(<[_]>::is_empty));
        self.entries()
            .filter(|(key, value, _)| match *key {
                "md5" => added_data,
                "wdir" => value.is_null() || value.as_str() == Some("."),
                "frozen" | "locked" | "always_changed" => value.as_bool() == Some(false),
                "deps" => added_data,
                _ => false,
            })
            .map(|(_, _, range)| (range.clone(), Vec::new()))
            .collect()
    }
}

/// Flags of an output that say what is so anyway.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "cache" | "push" => value.as_bool() == Some(true),
        "persist" => value.as_bool() == Some(false),
        _ => false,
    }
}

/// Whether a line holds nothing but a comment, or nothing at all.
fn is_blank(line: &str) -> bool {
    let bare = line.trim_start();
    bare.is_empty() || bare.starts_with('#')
}

/// The first line after a key's value: the next that is not blank, no comment, and not
/// further in than the key.
fn block_end(lines: &[String], begin: usize, column: usize) -> usize {
    let mut end = begin + 1;
    for (number, line) in lines.iter().enumerate().skip(begin + 1) {
        let bare = line.trim_start_matches(' ');
        let deeper = line.len() - bare.len() >= column;
        let dash = line.len() - bare.len() + 1 == column && bare.starts_with("- ");
        if !bare.is_empty() && (deeper || dash) {
            end = number + 1;
        } else if !bare.is_empty() && !bare.starts_with('#') {
            break;
        }
    }
    end
}

/// `key: value` as DVC writes it.
fn pair(key: &str, value: &Value) -> String {
    emit::entry(key, value, 0).trim_end_matches('\n').to_owned()
}

/// A line with another value; the comment behind the old one stays where it is.
fn with_value(line: &str, key: &str, value: &Value) -> String {
    let Some(at) = line.find(&format!("{key}:")) else { return line.to_owned() };
    let comment = line[at..].find(" #").map(|offset| &line[at + offset..]);
    let new = format!("{}{}", &line[..at], pair(key, value));
    match comment {
        None => new,
        Some(comment) => {
            let column = line.len() - comment.len();
            let fill = " ".repeat(column.saturating_sub(new.len()));
            format!("{new}{fill}{comment}")
        }
    }
}

/// The whole file laid out anew.
fn whole(doc: &Doc, deps: &[State], outs: &[State]) -> Vec<u8> {
    let mut document = renewed(&doc.value, deps, outs);
    if let (Some(stamp), Value::Map(map)) = (stamp(&document, false), &mut document) {
        Arc::make_mut(map).insert(Key::str("md5"), Value::str(&stamp));
    }
    emit::document(&document).into_bytes()
}

/// What the file says once these deps and outputs are recorded.
fn renewed(document: &Value, deps: &[State], outs: &[State]) -> Value {
    let mut document = document.clone();
    let Value::Map(map) = &mut document else { return document };
    for (list, states) in [("deps", deps), ("outs", outs)] {
        let Some(Value::Seq(items)) = Arc::make_mut(map).get_mut(list) else { continue };
        let items = Arc::make_mut(items);
        for (index, digest, meta) in states {
            if let Some(Value::Map(item)) = items.get_mut(*index) {
                let item = Arc::make_mut(item);
                let state = state(digest, *meta);
                item.retain(|key, _| state.contains_key(key) || !key.as_str().is_some_and(|key| STATE.contains(&key)));
                item.extend(state);
            }
        }
    }
    document
}
