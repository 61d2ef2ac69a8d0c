//! Files that a command is to write: no two of them may be one, or the second would take the place of the first.

use std::path::{Component, Path, PathBuf};

use crate::model::{Class, Fault};

/// Refuses two names of one file. `-` is standard output, and what is no plain file (a pipe, /dev/null) bears several.
///
/// # Errors
/// A usage error that names both.
pub fn refuse_same<'f>(files: impl IntoIterator<Item = &'f Path>) -> Result<(), Fault> {
    let mut seen: Vec<(PathBuf, &Path)> = Vec::new();
    for file in files.into_iter().filter(|file| *file != Path::new("-")) {
        if std::fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
            continue;
        }
        let place = place(file);
        if let Some((_, other)) = seen.iter().find(|(seen, _)| *seen == place) {
            let also = if *other == file { String::new() } else { format!(", as '{}',", other.display()) };
            let text = format!("'{}' is asked for twice{also} and can only be one file: choose another name", file.display());
            return Err(Fault::new(Class::UsageError, text));
        }
        seen.push((place, file));
    }
    Ok(())
}

/// Where a name leads, through links as far as there is something on the way.
fn place(file: &Path) -> PathBuf {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut place = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            part => place.push(part),
        }
        place = place.canonicalize().unwrap_or(place);
    }
    place
}
