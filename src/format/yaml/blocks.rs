//! The plain style of nearly all files, read in one pass over their lines.
//!
//! Block maps and lists, simply quoted scalars on one line, and plain ones on one or more: what
//! dvc.lock is made of and most of every dvc.yaml. It tells the builder the same events at the same
//! places as `scan` and `events` would, for a fraction of the work. At the first thing that it does
//! not know for sure (tabs, anchors, flow style, block scalars, an empty line within a text, a missing
//! value, an indent that fits nothing) it gives up, and they read the whole text; so no error is ever
//! found here.

use std::borrow::Cow;

use super::compose::Builder;
use super::events::{Event, Props};
use super::place::Spot;

/// A list or map that is open, by the column of its dashes or keys.
struct Level {
    column: usize,
    mapping: bool,
}

/// Reads a text; none if it is not in this style alone.
pub(super) fn read<'a>(text: &'a str, builder: Builder<'a>) -> Option<Builder<'a>> {
    // They end lines, too, also those of comments.
    if !text.is_ascii() && text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}']) {
        return None;
    }
    let mut reader = Reader { builder, levels: Vec::new(), awaits: None, plain: None };
    for (number, line) in text.split('\n').enumerate() {
        let content = line.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            reader.end_plain()?;
        } else {
            reader.line(u32::try_from(number).ok()?, line.len() - content.len(), content)?;
        }
    }
    reader.end_plain()?;
    if reader.awaits.is_some() || reader.levels.is_empty() {
        return None;
    }
    while !reader.levels.is_empty() {
        reader.close()?;
    }
    Some(reader.builder)
}

struct Reader<'a> {
    builder: Builder<'a>,
    levels: Vec<Level>,
    /// The column of a key whose value begins on a later line.
    awaits: Option<usize>,
    /// A plain scalar that may go on: its line and column, and what there is of it.
    plain: Option<(u32, usize, Cow<'a, str>)>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, number: u32, column: usize, content: &'a str) -> Option<()> {
        let marker = column == 0 && (content.starts_with("---") || content.starts_with("..."));
        if marker || content.contains('\t') {
            return None;
        }
        if self.plain.is_some() {
            if column > self.levels.last()?.column {
                return self.go_on(content);
            }
            self.end_plain()?;
        }
        let item = content.strip_prefix('-').filter(|rest| rest.starts_with(' '));
        self.descend(number, column, item.is_some())?;
        let Some(rest) = item else { return self.entry(number, column, content) };
        let text = rest.trim_start_matches(' ');
        let column = column + content.len() - text.len();
        if key_of(text).is_some() {
            self.open(number, column, true)?;
            return self.entry(number, column, text);
        }
        self.scalar(number, column, text)
    }

    /// Opens and closes what begins and ends where a line does, so that the innermost level is the
    /// one of that line.
    fn descend(&mut self, number: u32, column: usize, item: bool) -> Option<()> {
        if let Some(key) = self.awaits.take() {
            // The dashes of a list may stand below its key.
            let deeper = column > key || (item && column == key);
            return if deeper { self.open(number, column, !item) } else { None };
        }
        if self.levels.is_empty() {
            return if column == 0 && !item { self.open(number, column, true) } else { None };
        }
        while self.levels.last()?.column > column {
            self.close()?;
        }
        if !item && !self.levels.last()?.mapping {
            self.close()?;
        }
        let level = self.levels.last()?;
        (level.column == column && level.mapping != item).then_some(())
    }

    fn open(&mut self, line: u32, column: usize, mapping: bool) -> Option<()> {
        let event = if mapping { Event::MapStart(Props::default()) } else { Event::SeqStart(Props::default()) };
        self.levels.push(Level { column, mapping });
        self.tell(event, line, column)
    }

    fn close(&mut self) -> Option<()> {
        let level = self.levels.pop()?;
        self.tell(if level.mapping { Event::MapEnd } else { Event::SeqEnd }, 0, 0)
    }

    /// A key with its value, if that stands on the same line.
    fn entry(&mut self, line: u32, column: usize, text: &'a str) -> Option<()> {
        let key = key_of(text)?;
        self.tell(Event::Scalar { props: Props::default(), text: Cow::Borrowed(key), plain: true }, line, column)?;
        let rest = text[key.len() + 1..].trim_start_matches(' ');
        if rest.is_empty() {
            self.awaits = Some(column);
            return Some(());
        }
        self.scalar(line, column + text.len() - rest.len(), rest)
    }

    fn scalar(&mut self, line: u32, column: usize, text: &'a str) -> Option<()> {
        let text = text.trim_end_matches(' ');
        let first = text.bytes().next()?;
        if matches!(first, b'\'' | b'"') {
            let inner = text.get(1..)?.strip_suffix(char::from(first))?;
            if inner.bytes().any(|byte| byte == first || byte == b'\\') {
                return None;
            }
            return self.tell(Event::Scalar { props: Props::default(), text: Cow::Borrowed(inner), plain: false }, line, column);
        }
        self.plain = Some((line, column, Cow::Borrowed((begins_plain(text) && is_plain(text)).then_some(text)?)));
        Some(())
    }

    /// A line that is deeper than what is open goes on with the scalar of the line before.
    fn go_on(&mut self, content: &str) -> Option<()> {
        let content = content.trim_end_matches(' ');
        let (_, _, text) = self.plain.as_mut().filter(|_| is_plain(content))?;
        let text = text.to_mut();
        text.push(' ');
        text.push_str(content);
        Some(())
    }

    fn end_plain(&mut self) -> Option<()> {
        let Some((line, column, text)) = self.plain.take() else { return Some(()) };
        self.tell(Event::Scalar { props: Props::default(), text, plain: true }, line, column)
    }

    fn tell(&mut self, event: Event<'a>, line: u32, column: usize) -> Option<()> {
        // What the builder refuses at once is an error of syntax, in order with all others.
        self.builder.take(event, Spot { line, column: u32::try_from(column).ok()? }).ok()
    }
}

/// The key that a text begins with, if it is a plain word and surely a key.
fn key_of(text: &str) -> Option<&str> {
    /// Longer ones are no keys for the loader.
    const LONGEST: usize = 128;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-+@=,".contains(&byte);
    let end = text.bytes().position(|byte| !word(byte))?;
    let first = text.as_bytes()[0];
    let begins = first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/' | b'.');
    let ends = text[end..].strip_prefix(':').is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    (begins && ends && end <= LONGEST).then(|| &text[..end])
}

/// Whether a plain scalar can begin like this.
fn begins_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes[0] {
        b'-' => bytes.get(1).is_some_and(|next| *next != b' '),
        first => !b",[]{}#&*!|>'\"%@`?:".contains(&first),
    }
}

/// Whether the rest of a line belongs to one plain scalar and to nothing else.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let pair = |pair: &[u8]| matches!(pair, b": " | b" #");
    bytes.last() != Some(&b':') && !bytes.windows(2).any(pair)
}

#[cfg(test)]
mod tests {
    use super::super::compose::compose;
    use super::super::{Doc, YamlError};
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Result<Doc, YamlError> {
        compose(text)
    }

    fn quick(text: &str) -> Option<Result<Doc, YamlError>> {
        read(text, Builder::default()).map(Builder::finish)
    }

    /// What both read must be the same, places and errors too.
    fn same(text: &str) -> bool {
        let Some(quick) = quick(text) else { return false };
        assert_eq!(format!("{quick:?}"), format!("{:?}", whole(text)), "{text}");
        true
    }

    #[test]
    fn files_of_dvc_are_read() {
        let lock = "schema: '2.0'\nstages:\n  a@0.5:\n    cmd: python a.py --x=1 > o\n    deps:\n    - path: in\n      hash: md5\n      \
                    md5: 0cc175b9c0f1b6a831c399e269772661\n      size: 1\n      isexec: true\n    params:\n      params.yaml:\n        \
                    lr: 0.1\n        list:\n        - 1\n        - a: b\n  b:\n    cmd:\n    - one\n    - \"two: 2\"\n";
        assert!(same(lock));
        let pipeline = "# What it is\n\nvars:\n  - a.yaml\nstages:\n\n  # first\n  a:\n    cmd: cp ${item.x} -o [1] {} ä  \n    wdir: ..\n    \
                        deps:\n      - in\n      - -x\n    outs:\n    - out:\n        cache: false\n    - b\n\nparams:\n- p.yaml";
        assert!(same(pipeline));
        let folded = "a: b \n  c -d\n  - e\n  > 'f'\n  \"g\" [h] {i} &j *k !l @m\nn:\n- o\n  p\n -q\n- r: s\n   t\n";
        assert!(same(folded));
        assert!(same("a: 1\nb: 2001-01-01\nc: ~\nd: yes\n1: x\n1.5: y\ntrue: z\n"));
        assert!(same("a: 1\na: 2\n"), "a duplicate key is found in the same place");
    }

    const OTHER: &[&str] = &[
        "",
        "# only\n",
        "- a\n",
        " a: 1\n",
        "a\n",
        "a: b: c\n",
        "a: b:\n",
        "a: b # c\n",
        "a: [1]\n",
        "a: {b: c}\n",
        "a: &x 1\n",
        "a: *x\n",
        "a: !t 1\n",
        "a: |\n  b\n",
        "a: >\n  b\n",
        "a: 'b''c'\n",
        "a: \"b\\n\"\n",
        "a: 'b\n  c'\n",
        "a: b\n\n  c\n",
        "a: b\n  # c\n  d\n",
        "a: b\n  c: d\n",
        "a: b\n  : c\n",
        "a: 'b'\n  c\n",
        "a:\n",
        "a:\nb: 1\n",
        "a:\n  b\n",
        "a:\n  - b\n  c: d\n",
        "a:\n    b: 1\n  c: 2\n",
        "a:\n  - b\n - c\n",
        "a: 1\n- b\n",
        "a:\n- - b\n",
        "a:\n-\n",
        "- a: 1\n",
        "--- \na: 1\n",
        "a: 1\n...\n",
        "a: 1\n---\nb: 2\n",
        "%YAML 1.1\n",
        "<<: 1\n",
        "'a': 1\n",
        "? a\n",
        "a:\t1\n",
        "a: 1\n\tb: 2\n",
        "a: @x\n",
        "a: `x`\n",
        "a: - b\n",
        "a: ? b\n",
        "a: % b\n",
        "a b: c\n",
        "a: x\u{2028}y\n",
        "a: 1\n# b\u{85}c: d\n",
        "a: #b\n",
        "a: ,b\n",
        "a:\n- b: c\n  - d\n",
        "a:\n- b: c\n   d:\n",
        "a: 'b' c\n",
        "a: '\n",
        "a: \"\n",
        "a : b\n",
    ];

    #[test]
    fn what_is_not_known_for_sure_is_left_to_others() {
        for text in OTHER {
            assert!(quick(text).is_none(), "{text:?}");
        }
    }

    fn text() -> impl Strategy<Value = String> {
        let words = [
            "a",
            "b:",
            "c: d",
            "- ",
            "- e",
            "- f: g",
            "-",
            "'h'",
            "\"i\"",
            "key:",
            "x: 'y'",
            "n: 1",
            "t: true",
            "#",
            " #z",
            "u: v #w",
            "[",
            "{}",
            "|",
            "&a",
            "*a",
            "!t",
            "---",
            "ä: ö",
            "s: ü",
            "a:b",
            ": ",
            "?",
            "w: ",
            "\t",
            "p: a b  c",
            "e: -1",
            "e2: -",
            "o: 0o7",
            "\u{feff}",
            "# \u{85}",
        ];
        let line = (0_usize..5, prop::sample::select(words.to_vec()), prop::sample::select(vec!["", "", "", " ", "  # c", ":"]));
        prop::collection::vec(line, 0..9).prop_map(|lines| {
            let line = |(indent, word, end): (usize, &str, &str)| format!("{}{word}{end}\n", " ".repeat(indent));
            lines.into_iter().map(line).collect()
        })
    }

    #[derive(Clone, Debug)]
    enum Tree {
        Scalar(&'static str),
        Map(Vec<(&'static str, Tree)>),
        List(Vec<Tree>),
    }

    /// Writes a tree in the style of this module; a list in a list is no part of it.
    fn written(tree: &Tree, column: usize, wide: usize, text: &mut String) {
        let indent = " ".repeat(column);
        match tree {
            Tree::Scalar("folded") => *text += &format!(" some words \n{indent} - and\n{indent}     more > 'of' {{them}}\n"),
            Tree::Scalar(word) => *text += &format!(" {word}\n"),
            Tree::Map(entries) => {
                for (number, (key, value)) in entries.iter().enumerate() {
                    // The first key of a map in a list stands behind the dash.
                    *text += &format!("{}{key}:", if number == 0 && text.ends_with("- ") { "" } else { &indent });
                    match value {
                        Tree::Scalar(_) => {}
                        _ => text.push('\n'),
                    }
                    written(value, column + if matches!(value, Tree::List(_)) { wide } else { 2 }, wide, text);
                }
            }
            Tree::List(items) => {
                for item in items {
                    *text += &format!("{indent}-");
                    if let Tree::Map(entries) = item
                        && !entries.is_empty()
                    {
                        text.push(' ');
                    }
                    written(item, column + 2, wide, text);
                }
            }
        }
    }

    fn sound() -> impl Strategy<Value = String> {
        let words =
            ["1", "a b", "'q'", "\"q: r\"", "-1", "2001-01-01", "true", "x.y/z", "0o17", "1e3", "~", "a:b", "ä", "folded", "folded"];
        let leaf = prop::sample::select(words.to_vec()).prop_map(Tree::Scalar);
        let keys = prop::sample::select(vec!["a", "b", "c.d", "1", "true", "e/f", "~g", "2001-01-01"]);
        let tree = leaf.prop_recursive(5, 40, 5, move |inner| {
            let map = prop::collection::vec((keys.clone(), inner.clone()), 1..5).prop_map(Tree::Map);
            prop_oneof![3 => map, 1 => prop::collection::vec(inner, 1..4).prop_map(Tree::List)]
        });
        (tree, prop::sample::select(vec![0_usize, 2]), 0_usize..60, prop::sample::select(vec!["", "", "", "\n", "  # c\n", " ", "x\n"]))
            .prop_map(|(tree, wide, at, odd)| {
                let mut text = String::new();
                written(&Tree::Map(vec![("root", tree)]), 0, wide, &mut text);
                let at = text.match_indices('\n').nth(at).map_or(text.len(), |(at, _)| at + 1);
                text.insert_str(at, odd);
                text
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        #[test]
        fn reads_as_the_others_do(text in prop_oneof![text(), sound()]) {
            same(&text);
        }
    }

    /// The random texts are no good if hardly any is read.
    #[test]
    fn enough_random_texts_are_read() {
        use proptest::strategy::ValueTree as _;
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let texts: Vec<String> = (0..500).map(|_| sound().new_tree(&mut runner).unwrap().current()).collect();
        let read = texts.iter().filter(|text| same(text)).count();
        assert!(read > 200, "{read} of 500");
    }
}
