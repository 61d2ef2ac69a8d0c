//! Floor 6: the command line. What was typed, what it means, and what comes back.

use std::ffi::OsString;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{About, Class, Fault};
use crate::ops::load::Repository;
use crate::store::git::Git;
use crate::store::os;
use crate::store::workspace::{Env, Workspace};

mod advance;
pub mod apart;
pub mod args;
pub mod check;
pub mod checkout;
pub mod config;
pub mod confirm;
pub mod demo;
pub mod error;
pub mod graph;
pub mod hook_run;
pub mod hooks;
pub mod live;
pub mod logs;
pub mod map;
pub mod report;
pub mod repro;
pub mod resolve;
pub mod runs;
pub mod status;
pub mod terminal;

use args::{Args, Command};
use terminal::Terminal;

/// Runs a command line to its end and gives the exit code.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> i32 {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let args = match args::parse(argv.clone()) {
        Ok(args) => args,
        Err(early) => {
            print(&early.text, early.exit_code != 0);
            return early.exit_code;
        }
    };
    let setting = Setting {
        terminal: Terminal::ask(),
        command_line: command_line(&argv),
        program: argv.first().cloned().unwrap_or_default(),
        reader: std::env::current_dir().unwrap_or_default(),
        args: argv.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
    };
    if let Some(dir) = &args.global.cd
        && let Err(error) = std::env::set_current_dir(dir)
    {
        return fail(&Fault::new(Class::InvalidArgumentError, format!("cannot change to '{}': {error}", dir.display())), &setting);
    }
    match dispatch(&args, &setting) {
        Ok(code) => code,
        Err(fault) => fail(&fault, &setting),
    }
}

/// What all commands need to know of the process.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What the terminal can do.
    pub terminal: Terminal,
    /// Our command line as one text.
    pub command_line: String,
    /// How this program was called.
    pub program: OsString,
    /// Where it was called: `--cd` moves the program, not who reads what it says.
    pub reader: PathBuf,
    /// What it was told, without its own name.
    pub args: Vec<String>,
}

impl Setting {
    /// What a run can say of this process and its machine.
    pub fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            args: self.args.clone(),
            host: os::host_name(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpus: std::thread::available_parallelism().map_or(0, usize::from),
            ..About::default()
        }
    }
}

fn dispatch(args: &Args, setting: &Setting) -> Result<i32, Fault> {
    match &args.command {
        Command::Repro(repro) => Ok(repro::run(repro, &args.global, setting)),
        Command::Graph(graph) => Ok(graph::run(graph, setting)),
        Command::Demo(demo) => demo::run(demo, &args.global, setting),
        Command::Completion(completion) => {
            print_answer(&args::completion(completion.shell))?;
            Ok(0)
        }
        Command::Check(check) => check::run(check, &args.global, setting),
        Command::Report(report) => report::run(report, &args.global).map(|()| 0),
        Command::Runs(args) => runs::run(args).map(|()| 0),
        Command::Logs(args) => logs::run(args, setting).map(|()| 0),
        Command::Checkout(checkout) => checkout::run(checkout, &args.global, setting),
        Command::Map(map) => map::run(map, &args.global, setting),
        Command::Status(status) => Ok(status::run(status, &args.global, setting)),
        Command::Resolve(resolve) => Ok(resolve::run(resolve, &args.global, setting)),
        Command::Hooks(hooks) => hooks::run(hooks, &args.global, setting),
        Command::Config(config) => config::run(config, &args.global).map(|()| 0),
        Command::Version => {
            print(concat!("dvc-paraffin ", env!("CARGO_PKG_VERSION"), "\n"), false);
            Ok(0)
        }
    }
}

/// Opens the repository that holds the current directory.
pub(crate) fn workspace() -> Result<Workspace, Fault> {
    Ok(Workspace::open(&here()?, &env())?)
}

/// The same where its configuration is refused.
pub(crate) fn workspace_unconfigured() -> Result<Workspace, Fault> {
    Ok(Workspace::open_unconfigured(&here()?, &env())?)
}

/// Opens the git repository that holds the current directory, be it bare.
pub(crate) fn git_here() -> Result<Arc<Git>, Fault> {
    Ok(Arc::new(Git::open_for_reading(&here()?)?))
}

/// What the environment says about configuration.
pub(crate) fn env() -> Env {
    Env::from_vars(|name| std::env::var_os(name))
}

/// The current directory.
pub(crate) fn here() -> Result<PathBuf, Fault> {
    std::env::current_dir().map_err(|error| Fault::new(Class::Unexpected, format!("cannot tell the current directory: {error}")))
}

/// A repository that is there to the end of the program. To give its parts back one by one would take
/// a tenth of a run in which nothing is to do.
pub(crate) fn opened(workspace: Workspace) -> &'static mut Repository {
    Box::leak(Box::new(Repository::new(workspace)))
}

/// Prints a failure and gives its exit code.
pub(crate) fn fail(fault: &Fault, setting: &Setting) -> i32 {
    let known: [&str; 0] = [];
    print(&format!("{}\n", error::render(fault, known, setting.terminal.color_err)), true);
    error::exit_code(fault)
}

/// Prints what a command was called for. A reader that is gone is no failure, a full disk is.
pub(crate) fn print_answer(text: &str) -> Result<(), Fault> {
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Fault::new(Class::Unexpected, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a text as it is. A reader that is gone is no failure.
pub(crate) fn print(text: &str, to_stderr: bool) {
    let bytes = text.as_bytes();
    if to_stderr {
        stderr().write_all(bytes).ok()
    } else {
        stdout().write_all(bytes).and_then(|()| stdout().flush()).ok()
    };
}

fn command_line(argv: &[OsString]) -> String {
    let words: Vec<String> = argv
        .iter()
        .enumerate()
        .map(|(at, word)| {
            let text = word.to_string_lossy();
            if at == 0 {
                PathBuf::from(word).file_name().map_or_else(|| text.to_string(), |name| name.to_string_lossy().into_owned())
            } else {
                text.into_owned()
            }
        })
        .collect();
    words.join(" ")
}
