//! Templates that people give: what is wrong with one is told in its own terms, by line and name, and as
//! far as it can be seen without a run before one begins.

use minijinja::{Environment, Error, ErrorKind, Value};

/// Where the names are listed.
const LIST: &str = "docs/reports.md lists those there are";

/// Looks for names that no report has. `values` are those of any run.
///
/// # Errors
/// Where the first one stands.
pub fn check(engine: &Environment, name: &str, text: &str, values: &Value) -> Result<(), String> {
    let template = engine.get_template(name).map_err(|error| words(&error, text))?;
    let globals: Vec<&str> = engine.globals().map(|(name, _)| name).collect();
    let is_known = |name: &String| globals.contains(&name.as_str()) || values.get_attr(name).is_ok_and(|value| !value.is_undefined());
    let unknown = template.undeclared_variables(false).into_iter().filter(|name| !is_known(name));
    match unknown.map(|name| (place(text, &name), name)).min() {
        Some((at, name)) => Err(no_name(1 + text[..at].matches('\n').count(), &name)),
        None => Ok(()),
    }
}

/// What is wrong with a template.
pub fn words(error: &Error, text: &str) -> String {
    let what =
        error.range().and_then(|range| text.get(path_of(text, range.start)..range.end)).map(str::trim).filter(|what| !what.is_empty());
    match (error.kind(), what, error.line()) {
        (ErrorKind::UndefinedError, Some(what), Some(line)) => no_name(line, what),
        (kind, _, line) => {
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{line}{}", error.detail().map_or_else(|| kind.to_string(), str::to_owned))
        }
    }
}

/// Where the path begins whose end stands here: `[0].name` is but a part of one.
fn path_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.trim_end_matches(|ch: char| ch.is_alphanumeric() || matches!(ch, '_' | '.' | '[' | ']')).len()
}

fn no_name(line: usize, name: &str) -> String {
    format!("line {line}: there is no name '{name}' ({LIST})")
}

/// Where a name first stands in a tag as a word of its own.
fn place(text: &str, name: &str) -> usize {
    let is_part = |ch: char| ch.is_alphanumeric() || ch == '_';
    // What stands behind a point is no name but a part of something.
    let is_whole = |at: &usize| !text[..*at].ends_with(|ch| is_part(ch) || ch == '.') && !text[at + name.len()..].starts_with(is_part);
    let in_tag = |at: &usize| {
        let last = |marks: [&str; 2]| marks.into_iter().map(|mark| text[..*at].rfind(mark)).max();
        last(["{{", "{%"]) > last(["}}", "%}"]) && text[..*at].rfind("{#") <= text[..*at].rfind("#}")
    };
    let mut places = text.match_indices(name).map(|(at, _)| at);
    places.find(|at| is_whole(at) && in_tag(at)).unwrap_or(0)
}
