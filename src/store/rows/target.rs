//! Where a result goes: to standard output, or into a file.
//!
//! A file is written under a name of its own beside its place, packed as its name says, and a stop or a failure
//! leaves what was there before. For standard output, and what is no plain file (a pipe, a device), it is gathered in a
//! file without a name: whoever reads there gets all of a result or nothing.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::RowsError;
use super::input::LOOK;
use crate::format::rows::Packing;
use crate::store::atomic::Temporary;
use crate::store::leftovers;
use crate::store::os;

/// A result that is being written.
pub struct Target {
    place: Place,
    writer: Writer,
}

enum Place {
    Nowhere,
    /// Standard output, a pipe or a device, and what it is called.
    Stream(File, PathBuf),
    File {
        path: PathBuf,
        temporary: Temporary,
        mode: u32,
    },
}

enum Writer {
    Nowhere,
    Plain(File),
    Gzip(flate2::write::GzEncoder<File>),
    Zstd(zstd::stream::write::Encoder<'static, File>),
}

impl Writer {
    /// Packs as a name says.
    fn new(file: File, name: &Path) -> io::Result<Self> {
        Ok(match Packing::of(name) {
            Packing::Plain => Self::Plain(file),
            // Without a name or a time in it: the same rows, the same bytes.
            Packing::Gzip => Self::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
            Packing::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(file, 0)?),
        })
    }
}

/// What this process has open already, if a path means that: a file behind it is added to, as the shell would do it, and not
/// replaced.
fn opened(path: &Path) -> Option<io::Result<File>> {
    let own = |file: io::Result<std::os::fd::OwnedFd>| Some(file.map(File::from));
    match path.to_str()? {
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => own(rustix::stdio::stdout().try_clone_to_owned()),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => own(rustix::stdio::stderr().try_clone_to_owned()),
        other if other.starts_with("/dev/fd/") || other.starts_with("/proc/self/fd/") => Some(File::options().append(true).open(path)),
        _ => None,
    }
}

/// Where a path leads that may be a symbolic link, also one to what is not there yet.
fn end_of_links(path: &Path) -> PathBuf {
    let mut place = path.to_path_buf();
    // More of them are a circle, of which the system tells.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&place) else { break };
        place = place.parent().unwrap_or(Path::new("")).join(target);
    }
    place
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("path", &self.name()).finish_non_exhaustive()
    }
}

impl Target {
    /// A file, pipe or device; for those that are no files what goes there is gathered in a folder.
    ///
    /// # Errors
    /// Nothing can be written beside it, or nobody reads from the pipe.
    pub fn file(path: &Path, dir: &Path) -> Result<Self, RowsError> {
        let failed = |source| RowsError::Write { path: path.to_path_buf(), source };
        if let Some(out) = opened(path) {
            return Self::stream(out.map_err(failed)?, path, dir);
        }
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(meta) if !meta.is_file() => {
                // A pipe that nobody reads from must not keep us waiting for ever.
                let out = os::open_at_once(path, File::options().write(true)).map_err(failed)?;
                rustix::fs::fcntl_setfl(&out, rustix::fs::OFlags::empty()).map_err(|error| failed(error.into()))?;
                return Self::stream(out, path, dir);
            }
            _ => {}
        }
        let place = end_of_links(path);
        if let Some(parent) = place.parent() {
            // What a killed map has left.
            leftovers::sweep(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }, false, &|| true);
        }
        let mode = fs::metadata(&place).map_or_else(|_| os::file_mode(), |meta| os::mode(&meta));
        let temporary = Temporary::beside(&place);
        let file = File::create_new(temporary.path()).map_err(failed)?;
        let writer = Writer::new(file, path).map_err(failed)?;
        Ok(Self { place: Place::File { path: place, temporary, mode }, writer })
    }

    fn stream(out: File, path: &Path, dir: &Path) -> Result<Self, RowsError> {
        let failed = |source| RowsError::Write { path: dir.to_path_buf(), source };
        let writer = tempfile::tempfile_in(dir).and_then(|file| Writer::new(file, path)).map_err(failed)?;
        Ok(Self { place: Place::Stream(out, path.to_path_buf()), writer })
    }

    /// Standard output; what goes there is gathered in a folder.
    ///
    /// # Errors
    /// It is closed, or nothing can be written in the folder.
    pub fn stdout(dir: &Path) -> Result<Self, RowsError> {
        let own = rustix::stdio::stdout().try_clone_to_owned();
        let name = Path::new("standard output");
        let own = own.map_err(|source| RowsError::Write { path: name.to_path_buf(), source })?;
        Self::stream(File::from(own), name, dir)
    }

    /// For what is not written in one piece.
    pub fn nowhere() -> Self {
        Self { place: Place::Nowhere, writer: Writer::Nowhere }
    }

    fn name(&self) -> &Path {
        match &self.place {
            Place::File { path, .. } | Place::Stream(_, path) => path,
            Place::Nowhere => Path::new("nowhere"),
        }
    }

    fn failed(&self) -> impl Fn(io::Error) -> RowsError + use<> {
        let path = self.name().to_path_buf();
        move |source| RowsError::Write { path: path.clone(), source }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RowsError> {
        let failed = self.failed();
        match &mut self.writer {
            Writer::Nowhere => Ok(()),
            Writer::Plain(file) => file.write_all(bytes),
            Writer::Gzip(packed) => packed.write_all(bytes),
            Writer::Zstd(packed) => packed.write_all(bytes),
        }
        .map_err(failed)
    }

    /// Adds the rest of a file; the system copies it where it can.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn copy(&mut self, file: &mut File) -> Result<(), RowsError> {
        let failed = self.failed();
        match &mut self.writer {
            Writer::Nowhere => Ok(0),
            Writer::Plain(own) => io::copy(file, own),
            Writer::Gzip(packed) => io::copy(file, packed),
            Writer::Zstd(packed) => io::copy(file, packed),
        }
        .map(drop)
        .map_err(failed)
    }

    /// All is written: it takes its place. Who reads slowly from a pipe is waited for until `stop` says so.
    ///
    /// # Errors
    /// It cannot be finished or renamed.
    pub fn place(self, stop: &dyn Fn() -> bool) -> Result<(), RowsError> {
        let failed = self.failed();
        let written = match self.writer {
            Writer::Nowhere => return Ok(()),
            Writer::Plain(file) => Ok(file),
            Writer::Gzip(packed) => packed.finish(),
            Writer::Zstd(packed) => packed.finish(),
        };
        let mut written = written.map_err(&failed)?;
        match self.place {
            Place::Nowhere => Ok(()),
            Place::Stream(mut out, _) => match written.rewind().and_then(|()| pour(&mut written, &mut out, stop)) {
                Ok(true) => Ok(()),
                Ok(false) => Err(RowsError::Stopped),
                // Who reads has enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                Err(error) => Err(failed(error)),
            },
            Place::File { path, temporary, mode } => {
                os::set_mode(temporary.path(), mode).map_err(&failed)?;
                temporary.replace(&path).map_err(failed)
            }
        }
    }
}

/// Copies all of a file to where somebody may be slow to take it; false if it was stopped.
fn pour(from: &mut File, to: &mut File, stop: &dyn Fn() -> bool) -> io::Result<bool> {
    if to.metadata()?.is_file() {
        return io::copy(from, to).map(|_| true);
    }
    let mut block = vec![0; 1 << 16];
    loop {
        let count = from.read(&mut block)?;
        if count == 0 {
            return Ok(true);
        }
        // So much goes in at once where there is room for anything (POSIX: PIPE_BUF).
        for piece in block[..count].chunks(4096) {
            let pause = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
            while poll(&mut [PollFd::new(to, PollFlags::OUT)], Some(&pause)).is_ok_and(|ready| ready == 0) {
                if stop() {
                    return Ok(false);
                }
            }
            to.write_all(piece)?;
        }
    }
}

/// A directory that is being filled, and takes the place of another at the end.
#[derive(Debug)]
pub struct Folder {
    place: PathBuf,
    temporary: tempfile::TempDir,
}

impl Folder {
    /// For this place.
    ///
    /// # Errors
    /// Nothing can be written beside it, or a file stands there.
    pub fn beside(place: &Path) -> Result<Self, RowsError> {
        let failed = |source| RowsError::Write { path: place.to_path_buf(), source };
        if place.exists() && !place.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        let end = end_of_links(place);
        let parent = end.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".").suffix(".tmp").tempdir_in(parent).map_err(failed)?;
        Ok(Self { place: end, temporary })
    }

    /// Takes a file, under this name.
    ///
    /// # Errors
    /// It cannot be moved or copied.
    pub fn take(&self, file: &Path, name: &Path) -> Result<(), RowsError> {
        let place = self.temporary.path().join(name);
        let failed = |source| RowsError::Write { path: self.place.join(name), source };
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::copy(file, &place).map(drop).map_err(failed)
    }

    /// It is full: it takes its place, and what was there is removed.
    ///
    /// # Errors
    /// It cannot be renamed; then what was there is there.
    pub fn place(self) -> Result<(), RowsError> {
        let failed = |source| RowsError::Write { path: self.place.clone(), source };
        os::set_mode(self.temporary.path(), 0o777 & !os::umask()).map_err(failed)?;
        // At once where the file system can: a kill between two renames would leave none of them there.
        let (new, exchange) = (self.temporary.path(), rustix::fs::RenameFlags::EXCHANGE);
        let swapped = rustix::fs::renameat_with(rustix::fs::CWD, new, rustix::fs::CWD, &self.place, exchange);
        // What was there goes with the temporary directory.
        if swapped.is_ok() {
            return Ok(());
        }
        let old = Temporary::beside(&self.place);
        let had = fs::rename(&self.place, old.path()).is_ok();
        if let Err(error) = fs::rename(new, &self.place) {
            if had {
                fs::rename(old.path(), &self.place).ok();
            }
            return Err(failed(error));
        }
        // What stays of it is in nobody's way; the result is there.
        fs::remove_dir_all(old.path()).ok();
        Ok(())
    }
}
