//! A worker that is started once and does many partitions, for commands whose start is slow.
//!
//! It gets a line of JSON for each partition on its standard input and answers with one on its standard output;
//! all else that it prints goes into the log of the partition that it works on. It has one request at a time. If it
//! dies, answers for another partition or takes too long, that partition has failed, and a new worker takes the
//! next one. At the end its input is closed, and it is to exit.

use std::fs::File;
use std::io::{self, PipeReader, Read as _, Write as _, pipe};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::model::{StageId, Usage};
use crate::run::child::{Children, Ended, Limits, Terminal, returncode};
use crate::run::tokens::Open;

/// How often it is looked whether a worker has died.
const LOOK: Duration = Duration::from_millis(50);

/// How long one that has closed its standard output may take to end.
const MOMENT: Duration = Duration::from_secs(1);

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    id: StageId,
    children: Children,
    grace: Duration,
    requests: Option<File>,
    answers: PipeReader,
    /// Whether nobody can answer any more.
    is_mute: bool,
    /// What came and is no whole line yet, and how much of that was looked through.
    begun: Vec<u8>,
    looked: usize,
    /// Its standard error, and how much of it is in logs.
    errors: File,
    logged: u64,
    ended: Receiver<io::Result<Ended>>,
}

/// How a request went wrong, so that the worker is of no use any more.
#[derive(Debug)]
pub enum Wrong {
    /// It was never there.
    NotStarted(io::Error),
    /// In words, and an exit code if it has ended.
    Failed(String, Option<i32>),
}

impl Worker {
    /// Starts a worker.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        children: &Children,
        id: StageId,
        mut command: std::process::Command,
        open: Open,
        errors: File,
        grace: Duration,
    ) -> io::Result<Self> {
        let (request_end, requests) = pipe()?;
        let (answers, answer_end) = pipe()?;
        let (sender, ended) = channel();
        let theirs = children.clone();
        command.stdin(request_end).stdout(answer_end).stderr(errors.try_clone()?);
        std::thread::Builder::new().name("worker".to_owned()).spawn(move || {
            let result = theirs.run(id, command, open, &Terminal::Told, Limits { deadline: None, grace });
            sender.send(result).ok();
        })?;
        // A worker that does not listen must not keep us from stopping it.
        rustix::fs::fcntl_setfl(&requests, rustix::fs::OFlags::NONBLOCK)?;
        let requests = Some(File::from(OwnedFd::from(requests)));
        Ok(Self {
            id,
            children: children.clone(),
            grace,
            requests,
            answers,
            is_mute: false,
            begun: Vec::new(),
            looked: 0,
            errors,
            logged: 0,
            ended,
        })
    }

    /// Whether it has ended, though nobody asked it to.
    pub fn is_gone(&self) -> bool {
        self.gone().is_some()
    }

    /// Sends a request, and waits for its answer. What else was said goes into the log.
    ///
    /// # Errors
    /// It went wrong in a way that the worker did not survive, or must not.
    pub fn ask(&mut self, index: u64, request: &str, timeout: Option<Duration>, mut log: &File) -> Result<Result<(), String>, Wrong> {
        // A time that no clock reaches is no limit.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        // What it says late of the one before is no answer to this one.
        while self.read(Duration::ZERO, false) {}
        log.write_all(&self.begun).ok();
        (self.begun, self.looked) = (Vec::new(), 0);
        let request = format!("{request}\n");
        let mut left_to_say = request.as_bytes();
        let answer = loop {
            left_to_say = self.say(left_to_say);
            if let Some(answer) = self.lines(index, log) {
                break answer;
            }
            if self.is_mute {
                break Err(self.mute());
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                let code = self.stop().map(|ended| returncode(ended.status));
                break Err(Wrong::Failed(format!("stopped after its timeout of {}s", timeout.unwrap_or_default().as_secs_f64()), code));
            }
            let came = self.read(left.map_or(LOOK, |left| left.min(LOOK)), !left_to_say.is_empty());
            let gone = if came { None } else { self.gone() };
            if let Some(ended) = gone {
                // What it said last.
                while self.read(Duration::ZERO, false) {}
                break self.lines(index, log).unwrap_or_else(|| Err(died(ended)));
            }
        };
        self.log_errors(log);
        answer
    }

    /// The answer among the lines that came.
    fn lines(&mut self, index: u64, mut log: &File) -> Option<Result<Result<(), String>, Wrong>> {
        let (mut begin, mut found) = (0, None);
        while let Some(end) = memchr::memchr(b'\n', &self.begun[self.looked..]).map(|end| self.looked + end + 1) {
            let line = &self.begun[begin..end];
            (begin, self.looked) = (end, end);
            found = answer(line);
            if found.is_some() {
                break;
            }
            // A log that cannot be written costs nothing but itself.
            log.write_all(line).ok();
        }
        self.begun.drain(..begin);
        self.looked = if found.is_some() { 0 } else { self.begun.len() };
        let why = match found? {
            Ok(answer) if answer.index == index => return Some(Ok(answer.result)),
            Ok(answer) => format!("the worker answered for partition {} instead of {index}", answer.index),
            Err(why) => why,
        };
        self.stop();
        Some(Err(Wrong::Failed(why, None)))
    }

    /// Says as much of a request as the worker takes now; the rest comes back. One that has died says so by its end.
    fn say<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let Some(requests) = self.requests.as_mut().filter(|_| !text.is_empty()) else { return &[] };
        match requests.write(text) {
            Ok(count) => &text[count..],
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => text,
            Err(_) => &[],
        }
    }

    /// It has closed its standard output: it may be about to end, else it is ended.
    fn mute(&mut self) -> Wrong {
        match self.ended.recv_timeout(MOMENT) {
            Ok(ended) => died(ended),
            Err(_) => {
                self.stop();
                Wrong::Failed("the worker closed its standard output before it answered".to_owned(), None)
            }
        }
    }

    /// Takes what comes within a time; whether anything did. If there is more to say it ends as well when there is room for it.
    fn read(&mut self, within: Duration, has_more: bool) -> bool {
        let pause = Timespec { tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX), tv_nsec: within.subsec_nanos().into() };
        let mut fds = vec![PollFd::from_borrowed_fd(self.answers.as_fd(), PollFlags::IN)];
        fds.extend(self.requests.as_ref().filter(|_| has_more).map(|requests| PollFd::from_borrowed_fd(requests.as_fd(), PollFlags::OUT)));
        poll(&mut fds, Some(&pause)).ok();
        if !fds[0].revents().intersects(PollFlags::IN | PollFlags::HUP) {
            return false;
        }
        let mut block = [0; 1 << 16];
        let count = self.answers.read(&mut block).unwrap_or(0);
        self.is_mute = count == 0;
        self.begun.extend_from_slice(&block[..count]);
        count > 0
    }

    /// How it ended; none while it lives.
    fn gone(&self) -> Option<io::Result<Ended>> {
        match self.ended.try_recv() {
            Ok(ended) => Some(ended),
            Err(TryRecvError::Disconnected) => Some(Err(io::ErrorKind::Interrupted.into())),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// Copies into a log what came on standard error since the last time.
    fn log_errors(&mut self, mut log: &File) {
        let size = self.errors.metadata().map_or(0, |meta| meta.len());
        let mut block = vec![0; 1 << 16];
        while self.logged < size {
            let Ok(count @ 1..) = self.errors.read_at(&mut block, self.logged) else { return };
            log.write_all(&block[..count]).ok();
            self.logged += count as u64;
        }
    }

    /// Ends it: it may finish, then it is told, then killed.
    pub fn close(mut self) -> Usage {
        self.requests = None;
        let ended = match self.ended.recv_timeout(self.grace) {
            Ok(ended) => ended.ok(),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.stop(),
        };
        ended.map(|ended| ended.usage).unwrap_or_default()
    }

    /// Stops it with all that it started.
    fn stop(&self) -> Option<Ended> {
        self.children.end(self.id, Signal::TERM);
        match self.ended.recv_timeout(self.grace) {
            Err(RecvTimeoutError::Timeout) => {
                self.children.end(self.id, Signal::KILL);
                self.ended.recv().ok()?.ok()
            }
            other => other.ok()?.ok(),
        }
    }
}

fn died(ended: io::Result<Ended>) -> Wrong {
    match ended.map(|ended| returncode(ended.status)) {
        Ok(code) => Wrong::Failed(format!("the worker {} before it answered", super::ending(code)), Some(code)),
        Err(error) => Wrong::NotStarted(error),
    }
}

/// What a worker says of a partition.
struct Answer {
    /// Which.
    index: u64,
    /// Whether it went well; if not, why.
    result: Result<(), String>,
}

/// The answer that a line is, or what is wrong with it, in words. None if it is any other line.
fn answer(line: &[u8]) -> Option<Result<Answer, String>> {
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    let ok = value.get("ok")?;
    let (Some(index), Some(ok)) = (value.get("index").and_then(serde_json::Value::as_u64), ok.as_bool()) else {
        let text = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        return Some(Err(format!("the worker's answer needs a number as its \"index\", and true or false as its \"ok\": {text}")));
    };
    let error = value.get("error").and_then(serde_json::Value::as_str).unwrap_or("the worker gave no reason");
    Some(Ok(Answer { index, result: if ok { Ok(()) } else { Err(error.to_owned()) } }))
}
