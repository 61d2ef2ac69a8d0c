//! Cutting and joining without any command: nothing may be lost, doubled or moved.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::Cutter;
use super::cut::{Content, RowCutter, Size, Sizes};
use super::grouped::GroupCutter;
use super::join::{Joiner, Manner};
use crate::format::rows::Format;
use crate::store::rows::{Groups, Input, Rows, Target};

/// Fields of all kinds, quoted where they must be.
fn field() -> impl Strategy<Value = String> {
    let text = prop_oneof!["", "a", "b,c", "q\"q", "l\nl", "r\rr", "\r\n", " ", "é", "\"", "[a-z]{0,3}"];
    text.prop_map(|text: String| if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text })
}

/// A table with a header, lines without anything, and any line ends.
fn table() -> impl Strategy<Value = String> {
    let row = (field(), field()).prop_map(|(a, b)| format!("{a},{b}"));
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n")];
    (proptest::collection::vec((row, end), 0..12), any::<bool>()).prop_map(|(rows, ended)| {
        let mut text = "k,v\n".to_owned();
        for (row, end) in &rows {
            text += row;
            text += end;
        }
        let bare = text.trim_end_matches(['\n', '\r']).len();
        if !ended {
            text.truncate(bare);
        }
        text
    })
}

fn rows(path: &Path, format: Format) -> Rows {
    Rows::open(Input::open(path, true, None).unwrap(), format, true).unwrap()
}

/// The parts are the partitions themselves, given in from the last to the first.
fn joined(cutter: &mut dyn Cutter, manner: Manner, out: &Path) -> (String, Vec<String>) {
    let mut joiner = Joiner::new(manner, Target::file(out, out.parent().unwrap()).unwrap(), 0, Vec::new());
    let mut portions = Vec::new();
    while let Some(portion) = cutter.next().unwrap() {
        portions.push(portion);
    }
    let file = |content: &Content| match content {
        Content::Rows(files) => files[0].clone(),
        Content::Files(_) | Content::Items(_) => PathBuf::new(),
    };
    let parts = portions.iter().map(|portion| std::fs::read_to_string(file(&portion.content)).unwrap()).collect();
    for portion in portions.iter().rev() {
        joiner.accept(portion, Some(file(&portion.content))).unwrap();
    }
    joiner.finish(&|| false).unwrap();
    (std::fs::read_to_string(out).unwrap(), parts)
}

/// The text as it comes out: the last line has an end.
fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with(['\n', '\r']) { text.to_owned() } else { format!("{text}\n") }
}

const TABLE: Format = Format::Table { delimiter: b',' };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_cut_and_joined_is_what_it_was(text in table(), size in 1..6_u64) {
        let dir = tempfile::tempdir().unwrap();
        let (input, out) = (dir.path().join("t.csv"), dir.path().join("o.csv"));
        std::fs::write(&input, &text).unwrap();
        let sizes = Sizes::new(Size::Fixed(size), BTreeMap::new());
        let mut cutter = RowCutter::new(vec![rows(&input, TABLE)], sizes, dir.path().to_path_buf(), vec![OsString::new()]);
        let (found, _) = joined(&mut cutter, Manner::Concat { format: TABLE, header: true }, &out);
        prop_assert_eq!(found, ended(&text));
    }

    #[test]
    fn lines_are_bytes(text in "[a\r\n\"]{0,30}", size in 1..6_u64) {
        let dir = tempfile::tempdir().unwrap();
        let (input, out) = (dir.path().join("t"), dir.path().join("o"));
        std::fs::write(&input, &text).unwrap();
        let sizes = Sizes::new(Size::Fixed(size), BTreeMap::new());
        let mut cutter = RowCutter::new(vec![rows(&input, Format::Lines)], sizes, dir.path().to_path_buf(), vec![OsString::new()]);
        let (found, _) = joined(&mut cutter, Manner::Concat { format: Format::Lines, header: false }, &out);
        prop_assert_eq!(found, if text.is_empty() || text.ends_with('\n') { text.clone() } else { format!("{text}\n") });
    }

    #[test]
    fn blank_lines_among_values_stay_where_they_are(text in "(\\{\"k\": ?[0-9]\\}|\"\\\\n\"|| |\n){0,20}", size in 1..6_u64) {
        let dir = tempfile::tempdir().unwrap();
        let (input, out) = (dir.path().join("t.jsonl"), dir.path().join("o.jsonl"));
        std::fs::write(&input, &text).unwrap();
        let sizes = Sizes::new(Size::Fixed(size), BTreeMap::new());
        let mut cutter = RowCutter::new(vec![rows(&input, Format::JsonLines)], sizes, dir.path().to_path_buf(), vec![OsString::new()]);
        let (found, _) = joined(&mut cutter, Manner::Concat { format: Format::JsonLines, header: false }, &out);
        // What has no value in it is no row, and nothing of it is left.
        let want = if text.trim().is_empty() { String::new() } else { ended(&text) };
        prop_assert_eq!(found, want);
    }

    #[test]
    fn groups_are_never_split_and_find_their_places_again(text in table(), size in 1..6_u64) {
        let dir = tempfile::tempdir().unwrap();
        let (input, out) = (dir.path().join("t.csv"), dir.path().join("o.csv"));
        std::fs::write(&input, &text).unwrap();
        let groups = Groups::read(rows(&input, TABLE), TABLE, &["k".to_owned()], dir.path()).unwrap();
        let groups = Arc::new(Mutex::new(groups));
        let sizes = Sizes::new(Size::Fixed(size), BTreeMap::new());
        let suffixes = vec![OsString::new()];
        let mut cutter = GroupCutter::new(Arc::clone(&groups), Vec::new(), sizes, dir.path().to_path_buf(), suffixes).unwrap();
        let manner = Manner::Ordered { format: TABLE, header: true, rows: groups, dir: dir.path().to_path_buf() };
        let (found, parts) = joined(&mut cutter, manner, &out);
        prop_assert_eq!(found, ended(&text));
        let mut seen = std::collections::HashSet::new();
        for part in parts {
            let keys = keys(&part);
            prop_assert!(keys.iter().all(|key| !seen.contains(key)), "a group in two partitions");
            seen.extend(keys);
        }
    }
}

/// The first fields of all rows but the header.
fn keys(text: &str) -> Vec<Vec<u8>> {
    let (mut scanner, mut found) = (crate::format::rows::scan::Scanner::new(TABLE.style()), Vec::new());
    scanner.feed(text.as_bytes(), &mut found);
    found.extend(scanner.finish().unwrap());
    let mut from = 0;
    let mut keys = Vec::new();
    for record in found {
        let end = usize::try_from(record.end).unwrap();
        keys.push(crate::format::rows::fields::split(&text.as_bytes()[from..end], b',')[0].to_vec());
        from = end;
    }
    keys.split_off(1)
}
