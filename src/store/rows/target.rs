//! Where a result goes: to standard output, or into a file.
//!
//! A file is written under a name of its own beside its place, packed as its name says, and a stop or a failure
//! leaves what was there before. For standard output it is gathered in a file without a name: whoever reads there
//! gets all of a result or nothing.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::RowsError;
use crate::format::rows::Packing;
use crate::store::atomic::Temporary;
use crate::store::os;

/// A result that is being written.
pub struct Target {
    place: Place,
    writer: Writer,
}

enum Place {
    Nowhere,
    Stdout(File),
    File { path: PathBuf, temporary: Temporary, mode: u32 },
}

enum Writer {
    Nowhere,
    Plain(File),
    Gzip(flate2::write::GzEncoder<File>),
    Zstd(zstd::stream::write::Encoder<'static, File>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("path", &self.name()).finish_non_exhaustive()
    }
}

impl Target {
    /// A file.
    ///
    /// # Errors
    /// Nothing can be written beside it.
    pub fn file(path: &Path) -> Result<Self, RowsError> {
        let failed = |source| RowsError::Write { path: path.to_path_buf(), source };
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if place.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let mode = fs::metadata(&place).map_or_else(|_| os::file_mode(), |meta| os::mode(&meta));
        let temporary = Temporary::beside(&place);
        let file = File::create_new(temporary.path()).map_err(failed)?;
        let writer = match Packing::of(path) {
            Packing::Plain => Writer::Plain(file),
            // Without a name or a time in it: the same rows, the same bytes.
            Packing::Gzip => Writer::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
            Packing::Zstd => Writer::Zstd(zstd::stream::write::Encoder::new(file, 0).map_err(failed)?),
        };
        Ok(Self { place: Place::File { path: place, temporary, mode }, writer })
    }

    /// Standard output; what goes there is gathered in a folder.
    ///
    /// # Errors
    /// It is closed, or nothing can be written in the folder.
    pub fn stdout(dir: &Path) -> Result<Self, RowsError> {
        let own = rustix::stdio::stdout().try_clone_to_owned();
        let own = own.map_err(|source| RowsError::Write { path: PathBuf::from("-"), source })?;
        let file = tempfile::tempfile_in(dir).map_err(|source| RowsError::Write { path: dir.to_path_buf(), source })?;
        Ok(Self { place: Place::Stdout(File::from(own)), writer: Writer::Plain(file) })
    }

    /// For what is not written in one piece.
    pub fn nowhere() -> Self {
        Self { place: Place::Nowhere, writer: Writer::Nowhere }
    }

    fn name(&self) -> &Path {
        match &self.place {
            Place::File { path, .. } => path,
            Place::Nowhere | Place::Stdout(_) => Path::new("-"),
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

    /// All is written: it takes its place.
    ///
    /// # Errors
    /// It cannot be finished or renamed.
    pub fn place(self) -> Result<(), RowsError> {
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
            Place::Stdout(mut out) => match written.rewind().and_then(|()| io::copy(&mut written, &mut out)) {
                // Who reads has enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                copied => copied.map(drop).map_err(failed),
            },
            Place::File { path, temporary, mode } => {
                os::set_mode(temporary.path(), mode).map_err(&failed)?;
                temporary.replace(&path).map_err(failed)
            }
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
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".").suffix(".tmp").tempdir_in(parent).map_err(failed)?;
        Ok(Self { place: place.to_path_buf(), temporary })
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
        let old = Temporary::beside(&self.place);
        let had = fs::rename(&self.place, old.path()).is_ok();
        if let Err(error) = fs::rename(self.temporary.path(), &self.place) {
            if had {
                fs::rename(old.path(), &self.place).ok();
            }
            return Err(failed(error));
        }
        if had {
            fs::remove_dir_all(old.path()).map_err(failed)?;
        }
        Ok(())
    }
}
