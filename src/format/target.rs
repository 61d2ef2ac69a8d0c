//! The text of a target on the command line: `stage`, `path`, `path:stage`, `group@key`.
//!
//! Knows the text alone: whether there is such a file or stage is for others to find out.

use crate::model::{Class, Fault};

/// What a target names (dvc: `utils/__init__.py` `parse_target`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The file; none where the text is empty or names no file: then the stage is looked for
    /// in the dvc.yaml of the current directory.
    pub file: Option<String>,
    /// The stage, group, or pattern; none for all stages of the file.
    pub name: Option<String>,
}

/// A target that names a dvc.lock.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Did you mean: `{suggestion}`?")]
pub struct TargetError {
    /// The same with dvc.yaml.
    pub suggestion: String,
}

impl TargetError {
    /// The failure as DVC classes it.
    pub fn fault(&self) -> Fault {
        Fault::new(Class::DvcException, self.to_string()).with("suggestion", self.suggestion.clone())
    }
}

/// Whether a path is one of a dvc.yaml or `.dvc` file.
pub fn is_stage_file(path: &str) -> bool {
    path.ends_with(".dvc") || file_name(path) == "dvc.yaml"
}

/// Understands a target; with `glob` the name is a pattern and may hold anything but a colon.
///
/// # Errors
/// Where it names a dvc.lock.
pub fn parse(text: &str, glob: bool) -> Result<Target, TargetError> {
    if text.is_empty() {
        return Ok(Target { file: None, name: None });
    }
    let default = || Some("dvc.yaml".to_owned());
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    if glob {
        let (path, pattern) = text.rsplit_once(':').unwrap_or(("", text));
        return Ok(Target { file: filled(path).or_else(default), name: filled(pattern) });
    }
    let (group, key) = text.split_once('@').unwrap_or((text, ""));
    let (path, name) = split_name(group);
    let name = name.filter(|name| !name.is_empty());
    if path.is_empty() {
        return Ok(Target { file: default(), name: name.map(|name| with_key(name, key)) });
    }
    if file_name(path) == "dvc.lock" {
        return Err(TargetError { suggestion: text.replacen(".lock", ".yaml", 1) });
    }
    Ok(match name {
        Some(name) => Target { file: filled(path), name: Some(with_key(name, key)) },
        None if is_stage_file(text) => Target { file: filled(text), name: None },
        None => Target { file: None, name: filled(text) },
    })
}

fn with_key(name: &str, key: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{name}@{key}") }
}

/// `path:name`, where the name holds neither slash, backslash nor colon.
fn split_name(text: &str) -> (&str, Option<&str>) {
    match text.split_once('\n').map_or(text, |(line, _)| line).rsplit_once(':') {
        Some((path, name)) if !name.contains(['/', '\\']) => (path, Some(name)),
        _ => (text, None),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_dvc() {
        for (text, glob, file, name) in [
            ("", false, None, None),
            ("build", false, None, Some("build")),
            ("build@a:b", false, None, Some("build@a:b")),
            (":build", false, Some("dvc.yaml"), Some("build")),
            (":build@x", false, Some("dvc.yaml"), Some("build@x")),
            ("dvc.yaml", false, Some("dvc.yaml"), None),
            ("sub/dvc.yaml:build@1", false, Some("sub/dvc.yaml"), Some("build@1")),
            ("sub/dvc.yaml:", false, None, Some("sub/dvc.yaml:")),
            ("data.dvc", false, Some("data.dvc"), None),
            ("a:b/c", false, None, Some("a:b/c")),
            ("mid.txt", false, None, Some("mid.txt")),
            ("b*", true, Some("dvc.yaml"), Some("b*")),
            ("sub/dvc.yaml:b*", true, Some("sub/dvc.yaml"), Some("b*")),
            ("sub/dvc.yaml:", true, Some("sub/dvc.yaml"), None),
        ] {
            let want = Target { file: file.map(str::to_owned), name: name.map(str::to_owned) };
            assert_eq!(parse(text, glob), Ok(want), "{text}");
        }
        assert_eq!(parse("dvc.lock:a", false).unwrap_err().to_string(), "Did you mean: `dvc.yaml:a`?");
    }
}
