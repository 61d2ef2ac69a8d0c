//! What the fields of a record say, as Python's `csv` reads them: quotes are taken away where they begin a
//! field, doubled ones become one, and what stands behind the closing quote belongs to the field.

use std::borrow::Cow;

/// The byte order mark that some programs write in front of a text. It belongs to none of its fields.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// The beginning of a text without the mark in front of it.
pub fn unmarked(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// The fields of one record, without its line end.
pub fn split(record: &[u8], delimiter: u8) -> Vec<Cow<'_, [u8]>> {
    let record = bare(record);
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let (field, next) = field(record, at, delimiter);
        fields.push(field);
        match next {
            Some(next) => at = next,
            None => return fields,
        }
    }
}

/// A record without the line ends around it.
pub fn bare(record: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = record.iter().position(|byte| !is_end(byte)).unwrap_or(record.len());
    let end = record.iter().rposition(|byte| !is_end(byte)).map_or(start, |at| at + 1);
    &record[start..end]
}

/// The field that begins at a byte, and where the next one does.
fn field(record: &[u8], from: usize, delimiter: u8) -> (Cow<'_, [u8]>, Option<usize>) {
    if record.get(from) != Some(&b'"') {
        let end = memchr::memchr(delimiter, &record[from..]).map(|at| from + at);
        return (Cow::Borrowed(&record[from..end.unwrap_or(record.len())]), end.map(|end| end + 1));
    }
    let mut text = Vec::new();
    let (mut at, mut quoted) = (from + 1, true);
    while let Some(&byte) = record.get(at) {
        at += 1;
        match byte {
            b'"' if quoted && record.get(at) == Some(&b'"') => {
                text.push(byte);
                at += 1;
            }
            b'"' if quoted => quoted = false,
            _ if !quoted && byte == delimiter => return (Cow::Owned(text), Some(at)),
            _ => text.push(byte),
        }
    }
    (Cow::Owned(text), None)
}
