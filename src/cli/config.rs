//! `config`: is paraffin.yaml as it should be, what may stand in it, and which pattern gave a stage
//! what. It reads the pipeline and changes nothing.

use std::fmt::Write as _;

use crate::format::mask::MASKED;
use crate::format::paraffin::{SCHEMA, units};
use crate::model::Fault;
use crate::model::settings::{EnvValue, Origin, Retries, Terms};
use crate::ops::load::Repository;
use crate::ops::targets::Reading;
use crate::plan::terms::{Assigned, Overrides, Rulebook};
use crate::report::tally::duration;

use super::args::{Config, Global};
use super::repro::settings_file;
use super::{print, print_answer, workspace};

/// Runs the command.
///
/// # Errors
/// paraffin.yaml, the pipeline or a target is not as it should be.
pub fn run(args: &Config, global: &Global) -> Result<(), Fault> {
    if args.schema {
        return print_answer(SCHEMA);
    }
    let workspace = workspace()?;
    let (settings, overrides) = (settings_file(&workspace)?, Overrides::default());
    let book = Rulebook::new(&settings, &overrides)?;
    let mut repository = Repository::new(workspace);
    repository.load_targets(&args.explain, Reading::default())?;
    repository.load_all()?;
    let all = repository.pipeline().iter().map(|(_, stage)| Ok(book.assign(&stage.address)?.terms.queue));
    let queues: Vec<String> = all.collect::<Result<_, Fault>>()?;
    for text in book.remarks(repository.pipeline().iter().map(|(_, stage)| &stage.address)) {
        print(&format!("WARNING: {text}\n"), true);
    }
    if args.explain.is_empty() {
        return if global.quiet > 0 { Ok(()) } else { print_answer(&summary(&book, &queues)) };
    }
    for (number, id) in repository.resolve_targets(&args.explain, Reading::default(), None)?.into_iter().enumerate() {
        let stage = repository.pipeline().get(id);
        let gap = if number > 0 { "\n" } else { "" };
        print_answer(&format!("{gap}{}:\n{}", stage.address.seen_from(repository.cwd()), table(&book.assign(&stage.address)?)))?;
    }
    Ok(())
}

/// How many stages are in which queue.
fn summary(book: &Rulebook<'_>, queues: &[String]) -> String {
    let mut text = String::new();
    for queue in book.queues() {
        let count = queues.iter().filter(|other| *other == queue).count();
        let stages = if count == 1 { "stage" } else { "stages" };
        let slots = book.slots_of(queue).map_or_else(|| "as many slots as jobs".to_owned(), |slots| format!("slots: {slots}"));
        let _ = writeln!(text, "queue {queue}: {count} {stages}, {slots}");
    }
    text
}

/// Each setting with its value and who gave it.
fn table(assigned: &Assigned) -> String {
    let rows: Vec<(String, String, String)> = values(&assigned.terms)
        .into_iter()
        .map(|(setting, value)| {
            let origin = assigned.origins.get(&setting).unwrap_or(&Origin::Default);
            let by = match origin {
                Origin::Default => String::new(),
                Origin::Queue(name) => format!("queues.{name}"),
                Origin::Stages(pattern) => format!("stages.{pattern}"),
                Origin::Pattern(pattern) => format!("queue.{pattern}"),
                Origin::CommandLine => "command line".to_owned(),
            };
            (setting, value, by)
        })
        .collect();
    let width = |column: fn(&(String, String, String)) -> &String| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0);
    let (first, second) = (width(|row| &row.0), width(|row| &row.1));
    rows.iter().map(|(setting, value, by)| format!("  {}\n", format!("{setting:first$}  {value:second$}  {by}").trim_end())).collect()
}

fn values(terms: &Terms) -> Vec<(String, String)> {
    let none = || "none".to_owned();
    let list = |items: Vec<String>| if items.is_empty() { none() } else { items.join(", ") };
    let mut rows = vec![("queue", terms.queue.clone()), ("slots", terms.slots.to_string()), ("priority", terms.priority.to_string())];
    rows.push(("needs", list(terms.needs.iter().map(|(name, amount)| format!("{name}: {}", units::size_text(*amount))).collect())));
    rows.push(("mutex", list(terms.mutex.clone())));
    rows.push(("retries", retries(&terms.retries)));
    rows.push(("timeout", terms.timeout.map_or_else(none, duration)));
    rows.push(("grace", duration(terms.grace)));
    rows.push(("slow_after", terms.slow_after.map_or_else(none, duration)));
    rows.push(("log_max", units::size_text(terms.log_max)));
    rows.push(("early_stop", list(terms.early_stop.iter().map(i32::to_string).collect())));
    rows.push(("jobserver", terms.jobserver.to_string()));
    let mut rows: Vec<(String, String)> = rows.into_iter().map(|(setting, value)| (setting.to_owned(), value)).collect();
    for (name, value) in &terms.env {
        // Only who set it is told, since it may be a secret.
        let text = match value {
            EnvValue::One(_) => MASKED.to_owned(),
            EnvValue::PerSlot(values) => format!("[{}]", vec![MASKED; values.len()].join(", ")),
        };
        rows.push((format!("env.{name}"), text));
    }
    rows
}

fn retries(retries: &Retries) -> String {
    let mut text = retries.max.to_string();
    if !retries.on.is_empty() {
        let causes: Vec<String> = retries.on.iter().map(|cause| units::cause_text(*cause)).collect();
        let _ = write!(text, " on {}", causes.join(", "));
    }
    if !retries.backoff.is_zero() {
        let _ = write!(text, ", {} apart", duration(retries.backoff));
    }
    text
}
