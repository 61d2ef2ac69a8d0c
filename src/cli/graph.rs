//! `graph`: prints what depends on what.

use serde_json::Value;

use crate::model::{Class, Fault, StageId};
use crate::ops::graph::{Phase, Picture, refused};
use crate::ops::targets::Reading;
use crate::plan::graph::Graph as Dag;
use crate::plan::terms::{Overrides, Rulebook};

use super::args::{Format, Graph};
use super::repro::{settings_file, write_json};
use super::{Setting, fail, opened, print_answer, workspace};

/// Width of the text where the terminal's is not known.
const WIDTH: usize = 80;

/// Runs the command and gives the exit code.
pub fn run(args: &Graph, setting: &Setting) -> i32 {
    let (code, text, json) = match picture(args) {
        Ok((text, json)) => (0, text, json),
        Err((phase, fault)) => {
            let code = fail(&fault, setting);
            let json = refused(phase, &fault);
            let text = if args.format() == Format::Json { format!("{json}\n") } else { String::new() };
            (code, text, Some(json))
        }
    };
    let code = match print_answer(&text) {
        Err(fault) if code == 0 => fail(&fault, setting),
        _ => code,
    };
    if let Some((file, json)) = args.json.json_file.as_ref().zip(json)
        && let Err(fault) = write_json(file, &json)
    {
        return fail(&fault, setting);
    }
    code
}

/// The text to print, and the JSON if it is to be written somewhere.
fn picture(args: &Graph) -> Result<(String, Option<Value>), (Phase, Fault)> {
    let load = |fault| (Phase::Load, fault);
    refuse_levels(args).map_err(|fault| (Phase::Open, fault))?;
    let workspace = workspace().map_err(|fault| (Phase::Open, fault))?;
    let (settings, overrides) = (settings_file(&workspace).map_err(|fault| (Phase::Open, fault))?, Overrides::default());
    let rulebook = Rulebook::new(&settings, &overrides).map_err(|fault| (Phase::Open, fault))?;
    let repository = opened(workspace);
    repository.load_targets(&args.targets, Reading::default()).map_err(load)?;
    repository.load_all().map_err(load)?;
    let graph = Dag::build(repository.pipeline(), repository.cwd()).map_err(|fault| (Phase::Graph, fault))?;
    let targets: Vec<StageId> = repository.resolve_targets(&args.targets, Reading::default(), Some(&graph)).map_err(load)?;
    let record = |stage: &_| repository.record(stage);
    let picture = Picture { pipeline: repository.pipeline(), graph: &graph, record: &record, rulebook: &rulebook, targets: &targets };
    let json = (args.format() == Format::Json || args.json.json_file.is_some()).then(|| picture.json());
    let text = match args.format() {
        Format::Json => json.as_ref().map(|json| format!("{json}\n")).unwrap_or_default(),
        Format::Text => picture.chart(repository.cwd()).text(width()),
        Format::Dot => picture.chart(repository.cwd()).dot(),
        Format::Mermaid => {
            let chart = picture.chart(repository.cwd());
            let source = if args.levels { chart.mermaid_levels() } else { chart.mermaid() };
            if args.md { format!("```mermaid\n{source}```\n") } else { source }
        }
    };
    Ok((text, json))
}

/// Boxes for levels are drawn by Mermaid alone; the text tells levels anyway.
fn refuse_levels(args: &Graph) -> Result<(), Fault> {
    let (form, advice) = match args.format() {
        Format::Dot if args.levels => ("dot", "`graph --levels` alone draws them for Mermaid"),
        Format::Json if args.levels => ("JSON", "it tells the level of each stage (`level`) without it"),
        _ => return Ok(()),
    };
    Err(Fault::new(Class::UsageError, format!("--levels means nothing to {form}: {advice}")))
}

fn width() -> usize {
    rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map_or(WIDTH, |size| usize::from(size.ws_col).max(20))
}
