//! The row groups of a Parquet file, copied as they are: nothing is decoded, so no codec is needed either.
//!
//! What a file says of itself beside its schema (such as what pandas notes there) is kept; filters by hash are not.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::{RowsError, Target};

/// A file that is read.
#[derive(Debug)]
pub struct RowGroups {
    path: PathBuf,
    file: File,
    meta: ParquetMetaData,
    /// The next row group.
    next: usize,
    /// How many rows are not given out yet.
    left: u64,
}

impl RowGroups {
    /// Reads what the file says of itself.
    ///
    /// # Errors
    /// It is not there, or no Parquet file.
    pub fn open(path: &Path) -> Result<Self, RowsError> {
        let file = File::open(path).map_err(|source| RowsError::Read { path: path.to_path_buf(), source })?;
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        let meta = reader.parse_and_finish(&file).map_err(|error| unreadable(path, &error))?;
        let left = meta.row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum();
        Ok(Self { path: path.to_path_buf(), file, meta, next: 0, left })
    }

    /// How many rows are not given out yet.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Writes a file with the next row groups, until it has at least so many rows; how many it has.
    ///
    /// # Errors
    /// They cannot be read, or nothing can be written to `to`.
    pub fn write(&mut self, rows: u64, out: &mut (impl Write + Send), to: &Path) -> Result<u64, RowsError> {
        let (first, mut count) = (self.next, 0);
        while count < rows
            && let Some(group) = self.meta.row_groups().get(self.next)
        {
            count += u64::try_from(group.num_rows()).unwrap_or(0);
            self.next += 1;
        }
        self.left -= count;
        let mut writer = self.writer(out).map_err(|error| unwritable(to, &error))?;
        self.copy(first..self.next, &mut writer).and_then(|()| writer.close()).map_err(|error| unwritable(to, &error))?;
        Ok(count)
    }

    fn writer<W: Write + Send>(&self, out: W) -> Result<SerializedFileWriter<W>, ParquetError> {
        let file = self.meta.file_metadata();
        let properties = WriterProperties::builder().set_key_value_metadata(file.key_value_metadata().cloned()).build();
        SerializedFileWriter::new(out, file.schema_descr().root_schema_ptr(), Arc::new(properties))
    }

    fn copy<W: Write + Send>(&self, groups: Range<usize>, writer: &mut SerializedFileWriter<W>) -> Result<(), ParquetError> {
        let index = self.meta.page_index();
        for at in groups {
            let (group, mut copied) = (self.meta.row_group(at), writer.next_row_group()?);
            for (number, column) in group.columns().iter().enumerate() {
                let rows_written = u64::try_from(group.num_rows()).unwrap_or(0);
                let closed = ColumnCloseResult {
                    bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                    rows_written,
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: index.and_then(|index| index.column_index(at, number)).cloned(),
                    offset_index: index.and_then(|index| index.offset_index(at, number)).cloned(),
                };
                copied.append_column(&self.file, closed)?;
            }
            copied.close()?;
        }
        Ok(())
    }
}

/// Writes one file with the row groups of many, which must have the same schema. Of parts without a byte there is nothing to be
/// had, as elsewhere.
///
/// # Errors
/// One is no Parquet file or of another schema, or nothing can be written.
pub fn join(parts: &[PathBuf], target: &mut Target) -> Result<(), RowsError> {
    let has_bytes = |part: &&PathBuf| std::fs::metadata(part).map_or(true, |meta| meta.len() > 0);
    let parts: Vec<&PathBuf> = parts.iter().filter(has_bytes).collect();
    let Some((first, others)) = parts.split_first() else { return Ok(()) };
    let first = RowGroups::open(first)?;
    let to = PathBuf::from("the result");
    let mut writer = first.writer(Out(target)).map_err(|error| unwritable(&to, &error))?;
    let schema = first.meta.file_metadata().schema();
    first.copy(0..first.meta.num_row_groups(), &mut writer).map_err(|error| unwritable(&to, &error))?;
    for part in others {
        let part = RowGroups::open(part)?;
        if part.meta.file_metadata().schema() != schema {
            return Err(RowsError::Group { path: part.path, what: "its schema differs from that of the first part".to_owned() });
        }
        part.copy(0..part.meta.num_row_groups(), &mut writer).map_err(|error| unwritable(&to, &error))?;
    }
    writer.close().map(drop).map_err(|error| unwritable(&to, &error))
}

/// A result as the library writes to it.
struct Out<'t>(&'t mut Target);

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unreadable(path: &Path, error: &ParquetError) -> RowsError {
    RowsError::Read { path: path.to_path_buf(), source: io::Error::other(error.to_string()) }
}

fn unwritable(path: &Path, error: &ParquetError) -> RowsError {
    RowsError::Write { path: path.to_path_buf(), source: io::Error::other(error.to_string()) }
}
