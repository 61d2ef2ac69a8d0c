//! Items from the disk: the files below a directory or of a pattern, the lines of a file.
//!
//! Files come in the order of the bytes of their paths, so that it is the same everywhere. Links are followed, but
//! not in circles.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use super::rows::{Input, RowsError, Stop};

/// A file that was found, and its name as seen from where the search began.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Item {
    /// Its path.
    pub path: PathBuf,
    /// Its path below the directory, or below the fixed part of the pattern.
    pub name: PathBuf,
}

/// All files below a directory.
///
/// # Errors
/// A directory cannot be listed.
pub fn below(dir: &Path) -> Result<Vec<Item>, RowsError> {
    let mut found = Vec::new();
    let mut open = vec![(dir.to_path_buf(), Vec::new())];
    while let Some((place, above)) = open.pop() {
        let failed = |source| RowsError::Read { path: place.clone(), source };
        let own = fs::canonicalize(&place).map_err(failed)?;
        if above.contains(&own) {
            continue;
        }
        for entry in fs::read_dir(&place).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                let mut above = above.clone();
                above.push(own.clone());
                open.push((path, above));
            } else {
                let name = path.strip_prefix(dir).map(Path::to_path_buf).unwrap_or_default();
                found.push(Item { path, name });
            }
        }
    }
    sort(&mut found);
    Ok(found)
}

/// Whether a path that is not there may be a pattern.
pub fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// All files that match a pattern with `*`, `?`, `[…]` and `**`, which stands for any directories. As in a shell names that
/// begin with a dot must be named so. Behind the first of these there is no `..`: the names of files could lead out of the
/// directory that a result of files becomes.
///
/// # Errors
/// It is none, in words; or a directory cannot be listed.
pub fn matching(pattern: &Path) -> Result<Result<Vec<Item>, String>, RowsError> {
    let mut parts = Vec::new();
    let is_fixed = |part: &Component<'_>| !is_pattern(Path::new(part));
    if pattern.components().skip_while(is_fixed).any(|part| part == Component::ParentDir) {
        return Ok(Err("'..' cannot stand behind a part with '*', '?' or '['".to_owned()));
    }
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        parts.push(match &*text {
            "**" => Part::Any,
            _ if !is_pattern(Path::new(part.as_os_str())) => Part::Named(part.as_os_str().to_owned()),
            _ => match glob::Pattern::new(&text) {
                Ok(pattern) => Part::Like(pattern),
                Err(error) => return Ok(Err(error.to_string())),
            },
        });
    }
    let fixed: PathBuf = pattern.components().take_while(is_fixed).collect();
    let mut found = Vec::new();
    expand(PathBuf::new(), &parts, &mut found)?;
    let name = |path: &Path| path.strip_prefix(&fixed).map_or_else(|_| path.to_path_buf(), Path::to_path_buf);
    let mut found: Vec<Item> = found.into_iter().map(|path| Item { name: name(&path), path }).collect();
    sort(&mut found);
    found.dedup();
    Ok(Ok(found))
}

/// A step of a pattern.
enum Part {
    Named(OsString),
    Like(glob::Pattern),
    Any,
}

/// The files that match what is left of a pattern, from here on.
fn expand(place: PathBuf, parts: &[Part], found: &mut Vec<PathBuf>) -> Result<(), RowsError> {
    let Some((first, rest)) = parts.split_first() else {
        if place.exists() && !place.is_dir() {
            found.push(place);
        }
        return Ok(());
    };
    let like = match first {
        Part::Named(name) => return expand(place.join(name), rest, found),
        Part::Any if !rest.is_empty() => {
            expand(place.clone(), rest, found)?;
            None
        }
        Part::Any => None,
        Part::Like(pattern) => Some(pattern),
    };
    let here = if place.as_os_str().is_empty() { Path::new(".") } else { &place };
    if !here.is_dir() {
        return Ok(());
    }
    let failed = |source| RowsError::Read { path: here.to_path_buf(), source };
    for entry in fs::read_dir(here).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let hides = name.as_bytes().starts_with(b".");
        let path = place.join(&name);
        match like {
            Some(pattern) if hides && !pattern.as_str().starts_with('.') => {}
            Some(pattern) if pattern.matches(&name.to_string_lossy()) => expand(path, rest, found)?,
            Some(_) => {}
            // Links to directories are not followed any number of times.
            None if !hides && entry.file_type().is_ok_and(|kind| kind.is_dir()) => expand(path, parts, found)?,
            None if !hides && rest.is_empty() => expand(path, rest, found)?,
            None => {}
        }
    }
    Ok(())
}

/// The items of a text: its lines, or what ends with a zero byte.
pub fn of_text(text: &[u8], end: u8) -> Vec<OsString> {
    let text = text.strip_suffix(&[end]).unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|byte| *byte == end).map(|item| OsString::from_vec(item.to_vec())).collect()
}

/// The items in a file, unpacked; `-` is standard input. It is read until `stop` says so.
///
/// # Errors
/// It cannot be read.
pub fn of_file(path: &Path, end: u8, stop: Option<Stop>) -> Result<Vec<OsString>, RowsError> {
    let (mut input, mut text) = (Input::open(path, false, stop)?, Vec::new());
    while input.fill(&mut text)? > 0 {}
    Ok(of_text(&text, end))
}

fn sort(items: &mut [Item]) {
    let bytes = |item: &Item| -> Vec<u8> { AsRef::<OsStr>::as_ref(&item.path).as_bytes().to_vec() };
    items.sort_by_cached_key(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_paths() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a/z", "a/b/c", "a.txt", ".hidden"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        crate::store::os::symlink(Path::new(".."), &dir.path().join("a/b/round")).unwrap();
        let names = |items: Vec<Item>| items.into_iter().map(|item| item.name.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(below(dir.path()).unwrap()), [".hidden", "a.txt", "a/b/c", "a/z", "b"]);
        let pattern = |text: &str| {
            let mut found = names(matching(&dir.path().join(text)).unwrap().unwrap());
            found.sort();
            found
        };
        assert_eq!(pattern("a*"), ["a.txt"]);
        assert_eq!(pattern("a/*"), ["z"]);
        assert_eq!(pattern("*/z"), ["a/z"]);
        // A name that is no text stands in nobody's way.
        fs::write(dir.path().join(OsStr::from_bytes(b"n\xff")), "").unwrap();
        assert_eq!(pattern("**/z"), ["a/z"]);
        assert_eq!(pattern("a/**"), ["b/c", "z"]);
        assert_eq!(pattern("**/[bc]"), ["a/b/c", "b"]);
        assert_eq!(pattern(".h*"), [".hidden"]);
        assert_eq!(matching(&dir.path().join("n*")).unwrap().unwrap().len(), 1);
        assert!(matching(Path::new("a[")).unwrap().is_err());
    }

    #[test]
    fn items_are_lines() {
        assert_eq!(of_text(b"a\n\nb c", b'\n'), ["a", "", "b c"]);
        assert_eq!(of_text(b"a\nb\0c\0", 0), ["a\nb", "c"]);
        assert!(of_text(b"", b'\n').is_empty());
    }
}
