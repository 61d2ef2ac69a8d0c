//! The answer to who asks how a run stands: what runs, since when, what it printed last, and
//! what each stage waits for that could start.

use std::time::Duration;

use crate::model::StageId;
use crate::model::event::Limit;

use super::board::Board;
use super::streams::visible;
use super::words;

/// At most so many waiting stages are named.
const NAMED: usize = 20;

/// The lines of the answer.
pub(super) fn text(now: Duration, board: &Board, lines: &[(StageId, Vec<Vec<u8>>)], lacks: &[(StageId, Vec<Limit>)]) -> String {
    let running = board.running();
    let mut text = vec![words::how_it_stands(now, running.len(), board.ready(), board.to_come())];
    for (stage, since) in running {
        text.push(format!("  {}", words::has_run(board.name(stage), now.saturating_sub(since))));
        let last = lines.iter().filter(|(of, _)| *of == stage).flat_map(|(_, last)| last);
        text.extend(last.filter_map(|line| visible(line)).map(|line| format!("    | {line}")));
    }
    let mut lacks: Vec<&(StageId, Vec<Limit>)> = lacks.iter().collect();
    lacks.sort_by_key(|(stage, _)| board.place(*stage));
    text.extend(lacks.iter().take(NAMED).map(|(stage, limits)| format!("  {}", words::waits_for(board.name(*stage), limits))));
    if lacks.len() > NAMED {
        text.push(format!("  and {} more wait", lacks.len() - NAMED));
    }
    text.join("\n")
}
