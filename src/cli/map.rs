//! `map`: what was typed becomes a request; what came of it becomes words.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
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
use crate::store::os;

use super::advance::Advance;
use super::args::{Global, map as typed};
use super::report::warn;
use super::repro::{watcher, write_text};
use super::{Setting, fail, print, print_answer};

/// How many lines of a log are shown.
const LINES: usize = 10;
/// So many bytes at its end are looked at for them.
const TAIL: u64 = 64 << 10;

/// Runs the command and gives the exit code.
pub fn run(args: &typed::Map, global: &Global, setting: &Setting) -> Result<i32, Fault> {
    let request = request(args)?;
    refuse(args)?;
    let reads_stdin = matches!(&request.source, Source::Inputs(paths) if paths.iter().any(|path| path.as_os_str() == "-"));
    let watcher = watcher()?;
    let unit = unit(&request);
    let teller = Shown { advance: Advance::new(setting.terminal.live && global.quiet == 0, unit), unit };
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
    let fault = mapped.fault.clone().map(|fault| with_way_out(fault, &mapped, setting, reads_stdin));
    let code = fault.as_ref().map_or(0, |fault| fail(fault, setting));
    // What cannot be written must not hide how it went.
    let written = files(args, &mapped, code);
    Ok(written.err().map_or(code, |fault| fail(&fault, setting)))
}

/// Writes what was asked for beside the result.
fn files(args: &typed::Map, mapped: &Mapped, code: i32) -> Result<(), Fault> {
    let folder = std::env::var_os(REPORT).filter(|_| !args.dry_run);
    let answer = if folder.is_some() || args.json_file.is_some() { shown::json(mapped, code) } else { String::new() };
    if let Some(dir) = folder {
        let name = format!("{:024}-{}.json", mapped.began, std::process::id());
        if let Err(fault) = write_text(&Path::new(&dir).join(name), &answer) {
            warn(&fault);
        }
    }
    let trace = args.trace_export.as_ref().map_or(Ok(()), |file| write_text(file, &shown::trace(mapped)));
    let answer = args.json_file.as_ref().map_or(Ok(()), |file| write_text(file, &answer));
    trace.and(answer)
}

/// Refuses files that cannot be written, before anything is run.
fn refuse(args: &typed::Map) -> Result<(), Fault> {
    let files = [("--out", &args.out), ("--trace-export", &args.trace_export), ("--json-file", &args.json_file)];
    let mut seen: Vec<(&str, PathBuf)> = Vec::new();
    for (option, file) in files {
        let Some(file) = file else { continue };
        let usage = |text: String| Err(Fault::new(Class::UsageError, text));
        if file.is_dir() && option != "--out" {
            return usage(format!("{option}: '{}' is a directory", file.display()));
        }
        // A device takes all of them.
        let place = os::resolved(file);
        let is_special = std::fs::metadata(&place).is_ok_and(|meta| !meta.is_file());
        if let Some((other, _)) = seen.iter().find(|(_, path)| *path == place && !is_special) {
            return usage(format!("{other} and {option} are both '{}'", file.display()));
        }
        seen.push((option, place));
    }
    Ok(())
}

/// The failure with the command line that runs a partition alone.
fn with_way_out(fault: Fault, mapped: &Mapped, setting: &Setting, reads_stdin: bool) -> Fault {
    let failed = mapped.parts.iter().find(|part| part.status == Status::Failed);
    let Some(part) = failed.filter(|_| fault.class == Class::MapError && fault.detail("hint").is_none()) else { return fault };
    if setting.args.iter().any(|word| word.contains(char::REPLACEMENT_CHARACTER)) {
        // Its bytes are lost.
        return fault.with("hint", format!("the same command with `--only {}` runs it alone.", part.index));
    }
    let mut words: Vec<String> = vec![setting.program.to_string_lossy().into_owned()];
    let (mut is_value, mut is_ours) = (false, true);
    for word in &setting.args {
        // Reports of that would take the place of those of this run.
        let is_report = is_ours && ["--json-file", "--trace-export"].iter().any(|option| word.split('=').next() == Some(option));
        if std::mem::replace(&mut is_value, is_report && !word.contains('=')) || is_report {
            continue;
        }
        is_ours &= word != "--";
        if word == "--" && !words.contains(&"--only".to_owned()) {
            words.extend(["--only".to_owned(), part.index.to_string()]);
        }
        words.push(word.clone());
    }
    let line = words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ");
    let again = if reads_stdin { ", with the same standard input," } else { "" };
    fault.with("hint", format!("`{line}`{again} runs it alone."))
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
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
        file.read_to_end(&mut text).map(|_| size > TAIL)
    });
    // It may begin amid a line.
    let from = if read.unwrap_or(false) { memchr::memchr(b'\n', &text).map_or(0, |end| end + 1) } else { 0 };
    let text = String::from_utf8_lossy(&text[from..]);
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
