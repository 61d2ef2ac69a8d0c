//! The tries of a run as CSV, a row each, for spreadsheets and data frames.
//!
//! Times are nanoseconds since the run began. `wait_ns`, `run_ns` and `save_ns` add up to the time from
//! `ready_ns` to `end_ns`; `run_ns` holds the look into the cache too. What did not happen is empty.

use super::dossier::Dossier;
use super::facts::Shown;
use super::history::{Entry, Try};
use super::shown;
use super::view::ns;

/// The columns.
pub const HEAD: &str = "run,stage,queue,slot,attempt,status,returncode,ready_ns,start_ns,end_ns,wait_ns,run_ns,save_ns,user_ns,sys_ns,\
peak_rss_bytes";

/// The table.
pub fn render(dossier: &Dossier) -> String {
    let mut text = format!("{HEAD}\n");
    for (entry, shown) in dossier.history.stages.iter().zip(&dossier.facts.shown) {
        for attempt in &entry.tries {
            text.push_str(&row(dossier, entry, *shown, attempt));
            text.push('\n');
        }
    }
    text
}

fn row(dossier: &Dossier, entry: &Entry, shown: Shown, attempt: &Try) -> String {
    let phases = attempt.phases(dossier.facts.wall);
    let outcome = attempt.end.as_ref().map(|(_, outcome)| outcome);
    let told = attempt.attempt();
    let usage = told.and_then(|told| told.usage);
    let optional = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let cells = [
        cell(&dossier.history.about.run),
        cell(&entry.planned.address),
        cell(&entry.planned.queue),
        attempt.slots.numbers()[0].to_string(),
        attempt.number.to_string(),
        outcome.map_or(shown, |outcome| Shown::Over(outcome.status)).key().to_owned(),
        told.and_then(|told| told.returncode).map(|code| code.to_string()).unwrap_or_default(),
        ns(attempt.ready).to_string(),
        ns(attempt.start).to_string(),
        optional(attempt.end.as_ref().map(|(end, _)| ns(*end))),
        ns(phases.wait).to_string(),
        ns(phases.before + phases.run).to_string(),
        ns(phases.save).to_string(),
        optional(usage.map(|usage| ns(usage.user))),
        optional(usage.map(|usage| ns(usage.system))),
        optional(usage.map(|usage| usage.peak_rss)),
    ];
    cells.join(",")
}

/// A text as a cell. One that a spreadsheet would take for a formula gets an apostrophe before it.
fn cell(text: &str) -> String {
    let text = shown::line(text);
    let text = if text.starts_with(['=', '+', '-', '@', '|', '%']) { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n', '\r', ' ', ';']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::badly;

    #[test]
    fn each_try_is_a_row() {
        let want = "20261120-094052-3f2a,prepare,default,0,1,ran,0,10000000,12000000,512000000,2000000,499000000,1000000,250000000,1000000,41943040\n\
                    20261120-094052-3f2a,train,default,0,1,failed,1,515000000,520000000,1520000000,5000000,999000000,1000000,500000000,1000000,41943040\n";
        assert_eq!(render(&badly().dossier()), format!("{HEAD}\n{want}"));
    }

    #[test]
    fn a_cell_is_no_formula_and_ends_where_it_ends() {
        assert_eq!(cell("train@0"), "train@0");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("a,\"b\"\n"), "\"a,\"\"b\"\"\\n\"");
    }
}
