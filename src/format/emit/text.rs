//! How a text is written: plain or in which quotes, and where its lines break.
//!
//! The rules are those of ruamel's emitter at width 80 (ruamel: `emitter.py` `analyze_scalar`,
//! `choose_scalar_style`, `write_plain`, `write_single_quoted`, `write_double_quoted`), restated.
//! Columns count characters. Three of its ways to break a line lose something when read back
//! (blanks in a row before a plain break, a double-quoted break within a word, U+0085 in
//! single quotes, which comes back as `\n`), and a key must not be broken at all; those are
//! avoided here.

use crate::format::yaml::scalar::{Dialect, Type, resolve};

/// The column that lines should not pass.
const WIDTH: usize = 80;

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    Plain,
    Single,
    Double,
}

/// Writes a text at this column; lines that follow are indented so far.
pub(super) fn write(out: &mut String, text: &str, column: usize, indent: usize) {
    match style(text) {
        Style::Plain => plain(out, text, column, indent),
        Style::Single => single(out, text, column, indent),
        Style::Double => double(out, text, Some((column, indent))),
    }
}

/// A text as a key: on one line.
pub(super) fn key(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    match style(text) {
        Style::Plain => out.push_str(text),
        Style::Single => {
            out.push('\'');
            out.push_str(text);
            out.push('\'');
        }
        Style::Double => double(&mut out, text, None),
    }
    out
}

/// Whether it holds a line break.
pub(super) fn is_multiline(text: &str) -> bool {
    text.contains(is_break)
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// White space in the eyes of the scanner.
fn is_white(c: char) -> bool {
    matches!(c, '\0' | ' ' | '\t' | '\r') || is_break(c)
}

/// Whether a plain or single-quoted text may hold it.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..) && c != '\u{feff}'
}

/// The style that a text gets.
fn style(text: &str) -> Style {
    if text.is_empty() {
        return Style::Single;
    }
    if is_plain(text) && resolve(text, Dialect::V1_2) == Type::Str {
        return Style::Plain;
    }
    if text.contains(|c: char| matches!(c, '\'' | '\n' | '\u{85}') || !is_printable(c)) || breaks_beside_blanks(text) {
        Style::Double
    } else {
        Style::Single
    }
}

/// Whether a line break has a blank next to it.
fn breaks_beside_blanks(text: &str) -> bool {
    let mut before = 'x';
    text.chars().any(|c| {
        let pair = (std::mem::replace(&mut before, c), c);
        matches!(pair, (' ', c) | (c, ' ') if is_break(c))
    })
}

/// Whether nothing in a text needs quotes, apart from what it would mean without them.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    let Some(first) = chars.next() else { return false };
    let lonely = chars.peek().is_none_or(|next| is_white(*next));
    let indicator = match first {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => true,
        '?' | ':' | '-' => lonely,
        first => first == ' ' || is_break(first) || !is_printable(first),
    };
    if indicator || text.ends_with(' ') || text.starts_with("---") || text.starts_with("...") {
        return false;
    }
    let mut before = first;
    while let Some(c) = chars.next() {
        let wrong = match c {
            ':' => chars.peek().is_none_or(|next| is_white(*next)),
            '#' => is_white(before),
            c => is_break(c) || !is_printable(c),
        };
        if wrong {
            return false;
        }
        before = c;
    }
    true
}

fn new_line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Words, runs of blanks and runs of breaks in turn, with their lengths in characters.
fn runs(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    let kind = |c: char| if is_break(c) { 2 } else { u8::from(c == ' ') };
    std::iter::from_fn(move || {
        let first = kind(rest.chars().next()?);
        let end = rest.find(|c| kind(c) != first).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        Some((run, run.chars().count()))
    })
}

/// Without quotes.
pub(super) fn plain(out: &mut String, text: &str, column: usize, indent: usize) {
    if column + text.len() <= WIDTH {
        out.push_str(text);
        return;
    }
    let mut column = column;
    // Blanks just written; two or more of them would be one after a break.
    let mut blanks = 0;
    for (run, length) in runs(text) {
        if run.starts_with(' ') {
            if length == 1 && column >= WIDTH {
                new_line(out, indent);
                column = indent;
                continue;
            }
            blanks = length;
        } else {
            if column + length > WIDTH && column > indent && blanks < 2 {
                new_line(out, indent);
                column = indent;
            }
            blanks = 0;
        }
        out.push_str(run);
        column += length;
    }
}

/// In single quotes; the text holds none, and no breaks but U+2028 and U+2029.
fn single(out: &mut String, text: &str, column: usize, indent: usize) {
    out.push('\'');
    let mut column = column + 1;
    let mut at = 0;
    for (run, length) in runs(text) {
        let inner = at > 0 && at + run.len() < text.len();
        at += run.len();
        if run == " " && column > WIDTH && inner {
            new_line(out, indent);
            column = indent;
        } else if run.starts_with(is_break) {
            out.push_str(run);
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            out.push_str(run);
            column += length;
        }
    }
    out.push('\'');
}

/// In double quotes; `place`: the column and the indentation of further lines, none where the
/// text must stay on one line.
fn double(out: &mut String, text: &str, place: Option<(usize, usize)>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut column, indent) = place.map_or((0, 0), |(column, indent)| (column + 1, indent));
    let mut ahead = Ahead::over(&chars);
    // What was read but not written yet begins here.
    let mut pending = 0;
    out.push('"');
    for (at, &c) in chars.iter().enumerate() {
        if needs_escape(c) {
            flush(out, &chars, &mut pending, at, &mut column);
            column += escape(out, c);
            pending = at + 1;
        }
        let may_break = place.is_some() && at > 0 && at + 1 < chars.len() && (c == ' ' || pending >= at);
        if !may_break || column + at <= WIDTH + pending {
            continue;
        }
        // A break reads as one blank: it may stand for one, else a backslash must precede it.
        let backslash = !(ahead.breaks_well(at) && pending != at && chars[pending.max(at)] == ' ');
        flush(out, &chars, &mut pending, at, &mut column);
        if backslash {
            out.push('\\');
        }
        new_line(out, indent);
        column = indent;
        if chars[pending] == ' ' {
            if backslash {
                out.push('\\');
                column += 1;
            } else {
                pending += 1;
            }
        }
    }
    flush(out, &chars, &mut pending, chars.len(), &mut column);
    out.push('"');
}

/// Writes what is pending before `end`.
fn flush(out: &mut String, chars: &[char], pending: &mut usize, end: usize, column: &mut usize) {
    if *pending < end {
        out.extend(&chars[*pending..end]);
        *column += end - *pending;
        *pending = end;
    }
}

/// What lies ahead of a place in a text, found once for many places in a row.
struct Ahead<'a> {
    chars: &'a [char],
    /// The next blank, line feed and quote at or after the place asked for last.
    next: [usize; 3],
}

impl<'a> Ahead<'a> {
    fn over(chars: &'a [char]) -> Self {
        Self { chars, next: [0; 3] }
    }

    fn next(&mut self, kind: usize, from: usize, such: fn(char) -> bool) -> Option<usize> {
        let known = self.next[kind];
        let at = if known >= from && self.chars.get(known).is_none_or(|c| such(*c)) {
            known
        } else {
            self.chars[from..].iter().position(|c| such(*c)).map_or(self.chars.len(), |offset| from + offset)
        };
        self.next[kind] = at;
        (at < self.chars.len()).then_some(at)
    }

    /// Whether ruamel would break a line at this place without a backslash, as far as the
    /// text decides.
    fn breaks_well(&mut self, at: usize) -> bool {
        let Some(blank) = self.next(0, at, |c| c == ' ') else { return false };
        if self.next(1, at, |c| c == '\n').is_some_and(|feed| feed < blank) {
            return false;
        }
        if self.next(2, at, |c| matches!(c, '"' | '\'')).is_some_and(|quote| quote < blank) {
            return false;
        }
        let two_blanks = at > 0 && self.chars[at - 1] == ' ' && self.chars[at] == ' ';
        self.chars.get(blank + 1).is_some_and(|c| !matches!(c, ' ' | '\n')) && !two_blanks
    }
}

fn needs_escape(c: char) -> bool {
    matches!(c, '"' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        || !matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Writes an escaped character; how many columns that took.
fn escape(out: &mut String, c: char) -> usize {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => c,
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(c);
            let text = match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
            out.push_str(&text);
            return text.len();
        }
    };
    out.push('\\');
    out.push(short);
    2
}
