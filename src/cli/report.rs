//! `report`, and the reports of `repro`: from a history to files.
//!
//! What is asked for is checked before anything runs (templates are read, endings known). A report
//! that cannot be made at the end is a warning: it never changes what a run came to.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::format::mask::Masks;
use crate::model::{Class, Fault};
use crate::ops::report::{self, gather, glance, unbegun};
use crate::ops::runs::{self, Found};
use crate::ops::{changes, overwriting};
use crate::report::dossier::Dossier;
use crate::report::history::History;
use crate::report::markdown::{self, Options};
use crate::report::{answer, csv, html, junit, template, trace, words};
use crate::store::workspace::Workspace;

use super::apart::refuse_same;
use super::args::report::Template;
use super::args::{Flavor, Global, Kind, Rendering, Report, Wanted};
use super::live::Page;
use super::repro::{masks, write_text};
use super::{error, print, print_answer, workspace};

/// Where a job on GitHub takes its summary from.
pub const SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// GitHub takes no longer summary of a step, in bytes.
const LONGEST_SUMMARY: u64 = 1 << 20;

/// So often, and with such pauses, it is looked whether a browser has failed.
const TIMES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(50);

/// A template that was given.
#[derive(Debug)]
struct Given {
    file: String,
    text: String,
}

impl Given {
    fn text(given: Option<&Self>) -> Option<&str> {
        given.map(|given| given.text.as_str())
    }

    /// What is wrong with a template, and with which; ours never are.
    fn words(given: Option<&Self>, error: &minijinja::Error) -> String {
        match given {
            Some(given) => format!("the template '{}' is wrong: {}", given.file, template::words(error, &given.text)),
            None => format!("{error:#}"),
        }
    }
}

/// What is to be made, found to be possible.
#[derive(Debug, Default)]
pub struct Order {
    wanted: Vec<Wanted>,
    html: Option<Given>,
    md: Option<Given>,
    options: Options,
    /// What the user set.
    max_chars: Option<usize>,
    summary: Option<PathBuf>,
    request: report::Wanted,
    /// `-q`: what is not asked for as a file is not told.
    quiet: bool,
}

impl Order {
    /// Takes an order for reports.
    ///
    /// # Errors
    /// A template that cannot be read, that is for no report, or could be for more than one: a usage error.
    pub fn new(wanted: Vec<Wanted>, rendering: &Rendering, is_live: bool, masks: Masks) -> Result<Self, Fault> {
        let usage = |text: String| Fault::new(Class::UsageError, text);
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if wanted.iter().filter(|wanted| wanted.to_stdout()).count() > 1 {
            return Err(usage("only one report can go to standard output".to_owned()));
        }
        let key = masks.text(&key(rendering.key.as_deref())).into_owned();
        let mut options = Options { key, ..Options::default() };
        options.max_chars = rendering.max_chars.unwrap_or(options.max_chars);
        options.flavor = match rendering.flavor {
            Flavor::Github | Flavor::Gitlab => markdown::Flavor::Github,
            Flavor::Bitbucket => markdown::Flavor::Bitbucket,
        };
        let mut order = Self {
            summary: rendering.summary.then(|| get(SUMMARY).map(PathBuf::from)).flatten(),
            request: report::Wanted { base: changes::asked(rendering.base.as_deref(), get), what_if: once(&rendering.what_if), masks },
            options,
            max_chars: rendering.max_chars,
            wanted,
            ..Self::default()
        };
        for template in &rendering.templates {
            order.take(template, is_live)?;
        }
        Ok(order)
    }

    /// The same, told of by warnings alone if it is to be quiet.
    pub fn quietly(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    fn take(&mut self, template: &Template, is_live: bool) -> Result<(), Fault> {
        let usage = |text: String| Fault::new(Class::UsageError, text);
        let file = template.file.display();
        let mut kinds: Vec<Kind> = self.wanted.iter().map(|wanted| wanted.kind).collect();
        kinds.dedup();
        let others = is_live.then_some(Kind::Html).into_iter().chain(self.summary.as_ref().map(|_| Kind::Md));
        let kind = match (template.kind, kinds.as_slice()) {
            (Some(kind), kinds) if !others.chain(kinds.iter().copied()).any(|asked| asked == kind) => {
                let word = if kind == Kind::Html { "HTML" } else { "Markdown" };
                return Err(usage(format!("the template '{file}' is for a report in {word}, and none is asked for")));
            }
            (Some(kind), _) => kind,
            (None, [only @ (Kind::Html | Kind::Md)]) => *only,
            (None, _) => return Err(usage(format!("for which report is the template '{file}'? Say html={file} or md={file}"))),
        };
        let text = std::fs::read_to_string(&template.file).map_err(|error| usage(format!("cannot read the template '{file}': {error}")))?;
        let checked = if kind == Kind::Html { html::check(&text) } else { markdown::check(&text) };
        checked.map_err(|why| usage(format!("the template '{file}' is wrong: {why}")))?;
        *(if kind == Kind::Html { &mut self.html } else { &mut self.md }) = Some(Given { file: file.to_string(), text });
        Ok(())
    }

    /// Whether there is anything to make.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.summary.is_none() && self.request.what_if.is_empty()
    }

    /// Refuses reports that would be written over what the pipeline is made of.
    ///
    /// # Errors
    /// A usage error.
    pub fn check(&self, workspace: &Arc<Workspace>) -> Result<(), Fault> {
        let files = self.wanted.iter().filter(|wanted| !wanted.to_stdout()).map(|wanted| wanted.file.as_path());
        overwriting::refuse(workspace, files)
    }

    /// Makes everything. What could not be made is told as a warning; gives how many that were.
    pub fn fill(&self, workspace: &Arc<Workspace>, history: History, alive: bool, exit_code: Option<i32>) -> usize {
        self.make(&gather(workspace, history, alive, exit_code, &self.request))
    }

    /// The same of a run that could not even begin.
    pub fn fill_unbegun(&self, history: History, exit_code: i32) {
        self.make(&unbegun(history, exit_code));
    }

    fn make(&self, dossier: &Dossier) -> usize {
        let mut missed = 0;
        if let (Some(rev), Err(why)) = (&self.request.base.rev, &dossier.changes) {
            print(&format!("WARNING: nothing is compared with '{rev}': {why}\n"), true);
        }
        for what in dossier.what_if.iter().filter(|_| !self.quiet) {
            print(&format!("{}\n", words::what_if(what)), true);
        }
        for wanted in &self.wanted {
            if let Err(error) = self.write(wanted, dossier) {
                missed += 1;
                print(&format!("WARNING: the report '{}' was not written: {error}\n", wanted.file.display()), true);
            }
        }
        if let Some(file) = &self.summary
            && let Err(error) = self.append(file, dossier)
        {
            missed += 1;
            print(&format!("WARNING: the summary of the job was not written: {error}\n"), true);
        }
        missed
    }

    /// The page of a run that goes on.
    pub fn page(&self, workspace: &Arc<Workspace>, history: History) -> Result<Page, String> {
        let goes_on = history.end.is_none();
        let dossier = glance(workspace, history, &self.request);
        let html = html::render(&dossier, Given::text(self.html.as_ref()), goes_on);
        let html = html.map_err(|error| Given::words(self.html.as_ref(), &error))?;
        Ok(Page { html, policy: html::policy(goes_on) })
    }

    fn write(&self, wanted: &Wanted, dossier: &Dossier) -> Result<(), String> {
        let text = self.render(wanted.kind, dossier)?;
        if wanted.to_stdout() {
            return print_answer(&text).map_err(|fault| fault.to_string());
        }
        write_text(&wanted.file, &text).map_err(|fault| fault.to_string())
    }

    /// One report as text.
    pub fn render(&self, kind: Kind, dossier: &Dossier) -> Result<String, String> {
        let (html, md) = (self.html.as_ref(), self.md.as_ref());
        match kind {
            Kind::Html => html::render(dossier, Given::text(html), false).map_err(|error| Given::words(html, &error)),
            Kind::Md => {
                let text = markdown::render(dossier, &self.options, Given::text(md)).map_err(|error| Given::words(md, &error))?;
                text.ok_or_else(|| format!("not even its verdict has room in {} characters", self.options.max_chars))
            }
            Kind::Json => Ok(format!("{:#}\n", answer::report(dossier))),
            Kind::Csv => Ok(csv::render(dossier)),
            Kind::Junit => Ok(junit::render(dossier)),
            Kind::Trace => Ok(trace::render(dossier)),
        }
    }

    /// Appends to the summary of a job, as far as there is room.
    fn append(&self, file: &Path, dossier: &Dossier) -> Result<(), String> {
        let there = std::fs::metadata(file).map_or(0, |meta| meta.len());
        let summary = Options::summary();
        let room = usize::try_from(LONGEST_SUMMARY.saturating_sub(there + 1)).unwrap_or(0).min(summary.max_bytes);
        let max_chars = self.max_chars.unwrap_or(summary.max_chars);
        let options = Options { key: self.options.key.clone(), flavor: self.options.flavor, max_bytes: room, max_chars, ..summary };
        let md = self.md.as_ref();
        let text = markdown::render(dossier, &options, Given::text(md)).map_err(|error| Given::words(md, &error))?;
        let text = text.ok_or_else(|| format!("there is no room left in '{}'", file.display()))?;
        let failed = |error: std::io::Error| format!("cannot write '{}': {error}", file.display());
        let mut file = OpenOptions::new().create(true).append(true).open(file).map_err(failed)?;
        file.write_all(format!("{text}\n").as_bytes()).map_err(failed)
    }
}

/// Each number once, in the order in which they were first given.
fn once(numbers: &[usize]) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    numbers.iter().copied().filter(|number| seen.insert(*number)).collect()
}

/// The word by which a bot knows its comment: the given one, or the name of the workflow or job.
pub(super) fn key(given: Option<&str>) -> String {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    given.map(str::to_owned).or_else(|| get("GITHUB_WORKFLOW")).or_else(|| get("CI_JOB_NAME")).unwrap_or_else(|| "dvc-paraffin".to_owned())
}

/// Says that there is no job whose summary could be written.
pub fn warn_without_summary(rendering: &Rendering) {
    if rendering.summary && std::env::var_os(SUMMARY).is_none_or(|file| file.is_empty()) {
        print(&format!("WARNING: --summary has nowhere to write: ${SUMMARY} is not set (it is in a job on GitHub Actions)\n"), true);
    }
}

/// Says what is wrong with a journal that is looked at.
pub fn warn_of_damage(found: &Found) {
    if let Some(text) = runs::damage(&found.folder.name, &found.history) {
        print(&format!("WARNING: {text}\n"), true);
    }
}

/// Says why a journal is not looked at.
pub fn warn(fault: &Fault) {
    print(&format!("WARNING: {fault}\n"), true);
}

/// Runs the command. The report of a failed run is no failure.
///
/// # Errors
/// There is no such run, its journal cannot be read, or a template cannot.
pub fn run(args: &Report, global: &Global) -> Result<(), Fault> {
    let workspace = Arc::new(workspace()?);
    let found = runs::read(&workspace.tmp_dir(), Some(&args.run), &masks(&workspace)?, warn)?;
    let folder = found.folder.clone();
    let mut wanted = args.wanted();
    let page = args.open.then(|| args.html.clone().unwrap_or_else(|| folder.dir.join("report.html")));
    if let (Some(page), None) = (&page, &args.html) {
        wanted.push(Wanted { kind: Kind::Html, file: page.clone() });
    }
    if wanted.is_empty() && !args.rendering.summary {
        wanted.push(Wanted { kind: Kind::Md, file: PathBuf::from("-") });
    }
    refuse_same(wanted.iter().map(|wanted| wanted.file.as_path()))?;
    warn_without_summary(&args.rendering);
    warn_of_damage(&found);
    if found.history.unread > 0 {
        let lines = if found.history.unread == 1 { "a line".to_owned() } else { format!("{} lines", found.history.unread) };
        let text = format!("WARNING: {lines} of the journal of '{}' cannot be read, what they told is left out\n", folder.name);
        print(&text, true);
    }
    let exit_code = found.history.end.as_ref().map(|end| end.fault.as_ref().map_or(0, error::exit_code));
    let order = Order::new(wanted, &args.rendering, false, found.masks.clone())?.quietly(global.quiet > 0);
    order.check(&workspace)?;
    let missed = order.fill(&workspace, found.history, found.alive, exit_code);
    if missed > 0 {
        return Err(Fault::new(Class::IOError, "not every report was written".to_owned()));
    }
    if let Some(page) = page {
        open(&page)?;
        if global.quiet == 0 {
            print(&format!("The page is '{}'.\n", page.display()), true);
        }
    }
    Ok(())
}

/// Shows a page in the user's browser. What starts one ends at once, or it is the browser and goes on.
fn open(page: &Path) -> Result<(), Fault> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    // Without a screen xdg-open finds a browser for a terminal at best, and that is not its.
    let has_screen = cfg!(target_os = "macos") || set("DISPLAY").is_some() || set("WAYLAND_DISPLAY").is_some();
    let openers = ["xdg-open", "open"].into_iter().filter(|_| has_screen).map(Into::into);
    for program in set("BROWSER").into_iter().chain(openers) {
        let mut command = Command::new(&program);
        command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.spawn().is_ok_and(|mut child| has_begun(&mut child)) {
            return Ok(());
        }
    }
    let text = format!("no browser could be started ($BROWSER, and with a screen xdg-open and open): the page is '{}'", page.display());
    Err(Fault::new(Class::FileNotFoundError, text))
}

/// Whether a program ended well, or goes on.
fn has_begun(child: &mut Child) -> bool {
    for _ in 0..TIMES {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(PAUSE),
            Ok(Some(status)) => return status.success(),
            Err(_) => return false,
        }
    }
    true
}
