//! `logs`: what a stage printed, and what it prints.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write, stdout};
use std::path::Path;
use std::time::Duration;

use crate::format::mask::Masks;
use crate::model::{Class, Fault, RepoPath, Status};
use crate::ops::runs::{self, Found};
use crate::report::facts::Facts;
use crate::report::history::Standing;
use crate::report::view::group;
use crate::report::{shown, words};

use super::args::Logs;
use super::report::{warn, warn_of_damage};
use super::repro::masks;
use super::{Setting, print_answer, workspace};

/// How often it is looked whether a log has grown.
const PAUSE: Duration = Duration::from_millis(200);

/// A line that is longer is passed on in pieces.
const LONGEST: usize = 1 << 20;

/// Runs the command.
///
/// # Errors
/// There is no such run or stage, or it left no log.
pub fn run(args: &Logs, setting: &Setting) -> Result<(), Fault> {
    let workspace = workspace()?;
    let masks = masks(&workspace)?;
    let mut found = runs::read(&workspace.tmp_dir(), args.run.as_deref(), &masks, warn)?;
    warn_of_damage(&found);
    let folder = found.folder.clone();
    let Some(stage) = &args.stage else { return list(&found, None, workspace.cwd()) };
    let (place, _) = match runs::stage(&found, stage, workspace.cwd()) {
        Err(_) if found.history.stages.iter().any(|entry| group(&entry.planned.address) == Some(&found.masks.text(stage))) => {
            return list(&found, Some(&found.masks.text(stage)), workspace.cwd());
        }
        other => other?,
    };
    let mut path = runs::log(&found, place, args.attempt);
    let mut waited = false;
    while !path.is_file() && args.follow && goes_on(&found, place) {
        if !std::mem::replace(&mut waited, true) {
            super::print(&format!("Waiting for '{stage}' to print something\n"), true);
        }
        std::thread::sleep(PAUSE);
        found = folder.read(&masks)?;
        path = runs::log(&found, place, args.attempt);
    }
    let mut file = File::open(&path).map_err(|error| no_log(&found, place, stage, args.attempt, &path, &error))?;
    let mut shown = args.attempt.or_else(|| last_try(&found, place)).unwrap_or(1);
    let terminal = stdout().is_terminal().then_some(setting.terminal.color_out);
    let mut lines = Lines { masks: found.masks.clone(), terminal, part: Vec::new() };
    loop {
        // Asked before the log is read, so that what was written before the end is not missed.
        let found = folder.read(&masks)?;
        let over = !args.follow || !is_at_work(&found, place, shown);
        match lines.pass_on(&mut file, over) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Fault::new(Class::IOError, format!("cannot show '{}': {error}", path.display()))),
            Ok(()) if over && !args.follow => return Ok(()),
            Ok(()) if over && args.attempt.is_some() => {
                tell_of_kill(&found, place);
                return Ok(());
            }
            Ok(()) if over => match last_try(&found, place).filter(|last| *last > shown) {
                Some(_) => {
                    let next = runs::log(&found, place, Some(shown + 1));
                    // Without a log it has not come to its commands.
                    if let Ok(log) = File::open(&next) {
                        (file, path, shown) = (log, next, shown + 1);
                    }
                    std::thread::sleep(PAUSE);
                }
                None if goes_on(&found, place) => std::thread::sleep(PAUSE),
                None => {
                    tell_of_kill(&found, place);
                    return Ok(());
                }
            },
            Ok(()) => std::thread::sleep(PAUSE),
        }
    }
}

/// The stages that left a log, of all or of a foreach or matrix group, each with how it stands.
fn list(found: &Found, of: Option<&str>, cwd: &RepoPath) -> Result<(), Fault> {
    let facts = Facts::of(&found.history, found.alive);
    let mut text = String::new();
    for (place, entry) in found.history.stages.iter().enumerate() {
        let is_wanted = of.is_none_or(|of| group(&entry.planned.address) == Some(of));
        if is_wanted && runs::log(found, place, None).is_file() {
            let tries = if entry.tries.len() > 1 { format!(", {} tries", entry.tries.len()) } else { String::new() };
            text.push_str(&format!("{}  ({}{tries})\n", shown::line(&runs::seen_from(found, entry, cwd)), facts.shown[place].words()));
        }
    }
    if text.is_empty() {
        let why = if found.history.about.terminal { ": they had the terminal to themselves (--jobs 1)" } else { "" };
        super::print(&format!("No stage of run '{}' left a log{why}.\n", found.folder.name), true);
    }
    print_answer(&text)
}

/// Whether the stage may yet print something.
fn goes_on(found: &Found, place: usize) -> bool {
    found.alive && found.history.end.is_none() && !matches!(found.history.stages[place].standing(), Standing::Over(_))
}

/// Who followed the log to see the end of the stage is told that there is none.
fn tell_of_kill(found: &Found, place: usize) {
    if !found.alive && found.history.end.is_none() && found.history.stages[place].standing() == Standing::Running {
        super::print(&format!("Run '{}' was killed while the stage ran.\n", found.folder.name), true);
    }
}

/// The last try that began.
fn last_try(found: &Found, place: usize) -> Option<u32> {
    found.history.stages[place].tries.last().map(|last| last.number)
}

/// Whether a try goes on, or is to come.
fn is_at_work(found: &Found, place: usize, number: u32) -> bool {
    let has_ended = found.history.stages[place].tries.iter().any(|tried| tried.number == number && tried.end.is_some());
    goes_on(found, place) && !has_ended
}

fn no_log(found: &Found, place: usize, stage: &str, attempt: Option<u32>, path: &Path, error: &io::Error) -> Fault {
    let entry = &found.history.stages[place];
    let run = &found.folder.name;
    let text = match error.kind() {
        io::ErrorKind::NotFound if entry.tries.is_empty() && !matches!(entry.standing(), Standing::Over(Status::Failed)) => {
            format!("'{stage}' has no log in run '{run}': {}", never_began(entry.standing(), found.alive))
        }
        io::ErrorKind::NotFound if attempt.is_some_and(|n| !entry.tries.iter().any(|tried| tried.number == n)) => {
            format!("'{stage}' had {} in run '{run}'", tries(entry.tries.len()))
        }
        io::ErrorKind::NotFound => {
            let why = entry.no_log(&found.history.about).map_or("its log is gone", words::no_log);
            format!("'{stage}' has no log in run '{run}': {why}")
        }
        _ => format!("cannot read '{}': {error}", path.display()),
    };
    Fault::new(Class::FileNotFoundError, text)
}

fn tries(count: usize) -> String {
    if count == 1 { "only one try".to_owned() } else { format!("only {count} tries") }
}

fn never_began(standing: Standing, alive: bool) -> &'static str {
    match standing {
        Standing::ToCome | Standing::Ready if alive => "it has not begun yet (-f waits for it)",
        Standing::Over(Status::Unchanged | Status::Frozen) => "there was nothing to do",
        _ => "it was never started",
    }
}

/// Passes on a log line by line, masked: to a terminal without what would rule it, elsewhere byte for byte.
struct Lines {
    masks: Masks,
    /// Whether a terminal that reads it shall have colours; none if none does.
    terminal: Option<bool>,
    /// A line that is not ended yet.
    part: Vec<u8>,
}

impl Lines {
    /// Passes on what is new; with `over` also a line without an end.
    fn pass_on(&mut self, file: &mut File, over: bool) -> io::Result<()> {
        let mut out = stdout().lock();
        let mut bytes = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut bytes)?;
            if count == 0 {
                break;
            }
            self.part.extend_from_slice(&bytes[..count]);
            // A line that never ends must not fill the memory.
            let long = (self.part.len() > LONGEST).then_some(self.part.len());
            let Some(end) = self.part.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1).or(long) else { continue };
            let rest = self.part.split_off(end);
            let whole = std::mem::replace(&mut self.part, rest);
            self.show(&whole, &mut out)?;
        }
        if over && !self.part.is_empty() {
            let part = std::mem::take(&mut self.part);
            self.show(&part, &mut out)?;
        }
        out.flush()
    }

    fn show(&self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        if self.terminal.is_none() && !self.masks.any() {
            return out.write_all(bytes);
        }
        bytes.split_inclusive(|byte| *byte == b'\n').try_for_each(|line| {
            let line = self.masked(line);
            let Some(colours) = self.terminal else { return out.write_all(&line) };
            let (text, end) = line.strip_suffix(b"\n").map_or((&*line, ""), |text| (text, "\n"));
            // Colours that it left on must not colour what follows.
            let reset = if colours && text.contains(&0x1b) { "\x1b[0m" } else { "" };
            write!(out, "{}{reset}{end}", shown::on_terminal(text, colours))
        })
    }

    fn masked<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        if !self.masks.any() {
            return Cow::Borrowed(line);
        }
        let text = String::from_utf8_lossy(line);
        // Colours within a word must not hide it.
        let plain = anstream::adapter::strip_str(&text).to_string();
        match self.masks.text(&plain) {
            Cow::Borrowed(_) => Cow::Borrowed(line),
            Cow::Owned(masked) => Cow::Owned(masked.into_bytes()),
        }
    }
}
