//! Notices that what a stage has read or made changes while only another stage runs.
//!
//! Such a stage writes what it does not declare, so dvc.lock tells of something that is no longer
//! there, and the next run does things again. A path is compared with what was last known of it
//! when a stage that reads it begins, and at the end of the run. Nothing is read for that while it
//! stands as it stood: the hasher knows it by inode and times; and what no stage can have touched
//! since is not even looked at. Something is told only if one stage alone can have done it. It does
//! not know why: somebody may have edited a file meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;

use crate::model::{Dep, Digest, Record, RepoPath, Stage, StageId};
use crate::plan::judge::{recorded_dep, recorded_out};
use crate::store::os::Stamp;
use crate::store::tree::{Content, Hashed};

use super::clock::Clock;
use super::job::{Run, hold};

/// By how much the time of a file may lie before the moment it was written, in nanoseconds: the
/// system's clock for files ticks slowly.
const TICK: i128 = 15_000_000;

/// As what a stage knows a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// It made it.
    Output,
    /// It reads it.
    Dep,
}

/// What was last known of a path.
#[derive(Clone, Debug)]
struct Last {
    stage: StageId,
    part: Part,
    digest: Digest,
    /// When, in nanoseconds since 1970.
    at: i128,
}

/// A stage's commands ran. Times are those of day, since files know no other.
#[derive(Clone, Copy, Debug)]
struct Span {
    stage: StageId,
    began: i128,
    ended: Option<i128>,
}

impl Span {
    /// Whether it may have written something within this time.
    fn meets(&self, from: i128, to: i128) -> bool {
        self.began <= to && self.ended.is_none_or(|ended| ended >= from)
    }
}

/// Something that changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Whose it is.
    pub stage: StageId,
    /// What it is of that stage.
    pub part: Part,
    /// The only stage that ran.
    pub by: StageId,
}

/// What one run knows.
#[derive(Debug, Default)]
pub struct Watch {
    last: Mutex<HashMap<RepoPath, Last, RandomState>>,
    spans: Mutex<Vec<Span>>,
    /// Whether files bear other times than our clock tells.
    is_skewed: AtomicBool,
}

/// A stage's commands run as long as this lives.
pub struct Running<'a>(&'a Watch, &'a Clock, usize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        hold(&self.0.spans)[self.2].ended = Some(self.1.now());
    }
}

impl Watch {
    /// A file that was written between two moments bears this time.
    pub fn compare_clocks(&self, before: i128, noted: i128, after: i128) {
        self.is_skewed.store(noted < before - TICK || noted > after, Ordering::Relaxed);
    }

    /// The commands of a stage begin.
    pub fn runs<'a>(&'a self, stage: StageId, clock: &'a Clock) -> Running<'a> {
        let mut spans = hold(&self.spans);
        spans.push(Span { stage, began: clock.now(), ended: None });
        Running(self, clock, spans.len() - 1)
    }

    /// What stood at a path at a time, as a stage has found or made it.
    pub fn saw(&self, path: &RepoPath, stage: StageId, part: Part, digest: &Digest, at: i128) {
        let mut all = hold(&self.last);
        match all.get_mut(path) {
            // Whose output it is stays the better answer.
            Some(last) if last.digest == *digest => last.at = at,
            _ => {
                all.insert(path.clone(), Last { stage, part, digest: digest.clone(), at });
            }
        }
    }

    /// Compares a path with what was last known of it; each change is found once. `changed`: when
    /// that may have been, by the time of the file.
    fn compare(&self, path: &RepoPath, found: Option<&Digest>, changed: Option<i128>, now: i128) -> Option<Change> {
        let last = {
            let mut all = hold(&self.last);
            // A hash of DVC 2 says nothing of one of DVC 3.
            all.get(path).filter(|last| found.is_none_or(|found| found.algo == last.digest.algo && *found != last.digest))?;
            all.remove(path)?
        };
        let changed = changed.filter(|at| (last.at - TICK..=now).contains(at) && !self.is_skewed.load(Ordering::Relaxed));
        let (from, to) = changed.map_or((last.at, now), |at| (at, at + TICK));
        let by = self.one_of_those_that_ran(from, to)?;
        (by != last.stage).then_some(Change { stage: last.stage, part: last.part, by })
    }

    fn one_of_those_that_ran(&self, from: i128, to: i128) -> Option<StageId> {
        let stages: BTreeSet<StageId> = hold(&self.spans).iter().filter(|span| span.meets(from, to)).map(|span| span.stage).collect();
        stages.first().copied().filter(|_| stages.len() == 1)
    }

    /// The paths that a stage other than theirs may have touched, with what was known of them.
    fn open(&self) -> Vec<(RepoPath, Digest)> {
        let spans = hold(&self.spans).clone();
        let touched = |last: &Last| spans.iter().rev().any(|span| span.stage != last.stage && span.meets(last.at, i128::MAX));
        let mut open: Vec<_> =
            hold(&self.last).iter().filter(|(_, last)| touched(last)).map(|(path, last)| (path.clone(), last.digest.clone())).collect();
        open.sort_by(|(one, _), (other, _)| one.cmp(other));
        open
    }
}

impl Run<'_> {
    /// What a stage has read and made, and how it is recorded; `at`: when it was looked at.
    pub fn saw_all(&self, id: StageId, stage: &Stage, record: &Record, at: i128) {
        let deps = own(stage).map(|dep| (&dep.path, Part::Dep, record.dep(&dep.def_path)));
        let outs = stage.outs.iter().map(|out| (&out.path, Part::Output, record.out(&out.def_path)));
        for (path, part, recorded) in deps.chain(outs) {
            if let Some(digest) = recorded.and_then(|recorded| recorded.digest.as_ref()) {
                self.watch.saw(path, id, part, digest, at);
            }
        }
    }

    /// What was found of a stage that need not run. Not its directories, which would have to be
    /// listed once more at the end.
    pub fn saw_fresh(&self, id: StageId, stage: &Stage, record: Option<&Record>, at: i128) {
        let deps = own(stage).map(|dep| (&dep.path, Part::Dep, recorded_dep(stage, record, &dep.def_path)));
        let outs = stage.outs.iter().map(|out| (&out.path, Part::Output, recorded_out(stage, record, &out.def_path)));
        for (path, part, digest) in deps.chain(outs).filter(|_| !stage.frozen) {
            if let Some(digest) = digest.filter(|digest| !digest.is_dir()) {
                self.watch.saw(path, id, part, digest, at);
            }
        }
    }

    /// A stage begins to read this: what to say if it is not what it was.
    pub fn is_read(&self, path: &RepoPath, found: &Digest, clock: &Clock) -> Option<String> {
        let file = std::fs::metadata(path.under(self.disk.root())).ok().filter(|_| !found.is_dir());
        let change = self.watch.compare(path, Some(found), file.map(|meta| Stamp::of(&meta).mtime), clock.now())?;
        self.words(path, change)
    }

    /// At the end of a run: what to say of all that is not what it was.
    pub fn last_look(&self, clock: &Clock) -> Vec<String> {
        let look = |(path, digest): (RepoPath, Digest)| {
            let found = self.disk.hash(&path, Some(&digest)).ok()?;
            let changed = found.as_ref().map(|found| changed_at(&path.under(self.disk.root()), found));
            let change = self.watch.compare(&path, found.as_ref().map(|found| &found.digest), changed, clock.now())?;
            self.words(&path, change)
        };
        self.watch.open().into_iter().filter_map(look).collect()
    }

    /// None if the change is no wonder: it is an output of that stage, or we have written there.
    fn words(&self, path: &RepoPath, change: Change) -> Option<String> {
        let (stage, by) = (self.pipeline.get(change.stage), self.pipeline.get(change.by));
        let is_expected = by.outs.iter().any(|out| out.path.overlaps(path));
        if is_expected || hold(&self.ledger).changed().iter().any(|ours| path.contains(ours)) {
            return None;
        }
        let (noun, def_path) = match change.part {
            Part::Output => ("output", stage.outs.iter().find(|out| out.path == *path).map(|out| &out.def_path)),
            Part::Dep => ("dep", stage.deps.iter().find(|dep| dep.path == *path).map(|dep| &dep.def_path)),
        };
        let cwd = self.disk.cwd();
        let shown = path.shown(def_path.map_or("", String::as_str), cwd);
        let (whose, who) = (stage.address.seen_from(cwd), by.address.seen_from(cwd));
        Some(format!("{noun} '{shown}' of stage '{whose}' changed while only stage '{who}' ran"))
    }
}

/// The deps that we can look at.
fn own(stage: &Stage) -> impl Iterator<Item = &Dep> {
    stage.deps.iter().filter(|dep| dep.foreign.is_none())
}

/// When something was last written there, by the times of its files.
fn changed_at(place: &Path, found: &Hashed) -> i128 {
    match &found.content {
        Content::File(file) => file.stamp.mtime,
        Content::Tree { files, .. } => {
            let own = std::fs::metadata(place).map_or(0, |meta| Stamp::of(&meta).mtime);
            files.iter().map(|file| file.stamp.mtime).fold(own, i128::max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i128 = 1_000_000;

    /// Stages 1 and 2 ran at these times, in milliseconds.
    fn watch(spans: [(i128, i128); 2]) -> Watch {
        let watch = Watch::default();
        for (number, (began, ended)) in (1..).zip(spans) {
            hold(&watch.spans).push(Span { stage: StageId(number), began: began * MS, ended: Some(ended * MS) });
        }
        watch.saw(&RepoPath::new("x"), StageId(0), Part::Output, &Digest::md5("old"), 0);
        watch
    }

    fn who(watch: &Watch, changed: Option<i128>) -> Option<u32> {
        let changed = changed.map(|at| at * MS);
        watch.compare(&RepoPath::new("x"), Some(&Digest::md5("new")), changed, 1000 * MS).map(|change| change.by.0)
    }

    #[test]
    fn one_is_named_if_it_ran_alone_when_it_happened() {
        let apart = [(100, 200), (300, 400)];
        assert_eq!(who(&watch(apart), Some(150)), Some(1));
        assert_eq!(who(&watch(apart), Some(350)), Some(2));
        // The time of the file lags.
        assert_eq!(who(&watch(apart), Some(295)), Some(2));
        assert_eq!(who(&watch(apart), Some(250)), None, "nobody ran");
        assert_eq!(who(&watch([(100, 400), (300, 400)]), Some(350)), None, "both ran");
        // A time that somebody has set, or none: all that ran since count.
        assert_eq!(who(&watch(apart), Some(-500)), None);
        assert_eq!(who(&watch(apart), None), None);
        assert_eq!(who(&watch([(-200, -100), (300, 400)]), None), Some(2));
    }

    #[test]
    fn a_change_is_told_once_and_clocks_that_differ_are_not_believed() {
        let known = watch([(100, 200), (300, 400)]);
        assert_eq!(known.compare(&RepoPath::new("x"), Some(&Digest::md5("old")), Some(150 * MS), 1000 * MS), None);
        assert_eq!(who(&known, Some(150)), Some(1));
        assert_eq!(who(&known, Some(150)), None);
        let skewed = watch([(100, 200), (300, 400)]);
        skewed.compare_clocks(0, 60 * MS, MS);
        assert_eq!(who(&skewed, Some(150)), None);
        let lagging = watch([(100, 200), (300, 400)]);
        lagging.compare_clocks(0, -5 * MS, MS);
        assert_eq!(who(&lagging, Some(150)), Some(1));
    }

    #[test]
    fn a_hash_of_another_kind_is_no_change() {
        let known = watch([(100, 200), (300, 400)]);
        let legacy = Digest { algo: crate::model::Algo::Md5Dos2Unix, ..Digest::md5("new") };
        assert_eq!(known.compare(&RepoPath::new("x"), Some(&legacy), Some(150 * MS), 1000 * MS), None);
        assert_eq!(who(&known, Some(150)), Some(1), "it is still known");
    }

    #[test]
    fn only_what_another_stage_can_have_touched_is_looked_at() {
        let known = watch([(100, 200), (300, 400)]);
        assert_eq!(known.open().len(), 1);
        known.saw(&RepoPath::new("x"), StageId(2), Part::Dep, &Digest::md5("old"), 250 * MS);
        assert_eq!(known.open().len(), 1, "whose output it is stays known");
        known.saw(&RepoPath::new("x"), StageId(2), Part::Dep, &Digest::md5("new"), 250 * MS);
        assert_eq!(known.open().len(), 0);
    }
}
