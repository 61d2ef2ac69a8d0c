//! Cuts the text of a lock file into its entries.

use std::ops::Range;

use crate::format::yaml::{Doc, Mark, Step};
use crate::model::Value;

/// The pieces; joined they are the file.
pub(super) struct Cut {
    /// All before the first entry.
    pub head: String,
    /// Where each entry stands.
    pub entries: Vec<Range<usize>>,
    /// All after the last.
    pub tail: String,
}

/// The pieces of a file that is laid out as DVC does it: none where names of stages stand at
/// another column, where lists or maps are shared between entries, or where lines do not
/// belong to one entry each.
pub(super) fn cut(doc: &Doc, text: &str) -> Option<Cut> {
    if doc.anchored || text.contains(['\t', '\r', '\u{feff}']) || !text.ends_with('\n') {
        return None;
    }
    let path = [Step::from("stages")];
    let marks = doc.places.keys(&doc.value, &path);
    let Some(first) = marks.first() else { return cut_empty(doc, text) };
    if doc.places.value(&doc.value, &path)? != *first || marks.iter().any(|mark| mark.column != super::INDENT + 1) {
        return None;
    }
    let end = end_line(doc)?;
    let starts = line_starts(text);
    let at = |line: usize| starts.get(line - 1).copied().unwrap_or(text.len());
    // Only blanks may stand before a name, and each name must be below the one before.
    let own_line = |mark: &Mark| text.get(at(mark.line)..).is_some_and(|line| line.starts_with("  ") && !line.starts_with("  ?"));
    if !marks.iter().all(own_line) || marks.windows(2).any(|pair| pair[0].line >= pair[1].line) {
        return None;
    }
    let stop = end.map_or(text.len(), at);
    let body = text.get(at(first.line)..stop)?;
    if body.lines().any(|line| line.starts_with("...") || line.starts_with("---")) {
        return None;
    }
    let bounds: Vec<usize> = marks.iter().map(|mark| at(mark.line)).chain([stop]).collect();
    let entries = bounds.windows(2).map(|pair| pair[0]..pair[1]).collect();
    Some(Cut { head: plain_schema(text.get(..at(first.line))?), entries, tail: text.get(stop..)?.to_owned() })
}

/// The pieces of a file that has no entries yet, where `stages` is an empty map on its line.
fn cut_empty(doc: &Doc, text: &str) -> Option<Cut> {
    let mark = doc.places.key(&doc.value, &[Step::from("stages")])?;
    let start = *line_starts(text).get(mark.line - 1)?;
    let line = text.get(start..)?.lines().next()?;
    let tail = text.get(start + line.len() + 1..)?.to_owned();
    let head = format!("{}stages:\n", plain_schema(text.get(..start)?));
    matches!(line.trim_end(), "stages: {}" | "stages:").then_some(Cut { head, entries: Vec::new(), tail })
}

/// The line of the key that follows `stages`; the inner none where there is none. The outer
/// one where the keys of the file do not stand at the first column.
#[expect(clippy::option_option, reason = "no further key and no usable layout are two things")]
fn end_line(doc: &Doc) -> Option<Option<usize>> {
    let marks = doc.places.keys(&doc.value, &[]);
    let Value::Map(root) = &doc.value else { return None };
    if marks.iter().any(|mark| mark.column != 1) || marks.windows(2).any(|pair| pair[0].line >= pair[1].line) {
        return None;
    }
    let index = root.get_index_of("stages")?;
    Some(marks.get(index + 1).map(|mark| mark.line))
}

/// Where each line begins.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The schema's version with the quotes that DVC gives it.
fn plain_schema(head: &str) -> String {
    let line = |line: &str| match line.strip_prefix("schema: \"2.0\"") {
        Some(rest) => format!("schema: '2.0'{rest}"),
        None => line.to_owned(),
    };
    head.split_inclusive('\n').map(line).collect()
}
