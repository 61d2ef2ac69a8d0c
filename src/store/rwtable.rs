//! The text of `.dvc/tmp/rwlock`: which process reads and writes which paths (dvc: `rwlock.py`).
//!
//! It does not know which processes live, nor who we are. DVC writes this file in place and
//! refuses one that is empty, torn or of another form: after a kill at the wrong moment every
//! later `dvc` command fails until someone removes it by hand. Here what can be read of such a
//! file is kept, and the rest is a remark.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::{Map, Value};

/// A process as the file names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Info {
    pub(super) pid: i64,
    pub(super) cmd: String,
}

/// The file's content.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) write: BTreeMap<String, Info>,
    pub(super) read: BTreeMap<String, Vec<Info>>,
}

impl Table {
    /// Reads the file, and says what DVC would not take of it, if there is anything.
    pub(super) fn parse(bytes: &[u8]) -> (Self, Option<String>) {
        let mut table = Self::default();
        let whole = match serde_json::from_slice(bytes) {
            Ok(Value::Object(whole)) => whole,
            Ok(_) => return (table, Some("it is not a table".to_owned())),
            Err(error) => return (table, Some(error.to_string())),
        };
        let mut flaw = None;
        for (half, entries) in &whole {
            let Some(entries) = entries.as_object().filter(|_| matches!(half.as_str(), "write" | "read")) else {
                flaw = Some(format!("'{half}' is not what it should be"));
                continue;
            };
            for (path, entry) in entries {
                let good = if half == "write" { table.add_writer(path, entry) } else { table.add_readers(path, entry) };
                if !good {
                    flaw = Some(format!("the entry of '{path}' is not what it should be"));
                }
            }
        }
        (table, flaw)
    }

    fn add_writer(&mut self, path: &str, entry: &Value) -> bool {
        let info = entry.as_object().and_then(info);
        info.map(|info| self.write.insert(path.to_owned(), info)).is_some()
    }

    fn add_readers(&mut self, path: &str, entry: &Value) -> bool {
        let Some(entries) = entry.as_array() else { return false };
        let infos: Vec<Info> = entries.iter().filter_map(|entry| info(entry.as_object()?)).collect();
        let good = infos.len() == entries.len();
        if !infos.is_empty() {
            self.read.insert(path.to_owned(), infos);
        }
        good
    }

    /// The file as DVC leaves it: without empty halves.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("{");
        let mut half = |name: &str, json: String| {
            if json != "{}" {
                let comma = if text.len() > 1 { ", " } else { "" };
                text.push_str(&format!("{comma}\"{name}\": {json}"));
            }
        };
        half("write", python_json(&self.write));
        half("read", python_json(&self.read));
        text.push('}');
        text
    }

    /// All entries, a path with each process that uses it.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Info)> {
        let readers = self.read.iter().flat_map(|(path, infos)| infos.iter().map(move |info| (path.as_str(), info)));
        self.write.iter().map(|(path, info)| (path.as_str(), info)).chain(readers)
    }

    /// Removes entries; gives those that are gone.
    pub(super) fn remove(&mut self, gone: impl Fn(&str, &Info) -> bool) -> Vec<(String, Info)> {
        let removed = self.entries().filter(|(path, info)| gone(path, info)).map(|(path, info)| (path.to_owned(), info.clone())).collect();
        self.write.retain(|path, info| !gone(path, info));
        self.read.retain(|path, infos| {
            infos.retain(|info| !gone(path, info));
            !infos.is_empty()
        });
        removed
    }
}

/// A process, if it is told of in DVC's form.
fn info(entry: &Map<String, Value>) -> Option<Info> {
    let info = Info { pid: entry.get("pid")?.as_i64()?, cmd: entry.get("cmd")?.as_str()?.to_owned() };
    (entry.len() == 2).then_some(info)
}

/// JSON with Python's separators.
fn python_json<T: Serialize>(value: &T) -> String {
    struct Spaced;
    impl serde_json::ser::Formatter for Spaced {
        fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
            writer.write_all(b": ")
        }
        fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
    }
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    value.serialize(&mut serializer).expect("maps of text and numbers are always JSON");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of a text, and whether something was wrong with it.
    fn kept(text: &str) -> (String, bool) {
        let (table, flaw) = Table::parse(text.as_bytes());
        (table.text(), flaw.is_some())
    }

    #[test]
    fn what_dvc_writes_is_kept_as_it_is() {
        let one = r#"{"pid": 1, "cmd": "dvc repro"}"#;
        let full = format!(r#"{{"write": {{"/a": {one}}}, "read": {{"/b": [{one}, {{"pid": 2, "cmd": "x"}}]}}}}"#);
        for text in [&full, "{}", &format!(r#"{{"read": {{"/b": [{one}]}}}}"#)] {
            assert_eq!(kept(text), (text.to_owned(), false));
        }
        assert_eq!(kept(r#"{"write": {}, "read": {}}"#), ("{}".to_owned(), false));
    }

    #[test]
    fn torn_files_hold_nothing() {
        for text in ["", " ", "{\"write\": {", "{\"write\": {}} x", "null", "[]", "[{}, {}]", "3", "\"write\"", "\0\0\0"] {
            assert_eq!(kept(text), ("{}".to_owned(), true), "{text:?}");
        }
        assert!(Table::parse(b"{\"write\": {\"/\xff\": 1}}").1.is_some());
    }

    #[test]
    fn of_wrong_types_the_right_ones_are_kept() {
        let one = r#"{"pid": 1, "cmd": "c"}"#;
        let kept_writer = format!(r#"{{"write": {{"/a": {one}}}}}"#);
        let wrong = ["1", "null", "[]", "{}", r#"{"pid": "1", "cmd": "c"}"#, r#"{"pid": 1.5, "cmd": "c"}"#, r#"{"pid": 1}"#];
        let more = [r#"{"pid": 1, "cmd": null}"#, r#"{"pid": 1, "cmd": "c", "x": 1}"#, r#"{"pid": 99999999999999999999, "cmd": "c"}"#];
        for bad in wrong.iter().chain(&more) {
            assert_eq!(kept(&format!(r#"{{"write": {{"/a": {one}, "/b": {bad}}}}}"#)), (kept_writer.clone(), true), "{bad}");
            let read = format!(r#"{{"write": {{"/a": {one}}}, "read": {{"/b": [{bad}]}}}}"#);
            assert_eq!(kept(&read), (kept_writer.clone(), true), "{bad}");
        }
        for bad in ["1", "null", "[]", "\"x\""] {
            assert_eq!(kept(&format!(r#"{{"write": {{"/a": {one}}}, "read": {bad}}}"#)), (kept_writer.clone(), true), "{bad}");
        }
        assert_eq!(kept(&format!(r#"{{"write": {{"/a": {one}}}, "more": {{}}}}"#)), (kept_writer, true));
        assert_eq!(kept(&format!(r#"{{"read": {{"/a": {one}}}}}"#)), ("{}".to_owned(), true));
    }
}
