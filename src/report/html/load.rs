//! The load of a run: how many stages ran at each time, and how many could not.
//!
//! Two panels with a scale each, since thousands may wait while four run.

use std::fmt::Write as _;
use std::time::Duration;

use crate::report::dossier::Dossier;
use crate::report::steps::{Step, steps};
use crate::report::tally::duration;

use super::svg::{AXIS, Axis, number};
use super::timeline::{Drawing, area};

const PANEL: u32 = 64;
const GAP: u32 = 12;

/// The chart; none where nothing had to run.
pub fn load(dossier: &Dossier) -> Option<Drawing> {
    let steps = steps(&dossier.history, &dossier.facts);
    let most = |of: fn(&Step) -> usize| steps.iter().map(of).max().unwrap_or(0);
    let (running, waiting) = (most(|step| step.running), most(|step| step.ready + step.blocked));
    if running + waiting == 0 {
        return None;
    }
    let (axis, height) = (Axis::new(dossier.facts.wall), AXIS + 2 * PANEL + GAP + 2);
    let top = running.max(dossier.history.jobs).max(1);
    let mut names = format!("<svg class=\"names\" width=\"96\" height=\"{height}\" aria-hidden=\"true\">");
    for (y, name, most) in [(AXIS, "running", top), (AXIS + PANEL + GAP, "waiting", waiting.max(1))] {
        let _ = write!(names, "<text class=\"queue\" y=\"{}\">{name}</text>", y + 12);
        for (number, y) in [(most, y + 12), (0, y + PANEL)] {
            let _ = write!(names, "<text x=\"90\" y=\"{y}\" class=\"slot\">{number}</text>");
        }
    }
    names.push_str("</svg>");
    let label = format!("Up to {running} stages running and {waiting} waiting over {}", duration(dossier.facts.wall));
    let mut plot =
        format!("<svg class=\"plot\" width=\"100%\" height=\"{height}\" role=\"img\" aria-label=\"{label}\">{}", axis.draw(height));
    let series = |of: fn(&Step) -> usize, most: usize| -> Vec<(Duration, f64)> {
        steps.iter().map(|step| (step.at, of(step) as f64 / most.max(1) as f64)).collect()
    };
    let panel = |y: u32, shapes: &[(&str, Vec<(Duration, f64)>)]| {
        let paths: String =
            shapes.iter().map(|(class, values)| format!("<path class=\"{class}\" d=\"{}\"/>", area(axis, values))).collect();
        format!("<svg y=\"{y}\" height=\"{PANEL}\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">{paths}</svg>")
    };
    plot.push_str(&panel(AXIS, &[("works", series(|step| step.running, top))]));
    if dossier.history.jobs > 0 && dossier.history.jobs <= top {
        let y = number(f64::from(AXIS) + f64::from(PANEL) * (1.0 - 0.96 * dossier.history.jobs as f64 / top as f64));
        let _ = write!(plot, "<path class=\"limit\" d=\"M0 {y}h9999\"><title>job slots</title></path>");
    }
    let shapes = [("blocked", series(|step| step.ready + step.blocked, waiting)), ("wait", series(|step| step.ready, waiting))];
    plot.push_str(&panel(AXIS + PANEL + GAP, &shapes));
    for y in [AXIS + PANEL, AXIS + 2 * PANEL + GAP] {
        let _ = write!(plot, "<path class=\"base\" d=\"M0 {y}h9999\"/>");
    }
    plot.push_str("</svg>");
    Some(Drawing { names, plot, thin: false })
}
