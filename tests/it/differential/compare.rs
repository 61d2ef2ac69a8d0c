//! What is compared after a run, and what of it loosely.
//!
//! - Where DVC takes the order of stages from a set (it selects less than half of the stages),
//!   the order of new entries in dvc.lock and of new lines in `.gitignore` is open.
//! - The listings of folders that DVC leaves in the place of DVC 2's cache, because it looked at an
//!   old entry or got a folder as a new dep, are not made by the program: nothing refers to them.
//! - After a failed run: `.gitignore`, whose lines DVC takes back also for stages that succeeded;
//!   and, if a dep or a parameter was missing (also if that was ignored), the outputs, which DVC has
//!   removed by then and only the program still has.
//! - DVC's `git add` line names files in the order of a set.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use super::setting::Setting;
use crate::support::ran::Ran;
use crate::support::scratch::Scratch;
use crate::support::tree::{Node, Tree};

/// In what two trees may differ.
#[derive(Clone, Debug, Default)]
pub struct Loose {
    /// In the order of entries and lines.
    pub order: bool,
    /// In what failures leave.
    pub failed: bool,
    /// In these outputs, which only the program still has.
    pub outs: BTreeSet<String>,
}

/// All of a repository that counts: the work tree and the cache, wherever that is.
pub fn tree(scratch: &Scratch, setting: &Setting, loose: &Loose) -> Tree {
    let root = setting.root(&scratch.work());
    let mut tree = Tree::of_repository(&root);
    if setting.cache() == "../cache" && root.join("../cache").exists() {
        let cache = Tree::of(&root.join("../cache"), &[]);
        tree.0.extend(cache.0.into_iter().map(|(path, node)| (format!("../cache/{path}"), node)));
    }
    for (path, node) in &mut tree.0 {
        match node {
            Node::Link(target) => *target = target.replace(scratch.top().to_str().unwrap(), "@TOP@"),
            Node::File { bytes, shared, .. } => {
                // What is missing in one tree was perhaps the other name of a file.
                *shared &= loose.outs.is_empty();
                if loose.order
                    && let Some(sorted) = in_any_order(path, &String::from_utf8_lossy(bytes))
                {
                    *bytes = sorted.into_bytes();
                }
            }
            Node::Dir(_) => {}
        }
    }
    let old = Regex::new(&format!(r"^{}/[0-9a-f]{{2}}(/[0-9a-f]{{30}}\.dir)?$", regex::escape(setting.cache()))).unwrap();
    tree.0.retain(|path, _| !old.is_match(path));
    if loose.failed {
        tree.0.retain(|path, _| !path.ends_with(".gitignore"));
    }
    let within = |path: &String| loose.outs.iter().any(|out| path == out || path.starts_with(&format!("{out}/")));
    tree.0.retain(|path, _| !within(path));
    tree
}

/// A dvc.lock with its entries sorted, a .gitignore with its lines sorted; nothing for other files.
pub fn in_any_order(path: &str, text: &str) -> Option<String> {
    if path.ends_with(".gitignore") {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        return Some(lines.join("\n"));
    }
    if !path.ends_with("dvc.lock") {
        return None;
    }
    let mut entries: Vec<String> = vec![String::new()];
    for line in text.lines() {
        if super::disk::entry_name(line).is_some() {
            entries.push(String::new());
        }
        let last = entries.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
    }
    entries.sort();
    Some(entries.concat())
}

/// Standard output without the place, and without the order in the `git add` line.
pub fn said(ran: &Ran, top: &Path) -> Vec<String> {
    let text = ran.out().replace(top.to_str().unwrap(), "@TOP@");
    let lines = text.lines().filter(|line| !line.is_empty()).map(|line| match line.strip_prefix("\tgit add ") {
        None => line.to_owned(),
        Some(files) => {
            let mut files: Vec<&str> = files.split(' ').collect();
            files.sort_unstable();
            format!("\tgit add {}", files.join(" "))
        }
    });
    lines.collect()
}

/// The errors and warnings, without the place, each once: DVC warns of an empty dep each time it saves it.
pub fn errors(ran: &Ran, top: &Path) -> Vec<String> {
    let text = ran.err().replace(top.to_str().unwrap(), "@TOP@");
    let mut told = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("ERROR: ") || line.starts_with("WARNING: ")) {
        let line = if line.ends_with(" will be skipped due to this failure") { skipped(line) } else { line.to_owned() };
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told
}

/// The warning of stages that are skipped, which DVC takes from a set.
fn skipped(line: &str) -> String {
    let mut names: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
    names.sort_unstable();
    format!("skipped: {}", names.join(", "))
}

/// The stages that were run, restored or verified.
pub fn worked_on(ran: &Ran) -> BTreeSet<String> {
    let told = |line: &&str| line.starts_with("Running stage ") || line.starts_with("Verifying ") || line.contains(" is cached - ");
    ran.out().lines().filter(told).map(str::to_owned).collect()
}

/// Whether something that a stage reads was missing.
pub fn was_missing(ran: &Ran) -> bool {
    let text = ran.err();
    ["does not exist", "No such file or directory", "missing from", "missing data"].iter().any(|words| text.contains(words))
}

/// The first differences, in words.
pub fn first(mut wrong: Vec<String>) -> String {
    let more = wrong.len().saturating_sub(12);
    wrong.truncate(12);
    format!("  {}{}", wrong.join("\n  "), if more > 0 { format!("\n  and {more} more") } else { String::new() })
}
