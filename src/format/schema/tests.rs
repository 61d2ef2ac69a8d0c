//! Replays what real DVC prints of files that do not fit (`tests/tools/make_schema_table.py`).

use std::fmt::Write as _;

use crate::format::pipeline::{PipelineError, parse_checked};
use crate::format::schema::{check_data_file, check_lock, check_project};
use crate::model::{Class, RepoPath};

const TABLE: &str = include_str!("../../../tests/data/schema_table.json");

fn check(name: &str, source: &str) -> Result<(), PipelineError> {
    let schema = match name {
        "dvc.yaml" => check_project,
        "dvc.lock" => check_lock,
        _ => check_data_file,
    };
    parse_checked(source.as_bytes(), &RepoPath::new(name), &RepoPath::root(), schema).map(|_| ())
}

#[test]
fn what_does_not_fit_is_told_as_with_dvc() {
    let table: Vec<serde_json::Value> = serde_json::from_str(TABLE).unwrap();
    let mut wrong = String::new();
    let mut count = 0;
    for case in &table {
        let (name, source) = (case["name"].as_str().unwrap(), case["source"].as_str().unwrap());
        let want = &case["want"];
        let got = check(name, source).err().map(|error| error.fault());
        let same = match (&got, want["text"].as_str(), want["message"].as_str()) {
            (None, None, None) => true,
            (Some(fault), Some(text), _) => {
                serde_json::to_value(fault.class).unwrap() == want["kind"] && fault.detail("text") == Some(text)
            }
            // What DVC cannot show is an unexpected error.
            (Some(fault), None, Some(message)) => fault.class == Class::Unexpected && fault.message == message,
            _ => false,
        };
        if !same {
            count += 1;
            let shown = got.as_ref().map(|fault| fault.detail("text").map_or_else(|| format!("{fault:?}"), str::to_owned));
            let want = want["text"].as_str().map_or_else(|| want.to_string(), str::to_owned);
            let _ = write!(wrong, "\n== {name}\n{source}\n-- want\n{want}\n-- got\n{}\n", shown.unwrap_or_default());
        }
    }
    assert!(count == 0, "{count} of {} cases differ{wrong}", table.len());
}
