//! Lock files read, changed and written, against what DVC makes of them.

use super::*;
use crate::model::{Cmd, Digest, Meta, RecordedPath};

const FILE: &str = "\
# on top
schema: \"2.0\"   # c
stages:
  gone:   # remark
    cmd: \"echo gone\"
    outs:
    - {path: g.txt, md5: d41d8cd98f00b204e9800998ecf8427e, size: 0}
  second:
    cmd: >-
      wc -c < mid.txt
      > end.txt
    deps:
      - path: mid.txt
        md5: 1234
        hash: md5
  # before nothing
";

fn item(path: &str, md5: &str) -> RecordedPath {
    RecordedPath { path: path.to_owned(), digest: Some(Digest::md5(md5)), meta: Meta { size: Some(2), ..Meta::default() }, listed: None }
}

fn record(cmd: &str) -> Record {
    Record {
        cmd: Some(Cmd::One(cmd.to_owned())),
        deps: vec![item("b", "12ab"), item("B", "ab12")],
        params: IndexMap::new(),
        outs: Vec::new(),
    }
}

use indexmap::IndexMap;

fn text(lock: &Lock) -> String {
    String::from_utf8(lock.to_bytes()).unwrap()
}

const WRITTEN: &str = "    cmd: run\n    deps:\n    - path: B\n      hash: md5\n      md5: ab12\n      size: 2\n    - path: b\n      hash: md5\n      md5: 12ab\n      size: 2\n";

#[test]
fn an_entry_can_be_moved() {
    let text = "schema: '2.0'\nstages:\n  a:\n    cmd: x # kept\n  b:\n    cmd: y\n  c:\n    cmd: z\n";
    let mut lock = Lock::parse(text.as_bytes(), "./dvc.lock").unwrap();
    lock.shift("c", "a");
    lock.shift("b", "b");
    lock.shift("no", "a");
    let moved = "schema: '2.0'\nstages:\n  c:\n    cmd: z\n  a:\n    cmd: x # kept\n  b:\n    cmd: y\n";
    assert_eq!(String::from_utf8(lock.to_bytes()).unwrap(), moved);
}

#[test]
fn untouched_entries_keep_their_text() {
    let mut lock = Lock::parse(FILE.as_bytes(), "./dvc.lock").unwrap();
    assert_eq!(text(&lock), FILE);
    assert_eq!(lock.names().collect::<Vec<_>>(), ["gone", "second"]);
    let second = lock.record("second").unwrap();
    assert_eq!(second.cmd, Some(Cmd::One("wc -c < mid.txt > end.txt".to_owned())));
    assert_eq!(second.deps[0].digest, Some(Digest::md5("1234")));
    assert_eq!(lock.record("gone").unwrap().outs[0].digest.as_ref().unwrap().algo, crate::model::Algo::Md5Dos2Unix);
    lock.set("second", &record("run"), Place::End);
    lock.set("first", &record("run"), Place::Before("second"));
    let (head, _) = FILE.split_once("  second:").unwrap();
    let head = head.replace("\"2.0\"", "'2.0'");
    assert_eq!(text(&lock), format!("{head}  first:\n{WRITTEN}  second:\n{WRITTEN}"));
    assert_eq!(lock.names().collect::<Vec<_>>(), ["gone", "first", "second"]);
    assert!(!lock.differs("first", &record("run")));
    assert!(lock.differs("first", &record("walk")));
}

#[test]
fn a_new_file_has_its_head() {
    let mut lock = Lock::default();
    lock.set("a", &record("run"), Place::Before("nothing"));
    assert_eq!(text(&lock), format!("schema: '2.0'\nstages:\n  a:\n{WRITTEN}"));
    assert_eq!(Lock::parse(&lock.to_bytes(), "./dvc.lock").unwrap().record("a").unwrap().deps.len(), 2);
}

#[test]
fn what_cannot_be_cut_is_written_anew() {
    for source in [
        "schema: '2.0'\nstages: {a: {cmd: x}}\n",
        "schema: '2.0'\nstages:\n    a:\n      cmd: x\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x",
        "{schema: '2.0', stages: {a: {cmd: x}}}\n",
        "schema: '2.0'\nstages:\n  a: &x\n    cmd: x\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x\n...\n",
    ] {
        let mut lock = Lock::parse(source.as_bytes(), "./dvc.lock").unwrap();
        lock.set("b", &record("run"), Place::End);
        assert_eq!(text(&lock), format!("schema: '2.0'\nstages:\n  a:\n    cmd: x\n  b:\n{WRITTEN}"), "{source}");
    }
    let mut bare = Lock::parse(b"schema: '2.0'\n", "./dvc.lock").unwrap();
    bare.set("b", &record("run"), Place::End);
    assert_eq!(text(&bare), format!("schema: '2.0'\nstages:\n  b:\n{WRITTEN}"));
}

#[test]
fn other_keys_stay_behind_the_stages() {
    let source = "schema: '2.0'\nstages:\n  a:\n    cmd: x\ndatasets:\n- name: d\n";
    let mut lock = Lock::parse(source.as_bytes(), "./dvc.lock").unwrap();
    lock.set("b", &record("run"), Place::End);
    assert_eq!(text(&lock), format!("schema: '2.0'\nstages:\n  a:\n    cmd: x\n  b:\n{WRITTEN}datasets:\n- name: d\n"));
}

#[test]
fn anchors_are_numbered_through_the_file() {
    let list = Value::seq(vec![Value::Int(1)]);
    let keys: Map = [(Key::str("x"), list.clone()), (Key::str("y"), list)].into_iter().collect();
    let shared = Record { deps: Vec::new(), params: [("params.yaml".to_owned(), keys)].into_iter().collect(), ..record("run") };
    let mut lock = Lock::default();
    lock.set("a", &shared, Place::End);
    lock.set("b", &shared.clone(), Place::End);
    let again = Lock::parse(&lock.to_bytes(), "./dvc.lock").unwrap();
    assert_eq!(again.record("a"), Some(shared.clone()));
    let other = Value::seq(vec![Value::Int(1)]);
    let keys: Map = [(Key::str("x"), other.clone()), (Key::str("y"), other)].into_iter().collect();
    let apart = Record { params: [("params.yaml".to_owned(), keys)].into_iter().collect(), ..shared };
    lock.set("b", &apart, Place::End);
    assert!(text(&lock).contains("x: &id002\n"));
}

#[test]
fn keys_that_are_no_text_stay_what_they_are() {
    let keys: Map = [(Key(Value::Int(10)), Value::str("b")), (Key(Value::Int(9)), Value::str("a"))].into_iter().collect();
    let record = Record { deps: Vec::new(), params: [("params.yaml".to_owned(), keys)].into_iter().collect(), ..record("run") };
    let mut lock = Lock::default();
    lock.set("a", &record, Place::End);
    assert!(text(&lock).ends_with("params.yaml:\n        9: a\n        10: b\n"));
}

#[test]
fn files_listed_one_by_one_are_the_hash() {
    let files = "      files:\n      - {relpath: a, md5: b026324c6904b2a9cb4b88d6d61c81d1, size: 2}\n";
    let lock = format!("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n    - path: d\n      hash: md5\n{files}");
    let out = Lock::parse(lock.as_bytes(), "./dvc.lock").unwrap().record("a").unwrap().outs.remove(0);
    assert_eq!(out.digest.unwrap().value, "978ca45691cd12e610fb0788867f8252.dir");
    assert_eq!((out.meta.nfiles, out.listed.unwrap().files.len()), (Some(1), 1));
}

#[test]
fn refuses_what_dvc_refuses() {
    let told = |source: &str| Lock::parse(source.as_bytes(), "./dvc.lock").unwrap_err().fault();
    assert_eq!(told("").detail("text"), Some("'./dvc.lock' validation failed.\n\nrequired key not provided, in schema\n"));
    let old = told("first:\n  cmd: x\n");
    assert_eq!(old.message, "'./dvc.lock' validation failed: 2 errors");
    assert!(old.detail("text").unwrap().contains("\nextra keys not allowed, in first, line 2, column 3\n"));
    assert!(told("schema: 2.0\n").detail("text").unwrap().contains("invalid schema version, in schema"));
    assert!(told("schema: '2.0'\nstages:\n").detail("text").unwrap().contains("expected a dictionary, in stages"));
    assert_eq!(told("schema: [\n").class, crate::model::Class::YAMLSyntaxError);
    let deep = "schema: '2.0'\nstages:\n  a:\n    cmd: 1\n    outs:\n    - path: p\n      md5: ab\n      what: 1\n";
    assert_eq!(told(deep).message, "'./dvc.lock' validation failed: 3 errors");
}

#[test]
fn ten_thousand_entries_are_cheap() {
    let mut lock = Lock::default();
    for number in 0..10_000 {
        let place = format!("s{}", number / 2);
        lock.set(&format!("s{number}"), &record("run"), if number % 2 == 0 { Place::End } else { Place::Before(&place) });
    }
    let bytes = lock.to_bytes();
    let again = Lock::parse(&bytes, "./dvc.lock").unwrap();
    assert_eq!(again.names().count(), 10_000);
    assert_eq!(again.to_bytes(), bytes);
}
