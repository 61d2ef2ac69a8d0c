//! What was typed: the command line as clap reads it, nothing more.
//!
//! What it means is worked out in `cli::request`. Names, short flags and rules are those of
//! `dvc repro`, so that a command line of `dvc` works as it stands; options of our own have
//! long names only (but `-j`). Usage errors exit with 254 as DVC's do.

use std::ffi::OsString;
use std::num::{NonZeroUsize, ParseIntError};
use std::path::PathBuf;

use std::time::Duration;

use clap::builder::styling::Styles;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};

use crate::format::paraffin::{self, units};

/// The program.
const NAME: &str = "dvc-paraffin";

/// Exit code of a command line that cannot be understood.
pub const USAGE: i32 = 254;

/// Commands of DVC that someone may look for here.
const OF_DVC: [&str; 40] = [
    "add",
    "artifacts",
    "cache",
    "check-ignore",
    "commit",
    "config",
    "data",
    "destroy",
    "diff",
    "doctor",
    "du",
    "exp",
    "experiments",
    "fetch",
    "freeze",
    "gc",
    "get",
    "get-url",
    "import",
    "import-db",
    "import-url",
    "init",
    "install",
    "list",
    "ls",
    "metrics",
    "move",
    "mv",
    "params",
    "plots",
    "pull",
    "push",
    "queue",
    "remote",
    "remove",
    "rm",
    "root",
    "stage",
    "unfreeze",
    "unprotect",
];

const EVERYWHERE: &str = "Options of every command";

const AFTER_HELP: &str = "\
Examples:
  dvc-paraffin repro                   run what changed, as many stages at once as there are CPUs
  dvc-paraffin repro -j 4 train@a      at most four at once, only what train@a needs
  dvc-paraffin repro --dry --explain   say what would run, and why
  dvc-paraffin checkout                outputs from the cache, as dvc.lock says
  dvc-paraffin graph --levels          the pipeline as a Mermaid chart of levels
  dvc-paraffin check --rev HEAD        is the commit in step with its dvc.lock?
  dvc-paraffin report --html run.html  the newest run as a page
  dvc-paraffin logs train@a            what a stage printed
  dvc-paraffin demo                    make a small project and run it

Exit codes are DVC's: 0 fine, 255 failure, 254 usage, 253 not in a DVC repository, 252 interrupted, 251 bad configuration.";

const REPRO_AFTER_HELP: &str = "\
Examples:
  dvc-paraffin repro                       the pipelines of ./dvc.yaml and all that they need
  dvc-paraffin repro train                 one stage and all that it needs
  dvc-paraffin repro 'train@*' --glob      all stages whose name matches
  dvc-paraffin repro sub/dvc.yaml:train    a stage of another dvc.yaml
  dvc-paraffin repro -s train              this stage alone
  dvc-paraffin repro -k -j 8               go on after a failure, eight at once
  dvc-paraffin repro --dry --explain       only say what would run, and why
  dvc-paraffin repro --report run.html --report pr.md
                                           also write a page, and Markdown for a pull request
  dvc-paraffin repro --json-file run.json  also write what happened to a file";

const STATUS_AFTER_HELP: &str = "\
Examples:
  dvc-paraffin status                  all stages and .dvc files of the repository
  dvc-paraffin status train            one stage
  dvc-paraffin status -d train         and all that it depends on
  dvc-paraffin status data/raw.csv     whatever makes or tracks this path
  dvc-paraffin status --json           for programs; exactly what `dvc status --json` prints
  dvc-paraffin status -q || echo stale exit code 1 if something changed";

/// Runs DVC pipelines in parallel: a native drop-in for `dvc repro`.
#[derive(Parser, Clone, Debug)]
#[command(
    name = NAME,
    version,
    about,
    after_help = AFTER_HELP,
    arg_required_else_help = true,
    subcommand_required = true,
    infer_long_args = true,
    args_override_self = true,
    max_term_width = 100,
    styles = Styles::plain(),
)]
pub struct Args {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command; they may stand before or after it.
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct Global {
    /// Be quiet: nothing but the stages' own output.
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// Be verbose: remarks for those who look for a fault, and nothing is folded.
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = ArgAction::Count)]
    pub verbose: u8,
    /// Change to this directory first.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub cd: Option<PathBuf>,
    /// Wait for locks that other processes hold (this is what happens anyway).
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub wait_for_lock: bool,
    /// Wait at most so many seconds for a lock, then fail as DVC does.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "SECONDS", value_parser = seconds)]
    pub lock_timeout: Option<Duration>,
}

/// The commands.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Run the stages that changed, and those that depend on them.
    #[command(after_help = REPRO_AFTER_HELP)]
    Repro(Box<Repro>),
    /// Show the stages and what depends on what.
    #[command(alias = "dag")]
    Graph(Graph),
    /// Show which stages changed, and what of them, as `dvc status` does.
    #[command(after_help = STATUS_AFTER_HELP)]
    Status(Status),
    /// Bring outputs from the cache to what dvc.lock and .dvc files say, as `dvc checkout` does.
    Checkout(Checkout),
    /// Run a command on the parts of an input at the same time, and join what it makes
    Map(Box<map::Map>),
    /// Show what a dvc.yaml means after vars, foreach and matrix.
    Resolve(Resolve),
    /// Check that the pipeline of a commit is in step with its dvc.lock.
    Check(Check),
    /// Write a report of a run: for the eye, a pull request, or other programs.
    Report(Box<Report>),
    /// List the runs on record.
    Runs(Runs),
    /// Show what a stage printed in a run.
    Logs(Logs),
    /// Install hooks of git that look at what is pushed and committed, or take them away.
    Hooks(Hooks),
    /// Check paraffin.yaml, and say which pattern gives a stage what.
    Config(Config),
    /// Make a small project and run it with four jobs.
    Demo(Demo),
    /// Print a completion script for a shell.
    Completion(Completion),
    /// Print the version.
    Version,
}

/// Where the JSON answer goes.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq, Eq)]
pub struct Json {
    /// Print the answer as JSON on standard output, and nothing else there.
    #[arg(long)]
    pub json: bool,
    /// Also write the answer as JSON to this file, even if the command fails.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub json_file: Option<PathBuf>,
}

/// What to do when a stage fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnError {
    /// Start nothing more.
    #[default]
    Fail,
    /// `--keep-going`: leave out what depends on it.
    KeepGoing,
    /// `--ignore-errors`: go on as if nothing had happened.
    Ignore,
}

/// `repro`
#[derive(ClapArgs, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of `dvc repro`")]
pub struct Repro {
    /// Stages: a name, FILE:NAME, a dvc.yaml or a .dvc file; ./dvc.yaml without any.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub targets: Vec<String>,
    /// Run at most so many stages at once [default: the number of CPUs].
    #[arg(short, long, alias = "concurrency", value_name = "N", value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// Run even what did not change.
    #[arg(short, long)]
    pub force: bool,
    /// Ask before each stage.
    #[arg(short, long)]
    pub interactive: bool,
    /// Run only these stages, not what they depend on.
    #[arg(short, long)]
    pub single_item: bool,
    /// Run the whole pipelines that the targets belong to.
    #[arg(short, long)]
    pub pipeline: bool,
    /// Run all pipelines of the repository.
    #[arg(short = 'P', long)]
    pub all_pipelines: bool,
    /// Take all stages below the given directories.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Run the targets and what depends on them.
    #[arg(long)]
    pub downstream: bool,
    /// Run all that depends on a stage that ran, even if its results are the same.
    #[arg(long)]
    pub force_downstream: bool,
    /// Fetch missing data from the remote.
    #[arg(long)]
    pub pull: bool,
    /// Pass over stages whose data is missing but which did not change otherwise.
    #[arg(long)]
    pub allow_missing: bool,
    /// Only print what would run.
    #[arg(long)]
    pub dry: bool,
    /// After a failure, go on with what does not depend on it.
    #[arg(short, long, overrides_with = "ignore_errors")]
    pub keep_going: bool,
    /// Ignore failures of stages.
    #[arg(long, overrides_with = "keep_going")]
    pub ignore_errors: bool,
    /// Targets may hold wildcards (`*`, `?`, `[a-z]`).
    #[arg(long)]
    pub glob: bool,
    /// Do not put results into the cache.
    #[arg(long)]
    pub no_commit: bool,
    /// Run even what ran before with the same command and inputs.
    #[arg(long)]
    pub no_run_cache: bool,
    /// Do not add changed files to the index of git, whatever core.autostage says.
    #[arg(long)]
    pub no_stage: bool,
    /// Say why each stage runs: what changed, from what to what.
    #[arg(long)]
    pub explain: bool,
    /// How paraffin.yaml is overridden.
    #[command(flatten)]
    pub limits: Limits,
    /// End commands that a killed run left behind, instead of waiting for them.
    #[arg(long)]
    pub kill_orphans: bool,
    /// Write what dvc-paraffin's own time was spent on, as a Chrome trace (Perfetto shows it).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub profile: Option<PathBuf>,
    /// Write a report when the run is over: .html .md .json .csv .xml (JUnit) .trace.json.
    #[arg(long = "report", value_name = "FILE", value_parser = report::wanted, value_hint = ValueHint::FilePath, help_heading = "Reports")]
    pub reports: Vec<Wanted>,
    /// Serve the report of the run while it goes on, for a browser on this machine [default: a free port].
    #[arg(long, value_name = "PORT", num_args = 0..=1, value_parser = report::port, help_heading = "Reports")]
    pub live: Option<Option<u16>>,
    /// What reports are made with.
    #[command(flatten)]
    pub rendering: Rendering,
    /// Where the JSON answer goes.
    #[command(flatten)]
    pub json: Json,
}

/// `config`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin config                      check paraffin.yaml; how many stages are in which queue
  dvc-paraffin config --explain train@3    the terms of a stage, and which pattern gave each
  dvc-paraffin config --schema             the JSON Schema of paraffin.yaml, for editors")]
pub struct Config {
    /// Only check the file (this is what happens without any flag).
    #[arg(long, conflicts_with_all = ["schema", "explain"])]
    pub check: bool,
    /// Print the JSON Schema of paraffin.yaml.
    #[arg(long, conflicts_with = "explain")]
    pub schema: bool,
    /// The terms on which these stages run, and who gave each.
    #[arg(long, value_name = "STAGE", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub explain: Vec<String>,
}

/// Queues and limits of `repro`, beside or instead of those of paraffin.yaml.
#[derive(ClapArgs, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Queues and limits")]
pub struct Limits {
    /// Run only stages of these queues; others that must run are left, which is a failure.
    #[arg(short = 'Q', long, value_name = "NAME", value_delimiter = ',')]
    pub queues: Vec<String>,
    /// Give a queue so many slots (gpu=1).
    #[arg(long, value_name = "NAME=N", value_delimiter = ',', value_parser = queue_slots)]
    pub queue_slots: Vec<(String, usize)>,
    /// Stop a stage that runs longer than this (90, 10m, 2h, none).
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Timeout>,
    /// Try a failed stage up to N more times.
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,
    /// Give every stage its share of the jobs for make, cargo and the like (MAKEFLAGS).
    #[arg(long)]
    pub jobserver: bool,
    /// How make is told: pipe (every make) or fifo (make 4.4, ninja).
    #[arg(long, value_enum, value_name = "STYLE", default_value_t, hide_possible_values = true)]
    pub jobserver_style: JobserverStyle,
    /// Go on until N stages have failed.
    #[arg(long, value_name = "N", value_parser = jobs, conflicts_with_all = ["keep_going", "ignore_errors"])]
    pub max_failures: Option<NonZeroUsize>,
}

pub mod check;
pub mod checkout;
pub mod hooks;
pub mod map;
pub mod report;

pub use check::Check;
pub use checkout::Checkout;
pub use hooks::Hooks;
pub use report::{Flavor, Kind, Logs, Rendering, Report, Runs, Wanted};

impl Repro {
    /// What to do when a stage fails.
    pub fn on_error(&self) -> OnError {
        match (self.keep_going, self.ignore_errors) {
            (_, true) => OnError::Ignore,
            (true, false) => OnError::KeepGoing,
            (false, false) => OnError::Fail,
        }
    }
}

/// How `graph` prints.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// The levels, for reading.
    #[default]
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// All that is known (`paraffin-graph/1`).
    Json,
}

/// `graph`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin graph                    the levels as text
  dvc-paraffin graph --format mermaid   a flowchart for Markdown
  dvc-paraffin graph --levels           the same by levels, as paraffin draws it
  dvc-paraffin graph --format dot | dot -Tsvg > graph.svg")]
#[expect(clippy::struct_excessive_bools, reason = "the short forms of `dvc dag`")]
pub struct Graph {
    /// Only these stages and what they need; all stages without any.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub targets: Vec<String>,
    /// How to print it: text, mermaid, dot or json [default: text; with --levels: mermaid].
    #[arg(long, value_enum, hide_possible_values = true)]
    pub format: Option<Format>,
    /// Put the stages of one level into one box; stages of a level can run at the same time.
    #[arg(long)]
    pub levels: bool,
    /// As --format dot.
    #[arg(long, conflicts_with_all = ["format", "mermaid", "md"])]
    pub dot: bool,
    /// As --format mermaid.
    #[arg(long, conflicts_with = "format")]
    pub mermaid: bool,
    /// As --format mermaid, in a Markdown block.
    #[arg(long, conflicts_with = "format")]
    pub md: bool,
    /// Where the JSON answer goes.
    #[command(flatten)]
    pub json: Json,
}

impl Graph {
    /// The form that all flags together ask for.
    pub fn format(&self) -> Format {
        match self.format {
            _ if self.json.json => Format::Json,
            Some(format) => format,
            None if self.dot => Format::Dot,
            None if self.mermaid || self.md || self.levels => Format::Mermaid,
            None => Format::Text,
        }
    }
}

/// `status`
#[derive(ClapArgs, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of `dvc status`")]
pub struct Status {
    /// Stages, dvc.yaml or .dvc files, or outputs; all stages without any.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub targets: Vec<String>,
    /// Also what the targets depend on.
    #[arg(short = 'd', long)]
    pub with_deps: bool,
    /// Take all stages below the given directories.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Do not say that sources of imports are not looked at (they never are).
    #[arg(long)]
    pub no_updates: bool,
    /// Refused: comparing with a remote is left to `dvc status`.
    #[arg(short, long, hide = true)]
    pub cloud: bool,
    /// Refused, as --cloud.
    #[arg(short, long, hide = true)]
    pub remote: Option<String>,
    /// Refused, as --cloud.
    #[arg(short, long, hide = true)]
    pub all_branches: bool,
    /// Refused, as --cloud.
    #[arg(short = 'T', long, hide = true)]
    pub all_tags: bool,
    /// Refused, as --cloud.
    #[arg(short = 'A', long, hide = true)]
    pub all_commits: bool,
    /// Refused, as --cloud.
    #[arg(short, long, hide = true)]
    pub jobs: Option<String>,
    /// Where the JSON answer goes.
    #[command(flatten)]
    pub json: Json,
}

/// `resolve`
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  dvc-paraffin resolve                     the stages of ./dvc.yaml as they are after templating
  dvc-paraffin resolve --json sub/dvc.yaml also variables, what uses which, and all errors")]
pub struct Resolve {
    /// The dvc.yaml file.
    #[arg(value_name = "FILE", default_value = "dvc.yaml", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Where the JSON answer goes.
    #[command(flatten)]
    pub json: Json,
}

/// `demo`
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct Demo {
    /// The directory to make; it must be new or empty.
    #[arg(value_name = "DIR", default_value = "dvc-paraffin-demo", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// `completion`
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "\
Examples:
  dvc-paraffin completion bash > ~/.local/share/bash-completion/completions/dvc-paraffin
  dvc-paraffin completion zsh > ~/.zfunc/_dvc-paraffin")]
pub struct Completion {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// A command line that ends before it begins: help, version, or a mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Early {
    /// What to print.
    pub text: String,
    /// 0 for help and version, else [`USAGE`].
    pub exit_code: i32,
}

/// Reads a command line (the program's name first).
///
/// # Errors
/// Help, version and mistakes come back as text with the exit code.
pub fn parse(argv: impl IntoIterator<Item = OsString>) -> Result<Args, Early> {
    Args::try_parse_from(argv).map_err(|error| early(&error))
}

fn early(error: &clap::Error) -> Early {
    let text = error.render().to_string();
    if error.use_stderr() {
        let mut text = text.strip_prefix("error: ").map_or_else(|| text.clone(), |rest| format!("ERROR: {rest}"));
        if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
            && OF_DVC.contains(&word.as_str())
        {
            text.push_str(&format!("\n`{word}` is a command of DVC: `dvc {word}` works beside dvc-paraffin.\n"));
            if word == "install" {
                text.push_str("`dvc-paraffin hooks install` installs hooks that judge what is committed and pushed.\n");
            }
        }
        Early { text, exit_code: USAGE }
    } else {
        Early { text, exit_code: 0 }
    }
}

/// The completion script of a shell.
pub fn completion(shell: clap_complete::Shell) -> String {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // clap_complete 4.6 looks for the commands of a program with a dash in its name under
    // another label than it sets, so that nothing after a command would be completed.
    let label = |joint: &str| NAME.replace('-', joint);
    script.replace(&label("__subcmd__"), &label("__"))
}

fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    let wanted = "a whole number from 1 on is needed";
    let number: usize = text.parse().map_err(|_: ParseIntError| wanted.to_owned())?;
    NonZeroUsize::new(number).ok_or_else(|| wanted.to_owned())
}

/// How make is told of its share of the jobs.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum JobserverStyle {
    /// By open files.
    #[default]
    Pipe,
    /// By the name of a pipe.
    Fifo,
}

/// A limit of time; none for one that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(pub Option<Duration>);

fn time(text: &str) -> Result<Timeout, String> {
    let wrong = || format!("{} or none is needed", paraffin::DURATION);
    if text == "none" { Ok(Timeout(None)) } else { units::duration(text).map(|time| Timeout(Some(time))).ok_or_else(wrong) }
}

fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text).ok_or_else(|| format!("{} is needed", paraffin::DURATION))
}

fn queue_slots(text: &str) -> Result<(String, usize), String> {
    let (name, number) = text.split_once('=').ok_or_else(|| "a queue and its slots are needed, like gpu=1".to_owned())?;
    Ok((name.to_owned(), jobs(number)?.get()))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "a number of seconds is needed".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "a number of seconds from 0 on is needed".to_owned())
}

#[cfg(test)]
mod tests;
