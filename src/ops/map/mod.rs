//! `map`: one command over the parts of an input. Wires what divides, runs and joins.
//!
//! It works outside of any repository too: nothing of DVC is read. Within one its files stand in
//! `.dvc/tmp/paraffin/map`, else in a temporary folder.

mod around;
mod folder;
mod result;
mod source;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::format::map::numbers::Kind;
use crate::format::map::words::{Place, Words};
use crate::format::rows::Format;
use crate::model::mapped::{Estimate, Mapped, Part};
use crate::model::{Class, Fault};
use crate::run::child::Children;
use crate::run::clock::Clock;
use crate::run::console::Lender;
use crate::run::map::keep::Keep;
use crate::run::map::perform::Performer;
use crate::run::map::{Failing, Map, MapError, Teller};
use crate::run::signals::Watcher;
use crate::run::tokens::{Style, Tokens};
use crate::run::within::{self, Within};
use crate::store::os;
use crate::store::rows::RowsError;

use folder::Folder;
use source::{Cut, Found};

/// So many threads wait for commands at most; no machine runs more at once.
const MOST_JOBS: usize = 4096;

/// What is divided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Files with rows, or directories and patterns of files, side by side.
    Inputs(Vec<PathBuf>),
    /// These items.
    Items(Vec<OsString>),
    /// Those in a file, and what each ends with.
    ItemsFile(PathBuf, u8),
    /// Those that a command prints.
    SplitCmd(OsString),
}

/// How large partitions are to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sizing {
    /// As their cost tells, beginning with this.
    Chosen(Option<u64>),
    /// So many rows.
    Fixed(u64),
    /// So many partitions.
    Chunks(u64),
}

/// How parts become the result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Combine {
    /// One after the other.
    Concat,
    /// Numbers.
    Numbers(Kind),
    /// JSON.
    MergeJson,
    /// A directory that holds them.
    Files,
    /// By a command of the shell.
    Cmd(OsString),
}

/// What was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// What is divided.
    pub source: Source,
    /// What its rows are, if it is said.
    pub format: Option<Format>,
    /// Between the fields of tables, if it is said.
    pub delimiter: Option<u8>,
    /// Whether tables have a header.
    pub header: bool,
    /// Whether bytes must be UTF-8.
    pub text: bool,
    /// Columns whose values tell which rows stay together.
    pub by_group: Option<Vec<String>>,
    /// Whether rows come out in the order in which they went in.
    pub keep_order: bool,
    /// How large partitions are.
    pub sizing: Sizing,
    /// The command and its words.
    pub command: Vec<OsString>,
    /// Where the result goes; none for standard output.
    pub out: Option<PathBuf>,
    /// How parts become it.
    pub combine: Combine,
    /// How many partitions are worked on at once, at most.
    pub jobs: usize,
    /// How many tries there are after the first.
    pub retries: u32,
    /// How long a try may take.
    pub timeout: Option<Duration>,
    /// Between the signal that asks and the one that kills.
    pub grace: Duration,
    /// What to do about failures.
    pub failing: Failing,
    /// Whether the command is a worker that does many partitions.
    pub persistent: bool,
    /// The only partition that is worked on.
    pub only: Option<u64>,
    /// Whether a broken run goes on.
    pub resume: bool,
    /// Whether nothing is run.
    pub dry_run: bool,
}

/// Runs a map to its end.
///
/// # Errors
/// Nothing could be begun.
pub fn map(request: &Request, watcher: &Watcher, teller: &dyn Teller) -> Result<Mapped, Fault> {
    let children = Children::new(Lender::default());
    let result = stopping(watcher, &children, || begin(request, watcher, &children, teller));
    match result {
        Err(_) if children.stopping() => Err(fault(MapError::Interrupted)),
        other => other,
    }
}

fn begin(request: &Request, watcher: &Watcher, children: &Children, teller: &dyn Teller) -> Result<Mapped, Fault> {
    let clock = Clock::start();
    let found = source::find(&request.source, children)?;
    let typed = request.command.iter().map(|word| word.as_encoded_bytes().to_vec());
    let words = Words::read(typed, found.count()).map_err(|error| usage(error.to_string()))?;
    refuse(request, &found, &words)?;
    let states: Vec<_> = found.states().into_iter().map(|(_, state)| state).collect();
    let goes_on = request.resume || request.only.is_some();
    // To look costs nothing that a broken run has left.
    let folder = Folder::open(&described(request, &found), goes_on || request.dry_run).map_err(fault)?;
    let keep = Keep::open(folder.path(), goes_on || request.dry_run).map_err(fault)?;
    if let (Some(only), Sizing::Chosen(_), Found::Rows(_)) = (request.only, request.sizing, &found)
        && !keep.knows(only)
    {
        let text = format!("it is not known which rows partition {only} had: no failed run of this command is on record that had one");
        return Err(usage(text).with("hint", "--size N or --chunks K makes partitions the same each time."));
    }
    let within = Within::new(std::env::var_os(within::VARIABLE));
    let jobs = request.jobs.min(MOST_JOBS);
    let tokens = Tokens::new(folder.path().to_path_buf(), jobs, Style::default(), around::pipe());
    let (suffix, tries) = (result::suffix(request, &found), folder.tries().map_err(fault)?);
    let performer = Performer {
        children,
        tokens: &tokens,
        within: &within,
        words: &words,
        dir: folder.path(),
        tries: tries.path(),
        suffix: &suffix,
        env: &around::threads(jobs),
        retries: request.retries,
        timeout: request.timeout,
        grace: request.grace,
        persistent: request.persistent,
        takes_directories: matches!(request.combine, Combine::Cmd(_)),
        gave_up: AtomicBool::new(false),
    };
    let before = if goes_on { keep.bounds().clone() } else { BTreeMap::new() };
    let cut = source::open(request, &found, &performer, before, folder.cost());
    if request.dry_run {
        return dry(request, cut.map_err(fault)?, &performer).map_err(fault);
    }
    run(
        request,
        &found,
        cut.map_err(fault)?,
        // More of them than there are items would have nothing to do; what they start may.
        &Work {
            jobs: jobs.min(found.most()),
            folder: &folder,
            keep: &keep,
            performer: &performer,
            teller,
            clock: &clock,
            watcher,
            states: &states,
        },
    )
}

/// What is needed to do the work.
struct Work<'a> {
    jobs: usize,
    folder: &'a Folder,
    keep: &'a Keep,
    performer: &'a Performer<'a>,
    teller: &'a dyn Teller,
    clock: &'a Clock,
    watcher: &'a Watcher,
    /// How the files of the input were before they were read.
    states: &'a [Option<os::Stamp>],
}

fn run(request: &Request, found: &Found, mut cut: Cut, work: &Work<'_>) -> Result<Mapped, Fault> {
    let (began, performer) = (work.clock.now(), work.performer);
    let mut joiner = result::joiner(request, found, &cut, work.folder.path()).map_err(fault)?;
    let map = Map {
        jobs: work.jobs,
        tokens: performer.tokens,
        keep: work.keep,
        performer,
        wanted: request.only,
        failing: request.failing,
        teller: work.teller,
        clock: work.clock,
    };
    let (parts, result) = map.run(cut.cutter.as_mut(), &mut joiner);
    let result = result.and_then(|()| sound(request, found, &parts, work)).and_then(|()| result::place(request, found, joiner, performer));
    match &result {
        Ok(()) if request.only.is_none() => work.folder.finish(cut.cutter.cost()),
        Ok(()) => {}
        Err(_) => work.folder.break_off(),
    }
    let estimate = match (cut.cutter.cost(), request.sizing) {
        (Some(cost), _) => Estimate::Known { each: cost.each, start: cost.start },
        (None, Sizing::Chosen(_)) => Estimate::Learning,
        (None, _) => Estimate::Fixed,
    };
    let (out, fault) = (request.out.clone(), result.err().map(fault));
    Ok(Mapped { out, parts, began, wall: work.clock.elapsed(), estimate, fault })
}

/// Nothing stands against a result: nobody has asked for a stop, and the inputs are still what they were.
fn sound(request: &Request, found: &Found, parts: &[Part], work: &Work<'_>) -> Result<(), MapError> {
    if work.watcher.is_told() {
        return Err(MapError::Interrupted);
    }
    if let Some(only) = request.only.filter(|_| parts.is_empty()) {
        return Err(MapError::Part(format!("there is no partition {only}")));
    }
    match found.states().into_iter().zip(work.states).find(|((_, now), then)| now != *then) {
        Some(((path, _), _)) => Err(MapError::Part(format!("'{}' has changed while it was read", path.display()))),
        None => Ok(()),
    }
}

/// Only cuts partitions, and says what would be run on them.
fn dry(request: &Request, mut cut: Cut, performer: &Performer<'_>) -> Result<Mapped, MapError> {
    let mut parts = Vec::new();
    while let Some(portion) = cut.cutter.next()? {
        let words = performer.command_of(&portion)?;
        let part = Part { label: portion.label.clone(), ..Part::new(portion.index, portion.first, portion.count) };
        parts.push(Part { planned: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(), ..part });
        portion.forget();
    }
    Ok(Mapped { out: request.out.clone(), parts, began: 0, wall: Duration::ZERO, estimate: Estimate::Fixed, fault: None })
}

/// What makes a map another one: the command, and how its input is divided.
fn described(request: &Request, found: &Found) -> Vec<Vec<u8>> {
    let mut described: Vec<Vec<u8>> = request.command.iter().map(|word| word.as_encoded_bytes().to_vec()).collect();
    let here = std::env::current_dir().unwrap_or_default();
    described.push(here.into_os_string().into_encoded_bytes());
    let how = (&request.source, request.format, request.delimiter, request.header, &request.by_group, request.sizing, request.persistent);
    described.push(format!("{how:?} {:?}", result::suffix(request, found)).into_bytes());
    described
}

/// Refuses what cannot be, and what would come out otherwise each time, because the sizes of partitions follow from time.
fn refuse(request: &Request, found: &Found, words: &Words) -> Result<(), Fault> {
    match &request.out {
        None if request.combine == Combine::Files => return Err(usage("a directory of parts needs a place: --out DIR")),
        Some(out) if request.combine == Combine::Files && os::resolved(Path::new(".")).starts_with(os::resolved(out)) => {
            return Err(usage(format!("a directory of parts cannot replace '{}', in which this runs", out.display())));
        }
        _ => {}
    }
    if let Some(out) = &request.out {
        outside(request, found, out)?;
    }
    if let Some(out) = request.out.as_deref().filter(|_| result::joins_row_groups(request, found) && !cfg!(feature = "parquet")) {
        return Err(usage(source::without_parquet(out)));
    }
    if let (Some(_), None, Format::Lines | Format::JsonLines) = (request.delimiter, request.format, source::format_of(request, found)) {
        return Err(usage("--delimiter stands between the fields of tables: --format csv says that the input is one"));
    }
    // A worker is told of all inputs, and the first is in the environment.
    let told = |input: usize| request.persistent || words.has(|place| place == Place::In(input));
    if let Some(input) = (1..found.count()).find(|input| !told(*input)) {
        return Err(usage(format!("no word of the command has '{{in{}}}': it would never see that input", input + 1)));
    }
    let Found::Rows(_) = found else {
        return if request.by_group.is_some() { Err(usage("only rows have groups: --by-group goes with files of rows")) } else { Ok(()) };
    };
    if source::is_parquet(request, found) && (request.by_group.is_some() || found.count() > 1) {
        return Err(usage("Parquet files are divided by their row groups: one file, and without --by-group"));
    }
    if words.has(|place| place == Place::Item) {
        return Err(usage("rows have no '{item}': '{in}' is the file that holds them, and without it they are standard input"));
    }
    if request.keep_order && request.combine != Combine::Concat {
        return Err(usage("--keep-order puts rows back into their order: it goes with --combine concat"));
    }
    if !matches!(request.sizing, Sizing::Chosen(_)) {
        return Ok(());
    }
    let by_chance = |what: &str| {
        let text = format!("{what} would depend on how large partitions happen to be");
        Err(usage(text).with("hint", "--size N or --chunks K makes them the same each time."))
    };
    match request.combine {
        Combine::Files => by_chance("a directory of parts"),
        _ if words.has(|place| place == Place::Index) => by_chance("'{index}'"),
        _ => Ok(()),
    }
}

/// Refuses a result that the next run would take for a part of its input, and one that is in use.
fn outside(request: &Request, found: &Found, out: &Path) -> Result<(), Fault> {
    let place = os::resolved(out);
    let Source::Inputs(inputs) = &request.source else { return Ok(()) };
    let Found::Items(lists, _) = found else { return Ok(()) };
    let is_below = inputs.iter().any(|input| input.is_dir() && place.starts_with(os::resolved(input)));
    let is_it = |item: &OsString| Path::new(item).file_name() == place.file_name() && os::resolved(Path::new(item)) == place;
    if is_below || lists.iter().flatten().any(is_it) {
        return Err(usage(format!("the result '{}' would be one of its own inputs the next time", out.display())));
    }
    Ok(())
}

/// Does the work while signals stop it.
fn stopping<T>(watcher: &Watcher, children: &Children, work: impl FnOnce() -> T) -> T {
    let (sender, messages) = std::sync::mpsc::channel();
    watcher.tell(sender);
    let children = children.clone();
    let by = |watcher: &Watcher| if watcher.by_interrupt() { rustix::process::Signal::INT } else { rustix::process::Signal::TERM };
    std::thread::scope(|scope| {
        let (over, end) = std::sync::mpsc::channel::<()>();
        let watch = move || {
            loop {
                if end.recv_timeout(Duration::from_millis(20)) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
                for message in messages.try_iter() {
                    if let crate::run::drive::Message::Interrupt(times) = message {
                        let signal = if times > 1 { rustix::process::Signal::KILL } else { by(watcher) };
                        children.stop(signal, watcher.by_terminal());
                    }
                }
            }
        };
        std::thread::Builder::new().name("stop".to_owned()).spawn_scoped(scope, watch).ok();
        let done = work();
        drop(over);
        done
    })
}

fn usage(text: impl Into<String>) -> Fault {
    Fault::new(Class::UsageError, text)
}

fn fault(error: MapError) -> Fault {
    let class = match error {
        MapError::Interrupted | MapError::Rows(RowsError::Stopped) => {
            return Fault::new(Class::Interrupted, MapError::Interrupted.to_string());
        }
        MapError::Word(_) => Class::UsageError,
        _ => Class::MapError,
    };
    Fault::new(class, error.to_string())
}
