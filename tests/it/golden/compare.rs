//! What of two outcomes differs, aspect by aspect.

use std::collections::{BTreeMap, BTreeSet};

use super::case::After;
use super::state::Leaf;
use crate::support::tree::lines_apart;

/// A side of what a run leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Aspect {
    /// The exit code.
    Exit,
    /// Standard output, with one job only.
    Stdout,
    /// Messages on standard error.
    Messages,
    /// Files of the work tree, links and empty folders.
    Tree,
    /// Modes of files.
    Modes,
    /// The cache's objects and folders.
    Cache,
    /// The run-cache's entries.
    Runs,
    /// What is staged in git.
    Staged,
    /// What `dvc status` says afterwards.
    Status,
}

/// A difference in words.
pub struct Difference {
    /// Where.
    pub aspect: Aspect,
    /// What.
    pub text: String,
}

/// All differences of what is (`ours`) from what real DVC left.
pub fn differences(expected: &After, ours: &After, jobs: usize) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut note = |aspect, text: String| all.push(Difference { aspect, text });
    if expected.exit != ours.exit {
        note(Aspect::Exit, format!("{} instead of {}", ours.exit, expected.exit));
    }
    let texts = [
        (Aspect::Modes, &expected.modes, &ours.modes),
        (Aspect::Cache, &expected.cache, &ours.cache),
        (Aspect::Runs, &expected.runs, &ours.runs),
        (Aspect::Staged, &expected.staged, &ours.staged),
        (Aspect::Status, &expected.status, &ours.status),
    ];
    // With several jobs the stages' own lines come in the order in which stages end.
    let stdout = (jobs == 1).then_some((Aspect::Stdout, &expected.stdout, &ours.stdout));
    for (aspect, expected, ours) in stdout.into_iter().chain(texts) {
        if expected != ours {
            note(aspect, lines_apart(expected, ours, "dvc", "ours"));
        }
    }
    for text in tree_differences(&expected.tree, &ours.tree) {
        note(Aspect::Tree, text);
    }
    let shown = format!("{}{}", ours.stdout, ours.stderr);
    let (expected, ours) = (messages(&expected.stderr), messages(&ours.stderr));
    for missing in expected.difference(&ours) {
        // With several jobs what a stage itself prints on standard error is shown among other things.
        if jobs == 1 || is_marked(missing) || !shown.contains(missing.as_str()) {
            note(Aspect::Messages, format!("missing: {missing:?}"));
        }
    }
    for added in ours.difference(&expected).filter(|text| is_marked(text)) {
        note(Aspect::Messages, format!("not DVC's: {added:?}"));
    }
    all
}

fn tree_differences(expected: &BTreeMap<String, Leaf>, ours: &BTreeMap<String, Leaf>) -> Vec<String> {
    let paths: BTreeSet<&String> = expected.keys().chain(ours.keys()).collect();
    let differ = paths.into_iter().filter(|path| expected.get(*path) != ours.get(*path));
    differ
        .map(|path| match (expected.get(path), ours.get(path)) {
            (Some(Leaf::File(a)), Some(Leaf::File(b))) => {
                format!("{path}: {}", lines_apart(&String::from_utf8_lossy(a), &String::from_utf8_lossy(b), "dvc", "ours"))
            }
            (a, b) => format!("{path}: {} with dvc, {} with ours", shown(a), shown(b)),
        })
        .collect()
}

fn shown(leaf: Option<&Leaf>) -> String {
    match leaf {
        None => "nothing".to_owned(),
        Some(Leaf::EmptyDir) => "an empty folder".to_owned(),
        Some(Leaf::Link(target)) => format!("a link to {target}"),
        Some(Leaf::File(bytes)) => format!("a file ({:?})", String::from_utf8_lossy(&bytes[..bytes.len().min(80)])),
    }
}

fn is_marked(message: &str) -> bool {
    message.starts_with("ERROR: ") || message.starts_with("WARNING: ")
}

/// Standard error as a set of messages: a marked line with what belongs to it, or a plain line.
/// What DVC says several times counts once, and names that it takes from a set are sorted.
fn messages(stderr: &str) -> BTreeSet<String> {
    let mut all: Vec<String> = Vec::new();
    for line in stderr.lines() {
        let continues = line.starts_with([' ', '\t'])
            || line.starts_with("overlap and are")
            || line.starts_with("To keep repro")
            || line.starts_with("Use `dvc remove`");
        match all.last_mut() {
            Some(last) if is_marked(last) && continues => {
                last.push('\n');
                last.push_str(line);
            }
            _ => all.push(line.to_owned()),
        }
    }
    all.into_iter().map(|text| text.trim_end().to_owned()).filter(|text| !text.is_empty()).map(|text| unordered(&text)).collect()
}

/// Sorts the names in those sentences in which DVC lists a set.
fn unordered(message: &str) -> String {
    if let Some((head, names)) = message.split_once("both a dependency and an output in stages: ") {
        let mut names: Vec<&str> = names.trim_end_matches('.').split(", ").collect();
        names.sort_unstable();
        return format!("{head}both a dependency and an output in stages: {}.", names.join(", "));
    }
    if message.contains("will be skipped due to this failure") {
        let mut names: Vec<&str> = message.split('\'').skip(1).step_by(2).collect();
        names.sort_unstable();
        return format!("WARNING: {} will be skipped", names.join(", "));
    }
    if message.contains(" is specified in:\n") {
        let mut lines: Vec<&str> = message.lines().collect();
        lines.sort_unstable();
        return lines.join("\n");
    }
    message.to_owned()
}

/// The names behind `git add` sorted: DVC takes them from a set.
pub fn git_add_sorted(text: &str) -> String {
    let sort = |line: &str| match line.strip_prefix("\tgit add ") {
        Some(names) => {
            let mut names: Vec<&str> = names.split(' ').collect();
            names.sort_unstable();
            format!("\tgit add {}", names.join(" "))
        }
        None => line.to_owned(),
    };
    text.split('\n').map(sort).collect::<Vec<_>>().join("\n")
}
