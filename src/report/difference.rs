//! Which parameters and metrics differ between two moments, as DVC says it (dvc: `utils/diff.py`,
//! `compare.py`), and the words about what they are compared with.
//!
//! Equality is Python's: `1` is `1.0`, and nothing is equal to `nan`. A value that is nowhere is
//! null. DVC's oddities are kept, since its answers are the measure: a file that holds one bare value
//! is compared only with such a file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value as Json, json};

use super::dossier::{Differences, Row};
use crate::model::base::{Base, Chosen, NoBase};
use crate::model::floats;
use crate::model::hidden;
use crate::model::value::Value;
use crate::model::values::{Content, Leaf, Table};

/// What DVC shows beside the keys of a file that holds a bare value.
const NO_KEYS: &str = "unable to parse";

/// How many digits after the point DVC shows of metrics.
const DIGITS: usize = 5;

/// How many digits of a commit's id are shown.
const SHORT: usize = 7;

/// How the texts of a table are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// As `dvc params diff`.
    Params,
    /// As `dvc metrics diff`: floats are rounded.
    Metrics,
}

/// A value that differs.
#[derive(Clone, PartialEq, Debug)]
struct Change {
    old: Value,
    new: Value,
    /// The new number without the old one.
    by: Option<Value>,
}

/// What differs between two moments, sorted by file and name.
pub fn differences(old: &Table, new: &Table, manner: Manner) -> Differences {
    let empty = Content::Keys(BTreeMap::new());
    let paths: BTreeSet<&String> = old.files.keys().chain(new.files.keys()).collect();
    let (mut rows, mut files) = (Vec::new(), Map::new());
    for path in paths {
        let side = |table: &Table| table.files.get(path).unwrap_or(&empty).clone();
        let changes = of_file(&side(old), &side(new));
        if changes.is_empty() {
            continue;
        }
        let path = free_name(path, &files);
        let mut entries = Map::new();
        for (name, change) in changes {
            let name = free_name(&name, &entries);
            entries.insert(name.clone(), change.json());
            rows.push(change.row(&path, name, manner));
        }
        files.insert(path, Json::Object(entries));
    }
    Differences { rows, json: Json::Object(files) }
}

/// A name as it is shown. Those that a mask made equal are numbered, so that none is lost.
fn free_name(name: &str, taken: &Map<String, Json>) -> String {
    let name = hidden::shown(name);
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains_key(name)).unwrap_or_default()
}

fn of_file(old: &Content, new: &Content) -> BTreeMap<String, Change> {
    if let (Content::Single(old), Content::Single(new)) = (old, new) {
        return change(&old.0, &new.0).into_iter().map(|change| (String::new(), change)).collect();
    }
    let (no_old, no_new) = (lacking(old), lacking(new));
    let names: BTreeSet<&String> = keys(old).chain(keys(new)).collect();
    let of_name = |name: &String| Some((name.clone(), change(value(old, name, &no_old), value(new, name, &no_new))?));
    names.into_iter().filter_map(of_name).collect()
}

fn keys(content: &Content) -> impl Iterator<Item = &String> {
    let keys = match content {
        Content::Keys(keys) => Some(keys.keys()),
        Content::Single(_) => None,
    };
    keys.into_iter().flatten()
}

/// What stands for a name that a file does not have.
fn lacking(content: &Content) -> Value {
    match content {
        Content::Keys(_) => Value::Null,
        Content::Single(_) => Value::str(NO_KEYS),
    }
}

fn value<'a>(content: &'a Content, name: &str, lacking: &'a Value) -> &'a Value {
    match content {
        Content::Keys(keys) => keys.get(name).map_or(lacking, |Leaf(value)| value),
        Content::Single(_) => lacking,
    }
}

/// How two values differ; none if they do not.
fn change(old: &Value, new: &Value) -> Option<Change> {
    if let (Some([old]), Some([new])) = (old.as_seq(), new.as_seq()) {
        return change(old, new);
    }
    if old == new {
        return None;
    }
    Some(Change { old: old.clone(), new: new.clone(), by: minus(new, old) })
}

/// Python's difference of two numbers. Of integers beyond 128 bits none is told.
fn minus(new: &Value, old: &Value) -> Option<Value> {
    if let (Some(new), Some(old)) = (integer(new), integer(old)) {
        let by = new.checked_sub(old)?;
        return Some(i64::try_from(by).map_or_else(|_| Value::BigInt(by.to_string().into()), Value::Int));
    }
    Some(Value::Float(float(new)? - float(old)?))
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(value) => Some(i128::from(*value)),
        Value::Int(value) => Some(i128::from(*value)),
        Value::BigInt(text) => text.parse().ok(),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "Python makes the nearest float of an integer, too")]
        Value::Int(value) => Some(*value as f64),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::BigInt(text) => text.parse().ok(),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

impl Change {
    fn json(&self) -> Json {
        let mut entry = Map::new();
        entry.insert("old".to_owned(), plain(&self.old));
        entry.insert("new".to_owned(), plain(&self.new));
        if let Some(by) = &self.by {
            entry.insert("diff".to_owned(), plain(by));
        }
        Json::Object(entry)
    }

    fn row(&self, path: &str, name: String, manner: Manner) -> Row {
        let shown = |value: &Value| (!value.is_null()).then(|| text(value, manner));
        let change = self.by.as_ref().filter(|_| manner == Manner::Metrics).and_then(shown);
        Row { path: path.to_owned(), name, old: shown(&self.old), new: shown(&self.new), change }
    }
}

/// A value as JSON. What JSON has no number for is a text: `NaN`, `Infinity`, `-Infinity`.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::BigInt(text) => text.parse::<Number>().map_or_else(|_| json!(text.as_ref()), Json::Number),
        Value::Float(value) if value.is_nan() => json!("NaN"),
        Value::Float(value) if value.is_infinite() => json!(if *value > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Float(value) => json!(value),
        Value::Seq(items) => Json::Array(items.iter().map(plain).collect()),
        other => json!(text(other, Manner::Params)),
    }
}

/// A value as DVC prints it in a table.
fn text(value: &Value, manner: Manner) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        Value::Int(value) => value.to_string(),
        Value::BigInt(text) | Value::Time(text) => text.to_string(),
        Value::Str(text) => hidden::shown(text).to_owned(),
        Value::Float(value) if manner == Manner::Metrics => floats::repr(rounded(*value)),
        Value::Float(value) => floats::repr(*value),
        Value::Seq(items) => {
            let items: Vec<String> = items.iter().map(|item| text(item, manner)).collect();
            format!("[{}]", items.join(", "))
        }
        // No leaf is made of these.
        Value::Bytes(_) | Value::Set(_) | Value::Map(_) => String::new(),
    }
}

/// Python's `round` to so many digits: by the exact value, as the text is made.
fn rounded(value: f64) -> f64 {
    format!("{value:.DIGITS$}").parse().unwrap_or(value)
}

/// What a run is compared with: `merge base with origin/main (1a2b3c4)`.
pub fn base_words(base: &Base) -> String {
    let short = short(&base.commit);
    let mut words = match &base.chosen {
        // A shorter text may be the name of a tag.
        Chosen::Given(rev) if rev.len() >= SHORT && base.commit.starts_with(rev.as_str()) => short.to_owned(),
        Chosen::Given(rev) => format!("{rev} ({short})"),
        Chosen::MergeBase(name) => format!("merge base with {name} ({short})"),
        Chosen::Tip(name) => format!("{name} ({short}); this clone does not reach back to the merge base"),
        Chosen::MergeRequest => format!("base of the merge request ({short})"),
        Chosen::Head => format!("HEAD ({short})"),
    };
    if !base.missed.is_empty() {
        let missed: Vec<&str> = base.missed.iter().map(|name| if is_id(name) { self::short(name) } else { name }).collect();
        words.push_str(&format!("; {} is not in this clone", missed.join(" or ")));
    }
    words
}

/// Why there is nothing to compare with.
pub fn no_base_words(why: &NoBase) -> String {
    match why {
        NoBase::NoGit => "this repository is used without git".to_owned(),
        NoBase::NoCommits => "nothing is committed yet".to_owned(),
        NoBase::Unknown(rev) => format!("there is no commit '{rev}' in this clone"),
        NoBase::Refused(fault) => fault.to_string(),
    }
}

fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, &str, Value)]) -> Table {
        let mut table = Table::default();
        for (path, name, value) in entries {
            let leaf = Leaf(value.clone());
            if name.is_empty() {
                table.files.insert((*path).to_owned(), Content::Single(leaf));
            } else if let Content::Keys(keys) = table.files.entry((*path).to_owned()).or_insert_with(|| Content::Keys(BTreeMap::new())) {
                keys.insert((*name).to_owned(), leaf);
            }
        }
        table
    }

    fn shown(old: &Table, new: &Table, manner: Manner) -> (String, Vec<String>) {
        let found = differences(old, new, manner);
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".to_owned());
        let row = |row: &Row| format!("{} {} {} {} {}", row.path, row.name, cell(&row.old), cell(&row.new), cell(&row.change));
        (found.json.to_string(), found.rows.iter().map(row).collect())
    }

    /// The answers are those of DVC 3.67.1, sorted.
    #[test]
    fn values_differ_as_in_python() {
        let (int, num, text) = (Value::Int, Value::Float, Value::str);
        let old = table(&[
            ("b", "x", int(1)),
            ("a", "same", int(1)),
            ("a", "gone", text("t")),
            ("a", "none", Value::Null),
            ("a", "rate", num(0.123_456_789)),
            ("a", "nan", num(f64::NAN)),
            ("a", "truth", Value::Bool(false)),
            ("a", "big", Value::BigInt("100000000000000000000".into())),
            ("s", "", num(0.5)),
            ("k", "", int(7)),
        ]);
        let new = table(&[
            ("b", "x", num(3.5)),
            ("a", "same", num(1.0)),
            ("a", "rate", num(0.1)),
            ("a", "nan", num(f64::NAN)),
            ("a", "truth", Value::Bool(true)),
            ("a", "big", int(1)),
            ("a", "added", text("u")),
            ("s", "", num(0.25)),
            ("k", "y", int(1)),
            ("new", "", int(1)),
        ]);
        let (json, rows) = shown(&old, &new, Manner::Metrics);
        let want = r#"{"a":{"added":{"old":null,"new":"u"},"big":{"old":100000000000000000000,"new":1,"diff":-99999999999999999999},"gone":{"old":"t","new":null},"nan":{"old":"NaN","new":"NaN","diff":"NaN"},"rate":{"old":0.123456789,"new":0.1,"diff":-0.023456788999999992},"truth":{"old":false,"new":true,"diff":1}},"b":{"x":{"old":1,"new":3.5,"diff":2.5}},"k":{"y":{"old":"unable to parse","new":1}},"s":{"":{"old":0.5,"new":0.25,"diff":-0.25}}}"#;
        assert_eq!(json, want);
        assert_eq!(
            rows,
            [
                "a added - u -",
                "a big 100000000000000000000 1 -99999999999999999999",
                "a gone t - -",
                "a nan nan nan nan",
                "a rate 0.12346 0.1 -0.02346",
                "a truth False True 1",
                "b x 1 3.5 2.5",
                "k y unable to parse 1 -",
                "s  0.5 0.25 -0.25",
            ]
        );
        let (_, rows) = shown(&old, &new, Manner::Params);
        assert!(rows.contains(&"a rate 0.123456789 0.1 -".to_owned()), "{rows:?}");
        assert_eq!(shown(&old, &old, Manner::Params).1, ["a nan nan nan -"]);
    }

    #[test]
    fn names_that_masks_made_equal_stay_two_rows() {
        let keys = ["***\u{1}0a", "***\u{1}1b", "k"];
        let at = |values: [&str; 3]| {
            table(&[("p", keys[0], Value::str(values[0])), ("p", keys[1], Value::str(values[1])), ("p", "k", Value::str(values[2]))])
        };
        let (json, rows) = shown(&at(["1", "1", "***\u{1}aa"]), &at(["2", "3", "***\u{1}bb"]), Manner::Params);
        let want = r#"{"p":{"***":{"old":"1","new":"2"},"*** (2)":{"old":"1","new":"3"},"k":{"old":"***","new":"***"}}}"#;
        assert_eq!((json.as_str(), rows), (want, ["p *** 1 2 -", "p *** (2) 1 3 -", "p k *** *** -"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn the_base_is_named() {
        let id = "0123456789012345678901234567890123456789";
        let words = |chosen, missed: &[&str]| {
            let missed = missed.iter().map(|name| (*name).to_owned()).collect();
            base_words(&Base { commit: id.to_owned(), chosen, missed })
        };
        assert_eq!(words(Chosen::Given("v1".to_owned()), &[]), "v1 (0123456)");
        assert_eq!(words(Chosen::Given("01234567".to_owned()), &[]), "0123456");
        assert_eq!(words(Chosen::Given("0".to_owned()), &[]), "0 (0123456)");
        assert_eq!(words(Chosen::MergeBase("origin/main".to_owned()), &[]), "merge base with origin/main (0123456)");
        assert_eq!(words(Chosen::Head, &["main", id]), "HEAD (0123456); main or 0123456 is not in this clone");
        assert!(no_base_words(&NoBase::Unknown("x".to_owned())).ends_with("no commit 'x' in this clone"));
    }
}
