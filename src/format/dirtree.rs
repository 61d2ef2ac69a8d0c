//! The listing of a directory as DVC keeps it in the cache: JSON whose MD5 is the directory's
//! hash, so its bytes are fixed.

use serde::Deserialize;
use thiserror::Error;

use crate::format::pyjson;
use crate::model::{Class, Fault, TreeEntry};

/// Why bytes are no listing.
#[derive(Debug, Error)]
pub enum DirTreeError {
    /// Not the JSON that it should be.
    #[error("not the listing of a directory")]
    Json(#[source] serde_json::Error),
}

impl DirTreeError {
    /// As a failure.
    pub fn fault(&self) -> Fault {
        let Self::Json(source) = self;
        Fault::new(Class::DvcException, self.to_string()).caused_by(Fault::new(Class::DvcException, source.to_string()))
    }
}

/// The bytes of a `.dir` object: entries sorted by path, code point by code point.
pub fn canonical(entries: &[TreeEntry]) -> Vec<u8> {
    let mut sorted: Vec<&TreeEntry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.relpath.cmp(&b.relpath));
    let mut out = String::with_capacity(entries.len() * 80 + 2);
    out.push('[');
    for (index, entry) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str("{\"md5\": ");
        pyjson::string(&mut out, &entry.md5);
        out.push_str(", \"relpath\": ");
        pyjson::string(&mut out, &entry.relpath);
        out.push('}');
    }
    out.push(']');
    out.into_bytes()
}

/// The entries of a `.dir` object, in its order.
///
/// # Errors
/// Where the bytes are no such listing.
pub fn parse(bytes: &[u8]) -> Result<Vec<TreeEntry>, DirTreeError> {
    #[derive(Deserialize)]
    struct Entry {
        md5: String,
        relpath: String,
    }
    let entries: Vec<Entry> = serde_json::from_slice(bytes).map_err(DirTreeError::Json)?;
    Ok(entries.into_iter().map(|Entry { md5, relpath }| TreeEntry { relpath, md5 }).collect())
}

/// Whether entries lead nowhere out of their directory: others must never be followed.
pub fn is_sound<'a>(entries: impl IntoIterator<Item = &'a TreeEntry>) -> bool {
    let is_inside = |path: &str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    entries.into_iter().all(|entry| is_inside(&entry.relpath))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_dvc_writes_it() {
        assert_eq!(canonical(&[]), b"[]");
        let entry = |relpath: &str, md5: &str| TreeEntry { relpath: relpath.to_owned(), md5: md5.to_owned() };
        let entries = [entry("b/x", "01"), entry("a", "02"), entry("b-y", "03"), entry("é\"", "04")];
        let bytes = canonical(&entries);
        let want = r#"[{"md5": "02", "relpath": "a"}, {"md5": "03", "relpath": "b-y"}, {"md5": "01", "relpath": "b/x"}, {"md5": "04", "relpath": "\u00e9\""}]"#;
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), want);
        let mut read = parse(&bytes).unwrap();
        assert_eq!(canonical(&read), bytes);
        read.sort_by(|a, b| a.md5.cmp(&b.md5));
        assert_eq!(read, entries);
        assert!(parse(b"{}").is_err());
    }
}
