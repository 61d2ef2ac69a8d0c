//! What was typed of `check`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum, ValueHint};

use super::Json;

/// `check`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin check                     the files that git tracks, as they are in the work tree
  dvc-paraffin check --index             what `git commit` would commit
  dvc-paraffin check --rev HEAD          the newest commit; works in bare clones too
  dvc-paraffin check --rev main..        each commit of this branch
  dvc-paraffin check --cache error       also fail if the content of an output is in no cache here
  dvc-paraffin check --rev HEAD --json   for programs

Nothing is pulled, written or run, and no lock is waited for. Exit codes: 0 in step, 1 stale, 255 where that cannot be told.")]
pub struct Check {
    /// Nothing is meant to stand here; many would write a revision.
    #[arg(hide = true)]
    pub stray: Option<String>,
    /// Check this commit, or each commit of a range (A..B), instead of the work tree.
    #[arg(long, value_name = "REV|RANGE", conflicts_with = "index")]
    pub rev: Option<String>,
    /// Check the index: what the next commit would have.
    #[arg(long)]
    pub index: bool,
    /// What it is if the content of an output is neither in the cache nor in a remote that is a directory.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    pub cache: CacheLevel,
    /// Also write the findings to this file as Markdown for a pull request; `-` prints it, and nothing else.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub md: Option<PathBuf>,
    /// By this word a bot knows the Markdown as its own [default: the name of the workflow].
    #[arg(long, value_name = "KEY", requires = "md")]
    pub key: Option<String>,
    /// Where the JSON answer goes.
    #[command(flatten)]
    pub json: Json,
}

/// How much it matters that content is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CacheLevel {
    /// The check fails.
    Error,
    /// It is told.
    #[default]
    Warn,
    /// It is not looked up.
    Off,
}
