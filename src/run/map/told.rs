//! What a command is told of a partition: in its words, in its environment, on its standard input, or as a request to
//! a worker.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::format::map::words::{Place, WordError, Words};

use super::MapError;
use super::cut::{Content, Portion};

/// The words of the command for a partition.
///
/// # Errors
/// A word would have to hold several items.
pub(super) fn words(words: &Words, portion: &Portion, out: &Path) -> Result<Vec<OsString>, WordError> {
    let bytes = |items: Option<&Vec<OsString>>| items.into_iter().flatten().map(|item| item.as_bytes().to_vec()).collect();
    let filled = words.fill(|place| match (place, &portion.content) {
        (Place::Out, _) => vec![out.as_os_str().as_bytes().to_vec()],
        (Place::Index, _) => vec![portion.index.to_string().into_bytes()],
        (Place::In(at), Content::Rows(files)) => files.get(at).map(|file| file.as_os_str().as_bytes().to_vec()).into_iter().collect(),
        (Place::In(at), Content::Files(lists) | Content::Items(lists)) => bytes(lists.get(at)),
        (Place::Item, Content::Files(lists) | Content::Items(lists)) => bytes(lists.first()),
        (Place::Item, Content::Rows(_)) => Vec::new(),
    })?;
    Ok(filled.into_iter().map(OsString::from_vec).collect())
}

/// So many bytes of items stand in the environment at most; Linux takes 128 kB for a variable with its name.
const LONGEST: usize = 100_000;

/// What is in the environment of a try. Many items do not fit there.
pub(super) fn variables(portion: &Portion, attempt: u32, out: &Path) -> Vec<(&'static str, OsString)> {
    let lines = |items: &Vec<OsString>| items.join(OsStr::new("\n"));
    let (name, value) = match &portion.content {
        Content::Rows(files) => ("PARAFFIN_MAP_IN", files.first().map(|file| file.as_os_str().to_owned())),
        Content::Files(lists) => ("PARAFFIN_MAP_IN", lists.first().map(lines)),
        Content::Items(lists) => ("PARAFFIN_MAP_ITEM", lists.first().map(lines)),
    };
    let mut variables = vec![
        ("PARAFFIN_MAP_INDEX", OsString::from(portion.index.to_string())),
        ("PARAFFIN_MAP_ATTEMPT", OsString::from(attempt.to_string())),
        ("PARAFFIN_MAP_OUT", out.as_os_str().to_owned()),
    ];
    // The system takes no longer ones.
    variables.extend(value.filter(|value| value.len() < LONGEST).map(|value| (name, value)));
    variables
}

/// A partition as standard input: its rows, what its files hold, or its items as lines. What must be put together for that
/// stands in a file of `dir` without a name.
///
/// # Errors
/// It cannot be read or written.
pub(super) fn input(portion: &Portion, dir: &Path) -> Result<Option<File>, MapError> {
    let open = |path: &Path| File::open(path).map_err(|source| MapError::read(path, source));
    let first = match &portion.content {
        Content::Rows(files) => return files.first().map(|file| open(file)).transpose(),
        Content::Files(lists) | Content::Items(lists) => lists.first().map(Vec::as_slice).unwrap_or_default(),
    };
    let are_files = matches!(portion.content, Content::Files(_));
    if let ([path], true) = (first, are_files) {
        return open(Path::new(path)).map(Some);
    }
    let failed = |source| MapError::File { attempt: "write", path: dir.to_path_buf(), source };
    let mut file = tempfile::tempfile_in(dir).map_err(failed)?;
    for item in first {
        if are_files {
            io::copy(&mut open(Path::new(item))?, &mut file).map(drop).map_err(failed)?;
        } else {
            file.write_all(item.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
        }
    }
    file.rewind().map_err(failed)?;
    Ok(Some(file))
}

/// What a worker is asked, as a line of JSON.
///
/// # Errors
/// A path or an item is not UTF-8, and JSON knows nothing else; in words.
pub(super) fn request(portion: &Portion, attempt: u32, out: &Path) -> Result<String, String> {
    let mut request = json!({"index": portion.index});
    match &portion.content {
        Content::Rows(files) => {
            if let Some(first) = files.first() {
                request["in"] = text(first.as_os_str())?;
            }
            if files.len() > 1 {
                request["ins"] = files.iter().map(|file| text(file.as_os_str())).collect::<Result<_, _>>()?;
            }
        }
        Content::Files(lists) => {
            if let Some([file]) = lists.first().map(Vec::as_slice) {
                request["in"] = text(file)?;
            }
            if lists.iter().map(Vec::len).sum::<usize>() > 1 {
                request["ins"] = lists.iter().flatten().map(|file| text(file)).collect::<Result<_, _>>()?;
            }
        }
        Content::Items(lists) => match lists.first().map(Vec::as_slice).unwrap_or_default() {
            [item] => request["item"] = text(item)?,
            items => request["items"] = items.iter().map(|item| text(item)).collect::<Result<_, _>>()?,
        },
    }
    request["out"] = text(out.as_os_str())?;
    request["attempt"] = attempt.into();
    Ok(request.to_string())
}

fn text(item: &OsStr) -> Result<Value, String> {
    let wrong = || format!("'{}' is not UTF-8, and cannot be told to a worker", item.to_string_lossy());
    item.to_str().map(Value::from).ok_or_else(wrong)
}
