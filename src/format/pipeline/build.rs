//! Turns the resolved keys of a stage into a [`Stage`].
//!
//! Knows what `deps`, `params`, `outs` and their flags mean, and how DVC reads paths in them.
//! The schema was checked before, but templates may have put other types into place.

use indexmap::IndexMap;

use super::PipelineError;
use crate::format::template::{join, normpath, python_str};
use crate::model::{Address, Cmd, Dep, Key, Map, Out, OutKind, ParamsDep, RepoPath, Stage, Value};

/// The file that parameters come from where none is named.
const DEFAULT_PARAMS: &str = "params.yaml";

/// Schemes that DVC reads through a download or a plug-in.
const FOREIGN: [&str; 15] =
    ["azure", "ds", "gdrive", "gs", "hdfs", "http", "https", "memory", "oss", "remote", "s3", "ssh", "webdav", "webdavs", "webhdfs"];

/// The scheme of a path that DVC does not find in the local file system (`s3` of `s3://b/x`,
/// `ds` of a dataset, `remote` of a remote's path); none for local paths.
pub fn foreign_scheme(text: &str) -> Option<&'static str> {
    let (scheme, _) = split_url(text)?;
    FOREIGN.into_iter().find(|known| scheme.eq_ignore_ascii_case(known))
}

/// The scheme of a URL and what follows the colon; none where there is no scheme
/// (Python: `urllib.parse.urlparse`).
fn split_url(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(letters)).then_some((scheme, rest))
}

/// A URL must be of a scheme that DVC has settings for; `memory` and `ds` are none of these.
fn refuse_unknown_url(text: &str) -> Result<(), PipelineError> {
    let Some((scheme, rest)) = split_url(text) else { return Ok(()) };
    let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    let known = FOREIGN.contains(&scheme.as_str()) && !matches!(scheme.as_str(), "ds" | "memory");
    if host.is_empty() || known { Ok(()) } else { Err(PipelineError::UrlType { scheme }) }
}

/// A path in a stage must be text.
fn path_text(value: &Value) -> Result<&str, PipelineError> {
    match value {
        Value::Str(text) => Ok(text),
        Value::Null => Err(PipelineError::Unexpected("expected str, bytes or os.PathLike object, not NoneType".to_owned())),
        other => Err(PipelineError::Unexpected(format!("'{}' object has no attribute 'decode'", other.python_type()))),
    }
}

/// Where a stage stands.
pub(super) struct Site<'a> {
    /// The root's absolute path.
    pub root: &'a str,
    /// Its dvc.yaml.
    pub file: &'a RepoPath,
    /// The line of its entry.
    pub line: Option<usize>,
}

/// Makes the stage.
pub(super) fn stage(site: &Site<'_>, name: &str, data: &Map) -> Result<Stage, PipelineError> {
    let get = |key: &str| data.get(key);
    let dir = site.file.parent().unwrap_or_default();
    let wdir = match get("wdir") {
        None | Some(Value::Null) => dir,
        Some(Value::Str(text)) => RepoPath::locate(site.root, &dir, text),
        Some(other) => {
            let kind = other.python_type();
            return Err(PipelineError::Unexpected(format!("join() argument must be str, bytes, or os.PathLike object, not '{kind}'")));
        }
    };
    let paths = Paths { root: site.root, wdir: &wdir };
    let deps: Result<Vec<Dep>, _> = items(get("deps")).iter().map(|item| paths.dep(item)).collect();
    let (deps, params) = (deps?, paths.params(items(get("params")))?);
    let mut outs = Vec::new();
    for (key, kind) in [("outs", OutKind::Plain), ("metrics", OutKind::Metric), ("plots", OutKind::Plot)] {
        paths.outs(items(get(key)), kind, &mut outs)?;
    }
    let flag = |key: &str| get(key).and_then(Value::as_bool).unwrap_or(false);
    Ok(Stage {
        address: Address { file: site.file.clone(), name: Some(name.to_owned()) },
        cmd: cmd(get("cmd"))?,
        deps,
        params,
        outs,
        frozen: flag("frozen"),
        always_changed: flag("always_changed"),
        desc: get("desc").filter(|desc| !desc.is_null()).map(python_str),
        meta: get("meta").cloned().unwrap_or(Value::Null),
        line: site.line,
        md5: None,
        altered: false,
        wdir,
    })
}

/// The command. Where a template put a number or a map there, DVC fails when it comes to run
/// the stage; this fails at once.
fn cmd(value: Option<&Value>) -> Result<Option<Cmd>, PipelineError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Str(text)) => Ok(Some(Cmd::One(text.as_ref().to_owned()))),
        Some(Value::Seq(items)) => Ok(Some(Cmd::Many(items.iter().map(python_str).collect()))),
        Some(other) => Err(PipelineError::Unexpected(format!("'{}' object has no attribute 'splitlines'", other.python_type()))),
    }
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_seq).unwrap_or_default()
}

/// How the paths of one stage are read.
pub(crate) struct Paths<'a> {
    /// The root's absolute path.
    pub root: &'a str,
    /// The stage's working directory.
    pub wdir: &'a RepoPath,
}

impl Paths<'_> {
    fn dep(&self, item: &Value) -> Result<Dep, PipelineError> {
        if !is_true(item) {
            // DVC asserts that there is a path, and says nothing more.
            return Err(PipelineError::Unexpected(String::new()));
        }
        let text = path_text(item)?;
        if foreign_scheme(text) != Some("ds") {
            refuse_unknown_url(text)?;
            refuse_stage_file(text, "dependency")?;
        }
        let (def_path, path) = self.locate(text);
        Ok(Dep { def_path, path, foreign: foreign_scheme(text).map(str::to_owned), repo: None, recorded: None })
    }

    /// The text that goes into dvc.lock, and the place. An absolute path inside of the
    /// repository becomes relative to the working directory.
    pub fn locate(&self, text: &str) -> (String, RepoPath) {
        if foreign_scheme(text).is_some() {
            // A place that no local path overlaps with.
            return (text.to_owned(), RepoPath::new(&format!("/{text}")));
        }
        let path = RepoPath::locate(self.root, self.wdir, text.strip_prefix("file://").unwrap_or(text));
        let inside = text.starts_with('/') && !path.is_external() && !path.is_root();
        if inside && !self.wdir.is_external() {
            return (path.seen_from(self.wdir), path);
        }
        (text.to_owned(), path)
    }

    /// Parameters by file, in the order of first appearance (dvc: `_merge_params`).
    fn params(&self, items: &[Value]) -> Result<Vec<ParamsDep>, PipelineError> {
        let by_file = merge_params(items)?;
        by_file
            .into_iter()
            .map(|(file, keys)| {
                // An empty name is the default file of the root.
                let text = if file.is_empty() { join(self.root, DEFAULT_PARAMS) } else { file };
                refuse_unknown_url(&text)?;
                refuse_stage_file(&text, "dependency")?;
                let (def_path, path) = self.locate(&text);
                Ok(ParamsDep { def_path, path, keys })
            })
            .collect()
    }

    fn outs(&self, items: &[Value], kind: OutKind, outs: &mut Vec<Out>) -> Result<(), PipelineError> {
        for (text, flags) in merge_outs(items)? {
            refuse_unknown_url(&text)?;
            refuse_stage_file(&text, "output")?;
            let (def_path, path) = self.locate(&text);
            let flag = |key: &str, default| flags.get(key).map_or(default, is_true);
            let remote = flags.get("remote").filter(|remote| !remote.is_null()).map(python_str);
            let (cache, persist, push) = (flag("cache", true), flag("persist", false), flag("push", true));
            let annot = flags.into_iter().filter(|(key, _)| !is_flag(key)).collect();
            outs.push(Out { def_path, path, kind, cache, persist, push, remote, annot, recorded: None, listed: None });
        }
        Ok(())
    }
}

/// Whether a key of an output says how it is kept, rather than what it is.
fn is_flag(key: &Key) -> bool {
    matches!(key.as_str(), Some("cache" | "persist" | "push" | "remote" | "checkpoint"))
}

/// Python's truth of a value.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => false,
        Value::Float(number) => *number != 0.0,
        Value::Str(text) => !text.is_empty(),
        _ => true,
    }
}

/// Paths with their flags; the same path again adds flags (dvc: `_merge_data`).
fn merge_outs(items: &[Value]) -> Result<IndexMap<String, Map>, PipelineError> {
    let mut merged: IndexMap<String, Map> = IndexMap::new();
    for item in items {
        match item {
            Value::Str(path) => {
                merged.entry(path.as_ref().to_owned()).or_default();
            }
            Value::Map(map) => {
                for (path, flags) in map.iter() {
                    let path = path_text(&path.0)?.to_owned();
                    let Value::Map(flags) = flags else {
                        let kind = flags.python_type();
                        return Err(PipelineError::Unexpected(format!("Expected dict for '{path}', got: '{kind}'")));
                    };
                    merged.entry(path).or_default().extend(flags.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
            }
            other => return Err(PipelineError::Unexpected(format!("'{}' not supported.", other.python_type()))),
        }
    }
    Ok(merged)
}

/// Files with their keys; a file that is named without keys anywhere counts as a whole.
fn merge_params(items: &[Value]) -> Result<IndexMap<String, Vec<String>>, PipelineError> {
    let maps = || items.iter().filter_map(Value::as_map).flatten();
    let whole: Vec<String> = maps().filter(|(_, keys)| is_empty(keys)).map(|(file, _)| python_str(&file.0)).collect();
    let mut merged: IndexMap<String, Vec<String>> = IndexMap::new();
    for item in items {
        match item {
            Value::Str(_) if whole.iter().any(|file| file == DEFAULT_PARAMS) => {}
            Value::Str(key) => merged.entry(DEFAULT_PARAMS.to_owned()).or_default().push(key.as_ref().to_owned()),
            Value::Map(map) => {
                for (file, keys) in map.iter() {
                    let file = path_text(&file.0)?.to_owned();
                    let entry = if whole.contains(&file) {
                        merged.insert(file, Vec::new());
                        continue;
                    } else {
                        merged.entry(file.clone()).or_default()
                    };
                    let Value::Seq(keys) = keys else {
                        let kind = keys.python_type();
                        return Err(PipelineError::Unexpected(format!(
                            "Expected list of params for custom params file '{file}', got '{kind}'."
                        )));
                    };
                    entry.extend(keys.iter().map(python_str));
                }
            }
            other => {
                let kind = other.python_type();
                return Err(PipelineError::Unexpected(format!("Only list of str/dict is supported. Got: '{kind}'.")));
            }
        }
    }
    Ok(merged)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Seq(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        other => !is_true(other),
    }
}

/// A dvc.yaml or `.dvc` file cannot be part of a stage.
pub(crate) fn refuse_stage_file(text: &str, what: &'static str) -> Result<(), PipelineError> {
    let name = text.rsplit('/').next().unwrap_or_default();
    if text.ends_with(".dvc") || name == "dvc.yaml" {
        return Err(PipelineError::StageFile { path: text.to_owned(), what });
    }
    Ok(())
}

/// A path as DVC shows it in the sentences about files with a schema: `./dvc.yaml`.
pub(crate) fn shown_path(path: &RepoPath, cwd: &RepoPath) -> String {
    let shown = normpath(&path.seen_from(cwd));
    if shown.starts_with("..") || shown.starts_with('/') { shown } else { format!("./{shown}") }
}
