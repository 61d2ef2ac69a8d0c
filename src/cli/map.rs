//! `map`: what was typed becomes a request; what came of it becomes words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::format::map::numbers::Kind;
use crate::format::rows;
use crate::model::mapped::{Estimate, Mapped, Part, Status};
use crate::model::settings::GRACE;
use crate::model::{Class, Fault};
use crate::ops::map::{Combine, Request, Sizing, Source, map};
use crate::report::mapped as shown;
use crate::report::streams::visible;
use crate::report::words::shell_quote;
use crate::run::map::cut::Portion;
use crate::run::map::{Failing, REPORT, Teller};

use super::advance::Advance;
use super::args::map as typed;
use super::report::warn;
use super::repro::{watcher, write_text};
use super::{Setting, fail, print, print_answer};

/// How many lines of a log are shown.
const LINES: usize = 10;

/// Runs the command and gives the exit code.
pub fn run(args: &typed::Map, setting: &Setting) -> Result<i32, Fault> {
    let request = request(args)?;
    let watcher = watcher()?;
    let unit = unit(&request);
    let teller = Shown { advance: Advance::new(setting.terminal.live, unit), unit };
    let result = map(&request, &watcher, &teller);
    teller.advance.clear();
    let mapped = match result {
        Ok(mapped) => mapped,
        Err(fault) => {
            let out = request.out.clone();
            Mapped { out, parts: Vec::new(), began: 0, wall: Duration::ZERO, estimate: Estimate::Learning, fault: Some(fault) }
        }
    };
    if args.dry_run && mapped.fault.is_none() {
        print_answer(&shown::plan(&mapped, teller.unit))?;
    }
    if args.profile {
        print(&shown::profile(&mapped), true);
    }
    if let Some(file) = &args.trace_export {
        write_text(file, &shown::trace(&mapped))?;
    }
    let fault = mapped.fault.clone().map(|fault| with_way_out(fault, &mapped, setting));
    let code = fault.as_ref().map_or(0, |fault| fail(fault, setting));
    let answer = shown::json(&mapped, code);
    if let Some(file) = &args.json_file {
        write_text(file, &answer)?;
    }
    if let Some(dir) = std::env::var_os(REPORT).filter(|_| !args.dry_run) {
        let name = format!("{:024}-{}.json", mapped.began, std::process::id());
        if let Err(fault) = write_text(&Path::new(&dir).join(name), &answer) {
            warn(&fault);
        }
    }
    Ok(code)
}

/// The failure with the command line that runs a partition alone.
fn with_way_out(fault: Fault, mapped: &Mapped, setting: &Setting) -> Fault {
    let failed = mapped.parts.iter().find(|part| part.status == Status::Failed);
    let Some(part) = failed.filter(|_| fault.class == Class::MapError && fault.detail("hint").is_none()) else { return fault };
    let mut words: Vec<String> = vec![setting.program.to_string_lossy().into_owned()];
    for word in &setting.args {
        if word == "--" && !words.contains(&"--only".to_owned()) {
            words.extend(["--only".to_owned(), part.index.to_string()]);
        }
        words.push(word.clone());
    }
    fault.with("hint", format!("`{}` runs it alone.", words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")))
}

/// What the input is made of.
fn unit(request: &Request) -> &'static str {
    match &request.source {
        Source::Inputs(paths) if paths.iter().all(|path| !path.is_dir() && (path.exists() || path.as_os_str() == "-")) => "row",
        _ => "item",
    }
}

/// What is shown while it goes on.
struct Shown {
    advance: Advance,
    unit: &'static str,
}

impl Teller for Shown {
    fn begins(&self, portion: &Portion, all: Option<u64>) {
        self.advance.begins(portion.count, all);
    }

    fn ended(&self, part: &Part) {
        self.advance.ended(part);
        if part.status == Status::Failed {
            let mut text = format!("{}\n", shown::failure(part, self.unit));
            if let Some(log) = &part.log {
                for line in last_lines(log) {
                    text += &format!("  | {line}\n");
                }
                text += &format!("  log: {}\n", log.display());
            }
            self.advance.aside(|| print(&text, true));
        }
    }
}

/// The end of a log.
fn last_lines(log: &Path) -> Vec<String> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].iter().filter_map(|line| visible(line.as_bytes())).collect()
}

fn request(args: &typed::Map) -> Result<Request, Fault> {
    let format = args.format.map(|format| match format {
        typed::Format::Csv => rows::Format::Table { delimiter: b',' },
        typed::Format::Tsv => rows::Format::Table { delimiter: b'\t' },
        typed::Format::Jsonl => rows::Format::JsonLines,
        typed::Format::Lines => rows::Format::Lines,
    });
    Ok(Request {
        source: source(args)?,
        format,
        delimiter: args.delimiter,
        header: !args.no_header,
        text: args.encoding == typed::Encoding::Utf8,
        by_group: args.by_group.clone(),
        keep_order: args.keep_order,
        sizing: match (args.size, args.chunks) {
            (Some(size), _) => Sizing::Fixed(size.get()),
            (None, Some(chunks)) => Sizing::Chunks(chunks.get()),
            (None, None) => Sizing::Chosen(args.initial_size.map(std::num::NonZero::get)),
        },
        command: args.command.clone(),
        out: args.out.clone(),
        combine: match (&args.combine_cmd, args.combine) {
            (Some(cmd), _) => Combine::Cmd(cmd.clone()),
            (None, typed::Combine::Concat) => Combine::Concat,
            (None, typed::Combine::Sum) => Combine::Numbers(Kind::Sum),
            (None, typed::Combine::Min) => Combine::Numbers(Kind::Min),
            (None, typed::Combine::Max) => Combine::Numbers(Kind::Max),
            (None, typed::Combine::Mean) => Combine::Numbers(Kind::Mean),
            (None, typed::Combine::MergeJson) => Combine::MergeJson,
            (None, typed::Combine::Files) => Combine::Files,
        },
        jobs: args.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, std::num::NonZero::get),
        persistent: args.persistent,
        only: args.only,
        resume: args.resume,
        dry_run: args.dry_run,
        retries: args.retries,
        timeout: args.timeout,
        grace: args.grace.unwrap_or(GRACE),
        failing: if args.keep_going { Failing::KeepGoing { enough: args.min_success.unwrap_or(1.0) } } else { Failing::Fast },
    })
}

fn source(args: &typed::Map) -> Result<Source, Fault> {
    if let Some(items) = &args.items {
        return Ok(Source::Items(items.clone()));
    }
    if let Some(file) = &args.items_file {
        return Ok(Source::ItemsFile(file.clone(), if args.null { 0 } else { b'\n' }));
    }
    if let Some(cmd) = &args.split_cmd {
        return Ok(Source::SplitCmd(cmd.clone()));
    }
    if args.input.is_empty() {
        return Err(Fault::new(Class::UsageError, "an input is needed: --in, --items, --items-file or --split-cmd"));
    }
    Ok(Source::Inputs(args.input.iter().map(PathBuf::from).collect()))
}
