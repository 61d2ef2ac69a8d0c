//! The timeline: a row for each slot, a bar for each try.
//!
//! Waiting stages hold no slot, so they are no bars: above the rows of each queue a hatched area
//! tells how many of its stages waited. A bar is solid while its stage works and striped while it
//! is saved; failures and ends from outside bear a mark. The critical path has an outline, and a
//! line from bar to bar.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use indexmap::IndexMap;

use crate::report::dossier::Dossier;
use crate::report::shown;
use crate::report::tally::duration;

use super::bars::{Bar, Lane, lanes};
use super::svg::{AXIS, Axis, escaped, number};

/// Up to so many rows are high enough for a name in each bar.
const COMFORTABLE: usize = 40;
/// The height of the line that names a queue and shows how many wait for it.
const HEAD: u32 = 20;

/// A drawing beside which names stand that keep their size.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Drawing {
    /// The names at the left.
    pub names: String,
    /// The drawing itself.
    pub plot: String,
    /// Whether its rows are too low for text.
    pub thin: bool,
}

/// The timeline of a run; none if nothing was tried.
pub fn timeline(dossier: &Dossier) -> Option<Drawing> {
    let lanes = lanes(dossier);
    if lanes.is_empty() {
        return None;
    }
    let rows = lanes.values().map(|lane| lane.slots.len()).sum::<usize>();
    let sheet = Sheet { dossier, axis: Axis::new(dossier.facts.wall), row: if rows <= COMFORTABLE { 20 } else { 8 } };
    Some(sheet.draw(&lanes, rows))
}

struct Sheet<'a> {
    dossier: &'a Dossier,
    axis: Axis,
    row: u32,
}

impl Sheet<'_> {
    fn draw(&self, lanes: &IndexMap<String, Lane>, rows: usize) -> Drawing {
        let height = AXIS + lanes.values().map(|lane| HEAD + self.row * lane.slots.len() as u32 + 4).sum::<u32>();
        let mut names = format!("<svg class=\"names\" width=\"96\" height=\"{height}\" aria-hidden=\"true\">");
        let title = format!("Timeline of {rows} slots over {}", duration(self.dossier.facts.wall));
        let mut plot = format!(
            "<svg class=\"plot\" width=\"100%\" height=\"{height}\" role=\"img\" aria-label=\"{title}\"><desc>{}</desc>{}",
            "Each bar is one try of a stage; the table of stages tells the same in numbers.",
            self.axis.draw(height)
        );
        let mut ends: HashMap<usize, [(Duration, u32); 2]> = HashMap::new();
        let mut y = AXIS;
        for (queue, lane) in lanes {
            let name = super::svg::shortened(&shown::line(queue), 14);
            let _ = write!(names, "<text class=\"queue\" y=\"{}\">{}</text>", y + 14, escaped(&name));
            plot.push_str(&self.waiting(lane, y));
            y += HEAD;
            for (slot, bars) in &lane.slots {
                if self.row > 12 {
                    let _ = write!(names, "<text x=\"90\" y=\"{}\" class=\"slot\">{slot}</text>", y + 14);
                }
                let _ = write!(plot, "<svg y=\"{y}\" height=\"{}\"><path class=\"base\" d=\"M0 {}h9999\"/>", self.row, self.row - 1);
                for bar in bars {
                    self.bar(&mut plot, bar);
                    if bar.critical {
                        let middle = y + self.row / 2;
                        let [first, last] = ends.entry(bar.place).or_insert([(bar.start, middle), (bar.end, middle)]);
                        (*first, *last) = ((*first).min((bar.start, middle)), (*last).max((bar.end, middle)));
                    }
                }
                plot.push_str("</svg>");
                y += self.row;
            }
            y += 4;
        }
        plot.push_str(&self.path(&ends));
        plot.push_str("</svg>");
        names.push_str("</svg>");
        Drawing { names, plot, thin: self.row <= 12 }
    }

    fn bar(&self, out: &mut String, bar: &Bar) {
        let (x, width) = (self.axis.percent(bar.start), self.axis.part(bar.end) - self.axis.part(bar.start));
        let critical = if bar.critical { " crit" } else { "" };
        let _ = write!(out, "<a href=\"#s{}\" tabindex=\"-1\"><title>{}</title>", bar.place + 1, escaped(&self.words(bar)));
        let wide = number(width.max(0.0012) * 100.0);
        let _ = write!(out, "<rect class=\"b {}{critical}\" x=\"{x}\" width=\"{wide}%\"/>", bar.shown.key());
        let saving = self.axis.part(bar.end) - self.axis.part(bar.save);
        if saving > 0.002 {
            let _ = write!(out, "<rect class=\"b save\" x=\"{}\" width=\"{}%\"/>", self.axis.percent(bar.save), number(saving * 100.0));
        }
        if self.row > 12 {
            // What fits at a width of 800 pixels.
            let room = (width * 800.0 / 7.0) as usize;
            let name = shown::line(&self.dossier.history.stages[bar.place].planned.address);
            if bar.count == 1 && room >= 4 && super::svg::columns(&name) < room {
                let _ = write!(out, "<text x=\"{x}\" dx=\"4\" y=\"14\">{}</text>", escaped(&name));
            }
        }
        out.push_str("</a>");
    }

    fn words(&self, bar: &Bar) -> String {
        let name = shown::line(&self.dossier.history.stages[bar.place].planned.address);
        let time = duration(bar.end - bar.start);
        if bar.count > 1 {
            return format!("{} short tries from {name} on: {}, {time}", bar.count, bar.shown.words());
        }
        let number = if bar.number > 1 || bar.shown != self.dossier.facts.shown[bar.place] {
            format!(", try {}", bar.number)
        } else {
            String::new()
        };
        let wait = bar.start - bar.ready;
        let wait = if wait.as_millis() >= 10 { format!(", waited {}", duration(wait)) } else { String::new() };
        format!("{name}{number}: {}, {time}{wait}", bar.shown.words())
    }

    /// How many waited for a queue, as an area.
    fn waiting(&self, lane: &Lane, y: u32) -> String {
        let most = lane.waiting.iter().map(|(_, count)| *count).max().unwrap_or(0);
        // Waits of a moment would be specks.
        let waited: Duration = lane.waiting.windows(2).filter(|pair| pair[0].1 > 0).map(|pair| pair[1].0 - pair[0].0).sum();
        if self.axis.part(waited) < 0.005 {
            return String::new();
        }
        let values: Vec<(Duration, f64)> = lane.waiting.iter().map(|(at, count)| (*at, *count as f64 / most as f64)).collect();
        format!(
            "<svg y=\"{}\" height=\"{}\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\"><title>Up to {most} waiting for a slot</title><path class=\"wait\" d=\"{}\"/></svg>",
            y + 2,
            HEAD - 3,
            area(self.axis, &values)
        )
    }

    /// Lines from the end of each stage of the critical path to the beginning of the next, if that is near:
    /// a line across everything would tell nothing.
    fn path(&self, ends: &HashMap<usize, [(Duration, u32); 2]>) -> String {
        let mut out = "<g class=\"path\">".to_owned();
        for pair in self.dossier.facts.critical.windows(2) {
            let (Some([_, (end, from)]), Some([(start, to), _])) = (ends.get(&pair[0]), ends.get(&pair[1])) else { continue };
            let gap = self.axis.part(*start) - self.axis.part(*end);
            if gap < 0.03 && (gap > 0.002 || from != to) {
                let (x1, x2) = (self.axis.percent(*end), self.axis.percent(*start));
                let _ = write!(out, "<line x1=\"{x1}\" x2=\"{x2}\" y1=\"{from}\" y2=\"{to}\"/>");
            }
        }
        out.push_str("</g>");
        out
    }
}

/// A step function with values from 0 to 1 as the path of an area in a box of 1000 by 100. Within a
/// thousandth of the width only the highest value counts.
pub fn area(axis: Axis, values: &[(Duration, f64)]) -> String {
    let mut path = "M0 100".to_owned();
    let mut columns: Vec<(u32, f64, f64)> = Vec::new();
    for (at, value) in values {
        let column = (axis.part(*at) * 1000.0) as u32;
        match columns.last_mut() {
            Some((last, most, after)) if *last == column => (*most, *after) = (most.max(*value), *value),
            _ => columns.push((column, *value, *value)),
        }
    }
    for (at, (column, most, after)) in columns.iter().enumerate() {
        let _ = write!(path, "H{column}V{}", number(100.0 - most * 96.0));
        let next = columns.get(at + 1).map_or(1000, |next| next.0);
        if most != after && next > column + 1 {
            let _ = write!(path, "H{}V{}", column + 1, number(100.0 - after * 96.0));
        }
    }
    path.push_str("H1000V100z");
    path
}
