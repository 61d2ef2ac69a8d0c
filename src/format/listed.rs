//! Directories whose entry in a `.dvc` file or dvc.lock lists their files one by one (`files:`), as DVC writes it for
//! remotes that keep versions. There is no listing in the cache then: the entry is the listing.

use md5::{Digest as _, Md5};

use super::dirtree;
use super::template::python_str;
use crate::model::{Algo, Digest, Listed, ListedFile, Meta, TreeEntry, Value};

/// The files under `files:`, and what is recorded of the whole (dvc: `_compute_meta_hash_info_from_files`); none where
/// there are no such files. `algo` is how the hashes of an entry like this are made.
pub fn read(files: Option<&Value>, algo: Algo) -> Option<(Listed, Digest, Meta)> {
    let files = files.and_then(Value::as_seq).filter(|files| !files.is_empty())?;
    let text = |file: &Value, key| file.get(key).map(python_str).unwrap_or_default();
    let entries: Vec<TreeEntry> = files.iter().map(|file| TreeEntry { relpath: text(file, "relpath"), md5: text(file, "md5") }).collect();
    let size = files.iter().filter_map(|file| match file.get("size") {
        Some(Value::Int(size)) => u64::try_from(*size).ok(),
        _ => None,
    });
    let meta = Meta { size: Some(size.sum()), nfiles: u64::try_from(files.len()).ok(), isexec: false };
    let hash = Md5::digest(dirtree::canonical(&entries));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let is_exec = |file: &Value| file.get("isexec").and_then(Value::as_bool).unwrap_or(false);
    let files = entries.into_iter().zip(files).map(|(entry, file)| ListedFile { entry, isexec: is_exec(file) }).collect();
    Some((Listed { algo, files }, Digest::md5(format!("{hex}.dir")), meta))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::yaml;

    #[test]
    fn files_one_by_one_are_a_listing() {
        let text = "[{relpath: x/b, md5: 26ab0db90d72e28ad0ba1e22ee510510, size: 2, isexec: true}, {relpath: a, md5: b026324c6904b2a9cb4b88d6d61c81d1, size: 3}]";
        let value = yaml::parse(text.as_bytes()).unwrap().value;
        let (listed, digest, meta) = read(Some(&value), Algo::Md5).unwrap();
        assert_eq!(meta, Meta { size: Some(5), nfiles: Some(2), isexec: false });
        assert_eq!(
            listed.files.iter().map(|file| (file.entry.relpath.as_str(), file.isexec)).collect::<Vec<_>>(),
            [("x/b", true), ("a", false)]
        );
        assert_eq!(digest, Digest::md5("a6ea6f39526df27e978640ca7d1cae81.dir"));
        assert!(read(None, Algo::Md5).is_none() && read(Some(&Value::seq(Vec::new())), Algo::Md5).is_none());
    }
}
