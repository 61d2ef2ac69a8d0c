//! Rewrites the hash, size and the like of the outputs of a `.dvc` file, line by line, so that
//! comments, order and all other keys stay as they are.
//!
//! DVC loads the file in a mode that keeps comments, changes the data and dumps it anew
//! (dvc: `stage/serialize.py` `to_single_stage_file`, `utils/collections.py` `apply_diff`). For
//! files in the layout that DVC writes the bytes are the same; in other layouts DVC lays the
//! whole file out anew, which is done here only where the lines cannot be told apart.

use std::ops::Range;
use std::sync::Arc;

use crate::format::emit;
use crate::format::yaml::{self, Doc, Step};
use crate::model::{Algo, Digest, Key, Map, Meta, Value};

/// Keys that say what an output was and go where the new state lacks them.
const STATE: [&str; 10] = ["md5", "etag", "checksum", "version_id", "cloud", "files", "size", "nfiles", "isexec", "hash"];

/// The text with these outputs (by their number) recorded anew. A text that cannot be read is
/// given back as it is.
pub fn update(text: &[u8], outs: &[(usize, Digest, Meta)]) -> Vec<u8> {
    let Ok(doc) = yaml::parse(text) else { return text.to_vec() };
    let Ok(source) = std::str::from_utf8(text) else { return text.to_vec() };
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = source.strip_suffix('\n').unwrap_or(&source).split('\n').map(str::to_owned).collect();
    // From the last to the first, so that the lines of those before stay where they are.
    let mut ordered: Vec<_> = outs.iter().collect();
    ordered.sort_by_key(|(index, ..)| std::cmp::Reverse(*index));
    for (index, digest, meta) in ordered {
        let Some(layout) = Layout::of(&doc, &lines, *index) else { return whole(&doc, outs) };
        layout.apply(&mut lines, &state(digest, *meta));
    }
    lines.push(String::new());
    lines.join("\n").into_bytes()
}

/// What an output's entry says of its data, in DVC's order.
fn state(digest: &Digest, meta: Meta) -> Map {
    let name = match &digest.algo {
        Algo::Md5 | Algo::Md5Dos2Unix => "md5",
        Algo::Other(name) => name,
    };
    let mut state = Map::new();
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

/// Where the keys of one output stand.
struct Layout {
    /// Each key with its lines, in the order of the file.
    keys: Vec<(String, Range<usize>)>,
    /// What stands before a key on a line of its own.
    indent: String,
}

impl Layout {
    /// None where the output is no map with each key on a line of its own.
    fn of(doc: &Doc, lines: &[String], index: usize) -> Option<Self> {
        let item = doc.value.get("outs")?.as_seq()?.get(index)?.as_map()?;
        let path = [Step::from("outs"), Step::from(index)];
        let marks = doc.places.keys(&doc.value, &path);
        let column = marks.first()?.column;
        let apart = marks.windows(2).all(|pair| pair[0].line < pair[1].line) && marks.iter().all(|mark| mark.column == column);
        let flow = marks.first().is_some_and(|mark| {
            let line = lines.get(mark.line - 1).map(String::as_str).unwrap_or_default();
            line.chars().take(column - 1).any(|c| !matches!(c, ' ' | '-'))
        });
        if !apart || flow || marks.len() != item.len() {
            return None;
        }
        let mut keys: Vec<(String, Range<usize>)> = Vec::with_capacity(item.len());
        for (place, key) in item.keys().enumerate() {
            let begin = marks[place].line - 1;
            let end = marks.get(place + 1).map_or_else(|| block_end(lines, begin, column), |next| next.line - 1);
            keys.push((key.as_str()?.to_owned(), begin..end));
        }
        Some(Self { keys, indent: " ".repeat(column - 1) })
    }

    fn apply(&self, lines: &mut Vec<String>, state: &Map) {
        let end = self.keys.last().map_or(0, |(_, range)| range.end);
        let added: Vec<String> = state
            .iter()
            .filter(|(key, _)| !self.keys.iter().any(|(known, _)| key.as_str() == Some(known)))
            .map(|(key, value)| self.indent.clone() + &pair(key.as_str().unwrap_or_default(), value))
            .collect();
        lines.splice(end..end, added);
        for (place, (key, range)) in self.keys.iter().enumerate().rev() {
            match state.get(&Key::str(key)) {
                Some(value) => {
                    let line = &mut lines[range.start];
                    *line = with_value(line, key, value);
                }
                None if STATE.contains(&key.as_str()) => self.remove(lines, place, range),
                None => {}
            }
        }
    }

    /// Takes a key's lines away; the dash of a first key goes to the next one.
    fn remove(&self, lines: &mut Vec<String>, place: usize, range: &Range<usize>) {
        let lead = lines[range.start].chars().take(self.indent.len()).collect::<String>();
        lines.drain(range.clone());
        if place == 0
            && let Some(next) = lines.get_mut(range.start)
        {
            *next = lead + next.trim_start_matches(' ');
        }
    }
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
fn whole(doc: &Doc, outs: &[(usize, Digest, Meta)]) -> Vec<u8> {
    let mut document = doc.value.clone();
    if let Value::Map(map) = &mut document
        && let Some(Value::Seq(items)) = Arc::make_mut(map).get_mut(&Key::str("outs"))
    {
        let items = Arc::make_mut(items);
        for (index, digest, meta) in outs {
            if let Some(Value::Map(item)) = items.get_mut(*index) {
                let item = Arc::make_mut(item);
                let state = state(digest, *meta);
                item.retain(|key, _| state.contains_key(key) || !key.as_str().is_some_and(|key| STATE.contains(&key)));
                item.extend(state);
            }
        }
    }
    emit::document(&document).into_bytes()
}
