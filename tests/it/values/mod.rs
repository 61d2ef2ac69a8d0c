//! Parameters and metrics of two moments: do ours differ as `dvc params diff` and `dvc metrics diff`
//! say? Real DVC is asked for the same two revisions of the same repository, for JSON and for the
//! table; all that may differ is the order.
//!
//! Each case is a repository with two states. They are compared as HEAD and work tree, then as two
//! commits. The public pipelines of ../shared/corpus are compared with copies of themselves in which
//! numbers were changed.

mod base;
mod cases;
mod corpus;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use dvc_paraffin::model::values::Values;
use dvc_paraffin::ops::values;
use dvc_paraffin::report::difference::{Manner, differences};
use dvc_paraffin::report::dossier::Row;
use dvc_paraffin::store::workspace::{Env, Workspace};
use serde_json::Value as Json;

use crate::differential::preloaded::Dvc;
use crate::support::project::Project;
use crate::support::scratch::Scratch;

/// A repository as the library opens it.
fn workspace(root: &Path) -> Arc<Workspace> {
    Arc::new(Workspace::open(root, &Env::default()).unwrap())
}

/// The values of a revision, or of the work tree.
fn values_of(workspace: &Arc<Workspace>, rev: &str) -> Values {
    if rev == "workspace" { values::of_work_tree(workspace) } else { values::at(workspace, rev).unwrap() }
}

/// What was found of the difference between two revisions.
#[derive(Default)]
struct Compared {
    /// How many values differ.
    rows: usize,
    /// What DVC says otherwise.
    wrong: Vec<String>,
}

/// Asks DVC and the library for the difference between two revisions.
fn compare(dvc: &Dvc, scratch: &Scratch, root: &Path, revs: [&str; 2], with_table: bool) -> Compared {
    let workspace = workspace(root);
    let [old, new] = revs.map(|rev| values_of(&workspace, rev));
    let mut found = Compared::default();
    for (word, manner) in [("params", Manner::Params), ("metrics", Manner::Metrics)] {
        let table = |values: &Values| if manner == Manner::Params { values.params.clone() } else { values.metrics.clone() };
        let ours = differences(&table(&old), &table(&new), manner);
        found.rows += ours.rows.len();
        let ask = |form: &str| {
            let ran = dvc.run(scratch, root, &[word, "diff", form, revs[0], revs[1]]);
            ran.ok();
            ran.out()
        };
        let (theirs, told) = (read(&ask("--json")), &ours.json);
        if !same(&theirs, told) {
            found.wrong.push(format!("{word} {revs:?}\nDVC  {theirs}\nours {told}"));
        }
        if !with_table {
            continue;
        }
        let (theirs, told) = (table_of(&ask("--md")), rows(&ours.rows, manner));
        if theirs != told {
            found.wrong.push(format!("table of {word} {revs:?}\nDVC  {theirs:?}\nours {told:?}"));
        }
    }
    found
}

/// DVC's JSON, in which numbers that JSON does not know stand bare.
fn read(text: &str) -> Json {
    let bare = regex::Regex::new(r": (NaN|-?Infinity)\b").unwrap();
    serde_json::from_str(&bare.replace_all(text, ": \"$1\"")).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Equality without the order of keys, and without the form of a float.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(key, value)| other.get(key).is_some_and(|there| same(value, there)))
        }
        (Json::Array(one), Json::Array(other)) => one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other)),
        (Json::Number(one), Json::Number(other)) => {
            let is_float = |text: &str| text.contains(['.', 'e', 'E']);
            let (one, other) = (one.to_string(), other.to_string());
            if is_float(&one) && is_float(&other) { one.parse::<f64>().unwrap() == other.parse::<f64>().unwrap() } else { one == other }
        }
        _ => one == other,
    }
}

/// The rows of a table in Markdown, cell by cell.
fn table_of(text: &str) -> BTreeSet<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    text.lines().skip(2).filter(|line| line.starts_with('|')).map(cells).collect()
}

fn rows(rows: &[Row], manner: Manner) -> BTreeSet<Vec<String>> {
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".to_owned());
    let row = |row: &Row| {
        let mut cells = vec![row.path.clone(), row.name.clone(), cell(&row.old), cell(&row.new)];
        if manner == Manner::Metrics {
            cells.push(cell(&row.change));
        }
        cells
    };
    rows.iter().map(row).collect()
}

/// Commits all that stands in the work tree.
fn commit(project: &Project) {
    project.sh("git add -A && git commit -q --allow-empty -m state");
}
