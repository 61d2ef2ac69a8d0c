//! The result of a map: what it is, where it goes, and how it gets there when all parts have come.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::map::totals::Totals;
use crate::format::map::union::Union;
use crate::format::rows::Format;
use crate::run::map::MapError;
use crate::run::map::join::{Joiner, Manner};
use crate::run::map::perform::Performer;
use crate::run::map::shell::Shell;
#[cfg(feature = "parquet")]
use crate::store::rows::parquet;
use crate::store::rows::{Folder, Target};

use super::source::{self, Cut, Found};
use super::{Combine, Request, Sizing};

/// What takes the parts.
///
/// # Errors
/// Nothing can be written where the result is to go.
pub fn joiner(request: &Request, found: &Found, cut: &Cut, dir: &Path) -> Result<Joiner, MapError> {
    if joins_row_groups(request, found) {
        let target = request
            .out
            .as_deref()
            .filter(|_| request.only.is_none())
            .map_or_else(|| Target::stdout(dir), |path| Target::file(path, dir))?;
        return Ok(Joiner::new(Manner::Kept, target, request.only.unwrap_or(0), Vec::new()));
    }
    if let Some(only) = request.only {
        // What was asked for is a part, and no result.
        let manner = Manner::Concat { format: format(request, found), header: request.header };
        return Ok(Joiner::new(manner, Target::stdout(dir)?, only, cut.names.clone()));
    }
    let target = match (&request.out, &request.combine) {
        // A directory is made at the end.
        (_, Combine::Files) => Target::nowhere(),
        (Some(path), _) => Target::file(path, dir)?,
        (None, _) => Target::stdout(dir)?,
    };
    let format = format(request, found);
    let is_chosen = matches!((request.sizing, found), (Sizing::Chosen(_), Found::Rows(_)));
    let manner = match (&request.combine, &cut.groups) {
        (Combine::Concat, Some(rows)) if request.keep_order => {
            Manner::Ordered { format, header: request.header, rows: Arc::clone(rows), dir: dir.to_path_buf() }
        }
        (Combine::Concat, _) => Manner::Concat { format, header: request.header },
        (Combine::MergeJson, _) => Manner::Union(Union::default()),
        (Combine::Numbers(kind), _) => {
            let totals = match format {
                Format::Table { delimiter } => Totals::of_tables(*kind, delimiter, request.header),
                Format::JsonLines | Format::Lines => Totals::of_json(*kind),
            };
            Manner::Totals { totals, is_chosen, table: Some(format).filter(|format| request.header && format.delimiter().is_some()) }
        }
        (Combine::Files | Combine::Cmd(_), _) => Manner::Kept,
    };
    Ok(Joiner::new(manner, target, 0, cut.names.clone()))
}

/// All parts have come: the result takes its place.
///
/// # Errors
/// It cannot be made or written.
pub fn place(request: &Request, found: &Found, mut joiner: Joiner, performer: &Performer<'_>) -> Result<(), MapError> {
    let stop = || performer.is_stopped();
    #[cfg(feature = "parquet")]
    if joins_row_groups(request, found) {
        let parts = joiner.paths();
        parquet::join(&parts, joiner.target())?;
        return joiner.finish(&stop);
    }
    match (&request.combine, &request.out) {
        _ if request.only.is_some() => joiner.finish(&stop),
        (Combine::Files, Some(out)) => files(found, &joiner, out, performer.suffix),
        (Combine::Cmd(cmd), _) => {
            let made = combined(cmd, &joiner.paths(), performer, &suffix(request, found))?;
            let mut file = File::open(&made).map_err(failed("read", &made))?;
            joiner.target().copy(&mut file)?;
            joiner.finish(&stop)
        }
        _ => joiner.finish(&stop),
    }
}

/// Whether parts are Parquet files, and the result is one: its name says so, or without a name the input.
pub fn joins_row_groups(request: &Request, found: &Found) -> bool {
    let is_one = |out: &Path| out.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet"));
    request.combine == Combine::Concat && request.out.as_deref().map_or_else(|| source::is_parquet(request, found), is_one)
}

/// Parts in a directory: by the names of the files that they were made of, else by their numbers.
fn files(found: &Found, joiner: &Joiner, out: &Path, suffix: &OsStr) -> Result<(), MapError> {
    let folder = Folder::beside(out)?;
    let width = joiner.turns().saturating_sub(1).to_string().len();
    let names = match found {
        Found::Items(_, names) if names.len() as u64 == joiner.turns() => names.as_slice(),
        _ => &[],
    };
    for part in joiner.parts() {
        let numbered = || {
            let mut name = OsString::from(format!("{:0width$}", part.index));
            name.push(suffix);
            PathBuf::from(name)
        };
        let own = usize::try_from(part.index).ok().and_then(|at| names.get(at).cloned().flatten());
        folder.take(&part.path, &own.unwrap_or_else(numbered))?;
    }
    Ok(folder.place()?)
}

/// What a command of the shell makes of parts.
fn combined(cmd: &OsStr, parts: &[PathBuf], performer: &Performer<'_>, suffix: &OsStr) -> Result<PathBuf, MapError> {
    let dir = performer.dir;
    if dir.as_os_str().as_bytes().contains(&b'\n') {
        return Err(MapError::Part(format!("'{}' has a line end in its name: the paths of parts do not fit on lines", dir.display())));
    }
    let mut name = OsString::from("result");
    name.push(suffix);
    let place = dir.join(name);
    let text = filled(cmd, &place);
    let mut list = tempfile::tempfile_in(dir).map_err(failed("write", dir))?;
    for part in parts {
        list.write_all(part.as_os_str().as_bytes()).and_then(|()| list.write_all(b"\n")).map_err(failed("write", dir))?;
    }
    list.rewind().map_err(failed("write", dir))?;
    // That of a broken run.
    fs::remove_file(&place).ok();
    let out = if text.is_none() { Some(File::create(&place).map_err(failed("create", &place))?) } else { None };
    let shell = Shell { children: performer.children, tokens: Some(performer.tokens), name: "--combine-cmd" };
    shell.run(text.as_deref().unwrap_or(cmd), Some(&list), out.as_ref())?;
    if place.exists() { Ok(place) } else { Err(MapError::Part(format!("--combine-cmd '{}' did not write {{out}}", cmd.to_string_lossy()))) }
}

/// A command with this path in place of each `{out}`; none if it has no such place. It is quoted if it must be: who has written
/// quotes around the place means the path all the same.
fn filled(cmd: &OsStr, path: &Path) -> Option<OsString> {
    const PLACE: &[u8] = b"{out}";
    let bytes = path.as_os_str().as_bytes();
    let is_bare = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@%".contains(byte));
    let mut quoted = Vec::new();
    if is_bare {
        quoted.extend_from_slice(bytes);
    } else {
        quoted.push(b'\'');
        for byte in bytes {
            if *byte == b'\'' { quoted.extend(b"'\\''") } else { quoted.push(*byte) }
        }
        quoted.push(b'\'');
    }
    let (mut rest, mut text) = (cmd.as_bytes(), Vec::new());
    while let Some(at) = memchr::memmem::find(rest, PLACE) {
        text.extend_from_slice(&rest[..at]);
        text.extend_from_slice(&quoted);
        rest = &rest[at + PLACE.len()..];
    }
    let has_place = rest.len() < cmd.len();
    text.extend_from_slice(rest);
    has_place.then(|| OsString::from_vec(text))
}

fn failed(attempt: &'static str, path: &Path) -> impl Fn(std::io::Error) -> MapError + use<> {
    let path = path.to_path_buf();
    move |source| MapError::File { attempt, path: path.clone(), source }
}

/// What the result is: by its name, where that tells; else as the input.
pub fn format(request: &Request, found: &Found) -> Format {
    let of_input = source::format_of(request, found);
    let of_out = request.out.as_deref().filter(|out| !source::suffix(out).is_empty()).map(Format::of);
    match (of_out, of_input, request.delimiter) {
        (Some(Format::Table { .. }), input @ Format::Table { .. }, Some(_)) => input,
        (Some(out), ..) => out,
        (None, input, _) => input,
    }
}

/// The end of the names of parts.
pub fn suffix(request: &Request, found: &Found) -> OsString {
    match (&request.out, &request.combine, found) {
        (Some(out), Combine::Concat | Combine::Numbers(_) | Combine::MergeJson | Combine::Cmd(_), _) => source::suffix(out),
        (_, _, Found::Rows(paths)) => paths.first().map(|path| source::suffix(path)).unwrap_or_default(),
        (_, _, Found::Items(..)) => OsString::new(),
    }
}
