//! Records in text: where they begin and end, and what their fields say.

pub mod fields;
pub mod scan;
pub mod utf8;

use std::path::Path;

/// What kind of text an input or an output is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Fields between delimiters, with a header.
    Table {
        /// Between two fields.
        delimiter: u8,
    },
    /// A JSON value on each line.
    JsonLines,
    /// Lines.
    Lines,
}

/// How a file is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// As it is.
    Plain,
    /// By gzip.
    Gzip,
    /// By Zstandard.
    Zstd,
}

impl Format {
    /// By the end of a name, after that of a packing.
    pub fn of(path: &Path) -> Self {
        match suffix(&Packing::bare(path)).as_str() {
            "csv" => Self::Table { delimiter: b',' },
            "tsv" => Self::Table { delimiter: b'\t' },
            "jsonl" | "ndjson" => Self::JsonLines,
            _ => Self::Lines,
        }
    }

    /// Between the fields of a table.
    pub fn delimiter(self) -> Option<u8> {
        match self {
            Self::Table { delimiter } => Some(delimiter),
            Self::JsonLines | Self::Lines => None,
        }
    }

    /// How its records are told from each other.
    pub fn style(self) -> scan::Style {
        match self {
            Self::Table { delimiter } => scan::Style::Table { delimiter },
            Self::JsonLines => scan::Style::Values,
            Self::Lines => scan::Style::Lines,
        }
    }
}

impl Packing {
    /// By the end of a name.
    pub fn of(path: &Path) -> Self {
        match suffix(path).as_str() {
            "gz" => Self::Gzip,
            "zst" => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// Whether a file may begin with these bytes, as far as they are there. Zstandard has frames to be skipped as well (RFC 8878).
    pub fn begins(self, head: &[u8]) -> bool {
        let like = |magic: &[u8]| head.iter().zip(magic).all(|(own, other)| own == other);
        match self {
            Self::Plain => true,
            Self::Gzip => like(b"\x1f\x8b"),
            Self::Zstd => like(b"\x28\xb5\x2f\xfd") || (0x50..=0x5f).any(|first| like(&[first, 0x2a, 0x4d, 0x18])),
        }
    }

    /// A path without the end that tells its packing.
    pub fn bare(path: &Path) -> std::path::PathBuf {
        if Self::of(path) == Self::Plain { path.to_path_buf() } else { path.with_extension("") }
    }
}

fn suffix(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}
