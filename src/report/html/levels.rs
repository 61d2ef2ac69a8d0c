//! The level chart: what depends on what, levels from left to right, each stage with its end.

use std::fmt::Write as _;

use crate::report::dossier::Dossier;
use crate::report::facts::Shown;

use super::fold::{Folded, Node, folded};
use super::layers::layout;
use super::svg::{columns, escaped, number, shortened};
use crate::report::signs;

/// The height of a node.
const HIGH: f64 = 26.0;
/// The width of a column of the fixed-width font.
const CHAR: f64 = 7.25;
/// The space between two layers.
const GAP: f64 = 44.0;
/// The height of the line that names the levels.
const HEAD: f64 = 22.0;
/// A name is cut beyond so many columns.
const LONGEST: usize = 36;
/// Stages that nothing ties to others stand side by side up to this width.
const WIDTH: f64 = 1000.0;

/// The chart and what it could not show; none without stages.
pub fn levels(dossier: &Dossier) -> Option<(String, bool)> {
    let folded = folded(dossier);
    if folded.nodes.is_empty() {
        return None;
    }
    Some((Sheet::new(&folded).draw(), folded.whole))
}

/// A folded graph with the place of each layer.
struct Sheet<'a> {
    graph: &'a Folded,
    /// Where each layer begins, and its width.
    layers: Vec<(f64, f64)>,
}

impl<'a> Sheet<'a> {
    fn new(graph: &'a Folded) -> Self {
        let lone = lone(graph);
        let count = graph.nodes.iter().zip(&lone).filter(|(_, lone)| !**lone).map(|(node, _)| node.layer + 1).max().unwrap_or(0);
        let mut widths = vec![60.0f64; count];
        for (node, _) in graph.nodes.iter().zip(&lone).filter(|(_, lone)| !**lone) {
            widths[node.layer] = widths[node.layer].max(width(node));
        }
        let mut x = 1.0;
        let layers = widths.into_iter().map(|width| {
            let at = x;
            x += width + GAP;
            (at, width)
        });
        Self { graph, layers: layers.collect() }
    }

    fn draw(&self) -> String {
        let mut body = String::new();
        let lone = lone(self.graph);
        let mut wide = self.layers.last().map_or(0.0, |(x, width)| x + width + 1.0);
        let mut y = if self.layers.is_empty() { 1.0 } else { HEAD };
        if self.graph.by_level && self.layers.len() > 1 {
            for (level, (x, _)) in self.layers.iter().enumerate() {
                let _ = write!(body, "<text class=\"level\" x=\"{}\" y=\"12\">level {}</text>", number(*x), level + 1);
            }
        }
        let parts = self.graph.nodes.iter().map(|node| node.component + 1).max().unwrap_or(0);
        for part in 0..parts {
            let members: Vec<usize> =
                (0..self.graph.nodes.len()).filter(|at| self.graph.nodes[*at].component == part && !lone[*at]).collect();
            if !members.is_empty() {
                y += self.part(&mut body, &members, y) + 18.0;
            }
        }
        let (mut x, mut row) = (1.0, 0);
        for node in self.graph.nodes.iter().zip(&lone).filter(|(_, lone)| **lone).map(|(node, _)| node) {
            if x > 1.0 && x + width(node) > WIDTH {
                (x, row) = (1.0, row + 1);
            }
            box_of(&mut body, node, x, y + f64::from(row) * (HIGH + 8.0), width(node));
            x += width(node) + 10.0;
            wide = wide.max(x);
        }
        if lone.contains(&true) {
            y += f64::from(row + 1) * (HIGH + 8.0) + 10.0;
        }
        let (wide, high) = (number(wide.ceil()), number((y - 8.0).ceil()));
        let stages: usize = self.graph.nodes.iter().map(|node| node.members.len()).sum();
        format!(
            "<svg class=\"levels\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" role=\"img\" aria-label=\"Graph of {stages} stages\"><desc>An edge leads from a stage to one that depends on it; the table of stages names the level of each.</desc>{body}</svg>"
        )
    }

    /// One connected part below `top`; says how high it is.
    fn part(&self, out: &mut String, members: &[usize], top: f64) -> f64 {
        let at = |node: usize| members.binary_search(&node).ok();
        let edges: Vec<(usize, usize, bool)> =
            self.graph.edges.iter().filter_map(|(from, to, critical)| Some((at(*from)?, at(*to)?, *critical))).collect();
        let layers: Vec<usize> = members.iter().map(|at| self.graph.nodes[*at].layer).collect();
        let plain: Vec<(usize, usize)> = edges.iter().map(|(from, to, _)| (*from, *to)).collect();
        let layout = layout(&layers, &plain, HIGH, 4.0);
        for critical in [false, true] {
            let mut path = String::new();
            for (edge, bends) in edges.iter().zip(&layout.bends).filter(|(edge, _)| edge.2 == critical) {
                let node = &self.graph.nodes[members[edge.0]];
                let mut stops = vec![(self.layers[layers[edge.0]].0 + width(node), layout.nodes[edge.0])];
                for (layer, y) in bends {
                    let (x, width) = self.layers[*layer];
                    stops.extend([(x, *y), (x + width, *y)]);
                }
                stops.push((self.layers[layers[edge.1]].0, layout.nodes[edge.1]));
                curve(&mut path, &stops, top);
            }
            if !path.is_empty() {
                let _ = write!(out, "<path class=\"edge{}\" d=\"{path}\"/>", if critical { " crit" } else { "" });
            }
        }
        for (at, member) in members.iter().enumerate() {
            let node = &self.graph.nodes[*member];
            box_of(out, node, self.layers[node.layer].0, top + layout.nodes[at] - HIGH / 2.0, width(node));
        }
        layout.height
    }
}

/// Which nodes nothing ties to others.
fn lone(graph: &Folded) -> Vec<bool> {
    let mut lone = vec![true; graph.nodes.len()];
    graph.edges.iter().for_each(|(from, to, _)| (lone[*from], lone[*to]) = (false, false));
    lone
}

/// A smooth line through the stops: straight through the layers, bent between them.
fn curve(path: &mut String, stops: &[(f64, f64)], top: f64) {
    for (number_of, stop) in stops.iter().enumerate() {
        let (x, y) = (stop.0, stop.1 + top);
        let _ = match number_of {
            0 => write!(path, "M{} {}", number(x), number(y)),
            even if even % 2 == 0 => write!(path, "H{}", number(x)),
            _ => {
                let (from_x, from_y) = (stops[number_of - 1].0, stops[number_of - 1].1 + top);
                let middle = number((from_x.max(x - GAP) + x) / 2.0);
                write!(
                    path,
                    "H{}C{middle} {} {middle} {} {} {}",
                    number(from_x.max(x - GAP)),
                    number(from_y),
                    number(y),
                    number(x),
                    number(y)
                )
            }
        };
    }
}

fn label(node: &Node) -> (String, String) {
    let several = node.members.len() > 1;
    let counts = node.counts.iter().map(|(shown, count)| format!("{count} {}", signs::of_stage(*shown)));
    let tail = if several { counts.collect::<Vec<_>>().join("  ") } else { String::new() };
    (shortened(&node.name, LONGEST), tail)
}

fn width(node: &Node) -> f64 {
    let (name, tail) = label(node);
    let gap = if tail.is_empty() { 0 } else { 2 };
    (columns(&name) + gap + columns(&tail) + 2) as f64 * CHAR + 18.0
}

/// What a node of several stages is shown as: as the first of [`Shown::ALL`] that one of them is.
fn worst(node: &Node) -> Shown {
    node.counts.first().map_or(Shown::Waiting, |(shown, _)| *shown)
}

fn box_of(out: &mut String, node: &Node, x: f64, y: f64, width: f64) {
    let (name, tail) = label(node);
    let words: Vec<String> = node.counts.iter().map(|(shown, count)| format!("{count} {}", shown.words())).collect();
    let what = if node.members.len() > 1 { words.join(", ") } else { worst(node).words().to_owned() };
    let critical = if node.critical { " crit" } else { "" };
    let _ = write!(
        out,
        "<a href=\"#s{}\" tabindex=\"-1\"><title>{}: {what}</title><rect class=\"node {}{critical}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{HIGH}\" rx=\"4\"/>",
        node.members[0] + 1,
        escaped(&node.name),
        worst(node).key(),
        number(x),
        number(y),
        number(width),
    );
    let (text_x, text_y) = (number(x + 9.0), number(y + 17.5));
    let _ =
        write!(out, "<text x=\"{text_x}\" y=\"{text_y}\"><tspan class=\"{}\">{}</tspan>", worst(node).key(), signs::of_stage(worst(node)));
    let _ = write!(out, "<tspan x=\"{}\">{}</tspan>", number(x + 9.0 + 2.0 * CHAR), escaped(&name));
    if !tail.is_empty() {
        let _ = write!(out, "<tspan class=\"dim\" dx=\"14\">{tail}</tspan>");
    }
    out.push_str("</text></a>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Tale, random, well};

    #[test]
    fn a_chart_names_levels_stages_and_ends() {
        let (svg, whole) = levels(&well().dossier()).unwrap();
        assert!(whole);
        for part in ["level 3</text>", ">train@a</tspan>", "class=\"edge crit\"", "href=\"#s5\"", "<title>train@b: restored</title>"] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
    }

    #[test]
    fn names_are_data() {
        let (svg, _) = levels(&Tale::new(&[("</svg><script>", &[], "default")], 1).dossier()).unwrap();
        assert!(!svg.contains("<script>") && svg.contains("&lt;/svg&gt;&lt;script&gt;"), "{svg}");
    }

    #[test]
    fn charts_of_random_runs_hold_only_numbers() {
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..100 {
            let (svg, _) = levels(&random(&mut rng, 120).dossier()).unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
