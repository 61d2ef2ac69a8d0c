//! Earlier runs and the one that goes on: found by name, read from their journals.
//!
//! Nothing here waits for a lock: whoever looks must not stand in the way of who works.

use std::fs;
use std::path::{Path, PathBuf};

use crate::format::journal;
use crate::format::mask::Masks;
use crate::format::suggest;
use crate::model::about::JOURNAL;
use crate::model::{Address, Class, Fault, Level, RepoPath};
use crate::report::history::{Entry, History};
use crate::report::words;
use crate::run::{journal as written, logs};

use super::report::{up_to, up_to_now};

/// A run that left a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
}

/// What its journal tells.
#[derive(Clone, Debug)]
pub struct Found {
    /// The folder.
    pub folder: Folder,
    /// What happened.
    pub history: History,
    /// Whether its process lives.
    pub alive: bool,
    /// What of it must not be seen: by those who ran it, and by those who look at it.
    pub masks: Masks,
}

impl Folder {
    /// Reads the journal. What these masks hide besides what the run hid is hidden in all that comes of it.
    ///
    /// # Errors
    /// It cannot be read, holds nothing, or a later version wrote it in another format.
    pub fn read(&self, masks: &Masks) -> Result<Found, Fault> {
        let path = self.journal();
        // Asked before the file is read: a run that ends in between has its end in the journal.
        let alive = written::is_written(&path);
        let bytes = fs::read(&path).map_err(|error| Fault::new(Class::IOError, format!("cannot read '{}': {error}", path.display())))?;
        if bytes.is_empty() {
            return Err(Fault::new(Class::FileNotFoundError, format!("nothing is on record of run '{}', its journal is empty", self.name)));
        }
        let journal = journal::parse(&bytes);
        let mut history = History::of(&journal.events);
        history.unread = journal.unread;
        // Without an end it was killed, unless it is known to have ended.
        let is_cut = history.end.is_none() && !alive && logs::has_ended(&self.dir);
        history.damaged = (journal.broken || is_cut).then_some(journal.lines + 1);
        // The verdict says it where there is no end.
        let remark = history.end.as_ref().and_then(|_| damage(&self.name, &history));
        history.remarks.extend(remark.map(|text| (Level::Warning, text)));
        if history.about.journal > JOURNAL {
            let text = format!(
                "the journal of run '{}' was written by dvc-paraffin {}, which is newer than this one: update to read it",
                self.name, history.about.version
            );
            return Err(Fault::new(Class::NotSupported, text));
        }
        let masks = Masks::of_run(&history.about.hidden).and(masks);
        hide(&mut history, &masks.later());
        if alive {
            up_to_now(&mut history);
        } else if history.damaged.is_none()
            && let Some(at) = written::last_sign(&path)
        {
            up_to(&mut history, at);
        }
        if history.about.run.is_empty() {
            history.about.run.clone_from(&self.name);
        }
        Ok(Found { folder: self.clone(), history, alive, masks })
    }

    fn journal(&self) -> PathBuf {
        self.dir.join(written::FILE)
    }
}

/// Hides what the run itself had no word of.
fn hide(history: &mut History, later: &Masks) {
    if later.any() {
        history.each_text(&mut |text| later.edit(text));
        history.kept.iter_mut().for_each(|kept| later.values_again(kept));
    }
}

/// What is wrong with the journal of a run, as far as it was read.
pub fn damage(name: &str, history: &History) -> Option<String> {
    history.damaged.map(|line| words::damaged(name, line))
}

/// The run of this name with what its journal tells; of the newest ones that hold nothing the next takes the place.
/// Tells those passed over.
///
/// # Errors
/// As [`find`] and [`Folder::read`].
pub fn read(tmp: &Path, name: Option<&str>, masks: &Masks, mut passed_over: impl FnMut(&Fault)) -> Result<Found, Fault> {
    let first = find(tmp, name)?;
    if name.is_some_and(|name| name != "latest") {
        return first.read(masks);
    }
    let mut last = None;
    for folder in all(tmp) {
        match folder.read(masks) {
            Err(fault) if fault.class == Class::FileNotFoundError => passed_over(last.insert(fault)),
            other => return other,
        }
    }
    last.map_or_else(|| first.read(masks), Err)
}

/// The runs that left a journal, the newest first; `tmp` is `.dvc/tmp`.
pub fn all(tmp: &Path) -> Vec<Folder> {
    let folders = logs::all(tmp).into_iter().rev();
    let folders = folders.filter_map(|dir| Some(Folder { name: dir.file_name()?.to_str()?.to_owned(), dir }));
    folders.filter(|folder| folder.journal().is_file()).collect()
}

/// The run of this name, or of the only one that begins so; `latest` is the newest.
///
/// # Errors
/// There is none, or more than one.
pub fn find(tmp: &Path, name: Option<&str>) -> Result<Folder, Fault> {
    let all = all(tmp);
    let usage = |text: String| Fault::new(Class::InvalidArgumentError, text);
    let Some(name) = name.filter(|name| *name != "latest") else {
        return all.into_iter().next().ok_or_else(|| usage("no run is on record here: `dvc-paraffin repro` makes one".to_owned()));
    };
    if let Some(found) = all.iter().find(|folder| folder.name == name) {
        return Ok(found.clone());
    }
    let alike: Vec<&Folder> = all.iter().filter(|folder| folder.name.starts_with(name)).collect();
    match alike.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let near = suggest::did_you_mean(name, all.iter().map(|folder| folder.name.as_str()));
            let hint = near.unwrap_or_else(|| "`dvc-paraffin runs` lists them.".to_owned());
            Err(usage(format!("no run '{name}' is on record")).with("hint", hint))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|folder| folder.name.as_str()).collect();
            Err(usage(format!("'{name}' could be any of {}", names.join(", "))))
        }
    }
}

/// The stage that an address means to someone in this directory of the repository, and its place in
/// the plan: as the run printed it, as it would be printed here, or whole.
///
/// # Errors
/// No stage of the run has that address, or several, since a part of it is masked.
pub fn stage<'f>(found: &'f Found, text: &str, cwd: &RepoPath) -> Result<(usize, &'f Entry), Fault> {
    let history = &found.history;
    let run_cwd = RepoPath::new(history.about.cwd.as_str());
    let text = found.masks.text(text);
    let typed = text.trim_start_matches("./");
    let known = |entry: &Entry, cwd: &RepoPath| {
        let address = address(entry, &run_cwd);
        let whole = address.name.as_ref().map(|name| format!("{}:{name}", address.file.seen_from(cwd)));
        address.seen_from(cwd) == typed || whole.is_some_and(|whole| whole == typed)
    };
    let by = |wanted: &dyn Fn(&Entry) -> bool| history.stages.iter().enumerate().filter(|(_, entry)| wanted(entry)).collect::<Vec<_>>();
    // As `repro` would take it here, else from the root, else as the run said it.
    let mut meant = by(&|entry| known(entry, cwd));
    if meant.is_empty() {
        meant = by(&|entry| known(entry, &RepoPath::root()));
    }
    if meant.is_empty() {
        meant = by(&|entry| entry.planned.address == text);
    }
    match meant.as_slice() {
        [only] => Ok(*only),
        [] => {
            let known = history.stages.iter().map(|entry| entry.planned.address.as_str());
            let fault = Fault::new(Class::StageNotFound, format!("run '{}' has no stage '{text}'", history.about.run));
            let hint = suggest::did_you_mean(&text, known);
            Err(fault.with("hint", hint.unwrap_or_else(|| "`dvc-paraffin logs` lists the stages that left one.".to_owned())))
        }
        several => Err(alike(found, &text, several)),
    }
}

/// What tells stages apart of which masks leave the same.
fn alike(found: &Found, text: &str, several: &[(usize, &Entry)]) -> Fault {
    let logs: Vec<String> = several.iter().map(|(place, _)| format!("'{}'", log(found, *place, None).display())).collect();
    let message = format!("{} stages of run '{}' are '{text}' once masked", several.len(), found.history.about.run);
    Fault::new(Class::StageNotFound, message).with("hint", format!("their logs, as they were written, are {}.", logs.join(", ")))
}

/// The address of a stage of a run as it would be printed in this directory.
pub fn seen_from(found: &Found, entry: &Entry, cwd: &RepoPath) -> String {
    address(entry, &RepoPath::new(found.history.about.cwd.as_str())).seen_from(cwd)
}

/// Where a stage is defined, from what the run printed of it.
fn address(entry: &Entry, run_cwd: &RepoPath) -> Address {
    let file = RepoPath::new(entry.planned.file.as_str());
    let head = format!("{}:", file.seen_from(run_cwd));
    let name = (!entry.planned.data_file).then(|| {
        let text = &entry.planned.address;
        text.strip_prefix(&head).unwrap_or(text).to_owned()
    });
    Address { file, name }
}

/// The log of a try of a stage, and whether it is there. `attempt` is the last one if none is given.
pub fn log(found: &Found, place: usize, attempt: Option<u32>) -> PathBuf {
    let entry = &found.history.stages[place];
    let attempt = attempt.or_else(|| entry.tries.last().map(|last| last.number)).unwrap_or(1);
    found.folder.dir.join(logs::name(place, attempt))
}
