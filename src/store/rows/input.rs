//! One input as a stream of blocks: a file or standard input, unpacked, and looked at whether it is text.
//!
//! How far it is read is known for files alone, packed ones too: by the bytes that were taken from the disk.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::RowsError;
use crate::format::rows::Packing;
use crate::format::rows::utf8::Utf8;
use crate::store::os;

/// How much is read at once.
const BLOCK: usize = 256 << 10;

/// Says whether nobody wants more.
pub type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// How often it is asked while nothing comes, or nothing is taken.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// An input that is being read.
pub struct Input {
    name: PathBuf,
    reader: Box<dyn Read + Send>,
    /// None where bytes need not be text.
    text: Option<Utf8>,
    /// Bytes of the file, and how many were read.
    size: Option<u64>,
    taken: Arc<AtomicU64>,
    stop: Option<Stop>,
}

/// Counts what is read, and ends early if nobody wants more.
struct Counted {
    inner: File,
    taken: Arc<AtomicU64>,
    stop: Option<Stop>,
}

impl Counted {
    /// Waits until something comes: a pipe may take its time, and must not keep us from stopping.
    fn wait(&self) -> io::Result<()> {
        let Some(stop) = &self.stop else { return Ok(()) };
        loop {
            if stop() {
                return Err(io::ErrorKind::Other.into());
            }
            let mut fds = [PollFd::new(&self.inner, PollFlags::IN)];
            let pause = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
            match poll(&mut fds, Some(&pause)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // What is wrong, if anything is, shows when it is read.
                _ => return Ok(()),
            }
        }
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = loop {
            self.wait()?;
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => break other?,
            }
        };
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Input {
    /// Opens a file; `-` is standard input. With `text` it must be UTF-8. It is read until `stop` says so.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn open(path: &Path, text: bool, stop: Option<Stop>) -> Result<Self, RowsError> {
        let taken = Arc::new(AtomicU64::new(0));
        let failed = |source| RowsError::Read { path: path.to_path_buf(), source };
        let (inner, size) = if path == Path::new("-") {
            let own = rustix::stdio::stdin().try_clone_to_owned();
            (File::from(own.map_err(failed)?), None)
        } else {
            // A pipe that nobody writes to yet must not keep us from stopping.
            let file = os::open_at_once(path, File::options().read(true)).map_err(failed)?;
            let meta = file.metadata().map_err(failed)?;
            (file, meta.is_file().then_some(meta.len()))
        };
        let counted = Counted { inner, taken: Arc::clone(&taken), stop: stop.clone() };
        let mut counted = BufReader::with_capacity(BLOCK, counted);
        let packing = Packing::of(path);
        if packing != Packing::Plain && !packing.begins(counted.fill_buf().map_err(failed)?) {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it is not packed as its name says")));
        }
        let reader: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(counted),
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(counted)),
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(counted).map_err(failed)?),
        };
        Ok(Self { name: path.to_path_buf(), reader, text: text.then(Utf8::default), size, taken, stop })
    }

    /// What it is called.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Whether it is a file that is not packed.
    pub fn is_plain(&self) -> bool {
        self.size.is_some() && Packing::of(&self.name) == Packing::Plain
    }

    /// How much of it was read, from 0 to 1; none where nobody knows how much there is.
    pub fn share(&self) -> Option<f64> {
        let size = self.size?;
        let taken = self.taken.load(Ordering::Relaxed).min(size);
        Some(if size == 0 { 1.0 } else { taken as f64 / size as f64 })
    }

    /// Adds the next block; 0 at the end.
    ///
    /// # Errors
    /// It cannot be read, or is no text.
    pub fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<usize, RowsError> {
        let before = buffer.len();
        buffer.resize(before + BLOCK, 0);
        let result = loop {
            match self.reader.read(&mut buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        buffer.truncate(before + *result.as_ref().unwrap_or(&0));
        if self.stop.as_ref().is_some_and(|stop| stop()) {
            return Err(RowsError::Stopped);
        }
        let count = result.map_err(|source| RowsError::Read { path: self.name.clone(), source })?;
        let looked = match &mut self.text {
            Some(text) if count == 0 => std::mem::take(text).finish(),
            Some(text) => text.feed(&buffer[before..]),
            None => Ok(()),
        };
        looked.map_err(|bad| RowsError::NotText { path: self.name.clone(), line: bad.line })?;
        Ok(count)
    }
}
