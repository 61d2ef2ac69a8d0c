//! What the template gets: the view of the run, cut down to a [`Detail`], and words about what was
//! left out.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use crate::model::Class;
use crate::report::dossier::Dossier;
use crate::report::flowchart::{self, Flowchart, Fold, Kind, LevelRow};
use crate::report::maps::MapRow;
use crate::report::shown::cut;
use crate::report::signs;
use crate::report::tally::{count, difference, duration};
use crate::report::view::{Pair, StageRow, ValueRow, View};

use super::detail::{Chart, Detail, Rows};
use super::{Flavor, Options, escape};

/// Columns of the text that stands for a chart.
const WIDTH: usize = 100;
/// Reasons of a stage in the table.
const REASONS: usize = 3;

/// So many stages of the critical path are named.
const STEPS: usize = 60;

/// What pages are made from.
pub struct Matter<'a> {
    dossier: &'a Dossier,
    view: &'a View,
    options: &'a Options,
    left_out: &'a [String],
    levels: Vec<LevelRow>,
    /// Places of those that something happened to, those of a group together.
    groups: Vec<Vec<usize>>,
    unchanged: usize,
    longest_name: usize,
    /// Drawn by stages and by groups.
    charts: [Option<Flowchart>; 2],
}

/// What the template gets besides the names of the [`View`]; those that are here too hide its.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The first line.
    marker: String,
    /// The sign of the verdict.
    sign: char,
    /// Whether parts can be folded away.
    folded: bool,
    verdict: &'static str,
    verdict_words: &'static str,
    headline: String,
    began: String,
    base: String,
    has_base: bool,
    run: String,
    project: String,
    command_line: String,
    /// The run's failure, if those of stages do not say it.
    error: String,
    /// Failures that are told.
    failures: Vec<Told>,
    /// Names of further ones.
    named: Vec<String>,
    /// How many more there are.
    unnamed: usize,
    metrics: Vec<ValueRow>,
    metrics_number: usize,
    params: Vec<ValueRow>,
    params_number: usize,
    value_remarks: Vec<String>,
    /// The table of stages.
    rows: Vec<Row>,
    /// What maps did.
    maps: Vec<Mapped>,
    /// Mermaid source.
    chart: String,
    /// What stands for it where there is no Mermaid.
    chart_text: String,
    /// The signs in either.
    legend: String,
    levels: Vec<LevelRow>,
    facts: Vec<Pair>,
    critical: Vec<String>,
    critical_more: usize,
    environment: Vec<Pair>,
    /// The run's warnings, a paragraph each.
    remarks: String,
    /// What is not in it.
    left_out: Vec<String>,
    /// What makes a report with all in it.
    whole: String,
}

/// A failure with the end of its log.
#[derive(Debug, Serialize)]
struct Told {
    address: String,
    sign: char,
    status: &'static str,
    why: String,
    /// ` after 3 tries`
    after: String,
    command: String,
    message: String,
    log: String,
    tail: String,
    tail_cut: bool,
    /// Why no log tells of it.
    no_log: String,
}

/// A row of the table: a stage, or a group.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    sign: char,
    state: String,
    why: Vec<String>,
    /// How many more reasons there are.
    more: usize,
    time: String,
    delta: String,
}

/// A map of a stage.
#[derive(Debug, Serialize)]
struct Mapped {
    stage: String,
    line: String,
}

impl<'a> Matter<'a> {
    /// That of a run.
    pub fn new(dossier: &'a Dossier, view: &'a View, options: &'a Options, left_out: &'a [String]) -> Self {
        let changed = |row: &&StageRow| !matches!(row.status, "unchanged" | "frozen");
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<(&str, usize), usize> = HashMap::new();
        for row in view.stages.iter().filter(changed) {
            // A stage of its own is known by its place: masked names may be alike.
            let key = if row.group.is_empty() { ("", row.number) } else { (row.group.as_str(), 0) };
            let place = *places.entry(key).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[place].push(row.number - 1);
        }
        Self {
            dossier,
            view,
            options,
            left_out,
            levels: flowchart::levels(dossier),
            unchanged: view.stages.len() - groups.iter().map(Vec::len).sum::<usize>(),
            groups,
            longest_name: view.stages.iter().map(|row| row.address.chars().count()).max().unwrap_or(0),
            charts: [Fold::Stages, Fold::Groups].map(|fold| Flowchart::of(dossier, fold)),
        }
    }

    /// With more bytes than this a report is too long in any case: what follows need not be worked out.
    fn room(&self) -> usize {
        self.options.max_bytes.min(self.options.max_chars.saturating_mul(4))
    }

    /// With more rows in one of its tables it is: none is shorter than this.
    fn most_rows(&self) -> usize {
        self.room() / 16
    }

    /// The command that shows everything; empty where there is none.
    fn whole(&self) -> String {
        if self.view.run.is_empty() || self.dossier.history.about.dry {
            String::new()
        } else {
            format!("dvc-paraffin report {} --html report.html", cut(&self.view.run, 40))
        }
    }

    fn kind(&self, at: usize) -> Kind {
        Kind::of(self.dossier.facts.shown[at])
    }
}

fn maps(matter: &Matter, most: usize, long: usize, left_out: &mut Vec<String>) -> Vec<Mapped> {
    let all = &matter.view.maps;
    missing(left_out, all.len().saturating_sub(most), "map");
    let told = |map: &MapRow| Mapped { stage: cut(&matter.view.stages[map.place].address, long), line: cut(&map.line, 2 * long) };
    all.iter().take(most).map(told).collect()
}

impl Page {
    /// The page with so much detail.
    pub fn of(matter: &Matter, detail: &Detail) -> Self {
        let view = matter.view;
        let (long, rest) = (detail.name_length(), detail.rest());
        let steps = rest.min(STEPS);
        let mut left_out = matter.left_out.to_vec();
        let (failures, named, unnamed) = failures(matter, detail, &mut left_out);
        let rows = rows(matter, detail, &mut left_out);
        let (chart, chart_text, legend) = chart(matter, detail, &mut left_out);
        let levels = match detail.chart() {
            Chart::Counts(most) => most,
            Chart::Stages | Chart::Groups => matter.most_rows(),
        };
        let values_shown = detail.values().min(matter.most_rows());
        missing(&mut left_out, matter.levels.len().saturating_sub(levels), "level");
        missing(&mut left_out, view.metrics.len().saturating_sub(values_shown), "metric");
        missing(&mut left_out, view.params.len().saturating_sub(values_shown), "parameter");
        missing(&mut left_out, view.remarks.len().saturating_sub(rest), "warning");
        if rest == 0 {
            left_out.push("timings and environment".to_owned());
        }
        if detail.cuts_names() && matter.longest_name > long {
            left_out.push(format!("the middle of names longer than {long} characters"));
        }
        let pairs = |list: &[Pair]| if rest == 0 { Vec::new() } else { list.iter().map(|pair| pair_of(pair, long)).collect() };
        Self {
            marker: marker(matter.options),
            sign: signs::of_run(matter.dossier.facts.verdict),
            folded: matter.options.flavor != Flavor::Bitbucket,
            verdict: view.verdict,
            verdict_words: view.verdict_words,
            headline: view.headline.clone(),
            began: view.began.clone(),
            base: cut(&view.base, 2 * long),
            has_base: view.has_base,
            run: cut(&view.run, 40),
            project: cut(&view.project, long),
            command_line: cut(&view.command_line, 3 * long),
            error: error(matter, long),
            failures,
            named,
            unnamed,
            metrics: values(&view.metrics, values_shown, long),
            metrics_number: view.metrics.len(),
            params: values(&view.params, values_shown, long),
            params_number: view.params.len(),
            value_remarks: view.value_remarks.iter().take(rest).map(|remark| cut(remark, 2 * long)).collect(),
            rows,
            maps: maps(matter, rest.min(matter.most_rows()), long, &mut left_out),
            chart,
            chart_text,
            legend,
            levels: matter.levels.iter().take(levels).cloned().collect(),
            facts: pairs(&view.facts),
            critical: view.critical.iter().take(steps).map(|name| cut(name, long)).collect(),
            critical_more: view.critical.len().saturating_sub(steps),
            environment: pairs(&view.environment),
            remarks: view.remarks.iter().take(rest).map(|remark| cut(remark, 5 * long)).collect::<Vec<_>>().join("\n"),
            left_out,
            whole: matter.whole(),
        }
    }
}

/// The least that can be said: the verdict, as much of what it is about as there is room for, and that this
/// is not all. None if there is no room even for that.
pub fn least(matter: &Matter) -> Option<String> {
    let (view, options) = (matter.view, matter.options);
    let marker = marker(options);
    let sign = signs::of_run(matter.dossier.facts.verdict);
    let all = &view.failures;
    let failures = |most: usize| {
        let names: Vec<String> = all.iter().take(most).map(|failure| escape::code(&cut(&failure.address, 32), options.flavor)).collect();
        let more = if all.len() > names.len() { format!(", and {} more", all.len() - names.len()) } else { String::new() };
        if names.is_empty() { String::new() } else { format!("Failed or stopped: {}{more}\n\n", names.join(", ")) }
    };
    let whole = matter.whole();
    let whole = if whole.is_empty() { String::new() } else { format!(" All of it: {}", escape::code(&whole, options.flavor)) };
    let told = [
        (format!(": {}", view.headline), failures(3), whole.as_str()),
        (format!(": {}", view.headline), failures(1), &whole),
        (format!(": {}", view.headline), String::new(), &whole),
        (String::new(), String::new(), &whole),
        (String::new(), String::new(), ""),
    ];
    let words = view.verdict_words;
    let texts = told.into_iter().map(|(headline, failures, whole)| {
        format!("{marker}\n### {sign} {words}{headline}\n\n{failures}Left out for length: all else.{whole}\n")
    });
    texts.into_iter().find(|text| options.hold(text))
}

fn marker(options: &Options) -> String {
    format!("<!-- dvc-paraffin:report key={} -->", escape::key(&options.key))
}

fn missing(left_out: &mut Vec<String>, number: usize, word: &str) {
    if number > 0 {
        left_out.push(count(number, word));
    }
}

fn pair_of(pair: &Pair, long: usize) -> Pair {
    Pair { name: cut(&pair.name, long), value: cut(&pair.value, long) }
}

/// A run fails by its stages, whose failures are told one by one, or by what befell itself.
fn error(matter: &Matter, long: usize) -> String {
    let fault = matter.dossier.history.end.as_ref().and_then(|end| end.fault.as_ref());
    let of_a_stage = fault.is_some_and(|fault| fault.class == Class::ReproductionError) && !matter.view.failures.is_empty();
    if of_a_stage { String::new() } else { cut(&matter.view.error, 10 * long) }
}

/// Failures that are told, the names of others, and the number of those that are not even named.
fn failures(matter: &Matter, detail: &Detail, left_out: &mut Vec<String>) -> (Vec<Told>, Vec<String>, usize) {
    let all = &matter.view.failures;
    let tails = detail.tails();
    let mut room = matter.room();
    let mut told: Vec<Told> = Vec::new();
    for failure in all.iter().take(tails.failures) {
        if room == 0 {
            break;
        }
        told.push(tell(matter, failure, detail));
        room = room.saturating_sub(told.last().map_or(0, |told| told.address.len() + told.tail.len()));
    }
    let others = &all[told.len()..];
    let named: Vec<String> =
        others.iter().take(detail.named().min(matter.most_rows())).map(|failure| cut(&failure.address, detail.name_length())).collect();
    let unnamed = others.len() - named.len();
    let shorter = told.iter().zip(all).filter(|(told, failure)| told.tail_cut && !failure.tail_cut).count();
    if shorter > 0 {
        left_out.push(format!("earlier lines of {shorter} logs"));
    }
    let logs = others.iter().filter(|failure| !failure.tail.is_empty()).count();
    if logs > 0 {
        left_out.push(format!("the logs of {logs} failures"));
    }
    if unnamed > 0 {
        left_out.push(format!("the names of {unnamed} failures"));
    }
    (told, named, unnamed)
}

fn tell(matter: &Matter, failure: &crate::report::view::Failure, detail: &Detail) -> Told {
    let (tails, long) = (detail.tails(), detail.name_length());
    let skipped = failure.tail.len().saturating_sub(tails.lines);
    let lines: Vec<String> = failure.tail[skipped..].iter().map(|line| cut(line, tails.width)).collect();
    // With a log the message only repeats that the command failed.
    let mut message = if lines.is_empty() { cut(&failure.message, 10 * long) } else { String::new() };
    if !failure.hint.is_empty() {
        let gap = if message.is_empty() { "" } else { "\n" };
        message.push_str(&format!("{gap}hint: {}", cut(&failure.hint, 10 * long)));
    }
    Told {
        address: cut(&failure.address, long),
        sign: matter.kind(failure.place).sign(),
        status: failure.status,
        why: cut(&failure.why, 2 * long),
        after: if failure.tries > 1 { format!(" after {} tries", failure.tries) } else { String::new() },
        command: cut(&failure.command.replace('\n', "; "), 2 * long),
        message,
        log: cut(&failure.log, 2 * long),
        no_log: failure.no_log.clone(),
        tail: lines.join("\n"),
        tail_cut: failure.tail_cut || skipped > 0,
    }
}

fn values(rows: &[ValueRow], most: usize, long: usize) -> Vec<ValueRow> {
    let fit = |text: &str| cut(text, long);
    let fit = |row: &ValueRow| ValueRow {
        path: fit(&row.path),
        name: fit(&row.name),
        old: fit(&row.old),
        new: fit(&row.new),
        change: fit(&row.change),
    };
    rows.iter().take(most).map(fit).collect()
}

fn rows(matter: &Matter, detail: &Detail, left_out: &mut Vec<String>) -> Vec<Row> {
    let all: Vec<Vec<usize>> = match detail.rows() {
        Rows::All => (0..matter.view.stages.len()).map(|at| vec![at]).collect(),
        Rows::Changed => {
            let mut changed: Vec<usize> = matter.groups.iter().flatten().copied().collect();
            changed.sort_unstable();
            changed.into_iter().map(|at| vec![at]).collect()
        }
        Rows::Grouped(_) => matter.groups.clone(),
    };
    if detail.rows() != Rows::All {
        missing(left_out, matter.unchanged, "unchanged stage");
    }
    let (mut groups, most) = match detail.rows() {
        Rows::Grouped(most) => (all, most.min(matter.most_rows())),
        _ => (all, matter.most_rows()),
    };
    let folded: usize = groups.iter().filter(|members| members.len() > 1).map(Vec::len).sum();
    missing(left_out, folded, "grouped row");
    if groups.len() > most {
        groups.sort_by_key(|members| worst(matter, members));
        missing(left_out, groups.len() - most, "row");
        groups.truncate(most);
    }
    groups.iter().map(|members| row_of(matter, members, detail)).collect()
}

fn worst(matter: &Matter, members: &[usize]) -> Kind {
    members.iter().map(|at| matter.kind(*at)).min().unwrap_or(Kind::Ok)
}

/// The row of a stage, or of several of one group.
fn row_of(matter: &Matter, members: &[usize], detail: &Detail) -> Row {
    let sign = match members {
        [only] => signs::of_stage(matter.dossier.facts.shown[*only]),
        _ => worst(matter, members).sign(),
    };
    let members: Vec<&StageRow> = members.iter().map(|at| &matter.view.stages[*at]).collect();
    let (first, long) = (members[0], detail.name_length());
    let alike = members.iter().all(|row| row.reasons == first.reasons);
    let reasons: &[String] = if alike { &first.reasons } else { &[] };
    let mut why: Vec<String> = reasons.iter().take(REASONS).map(|reason| cut(reason, long)).collect();
    if !alike {
        why.push("each for its own reason".to_owned());
    }
    let more = reasons.len().saturating_sub(REASONS);
    if let [row] = members.as_slice() {
        let (time, delta) = (row.time.clone(), row.delta.clone());
        return Row { name: cut(&row.address, long), sign, state: row.status_words.to_owned(), why, more, time, delta };
    }
    let delta: i64 = members.iter().map(|row| row.delta_ns).sum();
    let compared = members.iter().any(|row| !row.delta.is_empty());
    Row {
        name: format!("{}@*", cut(&first.group, long)),
        sign,
        state: states(&members),
        why,
        more,
        time: duration(Duration::from_nanos(members.iter().map(|row| row.time_ns).sum())),
        delta: if compared { difference(delta) } else { String::new() },
    }
}

/// `38 ran, 2 failed`
fn states(members: &[&StageRow]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for row in members {
        match counts.iter_mut().find(|(words, _)| *words == row.status_words) {
            Some((_, count)) => *count += 1,
            None => counts.push((row.status_words, 1)),
        }
    }
    counts.iter().map(|(words, count)| format!("{count} {words}")).collect::<Vec<_>>().join(", ")
}

/// Mermaid source, or text where there is no Mermaid, and the signs in it.
fn chart(matter: &Matter, detail: &Detail, left_out: &mut Vec<String>) -> (String, String, String) {
    let chart = match detail.chart() {
        Chart::Stages => &matter.charts[0],
        Chart::Groups => &matter.charts[1],
        Chart::Counts(_) => {
            left_out.push("the chart".to_owned());
            &None
        }
    };
    let Some(chart) = chart else { return (String::new(), String::new(), String::new()) };
    let legend = chart.legend();
    match matter.options.flavor {
        Flavor::Github => (chart.source(), String::new(), legend),
        Flavor::Bitbucket => (String::new(), chart.text(WIDTH), legend),
    }
}
