//! What DVC prints of files that do not fit their schema, with lines, columns and excerpts: a table
//! that real DVC made (`tests/tools/make_schema_table.py`), and random files.

use dvc_paraffin::format::pipeline::{PipelineError, parse_checked};
use dvc_paraffin::format::schema::{check_data_file, check_lock, check_project};
use dvc_paraffin::model::{Class, RepoPath};

use super::{Judged, compare};

const TABLE: &str = include_str!("../../data/schema_table.json");

fn check(name: &str, source: &str) -> Result<(), PipelineError> {
    let schema = match name {
        "dvc.yaml" => check_project,
        "dvc.lock" => check_lock,
        _ => check_data_file,
    };
    parse_checked(source.as_bytes(), &RepoPath::new(name), &RepoPath::root(), schema).map(|_| ())
}

/// What is said of a file in place of what DVC says, if that is not the same.
fn difference(case: &serde_json::Value) -> Option<String> {
    let (name, source) = (case["name"].as_str().unwrap(), case["source"].as_str().unwrap());
    let want = &case["want"];
    let got = check(name, source).err().map(|error| error.fault());
    let same = match (&got, want["text"].as_str(), want["message"].as_str()) {
        (None, None, None) => true,
        (Some(fault), Some(text), _) => serde_json::to_value(fault.class).unwrap() == want["kind"] && fault.detail("text") == Some(text),
        // What DVC cannot show is an unexpected error.
        (Some(fault), None, Some(message)) => fault.class == Class::Unexpected && fault.message == message,
        _ => false,
    };
    let shown = got.as_ref().map(|fault| fault.detail("text").map_or_else(|| format!("{fault:?}"), str::to_owned));
    let want = want["text"].as_str().map_or_else(|| want.to_string(), str::to_owned);
    (!same).then(|| format!("\n== {name}\n{source}\n-- want\n{want}\n-- got\n{}\n", shown.unwrap_or_default()))
}

#[test]
fn what_does_not_fit_is_told_as_with_dvc() {
    let table: Vec<serde_json::Value> = serde_json::from_str(TABLE).unwrap();
    let wrong: Vec<String> = table.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "{} of {} cases differ{}", wrong.len(), table.len(), wrong.concat());
}

#[test]
fn random_misfits_are_told_as_with_dvc() {
    compare("schema_fuzz.py", "schema", 8, 2400, |case| difference(case).map_or(Judged::Equal, Judged::Differs));
}
