//! The values of the page: those of every report and what only a page has.

use std::collections::HashMap;

use indexmap::IndexMap;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use crate::report::dossier::Dossier;
use crate::report::facts::Shown;
use crate::report::flowchart::{Flowchart, Fold};
use crate::report::history::Phases;
use crate::report::tally::duration;
use crate::report::view::{Count, StageRow, View, size, sum};
use crate::report::{shown, signs};

use super::policy::{SCRIPT, STYLE, policy};
use super::{levels, load, timeline};

/// In a plan of more stages than this, foreach and matrix groups are folded in the table ...
const MANY: usize = 100;
/// ... if they have so many members.
const GROUP: usize = 12;
/// Beyond so many rows that are seen the rest is folded too: a browser lays out a table of thousands
/// for seconds.
const SEEN: usize = 500;

/// Rows of the table that stand together.
#[derive(Debug, Default, Serialize)]
struct Block {
    /// What is folded here, `train@*`; empty: nothing is.
    name: String,
    /// The places of its stages in the plan.
    rows: Vec<usize>,
    /// The first of the ways in which one of them is shown.
    status: &'static str,
    /// How many are shown how.
    states: String,
    tries: usize,
    start: String,
    wait: String,
    run: String,
    save: String,
    time: String,
    cpu: String,
    memory: String,
}

/// Stages that ran for the same reasons.
#[derive(Debug, Serialize)]
struct Why {
    reasons: Vec<String>,
    places: Vec<usize>,
}

/// A stage of the critical path.
#[derive(Debug, Serialize)]
struct Step {
    place: usize,
    address: String,
    time: String,
    share: String,
}

/// All values of the page.
pub fn context_of(dossier: &Dossier, live: bool) -> Value {
    let view = View::of(dossier);
    let (blocks, whys, path) = (blocks(dossier, &view.stages), whys(&view.stages), critical_path(dossier));
    let drawn = |drawing: timeline::Drawing| (Value::from_safe_string(drawing.names), Value::from_safe_string(drawing.plot));
    let timeline = timeline::timeline(dossier).map(|drawing| {
        let (thin, (names, plot)) = (drawing.thin, drawn(drawing));
        context! { names, plot, thin, legend => legend(dossier) }
    });
    let load = load::load(dossier).map(drawn).map(|(names, plot)| context! { names, plot });
    let (levels, whole) = levels::levels(dossier).unzip();
    context! {
        policy => Value::from_safe_string(policy(live)),
        live,
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        patterns => Value::from_safe_string(PATTERNS.to_owned()),
        verdict_mark => signs::of_run(dossier.facts.verdict),
        blocks => Value::from(Serde(blocks)),
        whys => Value::from(Serde(whys)),
        critical_path => Value::from(Serde(path)),
        levels => levels.map(Value::from_safe_string),
        levels_whole => whole,
        mermaid => Flowchart::of(dossier, Fold::Stages).map(|chart| chart.source()).unwrap_or_default(),
        timeline,
        load,
        ..Value::from(Serde(view))
    }
}

/// Patterns that tell apart what colours alone would not.
const PATTERNS: &str = r##"<svg class="defs" width="0" height="0" aria-hidden="true"><defs>
<pattern id="hatch" class="waiting" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="ink" stroke-width="2" d="M0 0v5"/></pattern>
<pattern id="stripes" width="4" height="4" patternUnits="userSpaceOnUse"><path class="ink" stroke-width="2" d="M1 0v4"/></pattern>
<pattern id="cross" class="failed" width="7" height="7" patternUnits="userSpaceOnUse"><path class="ground" d="M0 0h7v7H0z"/><path class="ink" stroke-width="1.2" d="M0 0l7 7M7 0l-7 7"/></pattern>
<pattern id="grid" class="stopped" width="6" height="6" patternUnits="userSpaceOnUse"><path class="ground" d="M0 0h6v6H0z"/><path class="ink" stroke-width="1" d="M0 .5h6M.5 0v6"/></pattern>
<pattern id="dots" class="restored" width="6" height="6" patternUnits="userSpaceOnUse"><path class="ground" d="M0 0h6v6H0z"/><path class="ink" stroke-width="1.4" d="M1 1.5h1.4M4 4.5h1.4"/></pattern>
<pattern id="bands" class="running" width="10" height="10" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="ground" d="M0 0h10v10H0z"/><path class="ink" stroke-width="1" d="M5 0v10"/></pattern>
</defs></svg>"##;

/// The ends of tries that there are.
fn legend(dossier: &Dossier) -> Value {
    let stages = dossier.history.stages.iter().zip(&dossier.facts.shown);
    let ends: Vec<Shown> = stages
        .flat_map(|(entry, shown)| {
            entry.tries.iter().map(|attempt| attempt.end.as_ref().map_or(*shown, |(_, outcome)| Shown::Over(outcome.status)))
        })
        .collect();
    let counts = Shown::ALL.into_iter().map(|wanted| (wanted, ends.iter().filter(|end| **end == wanted).count()));
    let counts: Vec<Count> =
        counts.filter(|(_, number)| *number > 0).map(|(shown, number)| Count { key: shown.key(), words: shown.words(), number }).collect();
    Value::from(Serde(counts))
}

/// The rows of the table in blocks: groups that are folded, and what stands between them.
fn blocks(dossier: &Dossier, stages: &[StageRow]) -> Vec<Block> {
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    stages.iter().for_each(|stage| *sizes.entry(&stage.group).or_default() += 1);
    let folds = |group: &str| stages.len() > MANY && !group.is_empty() && sizes[group] >= GROUP;
    let mut folded: HashMap<&str, usize> = HashMap::new();
    let mut blocks: Vec<Block> = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        let group = stage.group.as_str();
        let block = match folded.get(group) {
            Some(block) => *block,
            None if folds(group) => {
                blocks.push(Block { name: format!("{group}@*"), ..Block::default() });
                folded.insert(group, blocks.len() - 1);
                blocks.len() - 1
            }
            None => {
                if blocks.last().is_none_or(|last| !last.name.is_empty()) {
                    blocks.push(Block::default());
                }
                blocks.len() - 1
            }
        };
        blocks[block].rows.push(at);
    }
    rest_folded(&mut blocks);
    blocks.iter_mut().filter(|block| !block.name.is_empty()).for_each(|block| summed(block, dossier, stages));
    blocks
}

/// Folds what is seen beyond [`SEEN`] rows, at the end of the table.
fn rest_folded(blocks: &mut Vec<Block>) {
    let mut room = SEEN;
    let mut rest = Vec::new();
    for block in blocks.iter_mut().filter(|block| block.name.is_empty()) {
        let seen = block.rows.len().min(room);
        rest.extend(block.rows.split_off(seen));
        room -= seen;
    }
    blocks.retain(|block| !block.rows.is_empty());
    if !rest.is_empty() {
        blocks.push(Block { name: format!("{} more stages", rest.len()), rows: rest, ..Block::default() });
    }
}

/// The sums of a folded group.
fn summed(block: &mut Block, dossier: &Dossier, stages: &[StageRow]) {
    let facts = &dossier.facts;
    let count = |wanted: Shown| block.rows.iter().filter(|at| facts.shown[**at] == wanted).count();
    let counts: Vec<(Shown, usize)> = Shown::ALL.into_iter().map(|shown| (shown, count(shown))).filter(|(_, count)| *count > 0).collect();
    block.status = counts.first().map_or("", |(shown, _)| shown.key());
    block.states = counts.iter().map(|(shown, count)| format!("{count} {}", shown.words())).collect::<Vec<_>>().join(", ");
    let tried: Vec<usize> = block.rows.iter().copied().filter(|at| stages[*at].tries > 0).collect();
    if tried.is_empty() {
        return;
    }
    let phases = tried.iter().map(|at| sum(&dossier.history.stages[*at], facts.wall)).fold(Phases::default(), |sum, phases| Phases {
        wait: sum.wait + phases.wait,
        before: sum.before + phases.before,
        run: sum.run + phases.run,
        save: sum.save + phases.save,
    });
    block.tries = tried.iter().map(|at| stages[*at].tries).sum();
    let first = tried.iter().filter_map(|at| dossier.history.stages[*at].tries.first()).map(|attempt| attempt.start).min();
    block.start = first.map(duration).unwrap_or_default();
    (block.wait, block.run, block.save, block.time) =
        (duration(phases.wait), duration(phases.run), duration(phases.save), duration(phases.work()));
    let cpu: u64 = tried.iter().map(|at| stages[*at].cpu_ns).sum();
    let memory = tried.iter().map(|at| stages[*at].memory_bytes).max().unwrap_or(0);
    if memory > 0 {
        (block.cpu, block.memory) = (duration(std::time::Duration::from_nanos(cpu)), size(memory));
    }
}

/// Stages by their reasons, the commonest first.
fn whys(stages: &[StageRow]) -> Vec<Why> {
    let mut places: IndexMap<&[String], Vec<usize>> = IndexMap::new();
    for (at, stage) in stages.iter().enumerate().filter(|(_, stage)| !stage.reasons.is_empty()) {
        places.entry(&stage.reasons).or_default().push(at);
    }
    let mut whys: Vec<Why> = places.into_iter().map(|(reasons, places)| Why { reasons: reasons.to_vec(), places }).collect();
    whys.sort_by_key(|why| std::cmp::Reverse(why.places.len()));
    whys
}

fn critical_path(dossier: &Dossier) -> Vec<Step> {
    let facts = &dossier.facts;
    let step = |at: &usize| Step {
        place: *at,
        address: shown::line(&dossier.history.stages[*at].planned.address),
        time: duration(facts.times[*at]),
        share: format!("{:.0} %", 100.0 * facts.times[*at].as_secs_f64() / facts.wall.as_secs_f64().max(1e-9)),
    };
    facts.critical.iter().map(step).collect()
}
