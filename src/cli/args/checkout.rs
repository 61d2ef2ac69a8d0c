//! What was typed of `checkout`.

use clap::{Args as ClapArgs, ValueHint};

use super::Json;

/// `checkout`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin checkout                all outputs and added data, as dvc.lock and .dvc files say
  dvc-paraffin checkout train          the outputs of one stage
  dvc-paraffin checkout data/raw.csv   one output, or a file in one that is a directory
  dvc-paraffin checkout -d train       the outputs of a stage and of all that it depends on
  dvc-paraffin checkout --relink       link or copy all files anew, after a change of cache.type
  dvc-paraffin checkout -f             also where files that are in no cache are lost by that

What is in no cache is not brought and nothing is touched in its place; the rest is, then the exit code is 255.
`dvc fetch` brings content into the cache.")]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of `dvc checkout`")]
pub struct Checkout {
    /// Stages, dvc.yaml or .dvc files, outputs or paths in them; everything without any.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub targets: Vec<String>,
    /// Also the outputs of what the targets depend on.
    #[arg(short = 'd', long)]
    pub with_deps: bool,
    /// Take all stages below the given directories.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Replace and remove also files that are in no cache.
    #[arg(short, long)]
    pub force: bool,
    /// Link or copy files anew that are right already.
    #[arg(long)]
    pub relink: bool,
    /// Only print how many files changed.
    #[arg(long)]
    pub summary: bool,
    /// It is no failure if content is in no cache.
    #[arg(long)]
    pub allow_missing: bool,
    /// Where the JSON answer goes.
    #[command(flatten)]
    pub json: Json,
}
