//! The rules of the house that no compiler keeps: which floor may know which, how a file opens,
//! how long it may be, and that the floors which decide touch nothing outside.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::crate_dir;

/// Each floor and what it may know besides itself.
const FLOORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("format", &["model"]),
    ("plan", &["model", "format"]),
    ("store", &["model", "format"]),
    ("run", &["model", "format", "plan", "store"]),
    ("report", &["model"]),
    ("ops", &["model", "format", "plan", "store", "run", "report"]),
    ("cli", &["model", "format", "plan", "store", "run", "report", "ops"]),
];

/// Floors that decide and never act.
const PURE: &[&str] = &["model", "format", "plan"];

/// What reaches the disk, the clock, the environment or another process.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "fs::read",
    "fs::write",
    "File::open",
    "std::env",
    "env::var",
    "current_dir",
    "std::process",
    "Command::new",
    "SystemTime",
    "Instant::now",
    "std::net",
    "std::thread",
];

/// No file is longer.
const LONGEST: usize = 600;

/// A source file with the lines that are code.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// All files of a folder of the crate.
    fn all(folder: &str) -> Vec<Self> {
        fn gather(dir: &Path, into: &mut Vec<Source>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    gather(&path, into);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    into.push(Source { path: path.strip_prefix(crate_dir()).unwrap().to_owned(), text });
                }
            }
        }
        let mut all = Vec::new();
        gather(&crate_dir().join(folder), &mut all);
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    /// All files of the crate.
    fn everything() -> impl Iterator<Item = Self> {
        ["src", "tests", "benches"].into_iter().flat_map(Self::all)
    }

    /// The floor it stands on, if it is not one of the two roots.
    fn floor(&self) -> Option<&str> {
        let mut parts = self.path.components().skip(1);
        let first = parts.next()?.as_os_str().to_str()?;
        Some(first.trim_end_matches(".rs")).filter(|name| !matches!(*name, "lib" | "main"))
    }

    /// Its code without comments; without its tests too, if asked.
    fn code(&self, with_tests: bool) -> String {
        let own = if with_tests { &self.text } else { self.text.split("#[cfg(test)]").next().unwrap() };
        own.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
    }

    /// The floors that it names: all X of `crate::X` and of `crate::{X, …}`.
    fn knows(&self) -> BTreeSet<String> {
        let code = self.code(true);
        let mut names = BTreeSet::new();
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(group) => names.extend(first_names(group)),
                None => names.extend(first_names(rest).into_iter().take(1)),
            }
        }
        names
    }
}

/// The first words of the paths in a group, up to its closing brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut names, mut word, mut depth, mut fresh) = (Vec::new(), String::new(), 0usize, true);
    for letter in group.chars() {
        if fresh && depth == 0 && (letter.is_alphanumeric() || letter == '_') {
            word.push(letter);
            continue;
        }
        if !word.is_empty() {
            names.push(std::mem::take(&mut word));
            fresh = false;
        }
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            ';' | ')' => break,
            _ => {}
        }
    }
    names
}

#[test]
fn lower_floors_do_not_know_upper_ones() {
    let mut wrong = Vec::new();
    for source in Source::all("src") {
        let Some(floor) = source.floor() else { continue };
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
            wrong.push(format!("{}: {floor} is no floor of the house", source.path.display()));
            continue;
        };
        for name in source.knows() {
            if name != floor && !allowed.contains(&name.as_str()) && FLOORS.iter().any(|(other, _)| *other == name) {
                wrong.push(format!("{}: {floor} must not know {name}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn floors_that_decide_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for source in Source::all("src").iter().filter(|source| source.floor().is_some_and(|floor| PURE.contains(&floor))) {
        let code = source.code(false);
        for what in OUTSIDE.iter().filter(|what| code.contains(**what)) {
            wrong.push(format!("{}: {what}", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let all = Source::everything();
    let wrong: Vec<_> = all.filter(|source| !source.text.starts_with("//! ")).map(|source| source.path).collect();
    assert!(wrong.is_empty(), "these do not open with //!: {wrong:?}");
}

#[test]
fn no_file_is_too_long_to_read() {
    let all = Source::everything();
    let wrong: Vec<_> =
        all.map(|source| (source.path.clone(), source.text.lines().count())).filter(|(_, lines)| *lines > LONGEST).collect();
    assert!(wrong.is_empty(), "longer than {LONGEST} lines: {wrong:?}");
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("dbg", "!(")];
    let mut wrong = Vec::new();
    for source in Source::everything() {
        for (number, line) in source.text.lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| line.contains(mark))) {
            wrong.push(format!("{}:{}: {}", source.path.display(), number + 1, line.trim()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The test of the layers must itself see what it is for.
#[test]
fn groups_of_imports_are_read() {
    assert_eq!(first_names("model::Stage, plan::{Graph, select::by}, run};"), ["model", "plan", "run"]);
    assert_eq!(first_names("store::Cache;"), ["store"]);
}
