//! Files of parameters against DVC's own readers: for random files in all four languages and random
//! keys the same text must come out for dvc.lock, the same keys must be missing, or the file must be
//! refused with the same sentence.

use std::collections::HashMap;

use dvc_paraffin::format::Files;
use dvc_paraffin::format::lockfile::{Lock, Place};
use dvc_paraffin::format::params;
use dvc_paraffin::model::{Class, Fault, Map, Record, RepoPath};
use serde_json::{Value as Json, json};

use super::{Judged, compare};

/// One file.
struct Only(HashMap<String, Vec<u8>>);

impl Files for Only {
    fn read(&self, path: &RepoPath) -> std::io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path.as_str()).cloned())
    }
}

#[test]
fn random_parameters_are_read_as_with_dvc() {
    compare("params_fuzz.py", "params", 4, 2400, judge);
}

fn judge(case: &Json) -> Judged {
    let (want, got) = (&case["want"], run(case));
    let odd = want["unexpected"].as_str().unwrap_or_default();
    if want["text"] == got["text"]
        && want["missing"] == got["missing"]
        && want["error"] == got["error"]
        && odd == got["unexpected"].as_str().unwrap_or_default()
    {
        return Judged::Equal;
    }
    if want["exact"] == false && got["text"].is_string() {
        return Judged::Apart("where DVC's text does not read back");
    }
    if odd.starts_with("dpath.get() globs must match only one leaf") && got["missing"].is_array() {
        return Judged::Apart("with keys that match twice");
    }
    if odd.starts_with("Key \"") && odd.ends_with("\" already exists.") && got["error"].is_array() {
        return Judged::Apart("with a key twice in TOML, which DVC fails at");
    }
    if odd.starts_with("'<' not supported") && got["mixed"].is_u64() {
        return Judged::Apart("with keys that DVC fails to sort");
    }
    let told = |answer: &Json| answer["error"].as_array().map(|said| said.iter().take(2).cloned().collect::<Vec<_>>());
    // The parsers of TOML, YAML and Python have words of their own for what is wrong with a text.
    if !case["path"].as_str().unwrap().ends_with("json") && told(want).is_some() && told(want) == told(&got) {
        return Judged::Apart("refused with another reason");
    }
    Judged::Differs(format!("{} {}\n{}\nwant {want}\ngot  {got}", case["path"], case["keys"], case["source"].as_str().unwrap()))
}

fn run(case: &Json) -> Json {
    let (path, source) = (case["path"].as_str().unwrap(), case["source"].as_str().unwrap());
    let keys: Vec<String> = case["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
    let files = Only(HashMap::from([(path.to_owned(), source.as_bytes().to_vec())]));
    let found = match params::read(&files, &RepoPath::new(path), &keys) {
        Ok(found) => found.unwrap(),
        Err(error) => match error.stage_fault() {
            fault if fault.class == Class::Unexpected => return json!({"unexpected": fault.message}),
            fault => return json!({"error": sentences(Some(&fault))}),
        },
    };
    let mut missing: Vec<&str> = found.iter().filter(|(_, value)| value.is_none()).filter_map(|(key, _)| key.as_str()).collect();
    missing.sort_unstable();
    if !missing.is_empty() {
        return json!({"missing": missing});
    }
    let found: Map = found.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
    if found.keys().any(|key| key.as_str().is_none()) && found.keys().any(|key| key.as_str().is_some()) {
        // Keys that Python cannot sort.
        return json!({"mixed": found.len()});
    }
    let record = Record { cmd: None, deps: Vec::new(), params: [(path.to_owned(), found)].into_iter().collect(), outs: Vec::new() };
    let mut lock = Lock::default();
    lock.set("s", &record, Place::End);
    json!({"text": String::from_utf8(lock.to_bytes()).unwrap()})
}

/// A failure and what caused it, sentence by sentence.
fn sentences(fault: Option<&Fault>) -> Vec<String> {
    let mut said = Vec::new();
    let mut next = fault;
    while let Some(fault) = next {
        said.push(fault.message.clone());
        next = fault.cause.as_deref();
    }
    said
}
