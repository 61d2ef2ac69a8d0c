//! All formats of a report, read back: for random runs their counts, sums and critical paths agree.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::Value;

use super::dossier::Dossier;
use super::facts::Shown;
use super::sample::random;
use super::view::View;
use super::{answer, csv, html, junit, markdown, trace};
use crate::model::Status;

const RUNS: usize = 120;

#[test]
fn counts_sums_and_the_critical_path_are_the_same_in_every_format() {
    let mut rng = Rng::with_seed(20_261_122);
    for _ in 0..RUNS {
        let dossier = random(&mut rng, 25).dossier();
        let told = answer::report(&dossier);
        json_agrees(&dossier, &told);
        csv_agrees(&dossier, &told);
        trace_agrees(&dossier, &told);
        junit_agrees(&dossier);
        words_agree(&dossier, &told);
    }
}

fn json_agrees(dossier: &Dossier, told: &Value) {
    let stages = told["stages"].as_array().unwrap();
    let mut counted: HashMap<&str, u64> = HashMap::new();
    for stage in stages {
        *counted.entry(stage["status"].as_str().unwrap()).or_default() += 1;
    }
    let counts: HashMap<&str, u64> =
        told["counts"].as_object().unwrap().iter().map(|(key, n)| (key.as_str(), n.as_u64().unwrap())).collect();
    assert_eq!(counts, counted);
    let critical: Vec<&str> = told["critical_path"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let sum: u64 = critical.iter().map(|name| time_of(dossier, name)).sum();
    assert_eq!(told["critical_path_ns"].as_u64().unwrap(), sum);
}

fn time_of(dossier: &Dossier, address: &str) -> u64 {
    let at = dossier.history.stages.iter().position(|entry| entry.planned.address == address).unwrap();
    u64::try_from(dossier.facts.times[at].as_nanos()).unwrap()
}

fn csv_agrees(dossier: &Dossier, told: &Value) {
    let text = csv::render(dossier);
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| head.iter().position(|cell| *cell == name).unwrap();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let number = |row: &Vec<&str>, name: &str| row[column(name)].parse::<u64>().ok();
    let worked: u64 = rows.iter().map(|row| number(row, "run_ns").unwrap() + number(row, "save_ns").unwrap()).sum();
    assert_eq!(worked, told["stage_ns"].as_u64().unwrap());
    for row in &rows {
        let whole = number(row, "wait_ns").unwrap() + number(row, "run_ns").unwrap() + number(row, "save_ns").unwrap();
        if let Some(end) = number(row, "end_ns") {
            assert_eq!(whole, end - number(row, "ready_ns").unwrap(), "{row:?}");
        }
    }
    let last: HashMap<&str, &str> = rows.iter().map(|row| (row[column("stage")], row[column("status")])).collect();
    for stage in told["stages"].as_array().unwrap() {
        if let Some(status) = last.get(stage["address"].as_str().unwrap()) {
            assert_eq!(*status, stage["status"].as_str().unwrap());
        }
    }
}

fn trace_agrees(dossier: &Dossier, told: &Value) {
    let trace: Value = serde_json::from_str(&trace::render(dossier)).unwrap();
    let stages = trace["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X" && event["name"] != "save");
    let sum: f64 = stages.map(|event| event["dur"].as_f64().unwrap()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a time of seconds")]
    let want = told["stage_ns"].as_u64().unwrap() as f64 / 1000.0;
    assert!((sum - want).abs() < 1.0, "{sum} {want}");
}

fn junit_agrees(dossier: &Dossier) {
    let text = junit::render(dossier);
    let head = text.lines().nth(1).unwrap();
    let number = |name: &str| head.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap().parse::<usize>().unwrap();
    let of = |status| dossier.facts.count(Shown::Over(status));
    assert_eq!(number("tests"), dossier.history.stages.len());
    assert_eq!(number("failures"), of(Status::Failed));
    assert_eq!(number("errors"), of(Status::Stopped));
    assert_eq!(number("skipped"), of(Status::NotStarted) + of(Status::UpstreamFailed) + of(Status::Planned));
    assert_eq!(text.matches("<testcase ").count(), number("tests"));
    assert_eq!(text.matches("<failure ").count(), number("failures"));
    assert_eq!(text.matches("<error ").count(), number("errors"));
    assert_eq!(text.matches("<skipped ").count(), number("skipped"));
}

/// What people read is made from one view: it must say what the programs are told.
fn words_agree(dossier: &Dossier, told: &Value) {
    let view = View::of(dossier);
    assert_eq!(view.verdict, told["verdict"].as_str().unwrap());
    let counts: HashMap<&str, u64> = view.counts.iter().map(|count| (count.key, count.number as u64)).collect();
    let wanted: HashMap<&str, u64> =
        told["counts"].as_object().unwrap().iter().map(|(key, n)| (key.as_str(), n.as_u64().unwrap())).collect();
    assert_eq!(counts, wanted);
    let critical: Vec<&str> = told["critical_path"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(view.critical, critical);
    assert_eq!(view.stages.iter().map(|row| row.time_ns).sum::<u64>(), told["stage_ns"].as_u64().unwrap());
    let page = html::render(dossier, None, false).unwrap();
    let pull_request = markdown::render(dossier, &markdown::Options::default(), None).unwrap().unwrap();
    for text in [&page, &pull_request] {
        assert!(text.contains(&view.headline), "{}", view.headline);
        for fact in &view.facts {
            assert!(text.contains(&fact.value), "{fact:?}");
        }
    }
}
