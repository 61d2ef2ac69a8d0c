//! `repro`: from flags to a request, and from the run to the screen, the JSON answer and the
//! exit code.

use std::fs::OpenOptions;
use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::sync::Arc;

use crate::format::mask::Masks;
use crate::format::paraffin::{self, queue_name};
use crate::model::settings::Settings as Told;
use crate::model::{Class, Event, EventKind, Fault};
use crate::ops::changes;
use crate::ops::load::Repository;
use crate::ops::recorder::Shared;
use crate::ops::repro::{Request, repro};
use crate::ops::targets::Reading;
use crate::plan::schedule;
use crate::plan::select::Scope;
use crate::plan::terms::Overrides;
use crate::report::history::History;
use crate::report::{Settings, Sink, answer, screen};
use crate::run::clock::Clock;
use crate::run::console::{Console, Manner};
use crate::run::job::hold;
use crate::run::perform::Options;
use crate::run::signals::Watcher;
use crate::run::tokens::Style;
use crate::store::workspace::Workspace;
use crate::store::{atomic, span};

use super::apart::refuse_same;
use super::args::{Global, JobserverStyle, OnError, Repro, Wanted};
use super::live::Live;
use super::report::{Order, SUMMARY, warn_without_summary};
use super::{Setting, confirm, error, opened, print, print_answer, workspace, workspace_unconfigured};

/// A screen on a terminal that is set for it.
struct Undisturbed {
    screen: Box<dyn Sink>,
    _console: Console,
}

impl Sink for Undisturbed {
    fn event(&mut self, event: &Event) {
        self.screen.event(event);
    }
}

/// The screen and the JSON answer, if one is wanted, hear of everything.
struct Both {
    screen: Box<dyn Sink>,
    answer: History,
    is_wanted: bool,
}

impl Sink for Both {
    fn event(&mut self, event: &Event) {
        if self.is_wanted {
            self.answer.event(event);
        }
        self.screen.event(event);
    }
}

/// Runs the command and gives the exit code.
pub fn run(args: &Repro, global: &Global, setting: &Setting) -> i32 {
    if args.profile.is_some() {
        span::record();
    }
    let mut repository = None;
    let mut history = History::default();
    let result = start(args, global, setting, &mut repository, &mut history);
    let code = result.as_ref().err().map_or(0, error::exit_code);
    if let Err(fault) = &result {
        let names: Vec<String> = repository.map(Repository::names).unwrap_or_default();
        let known = names.iter().map(String::as_str);
        print(&format!("{}\n", error::render(fault, known, setting.terminal.color_err)), true);
    }
    if let Some(file) = &args.profile
        && let Err(fault) = span::write(file)
    {
        print(&format!("WARNING: the profile was not written: {fault}\n"), true);
    }
    let value = || answer::value(&history, Some(code), result.as_ref().err());
    if let Some(file) = &args.json.json_file
        && let Err(fault) = write_json(file, &value())
    {
        print(&format!("{}\n", error::render(&fault, [], setting.terminal.color_err)), true);
        return if code == 0 { error::exit_code(&fault) } else { code };
    }
    if args.json.json
        && let Err(fault) = print_answer(&format!("{}\n", value()))
    {
        print(&format!("{}\n", error::render(&fault, [], setting.terminal.color_err)), true);
        return if code == 0 { error::exit_code(&fault) } else { code };
    }
    code
}

fn start(
    args: &Repro,
    global: &Global,
    setting: &Setting,
    slot: &mut Option<&'static Repository>,
    answer: &mut History,
) -> Result<(), Fault> {
    let files =
        args.reports.iter().map(|wanted| wanted.file.as_path()).chain(args.json.json_file.as_deref()).chain(args.profile.as_deref());
    refuse_same(files)?;
    let watcher = watcher()?;
    let workspace = workspace().inspect_err(|fault| {
        let found = workspace_unconfigured().ok();
        if found.is_some() || fault.class == Class::NotDvcRepoError {
            report_early(args, setting, found, fault);
        }
    })?;
    let told = match settings_file(&workspace) {
        Ok(told) => told,
        Err(fault) => {
            report_early(args, setting, Some(workspace), &fault);
            return Err(fault);
        }
    };
    let interactive = args.interactive || workspace.config().interactive;
    let jobs = if interactive { 1 } else { jobs(args, &told) };
    if args.json.json && args.reports.iter().any(Wanted::to_stdout) {
        return Err(Fault::new(Class::UsageError, "--json and --report - cannot both have standard output".to_owned()));
    }
    let masks = masks_of(&told);
    let order = Order::new(args.reports.clone(), &args.rendering, args.live.is_some(), masks.clone())?.quietly(global.quiet > 0);
    let repository = opened(workspace);
    order.check(repository.workspace())?;
    warn_without_summary(&args.rendering);
    let order = Arc::new(order);
    let shared = (!order.is_empty() || args.live.is_some()).then(Shared::default);
    let request = Request { settings: told, masks, history: shared.clone(), ..request(args, global, setting, jobs) };
    let live = match (&shared, args.live) {
        (Some(shared), Some(port)) => Some(serve(port, repository.workspace(), shared, &order)?),
        _ => None,
    };
    let is_wanted = args.json.json || args.json.json_file.is_some();
    let mut both = Both { screen: open_screen(args, global, setting, jobs, &watcher)?, answer: std::mem::take(answer), is_wanted };
    let ask = |question: &str| confirm::ask(question, &|| watcher.times() > 0);
    let confirm: Option<&(dyn Fn(&str) -> bool + Sync)> = if interactive { Some(&ask) } else { None };
    let result = repro(repository, &request, confirm, &watcher, &mut both);
    *answer = both.answer;
    if let Some(shared) = shared {
        let code = result.as_ref().err().map_or(0, error::exit_code);
        let history = hold(&shared).clone();
        if !order.is_empty() {
            order.fill(repository.workspace(), history, false, Some(code));
        }
    }
    if let Some(live) = live {
        live.finish();
    }
    *slot = Some(repository);
    result
}

/// Writes the reports of a run that could not even be told how to run, so that none of another run
/// is taken for its own.
fn report_early(args: &Repro, setting: &Setting, workspace: Option<Workspace>, fault: &Fault) {
    // What it says of masks holds, unless it is itself what cannot be read.
    let masks = workspace.as_ref().and_then(|workspace| masks(workspace).ok()).unwrap_or_default();
    let Ok(order) = Order::new(args.reports.clone(), &args.rendering, args.live.is_some(), masks.clone()) else { return };
    let workspace = workspace.map(Arc::new);
    if order.is_empty() || workspace.as_ref().is_some_and(|workspace| order.check(workspace).is_err()) {
        return;
    }
    let clock = Clock::start();
    let mut history = History::default();
    let mut tell = |mut kind: EventKind| {
        masks.event(&mut kind);
        history.event(&clock.event(kind));
    };
    tell(EventKind::RunOpened(Box::new(setting.about())));
    if let Some(facts) = workspace.as_deref().and_then(changes::facts) {
        tell(EventKind::GitStood(facts));
    }
    tell(EventKind::RunFinished { fault: Some(fault.clone()), to_track: Vec::new(), staged: false });
    order.fill_unbegun(history, error::exit_code(fault));
}

/// Serves the page of the run while it goes on.
fn serve(port: Option<u16>, workspace: &Arc<Workspace>, shared: &Shared, order: &Arc<Order>) -> Result<Live, Fault> {
    let (workspace, shared, order) = (Arc::clone(workspace), Arc::clone(shared), Arc::clone(order));
    let live = Live::start(port, Box::new(move || order.page(&workspace, hold(&shared).clone())))?;
    print(&format!("The run can be watched at {}\n", live.address()), true);
    Ok(live)
}

/// From here on signals no longer kill the program.
pub(super) fn watcher() -> Result<Watcher, Fault> {
    Watcher::start().map_err(|error| unwatched(&error))
}

fn unwatched(error: &std::io::Error) -> Fault {
    Fault::new(Class::Unexpected, format!("cannot watch for signals: {error}"))
}

/// paraffin.yaml, if there is one.
pub(super) fn settings_file(workspace: &Workspace) -> Result<Told, Fault> {
    let path = workspace.root().join(paraffin::FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => paraffin::parse(paraffin::FILE, &text).map_err(|error| error.fault()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Told::default()),
        Err(error) => Err(Fault::new(Class::ConfigError, format!("cannot read '{}': {error}", paraffin::FILE))),
    }
}

/// What paraffin.yaml says must not be seen.
pub(super) fn masks(workspace: &Workspace) -> Result<Masks, Fault> {
    Ok(masks_of(&settings_file(workspace)?))
}

/// With a salt that no other run has.
fn masks_of(told: &Told) -> Masks {
    Masks::new(told, &format!("{:032x}", fastrand::u128(..)))
}

fn jobs(args: &Repro, told: &Told) -> usize {
    let cpus = || std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs.map(usize::from).or(told.jobs).unwrap_or_else(cpus)
}

pub(super) fn open_screen(
    args: &Repro,
    global: &Global,
    setting: &Setting,
    jobs: usize,
    watcher: &Watcher,
) -> Result<Box<dyn Sink>, Fault> {
    let settings = Settings {
        jobs,
        quiet: global.quiet > 0,
        verbose: global.verbose > 0,
        explain: args.explain,
        dry: args.dry,
        ..setting.terminal.settings()
    };
    let out: Box<dyn Write + Send> = if args.json.json { Box::new(stderr()) } else { Box::new(stdout()) };
    // With one job the terminal is the stage's.
    let keys = setting.terminal.keys && jobs > 1 && !args.dry;
    let manner = if keys { Some(Manner::Keys) } else { screen::is_live(&settings).then_some(Manner::Calm) };
    let console = manner.map(|manner| watcher.console(manner)).transpose().map_err(|error| unwatched(&error))?;
    let screen = screen::open(settings, out, Box::new(stderr()));
    Ok(match console {
        Some(console) => Box::new(Undisturbed { screen, _console: console }),
        None => screen,
    })
}

pub(super) fn request(args: &Repro, global: &Global, setting: &Setting, jobs: usize) -> Request {
    let wide = args.pipeline || args.all_pipelines;
    let scope = match (args.pipeline, args.single_item && !wide, args.downstream && !wide) {
        (true, _, _) => Scope::Pipeline,
        (_, true, _) => Scope::Single,
        (_, _, true) => Scope::Downstream,
        _ => Scope::Upstream,
    };
    Request {
        targets: args.targets.clone(),
        reading: Reading { glob: args.glob, recursive: args.recursive },
        scope,
        all_pipelines: args.all_pipelines,
        stages: !args.no_stage,
        options: Options { force: args.force, no_commit: args.no_commit, run_cache: !args.no_run_cache },
        force_downstream: args.force_downstream,
        allow_missing: args.allow_missing,
        pull: args.pull,
        dry: args.dry,
        explain: args.explain,
        on_error: match args.on_error() {
            OnError::Fail => args.limits.max_failures.map_or(schedule::OnError::Fail, |most| schedule::OnError::KeepGoingUntil(most.get())),
            OnError::KeepGoing => schedule::OnError::KeepGoing,
            OnError::Ignore => schedule::OnError::Ignore,
        },
        settings: Told::default(),
        overrides: Overrides {
            queue_slots: args.limits.queue_slots.iter().map(|(name, slots)| (queue_name(name).to_owned(), *slots)).collect(),
            timeout: args.limits.timeout.map(|timeout| timeout.0),
            retries: args.limits.retries,
            jobserver: args.limits.jobserver,
        },
        jobserver_style: match args.limits.jobserver_style {
            JobserverStyle::Pipe => Style::Pipe,
            JobserverStyle::Fifo => Style::Fifo,
        },
        queues: (!args.limits.queues.is_empty()).then(|| args.limits.queues.clone()),
        jobs,
        kill_orphans: args.kill_orphans,
        patience: global.lock_timeout,
        on_terminal: setting.terminal.any,
        to_stderr: args.json.json,
        command_line: setting.command_line.clone(),
        shell: std::env::var_os("SHELL"),
        withheld: if args.rendering.summary { vec![SUMMARY] } else { Vec::new() },
        about: setting.about(),
        masks: Masks::default(),
        history: None,
    }
}

/// Writes a JSON answer; a directory that is missing is made, since a run may have taken hours.
pub(super) fn write_json(file: &Path, value: &serde_json::Value) -> Result<(), Fault> {
    write_text(file, &format!("{value:#}\n"))
}

/// Writes an answer that is text already.
pub(super) fn write_text(file: &Path, text: &str) -> Result<(), Fault> {
    if let Some(dir) = file.parent() {
        // What prevents it, prevents the writing too, which says so.
        std::fs::create_dir_all(dir).ok();
    }
    let failed = |error: std::io::Error| Fault::new(Class::IOError, format!("cannot write '{}': {error}", file.display()));
    match std::fs::metadata(file) {
        // What is no plain file is written to, and never replaced: a pipe, /dev/null, an open file.
        Ok(meta) if !meta.is_file() => {
            OpenOptions::new().write(true).open(file).and_then(|mut open| open.write_all(text.as_bytes())).map_err(failed)
        }
        Ok(_) => {
            // Where a link leads, so that it stays one.
            let place = file.canonicalize().map_err(failed)?;
            atomic::write(&place, text.as_bytes()).map(|_| ()).map_err(|error| error.fault())
        }
        Err(_) => atomic::write(file, text.as_bytes()).map(|_| ()).map_err(|error| error.fault()),
    }
}
