//! Names in Mermaid source, so that every release of Mermaid draws every name.
//!
//! Ids are never made from names that could break a chart (a stage called `end` or `train@0`), and
//! labels are escaped where they must be and left readable where they need not: some settings of
//! Mermaid show escapes as they are written. What needs one was found with the real Mermaid, in
//! releases 10 to 12.

use std::fmt::Write;

/// Words of Mermaid's language that an id must not be.
const RESERVED: [&str; 18] = [
    "end",
    "graph",
    "subgraph",
    "style",
    "class",
    "click",
    "default",
    "flowchart",
    "direction",
    "linkstyle",
    "interpolate",
    "classdef",
    "href",
    "call",
    "acctitle",
    "accdescr",
    "flowchart_elk",
    "swimlane",
];

/// Whether Mermaid takes the name as an id without harm, and it cannot be one of ours (`n0`).
pub fn is_plain_id(name: &str) -> bool {
    let mut chars = name.chars();
    let ours = name.strip_prefix('n').is_some_and(|rest| rest.chars().all(|ch| ch.is_ascii_digit()));
    chars.next().is_some_and(|ch| ch.is_ascii_alphabetic())
        && chars.all(|ch| ch.is_ascii_alphanumeric() || ch == '_')
        && !ours
        && !RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

/// A name as a Mermaid label between `["` and `"]`.
pub fn label(name: &str) -> String {
    let chars: Vec<char> = name.chars().map(|ch| if ch.is_control() { ' ' } else { ch }).collect();
    if chars.iter().all(|ch| *ch == ' ') {
        return "?".to_owned();
    }
    let mut text = String::new();
    for (at, &ch) in chars.iter().enumerate() {
        if needs_escape(&chars, at) {
            let _ = write!(text, "#{};", u32::from(ch));
        } else {
            text.push(ch);
        }
    }
    text
}

/// Whether a character of a label means something to one of Mermaid's releases.
fn needs_escape(chars: &[char], at: usize) -> bool {
    let ch = chars[at];
    let before = at.checked_sub(1).map(|at| chars[at]);
    let after = chars.get(at + 1).copied();
    let doubled = before == Some(ch) || after == Some(ch);
    let alnum = |ch: Option<char>| ch.is_some_and(char::is_alphanumeric);
    let word_before = || -> String {
        let start = chars[..at].iter().rposition(|ch| !ch.is_alphanumeric()).map_or(0, |at| at + 1);
        chars[start..at].iter().collect()
    };
    match ch {
        '"' | '#' | '<' | '>' | '&' | '`' | '\\' | ';' | '*' | '[' | ']' | '{' | '}' | '|' | '^' | '~' => true,
        '%' | '$' => doubled,
        '_' => !(alnum(before) && alnum(after)),
        '-' | '+' | '=' => at == 0 || doubled,
        ')' => at > 0 && chars[..at].iter().all(char::is_ascii_digit),
        '.' => (at > 0 && chars[..at].iter().all(char::is_ascii_digit)) || word_before() == "www",
        ':' => {
            after == Some('/') || {
                let word = word_before();
                word.len() <= 3 && word.starts_with("fa")
            }
        }
        '@' => alnum(before) && looks_like_a_host(&chars[at + 1..]),
        _ => false,
    }
}

/// `example.org`, as it follows the `@` of a mail address.
fn looks_like_a_host(rest: &[char]) -> bool {
    let end = rest.iter().position(|ch| !(ch.is_alphanumeric() || *ch == '-' || *ch == '.')).unwrap_or(rest.len());
    let host: String = rest[..end].iter().collect();
    host.split_once('.').is_some_and(|(name, top)| !name.is_empty() && top.starts_with(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_only_where_needed() {
        for (name, want) in [
            ("train@us-east/1", "train@us-east/1"),
            ("data/dvc.yaml:train@0", "data/dvc.yaml:train@0"),
            ("a_b", "a_b"),
            ("_x_", "#95;x#95;"),
            ("say \"hi\"", "say #34;hi#34;"),
            ("1. x", "1#46; x"),
            ("- x", "#45; x"),
            ("a--b", "a#45;#45;b"),
            ("http://x", "http#58;//x"),
            ("fa:fa-x", "fa#58;fa-x"),
            ("www.x", "www#46;x"),
            ("me@example.org", "me#64;example.org"),
            ("100%", "100%"),
            ("%%{x}%%", "#37;#37;#123;x#125;#37;#37;"),
            ("", "?"),
            ("a\nb", "a b"),
        ] {
            assert_eq!(label(name), want, "{name:?}");
        }
    }

    #[test]
    fn ids_are_plain_words_and_never_ours() {
        for (name, plain) in [("train_1", true), ("end", false), ("End", false), ("a-b", false), ("n12", false), ("n1x", true), ("", false)]
        {
            assert_eq!(is_plain_id(name), plain, "{name}");
        }
    }
}
