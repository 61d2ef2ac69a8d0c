//! A run as JUnit XML, which CI systems show: a suite for each dvc.yaml, a case for each stage.
//!
//! Unchanged and restored stages have passed. What was left out is skipped; a stage that was cut off
//! by a stop of the run or a kill is an error, one that failed a failure with the end of its log.

use std::fmt::Write;
use std::time::Duration;

use indexmap::IndexMap;

use crate::model::{EndedBy, Status};

use super::dossier::Dossier;
use super::facts::{RunVerdict, Shown};
use super::shown;
use super::view::{View, time_of_day};

/// What a case comes to.
enum Case {
    Passed,
    Skipped(&'static str),
    Failure,
    Error,
}

fn case(dossier: &Dossier, at: usize) -> Case {
    let early = dossier.history.stages[at].outcome.as_ref().is_some_and(|outcome| outcome.ended_by == Some(EndedBy::EarlyStop));
    match dossier.facts.shown[at] {
        Shown::Over(Status::Failed) => Case::Failure,
        Shown::Over(Status::Stopped) if early => Case::Skipped("it ended the run early"),
        Shown::Over(Status::Stopped) => Case::Error,
        Shown::Over(Status::UpstreamFailed) => Case::Skipped("a stage that it depends on failed"),
        Shown::Over(Status::NotStarted) => Case::Skipped("not started"),
        Shown::Over(Status::Planned) => Case::Skipped("it would run"),
        Shown::Running if dossier.facts.verdict == RunVerdict::Damaged => Case::Error,
        Shown::Running => Case::Skipped("it still runs"),
        Shown::Waiting => Case::Skipped("not started yet"),
        Shown::Over(Status::Ran | Status::Restored | Status::Updated | Status::Unchanged | Status::Frozen) => Case::Passed,
    }
}

/// The document.
pub fn render(dossier: &Dossier) -> String {
    let view = View::of(dossier);
    let mut suites: IndexMap<&str, Vec<usize>> = IndexMap::new();
    for (at, entry) in dossier.history.stages.iter().enumerate() {
        suites.entry(&entry.planned.file).or_default().push(at);
    }
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let all: Vec<usize> = (0..dossier.history.stages.len()).collect();
    let lone = i32::from(before_the_first_stage(dossier));
    let (tests, failures, errors, skipped) = counts(dossier, &all);
    let _ = writeln!(
        text,
        "<testsuites name=\"dvc-paraffin\" tests=\"{}\" failures=\"{failures}\" errors=\"{}\" skipped=\"{skipped}\" time=\"{}\">",
        tests + lone,
        errors + lone,
        seconds(dossier.facts.wall)
    );
    for (file, places) in &suites {
        suite(&mut text, dossier, &view, file, places);
    }
    if lone > 0 {
        let head = "<testsuite name=\"dvc-paraffin\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">";
        let _ = writeln!(text, "  {head}\n    <testcase name=\"the run\" classname=\"dvc-paraffin\">");
        let _ =
            writeln!(text, "      <error message=\"{}\"/>\n    </testcase>\n  </testsuite>", escape(&view.error).replace('\n', "&#10;"));
    }
    text.push_str("</testsuites>\n");
    text
}

/// What the run as a whole amounts to.
fn properties(text: &mut String, view: &View) {
    text.push_str("    <properties>\n");
    for fact in &view.facts {
        let _ = writeln!(text, "      <property name=\"{}\" value=\"{}\"/>", escape(&fact.name), escape(&fact.value));
    }
    text.push_str("    </properties>\n");
}

/// Whether the run failed where no stage can bear it.
fn before_the_first_stage(dossier: &Dossier) -> bool {
    dossier.facts.verdict != RunVerdict::Ok && dossier.history.stages.is_empty() && dossier.history.end.is_some()
}

/// Cases, failures, errors, skipped ones.
fn counts(dossier: &Dossier, places: &[usize]) -> (i32, i32, i32, i32) {
    places.iter().fold((0, 0, 0, 0), |(tests, failures, errors, skipped), at| match case(dossier, *at) {
        Case::Passed => (tests + 1, failures, errors, skipped),
        Case::Failure => (tests + 1, failures + 1, errors, skipped),
        Case::Error => (tests + 1, failures, errors + 1, skipped),
        Case::Skipped(_) => (tests + 1, failures, errors, skipped + 1),
    })
}

fn suite(text: &mut String, dossier: &Dossier, view: &View, file: &str, places: &[usize]) {
    let (tests, failures, errors, skipped) = counts(dossier, places);
    let time: Duration = places.iter().map(|at| dossier.facts.times[*at]).sum();
    let began = dossier.history.began.and_then(time_of_day).unwrap_or_default();
    let _ = writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\" \
         timestamp=\"{}\" hostname=\"{}\">",
        escape(&shown::line(file)),
        seconds(time),
        began.trim_end_matches('Z'),
        escape(&dossier.history.about.host)
    );
    properties(text, view);
    for at in places {
        one_case(text, dossier, view, file, *at);
    }
    text.push_str("  </testsuite>\n");
}

fn one_case(text: &mut String, dossier: &Dossier, view: &View, file: &str, at: usize) {
    let (address, time) = (&view.stages[at].address, dossier.facts.times[at]);
    let _ =
        write!(text, "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"", escape(address), escape(&shown::line(file)), seconds(time));
    let word = match case(dossier, at) {
        Case::Passed => {
            text.push_str("/>\n");
            return;
        }
        Case::Skipped(why) => {
            let _ = writeln!(text, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escape(why));
            return;
        }
        Case::Failure => "failure",
        Case::Error => "error",
    };
    let Some(failure) = view.failures.iter().find(|failure| failure.place == at) else { return };
    let mut body = if failure.message.is_empty() { &failure.why } else { &failure.message }.clone();
    if !failure.tail.is_empty() {
        let _ = write!(body, "\n\n{}{}", if failure.tail_cut { "...\n" } else { "" }, failure.tail.join("\n"));
    }
    for more in [&failure.hint, &failure.no_log].into_iter().filter(|more| !more.is_empty()) {
        let _ = write!(body, "\n\n{more}");
    }
    let _ = writeln!(text, ">\n      <{word} message=\"{}\">{}</{word}>\n    </testcase>", escape(&failure.why), escape(&body));
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Text within XML. What cannot stand in it at all was made an escape before (`shown`), but for two
/// characters that are none.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            ch => out.push(ch),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::dossier::Tail;
    use crate::report::sample::badly;

    #[test]
    fn failures_bear_the_end_of_their_log() {
        let mut dossier = badly().dossier();
        dossier.tails.insert(1, Tail { lines: vec!["a < b".to_owned(), "boom".to_owned()], cut: true });
        let want = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="dvc-paraffin" tests="3" failures="1" errors="0" skipped="1" time="1.530">
  <testsuite name="dvc.yaml" tests="3" failures="1" errors="0" skipped="1" time="1.500" timestamp="2026-11-20T09:40:52" hostname="box">
    <properties>
      <property name="Wall time" value="1.53s"/>
      <property name="Time of stages" value="1.50s"/>
      <property name="Speed-up" value="0.98x"/>
      <property name="Parallel efficiency" value="49 % of 2 jobs"/>
      <property name="Critical path" value="1.50s over 2 stages"/>
      <property name="Most speed-up possible" value="1.00x"/>
      <property name="Without a command running" value="0.03s"/>
    </properties>
    <testcase name="prepare" classname="dvc.yaml" time="0.500"/>
    <testcase name="train" classname="dvc.yaml" time="1.000">
      <failure message="exit code 1">failed to run: make it, exited with 1

...
a &lt; b
boom</failure>
    </testcase>
    <testcase name="report" classname="dvc.yaml" time="0.000">
      <skipped message="not started"/>
    </testcase>
  </testsuite>
</testsuites>
"#;
        assert_eq!(render(&dossier), want);
    }
}
