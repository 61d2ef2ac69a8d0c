//! `.dvcignore`: which paths below the root DVC leaves alone.
//!
//! DVC matches with the Python package pathspec and adds rules of its own for nested files;
//! neither agrees with git in all corners, so pathspec's translation of a pattern into a
//! regular expression is restated here (dvc: `ignore.py`, `pathspec_math.py`; pathspec 1.1.1
//! `patterns/gitignore/spec.py`). The disk is not looked at: whoever walks hands in the texts.

use std::sync::{Arc, LazyLock};

use regex::Regex;
use thiserror::Error;

use super::pytext;
use crate::model::RepoPath;

/// A `.dvcignore` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IgnoreError {
    /// pathspec refuses the pattern.
    #[error("Invalid git pattern: {}", pytext::repr(.0))]
    Pattern(String),
    /// Python refuses the expression made from it.
    #[error("bad character range {0}")]
    Range(String),
    /// The file is not UTF-8.
    #[error("'utf-8' codec can't decode '{0}'")]
    Encoding(String),
}

/// One line of a `.dvcignore`, a built-in pattern, or a sub-repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pattern: String,
    origin: String,
}

impl Rule {
    /// Where it comes from, as DVC says it: `.dvcignore:1:*.tmp`, or `:.git/` for a built-in one.
    pub fn origin(&self) -> String {
        if self.origin.is_empty() { format!(":{}", self.pattern) } else { self.origin.clone() }
    }
}

/// Neighbouring rules of one kind. Of several that match, the first is named.
#[derive(Clone, Debug)]
struct Group {
    ignores: bool,
    dirs_only: bool,
    rules: Vec<(Regex, usize)>,
}

/// The rules that hold within one directory, relative to the root.
#[derive(Clone, Debug)]
pub struct Patterns {
    rules: Vec<Rule>,
    groups: Vec<Group>,
}

impl Patterns {
    /// What DVC always ignores.
    pub fn built_in() -> Arc<Self> {
        // They are asked for anew after each command, and expressions are costly to make.
        static MADE: LazyLock<Arc<Patterns>> = LazyLock::new(|| {
            let mut patterns = Patterns { rules: Vec::new(), groups: Vec::new() };
            for pattern in [".hg/", ".git/", ".git", ".dvc/"] {
                patterns.push(Rule { pattern: pattern.to_owned(), origin: String::new() }).expect("the built-in patterns are sound");
            }
            Arc::new(patterns)
        });
        Arc::clone(&MADE)
    }

    /// These rules and those of the `.dvcignore` in `dir`.
    ///
    /// # Errors
    /// A text that is not UTF-8, or a pattern that DVC cannot read either.
    pub fn with_file(&self, dir: &RepoPath, text: &[u8]) -> Result<Self, IgnoreError> {
        let name = dir.join(".dvcignore");
        let text = std::str::from_utf8(text).map_err(|_| IgnoreError::Encoding(name.as_str().to_owned()))?;
        let mut patterns = self.clone();
        for (number, line) in pytext::file_lines(text).into_iter().map(pytext::strip).enumerate() {
            // DVC reads the line as it stands before it moves it to the root.
            if !line.starts_with('#') && translate(line)?.is_some() {
                let origin = format!("{}:{}:{line}", name.as_str(), number + 1);
                patterns.push(Rule { pattern: rebase(line, dir), origin })?;
            }
        }
        Ok(patterns)
    }

    /// These rules, and the sub-directory `name` of `dir` is a repository of its own.
    ///
    /// # Errors
    /// A name that makes no valid pattern.
    pub fn with_sub_repo(&self, dir: &RepoPath, name: &str) -> Result<Self, IgnoreError> {
        let mut patterns = self.clone();
        patterns.push(Rule { pattern: rebase(&format!("/{name}/"), dir), origin: format!("in sub_repo:{name}") })?;
        Ok(patterns)
    }

    fn push(&mut self, rule: Rule) -> Result<(), IgnoreError> {
        let Some((regex, ignores)) = translate(&rule.pattern)? else { return Ok(()) };
        let dirs_only = rule.pattern.ends_with('/');
        let entry = (regex, self.rules.len());
        self.rules.push(rule);
        match self.groups.last_mut() {
            Some(group) if ignores && group.ignores && group.dirs_only == dirs_only => group.rules.push(entry),
            _ => self.groups.push(Group { ignores, dirs_only, rules: vec![entry] }),
        }
        Ok(())
    }

    /// The rule that makes DVC ignore a path below the root, or one of the directories above it.
    pub fn ignored_by(&self, path: &str, is_dir: bool) -> Option<&Rule> {
        let above = path.match_indices('/').find_map(|(at, _)| self.hit(&path[..at], true));
        above.or_else(|| self.hit(path, is_dir))
    }

    /// The same for a path whose directories are known not to be ignored.
    pub fn hit(&self, path: &str, is_dir: bool) -> Option<&Rule> {
        let with_slash = if is_dir { format!("{path}/") } else { String::new() };
        for group in self.groups.iter().rev().filter(|group| is_dir || !group.dirs_only) {
            let matched = |text: &str| group.rules.iter().find(|(regex, _)| regex.is_match(text));
            let found = matched(path).or_else(|| if is_dir { matched(&with_slash) } else { None });
            if let Some((_, index)) = found {
                return group.ignores.then(|| &self.rules[*index]);
            }
        }
        None
    }
}

/// Whether a pattern that is relative to the root is the path from end to end, or (with `above`)
/// one of the directories above it. A pattern that cannot be read is none.
pub fn is_path(pattern: &str, path: &str, above: bool) -> bool {
    matcher(pattern, above).is_some_and(|regex| regex.is_match(path))
}

/// The expression for paths that [`is_path`] is true of; none for a pattern that cannot be read.
pub fn matcher(pattern: &str, above: bool) -> Option<Regex> {
    let segments = normalise(&format!("/{pattern}"))?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let text = expression(&segments, pattern, if above { r"(?:/|\z)" } else { r"\z" }).ok()??;
    Regex::new(&text).ok()
}

/// The pattern as it must stand in a file of the root (dvc: `pathspec_math.py` `change_rule`).
fn rebase(rule: &str, dir: &RepoPath) -> String {
    if dir.is_root() {
        return rule.to_owned();
    }
    let rule = pytext::strip(rule);
    if rule.starts_with('#') {
        return rule.to_owned();
    }
    let (bang, rule) = rule.strip_prefix('!').map_or(("", rule), |rule| ("!", rule));
    let last = rule.char_indices().next_back().map_or(0, |(at, _)| at);
    let anchored = rule[..last].contains('/') && !rule.starts_with("**/");
    let rule = if anchored { rule.strip_prefix('/') } else { rule.strip_prefix("**/") }.unwrap_or(rule);
    let rule = rule.strip_prefix('\\').unwrap_or(rule);
    let between = if anchored { "/" } else { "/**/" };
    let whole = format!("{bang}/{}{between}{rule}", dir.as_str());
    whole.strip_prefix('/').map_or_else(|| whole.clone(), str::to_owned)
}

/// What pathspec makes of a pattern: the expression, and whether it ignores (else it takes back).
fn translate(pattern: &str) -> Result<Option<(Regex, bool)>, IgnoreError> {
    let invalid = || IgnoreError::Pattern(pattern.to_owned());
    let text = if pattern.ends_with("\\ ") { pattern } else { pytext::rstrip(pattern) };
    if text.is_empty() || text.starts_with('#') || text == "/" {
        return Ok(None);
    }
    let (ignores, text) = text.strip_prefix('!').map_or((true, text), |text| (false, text));
    let segments = normalise(text).ok_or_else(invalid)?;
    let expression = match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // "every path" or "what is inside of directories": the latter is asked from the start
        // of the path, where no slash can be, so it never matches.
        ["**"] if text.ends_with('/') => "[^\\s\\S]".to_owned(),
        ["**"] | ["**", "*"] => "^.".to_owned(),
        ["**", "*", "**"] => "[^\\s\\S]".to_owned(),
        // Python's `$` also stands before a last line break.
        segments => match expression(segments, pattern, r"(?:/|\n?\z)")? {
            Some(expression) => expression,
            None => return Ok(None),
        },
    };
    let regex = Regex::new(&expression).map_err(|_| invalid())?;
    Ok(Some((regex, ignores)))
}

/// The pattern's segments, with `**` put in where git means it.
fn normalise(text: &str) -> Option<Vec<String>> {
    let mut segments: Vec<String> = text.split('/').map(str::to_owned).collect();
    if segments[0].is_empty() {
        segments.remove(0);
    } else if (segments.len() == 1 || (segments.len() == 2 && segments[1].is_empty())) && segments[0] != "**" {
        segments.insert(0, "**".to_owned());
    }
    let last = segments.last_mut()?;
    if last.is_empty() {
        "**".clone_into(last);
    }
    segments.dedup_by(|next, previous| next == "**" && previous == "**");
    Some(segments)
}

fn expression(segments: &[&str], pattern: &str, tail: &str) -> Result<Option<String>, IgnoreError> {
    let end = segments.len() - 1;
    let mut out = String::new();
    let mut slash = false;
    // Python reads ranges when the expression is whole: a bracket that does not end comes first.
    let mut bad_range = None;
    for (at, segment) in segments.iter().enumerate() {
        if *segment == "**" {
            match at {
                0 => out.push_str("^(?:.+/)?"),
                _ if at < end => {
                    out.push_str("(?:/.+)?");
                    slash = true;
                }
                _ => out.push('/'),
            }
            continue;
        }
        if at == 0 {
            out.push('^');
        }
        if slash {
            out.push('/');
        }
        if *segment == "*" {
            out.push_str("[^/]+");
        } else {
            match glob(segment, pattern, &mut bad_range)? {
                Some(text) => out.push_str(&text),
                None => return Ok(None),
            }
        }
        if at == end {
            out.push_str(tail);
        }
        slash = true;
    }
    bad_range.map_or(Ok(Some(out)), Err)
}

/// One segment as an expression; none for a bracket that does not end, which git drops.
fn glob(segment: &str, pattern: &str, bad_range: &mut Option<IgnoreError>) -> Result<Option<String>, IgnoreError> {
    let chars: Vec<char> = segment.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        let ch = chars[at];
        at += 1;
        match ch {
            '\\' => {
                let next = chars.get(at).ok_or_else(|| IgnoreError::Pattern(pattern.to_owned()))?;
                out.push_str(&regex::escape(&next.to_string()));
                at += 1;
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                let negated = matches!(chars.get(at), Some('!' | '^'));
                let start = at + usize::from(negated);
                let skip = start + usize::from(chars.get(start) == Some(&']'));
                let Some(close) = (skip..chars.len()).find(|&index| chars[index] == ']') else { return Ok(None) };
                match class(&chars[start..close], negated) {
                    Ok(text) => out.push_str(&text),
                    Err(error) => {
                        bad_range.get_or_insert(error);
                    }
                }
                at = close + 1;
            }
            _ => out.push_str(&regex::escape(&ch.to_string())),
        }
    }
    Ok(Some(out))
}

/// A bracket's content as Python reads it: single characters and ranges, nothing else is special.
fn class(chars: &[char], negated: bool) -> Result<String, IgnoreError> {
    let mut out = String::from(if negated { "[^" } else { "[" });
    let code = |ch: char| format!("\\x{{{:x}}}", u32::from(ch));
    let mut at = 0;
    while at < chars.len() {
        let low = chars[at];
        out.push_str(&code(low));
        at += 1;
        if chars.get(at) == Some(&'-')
            && let Some(&high) = chars.get(at + 1)
        {
            if high < low {
                return Err(IgnoreError::Range(format!("{low}-{high}")));
            }
            out.push('-');
            out.push_str(&code(high));
            at += 2;
        }
    }
    out.push(']');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of DVC's own `DvcIgnorePatterns` (pathspec 1.1.1): the paths on the first line,
    /// then per line a directory, the lines of its `.dvcignore`, and one digit a path
    /// (1: ignored as a file, 2: as a directory, 3: both).
    const TABLE: &str = include_str!("ignore_table.txt");

    #[test]
    fn decides_as_dvc_does() {
        let mut lines = TABLE.split_terminator('\n');
        let paths: Vec<&str> = lines.next().unwrap().split('\t').collect();
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            let [dir, answers] = [fields[0], fields[fields.len() - 1]];
            let text = fields[1..fields.len() - 1].join("\n");
            let patterns = Patterns::built_in().with_file(&RepoPath::new(dir), text.as_bytes());
            if answers == "error" {
                assert!(patterns.is_err(), "{line}");
                continue;
            }
            let patterns = patterns.unwrap();
            for (path, want) in paths.iter().zip(answers.chars()) {
                let got = u32::from(patterns.ignored_by(path, false).is_some()) + 2 * u32::from(patterns.ignored_by(path, true).is_some());
                assert_eq!(char::from_digit(got, 10), Some(want), "{path} in {line}");
            }
        }
    }

    #[test]
    fn a_bracket_without_end_hides_a_wrong_range() {
        let read = |line: &str| Patterns::built_in().with_file(&RepoPath::root(), line.as_bytes());
        assert!(read("[c-a]/x").is_err());
        assert!(read("[c-a]/[x").unwrap().ignored_by("b/[x", false).is_none());
    }

    #[test]
    fn names_the_rule() {
        let patterns = Patterns::built_in().with_file(&RepoPath::new("sub"), b"# c\n *.tmp \n!a.tmp\n").unwrap();
        assert_eq!(patterns.ignored_by("sub/x/b.tmp", false).unwrap().origin(), "sub/.dvcignore:2:*.tmp");
        assert!(patterns.ignored_by("sub/a.tmp", false).is_none());
        assert!(patterns.ignored_by("b.tmp", false).is_none());
        assert_eq!(patterns.ignored_by("x/.git/config", false).unwrap().origin(), ":.git");
        let patterns = patterns.with_sub_repo(&RepoPath::new("sub"), "inner").unwrap();
        assert_eq!(patterns.ignored_by("sub/inner/f", false).unwrap().origin(), "in sub_repo:inner");
        assert!(patterns.ignored_by("inner/f", false).is_none());
    }
}
