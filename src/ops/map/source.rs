//! What is divided: found, listed, and made ready to be cut.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::format::rows::{Format, Packing};
use crate::model::Fault;
use crate::plan::portion::{self, Cost, Sizer};
use crate::run::child::Children;
use crate::run::map::cut::{ItemCutter, RowCutter, Size, Sizes};
use crate::run::map::grouped::GroupCutter;
use crate::run::map::join::names_of;
use crate::run::map::perform::Performer;
#[cfg(feature = "parquet")]
use crate::run::map::row_groups::RowGroupCutter;
use crate::run::map::shell::Shell;
use crate::run::map::{Cutter, MapError};
use crate::store::items::{self, Item};
use crate::store::os;
#[cfg(feature = "parquet")]
use crate::store::rows::parquet::RowGroups;
use crate::store::rows::{Groups, Input, Rows, RowsError, Stop};

use super::{Request, Sizing, Source, fault, usage};

/// An input that was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// Files with rows, side by side.
    Rows(Vec<PathBuf>),
    /// Lists of items, side by side, and how the first list's are called in a result of files.
    Items(Vec<Vec<OsString>>, Vec<Option<PathBuf>>),
}

/// Looks what is asked for.
///
/// # Errors
/// It is not there, or cannot be listed; or inputs do not go together.
pub fn find(source: &Source, children: &Children) -> Result<Found, Fault> {
    match source {
        Source::Items(items) => Ok(Found::items(items.clone())),
        Source::ItemsFile(path, end) => {
            let items = items::of_file(path, *end, Some(until(children)));
            without_zeros(items.map_err(|error| fault(error.into()))?, &path.display().to_string())
        }
        Source::SplitCmd(cmd) => without_zeros(printed(cmd, children).map_err(fault)?, "--split-cmd"),
        Source::Inputs(inputs) => {
            if inputs.iter().filter(|path| *path == Path::new("-")).count() > 1 {
                return Err(usage("standard input can be read once: --in - stands there more than once"));
            }
            let listed = inputs.iter().map(|path| listed(path)).collect::<Result<Vec<_>, Fault>>()?;
            if listed.iter().all(Option::is_none) {
                return Ok(Found::Rows(inputs.clone()));
            }
            let lists: Option<Vec<Vec<Item>>> = listed.into_iter().collect();
            let lists = lists.ok_or_else(|| usage("files and directories cannot be divided side by side"))?;
            if let Some(at) = lists.iter().position(|list| list.len() != lists[0].len()) {
                let (short, long) = if lists[at].len() < lists[0].len() { (at, 0) } else { (0, at) };
                return Err(fault(MapError::Lengths { short: inputs[short].clone(), long: inputs[long].clone() }));
            }
            let names = lists[0].iter().map(|item| Some(item.name.clone())).collect();
            let paths = lists.into_iter().map(|list| list.into_iter().map(|item| item.path.into_os_string()).collect()).collect();
            Ok(Found::Items(paths, names))
        }
    }
}

impl Found {
    fn items(items: Vec<OsString>) -> Self {
        let names = vec![None; items.len()];
        Self::Items(vec![items], names)
    }

    /// The files with rows, each as it is now; none for a pipe.
    pub fn states(&self) -> Vec<(&Path, Option<os::Stamp>)> {
        let files = match self {
            Self::Rows(paths) => paths.as_slice(),
            Self::Items(..) => &[],
        };
        files.iter().map(|path| (path.as_path(), os::Stamp::at(path).filter(|_| path.is_file()))).collect()
    }

    /// How many partitions there can be.
    pub fn most(&self) -> usize {
        match self {
            Self::Rows(_) => usize::MAX,
            Self::Items(lists, _) => lists.first().map_or(0, Vec::len).max(1),
        }
    }

    /// How many inputs there are side by side.
    pub fn count(&self) -> usize {
        match self {
            Self::Rows(paths) => paths.len(),
            Self::Items(lists, _) => lists.len(),
        }
    }
}

/// The files that an input stands for; none if it is one itself.
fn listed(path: &Path) -> Result<Option<Vec<Item>>, Fault> {
    let failed = |error: RowsError| fault(error.into());
    if path.is_dir() {
        return items::below(path).map_err(failed).and_then(of_files);
    }
    if path == Path::new("-") || path.exists() || !items::is_pattern(path) {
        return Ok(None);
    }
    let found = items::matching(path).map_err(failed)?.map_err(|why| usage(format!("'{}': {why}", path.display())))?;
    if found.is_empty() { Err(fault(MapError::Part(format!("no file matches '{}'", path.display())))) } else { of_files(found) }
}

/// Items that can be read to their end: who reads from a pipe may wait for ever.
fn of_files(found: Vec<Item>) -> Result<Option<Vec<Item>>, Fault> {
    for Item { path, .. } in &found {
        let meta = std::fs::metadata(path).map_err(|source| fault(MapError::File { attempt: "read", path: path.clone(), source }))?;
        if !meta.is_file() {
            return Err(fault(MapError::Part(format!("'{}' is neither a file nor a directory", path.display()))));
        }
    }
    Ok(Some(found))
}

/// Items that can be words of a command.
fn without_zeros(items: Vec<OsString>, of: &str) -> Result<Found, Fault> {
    match items.iter().position(|item| item.as_encoded_bytes().contains(&0)) {
        None => Ok(Found::items(items)),
        Some(at) => {
            let text = format!("item {} of '{of}' has a zero byte, which no word of a command can have", at + 1);
            Err(fault(MapError::Part(text)).with("hint", "-0 reads an --items-file whose items end with zero bytes."))
        }
    }
}

fn printed(cmd: &OsStr, children: &Children) -> Result<Vec<OsString>, MapError> {
    let failed = |source| MapError::Start { program: "sh".to_owned(), source };
    let mut out = tempfile::tempfile().map_err(failed)?;
    let shell = Shell { children, tokens: None, name: "--split-cmd" };
    shell.run(cmd, None, Some(&out))?;
    let mut text = Vec::new();
    out.rewind().and_then(|()| out.read_to_end(&mut text)).map_err(failed)?;
    Ok(items::of_text(&text, b'\n'))
}

/// Says whether the map was told to stop.
fn until(children: &Children) -> Stop {
    let children = children.clone();
    Arc::new(move || children.stopping())
}

/// What cuts, and the rows of the first input where they are kept by groups.
pub struct Cut {
    /// Makes partitions.
    pub cutter: Box<dyn Cutter>,
    /// For who puts rows back into their order.
    pub groups: Option<Arc<Mutex<Groups>>>,
    /// How the columns of the first input are called; empty where it has none, or their names are not known.
    pub names: Vec<Vec<u8>>,
}

/// Makes an input ready.
///
/// # Errors
/// It cannot be read or divided.
pub fn open(
    request: &Request,
    found: &Found,
    performer: &Performer<'_>,
    before: BTreeMap<u64, u64>,
    learnt: Option<Cost>,
) -> Result<Cut, MapError> {
    let (dir, stop) = (performer.dir, until(performer.children));
    let paths = match found {
        Found::Items(lists, names) => {
            let all = lists.first().map_or(0, Vec::len);
            let size = match request.sizing {
                Sizing::Chosen(_) => Size::Fixed(1),
                other => sized(request, other, None, || Ok(all as u64))?,
            };
            return Ok(Cut {
                cutter: Box::new(ItemCutter::new(lists.clone(), names.iter().any(Option::is_some), Sizes::new(size, before))),
                groups: None,
                names: Vec::new(),
            });
        }
        Found::Rows(paths) if is_parquet(request, found) => return row_groups(request, &paths[0], dir, before, learnt),
        Found::Rows(paths) => paths,
    };
    let spooled;
    let paths = match request.sizing {
        // What is no file can be read once only.
        Sizing::Chunks(_) if request.by_group.is_none() && !paths[0].is_file() => {
            spooled = spool(paths, dir, &stop)?;
            &spooled
        }
        _ => paths,
    };
    let suffixes: Vec<OsString> = paths.iter().map(|path| suffix(path)).collect();
    let inputs = paths.iter().map(|path| rows(request, path, &stop)).collect::<Result<Vec<_>, _>>()?;
    let names = match (inputs.first(), format(request, &paths[0])) {
        (Some(first), Format::Table { delimiter }) if request.header => names_of(first.header(), delimiter),
        _ => Vec::new(),
    };
    let Some(columns) = &request.by_group else {
        let count = || {
            let mut counted = rows(request, &paths[0], &stop)?;
            let mut count = 0;
            while counted.has_more()? {
                counted.pop();
                count += 1;
            }
            Ok(count)
        };
        let size = sized(request, request.sizing, learnt, count)?;
        let cutter = Box::new(RowCutter::new(inputs, Sizes::new(size, before), dir.to_path_buf(), suffixes));
        return Ok(Cut { cutter, groups: None, names });
    };
    let mut grouped = Vec::new();
    for (input, path) in inputs.into_iter().zip(paths) {
        grouped.push(Groups::read(input, format(request, path), columns, dir)?);
    }
    let others = grouped.split_off(1);
    let Some(first) = grouped.pop() else { return Err(MapError::Part("there is no input".to_owned())) };
    let size = sized(request, request.sizing, learnt, || Ok(first.len()))?;
    let first = Arc::new(Mutex::new(first));
    let cutter = GroupCutter::new(Arc::clone(&first), others, Sizes::new(size, before), dir.to_path_buf(), suffixes)?;
    Ok(Cut { cutter: Box::new(cutter), groups: Some(first), names })
}

/// Whether what is divided are row groups.
pub fn is_parquet(request: &Request, found: &Found) -> bool {
    let named = |path: &PathBuf| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet"));
    request.format.is_none() && matches!(found, Found::Rows(paths) if paths.iter().any(named))
}

/// What cuts row groups.
#[cfg(feature = "parquet")]
fn row_groups(request: &Request, path: &Path, dir: &Path, before: BTreeMap<u64, u64>, learnt: Option<Cost>) -> Result<Cut, MapError> {
    let input = RowGroups::open(path)?;
    let size = sized(request, request.sizing, learnt, || Ok(input.left()))?;
    let cutter = RowGroupCutter::new(input, Sizes::new(size, before), dir.to_path_buf(), suffix(path));
    Ok(Cut { cutter: Box::new(cutter), groups: None, names: Vec::new() })
}

#[cfg(not(feature = "parquet"))]
fn row_groups(_: &Request, path: &Path, _: &Path, _: BTreeMap<u64, u64>, _: Option<Cost>) -> Result<Cut, MapError> {
    Err(MapError::Part(without_parquet(path)))
}

/// Why a Parquet file is none to a program that does not know them.
pub fn without_parquet(path: &Path) -> String {
    format!("'{}': this program was built without Parquet (cargo's feature 'parquet')", path.display())
}

/// The first input, standard input or a pipe, in a file, because it is read twice: first to count its rows.
fn spool(paths: &[PathBuf], dir: &Path, stop: &Stop) -> Result<Vec<PathBuf>, MapError> {
    let mut name = OsString::from("spooled");
    name.push(suffix(&paths[0]));
    let place = dir.join(name);
    let failed = |source| MapError::File { attempt: "write", path: place.clone(), source };
    let mut file = File::create(&place).map_err(failed)?;
    let (mut input, mut block) = (Input::open(&paths[0], false, Some(Arc::clone(stop)))?, Vec::new());
    while input.fill(&mut block)? > 0 {
        file.write_all(&block).map_err(failed)?;
        block.clear();
    }
    Ok(std::iter::once(place).chain(paths[1..].iter().cloned()).collect())
}

fn sized(request: &Request, sizing: Sizing, learnt: Option<Cost>, count: impl FnOnce() -> Result<u64, MapError>) -> Result<Size, MapError> {
    Ok(match sizing {
        Sizing::Chosen(initial) => Size::Chosen(Sizer::new(request.jobs, initial, learnt)),
        Sizing::Fixed(size) => Size::Fixed(size),
        Sizing::Chunks(chunks) => Size::Listed(portion::chunks(count()?, chunks).collect()),
    })
}

fn rows(request: &Request, path: &Path, stop: &Stop) -> Result<Rows, RowsError> {
    let format = format(request, path);
    // Lines are bytes.
    let is_text = request.text && format != Format::Lines;
    Rows::open(Input::open(path, is_text, Some(Arc::clone(stop)))?, format, request.header)
}

/// What all inputs are; files that are no tables, or not all of one kind, and items are lines.
pub fn format_of(request: &Request, found: &Found) -> Format {
    let alike = |paths: &mut dyn Iterator<Item = &Path>| {
        let mut formats = paths.map(|path| format(request, path));
        let first = formats.next()?;
        formats.all(|format| format == first).then_some(first)
    };
    match found {
        Found::Rows(paths) => paths.first().map(|path| format(request, path)),
        Found::Items(lists, names) if names.iter().any(Option::is_some) => alike(&mut lists.iter().flatten().map(Path::new)),
        Found::Items(..) => request.format,
    }
    .unwrap_or(Format::Lines)
}

/// What an input is.
pub fn format(request: &Request, path: &Path) -> Format {
    let format = request.format.unwrap_or_else(|| Format::of(path));
    match (format, request.delimiter) {
        (Format::Table { .. }, Some(delimiter)) => Format::Table { delimiter },
        (format, _) => format,
    }
}

/// The end of a name with its dot, without that of a packing.
pub fn suffix(path: &Path) -> OsString {
    let bare = Packing::bare(path);
    match bare.extension() {
        Some(end) if path != Path::new("-") => [OsStr::new("."), end].into_iter().collect(),
        _ => OsString::new(),
    }
}
