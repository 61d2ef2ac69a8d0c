//! Reports as they look, and that they keep to their limits whatever they tell of.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;

use super::check as check_template;
use super::*;
use crate::model::Status;
use crate::report::dossier::{Changes, Differences, Previous, Row, Tail, WhatIf};
use crate::report::facts::Shown;
use crate::report::sample::{Tale, badly, random, well};

fn options(flavor: Flavor) -> Options {
    Options { key: "CI".to_owned(), flavor, ..Options::default() }
}

fn row(path: &str, name: &str, values: [&str; 3]) -> Row {
    let value = |text: &str| (text != "-").then(|| text.to_owned());
    let [old, new, change] = values.map(value);
    Row { path: path.to_owned(), name: name.to_owned(), old, new, change }
}

/// A run that failed, with a log, values that differ, and a run before it.
fn told() -> Dossier {
    let mut dossier = badly().dossier();
    let lines = ["epoch 1", "```", "</details>", "@everyone: loss is NaN"].map(str::to_owned).to_vec();
    dossier.tails.insert(1, Tail { lines, cut: true });
    let metrics = vec![row("eval.json", "acc", ["0.8", "0.9", "0.1"]), row("eval.json", "loss|total", ["-", "0.25", "-"])];
    let params = vec![row("params.yaml", "train.opt", ["adam", "sgd", "-"])];
    let differences = |rows| Differences { rows, json: serde_json::Value::Null };
    dossier.changes =
        Ok(Changes { base: "main (1a2b3c4)".to_owned(), params: differences(params), metrics: differences(metrics), remarks: Vec::new() });
    let times = HashMap::from([("prepare".to_owned(), Duration::from_millis(700))]);
    dossier.previous = Some(Previous { run: "20261119-080000-11aa".to_owned(), times });
    dossier.what_if = vec![WhatIf { jobs: 8, wall: Duration::from_millis(1500) }];
    dossier
}

#[test]
fn a_failed_run_on_github() {
    let want = include_str!("../../../tests/data/report-failed.md");
    assert_eq!(render(&told(), &options(Flavor::Github), None).unwrap().unwrap(), want);
}

#[test]
fn the_same_on_bitbucket() {
    let want = include_str!("../../../tests/data/report-failed-bitbucket.md");
    assert_eq!(render(&told(), &options(Flavor::Bitbucket), None).unwrap().unwrap(), want);
}

/// That a text keeps to the limits and begins with the truth.
fn keeps(dossier: &Dossier, options: &Options, text: &str) {
    let most = if options.flavor == Flavor::Bitbucket { options.max_chars.min(32_000) } else { options.max_chars };
    let (chars, units) = (text.chars().count(), text.encode_utf16().count());
    assert!(chars <= most && units <= options.max_units && text.len() <= options.max_bytes, "{chars} of {most}, {units}, {}", text.len());
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("<!-- dvc-paraffin:report key=CI -->"));
    let heading = lines.next().unwrap();
    assert!(heading.contains(dossier.facts.words()), "{heading}");
    for (shown, number) in &dossier.facts.counts {
        assert!(heading.contains(&format!("{number} {}", shown.words())), "{heading}: {number} {}", shown.words());
    }
    let failed = (0..dossier.history.stages.len()).find(|at| dossier.facts.shown[*at] == Shown::Over(Status::Failed));
    if let Some(failed) = failed {
        let name: String = dossier.history.stages[failed].planned.address.chars().take(20).collect();
        let screen: Vec<&str> = text.lines().take(25).collect();
        assert!(screen.join("\n").contains(&name), "{name} is not in\n{}", screen.join("\n"));
    }
    // A group is one row or a thousand; of all else nothing is left out while there is much room.
    if 2 * chars < most && 2 * units < options.max_units && 2 * text.len() < options.max_bytes && !text.contains(" grouped row") {
        assert!(!text.contains("Left out for length"), "{chars} of {most}:\n{text}");
    }
    let opened = text.lines().filter(|line| line.starts_with("<details>")).count();
    assert_eq!(
        opened,
        text.lines().filter(|line| line.trim_start().starts_with("</details>")).count() - closings_in_logs(dossier, text),
        "{text}"
    );
}

/// How many lines of logs look like the end of a part.
fn closings_in_logs(dossier: &Dossier, text: &str) -> usize {
    if dossier.tails.is_empty() { 0 } else { text.lines().filter(|line| line.starts_with("</details> from a log")).count() }
}

const LIMITS: [usize; 8] = [1_000, 1_300, 2_000, 4_000, 9_000, 20_000, 60_000, 300_000];

#[test]
fn no_random_run_is_told_in_more_than_the_limit() {
    let mut rng = Rng::with_seed(5);
    for round in 0..20 {
        let mut dossier = random(&mut rng, 60).dossier();
        for at in 0..dossier.history.stages.len() {
            let lines = (0..rng.usize(..60)).map(|line| format!("</details> from a log {line} {}", "`".repeat(rng.usize(..30)))).collect();
            dossier.tails.insert(at, Tail { lines, cut: rng.bool() });
        }
        let flavor = if round % 2 == 0 { Flavor::Github } else { Flavor::Bitbucket };
        for max_chars in LIMITS {
            let options = Options { max_chars, ..options(flavor) };
            keeps(&dossier, &options, &render(&dossier, &options, None).unwrap().unwrap());
        }
    }
}

/// So many stages with names that need room, all of them failed with long logs.
fn huge(stages: usize, tail: usize) -> Dossier {
    let emoji = "\u{1f680}".repeat(3000);
    let names: Vec<String> = (0..stages)
        .map(|at| match at % 50 {
            1 => format!("s{at}-{emoji}"),
            2 => format!("s{at}-{}", "`|<@".repeat(750)),
            3..25 => format!("s{at}"),
            _ => format!("sub/dvc.yaml:train@{at}"),
        })
        .collect();
    let ups: Vec<Vec<&str>> =
        (0..stages).map(|at| if at < 50 { Vec::new() } else { vec![names[at - 50].as_str(), names[at / 2].as_str()] }).collect();
    let plan: Vec<(&str, &[&str], &str)> = (0..stages).map(|at| (names[at].as_str(), ups[at].as_slice(), "default")).collect();
    let mut tale = Tale::new(&plan, 8);
    for at in 0..stages {
        let start = 10 * at as u64;
        tale = tale.runs(u32::try_from(at).unwrap(), start, start, start + 500, at % 8, Status::Failed);
    }
    let mut dossier = tale.over(10 * stages as u64 + 500, None).dossier();
    for at in 0..stages {
        // Not all of them long: what cannot be shown should not fill the memory of the test.
        let (lines, width) = if at < 20 { (tail, 300) } else { (tail / 20, 10) };
        let lines = (0..lines).map(|line| format!("{line} {}", "x\u{1f525}`".repeat(width))).collect();
        dossier.tails.insert(at, Tail { lines, cut: true });
    }
    let rows = |count| (0..count).map(|at| row(if at < 9 { &emoji } else { "eval.json" }, &format!("m{at}"), ["1", "2|", "1"])).collect();
    dossier.changes = Ok(Changes {
        base: emoji.clone(),
        metrics: Differences { rows: rows(3000), json: serde_json::Value::Null },
        params: Differences { rows: rows(10), json: serde_json::Value::Null },
        remarks: vec![emoji.clone(); 40],
    });
    dossier
}

#[test]
fn huge_runs_keep_to_the_limit_and_to_the_truth() {
    for (stages, tail) in [(1, 200), (60, 200), (500, 20)] {
        let dossier = huge(stages, tail);
        for flavor in [Flavor::Github, Flavor::Bitbucket] {
            for max_chars in [1_000, 7_000, 60_000] {
                let options = Options { max_chars, ..options(flavor) };
                keeps(&dossier, &options, &render(&dossier, &options, None).unwrap().unwrap());
            }
        }
    }
}

#[test]
fn five_thousand_failures_fit_a_comment() {
    let dossier = huge(5000, 200);
    for max_chars in [1_000, 60_000] {
        let options = Options { max_chars, ..options(Flavor::Github) };
        let text = render(&dossier, &options, None).unwrap().unwrap();
        keeps(&dossier, &options, &text);
        assert!(text.contains("5000 failed"), "{text}");
        if max_chars == 60_000 {
            assert!(text.chars().count() > 30_000, "room is left unused: {}", text.chars().count());
        }
    }
}

#[test]
fn a_thousand_stages_tell_the_truth_in_their_first_lines() {
    let names: Vec<String> = (0..1000).map(|at| if at < 10 { format!("prepare{at}") } else { format!("train@{at}") }).collect();
    let plan: Vec<(&str, &[&str], &str)> = names.iter().map(|name| (name.as_str(), &[][..], "gpu")).collect();
    let mut tale = Tale::new(&plan, 8);
    for at in 0..1000 {
        let status = if at % 90 == 5 { Status::Failed } else { Status::Ran };
        let start = 10 * at as u64;
        tale = tale.runs(u32::try_from(at).unwrap(), start, start, start + 500, at % 8, status);
    }
    let mut dossier = tale.over(10_500, None).dossier();
    let failed: Vec<usize> = (0..1000).filter(|at| at % 90 == 5).collect();
    for at in &failed {
        dossier.tails.insert(*at, Tail { lines: (0..50).map(|line| format!("epoch {line}: loss is NaN")).collect(), cut: true });
    }
    for flavor in [Flavor::Github, Flavor::Bitbucket] {
        for max_chars in [2_000, 8_000, 60_000] {
            let options = Options { max_chars, ..options(flavor) };
            let text = render(&dossier, &options, None).unwrap().unwrap();
            keeps(&dossier, &options, &text);
            let screen = text.lines().take(30).collect::<Vec<_>>().join("\n");
            assert!(screen.contains("Failed: 12 failed, 988 ran in 10.5s"), "{screen}");
            let told = failed.iter().filter(|at| screen.contains(&format!("`{}`", names[**at]))).count();
            assert!(told >= 8 && (told == 12 || screen.contains(&format!("and {} more", 12 - told))), "{told}: {screen}");
        }
    }
}

#[test]
fn units_and_bytes_are_limits_too() {
    let dossier = huge(300, 30);
    let comment = Options { max_chars: 100_000, ..options(Flavor::Github) };
    keeps(&dossier, &comment, &render(&dossier, &comment, None).unwrap().unwrap());
    let summary = Options { max_bytes: 100_000, key: "CI".to_owned(), ..Options::summary() };
    keeps(&dossier, &summary, &render(&dossier, &summary, None).unwrap().unwrap());
}

#[test]
fn what_is_left_out_is_said() {
    let dossier = huge(200, 50);
    let text = render(&dossier, &Options { max_chars: 5_000, ..options(Flavor::Github) }, None).unwrap().unwrap();
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("Left out for length: ") && last.contains("failures") && last.contains("dvc-paraffin report "), "{last}");
    assert!(!render(&well().dossier(), &options(Flavor::Github), None).unwrap().unwrap().contains("Left out"));
}

#[test]
fn a_given_template_takes_the_place_of_ours() {
    let template = "{{ verdict }} {% for row in stages %}{{ row.address|code }} {% endfor %}";
    let dossier = well().dossier();
    let text = render(&dossier, &options(Flavor::Github), Some(template)).unwrap().unwrap();
    assert_eq!(text, "ok `prepare` `train@a` `train@b` `train@c` `report`\n");
    assert!(render(&dossier, &options(Flavor::Github), Some("{% if %}")).is_err());
    assert!(render(&dossier, &options(Flavor::Github), Some("{{ nonsense }}")).is_err());
    let long = "x".repeat(70_000);
    let text = render(&dossier, &options(Flavor::Github), Some(&long)).unwrap().unwrap();
    assert!(text.starts_with("<!-- dvc-paraffin:report key=CI -->\n### ") && text.contains("the given template"), "{text}");
}

#[test]
fn the_least_report_is_whole_and_says_that_it_is_not_all() {
    let key = "k".repeat(200);
    for (dossier, failed) in [(told(), true), (badly().dossier(), true), (huge(5000, 1), true), (well().dossier(), false)] {
        for (max_chars, key) in [(300, "CI"), (300, key.as_str()), (420, "CI")] {
            let options = Options { max_chars, key: key.to_owned(), ..options(Flavor::Github) };
            let text = render(&dossier, &options, None).unwrap().unwrap();
            assert!(text.chars().count() <= max_chars, "{text}");
            let lines: Vec<&str> = text.lines().collect();
            assert!(
                lines[0].ends_with(" -->") && lines[1].starts_with(if failed { "### \u{2717} Failed" } else { "### \u{2713} Succeeded" }),
                "{text}"
            );
            let last = lines[lines.len() - 1];
            assert!(
                last.starts_with("Left out for length: ")
                    && last.ends_with(" All of it: `dvc-paraffin report 20261120-094052-3f2a --html report.html`"),
                "{text}"
            );
            assert!(last.contains(": all else. ") || max_chars > 300, "{text}");
            assert!(text.contains("Failed or stopped: ") || !failed || max_chars == 300, "{text}");
        }
    }
    let none = Options { max_chars: 60, ..options(Flavor::Github) };
    assert_eq!(render(&told(), &none, None).unwrap(), None);
}

#[test]
fn equal_warnings_are_told_once_and_all_where_there_is_room() {
    let warned = |text: &dyn Fn(usize) -> String| {
        let tale = (0..241).fold(well(), |tale, at| {
            tale.at(2735, crate::model::EventKind::Notice { level: crate::model::Level::Warning, text: text(at) })
        });
        render(&tale.dossier(), &options(Flavor::Github), None).unwrap().unwrap()
    };
    let same = warned(&|_| "the state database is locked".to_owned());
    assert_eq!(same.matches("the state database is locked").count(), 1, "{same}");
    assert!(same.contains("the state database is locked (241 times)\n"), "{same}");
    let other = warned(&|at| format!("'{at}' is empty, which is told here at some length to fill the report"));
    assert!(other.contains("'240' is empty") && !other.contains("Left out"), "{}", other.len());
}

#[test]
fn what_is_wrong_with_a_template_is_told_by_line_and_name() {
    let list = "(docs/reports.md lists those there are)";
    for check in [check_template, crate::report::html::check] {
        assert_eq!(check("{{ verdict }}\n{% if nonsense %}{% endif %}"), Err(format!("line 2: there is no name 'nonsense' {list}")));
        assert_eq!(check("{# verdicts #}\n{{ verdict }}\n{{ verdicts }}").unwrap_err().get(..8), Some("line 3: "));
        assert_eq!(check("{{ verdict.nonsense }}\n{{ nonsense.x }}").unwrap_err().get(..8), Some("line 2: "));
        assert_eq!(check("{% for row in stages %}{{ loop.index }}{% set x = 1 %}{{ x }}{% endfor %}{{ range(3) }}"), Ok(()));
        let wrong = check("a\n{% if %}").unwrap_err();
        assert!(wrong.starts_with("line 2: ") && !wrong.contains("minijinja"), "{wrong}");
    }
    assert_eq!((check_template(TEMPLATE), crate::report::html::check(crate::report::html::TEMPLATE)), (Ok(()), Ok(())));
    // An attribute is only met when it is rendered.
    let template = "\n{% for row in stages %}\n{{ row.adress }}{% endfor %}";
    let error = render(&well().dossier(), &options(Flavor::Github), Some(template)).unwrap_err();
    assert_eq!(crate::report::template::words(&error, template), format!("line 3: there is no name 'row.adress' {list}"));
}
