//! `.dvc` files: data that was added or imported, as stages without a command.
//!
//! Reads them ([`load`]), and rewrites what they record of their data, leaving everything else
//! as it stands ([`update`]).

mod rewrite;
mod stamp;
#[cfg(test)]
mod tests;

pub use rewrite::update;

use super::Files;
use super::listed;
use super::pipeline::{Paths, PipelineError, foreign_scheme, parse_checked, refuse_stage_file};
use super::schema;
use super::template::python_str;
use crate::model::{Address, Algo, Dep, Digest, Map, Meta, Out, OutKind, RepoPath, Stage, Value};

/// Reads a `.dvc` file. `root` is the absolute path of the repository, `cwd` the directory
/// that paths in sentences are relative to.
///
/// # Errors
/// Where the file is missing, no YAML, or does not fit the schema.
pub fn load(files: &dyn Files, root: &str, path: &RepoPath, cwd: &RepoPath) -> Result<Stage, PipelineError> {
    match files.read(path) {
        Ok(Some(bytes)) => parse(&bytes, root, path, cwd),
        Ok(None) => Err(PipelineError::Missing { path: path.under(root.as_ref()).to_string_lossy().into_owned() }),
        Err(source) => Err(PipelineError::Io { path: path.seen_from(cwd), source }),
    }
}

/// Understands the bytes of a `.dvc` file.
///
/// # Errors
/// As [`load`], but for the reading.
pub fn parse(bytes: &[u8], root: &str, path: &RepoPath, cwd: &RepoPath) -> Result<Stage, PipelineError> {
    let (document, _) = parse_checked(bytes, path, cwd, schema::check_data_file)?;
    let dir = path.parent().unwrap_or_default();
    let wdir = match document.get("wdir").and_then(Value::as_str) {
        Some(text) if !text.is_empty() => RepoPath::locate(root, &dir, text),
        _ => dir,
    };
    let paths = Paths { root, wdir: &wdir };
    let maps = |key| document.get(key).and_then(Value::as_seq).unwrap_or_default().iter().filter_map(Value::as_map);
    let deps: Result<Vec<Dep>, _> = maps("deps").map(|map| dep(&paths, map)).collect();
    let outs: Result<Vec<Out>, _> = maps("outs").map(|map| out(&paths, map)).collect();
    let deps = deps?;
    let outside = |dep: &Dep| dep.path.is_external() && !matches!(dep.foreign.as_deref(), Some("repo" | "db"));
    let outside = deps.first().is_some_and(outside);
    let flag = |key| document.get(key).and_then(Value::as_bool).unwrap_or(false);
    Ok(Stage {
        address: Address { file: path.clone(), name: None },
        cmd: None,
        deps,
        params: Vec::new(),
        outs: outs?,
        frozen: flag("frozen") || flag("locked"),
        always_changed: flag("always_changed"),
        desc: document.get("desc").and_then(Value::as_str).map(str::to_owned),
        meta: document.get("meta").cloned().unwrap_or(Value::Null),
        line: None,
        altered: document.get("md5").and_then(checksum) != stamp::stamp(&document, outside),
        md5: document.get("md5").and_then(checksum),
        wdir,
    })
}

/// A source of an import.
fn dep(paths: &Paths<'_>, map: &Map) -> Result<Dep, PipelineError> {
    let text = map.get("path").and_then(Value::as_str).unwrap_or_default();
    let repo = map.get("repo").and_then(Value::as_map).filter(|repo| !repo.is_empty());
    let foreign = if map.get("db").is_some() {
        Some("db")
    } else if repo.is_some() {
        Some("repo")
    } else {
        foreign_scheme(text)
    };
    if !matches!(foreign, Some("db" | "ds")) {
        refuse_stage_file(text, "dependency")?;
    }
    let (def_path, path) = match foreign {
        // A place that no local path overlaps with.
        Some(kind) => (text.to_owned(), RepoPath::new(&format!("/{kind}:/{text}"))),
        None => paths.locate(text),
    };
    let place = match foreign {
        Some(scheme) => Place::Foreign(scheme),
        None if path.is_external() => Place::Outside,
        None => Place::Inside,
    };
    // Of another repository or a database the revision or query is kept, not a hash.
    let recorded = if matches!(foreign, Some("repo" | "db")) { None } else { recorded(map, place) };
    Ok(Dep { def_path, path, foreign: foreign.map(str::to_owned), repo: repo.cloned(), recorded })
}

fn out(paths: &Paths<'_>, map: &Map) -> Result<Out, PipelineError> {
    let text = map.get("path").and_then(Value::as_str).unwrap_or_default();
    refuse_stage_file(text, "output")?;
    let (def_path, path) = paths.locate(text);
    let flag = |key, default| map.get(key).and_then(Value::as_bool).unwrap_or(default);
    let algo = if map.get("hash").is_some() { Algo::Md5 } else { Algo::Md5Dos2Unix };
    let annot = map.iter().filter(|(key, _)| matches!(key.as_str(), Some("desc" | "type" | "labels" | "meta")));
    Ok(Out {
        recorded: recorded(map, if path.is_external() { Place::Outside } else { Place::Inside }),
        listed: listed::read(map.get("files"), algo).map(|(listed, ..)| listed),
        def_path,
        path,
        kind: OutKind::Plain,
        cache: flag("cache", true),
        persist: flag("persist", false),
        push: flag("push", true),
        remote: map.get("remote").and_then(Value::as_str).map(str::to_owned),
        annot: annot.map(|(key, value)| (key.clone(), value.clone())).collect(),
    })
}

/// Where the data of an entry lies; this decides which of its keys is the hash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Outside,
    /// At a remote of this scheme.
    Foreign(&'static str),
}

impl Place {
    /// The key that holds a remote's own mark (dvc: `PARAM_CHECKSUM` of the file systems).
    fn mark(self) -> Option<&'static str> {
        match self {
            Self::Foreign("s3" | "gs" | "azure" | "oss" | "webdav" | "webdavs") => Some("etag"),
            Self::Foreign("http" | "https" | "hdfs" | "webhdfs" | "gdrive") => Some("checksum"),
            Self::Inside | Self::Outside | Self::Foreign(_) => None,
        }
    }
}

/// The hash that an entry records (dvc: `_compute_hash_info_from_meta`).
fn recorded(map: &Map, place: Place) -> Option<(Digest, Meta)> {
    let number = |key| match map.get(key) {
        Some(Value::Int(value)) => u64::try_from(*value).ok(),
        _ => None,
    };
    if let Some((_, digest, meta)) = listed::read(map.get("files"), Algo::Md5) {
        return Some((digest, meta));
    }
    let meta = Meta { size: number("size"), nfiles: number("nfiles"), isexec: map.get("isexec").and_then(Value::as_bool).unwrap_or(false) };
    let value = |key: &str| map.get(key).and_then(checksum);
    let (algo, value) = match (place, map.get("hash").and_then(Value::as_str)) {
        (Place::Inside, None) => (Algo::Md5Dos2Unix, value("md5")?),
        (Place::Inside, Some(name)) if name != "md5" => (Algo::Other(name.to_owned()), value(name)?),
        _ => match place.mark().and_then(|key| Some((key, value(key)?))) {
            Some((key, mark)) => (Algo::Other(key.to_owned()), mark),
            // A folder at a remote has no mark, but a hash of its listing.
            None => (Algo::Md5, value("md5").filter(|md5| place.mark().is_none() || md5.ends_with(".dir") || meta.nfiles.is_some())?),
        },
    };
    Some((Digest { algo, value }, meta))
}

/// A checksum; one that YAML takes for a number becomes text again.
fn checksum(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        other => Some(python_str(other)).filter(|text| !text.is_empty()),
    }
}
