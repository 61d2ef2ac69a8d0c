//! A dossier in words and plain values: what the templates of reports get.
//!
//! A public contract of its own, since templates can be replaced (docs/reports.md lists the names).
//! Every text in it is made fit for eyes (`shown`) but not escaped for any format: that is done
//! where the format is known, by the engine for HTML, by filters for Markdown.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use crate::model::{Attempt, Class, Fault, Reason, Status};

use super::dossier::{Dossier, Row, Tail};
use super::facts::{Facts, RunVerdict, Shown};
use super::history::{Entry, History, NoLog, Phases, Try};
use super::maps::{self, MapRow};
use super::shown;
use super::tally::{count, difference, duration};
use super::words;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// `ok`, `failed`, `interrupted`, `killed`, `running` or `stopped_early`.
    pub verdict: &'static str,
    /// The same for people.
    pub verdict_words: &'static str,
    /// One sentence: how many stages ended how, and in which time.
    pub headline: String,
    /// Name of the run, `dry run` for one that is not kept; empty if it failed before it had one.
    pub run: String,
    /// Name of the repository's folder.
    pub project: String,
    /// When it began, RFC 3339 in UTC; empty if that is not known.
    pub began: String,
    /// What was called, as a shell would take it.
    pub command_line: String,
    /// The run's failure, or that its journal is damaged; empty if there is none.
    pub error: String,
    /// How many stages ended how.
    pub counts: Vec<Count>,
    /// Stages that failed or were cut off, with the ends of their logs.
    pub failures: Vec<Failure>,
    /// All stages in the order of the plan.
    pub stages: Vec<StageRow>,
    /// The maps that stages ran.
    pub maps: Vec<MapRow>,
    /// Wall time, stage time and the like, as name and value.
    pub facts: Vec<Pair>,
    /// Addresses along the longest chain.
    pub critical: Vec<String>,
    /// Words about the base of the differences, or why there is none.
    pub base: String,
    /// Whether there is one.
    pub has_base: bool,
    /// Metrics that differ from the base.
    pub metrics: Vec<ValueRow>,
    /// Parameters that differ from it.
    pub params: Vec<ValueRow>,
    /// What could not be compared.
    pub value_remarks: Vec<String>,
    /// Warnings of the run, each once, with how often it came.
    pub remarks: Vec<String>,
    /// Versions, machine, git.
    pub environment: Vec<Pair>,
}

/// How many stages ended so.
#[derive(Clone, Debug, Serialize)]
pub struct Count {
    /// `ran`, `failed` ...
    pub key: &'static str,
    /// For people.
    pub words: &'static str,
    /// How many.
    pub number: usize,
}

/// A fact with its name.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A stage that failed or was cut off.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Its address.
    pub address: String,
    /// Its place in `stages`.
    pub place: usize,
    /// `failed` or `stopped`.
    pub status: &'static str,
    /// Why, in few words.
    pub why: String,
    /// The whole message.
    pub message: String,
    /// What may help, if anything is known to.
    pub hint: String,
    /// What it ran.
    pub command: String,
    /// How many tries it had.
    pub tries: usize,
    /// Where its log is; empty where there is none.
    pub log: String,
    /// Why there is none, as a sentence.
    pub no_log: String,
    /// The last lines of the log.
    pub tail: Vec<String>,
    /// Whether there are more before them.
    pub tail_cut: bool,
}

/// One stage. Times in nanoseconds are for sorting, the words beside them for reading.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StageRow {
    /// Its place in the plan, from 1.
    pub number: usize,
    /// Its address.
    pub address: String,
    /// The foreach or matrix group, the part of the address before `@`; empty if it has none.
    pub group: String,
    /// `ran`, `failed` ...
    pub status: &'static str,
    /// For people.
    pub status_words: &'static str,
    /// Why it had to run, a sentence each.
    pub reasons: Vec<String>,
    /// Its commands, a line each.
    pub command: String,
    /// Its queue.
    pub queue: String,
    /// Its slot in it, or job slot; empty where it never ran.
    pub slot: String,
    /// How many tries it had.
    pub tries: usize,
    /// Exit code of the last command; empty if none ended.
    pub returncode: String,
    /// Since the beginning of the run when its first try began; empty if it had none.
    pub start: String,
    /// The same in nanoseconds.
    pub start_ns: u64,
    /// How long it waited for slots.
    pub wait: String,
    /// How long its commands ran.
    pub run: String,
    /// How long it was hashed, stored and recorded.
    pub save: String,
    /// All its time.
    pub time: String,
    /// The same in nanoseconds.
    pub time_ns: u64,
    /// Against the last run: `+1.20s`; empty if there was none, and if it did not run to its end in this one.
    pub delta: String,
    /// The same in nanoseconds.
    pub delta_ns: i64,
    /// CPU time of its commands; empty if none ended.
    pub cpu: String,
    /// The same in nanoseconds.
    pub cpu_ns: u64,
    /// The most memory that one of its processes held.
    pub memory: String,
    /// The same in bytes.
    pub memory_bytes: u64,
    /// Where the log is; empty where there is none.
    pub log: String,
    /// Its level in the graph, from 1.
    pub level: usize,
    /// Whether it lies on the longest chain.
    pub critical: bool,
}

/// A value that differs from the base.
#[derive(Clone, Debug, Serialize)]
pub struct ValueRow {
    /// The file.
    pub path: String,
    /// The dotted name.
    pub name: String,
    /// In the base; `-` if it is not there.
    pub old: String,
    /// Now; `-` if it is not there.
    pub new: String,
    /// By how much a number changed; `-` if it is none.
    pub change: String,
}

impl View {
    /// The view of a dossier.
    pub fn of(dossier: &Dossier) -> Self {
        let (history, facts) = (&dossier.history, &dossier.facts);
        let broken = Broken::of(history);
        let counts: Vec<Count> =
            facts.counts.iter().map(|&(shown, number)| Count { key: shown.key(), words: shown.words(), number }).collect();
        let (base, has_base) = match &dossier.changes {
            Ok(changes) => (shown::line(&changes.base), true),
            Err(why) => (shown::line(why), false),
        };
        let changes = dossier.changes.as_ref().ok();
        Self {
            verdict: facts.verdict.key(),
            verdict_words: facts.words(),
            headline: headline_of(history, facts),
            run: if history.about.dry { "dry run".to_owned() } else { history.about.run.clone() },
            project: shown::line(&history.about.project),
            began: history.began.and_then(time_of_day).unwrap_or_default(),
            command_line: shown::line(&words::command_line("dvc-paraffin", &history.about.args)),
            error: error(history, &broken),
            counts,
            failures: failures(dossier, &broken),
            stages: (0..history.stages.len()).map(|at| row(dossier, &broken, at)).collect(),
            maps: maps(dossier),
            facts: sums(dossier),
            critical: facts.critical.iter().map(|at| shown::line(&history.stages[*at].planned.address)).collect(),
            base,
            has_base,
            metrics: changes.map(|changes| values(&changes.metrics.rows)).unwrap_or_default(),
            params: changes.map(|changes| values(&changes.params.rows)).unwrap_or_default(),
            value_remarks: changes.map(|changes| changes.remarks.iter().map(|text| shown::line(text)).collect()).unwrap_or_default(),
            remarks: remarks(history, &broken),
            environment: environment(dossier),
        }
    }
}

/// What befell the run, or the record of it.
fn error(history: &History, broken: &Broken) -> String {
    match (&history.end, history.damaged) {
        (Some(end), _) => end.fault.as_ref().map_or(String::new(), |fault| {
            let hint = fault.detail("hint").map_or(String::new(), |hint| format!("\nhint: {hint}"));
            broken.mended(&(words::failure_text(fault) + &hint))
        }),
        (None, Some(line)) => words::damaged(&history.about.run, line),
        (None, None) => String::new(),
    }
}

/// Names of stages with line ends and tabs in them, which are none of a sentence that names them.
struct Broken(Vec<(String, String)>);

impl Broken {
    fn of(history: &History) -> Self {
        let names = history.stages.iter().map(|entry| &entry.planned.address).filter(|name| name.contains(['\n', '\t']));
        Self(names.map(|name| (format!("'{name}'"), format!("'{}'", shown::line(name)))).collect())
    }

    /// A sentence that may name them, fit to be shown.
    fn mended(&self, text: &str) -> String {
        if !text.contains(['\n', '\t']) {
            return shown::text(text);
        }
        shown::text(&self.0.iter().fold(text.to_owned(), |text, (name, mended)| text.replace(name, mended)))
    }
}

/// Warnings, equal ones once.
fn remarks(history: &History, broken: &Broken) -> Vec<String> {
    let mut times: IndexMap<String, usize> = IndexMap::new();
    for (_, text) in &history.remarks {
        *times.entry(broken.mended(text)).or_default() += 1;
    }
    times.into_iter().map(|(text, times)| if times > 1 { format!("{text} ({times} times)") } else { text }).collect()
}

/// `12 ran, 1 failed, 3 skipped in 2m31s`
pub fn headline_of(history: &History, facts: &Facts) -> String {
    let parts: Vec<String> = facts.counts.iter().map(|(shown, number)| format!("{number} {}", shown.words())).collect();
    let what = match (parts.is_empty(), history.planned) {
        (false, _) => parts.join(", "),
        (true, true) => "no stages".to_owned(),
        (true, false) if facts.verdict == RunVerdict::Failed => "failed before the first stage".to_owned(),
        (true, false) => "no stage is on record".to_owned(),
    };
    let word = if matches!(facts.verdict, RunVerdict::Running | RunVerdict::Damaged) { "after" } else { "in" };
    format!("{what} {word} {}", duration(facts.wall))
}

fn failures(dossier: &Dossier, broken: &Broken) -> Vec<Failure> {
    let wanted = |at: &usize| matches!(dossier.facts.shown[*at], Shown::Over(Status::Failed | Status::Stopped));
    let mut places: Vec<usize> = (0..dossier.history.stages.len()).filter(wanted).collect();
    places.sort_by_key(|at| dossier.facts.shown[*at] != Shown::Over(Status::Failed));
    places.into_iter().map(|at| failure(dossier, broken, at)).collect()
}

fn failure(dossier: &Dossier, broken: &Broken, at: usize) -> Failure {
    let entry = &dossier.history.stages[at];
    let tail = dossier.tails.get(&at).cloned().unwrap_or_default();
    let Tail { lines, cut } = tail;
    let fault = entry.outcome.as_ref().and_then(|outcome| outcome.fault.as_ref());
    // Of a command that was cut off DVC's sentence says the number of a signal as if it were its exit code.
    let is_cut_off = |fault: &&Fault| dossier.facts.shown[at] != Shown::Over(Status::Failed) && fault.class == Class::StageCmdFailedError;
    let why = match (&entry.outcome, dossier.facts.verdict) {
        (None, _) => "the run was killed while it ran".to_owned(),
        (Some(outcome), _) => words::why_failed(outcome).unwrap_or_else(|| words::stopped(outcome).to_owned()),
    };
    // The message holds the rest.
    let why = shown::line(why.trim().lines().next().unwrap_or_default());
    let message = fault.filter(|fault| !is_cut_off(fault)).map_or(String::new(), |fault| broken.mended(&fault.to_string()));
    Failure {
        address: shown::line(&entry.planned.address),
        place: at,
        status: dossier.facts.shown[at].key(),
        message: if message.trim() == why { String::new() } else { message },
        why,
        hint: fault.and_then(|fault| fault.detail("hint")).map_or(String::new(), |hint| broken.mended(hint)),
        command: command(entry),
        tries: entry.tries.len(),
        no_log: no_log(dossier, entry),
        log: entry.tries.last().and_then(Try::log).unwrap_or_default().to_owned(),
        tail: lines,
        tail_cut: cut,
    }
}

/// Says that there is no log, and why; nothing where that is not known.
fn no_log(dossier: &Dossier, entry: &Entry) -> String {
    let why = entry.no_log(&dossier.history.about).filter(|why| *why != NoLog::Unknown);
    why.map_or(String::new(), |why| format!("There is no log: {}.", words::no_log(why)))
}

/// A sentence each. Of a stage that never ran nothing is recorded: that alone says it.
fn reasons(broken: &Broken, reasons: &[Reason]) -> Vec<String> {
    let telling = match reasons.iter().find(|reason| **reason == Reason::NeverRun) {
        Some(never) => std::slice::from_ref(never),
        None => reasons,
    };
    telling.iter().map(|reason| broken.mended(&words::reason(reason))).collect()
}

fn command(entry: &Entry) -> String {
    entry.planned.cmds.iter().map(|cmd| shown::text(cmd)).collect::<Vec<_>>().join("\n")
}

/// The foreach or matrix group of an address. A key may hold anything (`train@a@b`, `train@x:y`), and so may
/// the folder before it; a file of data has no group.
pub fn group(address: &str) -> Option<&str> {
    let name = address.find("dvc.yaml:").map_or(0, |at| at + "dvc.yaml:".len());
    let at = name + address[name..].find('@')?;
    (at > name && !address.ends_with(".dvc")).then(|| &address[..at])
}

fn row(dossier: &Dossier, broken: &Broken, at: usize) -> StageRow {
    let entry = &dossier.history.stages[at];
    let (shown, time) = (dossier.facts.shown[at], dossier.facts.times[at]);
    let mut row = StageRow {
        number: at + 1,
        address: shown::line(&entry.planned.address),
        group: group(&entry.planned.address).map_or(String::new(), shown::line),
        status: shown.key(),
        status_words: shown.words(),
        reasons: reasons(broken, &entry.reasons),
        command: command(entry),
        queue: shown::line(&entry.planned.queue),
        tries: entry.tries.len(),
        level: entry.planned.level + 1,
        critical: dossier.facts.critical.contains(&at),
        ..StageRow::default()
    };
    let (Some(first), Some(last)) = (entry.tries.first(), entry.tries.last()) else { return row };
    let phases = sum(entry, dossier.facts.wall);
    row.slot = last.slots.numbers()[0].to_string();
    row.start = duration(first.start);
    row.start_ns = ns(first.start);
    row.wait = duration(phases.wait);
    row.run = duration(phases.run);
    row.save = duration(phases.save);
    row.time = duration(time);
    row.time_ns = ns(time);
    let ran = shown == Shown::Over(Status::Ran);
    if let Some(before) = dossier.previous.as_ref().filter(|_| ran).and_then(|previous| previous.times.get(&entry.planned.address)) {
        (row.delta, row.delta_ns) = delta(*before, time);
    }
    let attempt = last.attempt().cloned().unwrap_or_default();
    let Attempt { returncode, usage, .. } = attempt;
    row.returncode = returncode.map(|code| code.to_string()).unwrap_or_default();
    row.log = last.log().unwrap_or_default().to_owned();
    if let Some(usage) = usage {
        row.cpu = duration(usage.user + usage.system);
        row.cpu_ns = ns(usage.user + usage.system);
        row.memory = size(usage.peak_rss);
        row.memory_bytes = usage.peak_rss;
    }
    row
}

/// In the order of the plan.
fn maps(dossier: &Dossier) -> Vec<MapRow> {
    let of = |at: usize| dossier.maps.get(&at).into_iter().flatten().map(move |answer| maps::row(at, answer));
    (0..dossier.history.stages.len()).flat_map(of).collect()
}

/// The times of all tries.
pub fn sum(entry: &Entry, now: Duration) -> Phases {
    entry.tries.iter().map(|attempt| attempt.phases(now)).fold(Phases::default(), |sum, phases| Phases {
        wait: sum.wait + phases.wait,
        before: sum.before + phases.before,
        run: sum.run + phases.run,
        save: sum.save + phases.save,
    })
}

fn delta(before: Duration, now: Duration) -> (String, i64) {
    let more = now >= before;
    let by = if more { now - before } else { before - now };
    let nanoseconds = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    let nanoseconds = if more { nanoseconds } else { -nanoseconds };
    (difference(nanoseconds), nanoseconds)
}

fn sums(dossier: &Dossier) -> Vec<Pair> {
    let (facts, jobs) = (&dossier.facts, dossier.history.jobs);
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: String| pairs.push(Pair { name: name.to_owned(), value });
    add("Wall time", duration(facts.wall));
    if !facts.stage_time.is_zero() {
        add("Time of stages", duration(facts.stage_time));
    }
    if let Some(speed_up) = facts.speed_up() {
        add("Speed-up", format!("{speed_up:.2}x"));
    }
    if let Some(efficiency) = facts.efficiency(jobs) {
        add("Parallel efficiency", format!("{:.0} % of {}", efficiency * 100.0, count(jobs, "job")));
    }
    if !facts.critical.is_empty() {
        add("Critical path", format!("{} over {}", duration(facts.critical_time), count(facts.critical.len(), "stage")));
    }
    if let Some(most) = facts.most() {
        add("Most speed-up possible", format!("{most:.2}x"));
    }
    add("Without a command running", duration(facts.own));
    for what in &dossier.what_if {
        add(&format!("With {} (simulated)", count(what.jobs, "job")), duration(what.wall));
    }
    if let Some(previous) = &dossier.previous {
        add("Compared with run", previous.run.clone());
    }
    pairs
}

fn environment(dossier: &Dossier) -> Vec<Pair> {
    let (about, git) = (&dossier.history.about, &dossier.history.git);
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            pairs.push(Pair { name: name.to_owned(), value: shown::line(&value) });
        }
    };
    add("dvc-paraffin", about.version.clone());
    add("DVC", about.dvc.clone().unwrap_or_default());
    add("Host", about.host.clone());
    add("System", about.system.clone());
    add("CPUs", if about.cpus > 0 { about.cpus.to_string() } else { String::new() });
    add("Jobs", if dossier.history.jobs > 0 { dossier.history.jobs.to_string() } else { String::new() });
    if about.terminal && dossier.history.stages.iter().any(|entry| !entry.tries.is_empty()) {
        add("Logs", "none: the stages had the terminal to themselves (--jobs 1)".to_owned());
    }
    for (queue, slots) in &dossier.history.queues {
        add(&format!("Queue {queue}"), count(*slots, "slot"));
    }
    if let Some(git) = git {
        let state = if git.dirty { " with uncommitted changes" } else { "" };
        add("Git commit", git.commit.as_ref().map_or("none yet".to_owned(), |commit| format!("{commit}{state}")));
        add("Git branch", git.branch.clone().unwrap_or_default());
    }
    pairs
}

fn values(rows: &[Row]) -> Vec<ValueRow> {
    let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), shown::line);
    rows.iter()
        .map(|row| ValueRow {
            path: shown::line(&row.path),
            name: shown::line(&row.name),
            old: text(&row.old),
            new: text(&row.new),
            change: text(&row.change),
        })
        .collect()
}

/// Nanoseconds as a whole number.
pub fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds since 1970 as RFC 3339 in UTC, to the second.
pub fn time_of_day(nanoseconds: i128) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some(format!("{time:.0}"))
}

/// Bytes as people read them: `640 kB`, `31.5 MB`, `2.1 GB`.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point")]
    let bytes = bytes as f64;
    match bytes {
        ..1e6 => format!("{:.0} kB", bytes / 1e3),
        1e6..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_what_stands_before_the_key() {
        for (address, want) in [
            ("train@0", Some("train")),
            ("train@a@b", Some("train")),
            ("train@x:y", Some("train")),
            ("a@b/dvc.yaml:train@0", Some("a@b/dvc.yaml:train")),
            ("a@b/dvc.yaml:train", None),
            ("train", None),
            ("@0", None),
            ("data@2.csv.dvc", None),
        ] {
            assert_eq!(group(address), want, "{address}");
        }
    }

    #[test]
    fn the_first_line_of_a_message_says_why_and_is_not_repeated() {
        for (text, why, message) in [
            (" output 'a' is already tracked.\n    To stop:\n        git rm a", "output 'a' is already tracked.", true),
            ("missing data 'source': a", "missing data 'source': a", false),
        ] {
            let mut dossier = crate::report::sample::badly().dossier();
            let outcome = dossier.history.stages[1].outcome.as_mut().unwrap();
            outcome.fault = Some(crate::model::Fault::new(Class::OutputAlreadyTrackedError, text));
            let failure = &View::of(&dossier).failures[0];
            assert_eq!((failure.why.as_str(), failure.message.as_str()), (why, if message { text } else { "" }));
        }
    }
}
