//! `runs`, `logs`, `report`, and what `repro` takes about reports.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum, ValueHint};

/// With less Markdown cannot say what became of a run.
const LEAST_CHARS: usize = 300;

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A page for the eye.
    Html,
    /// For pull requests.
    Md,
    /// For programs.
    Json,
    /// A row for each try.
    Csv,
    /// For CI systems.
    Junit,
    /// A Chrome trace.
    Trace,
}

impl Kind {
    /// Every format with the ending of its files.
    pub const ENDINGS: [(&str, Self); 6] = [
        (".trace.json", Self::Trace),
        (".html", Self::Html),
        (".md", Self::Md),
        (".json", Self::Json),
        (".csv", Self::Csv),
        (".xml", Self::Junit),
    ];

    /// The format that a file's name asks for.
    pub fn of(path: &OsStr) -> Option<Self> {
        let name = path.to_string_lossy().to_lowercase();
        Self::ENDINGS.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, kind)| kind)
    }
}

/// A report and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The format.
    pub kind: Kind,
    /// The file; `-` is standard output.
    pub file: PathBuf,
}

impl Wanted {
    /// Whether it goes to standard output.
    pub fn to_stdout(&self) -> bool {
        self.file == Path::new("-")
    }
}

/// A template that takes the place of one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Of which format; none if there is only one.
    pub kind: Option<Kind>,
    /// The file.
    pub file: PathBuf,
}

/// How Markdown is written.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Flavor {
    /// Charts as Mermaid, long parts folded.
    #[default]
    Github,
    /// The same.
    Gitlab,
    /// Without Mermaid and folding.
    Bitbucket,
}

/// What reports are made with.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Reports")]
pub struct Rendering {
    /// Compare parameters and metrics with this revision [default: where the branch left the default branch].
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Say how long the run would have taken with another number of jobs (jobs=8).
    #[arg(long, value_name = "jobs=N", value_delimiter = ',', value_parser = what_if)]
    pub what_if: Vec<usize>,
    /// Append the Markdown to the summary of a GitHub job ($GITHUB_STEP_SUMMARY).
    #[arg(long)]
    pub summary: bool,
    /// Use this template (html=FILE, md=FILE; FILE alone with one report).
    #[arg(long = "template", value_name = "KIND=FILE", value_parser = template, value_hint = ValueHint::FilePath)]
    pub templates: Vec<Template>,
    /// By this word a bot knows the Markdown as its own [default: the name of the workflow].
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Keep the Markdown below so many characters [default: 60000].
    #[arg(long, value_name = "N", value_parser = max_chars)]
    pub max_chars: Option<usize>,
    /// For whom the Markdown is.
    #[arg(long, value_enum, default_value_t, value_name = "FLAVOR")]
    pub flavor: Flavor,
}

/// `report`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin report                          the newest run as Markdown on standard output
  dvc-paraffin report --html run.html --open   as a page, shown in the browser
  dvc-paraffin report 20261121-1012 --csv -    another run's tries as a table
  dvc-paraffin report --md pr.md --base main   what changed against main, for a pull request")]
pub struct Report {
    /// The run: its name or how it begins; `dvc-paraffin runs` lists them.
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// Write a page that needs nothing but a browser.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Write Markdown for a pull request.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub md: Option<PathBuf>,
    /// Write what happened as JSON.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub json: Option<PathBuf>,
    /// Write a row for each try.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub csv: Option<PathBuf>,
    /// Write a Chrome trace (Perfetto shows it).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trace: Option<PathBuf>,
    /// Write JUnit XML, which CI systems show.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Show the page in the browser; without --html it is written beside the run's journal.
    #[arg(long)]
    pub open: bool,
    /// What reports are made with.
    #[command(flatten)]
    pub rendering: Rendering,
}

impl Report {
    /// The reports that were asked for.
    pub fn wanted(&self) -> Vec<Wanted> {
        let asked = [
            (Kind::Html, &self.html),
            (Kind::Md, &self.md),
            (Kind::Json, &self.json),
            (Kind::Csv, &self.csv),
            (Kind::Trace, &self.trace),
            (Kind::Junit, &self.junit),
        ];
        asked.into_iter().filter_map(|(kind, file)| Some(Wanted { kind, file: file.clone()? })).collect()
    }
}

/// `runs`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin runs            the runs on record, the newest first
  dvc-paraffin runs -n 1       only the newest
  dvc-paraffin runs --json     for programs

paraffin.yaml says how many are kept (keep_runs: 50).")]
pub struct Runs {
    /// Show at most so many.
    #[arg(short = 'n', long, value_name = "N")]
    pub number: Option<usize>,
    /// Print them as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `logs`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin logs                         which stages of the newest run left a log
  dvc-paraffin logs train@a                 what the stage printed in the newest run
  dvc-paraffin logs -f train@a              and what it prints from now on, to its end
  dvc-paraffin logs --attempt 1 train@a     its first try
  dvc-paraffin logs --run 20261121 -- -odd  in another run; a name that begins with a dash")]
pub struct Logs {
    /// The stage: its address as `repro` prints it, or FILE:NAME; without one, all that left a log.
    #[arg(value_name = "STAGE")]
    pub stage: Option<String>,
    /// The run: its name or how it begins [default: the newest].
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Which try, from 1 [default: the last].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
    /// Go on until the stage has ended.
    #[arg(short, long)]
    pub follow: bool,
}

/// A file whose ending says which report it is to be.
pub(super) fn wanted(text: &str) -> Result<Wanted, String> {
    let file = PathBuf::from(text);
    if text == "-" {
        return Ok(Wanted { kind: Kind::Md, file });
    }
    let endings: Vec<&str> = Kind::ENDINGS.iter().map(|(ending, _)| *ending).collect();
    let kind =
        Kind::of(OsStr::new(text)).ok_or_else(|| format!("the ending says what is written: {}, or - for Markdown", endings.join(" ")))?;
    Ok(Wanted { kind, file })
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("--live takes a port (0: a free one); for the target '{text}' say `--live -- {text}`"))
}

fn template(text: &str) -> Result<Template, String> {
    Ok(match text.split_once('=') {
        Some(("html", file)) => Template { kind: Some(Kind::Html), file: file.into() },
        Some(("md", file)) => Template { kind: Some(Kind::Md), file: file.into() },
        Some((kind, _)) if ["json", "csv", "trace", "junit", "xml"].contains(&kind) => {
            return Err(format!("{kind} has no template: html and md have"));
        }
        _ => Template { kind: None, file: text.into() },
    })
}

fn max_chars(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number >= LEAST_CHARS).ok_or_else(|| format!("a number from {LEAST_CHARS} on is needed"))
}

fn what_if(text: &str) -> Result<usize, String> {
    let wanted = || "jobs=N is needed, like jobs=8".to_owned();
    let number = text.strip_prefix("jobs=").ok_or_else(wanted)?;
    number.parse().ok().filter(|number| *number > 0).ok_or_else(wanted)
}
