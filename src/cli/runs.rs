//! `runs`: the runs on record as a table, or as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::model::Fault;
use crate::ops::runs::{self, Found};
use crate::report::answer;
use crate::report::facts::Facts;
use crate::report::shown;
use crate::report::tally::duration;
use crate::report::view::{headline_of, ns, time_of_day};

use super::args::Runs;
use super::report::{warn, warn_of_damage};
use super::repro::masks;
use super::{print, print_answer, workspace};

/// Runs the command.
///
/// # Errors
/// There is no repository. A journal that cannot be read is a warning.
pub fn run(args: &Runs) -> Result<(), Fault> {
    let workspace = workspace()?;
    let masks = masks(&workspace)?;
    let mut folders = runs::all(&workspace.tmp_dir());
    folders.truncate(args.number.unwrap_or(usize::MAX));
    let mut found = Vec::new();
    for folder in &folders {
        match folder.read(&masks) {
            Ok(read) => {
                warn_of_damage(&read);
                found.push(read);
            }
            Err(fault) => warn(&fault),
        }
    }
    if args.json {
        let runs: Vec<Value> = found.iter().map(object).collect();
        return print_answer(&format!("{}\n", json!({"version": 1, "runs": runs, "error": null})));
    }
    if folders.is_empty() && args.number != Some(0) {
        print("No run is on record here: `dvc-paraffin repro` makes one.\n", true);
        return Ok(());
    }
    print_answer(&table(&found))
}

fn table(found: &[Found]) -> String {
    let rows: Vec<[String; 5]> = found.iter().map(row).collect();
    let head = ["RUN", "BEGAN", "VERDICT", "WALL", "WHAT"].map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for row in [&head].into_iter().chain(&rows) {
        let [run, began, verdict, wall, what] = row;
        let [a, b, c, d] = widths;
        let _ = writeln!(text, "{run:a$}  {began:b$}  {verdict:c$}  {wall:>d$}  {what}");
    }
    text
}

fn row(found: &Found) -> [String; 5] {
    let facts = Facts::of(&found.history, found.alive);
    let began = found.history.began.and_then(time_of_day).unwrap_or_default();
    let args = shown::line(&found.history.about.args.join(" "));
    let what = format!("{args}: {}", headline_of(&found.history, &facts));
    [found.folder.name.clone(), began, facts.words().to_lowercase(), duration(facts.wall), what]
}

fn object(found: &Found) -> Value {
    let facts = Facts::of(&found.history, found.alive);
    json!({
        "run": found.folder.name,
        "began": found.history.began.and_then(time_of_day),
        "args": found.history.about.args,
        "verdict": facts.verdict.key(),
        "counts": answer::counts(&facts),
        "wall_ns": ns(facts.wall),
        "stage_ns": ns(facts.stage_time),
    })
}
