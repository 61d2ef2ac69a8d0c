//! YAML against real ruamel: any text is read as DVC reads it, or refused with the same sentences
//! at the same places; any value, and any entry of dvc.lock, is written to the byte as DVC writes
//! it, unless DVC's own text would not read back.

use std::process::Command;

use dvc_paraffin::format::emit;
use dvc_paraffin::format::lockfile::{Lock, Place};
use dvc_paraffin::format::template::{python_repr, python_str};
use dvc_paraffin::format::yaml::{self, YamlError};
use serde_json::{Value as Json, json};

use super::values::{from_json, sorted, to_json};
use super::{Judged, batch, compare, python, script};
use crate::support::archive::{shared, unpacked};
use crate::support::{aloud, crate_dir, number};

const SCRIPT: &str = "yaml_fuzz.py";

#[test]
fn awkward_pieces_are_read_as_dvc_reads_them() {
    compare(SCRIPT, "pieces", 1, 1500, judge_reading);
}

#[test]
fn odd_scalars_are_read_as_dvc_reads_them() {
    compare(SCRIPT, "scalars", 1, 1500, judge_reading);
}

#[test]
fn documents_of_every_style_are_read_as_dvc_reads_them() {
    compare(SCRIPT, "layout", 1, 1000, judge_reading);
}

#[test]
fn edited_documents_are_read_as_dvc_reads_them() {
    compare(SCRIPT, "mutated", 1, 800, judge_reading);
}

#[test]
fn damaged_bytes_are_read_as_dvc_reads_them() {
    compare(SCRIPT, "bytes", 1, 800, judge_reading);
}

#[test]
fn values_are_written_as_dvc_writes_them() {
    compare(SCRIPT, "emit", 1, 1000, judge_writing);
}

#[test]
fn values_are_printed_as_python_prints_them() {
    compare(SCRIPT, "repr", 1, 1000, judge_printing);
}

#[test]
fn lock_entries_are_written_as_dvc_writes_them() {
    compare(SCRIPT, "locks", 4, 600, judge_locks);
}

#[test]
fn lock_files_are_emitted_as_dvc_emits_them() {
    let Some(python) = python("lock files emitted anew") else { return };
    let mut folders = vec![unpacked(&crate_dir().join("tests/golden/golden-cases.tar.xz"))];
    let corpus = shared().join("corpus/corpus-dev.tar.xz");
    if corpus.exists() {
        folders.push(unpacked(&corpus));
    } else {
        aloud("SKIPPED the lock files of ../shared/corpus: the folder is not there");
    }
    // Large ones take DVC seconds each.
    let most = if number("DVC_PARAFFIN_FUZZ", 0) > 0 { u64::MAX } else { 50_000 };
    let (cases, ended) = batch(Command::new(python).arg(script(SCRIPT)).args(["files", &most.to_string()]).args(&folders), &judge_file);
    let same = cases.iter().filter(|(_, judged)| matches!(judged, Judged::Equal)).count();
    aloud(&format!("lock files emitted anew: {} files, {same} equal, others where DVC's text does not read back", cases.len()));
    let wrong: Vec<String> =
        cases.into_iter().filter_map(|(_, judged)| if let Judged::Differs(text) = judged { Some(text) } else { None }).collect();
    assert!(ended && wrong.is_empty() && same > 100, "{} differ\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What DVC reads in a file, and what it writes for that, must be what we read and write.
fn judge_file(case: &Json) -> Judged {
    let path = case["path"].as_str().unwrap();
    let bytes = std::fs::read(path).unwrap();
    let Ok(doc) = yaml::parse(&bytes) else {
        return if case["text"].is_null() { Judged::Equal } else { Judged::Differs(format!("{path} is refused")) };
    };
    let (got, want) = (emit::document(&doc.value), case["text"].as_str().unwrap_or_default());
    if got != want && meaning(want) != Some(to_json(&doc.value)) {
        return Judged::Apart("where DVC's text does not read back");
    }
    if got == want { Judged::Equal } else { Judged::Differs(format!("{path}\n{}", first_difference(want, &got))) }
}

/// The first line that differs.
fn first_difference(want: &str, got: &str) -> String {
    let (mut theirs, mut ours) = (want.split('\n'), got.split('\n'));
    loop {
        match (theirs.next(), ours.next()) {
            (None, None) => return "no line differs".to_owned(),
            (want, got) if want != got => return format!("dvc  {want:?}\nours {got:?}"),
            _ => {}
        }
    }
}

fn judge_reading(case: &Json) -> Judged {
    let hex = case["source"].as_str().unwrap();
    let source: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let want = sorted(&case["want"]);
    let got = read(&source);
    if want == got {
        return Judged::Equal;
    }
    if in_construction(&want) && in_construction(&got) {
        let is_time = |answer: &Json| answer.to_string().contains("Failed to construct timestamp");
        return Judged::Rare(if is_time(&want) && is_time(&got) {
            "tell a list or map tagged as a time in other words"
        } else {
            "tell another of several errors"
        });
    }
    // That a list or map holds itself is seen when its alias is, before the values are made.
    if in_construction(&want) && got["error"] == "deep" {
        return Judged::Rare("tell that a text holds itself and not what else is wrong in it");
    }
    Judged::Differs(format!("{:?}\nwant {want}\ngot  {got}", String::from_utf8_lossy(&source)))
}

/// Whether this is an error of a text with good syntax. Where there are several such, DVC tells
/// the first that its constructor comes upon, and that jumps among the levels of a document.
fn in_construction(answer: &Json) -> bool {
    const WORDS: &[&str] = &[
        "While constructing",
        "Failed to c",
        "Failed to decode",
        "Could not determine a constructor",
        "Expected a scalar node",
        "Expected a sequence node",
        "Expected a mapping node",
    ];
    let notes = answer["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
    answer["error"] == "value" || notes.first().and_then(Json::as_str).is_some_and(|note| WORDS.iter().any(|word| note.starts_with(word)))
}

fn read(document: &[u8]) -> Json {
    match yaml::parse(document) {
        Ok(doc) => to_json(&doc.value),
        Err(error) => match &error {
            YamlError::Encoding => json!({"error": "encoding"}),
            YamlError::Character { .. } => json!({"error": "character"}),
            YamlError::Marked { .. } => {
                json!({"error": "marked", "notes": error.notes().into_iter().map(|note| note.text).collect::<Vec<_>>()})
            }
            YamlError::Value(text) => json!({"error": "value", "text": text}),
            // What holds itself has no end for DVC.
            YamlError::Deep(_) | YamlError::Recursive(_) => json!({"error": "deep"}),
        },
    }
}

fn judge_writing(case: &Json) -> Judged {
    let value = from_json(&case["value"]);
    let (got, want) = (emit::document(&value), case["want"].as_str().unwrap());
    if meaning(&got) != Some(to_json(&value)) {
        return Judged::Differs(format!("does not read back: {got:?}\n{:?}", meaning(&got)));
    }
    match (got == want, meaning(want) == Some(to_json(&value))) {
        (true, _) => Judged::Equal,
        (false, false) => Judged::Apart("where DVC's text does not read back"),
        (false, true) => Judged::Differs(first_difference(want, &got)),
    }
}

fn judge_printing(case: &Json) -> Judged {
    let made = from_json(&case["value"]);
    let printed = made.as_seq().unwrap().iter().map(|value| json!([python_repr(value), python_str(value)]));
    let wrong: Vec<String> = printed
        .zip(case["want"].as_array().unwrap())
        .filter(|(got, want)| got != *want)
        .map(|(got, want)| format!("want {want}\ngot  {got}"))
        .collect();
    if wrong.is_empty() { Judged::Equal } else { Judged::Differs(wrong.join("\n")) }
}

/// What a text means, if anything. (That it is what DVC takes it for is shown above.)
fn meaning(text: &str) -> Option<Json> {
    yaml::parse(text.as_bytes()).ok().map(|doc| to_json(&doc.value))
}

fn judge_locks(case: &Json) -> Judged {
    let (mut lock, mut before) = (Lock::default(), String::new());
    for step in case["steps"].as_array().unwrap() {
        let (name, want) = (step["name"].as_str().unwrap(), step["text"].as_str().unwrap());
        let entry = to_json(&from_json(&step["entry"]));
        // What is recorded of a stage comes out of a lock file that holds this entry alone.
        let alone = from_json(&json!({"m": [["schema", "2.0"], ["stages", {"m": [[name, step["entry"]]]}]]}));
        let alone = match Lock::parse(emit::document(&alone).as_bytes(), "./dvc.lock") {
            Ok(lock) if lock.value(name).map(to_json).as_ref() == Some(&entry) => lock,
            other => return Judged::Differs(format!("does not read back: {entry}\n{:?}", other.map(|lock| lock.value(name).cloned()))),
        };
        lock.set(name, &alone.record(name).unwrap(), Place::End);
        let got = String::from_utf8(lock.to_bytes()).unwrap();
        if got != want {
            return judge_entry(name, &entry, &before, want, &got);
        }
        want.clone_into(&mut before);
    }
    Judged::Equal
}

/// Two lock files differ since this entry was written: may they?
fn judge_entry(name: &str, entry: &Json, before: &str, want: &str, got: &str) -> Judged {
    let Ok(theirs) = Lock::parse(want.as_bytes(), "./dvc.lock") else {
        return Judged::Apart("where DVC's text does not read back");
    };
    let old = Lock::parse(before.as_bytes(), "./dvc.lock").unwrap_or_default();
    let changed = |other: &str| {
        old.value(other).map(|value| emit::entry(other, value, 2)) != theirs.value(other).map(|value| emit::entry(other, value, 2))
    };
    if theirs.value(name).map(to_json).as_ref() != Some(entry) {
        Judged::Apart("where DVC's text does not read back")
    } else if old.names().any(|other| other != name && (changed(other) || !want.contains(text_of(before, other)))) {
        Judged::Apart("where DVC changed another entry")
    } else {
        Judged::Differs(first_difference(want, got))
    }
}

/// The text of an entry in a lock file.
fn text_of<'a>(lock: &'a str, name: &str) -> &'a str {
    let start = lock.find(&format!("\n  {name}:\n")).map_or(0, |at| at + 1);
    let rest = &lock[start..];
    let lines = rest.split_inclusive('\n');
    let length: usize = lines
        .enumerate()
        .take_while(|(at, line)| *at == 0 || line.starts_with("   ") || line.starts_with('\n'))
        .map(|(_, line)| line.len())
        .sum();
    &rest[..length]
}
