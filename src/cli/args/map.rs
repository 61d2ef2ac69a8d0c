//! What was typed of `map`.

use std::ffi::OsString;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum, ValueHint};

use super::duration;

/// `map`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin map --in data.csv --out result.csv -- python score.py {in} {out}
                                       rows of a table, as many at once as there are CPUs
  dvc-paraffin map --in data.csv --by-group country --out result.csv -- ./by_country {in} {out}
                                       rows with the same country stay together
  dvc-paraffin map --in log.txt.gz --combine sum -- wc -l
                                       lines on standard input, and the sum of what is printed
  dvc-paraffin map --in images --combine files --out small -- convert {in} -resize 50% {out}
                                       files, one at a time; the result is a directory
  dvc-paraffin map --items 1 2 3 --combine merge-json --out all.json -- python seed.py {item} {out}

Places in the words of the command: {in} {in2} ... {out} {item} {index}. Without {in} and {item} a partition is standard
input; without {out} what is printed is its part of the result. Exit codes: 0 fine, 255 failure, 254 usage, 252 interrupted.")]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub struct Map {
    /// What is divided: a table (.csv, .tsv), JSON lines (.jsonl, .ndjson), other lines, a directory or a pattern of files; `-`
    /// is standard input. Several are divided side by side.
    #[arg(long = "in", value_name = "FILE", value_hint = ValueHint::AnyPath, help_heading = "Input")]
    pub input: Vec<OsString>,
    /// The items themselves.
    #[arg(long, num_args = 1.., allow_negative_numbers = true, value_name = "ITEM", conflicts_with_all = ["input", "items_file", "split_cmd"], help_heading = "Input")]
    pub items: Option<Vec<OsString>>,
    /// A file with an item on each line; `-` is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["input", "split_cmd"], help_heading = "Input")]
    pub items_file: Option<PathBuf>,
    /// Items in the file end with a zero byte instead of a line end.
    #[arg(short = '0', long, requires = "items_file", conflicts_with_all = ["input", "items", "split_cmd"], help_heading = "Input")]
    pub null: bool,
    /// A command for `sh -c` that prints an item on each line.
    #[arg(long, value_name = "CMD", conflicts_with = "input", help_heading = "Input")]
    pub split_cmd: Option<OsString>,
    /// What the input is, whatever its name says.
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Input")]
    pub format: Option<Format>,
    /// Between two fields of a table (default: a comma, in .tsv a tab).
    #[arg(long, value_name = "CHAR", value_parser = delimiter, help_heading = "Input")]
    pub delimiter: Option<u8>,
    /// The first row of a table is a row as any other.
    #[arg(long, help_heading = "Input")]
    pub no_header: bool,
    /// `bytes`: the input need not be UTF-8.
    #[arg(long, value_enum, default_value = "utf-8", help_heading = "Input")]
    pub encoding: Encoding,

    /// Each row by itself (the default).
    #[arg(long, conflicts_with = "by_group", help_heading = "Partitions")]
    pub by_row: bool,
    /// Rows with the same values in these columns (keys of JSON lines) stay together.
    #[arg(long, value_name = "COL", value_delimiter = ',', conflicts_with = "no_header", help_heading = "Partitions")]
    pub by_group: Option<Vec<String>>,
    /// With --by-group: rows of the result in the order of the rows of the input.
    #[arg(long, requires = "by_group", help_heading = "Partitions")]
    pub keep_order: bool,
    /// So many rows or items in a partition (groups: at least so many).
    #[arg(long, value_name = "N", conflicts_with_all = ["initial_size", "chunks"], help_heading = "Partitions")]
    pub size: Option<NonZeroU64>,
    /// So many in the first partitions; later ones as their cost tells.
    #[arg(long, value_name = "N", conflicts_with = "chunks", help_heading = "Partitions")]
    pub initial_size: Option<NonZeroU64>,
    /// So many partitions of equal size.
    #[arg(long, value_name = "K", help_heading = "Partitions")]
    pub chunks: Option<NonZeroU64>,
    /// Only print the partitions and their commands.
    #[arg(long, help_heading = "Partitions")]
    pub dry_run: bool,
    /// Run one partition alone; its part goes to standard output.
    #[arg(long, value_name = "INDEX", help_heading = "Partitions")]
    pub only: Option<u64>,

    /// Where the result goes (default: standard output); .gz and .zst are compressed.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath, help_heading = "Result")]
    pub out: Option<PathBuf>,
    /// How parts become the result.
    #[arg(long, value_enum, value_name = "HOW", default_value = "concat", help_heading = "Result")]
    pub combine: Combine,
    /// A command for `sh -c` that reads the paths of the parts, one on a line; what it prints, or writes to {out}, is
    /// the result.
    #[arg(long, value_name = "CMD", conflicts_with = "combine", help_heading = "Result")]
    pub combine_cmd: Option<OsString>,

    /// How many partitions are worked on at once, at most (default: the CPUs).
    #[arg(short, long, value_name = "N", help_heading = "Run")]
    pub jobs: Option<NonZeroUsize>,
    /// The command is a worker that reads partitions from standard input, one after the other.
    #[arg(long, help_heading = "Run")]
    pub persistent: bool,
    /// So many more tries for a partition that fails.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Run")]
    pub retries: u32,
    /// How long a try may take, as in 90, 10m, 2h.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Run")]
    pub timeout: Option<Duration>,
    /// How long what is stopped may take to end before it is killed.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Run")]
    pub grace: Option<Duration>,
    /// Stop all when a partition fails (the default).
    #[arg(long, conflicts_with = "keep_going", help_heading = "Run")]
    pub fail_fast: bool,
    /// Go on when a partition fails.
    #[arg(long, help_heading = "Run")]
    pub keep_going: bool,
    /// With --keep-going: the share of rows that is enough for a result, from 0 to 1.
    #[arg(long, value_name = "SHARE", requires = "keep_going", value_parser = share, help_heading = "Run")]
    pub min_success: Option<f64>,
    /// Go on with a run that failed or was stopped: what it had finished is not run again.
    #[arg(long, help_heading = "Run")]
    pub resume: bool,

    /// Print at the end where the time went.
    #[arg(long, help_heading = "Report")]
    pub profile: bool,
    /// Write a row for each partition into a CSV file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Report")]
    pub trace_export: Option<PathBuf>,
    /// Write what happened into a file, as JSON.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Report")]
    pub json_file: Option<PathBuf>,

    /// The command and its words.
    #[arg(last = true, required = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// What an input is.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A table with commas.
    Csv,
    /// A table with tabs.
    Tsv,
    /// A JSON value on each line.
    Jsonl,
    /// Lines.
    Lines,
}

/// What bytes mean.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encoding {
    /// Text.
    #[default]
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    /// Anything.
    Bytes,
}

/// How parts become the result.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Combine {
    /// One after the other, with one header.
    #[default]
    Concat,
    /// Sums of columns or JSON numbers.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Means over all rows.
    Mean,
    /// Objects united, arrays joined.
    MergeJson,
    /// A directory with all parts.
    Files,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("wanted is one character of ASCII, not a quote or a line end, or \\t".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "wanted is a number from 0 to 1".to_owned())
}
