//! Gathers what a report says: the run itself, the ends of logs, other runs, and what changed
//! against the base.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::format::mask::Masks;
use crate::model::Status;
use crate::model::base::Asked;
use crate::model::values::Values;
use crate::report::dossier::{Changes, Dossier, Previous, Tail, WhatIf};
use crate::report::facts::{Facts, RunVerdict, Shown};
use crate::report::history::History;
use crate::report::shown;
use crate::run::logs;
use crate::store::os;
use crate::store::workspace::Workspace;

use super::runs::{self, Folder};
use super::{changes, maps, values, what_if};

/// So many lines of a log are shown of a stage that failed.
const LINES: usize = 50;
/// They are looked for in so many bytes at its end.
const BYTES: u64 = 1 << 16;
/// Of so many stages.
const FAILURES: usize = 200;
/// So many runs are looked through for times to compare with.
const BEFORE: usize = 20;

/// What is asked of a report.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// What parameters and metrics are compared with.
    pub base: Asked,
    /// Other numbers of jobs.
    pub what_if: Vec<usize>,
    /// What must not be seen: what the journal was masked with, and what else.
    pub masks: Masks,
}

/// The matter of a report of a run.
pub fn gather(workspace: &Arc<Workspace>, history: History, alive: bool, exit_code: Option<i32>, wanted: &Wanted) -> Dossier {
    let changes = differences(workspace, history.kept.as_deref(), wanted);
    let previous = previous(&workspace.tmp_dir(), &history, &wanted.masks);
    Dossier { exit_code, changes, previous, ..matter(workspace, history, alive, wanted) }
}

/// The same of a run that goes on, without what takes long.
pub fn glance(workspace: &Workspace, history: History, wanted: &Wanted) -> Dossier {
    matter(workspace, history, true, wanted)
}

/// The same of a run that could not even begin: without a repository, or without being told what must not be seen. Of
/// parameters and metrics nothing is said.
pub fn unbegun(history: History, exit_code: i32) -> Dossier {
    let changes = Err("the run could not begin".to_owned());
    Dossier { exit_code: Some(exit_code), changes, ..bare(history, false) }
}

fn bare(history: History, alive: bool) -> Dossier {
    let facts = Facts::of(&history, alive);
    let changes = Err("compared with the base once the run is over".to_owned());
    Dossier { exit_code: None, tails: HashMap::new(), maps: HashMap::new(), changes, previous: None, what_if: Vec::new(), facts, history }
}

fn matter(workspace: &Workspace, mut history: History, alive: bool, wanted: &Wanted) -> Dossier {
    if alive {
        up_to_now(&mut history);
    }
    let dir = logs::folder(&workspace.tmp_dir(), &history.about.run);
    find_logs(&dir, &mut history);
    let dossier = bare(history, alive);
    let (history, facts) = (&dossier.history, &dossier.facts);
    let places = (0..history.stages.len()).filter(|at| shows_its_log(facts.shown[*at], facts.verdict)).take(FAILURES);
    let tails = places.filter_map(|at| Some((at, tail(&dir, history, at, &wanted.masks)?))).collect();
    let maps = maps::read(&dir, history, &wanted.masks);
    // A run that failed before it had a plan would have failed so with any number of jobs.
    let numbers = wanted.what_if.iter().filter(|_| history.planned);
    let what_if = numbers.map(|jobs| WhatIf { jobs: *jobs, wall: what_if::wall(history, facts, *jobs) }).collect();
    Dossier { tails, maps, what_if, ..dossier }
}

/// Of tries without an end the journal does not say where their logs are.
fn find_logs(dir: &Path, history: &mut History) {
    for (place, entry) in history.stages.iter_mut().enumerate() {
        let Some(open) = entry.tries.last_mut().filter(|last| last.end.is_none()) else { continue };
        let name = logs::name(place, open.number);
        open.log = dir.join(&name).is_file().then(|| logs::shown(&history.about.run, &name));
    }
}

/// A run that goes on has come to this moment, also if nothing happened since its last event.
pub fn up_to_now(history: &mut History) {
    up_to(history, os::now());
}

/// A run without an end was alive at this time of day, nanoseconds since 1970 UTC.
pub fn up_to(history: &mut History, at: i128) {
    if let (None, Some(began)) = (&history.end, history.began) {
        let since = u64::try_from(at.saturating_sub(began)).unwrap_or(0);
        history.last = history.last.max(Duration::from_nanos(since));
    }
}

fn shows_its_log(shown: Shown, verdict: RunVerdict) -> bool {
    matches!(shown, Shown::Over(Status::Failed | Status::Stopped)) && verdict != RunVerdict::StoppedEarly
}

fn differences(workspace: &Arc<Workspace>, kept: Option<&Values>, wanted: &Wanted) -> Result<Changes, String> {
    let found = match kept {
        Some(kept) => changes::against_base(workspace, &wanted.base, kept, &wanted.masks),
        // A run that failed early, or has not ended: what is there now is what it has come to.
        None => {
            let mut now = values::of_work_tree(workspace);
            wanted.masks.values(&mut now);
            changes::against_base(workspace, &wanted.base, &now, &wanted.masks)
        }
    };
    let masked = |text: String| wanted.masks.text(&text).into_owned();
    found.map_err(masked).map(|mut changes| {
        changes.remarks.iter_mut().chain([&mut changes.base]).for_each(|text| wanted.masks.edit(text));
        changes
    })
}

/// The end of the log of a stage's last try; none where it has none.
fn tail(dir: &Path, history: &History, at: usize, masks: &Masks) -> Option<Tail> {
    let attempt = history.stages[at].tries.last()?.number;
    let (bytes, whole) = last_bytes(&dir.join(logs::name(at, attempt))).ok()?;
    let mut lines = shown::log(&bytes);
    let mut cut = !whole;
    if cut && !lines.is_empty() {
        // The first one has lost its beginning.
        lines.remove(0);
    }
    if lines.len() > LINES {
        lines.drain(..lines.len() - LINES);
        cut = true;
    }
    let lines = lines.iter().map(|line| masks.text(line).into_owned()).collect();
    Some(Tail { lines, cut })
}

/// The end of a file, and whether that is all of it.
pub(super) fn last_bytes(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok((bytes, from == 0))
}

/// The newest earlier run in which one of these stages ran as well.
fn previous(tmp: &Path, history: &History, masks: &Masks) -> Option<Previous> {
    let mut ran = history.stages.iter().filter(|entry| !entry.tries.is_empty()).peekable();
    ran.peek()?;
    let earlier = runs::all(tmp).into_iter().filter(|folder| folder.name < history.about.run);
    earlier.take(BEFORE).find_map(|folder| times(&folder, history, masks))
}

fn times(folder: &Folder, history: &History, masks: &Masks) -> Option<Previous> {
    let found = folder.read(masks).ok()?;
    let facts = Facts::of(&found.history, found.alive);
    // Stages whose names are masked may look alike: then it is not known which was which.
    let (now, then) = (alike(history), alike(&found.history));
    let known = |address: &&str| !now.contains(*address) && !then.contains(*address);
    let each = found.history.stages.iter().zip(&facts.times).zip(&facts.shown);
    let ran = each.filter(|(_, shown)| **shown == Shown::Over(Status::Ran));
    let ran = ran.map(|((entry, time), _)| (entry.planned.address.as_str(), *time)).filter(|(address, _)| known(address));
    let times: HashMap<String, Duration> = ran.map(|(address, time)| (address.to_owned(), time)).collect();
    let shared = history.stages.iter().any(|entry| !entry.tries.is_empty() && times.contains_key(&entry.planned.address));
    shared.then(|| Previous { run: folder.name.clone(), times })
}

/// The addresses that more than one stage has.
fn alike(history: &History) -> HashSet<&str> {
    let mut seen = HashSet::new();
    history.stages.iter().map(|entry| entry.planned.address.as_str()).filter(|address| !seen.insert(*address)).collect()
}
