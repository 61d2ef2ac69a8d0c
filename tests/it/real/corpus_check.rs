//! `check` of public pipelines, each put into one commit, beside what DVC said of them.
//!
//! What DVC cannot read is refused, all else has an answer. Commands and parameters are judged as DVC judged
//! them in a full checkout of the same commit: these are all that the files here can tell, because sources and
//! data are left out of them. Repositories of which DVC had no whole checkout are left out of that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::{aloud, on_threads, program};

/// What was compared.
#[derive(Default)]
struct Counts {
    answers: usize,
    refusals: usize,
    commands: usize,
    params: usize,
    /// How many of these changed for DVC.
    changed: usize,
}

#[test]
fn commits_of_public_pipelines_are_judged_as_dvc_judges_them() {
    let Some(dev) = super::public("`check` of the public pipelines") else { return };
    let mut entries: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for file in std::fs::read_dir(dev.join("oracle")).unwrap() {
        let answer: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        entries.entry(answer["entry"].as_str().unwrap().to_owned()).or_default().push(answer);
    }
    let entries: Vec<(String, Vec<Value>)> = entries.into_iter().collect();
    let (mut sum, mut wrong) = (Counts::default(), Vec::new());
    for (counts, differences) in on_threads(2, &entries, |(name, projects)| judged(&dev, name, projects)) {
        sum.answers += counts.answers;
        sum.refusals += counts.refusals;
        sum.commands += counts.commands;
        sum.params += counts.params;
        sum.changed += counts.changed;
        wrong.extend(differences);
    }
    aloud(&format!(
        "public pipelines: {} commits with an answer, {} refused; {} commands and {} parameters compared, of which {} changed",
        sum.answers, sum.refusals, sum.commands, sum.params, sum.changed
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sum.commands > 500 && sum.params > 200 && sum.changed > 10, "too little was compared");
}

/// What was compared in one repository, and what differs.
fn judged(dev: &Path, name: &str, projects: &[Value]) -> (Counts, Vec<String>) {
    let scratch = Scratch::new();
    let work = scratch.work();
    let text = format!("rm -rf {to} && cp -a {from} {to}", from = dev.join("repos").join(name).display(), to = work.display());
    sh(&scratch, scratch.top(), &text);
    for project in projects {
        let config = work.join(project["root"].as_str().unwrap()).join(".dvc/config");
        if !config.exists() {
            std::fs::create_dir_all(config.parent().unwrap()).unwrap();
            std::fs::write(config, "").unwrap();
        }
    }
    sh(&scratch, &work, "git init -q . && git add -A -f . && git commit -q -m all");
    let ran = Ran::of(scratch.command(program::path()).current_dir(&work).args(["check", "--rev", "HEAD", "--json", "--cache", "off"]));
    let Ok(answer) = serde_json::from_str::<Value>(&ran.out()) else { return (Counts::default(), vec![format!("{name}: {ran}")]) };
    let is_refused = !answer["error"].is_null();
    let must_refuse = projects.iter().any(|project| project["ok"] == false);
    if is_refused != must_refuse || is_refused != (ran.code == 255) {
        return (Counts::default(), vec![format!("{name}: DVC reads it: {}; {ran}", !must_refuse)]);
    }
    let mut counts = Counts { answers: usize::from(!is_refused), refusals: usize::from(is_refused), ..Counts::default() };
    let read = projects.iter().filter(|project| project["ok"] == true && project["full"]["status"].is_object());
    let wrong = read
        .filter(|project| project["full"]["checkout_warning"] == "")
        .flat_map(|project| compared(project, &answer, &mut counts))
        .map(|difference| format!("{name}: {difference}"))
        .collect();
    (counts, wrong)
}

/// Compares the stages of one DVC repository.
fn compared(project: &Value, answer: &Value, counts: &mut Counts) -> Vec<String> {
    let root = project["root"].as_str().unwrap();
    let prefix = if root == "." { String::new() } else { format!("{root}/") };
    let stages = project["stages"].as_array().unwrap();
    let of_stages = |what: &str| stages.iter().flat_map(|stage| stage[what].as_array().unwrap()).collect::<Vec<_>>();
    let outs: Vec<&str> = of_stages("outs").iter().map(|out| out["root_path"].as_str().unwrap()).collect();
    let mut wrong = Vec::new();
    for stage in stages {
        let address = stage["addr"].as_str().unwrap();
        let whole = if address.contains(':') || address.ends_with(".dvc") || root == "." {
            format!("{prefix}{address}")
        } else {
            format!("{prefix}dvc.yaml:{address}")
        };
        let own: Vec<&Value> = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["address"] == *whole).collect();
        if own.iter().any(|finding| finding["kind"] == "lock") {
            continue;
        }
        let theirs = Theirs::of(&project["full"]["status"][address], address);
        let errors = |kind: &str| -> BTreeSet<String> {
            let of_kind = own.iter().filter(|finding| finding["kind"] == *kind && finding["level"] == "error");
            of_kind.map(|finding| finding["path"].as_str().unwrap_or_default().trim_start_matches(&prefix).to_owned()).collect()
        };
        counts.commands += 1;
        counts.changed += usize::from(theirs.command);
        if theirs.command == errors("cmd").is_empty() {
            wrong.push(format!("{address}: DVC says that the command changed: {}", theirs.command));
        }
        for file in stage["params"].as_array().unwrap() {
            let path = file["root_path"].as_str().unwrap();
            if outs.iter().any(|out| path == *out || path.starts_with(&format!("{out}/"))) {
                continue;
            }
            counts.params += file["keys"].as_array().map_or(0, Vec::len).max(1);
            let here = |keys: &BTreeSet<String>| -> BTreeSet<String> {
                keys.iter().filter(|key| *key == path || key.starts_with(&format!("{path}:"))).cloned().collect()
            };
            let (a, b) = (here(&theirs.params), here(&errors("param")));
            counts.changed += a.len();
            if a != b {
                wrong.push(format!("{address}: parameters that changed: {a:?} for DVC, {b:?} here"));
            }
        }
    }
    wrong
}

/// What DVC says of a stage: whether its command changed, and which parameters (`FILE:KEY`, or the file).
#[derive(Default)]
struct Theirs {
    command: bool,
    params: BTreeSet<String>,
}

impl Theirs {
    fn of(changes: &Value, address: &str) -> Self {
        let mut all = Self::default();
        for change in changes.as_array().into_iter().flatten() {
            let words = change.as_str().unwrap_or_default();
            all.command |= words == "changed command" || words == "changed checksum" && !address.ends_with(".dvc");
            let Some(deps) = change["changed deps"].as_object() else { continue };
            for (path, how) in deps {
                match how.as_object() {
                    Some(keys) => all.params.extend(keys.keys().map(|key| format!("{path}:{key}"))),
                    None => drop(all.params.insert(path.clone())),
                }
            }
        }
        all
    }
}
