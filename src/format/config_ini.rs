//! INI text as ConfigObj reads it: nested sections, quoted values, lists, comments.
//!
//! It knows nothing of DVC's keys. The interpolation of `%(name)s` is left out: DVC's
//! configuration has no use for it.

use std::sync::LazyLock;

use indexmap::IndexMap;
use regex::Regex;

use super::config::ConfigError;
use super::pytext;

/// A section: its keys and sub-sections in the order of the file.
pub(super) type Section = IndexMap<String, Item>;

/// What stands under a name.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Item {
    /// A single value.
    Text(String),
    /// Values with commas between them.
    List(Vec<String>),
    /// A section.
    Section(Section),
}

static MARKER: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"^\s*((?:\[\s*)+)((?:"\s*\S.*?\s*")|(?:'\s*\S.*?\s*')|(?:[^'"\s].*?))((?:\s*\])+)\s*(?:#.*)?$"#;
    Regex::new(pattern).expect("a fixed pattern")
});

static KEYWORD: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"^\s*((?:".*?")|(?:'.*?')|(?:[^'"=].*?))\s*=\s*(.*)$"#;
    Regex::new(pattern).expect("a fixed pattern")
});

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Section, ConfigError> {
    let lines = pytext::splitlines(text);
    let mut reader = Reader { root: Section::new(), path: Vec::new(), errors: Vec::new() };
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let bare = pytext::strip(line);
        if !bare.is_empty() && !bare.starts_with('#') {
            at = reader.line(&lines, at);
        }
        at += 1;
    }
    match reader.errors.as_slice() {
        [] => Ok(reader.root),
        [(text, number)] => Err(ConfigError(format!("{text} at line {number}."))),
        [(_, number), ..] => Err(ConfigError(format!("Parsing failed with several errors.\nFirst error at line {number}."))),
    }
}

/// The state of reading: where the current section is, and what was wrong so far.
struct Reader {
    root: Section,
    path: Vec<String>,
    errors: Vec<(String, usize)>,
}

impl Reader {
    /// Reads the line at `at`; gives the last line that belongs to it.
    fn line(&mut self, lines: &[&str], at: usize) -> usize {
        let line = lines[at];
        let mut end = at;
        let result = if let Some(marker) = MARKER.captures(line) {
            self.open(marker[1].matches('[').count(), marker[3].matches(']').count(), &marker[2])
        } else if let Some(keyword) = KEYWORD.captures(line) {
            let value = &keyword[2];
            let parsed = if value.starts_with("\"\"\"") || value.starts_with("'''") {
                multiline(value, lines, at).map(|(text, last)| {
                    end = last;
                    Item::Text(text)
                })
            } else {
                value_of(value).ok_or("Parse error in value")
            };
            parsed.map_err(str::to_owned).and_then(|item| self.set(unquote(&keyword[1]), item, "Duplicate keyword name"))
        } else {
            Err(format!("Invalid line ({}) (matched as neither section nor keyword)", pytext::repr(line)))
        };
        if let Err(text) = result {
            self.errors.push((text, at + 1));
        }
        end
    }

    fn open(&mut self, depth: usize, closed: usize, name: &str) -> Result<(), String> {
        if depth != closed {
            return Err("Cannot compute the section depth".to_owned());
        }
        if depth > self.path.len() + 1 {
            return Err("Section too nested".to_owned());
        }
        let name = unquote(name);
        let old = self.path.clone();
        self.path.truncate(depth - 1);
        if let Err(text) = self.set(name, Item::Section(Section::new()), "Duplicate section name") {
            self.path = old;
            return Err(text);
        }
        self.path.push(name.to_owned());
        Ok(())
    }

    fn set(&mut self, key: &str, item: Item, duplicate: &str) -> Result<(), String> {
        let mut section = &mut self.root;
        for name in &self.path {
            let Some(Item::Section(inner)) = section.get_mut(name) else { return Err("Cannot compute nesting level".to_owned()) };
            section = inner;
        }
        if section.contains_key(key) {
            return Err(duplicate.to_owned());
        }
        section.insert(key.to_owned(), item);
        Ok(())
    }
}

fn unquote(text: &str) -> &str {
    let quoted = text.len() >= 2 && (text.starts_with('"') && text.ends_with('"') || text.starts_with('\'') && text.ends_with('\''));
    if quoted { &text[1..text.len() - 1] } else { text }
}

/// Whether nothing but a comment follows.
fn ends(rest: &str) -> bool {
    let rest = rest.trim_start_matches(pytext::is_space);
    rest.is_empty() || rest.starts_with('#')
}

/// A value or list up to the comment; none where ConfigObj finds no way to read it.
fn value_of(text: &str) -> Option<Item> {
    if let Some(rest) = text.strip_prefix(',')
        && ends(rest)
    {
        return Some(Item::List(Vec::new()));
    }
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(pytext::is_space);
        if ends(rest) {
            return Some(if items.is_empty() { Item::Text(String::new()) } else { Item::List(items) });
        }
        let (item, after) = member(rest)?;
        let after = after.trim_start_matches(pytext::is_space);
        if let Some(more) = after.strip_prefix(',') {
            items.push(item);
            rest = more;
        } else if items.is_empty() {
            return Some(Item::Text(item));
        } else {
            items.push(item);
            return Some(Item::List(items));
        }
    }
}

/// The first member of a list (or the only value) and what follows it.
fn member(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|ch| matches!(ch, '"' | '\''));
    let Some(quote) = quote else {
        let end = text.find([',', '#']).unwrap_or(text.len());
        let item = pytext::rstrip(&text[..end]);
        return (!item.is_empty()).then(|| (item.to_owned(), &text[end..]));
    };
    // The shortest quoted text after which the line can go on.
    text.char_indices().skip(1).filter(|(_, ch)| *ch == quote).find_map(|(at, _)| {
        let after = &text[at + 1..];
        let next = after.trim_start_matches(pytext::is_space);
        (next.starts_with(',') || ends(next)).then(|| (text[1..at].to_owned(), after))
    })
}

/// A value in triple quotes, perhaps over several lines; with the number of its last line.
fn multiline(value: &str, lines: &[&str], at: usize) -> Result<(String, usize), &'static str> {
    const BAD: &str = "Parse error in multiline value";
    let (quote, rest) = value.split_at(3);
    if let Some(end) = rest.find(quote) {
        return if ends(&rest[end + 3..]) { Ok((rest[..end].to_owned(), at)) } else { Err(BAD) };
    }
    let mut text = rest.to_owned();
    for (offset, line) in lines[at + 1..].iter().enumerate() {
        text.push('\n');
        let Some(end) = line.find(quote) else {
            text.push_str(line);
            continue;
        };
        text.push_str(&line[..end]);
        return if ends(&line[end + 3..]) { Ok((text, at + 1 + offset)) } else { Err(BAD) };
    }
    Err(BAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<Item> {
        value_of(text)
    }

    #[test]
    fn values_are_read_as_configobj_reads_them() {
        let text = |value: &str| Some(Item::Text(value.to_owned()));
        let list = |values: &[&str]| Some(Item::List(values.iter().map(|value| (*value).to_owned()).collect()));
        for (input, want) in [
            ("a b", text("a b")),
            ("a#b", text("a")),
            ("'a # b' # c", text("a # b")),
            ("\"a\" \"b\"", text("a\" \"b")),
            ("", text("")),
            ("# x", text("")),
            (",", list(&[])),
            ("a,", list(&["a"])),
            ("a, 'b,c' , d", list(&["a", "b,c", "d"])),
            ("it's", text("it's")),
            ("a,,b", None),
            ("'a' b", None),
        ] {
            assert_eq!(value(input), want, "{input}");
        }
    }

    #[test]
    fn sections_nest_and_errors_name_the_line() {
        let section = parse("# c\n[a]\nx = 1\n[[b]]\n\"y\" = '''1\n2''' # c\n[c]\n").unwrap();
        assert_eq!(section.keys().collect::<Vec<_>>(), ["a", "c"]);
        let error = |text: &str| parse(text).unwrap_err().0;
        assert_eq!(error("[a]\nfoo\n"), "Invalid line ('foo') (matched as neither section nor keyword) at line 2.");
        assert_eq!(error("[a]\n[a]\n"), "Duplicate section name at line 2.");
        assert_eq!(error("[a]\nx=1\nx=2\n"), "Duplicate keyword name at line 3.");
        assert_eq!(error("[a]\nfoo\nbar\n"), "Parsing failed with several errors.\nFirst error at line 2.");
        assert_eq!(error("[[a]\n"), "Cannot compute the section depth at line 1.");
    }
}
