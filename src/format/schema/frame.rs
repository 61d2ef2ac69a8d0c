//! Messages and excerpts of a file, laid out as rich prints them 80 columns wide without
//! colours: wrapped sentences, numbered lines with guides at each fourth column.

use super::check::Invalid;
use crate::format::yaml::{Mark, YamlError};
use crate::model::{Fault, Value};

/// How wide rich takes a terminal that is none.
const WIDTH: usize = 80;
/// How wide a tab is, and how far guides stand apart.
const TAB: usize = 4;

/// The failure of a file with a schema that is no YAML, with the detail `text`.
pub fn syntax_fault(error: &YamlError, shown: &str, text: &str) -> Fault {
    let fault = error.syntax_fault(shown, text);
    if error.notes().is_empty() { fault } else { fault.with("text", syntax_text(error, shown, text)) }
}

/// What DVC prints of a file with a schema that is no YAML
/// (dvc: `YAMLSyntaxError.__pretty_exc__`); ends with a line break.
pub fn syntax_text(error: &YamlError, shown: &str, text: &str) -> String {
    let message = error.syntax_fault(shown, text).message;
    let mut out = wrapped(&message);
    let notes = error.notes();
    if !notes.is_empty() {
        out.push('\n');
    }
    let source: Vec<&str> = text.lines().collect();
    let last = notes.len().saturating_sub(1);
    for (index, note) in notes.iter().enumerate() {
        out.push_str(&wrapped(&note.text));
        if let Some(line) = note.line {
            let code = source.get(line - 1).copied().unwrap_or_default();
            out.push_str(&numbered(&[code], line, line));
            if index < last {
                out.push('\n');
            }
        }
    }
    out
}

/// What DVC prints of a file that does not fit its schema
/// (dvc: `YAMLValidationError.__pretty_exc__`); ends with a line break.
pub(super) fn validation_text(message: &str, text: &str, document: &Value, errors: &[Invalid], blamed: &[(Option<Mark>, usize)]) -> String {
    if !matches!(document, Value::Map(_)) {
        let cause = errors.first().map_or_else(String::new, |error| format!(": {}", error.message));
        return wrapped(&format!("{message}{cause}."));
    }
    let mut out = wrapped(&format!("{message}."));
    for (error, (mark, steps)) in errors.iter().zip(blamed) {
        out.push('\n');
        let mut parts = vec![error.message.clone()];
        if !error.path.is_empty() {
            let path: Vec<String> = error.path.iter().map(super::Part::shown).collect();
            parts.push(format!("in {}", path.join(" -> ")));
        }
        if let Some(mark) = mark {
            parts.push(format!("line {}", mark.line));
            parts.push(format!("column {}", mark.column));
        }
        out.push_str(&wrapped(&parts.join(", ")));
        if let Some(mark) = mark {
            out.push_str(&excerpt(text, mark.line, *steps));
        }
    }
    out
}

/// One line above the place and as many from it on as steps were taken to find it.
fn excerpt(text: &str, line: usize, steps: usize) -> String {
    let mut lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    if !text.ends_with('\n') {
        lines.push("");
        lines.pop();
    }
    let first = line.saturating_sub(2);
    let end = (line + steps - 1).min(lines.len());
    numbered(lines.get(first..end).unwrap_or_default(), first + 1, 1 + text.matches('\n').count())
}

/// Lines with their numbers, each filled up to the whole width; `highest` is the number that
/// the column of numbers must have room for.
fn numbered(lines: &[&str], first: usize, highest: usize) -> String {
    let digits = highest.to_string().len();
    let room = WIDTH.saturating_sub(digits + 3);
    let mut out = String::new();
    for (offset, line) in guided(lines).iter().enumerate() {
        for (row, part) in fold(line, room).into_iter().enumerate() {
            let number = if row == 0 { (first + offset).to_string() } else { String::new() };
            let fill = " ".repeat(room.saturating_sub(width(&part)));
            out.push_str(&format!("  {number:>digits$} {part}{fill}\n"));
        }
    }
    out
}

/// Lines with a guide at each fourth column of their indentation; blank lines take the
/// indentation of the next line.
fn guided(lines: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    let mut blank = 0;
    for line in lines {
        let line = expand_tabs(line);
        let indent = line.len() - line.trim_start_matches(' ').len();
        if indent == line.len() {
            blank += 1;
            continue;
        }
        let guide = format!("{}{}", "│   ".repeat(indent / TAB), " ".repeat(indent % TAB));
        out.extend(std::iter::repeat_n(guide.clone(), std::mem::take(&mut blank)));
        out.push(format!("{guide}{}", &line[indent..]));
    }
    out.extend(std::iter::repeat_n(String::new(), blank));
    out
}

fn expand_tabs(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut column = 0;
    for c in line.chars() {
        let count = if c == '\t' { TAB - column % TAB } else { 1 };
        out.extend(std::iter::repeat_n(if c == '\t' { ' ' } else { c }, count));
        column += count;
    }
    out
}

/// A message on as many lines as it needs.
fn wrapped(text: &str) -> String {
    text.split('\n').flat_map(|line| fold(line, WIDTH)).map(|line| line + "\n").collect()
}

/// Breaks a line before words that do not fit, and words that fit nowhere.
fn fold(line: &str, room: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut used = 0;
    for word in words(line) {
        let bare = width(word.trim_end());
        if used + bare <= room {
            used += width(word);
            push(&mut out, word);
        } else if bare > room {
            let mut rest = word;
            while width(rest) > room {
                let end = cut(rest, room);
                new_line(&mut out, &rest[..end]);
                rest = &rest[end..];
            }
            new_line(&mut out, rest);
            used = width(rest);
        } else {
            new_line(&mut out, word);
            used = width(word);
        }
    }
    for line in &mut out {
        while width(line) > room && line.ends_with(char::is_whitespace) {
            line.pop();
        }
    }
    out
}

fn push(lines: &mut [String], word: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(word);
    }
}

fn new_line(lines: &mut Vec<String>, word: &str) {
    match lines.last_mut() {
        Some(last) if last.is_empty() => last.push_str(word),
        _ => lines.push(word.to_owned()),
    }
}

/// Words with the blanks behind them; the first one also with those before it.
fn words(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = line;
    while !rest.trim().is_empty() {
        let start = rest.len() - rest.trim_start().len();
        let word = rest[start..].find(char::is_whitespace).map_or(rest.len(), |end| start + end);
        let end = rest[word..].find(|c: char| !c.is_whitespace()).map_or(rest.len(), |end| word + end);
        out.push(&rest[..end]);
        rest = &rest[end..];
    }
    out
}

/// How many columns a text takes.
fn width(text: &str) -> usize {
    text.chars().map(cells).sum()
}

/// How many columns a character takes: two in East Asian scripts and most emoji, none for
/// marks that combine.
fn cells(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Where to cut a text so that its beginning fits.
fn cut(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += cells(c);
        if used > room {
            return at;
        }
    }
    text.len()
}
