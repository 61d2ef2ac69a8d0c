//! With one job and no terminal: a stage's output goes where it would with DVC, and into its log.
//!
//! The stage writes into files without a name, one for each of our streams, and a thread passes on
//! what is new. Pipes would do the same until a stage leaves something running behind: that would
//! then be killed by its next word, once we have ended. What was passed on is given back to the
//! file system, so that a stage may print more than the disk holds. Where both our streams lead to the
//! same place there is one file, so that the order of lines is the stage's.

use std::fs::File;
use std::io::{self, Write, stderr, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::fstat;

use crate::store::os;

/// How often it is looked whether there is something new.
const PAUSE: Duration = Duration::from_millis(20);
/// So much is given back at once.
const PIECE: u64 = 1 << 20;

/// One of our streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    Out,
    Err,
}

/// Output that is passed on.
#[derive(Debug)]
struct Source {
    file: File,
    to: Target,
    offset: u64,
    given_back: u64,
    /// Whether nobody reads our stream any more.
    broken: bool,
}

/// Passes on what a stage prints, until [`Copier::finish`].
#[derive(Debug)]
pub struct Copier {
    out: File,
    err: File,
    /// Dropped at the end; who sends something is answered once all is passed on.
    end: Sender<Sender<()>>,
    /// Gives why the log could not be written.
    thread: JoinHandle<Option<io::Error>>,
    goes_on: AtomicBool,
}

impl Copier {
    /// Begins. The files lie in `dir`, or in memory where there is none or no room in it; all goes into `log` too.
    /// With `to_stderr` our standard output is for something else.
    ///
    /// # Errors
    /// The files cannot be made, or there is no thread.
    pub fn start(dir: Option<&Path>, log: File, to_stderr: bool) -> io::Result<Self> {
        let out_to = if to_stderr { Target::Err } else { Target::Out };
        let source = |to| Ok::<_, io::Error>(Source { file: nameless(dir)?, to, offset: 0, given_back: 0, broken: false });
        let mut sources = vec![source(out_to)?];
        if !to_stderr && !lead_to_the_same() {
            sources.push(source(Target::Err)?);
        }
        let out = sources[0].file.try_clone()?;
        let err = sources[sources.len() - 1].file.try_clone()?;
        let (end, ended) = channel::<Sender<()>>();
        let thread = std::thread::Builder::new().name("copier".to_owned()).spawn(move || {
            let mut log = Log { file: log, lost: None };
            loop {
                let heard = ended.recv_timeout(PAUSE);
                sources.iter_mut().for_each(|source| source.pass_on(&mut log));
                match heard {
                    Ok(asked) => asked.send(()).unwrap_or_default(),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return log.lost,
                }
            }
        })?;
        Ok(Self { out, err, end, thread, goes_on: AtomicBool::new(false) })
    }

    /// What is to be the stage's standard output and standard error.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn streams(&self) -> io::Result<(File, File)> {
        Ok((self.out.try_clone()?, self.err.try_clone()?))
    }

    /// The stage has ended: passes on what there is. Where it left something running that may print yet, that
    /// is passed on as long as this program lives. Gives why the log could not be written, if that is known.
    pub fn finish(self) -> Option<io::Error> {
        if self.goes_on.load(Ordering::Relaxed) {
            let (told, done) = channel();
            if self.end.send(told).is_ok() {
                done.recv().ok();
            }
            // The thread waits for a word that never comes.
            std::mem::forget(self.end);
            return None;
        }
        drop(self.end);
        // A copier that panicked has nothing more to say.
        self.thread.join().ok().flatten()
    }

    /// Something that the stage started goes on.
    pub fn go_on(&self) {
        self.goes_on.store(true, Ordering::Relaxed);
    }
}

/// The log of the stage.
#[derive(Debug)]
struct Log {
    file: File,
    /// Why something is missing in it.
    lost: Option<io::Error>,
}

/// A file for what a stage prints.
fn nameless(dir: Option<&Path>) -> io::Result<File> {
    let on_disk = |dir| {
        let file = tempfile::tempfile_in(dir)?;
        os::has_room(&file, PIECE).map(|()| file)
    };
    match dir.map(on_disk) {
        Some(Ok(file)) => Ok(file),
        _ => Ok(os::file_in_memory()?.0),
    }
}

impl Source {
    fn pass_on(&mut self, log: &mut Log) {
        let mut bytes = [0; 1 << 14];
        // What cannot be read now is tried again at the next look.
        while let Ok(count @ 1..) = self.file.read_at(&mut bytes, self.offset) {
            self.offset += count as u64;
            // A log that cannot be written costs no stage its output.
            if let Err(error) = log.file.write_all(&bytes[..count]) {
                log.lost.get_or_insert(error);
            }
            if !self.broken {
                self.broken = self.write(&bytes[..count]).is_err();
            }
            if self.offset - self.given_back >= PIECE {
                // Where this is not possible the file just stays long.
                os::punch_hole(&self.file, self.given_back, self.offset - self.given_back).ok();
                self.given_back = self.offset;
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self.to {
            Target::Out => {
                let mut out = stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
            Target::Err => stderr().lock().write_all(bytes),
        }
    }
}

/// Whether our standard output and standard error are the same file or pipe.
fn lead_to_the_same() -> bool {
    let of = |file: &dyn AsFd| fstat(file.as_fd()).ok().map(|told| (told.st_dev, told.st_ino, told.st_rdev));
    of(&stdout()).is_some_and(|out| Some(out) == of(&stderr()))
}
