//! The text side of `${…}`: where it stands in a string and what may be inside.
//!
//! Mirrors the regular expression and the small grammar of DVC, down to the sentences of its
//! parser. Knows nothing of values: looking a key up is the context's work.

use std::ops::Range;

/// One `${…}` in a string.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Match {
    /// The whole of it, in bytes.
    pub span: Range<usize>,
    /// What stands between the braces, in bytes.
    pub inner: Range<usize>,
}

/// All `${…}` of a text: shortest match within one line, not preceded by a backslash.
pub(super) fn matches(text: &str) -> Vec<Match> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find("${")).map(|offset| at + offset) {
        let escaped = start > 0 && bytes[start - 1] == b'\\';
        let rest = &text[start + 2..];
        let end = rest.find(['}', '\n']).filter(|&end| rest.as_bytes()[end] == b'}');
        match end {
            Some(end) if !escaped => {
                let inner = start + 2..start + 2 + end;
                at = inner.end + 1;
                found.push(Match { span: start..at, inner });
            }
            _ => at = start + 2,
        }
    }
    found
}

/// Whether there is a `${…}` in a text.
pub(super) fn is_interpolated(text: &str) -> bool {
    text.contains("${") && !matches(text).is_empty()
}

/// Reads `word ( .word | [word] )*` and gives the words joined by dots; a word is any run of
/// characters but `.`, `[` and `]`.
///
/// # Errors
/// The explanation that DVC's parser gives: the expression, a pointer, what was expected.
pub(super) fn parse(inner: &str) -> Result<String, String> {
    let text = expand_tabs(inner);
    let chars: Vec<char> = text.chars().collect();
    let Some((first, mut at)) = word(&chars, 0) else {
        return Err(explain(&text, &chars, 0, "!W:(.[])"));
    };
    let mut words = vec![first];
    while let Some((next, end)) = attribute(&chars, at).or_else(|| index(&chars, at)) {
        words.push(next);
        at = end;
    }
    let end = skip_blanks(&chars, at);
    if end == chars.len() { Ok(words.join(".")) } else { Err(explain(&text, &chars, end, "end of text")) }
}

fn word(chars: &[char], at: usize) -> Option<(String, usize)> {
    let length = chars[at..].iter().take_while(|c| !matches!(c, '.' | '[' | ']')).count();
    (length > 0).then(|| (chars[at..at + length].iter().collect(), at + length))
}

fn attribute(chars: &[char], at: usize) -> Option<(String, usize)> {
    let at = skip_blanks(chars, at);
    (chars.get(at) == Some(&'.')).then(|| word(chars, at + 1)).flatten()
}

fn index(chars: &[char], at: usize) -> Option<(String, usize)> {
    let at = skip_blanks(chars, at);
    if chars.get(at) != Some(&'[') {
        return None;
    }
    let (text, end) = word(chars, at + 1)?;
    let end = skip_blanks(chars, end);
    (chars.get(end) == Some(&']')).then_some((text, end + 1))
}

fn skip_blanks(chars: &[char], at: usize) -> usize {
    at + chars[at..].iter().take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).count()
}

/// The parser library turns tabs into blanks before it reads.
fn expand_tabs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        if c == '\t' {
            let width = 8 - column % 8;
            out.extend(std::iter::repeat_n(' ', width));
            column += width;
        } else {
            out.push(c);
            column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
        }
    }
    out
}

/// The three lines that DVC prints; places count from the opening `${`.
fn explain(text: &str, chars: &[char], at: usize, expected: &str) -> String {
    let found = chars.get(at).copied().unwrap_or('}');
    let place = at + 2;
    let found = if found == '\'' { "\"'\"".to_owned() } else { format!("'{found}'") };
    format!(
        "${{{text}}}\n{pointer}^\nParseException: Expected {expected}, found {found}  (at char {place}), (line:1, col:{column})",
        pointer = " ".repeat(place),
        column = place + 1,
    )
}

/// Python's `int()` on a text: blanks around it, a sign, digits with single underscores between.
pub(super) fn python_int(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let well_formed = !digits.is_empty() && digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !well_formed {
        return None;
    }
    let value: i64 = digits.replace('_', "").parse().ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inners(text: &str) -> Vec<&str> {
        matches(text).into_iter().map(|found| &text[found.inner]).collect()
    }

    #[test]
    fn finds_what_the_regular_expression_finds() {
        assert_eq!(inners("a ${b} ${ c.d } $e {f}"), ["b", " c.d "]);
        assert_eq!(inners(r"\${x} ${y}"), ["y"]);
        assert_eq!(inners("${a ${b}"), ["a ${b"]);
        assert_eq!(inners("${a\nb} ${c}"), ["c"]);
        assert_eq!(inners("${}"), [""]);
        assert_eq!(inners("$${x}"), ["x"]);
        assert_eq!(inners("${open"), Vec::<&str>::new());
    }

    #[test]
    fn joins_words_with_dots() {
        for (text, want) in [
            (" ", " "),
            ("a[0]", "a.0"),
            ("a[0] .b", "a.0.b"),
            ("a[0] ", "a.0"),
            (" a . b ", " a . b "),
            ("a[ 0 ]", "a. 0 "),
            ("a['x']", "a.'x'"),
            ("a[0]. ", "a.0. "),
            ("a{b", "a{b"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn explains_as_dvc_does() {
        for (text, at, expected, found) in [
            ("", 2, "!W:(.[])", '}'),
            ("a.", 3, "end of text", '.'),
            (".a", 2, "!W:(.[])", '.'),
            ("a[]", 3, "end of text", '['),
            ("a[0]]", 6, "end of text", ']'),
            ("a[0] b", 7, "end of text", 'b'),
            ("日本.", 4, "end of text", '.'),
            ("a.b c..d", 7, "end of text", '.'),
        ] {
            let want = format!(
                "${{{text}}}\n{}^\nParseException: Expected {expected}, found '{found}'  (at char {at}), (line:1, col:{})",
                " ".repeat(at),
                at + 1
            );
            assert_eq!(parse(text), Err(want), "{text}");
        }
    }

    #[test]
    fn reads_integers_as_python() {
        for (text, want) in [("1", Some(1)), (" -2 ", Some(-2)), ("+1_0", Some(10)), ("1__0", None), ("_1", None), ("", None), ("a", None)]
        {
            assert_eq!(python_int(text), want, "{text}");
        }
    }
}
