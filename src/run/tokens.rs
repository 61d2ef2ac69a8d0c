//! Job tokens: one budget for this run and for what its stages start themselves.
//!
//! A run with N jobs has N - 1 tokens; the stage that runs alone needs none. A stage may be a
//! `make`, a `cargo` or a run of this program that wants jobs of its own: it gets a pipe with the
//! tokens that nobody needs just now, in the form of GNU make's jobserver (a byte is a token: read
//! one for each job beyond the first, write it back at its end). Each stage has a pipe to itself,
//! so that what it was lent is known: when it ends, however it ends, all of that is home again.
//! What lies unused in the pipes is taken back when a stage of ours can start.
//!
//! A run within a stage takes its tokens from that stage's pipe, and hands the same pipe on.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use rustix::fs::{Mode, OFlags};

use crate::model::StageId;

use super::job::hold;
use super::logs;

/// The variable that names the pipe of the stage around a process.
pub const VARIABLE: &str = "DVC_PARAFFIN_TOKENS";

/// A token.
const TOKEN: u8 = b'+';

/// How make is told of its pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Style {
    /// By two open files, which every make understands.
    #[default]
    Pipe,
    /// By its name, which make from 4.4 on and ninja understand.
    Fifo,
}

/// The budget of a run.
#[derive(Debug)]
pub struct Tokens {
    dir: PathBuf,
    style: Style,
    jobs: usize,
    /// The pipe of the stage around this run.
    outer: Option<Pipe>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Tokens that lie here.
    idle: usize,
    /// Tokens that came from the stage around.
    borrowed: Vec<u8>,
    loans: HashMap<StageId, Loan>,
    /// How many tokens were lent so far.
    turns: u64,
}

/// What a stage was lent.
#[derive(Debug)]
struct Loan {
    pipe: Pipe,
    /// Tokens that were put into its pipe and not taken back; less than none if a program gave back
    /// more than it took.
    given: isize,
    /// When it was last given one.
    turn: u64,
}

/// A named pipe, open at both ends, so that neither reading nor writing ever waits.
#[derive(Debug)]
struct Pipe {
    path: PathBuf,
    file: File,
}

impl Pipe {
    fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        Ok(Self { path: path.to_path_buf(), file })
    }

    fn make(path: &Path) -> io::Result<Self> {
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        Self::open(path)
    }

    /// Takes a token; none if none lies there.
    fn take(&self) -> Option<u8> {
        let mut byte = [0];
        matches!((&self.file).read(&mut byte), Ok(1)).then_some(byte[0])
    }

    /// Puts a token there; false if there is no room.
    fn put(&self, token: u8) -> bool {
        matches!((&self.file).write(&[token]), Ok(1))
    }
}

/// What must stay open until the process of a stage was started.
#[derive(Debug, Default)]
pub struct Open(Vec<OwnedFd>);

impl Tokens {
    /// The budget of a run with so many jobs, whose pipes stand in `dir`; `around` is the pipe of
    /// the stage around it. One that is not there any more does not count.
    pub fn new(dir: PathBuf, jobs: usize, style: Style, around: Option<OsString>) -> Self {
        let outer = around.and_then(|path| Pipe::open(Path::new(&path)).ok());
        let idle = if outer.is_some() { 0 } else { jobs.saturating_sub(1) };
        Self { dir, style, jobs, outer, inner: Mutex::new(Inner { idle, ..Inner::default() }) }
    }

    /// Takes a token for a stage of ours: from those that lie here, from what stages leave unused,
    /// from the stage around.
    pub fn take(&self) -> bool {
        let mut inner = hold(&self.inner);
        if inner.idle > 0 {
            inner.idle -= 1;
            return true;
        }
        if let Some(outer) = &self.outer {
            let token = outer.take();
            inner.borrowed.extend(token);
            return token.is_some();
        }
        let unused = inner.loans.values_mut().find_map(|loan| loan.pipe.take().map(|_| loan));
        unused.map(|loan| loan.given -= 1).is_some()
    }

    /// Gives a token back that none of our stages needs.
    pub fn give_back(&self) {
        let mut inner = hold(&self.inner);
        match (&self.outer, inner.borrowed.pop()) {
            // As it came: another program may tell its tokens apart.
            (Some(outer), Some(token)) => {
                outer.put(token);
            }
            _ => {
                inner.idle += 1;
                inner.lend();
            }
        }
    }

    /// Spreads what lies here, or unused in the pipes, over all stages. To be called now and then.
    pub fn balance(&self) {
        let mut inner = hold(&self.inner);
        if inner.loans.len() > 1 {
            inner.collect();
        }
        inner.lend();
    }

    /// Gives a stage's process its pipe. What comes back must live until the process was started.
    ///
    /// # Errors
    /// The pipe cannot be made.
    pub fn dress(&self, stage: StageId, command: &mut Command, jobserver: bool) -> io::Result<Open> {
        let mut inner = hold(&self.inner);
        let path = match &self.outer {
            Some(outer) => outer.path.clone(),
            None => inner.pipe_of(stage, &self.dir)?,
        };
        inner.lend();
        command.env(VARIABLE, &path);
        let mut open = Open::default();
        if jobserver {
            let auth = match self.style {
                Style::Fifo => format!("--jobserver-auth=fifo:{}", path.display()),
                Style::Pipe => {
                    // Without CLOEXEC: the process and all that it starts inherit them.
                    let ends = [0, 1].map(|_| rustix::fs::open(&path, OFlags::RDWR, Mode::empty()));
                    for end in ends {
                        open.0.push(end?);
                    }
                    let pair = format!("{},{}", open.0[0].as_raw_fd(), open.0[1].as_raw_fd());
                    format!("--jobserver-fds={pair} --jobserver-auth={pair}")
                }
            };
            let flags = format!(" -j{} {auth}", self.jobs);
            command.env("MAKEFLAGS", &flags).env("CARGO_MAKEFLAGS", flags.trim_start());
        }
        Ok(open)
    }

    /// A process has ended and another one of the same stage follows: all that it was lent is here again. Its pipe stays, unless
    /// someone still holds a token of it.
    pub fn settle(&self, stage: StageId) {
        let mut inner = hold(&self.inner);
        let Some(loan) = inner.loans.get_mut(&stage) else { return };
        let mut home = 0;
        while loan.pipe.take().is_some() {
            home += 1;
        }
        loan.given -= isize::try_from(home).unwrap_or(isize::MAX);
        let is_whole = loan.given == 0;
        inner.idle += home;
        if is_whole {
            inner.lend();
        } else {
            drop(inner);
            self.end(stage);
        }
    }

    /// A stage has ended: all that it was lent is here again.
    pub fn end(&self, stage: StageId) {
        let mut inner = hold(&self.inner);
        if let Some(loan) = inner.loans.remove(&stage) {
            inner.idle = inner.idle.saturating_add_signed(loan.given);
            // Whoever still has it open keeps a pipe that nobody else knows.
            std::fs::remove_file(&loan.pipe.path).ok();
            inner.lend();
        }
    }
}

impl Inner {
    fn pipe_of(&mut self, stage: StageId, dir: &Path) -> io::Result<PathBuf> {
        if let Some(loan) = self.loans.get(&stage) {
            return Ok(loan.pipe.path.clone());
        }
        let path = dir.join(format!("tokens-{}", stage.0));
        let pipe = match Pipe::make(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                logs::make(dir)?;
                Pipe::make(&path)?
            }
            other => other?,
        };
        self.loans.insert(stage, Loan { pipe, given: 0, turn: 0 });
        Ok(path)
    }

    /// Takes back what lies unused in the pipes.
    fn collect(&mut self) {
        for loan in self.loans.values_mut() {
            while loan.pipe.take().is_some() {
                loan.given -= 1;
                self.idle += 1;
            }
        }
    }

    /// Puts what lies here into the pipes, first where least was put, then where it is longest ago: who needs none must not keep
    /// the last one from who does.
    fn lend(&mut self) {
        while self.idle > 0
            && let Some(loan) = self.loans.values_mut().min_by_key(|loan| (loan.given, loan.turn))
            && loan.pipe.put(TOKEN)
        {
            self.turns += 1;
            loan.turn = self.turns;
            loan.given += 1;
            self.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lent(tokens: &Tokens, stage: u32) -> isize {
        hold(&tokens.inner).loans[&StageId(stage)].given
    }

    fn dress(tokens: &Tokens, stage: u32, jobserver: bool) -> (Command, Pipe) {
        let mut command = Command::new("true");
        tokens.dress(StageId(stage), &mut command, jobserver).unwrap();
        let path = command.get_envs().find(|(name, _)| *name == VARIABLE).unwrap().1.unwrap().to_owned();
        (command, Pipe::open(Path::new(&path)).unwrap())
    }

    #[test]
    fn the_last_token_goes_round() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(dir.path().to_path_buf(), 2, Style::Pipe, None);
        let pipes = [dress(&tokens, 0, false).1, dress(&tokens, 1, false).1, dress(&tokens, 2, false).1];
        for pipe in pipes.iter().cycle().take(9) {
            let had = (0..3).any(|_| {
                tokens.balance();
                pipe.take().is_some_and(|token| pipe.put(token))
            });
            assert!(had);
        }
    }

    #[test]
    fn what_nobody_needs_lies_in_the_pipes_of_stages() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(dir.path().to_path_buf(), 4, Style::Pipe, None);
        let (_, first) = dress(&tokens, 0, false);
        assert_eq!(lent(&tokens, 0), 3);
        assert!(tokens.take(), "a stage of ours comes first");
        let (_, second) = dress(&tokens, 1, false);
        tokens.balance();
        assert_eq!((lent(&tokens, 0), lent(&tokens, 1)), (1, 1));
        let held = first.take().unwrap();
        assert!(second.take().is_some() && second.take().is_none());
        assert!(!tokens.take(), "all are in use");
        assert!(first.put(held) && tokens.take());
        // The second stage is killed with its token.
        tokens.end(StageId(1));
        tokens.give_back();
        tokens.give_back();
        assert_eq!(lent(&tokens, 0), 3);
        tokens.end(StageId(0));
        assert_eq!(hold(&tokens.inner).idle, 3);
        assert!(!dir.path().join("tokens-0").exists());
    }

    #[test]
    fn a_pipe_is_used_again_if_all_its_tokens_are_home() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(dir.path().to_path_buf(), 3, Style::Pipe, None);
        let (_, pipe) = dress(&tokens, 0, false);
        let held = pipe.take().unwrap();
        assert!(pipe.put(held));
        tokens.settle(StageId(0));
        assert_eq!(lent(&tokens, 0), 2);
        // Who dies with a token leaves no pipe behind that others could take from.
        pipe.take().unwrap();
        tokens.settle(StageId(0));
        assert!(!dir.path().join("tokens-0").exists() && hold(&tokens.inner).loans.is_empty());
        assert_eq!(hold(&tokens.inner).idle, 2);
        tokens.settle(StageId(7));
    }

    #[test]
    fn whoever_gives_back_too_much_gains_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(dir.path().to_path_buf(), 1, Style::Pipe, None);
        let (_, pipe) = dress(&tokens, 0, false);
        assert!(pipe.put(TOKEN) && tokens.take());
        assert_eq!(lent(&tokens, 0), -1);
        tokens.give_back();
        tokens.end(StageId(0));
        assert_eq!(hold(&tokens.inner).idle, 0);
    }

    #[test]
    fn a_run_within_a_stage_takes_from_its_pipe_and_hands_it_on() {
        let dir = tempfile::tempdir().unwrap();
        let outer = Tokens::new(dir.path().join("o"), 3, Style::Pipe, None);
        let (command, _pipe) = dress(&outer, 0, false);
        let path = command.get_envs().find(|(name, _)| *name == VARIABLE).unwrap().1.unwrap().to_owned();
        let inner = Tokens::new(dir.path().join("i"), 8, Style::Pipe, Some(path.clone()));
        assert!(inner.take() && inner.take() && !inner.take());
        assert!(!outer.take());
        inner.give_back();
        assert!(outer.take());
        let (handed, _) = dress(&inner, 5, false);
        assert_eq!(handed.get_envs().find(|(name, _)| *name == VARIABLE).unwrap().1.unwrap(), path);
        let gone = Tokens::new(dir.path().join("g"), 2, Style::Pipe, Some("/nowhere/pipe".into()));
        assert!(gone.take() && !gone.take());
    }

    #[test]
    fn make_is_told_in_its_own_way() {
        let dir = tempfile::tempdir().unwrap();
        let flags = |style| {
            let tokens = Tokens::new(dir.path().join("x"), 4, style, None);
            let (command, _) = dress(&tokens, 0, true);
            let text = command.get_envs().find(|(name, _)| *name == "MAKEFLAGS").unwrap().1.unwrap().to_string_lossy().into_owned();
            tokens.end(StageId(0));
            text
        };
        assert!(flags(Style::Pipe).starts_with(" -j4 --jobserver-fds="), "{}", flags(Style::Pipe));
        assert!(flags(Style::Fifo).starts_with(" -j4 --jobserver-auth=fifo:/"), "{}", flags(Style::Fifo));
    }
}
