//! Text as Python sees it: what counts as white space, where lines end, how `repr` quotes.
//!
//! DVC's readers and messages lean on these rules; they are kept in one place so that no
//! other module has to remember the code points. It knows no file format.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// Whether `str.strip()` removes this character.
pub fn is_space(ch: char) -> bool {
    ch.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&ch)
}

/// `str.strip()`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.rstrip()`.
pub fn rstrip(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// The lines of a file opened in text mode, without their ends: `\n`, `\r\n` and `\r` end a line.
pub fn file_lines(text: &str) -> Vec<&str> {
    cut(text, |ch| matches!(ch, '\n' | '\r'))
}

/// `str.splitlines()`, which knows more ends than a file does.
pub fn splitlines(text: &str) -> Vec<&str> {
    cut(text, |ch| matches!(ch, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}' | '\u{1d}' | '\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'))
}

fn cut(text: &str, ends: impl Fn(char) -> bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, ch)) = chars.next() {
        if !ends(ch) {
            continue;
        }
        lines.push(&text[start..at]);
        start = at + ch.len_utf8();
        if ch == '\r'
            && let Some(&(next, '\n')) = chars.peek()
        {
            chars.next();
            start = next + 1;
        }
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// `repr` of a text: single quotes unless only they occur inside, control characters escaped.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for ch in text.chars() {
        match ch {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if ch == quote => {
                out.push('\\');
                out.push(ch);
            }
            _ if prints(ch) => out.push(ch),
            _ => escape(&mut out, u32::from(ch)),
        }
    }
    out.push(quote);
    out
}

/// Whether `repr` shows the character itself: all but those that Unicode calls other or separators. (Which code points
/// are assigned depends on the version of Python.)
fn prints(ch: char) -> bool {
    static UNSHOWN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{C}\p{Z}]").ok());
    if ch.is_ascii() {
        return !ch.is_control();
    }
    !UNSHOWN.as_ref().is_some_and(|unshown| unshown.is_match(ch.encode_utf8(&mut [0; 4])))
}

fn escape(out: &mut String, code: u32) {
    // Writing into a String cannot fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(file_lines("a\r\nb\rc\n\nd"), ["a", "b", "c", "", "d"]);
        assert_eq!(file_lines("a\u{c}b\n"), ["a\u{c}b"]);
        assert_eq!(splitlines("a\u{c}b\u{2028}c\n"), ["a", "b", "c"]);
        assert!(splitlines("").is_empty());
    }

    #[test]
    fn repr_quotes_as_python_does() {
        assert_eq!(repr("a"), "'a'");
        assert_eq!(repr("it's"), "\"it's\"");
        assert_eq!(repr("it's \"x\""), "'it\\'s \"x\"'");
        assert_eq!(repr("a\n\u{1}é"), "'a\\n\\x01é'");
        let odd = "\u{7f}\u{a0}\u{ad}\u{378}\u{600}\u{200b}\u{e000}\u{feff}\u{e0001}\u{10ffff}";
        assert_eq!(repr(odd), "'\\x7f\\xa0\\xad\\u0378\\u0600\\u200b\\ue000\\ufeff\\U000e0001\\U0010ffff'");
        assert_eq!(repr("日本😀 ~"), "'日本😀 ~'");
    }
}
