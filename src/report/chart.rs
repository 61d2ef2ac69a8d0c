//! A graph of stages as text, as Mermaid and as dot.
//!
//! Levels are for the eye only: stages of one level can run at the same time, but none waits
//! for the others of its level. Mermaid source is written so that every release of Mermaid
//! draws every stage name: ids are never made from names (a stage called `end` or `train@0`
//! would break the chart), and labels are escaped where they must be and left readable where
//! they need not. What no eye sees in a name, and what a terminal would obey, is told by escapes.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use crate::model::StageId;
use crate::model::event::Planned;

use super::mermaid::{is_plain_id, label};
use super::shown;
use super::tally::count;
use super::view::group;

/// A stage in a chart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What it is called.
    pub address: String,
    /// Longest path from a stage without upstream, from 0.
    pub level: usize,
    /// Which of the graph's connected parts it belongs to, from 0.
    pub component: usize,
}

/// A graph to be drawn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chart {
    /// The stages, in the order in which they are listed.
    pub nodes: Vec<Node>,
    /// From a stage to one that depends on it, as places in `nodes`.
    pub edges: Vec<(usize, usize)>,
}

/// Mermaid refuses more edges than this.
const MOST_EDGES: usize = 500;
/// Mermaid refuses longer texts.
const LONGEST: usize = 50_000;
/// More nodes than this are hard to read: groups are drawn as one.
const MOST_NODES: usize = 60;

impl Chart {
    /// The chart of a plan.
    pub fn from_plan(plan: &[Planned]) -> Self {
        let places: HashMap<StageId, usize> = plan.iter().enumerate().map(|(at, planned)| (planned.stage, at)).collect();
        let mut edges = Vec::new();
        for (at, planned) in plan.iter().enumerate() {
            edges.extend(planned.upstream.iter().filter_map(|stage| places.get(stage)).map(|&from| (from, at)));
        }
        let components = components(plan.len(), &edges);
        let nodes = plan
            .iter()
            .zip(components)
            .map(|(planned, component)| Node { address: planned.address.clone(), level: planned.level, component })
            .collect();
        Self { nodes, edges }
    }

    /// The levels of each component as text, lines not longer than `width` where possible.
    pub fn text(&self, width: usize) -> String {
        let mut text = String::new();
        let parts = self.components();
        let many = parts.len() > 1;
        // Stages that nothing ties to others would fill the screen as parts of their own.
        let lone: Vec<String> = parts.iter().filter_map(|levels| self.lone(levels)).collect();
        let lone = if lone.len() > 1 { lone } else { Vec::new() };
        let parts = parts.iter().filter(|levels| lone.is_empty() || self.lone(levels).is_none());
        for (number, levels) in parts.enumerate() {
            let stages: usize = levels.iter().map(Vec::len).sum();
            let part = if many { format!("Part {}: ", number + 1) } else { String::new() };
            let _ =
                writeln!(text, "{}{part}{}, {}", if number > 0 { "\n" } else { "" }, count(stages, "stage"), count(levels.len(), "level"));
            for (level, nodes) in levels.iter().enumerate() {
                let names: Vec<String> = nodes.iter().map(|&node| self.name(node)).collect();
                wrap(&mut text, &format!("{:>3}  ", level + 1), &names, width);
            }
        }
        if !lone.is_empty() {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{} on their own", count(lone.len(), "stage"));
            wrap(&mut text, "     ", &lone, width);
        }
        text
    }

    /// The address of the only stage of a part.
    fn lone(&self, levels: &[Vec<usize>]) -> Option<String> {
        match levels {
            [level] => match level.as_slice() {
                [node] => Some(self.name(*node)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The name of a node, fit to be shown.
    fn name(&self, node: usize) -> String {
        shown::line(&self.nodes[node].address)
    }

    /// Graphviz, as `dvc dag --dot` writes it.
    pub fn dot(&self) -> String {
        let quoted = |node: usize| format!("\"{}\"", self.name(node).replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = "strict digraph {\n".to_owned();
        for node in 0..self.nodes.len() {
            let _ = writeln!(text, "{};", quoted(node));
        }
        for &(from, to) in &self.edges {
            let _ = writeln!(text, "{} -> {};", quoted(from), quoted(to));
        }
        text.push_str("}\n");
        text
    }

    /// A flowchart with all edges. What Mermaid would refuse to draw, or what nobody could
    /// read, is drawn with one node for each group of foreach or matrix, or for each level.
    pub fn mermaid(&self) -> String {
        if self.nodes.len() <= MOST_NODES {
            let whole = self.flowchart();
            if self.fits(&whole) {
                return whole;
            }
        }
        let grouped = self.merged(|node| group(&node.address).unwrap_or(&node.address).to_owned(), |key, size| format!("{key}@* ({size})"));
        let text = grouped.flowchart();
        if grouped.nodes.len() <= MOST_NODES && grouped.fits(&text) {
            return text;
        }
        let levels = self.merged(
            |node| format!("{}:{}", node.component, node.level),
            |key, size| {
                format!("level {} ({size} stages)", key.rsplit(':').next().and_then(|level| level.parse::<usize>().ok()).unwrap_or(0) + 1)
            },
        );
        let text = levels.flowchart();
        if levels.fits(&text) { text } else { "flowchart TD\n    n0[\"too many stages to draw\"]\n".to_owned() }
    }

    fn fits(&self, text: &str) -> bool {
        self.edges.len() <= MOST_EDGES && text.encode_utf16().count() <= LONGEST
    }

    fn flowchart(&self) -> String {
        let mut text = "flowchart TD\n".to_owned();
        for at in 0..self.nodes.len() {
            let _ = writeln!(text, "    n{at}[\"{}\"]", label(&self.name(at)));
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} --> n{to}");
        }
        text
    }

    /// The chart of levels as paraffin draws it: one box for each level of each component,
    /// arrows from level to level.
    pub fn mermaid_levels(&self) -> String {
        let mut text = "flowchart TD\n".to_owned();
        for (component, levels) in self.components().iter().enumerate() {
            for (level, nodes) in levels.iter().enumerate() {
                let _ = writeln!(text, "\tsubgraph Level{component}:{}", level + 1);
                for &node in nodes {
                    let name = self.name(node);
                    let _ =
                        if is_plain_id(&name) { writeln!(text, "\t\t{name}") } else { writeln!(text, "\t\tn{node}[\"{}\"]", label(&name)) };
                }
                text.push_str("\tend\n");
            }
            for level in 1..levels.len() {
                let _ = writeln!(text, "\tLevel{component}:{level} --> Level{component}:{}", level + 1);
            }
        }
        text
    }

    /// Places of the nodes by component and level.
    fn components(&self) -> Vec<Vec<Vec<usize>>> {
        let mut components: Vec<Vec<Vec<usize>>> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            if components.len() <= node.component {
                components.resize(node.component + 1, Vec::new());
            }
            let levels = &mut components[node.component];
            if levels.len() <= node.level {
                levels.resize(node.level + 1, Vec::new());
            }
            levels[node.level].push(at);
        }
        components
    }

    /// The chart with nodes of the same key drawn as one.
    fn merged(&self, key: impl Fn(&Node) -> String, name: impl Fn(&str, usize) -> String) -> Self {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut members: Vec<(String, Vec<usize>)> = Vec::new();
        let mut new_place = Vec::with_capacity(self.nodes.len());
        for (at, node) in self.nodes.iter().enumerate() {
            let key = key(node);
            let place = *places.entry(key.clone()).or_insert_with(|| {
                members.push((key, Vec::new()));
                members.len() - 1
            });
            members[place].1.push(at);
            new_place.push(place);
        }
        let edges: BTreeSet<(usize, usize)> =
            self.edges.iter().map(|&(from, to)| (new_place[from], new_place[to])).filter(|(from, to)| from != to).collect();
        let nodes = members
            .iter()
            .map(|(key, members)| match members.as_slice() {
                [only] => self.nodes[*only].clone(),
                several => Node { address: name(key, several.len()), ..self.nodes[several[0]].clone() },
            })
            .collect();
        Self { nodes, edges: edges.into_iter().collect() }
    }
}

/// The connected part of each of `count` nodes, numbered in the order of their first nodes.
pub fn components(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    fn root(parents: &mut [usize], mut node: usize) -> usize {
        while parents[node] != node {
            parents[node] = parents[parents[node]];
            node = parents[node];
        }
        node
    }
    let mut parents: Vec<usize> = (0..count).collect();
    for &(from, to) in edges {
        let (a, b) = (root(&mut parents, from), root(&mut parents, to));
        parents[a.max(b)] = a.min(b);
    }
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    (0..count)
        .map(|node| {
            let next = numbers.len();
            *numbers.entry(root(&mut parents, node)).or_insert(next)
        })
        .collect()
}

/// Names side by side after `head`, on further lines with the same indent.
pub(super) fn wrap(text: &mut String, head: &str, names: &[String], width: usize) {
    let indent = " ".repeat(head.chars().count());
    let mut line = head.to_owned();
    let mut empty = true;
    for name in names {
        if !empty && line.chars().count() + 2 + name.chars().count() > width {
            let _ = writeln!(text, "{line}");
            line.clone_from(&indent);
            empty = true;
        }
        if !empty {
            line.push_str("  ");
        }
        line.push_str(name);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The graph that paraffin's readme shows: two branches of seven stages.
    fn seeds() -> Chart {
        let mut chart = Chart::default();
        for (component, branch) in ["A", "B"].into_iter().enumerate() {
            let base = chart.nodes.len();
            let mut node = |name: String, level| chart.nodes.push(Node { address: name, level, component });
            for group in ["X", "Y"] {
                node(format!("{branch}_{group}_ParamsToOuts"), 0);
                node(format!("{branch}_{group}_ParamsToOuts_1"), 0);
                node(format!("{branch}_{group}_AddNodeNumbers"), 1);
            }
            node(format!("{branch}_SumNodeAttributes"), 2);
            for group in [0, 3] {
                chart.edges.extend([(base + group, base + group + 2), (base + group + 1, base + group + 2), (base + group + 2, base + 6)]);
            }
        }
        chart
    }

    #[test]
    fn levels_as_paraffin_draws_them() {
        let want = "\
flowchart TD
\tsubgraph Level0:1
\t\tA_X_ParamsToOuts
\t\tA_X_ParamsToOuts_1
\t\tA_Y_ParamsToOuts
\t\tA_Y_ParamsToOuts_1
\tend
\tsubgraph Level0:2
\t\tA_X_AddNodeNumbers
\t\tA_Y_AddNodeNumbers
\tend
\tsubgraph Level0:3
\t\tA_SumNodeAttributes
\tend
\tLevel0:1 --> Level0:2
\tLevel0:2 --> Level0:3
";
        let got = seeds().mermaid_levels();
        assert!(got.starts_with(want), "{got}");
        assert_eq!(got.matches("subgraph").count(), 6);
    }

    #[test]
    fn levels_as_text_are_wrapped() {
        let want = "\
Part 1: 7 stages, 3 levels
  1  A_X_ParamsToOuts  A_X_ParamsToOuts_1
     A_Y_ParamsToOuts  A_Y_ParamsToOuts_1
  2  A_X_AddNodeNumbers  A_Y_AddNodeNumbers
  3  A_SumNodeAttributes

Part 2: 7 stages, 3 levels
";
        let got = seeds().text(45);
        assert!(got.starts_with(want), "{got}");
    }

    #[test]
    fn lone_stages_are_told_together() {
        let node = |address: &str, level, component| Node { address: address.to_owned(), level, component };
        let mut chart = Chart { nodes: vec![node("x", 0, 0), node("a", 0, 1), node("b", 1, 1), node("y", 0, 2)], edges: vec![(1, 2)] };
        assert_eq!(chart.text(80), "Part 1: 2 stages, 2 levels\n  1  a\n  2  b\n\n2 stages on their own\n     x  y\n");
        chart.nodes.truncate(1);
        chart.edges.clear();
        assert_eq!(chart.text(80), "1 stage, 1 level\n  1  x\n");
    }

    #[test]
    fn dot_is_that_of_dvc() {
        let node = |name: &str, level| Node { address: name.to_owned(), level, component: 0 };
        let chart = Chart { nodes: vec![node("a", 0), node("b\"", 1)], edges: vec![(0, 1)] };
        assert_eq!(chart.dot(), "strict digraph {\n\"a\";\n\"b\\\"\";\n\"a\" -> \"b\\\"\";\n}\n");
        assert_eq!(chart.mermaid(), "flowchart TD\n    n0[\"a\"]\n    n1[\"b#34;\"]\n    n0 --> n1\n");
    }

    #[test]
    fn what_would_turn_or_rule_a_terminal_is_told_by_escapes() {
        let names = ["a\u{202e}b", "c\nd", "\x1b]0;t\u{7}", "\t"];
        let nodes = names.iter().map(|name| Node { address: (*name).to_owned(), level: 0, component: 0 }).collect();
        let chart = Chart { nodes, edges: Vec::new() };
        assert_eq!(chart.text(80), "4 stages, 1 level\n  1  a\\u{202e}b  c\\nd  \\u{1b}]0;t\\u{7}  \\t\n");
        assert!(chart.dot().contains("\"a\\\\u{202e}b\";\n\"c\\\\nd\";\n"), "{}", chart.dot());
        for source in [chart.mermaid(), chart.mermaid_levels()] {
            assert!(source.contains("[\"a#92;u#123;202e#125;b\"]") && source.contains("[\"c#92;nd\"]"), "{source}");
            assert!(!source.contains(|ch: char| ch == '\u{202e}' || (ch.is_control() && ch != '\n' && ch != '\t')), "{source}");
        }
    }

    #[test]
    fn ids_that_mermaid_trips_over_get_a_label() {
        let node = |name: &str| Node { address: name.to_owned(), level: 0, component: 0 };
        let chart = Chart { nodes: vec![node("end"), node("train@0")], edges: Vec::new() };
        assert_eq!(chart.mermaid_levels(), "flowchart TD\n\tsubgraph Level0:1\n\t\tn0[\"end\"]\n\t\tn1[\"train@0\"]\n\tend\n");
    }

    #[test]
    fn big_graphs_are_drawn_by_groups() {
        let mut chart = Chart::default();
        for number in 0..100 {
            chart.nodes.push(Node { address: format!("sub/dvc.yaml:train@{number}"), level: 0, component: 0 });
        }
        chart.nodes.push(Node { address: "report".to_owned(), level: 1, component: 0 });
        chart.edges.extend((0..100).map(|number| (number, 100)));
        assert_eq!(chart.mermaid(), "flowchart TD\n    n0[\"sub/dvc.yaml:train@#42; (100)\"]\n    n1[\"report\"]\n    n0 --> n1\n");
        for node in &mut chart.nodes {
            node.address = node.address.replace('@', "-");
        }
        assert!(chart.mermaid().contains("level 1 (100 stages)"), "{}", chart.mermaid());
    }

    #[test]
    fn components_are_numbered_by_their_first_node() {
        assert_eq!(components(5, &[(3, 1), (4, 2)]), [0, 1, 2, 1, 2]);
    }
}
