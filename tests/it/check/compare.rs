//! What `check` found beside what DVC says of the same files with all data.
//!
//! Decided to differ: an entry of dvc.lock without a stage is a finding; that a stage always runs is none, unless
//! it has no entry; of a stage without an entry one thing is said where DVC lists all it has; what depends on an
//! output that is not recorded, or whose content never was in a cache, has no finding of its own; what only a missing object could tell is not
//! judged. An output that git has with other content is a finding, as DVC says of a fresh clone, before anything is checked out there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Counts;
use super::truth::{Change, Truth};

/// A finding of `check`.
struct Finding {
    kind: String,
    path: String,
    is_error: bool,
    fix: String,
}

impl Finding {
    /// Whether a stage has no entry at all, or an output of it none.
    fn is_unrecorded(&self) -> bool {
        self.is_error && (self.kind == "lock" || self.kind == "out")
    }

    /// Whether something could not be judged, for want of an object.
    fn is_open(&self) -> bool {
        !self.is_error && matches!(self.kind.as_str(), "dep" | "param")
    }
}

/// Compares; `missing` are the outputs whose content DVC misses, `prefix` is where the DVC repository lies in git.
pub fn compare(answer: &Value, code: i32, truth: &Truth, missing: &BTreeSet<String>, prefix: &str) -> Result<Counts, Vec<String>> {
    let mut counts = Counts { states: 1, ..Counts::default() };
    let is_refused = !answer["error"].is_null();
    let Some(changed) = &truth.changed else {
        counts.refused = 1;
        // DVC gives up where a link leads nowhere; which stage reads that can be told.
        let is_stale = truth.told.contains("ERROR: unexpected error - [Errno 2] No such file or directory") && code == 1;
        return if is_refused && code == 255 || is_stale { Ok(counts) } else { Err(vec!["DVC refuses this repository".to_owned()]) };
    };
    if is_refused {
        return Err(vec!["only we refuse this repository".to_owned()]);
    }
    let found = findings(answer, prefix);
    let mut wrong = Vec::new();
    let nothing = Vec::new();
    for (stage, above) in &truth.stages {
        counts.stages += 1;
        let own = found.get(stage).unwrap_or(&nothing);
        let none = BTreeSet::new();
        let theirs = changed.get(stage).unwrap_or(&none);
        let is_minded = !theirs.is_empty() || truth.always.contains(stage);
        let is_lost = |stage: &String| changed.get(stage).is_some_and(|changes| changes.iter().any(Change::is_lost));
        let is_unrecorded = |stage: &String| found.get(stage).is_some_and(|own| own.iter().any(Finding::is_unrecorded));
        let is_above_unrecorded = above.iter().any(|above| is_unrecorded(above) || is_lost(above));
        counts.unjudged += usize::from(own.iter().any(Finding::is_open));
        counts.stale += usize::from(own.iter().any(|finding| finding.is_error));
        let is_kept = |path: &str| truth.kept.contains(&format!("{stage} {path}"));
        let found = stage_wrong(own, theirs, is_minded, is_above_unrecorded, &is_kept);
        wrong.extend(found.into_iter().map(|text| format!("{stage}: {text}")));
    }
    counts.missing = missing.len();
    let lost = |(stage, changes): (&String, &BTreeSet<Change>)| {
        changes.iter().filter(|change| change.is_lost()).map(|change| format!("{stage} {}", change.path)).collect::<Vec<_>>()
    };
    let missing: BTreeSet<String> = missing.iter().cloned().chain(changed.iter().flat_map(lost)).collect();
    wrong.extend(cache_wrong(&found, &missing));
    let is_stale = answer["findings"].as_array().unwrap().iter().any(|finding| finding["level"] == "error");
    counts.in_step = usize::from(!is_stale);
    if code != i32::from(is_stale) {
        wrong.push(format!("exit code {code}"));
    }
    if wrong.is_empty() { Ok(counts) } else { Err(wrong) }
}

/// The findings of stages, by their addresses as DVC says them; those of entries without a stage are left out.
fn findings(answer: &Value, prefix: &str) -> BTreeMap<String, Vec<Finding>> {
    let mut all: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in answer["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        let strip = |text: &str| text.strip_prefix(prefix).unwrap_or(text).to_owned();
        let address = strip(text("address"));
        let address = address.strip_prefix("dvc.yaml:").map_or_else(|| address.clone(), str::to_owned);
        let fix = text("fix").to_owned();
        if text("kind") == "lock" && (fix.starts_with("take the entry") || fix.starts_with("git rm ")) {
            continue;
        }
        let finding = Finding { kind: text("kind").to_owned(), path: strip(text("path")), is_error: text("level") == "error", fix };
        all.entry(address).or_default().push(finding);
    }
    all
}

/// What is wrong with the findings of one stage.
fn stage_wrong(
    own: &[Finding],
    theirs: &BTreeSet<Change>,
    is_minded: bool,
    is_above_unrecorded: bool,
    is_kept: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    if own.iter().any(|finding| finding.kind == "lock" && finding.is_error && finding.fix.contains(" repro")) {
        return if is_minded { Vec::new() } else { vec!["has no entry, and DVC does not mind".to_owned()] };
    }
    let mut wrong = Vec::new();
    let errors = || own.iter().filter(|finding| finding.is_error);
    for change in theirs {
        let is_told = change.is_lost() && own.iter().any(|finding| finding.kind == "cache" && finding.path == change.path)
            || errors().any(|finding| finding.kind == change.kind && finding.path == change.path)
            || change.kind == "dep" && errors().any(|finding| finding.kind == "param" && finding.path == change.path);
        let is_open = own.iter().any(|finding| finding.is_open() && finding.path == change.path.split(':').next().unwrap());
        let is_of_others = is_above_unrecorded && matches!(change.kind, "dep" | "param");
        if !is_told && !is_open && !is_of_others {
            wrong.push(format!("DVC says {change:?}, we do not"));
        }
    }
    for finding in errors() {
        let is_told = theirs
            .iter()
            .any(|change| finding.path == change.path && (finding.kind == change.kind || finding.kind == "param" && change.kind == "dep"));
        let is_kept = finding.kind == "out" && is_kept(&finding.path);
        if !is_told && !is_kept {
            wrong.push(format!("we say {} '{}', DVC does not", finding.kind, finding.path));
        }
    }
    wrong
}

/// What is wrong with the outputs that are said to have no content.
fn cache_wrong(found: &BTreeMap<String, Vec<Finding>>, missing: &BTreeSet<String>) -> Vec<String> {
    let of_cache = |(stage, own): (&String, &Vec<Finding>)| {
        own.iter().filter(|finding| finding.kind == "cache").map(|finding| format!("{stage} {}", finding.path)).collect::<Vec<_>>()
    };
    let ours: BTreeSet<String> = found.iter().flat_map(of_cache).collect();
    let more = |what: &str, all: BTreeSet<&String>| {
        all.into_iter().map(|out| format!("only {what} misses the content of {out}")).collect::<Vec<_>>()
    };
    let of_us = more("the program", ours.difference(missing).collect());
    of_us.into_iter().chain(more("DVC", missing.difference(&ours).collect())).collect()
}
