//! The level chart of a run: which stages could run together, what came before them, how they ended.
//!
//! As Mermaid draws it well in all its releases: one box for each level, its nodes in rows of eight
//! that invisible links hold (Mermaid would draw forty of them as one column), edges only while
//! they can be followed with the eye. A big run is folded: foreach and matrix groups become one
//! node, then levels do. How a stage ended is told by a sign and a frame, never by colour alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write;

use crate::model::Status;

use super::chart::wrap;
use super::dossier::Dossier;
use super::facts::Shown;
use super::mermaid::label;
use super::shown;
use super::signs;
use super::tally::count;
use super::view::group;

/// More nodes cannot be read, and take Mermaid long.
const MOST_NODES: usize = 60;
/// More edges cannot be followed.
const MOST_EDGES: usize = 150;
/// Nodes side by side in a level.
const ROW: usize = 8;
/// Longer names lose their middle.
const LONGEST_NAME: usize = 80;

/// What is one node of the chart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fold {
    /// A stage.
    Stages,
    /// A foreach or matrix group in one level, or a stage of none.
    Groups,
    /// A level.
    Levels,
}

/// What became of a stage as far as the chart is concerned, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// It failed.
    Failed,
    /// It was cut off.
    Stopped,
    /// It works.
    Running,
    /// It was left out.
    Skipped,
    /// It never began.
    NotStarted,
    /// It may come yet.
    Waiting,
    /// It would run.
    Planned,
    /// It is done: ran, restored, updated, or needed nothing.
    Ok,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What it is called, without its sign.
    pub name: String,
    /// How it is drawn: as the worst of its stages.
    pub kind: Kind,
    /// Its level, from 0.
    pub level: usize,
}

/// A level in words.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct LevelRow {
    /// Its number, from 1.
    pub level: usize,
    /// How many stages it has.
    pub stages: usize,
    /// How they ended: `38 ok, 2 failed`.
    pub how: String,
}

/// The chart of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flowchart {
    /// Its nodes in the order of the plan.
    pub nodes: Vec<Node>,
    /// From node to node, without those that others imply; none where they would be too many.
    pub edges: Vec<(usize, usize)>,
    /// How far it is folded.
    pub fold: Fold,
    description: String,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Failed, Self::Stopped, Self::Running, Self::Skipped, Self::NotStarted, Self::Waiting, Self::Planned, Self::Ok];

    /// The kind of a stage that is shown so.
    pub fn of(shown: Shown) -> Self {
        match shown {
            Shown::Over(Status::Failed) => Self::Failed,
            Shown::Over(Status::Stopped) => Self::Stopped,
            Shown::Over(Status::UpstreamFailed) => Self::Skipped,
            Shown::Over(Status::NotStarted) => Self::NotStarted,
            Shown::Over(Status::Planned) => Self::Planned,
            Shown::Over(Status::Ran | Status::Restored | Status::Updated | Status::Unchanged | Status::Frozen) => Self::Ok,
            Shown::Running => Self::Running,
            Shown::Waiting => Self::Waiting,
        }
    }

    /// Its sign: that of the stages of this kind, or of those that ran.
    pub fn sign(self) -> char {
        signs::of_stage(match self {
            Self::Failed => Shown::Over(Status::Failed),
            Self::Stopped => Shown::Over(Status::Stopped),
            Self::Running => Shown::Running,
            Self::Skipped => Shown::Over(Status::UpstreamFailed),
            Self::NotStarted => Shown::Over(Status::NotStarted),
            Self::Waiting => Shown::Waiting,
            Self::Planned => Shown::Over(Status::Planned),
            Self::Ok => Shown::Over(Status::Ran),
        })
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Skipped => "skipped",
            Self::NotStarted => "not started",
            Self::Waiting => "waiting",
            Self::Planned => "would run",
            Self::Ok => "ok",
        }
    }

    /// Its class in the chart, and how that looks: readable on light and dark pages, and each with a frame of its own.
    fn class(self) -> (&'static str, &'static str) {
        match self {
            Self::Failed => ("failed", "fill:#ffd7d5,stroke:#a40e26,stroke-width:4px,color:#3b0008"),
            Self::Stopped => ("stopped", "fill:#ffe8c7,stroke:#8a4600,stroke-width:4px,stroke-dasharray:8 3,color:#2e1500"),
            Self::Running => ("running", "fill:#d6e8ff,stroke:#0a4fae,stroke-width:3px,color:#04214a"),
            Self::Skipped => ("skipped", "fill:#eceef0,stroke:#59636e,stroke-dasharray:3 3,color:#24292f"),
            Self::NotStarted => ("notstarted", "fill:#f6f8fa,stroke:#59636e,stroke-dasharray:5 5,color:#24292f"),
            Self::Waiting => ("waiting", "fill:#ffffff,stroke:#59636e,stroke-dasharray:1 3,color:#24292f"),
            Self::Planned => ("planned", "fill:#f0e8ff,stroke:#6639ba,stroke-dasharray:8 3,color:#271052"),
            Self::Ok => ("ok", "fill:#d9f5df,stroke:#1a7f37,color:#06240f"),
        }
    }
}

impl Flowchart {
    /// The chart of a run, folded at least so far and as far as it must be to be drawn; none if there is
    /// nothing to draw, or if even its levels are too many.
    pub fn of(dossier: &Dossier, least: Fold) -> Option<Self> {
        if dossier.history.stages.is_empty() {
            return None;
        }
        [Fold::Stages, Fold::Groups, Fold::Levels].into_iter().filter(|fold| *fold >= least).find_map(|fold| Self::folded(dossier, fold))
    }

    fn folded(dossier: &Dossier, fold: Fold) -> Option<Self> {
        let stages = &dossier.history.stages;
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<(usize, Option<&str>, usize), usize> = HashMap::new();
        let mut node_of = Vec::with_capacity(stages.len());
        for (at, entry) in stages.iter().enumerate() {
            let (level, address) = (entry.planned.level, entry.planned.address.as_str());
            // A stage of its own is known by its place: masked names may be alike.
            let key = match (fold, group(address)) {
                (Fold::Levels, _) => (level, None, 0),
                (Fold::Groups, Some(group)) => (level, Some(group), 0),
                (Fold::Groups | Fold::Stages, _) => (level, None, at),
            };
            let node = *places.entry(key).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[node].push(at);
            node_of.push(node);
        }
        if members.len() > MOST_NODES {
            return None;
        }
        let nodes: Vec<Node> = members.iter().map(|members| node(dossier, fold, members)).collect();
        let mut edges = BTreeSet::new();
        for (at, entry) in stages.iter().enumerate() {
            let upstream = entry.planned.upstream.iter().filter_map(|stage| dossier.history.place(*stage));
            edges.extend(upstream.map(|up| (node_of[up], node_of[at])));
        }
        let edges = reduced(&nodes, &edges);
        let edges = if edges.len() <= MOST_EDGES { edges } else { Vec::new() };
        let all: Vec<usize> = (0..stages.len()).collect();
        let description = format!("{} in {}: {}", count(all.len(), "stage"), count(levels(dossier).len(), "level"), how(dossier, &all));
        Some(Self { nodes, edges, fold, description })
    }

    /// Its Mermaid source.
    pub fn source(&self) -> String {
        let mut text = format!("flowchart TD\n    accTitle: Levels of the run\n    accDescr: {}\n", self.description);
        let levels = self.by_level();
        if self.fold == Fold::Levels {
            (0..self.nodes.len()).for_each(|at| self.node(&mut text, "    ", at));
        } else {
            levels.iter().enumerate().for_each(|(level, nodes)| self.level(&mut text, level, nodes));
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} --> n{to}");
        }
        if self.edges.is_empty() && self.fold != Fold::Levels {
            (1..levels.len()).for_each(|level| {
                let _ = writeln!(text, "    s{} --> s{level}", level - 1);
            });
        }
        for kind in Kind::ALL.iter().filter(|kind| self.nodes.iter().any(|node| node.kind == **kind)) {
            let (class, look) = kind.class();
            let _ = writeln!(text, "    classDef {class} {look}");
        }
        text
    }

    /// Its levels as lines of text, not longer than `width` where possible.
    pub fn text(&self, width: usize) -> String {
        let mut lines = Vec::new();
        for (level, nodes) in self.by_level().iter().enumerate() {
            let names: Vec<String> = nodes.iter().map(|at| format!("{} {}", self.nodes[*at].kind.sign(), self.nodes[*at].name)).collect();
            let mut text = String::new();
            wrap(&mut text, &format!("{:>3}  ", level + 1), &names, width);
            lines.push(text);
        }
        lines.concat().trim_end().to_owned()
    }

    /// Places of the nodes of each level.
    fn by_level(&self) -> Vec<Vec<usize>> {
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            levels.resize_with(levels.len().max(node.level + 1), Vec::new);
            levels[node.level].push(at);
        }
        levels
    }

    /// `✓ ok, ✗ failed`: the signs that are in it.
    pub fn legend(&self) -> String {
        let kinds = Kind::ALL.iter().filter(|kind| self.nodes.iter().any(|node| node.kind == **kind));
        kinds.map(|kind| format!("{} {}", kind.sign(), kind.word())).collect::<Vec<_>>().join(", ")
    }

    fn level(&self, text: &mut String, level: usize, nodes: &[usize]) {
        let _ = writeln!(text, "    subgraph s{level}[\"Level {}\"]\n        direction TB", level + 1);
        nodes.iter().for_each(|at| self.node(text, "        ", *at));
        for pair in nodes.windows(ROW + 1) {
            let _ = writeln!(text, "        n{} ~~~ n{}", pair[0], pair[ROW]);
        }
        text.push_str("    end\n");
    }

    fn node(&self, text: &mut String, indent: &str, at: usize) {
        let node = &self.nodes[at];
        let _ = writeln!(text, "{indent}n{at}[\"{} {}\"]:::{}", node.kind.sign(), label(&node.name), node.kind.class().0);
    }
}

/// How the stages of each level ended.
pub fn levels(dossier: &Dossier) -> Vec<LevelRow> {
    let mut levels: Vec<Vec<usize>> = Vec::new();
    for (at, entry) in dossier.history.stages.iter().enumerate() {
        levels.resize_with(levels.len().max(entry.planned.level + 1), Vec::new);
        levels[entry.planned.level].push(at);
    }
    levels
        .iter()
        .enumerate()
        .map(|(level, members)| LevelRow { level: level + 1, stages: members.len(), how: how(dossier, members) })
        .collect()
}

fn node(dossier: &Dossier, fold: Fold, members: &[usize]) -> Node {
    let planned = &dossier.history.stages[members[0]].planned;
    let name = |text: &str| shown::cut(&shown::line(text), LONGEST_NAME);
    let name = match (fold, members) {
        (Fold::Levels, _) => format!("level {}: {} ({})", planned.level + 1, count(members.len(), "stage"), how(dossier, members)),
        (_, [_]) => name(&planned.address),
        _ => format!("{}@* ({})", name(group(&planned.address).unwrap_or(&planned.address)), sizes(dossier, members)),
    };
    let kind = members.iter().map(|at| Kind::of(dossier.facts.shown[*at])).min().unwrap_or(Kind::Ok);
    Node { name, kind, level: planned.level }
}

/// `40: 38 ok, 2 failed`, or `40 ok`.
fn sizes(dossier: &Dossier, members: &[usize]) -> String {
    let how = how(dossier, members);
    if how.contains(", ") { format!("{}: {how}", members.len()) } else { how }
}

/// `38 ok, 2 failed`
pub fn how(dossier: &Dossier, members: &[usize]) -> String {
    let mut counts = [0; Kind::ALL.len()];
    for at in members {
        counts[Kind::of(dossier.facts.shown[*at]) as usize] += 1;
    }
    let told = Kind::ALL.iter().rev().filter(|kind| counts[**kind as usize] > 0);
    told.map(|kind| format!("{} {}", counts[*kind as usize], kind.word())).collect::<Vec<_>>().join(", ")
}

/// The edges that no chain of others implies. They lead from lower levels to higher ones.
fn reduced(nodes: &[Node], edges: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(nodes[*at].level));
    let mut below: Vec<HashSet<usize>> = vec![HashSet::new(); nodes.len()];
    let mut kept = Vec::new();
    for from in order {
        let mut targets: Vec<usize> = edges.range((from, 0)..(from + 1, 0)).map(|(_, to)| *to).collect();
        targets.sort_by_key(|to| nodes[*to].level);
        let mut reached = HashSet::new();
        for to in targets {
            if reached.insert(to) {
                kept.push((from, to));
                reached.extend(below[to].iter().copied());
            }
        }
        below[from] = reached;
    }
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Tale, badly, random, well};

    #[test]
    fn a_small_run_is_drawn_stage_by_stage() {
        let want = "\
flowchart TD
    accTitle: Levels of the run
    accDescr: 3 stages in 3 levels: 1 ok, 1 not started, 1 failed
    subgraph s0[\"Level 1\"]
        direction TB
        n0[\"\u{2713} prepare\"]:::ok
    end
    subgraph s1[\"Level 2\"]
        direction TB
        n1[\"\u{2717} train\"]:::failed
    end
    subgraph s2[\"Level 3\"]
        direction TB
        n2[\"\u{25cb} report\"]:::notstarted
    end
    n0 --> n1
    n1 --> n2
    classDef failed fill:#ffd7d5,stroke:#a40e26,stroke-width:4px,color:#3b0008
    classDef notstarted fill:#f6f8fa,stroke:#59636e,stroke-dasharray:5 5,color:#24292f
    classDef ok fill:#d9f5df,stroke:#1a7f37,color:#06240f
";
        let chart = Flowchart::of(&badly().dossier(), Fold::Stages).unwrap();
        assert_eq!(chart.source(), want);
        assert_eq!(chart.legend(), "\u{2717} failed, \u{25cb} not started, \u{2713} ok");
    }

    #[test]
    fn groups_and_levels_are_folded() {
        let names = |fold| {
            let chart = Flowchart::of(&well().dossier(), fold).unwrap();
            (chart.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>(), chart.edges)
        };
        let (nodes, edges) = names(Fold::Groups);
        assert_eq!(nodes, ["prepare", "train@* (3 ok)", "report"]);
        assert_eq!(edges, [(0, 1), (1, 2)]);
        let (nodes, _) = names(Fold::Levels);
        assert_eq!(nodes, ["level 1: 1 stage (1 ok)", "level 2: 3 stages (3 ok)", "level 3: 1 stage (1 ok)"]);
    }

    /// So many stages in two levels, each of the second after each of the first.
    fn wide(count: usize, prefix: &str) -> Tale {
        let names: Vec<String> = (0..count).map(|at| format!("{prefix}{at}")).collect();
        let first: Vec<&str> = names[..count / 2].iter().map(String::as_str).collect();
        let stages: Vec<(&str, &[&str], &str)> = names
            .iter()
            .enumerate()
            .map(|(at, name)| (name.as_str(), if at < count / 2 { &[] } else { first.as_slice() }, "default"))
            .collect();
        Tale::new(&stages, 2)
    }

    #[test]
    fn rows_of_eight_are_held_by_invisible_links() {
        let chart = Flowchart::of(&wide(20, "s").dossier(), Fold::Stages).unwrap().source();
        assert_eq!(chart.matches(" ~~~ ").count(), 4, "{chart}");
        assert!(chart.contains("n0 ~~~ n8") && chart.contains("n11 ~~~ n19") && chart.contains("n9 --> n19"), "{chart}");
    }

    #[test]
    fn many_edges_become_arrows_between_levels() {
        let chart = Flowchart::of(&wide(40, "s").dossier(), Fold::Stages).unwrap().source();
        assert!(chart.contains("    s0 --> s1\n") && !chart.contains("n0 -->"), "{chart}");
    }

    #[test]
    fn a_big_run_is_folded_as_far_as_it_must() {
        let fold = |tale: &Tale| Flowchart::of(&tale.dossier(), Fold::Stages).unwrap().fold;
        assert_eq!((fold(&wide(60, "s")), fold(&wide(62, "s@")), fold(&wide(62, "s"))), (Fold::Stages, Fold::Groups, Fold::Levels));
        let names: Vec<String> = (0..61).map(|at| format!("s{at}")).collect();
        let chain: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
        let stages: Vec<(&str, &[&str], &str)> =
            (0..61).map(|at| (names[at].as_str(), if at > 0 { &chain[at - 1][..] } else { &[] }, "default")).collect();
        assert_eq!(Flowchart::of(&Tale::new(&stages, 1).dossier(), Fold::Stages), None);
    }

    #[test]
    fn what_reaches_what_is_as_without_the_reduction() {
        fn reach(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<bool>> {
            let mut reach = vec![vec![false; count]; count];
            edges.iter().for_each(|(from, to)| reach[*from][*to] = true);
            for via in 0..count {
                for from in 0..count {
                    for to in 0..count {
                        reach[from][to] |= reach[from][via] && reach[via][to];
                    }
                }
            }
            reach
        }
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..200 {
            let dossier = random(&mut rng, 25).dossier();
            let Some(chart) = Flowchart::of(&dossier, Fold::Stages) else { continue };
            let mut whole = Vec::new();
            for (at, entry) in dossier.history.stages.iter().enumerate() {
                whole.extend(entry.planned.upstream.iter().map(|up| (dossier.history.place(*up).unwrap(), at)));
            }
            let count = chart.nodes.len();
            assert_eq!(reach(count, &chart.edges), reach(count, &whole));
            for left_out in 0..chart.edges.len() {
                let mut fewer = chart.edges.clone();
                fewer.remove(left_out);
                assert_ne!(reach(count, &fewer), reach(count, &whole), "an edge too many");
            }
        }
    }
}
