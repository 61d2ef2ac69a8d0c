//! The graph of a run as it can be drawn: all of its stages, or several as one node.
//!
//! A chart of more nodes than a person reads at a glance says nothing, so first the members of
//! each foreach and matrix group on one level become one node, then whole levels, then ranges of
//! levels. Edges that others imply are left out.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::report::chart::Chart;
use crate::report::dossier::Dossier;
use crate::report::facts::Shown;
use crate::report::shown;
use crate::report::view::group;

/// More nodes than this are not drawn.
const MOST: usize = 60;
/// More nodes in one level are not drawn one by one if they have groups.
const WIDEST: usize = 16;

/// A node of the drawing.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// What it is called, fit to be shown.
    pub name: String,
    /// Its layer, from 0.
    pub layer: usize,
    /// Which connected part it belongs to.
    pub component: usize,
    /// The places of its stages in the plan.
    pub members: Vec<usize>,
    /// How many of them are shown how, in the order of [`Shown::ALL`].
    pub counts: Vec<(Shown, usize)>,
    /// Whether one of them lies on the critical path.
    pub critical: bool,
}

/// A graph that can be drawn.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Folded {
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Its edges, with whether both ends follow each other on the critical path.
    pub edges: Vec<(usize, usize, bool)>,
    /// Whether each node is one stage.
    pub whole: bool,
    /// Whether a layer is one level, and its nodes do not say so themselves.
    pub by_level: bool,
}

/// The graph of a run's stages.
pub fn folded(dossier: &Dossier) -> Folded {
    let plan: Vec<_> = dossier.history.stages.iter().map(|entry| entry.planned.clone()).collect();
    let chart = Chart::from_plan(&plan);
    let levels = chart.nodes.iter().map(|node| node.level + 1).max().unwrap_or(0);
    let widest = (0..levels).map(|level| chart.nodes.iter().filter(|node| node.level == level).count()).max().unwrap_or(0);
    let mut critical = vec![false; chart.nodes.len()];
    dossier.facts.critical.iter().for_each(|at| critical[*at] = true);
    let fold = Fold { dossier, chart: &chart, critical };
    let whole = chart.nodes.len() <= MOST;
    if whole && widest <= WIDEST {
        return fold.all();
    }
    let grouped = fold.by(
        |at| {
            let node = &chart.nodes[at];
            (group(&node.address).map_or_else(|| at.to_string(), |group| format!("@{group}")), node.level)
        },
        |members| {
            let group = group(&chart.nodes[members[0]].address).unwrap_or_default();
            format!("{}@*", shown::line(group))
        },
        |at| chart.nodes[at].level,
    );
    if grouped.nodes.len() <= MOST {
        return grouped;
    }
    if whole {
        return fold.all();
    }
    if levels <= MOST {
        let name = |members: &[usize]| format!("level {}", chart.nodes[members[0]].level + 1);
        return Folded { by_level: false, ..fold.by(|at| chart.nodes[at].level, name, |at| chart.nodes[at].level) };
    }
    let range = |at: usize| chart.nodes[at].level * MOST / levels;
    let name = |members: &[usize]| {
        let level = |at: &usize| chart.nodes[*at].level + 1;
        let (first, last) = (members.iter().map(level).min().unwrap_or(1), members.iter().map(level).max().unwrap_or(1));
        format!("levels {first} to {last}")
    };
    Folded { by_level: false, ..fold.by(range, name, range) }
}

struct Fold<'a> {
    dossier: &'a Dossier,
    chart: &'a Chart,
    /// Whether each stage lies on the critical path.
    critical: Vec<bool>,
}

impl Fold<'_> {
    fn all(&self) -> Folded {
        Folded { whole: true, ..self.by(|at| at, |_| String::new(), |at| self.chart.nodes[at].level) }
    }

    /// Stages of the same key as one node.
    fn by<K: Hash + Eq>(&self, key: impl Fn(usize) -> K, name: impl Fn(&[usize]) -> String, layer: impl Fn(usize) -> usize) -> Folded {
        let mut places: HashMap<K, usize> = HashMap::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut node_of = Vec::with_capacity(self.chart.nodes.len());
        for at in 0..self.chart.nodes.len() {
            let node = *places.entry(key(at)).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[node].push(at);
            node_of.push(node);
        }
        let layers: Vec<usize> = members.iter().map(|members| layer(members[0])).collect();
        let edges: BTreeSet<(usize, usize)> = self.chart.edges.iter().map(|&(from, to)| (node_of[from], node_of[to])).collect();
        let edges = reduced(members.len(), edges.into_iter().filter(|(from, to)| layers[*from] < layers[*to]).collect());
        let steps: BTreeSet<(usize, usize)> =
            self.dossier.facts.critical.windows(2).map(|pair| (node_of[pair[0]], node_of[pair[1]])).collect();
        let merged: Vec<(usize, usize)> = edges.iter().copied().collect();
        // Parts that have become connected by folding are one.
        let components = crate::report::chart::components(members.len(), &merged);
        let nodes = members
            .into_iter()
            .zip(layers)
            .zip(components)
            .map(|((members, layer), component)| self.node(members, layer, component, &name));
        Folded {
            nodes: nodes.collect(),
            edges: merged.into_iter().map(|edge| (edge.0, edge.1, steps.contains(&edge))).collect(),
            whole: false,
            by_level: true,
        }
    }

    fn node(&self, members: Vec<usize>, layer: usize, component: usize, name: impl Fn(&[usize]) -> String) -> Node {
        let facts = &self.dossier.facts;
        let name = if let [only] = members.as_slice() { shown::line(&self.chart.nodes[*only].address) } else { name(&members) };
        let count = |wanted: Shown| members.iter().filter(|at| facts.shown[**at] == wanted).count();
        let counts = Shown::ALL.into_iter().map(|shown| (shown, count(shown))).filter(|(_, count)| *count > 0).collect();
        let critical = members.iter().any(|at| self.critical[*at]);
        Node { name, layer, component, members, counts, critical }
    }
}

/// The edges without those that a longer way implies.
fn reduced(count: usize, edges: Vec<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    edges.iter().for_each(|(from, to)| next[*from].push(*to));
    let implied = |from: usize, to: usize| {
        let mut seen = vec![false; count];
        let mut stack: Vec<usize> = next[from].iter().copied().filter(|other| *other != to).collect();
        while let Some(at) = stack.pop() {
            if at == to {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                stack.extend(&next[at]);
            }
        }
        false
    };
    edges.into_iter().filter(|(from, to)| count > MOST || !implied(*from, *to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{Tale, random, well};

    fn names(folded: &Folded) -> Vec<&str> {
        folded.nodes.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn small_graphs_are_drawn_whole() {
        let folded = folded(&well().dossier());
        assert_eq!(names(&folded), ["prepare", "train@a", "train@b", "train@c", "report"]);
        assert!(folded.whole);
        let critical: Vec<_> = folded.edges.iter().filter(|edge| edge.2).collect();
        assert_eq!(critical, [&(0, 1, true), &(1, 4, true)]);
    }

    #[test]
    fn groups_then_levels_then_ranges_become_one() {
        let draw = |names: Vec<(String, Option<usize>)>| {
            let names: Vec<(&str, Vec<&str>)> =
                names.iter().map(|(name, up)| (name.as_str(), up.iter().map(|up| names[*up].0.as_str()).collect())).collect();
            let stages: Vec<(&str, &[&str], &str)> = names.iter().map(|(name, up)| (*name, up.as_slice(), "default")).collect();
            folded(&Tale::new(&stages, 1).dossier())
        };
        let groups = draw((0..100).map(|at| (format!("sub/dvc.yaml:train@{at}"), None)).chain([("end".to_owned(), Some(0))]).collect());
        assert_eq!((names(&groups), groups.nodes[0].members.len()), (vec!["sub/dvc.yaml:train@*", "end"], 100));
        let levels = draw((0..200usize).map(|at| (format!("s{at}"), at.checked_sub(100))).collect());
        assert_eq!(names(&levels), ["level 1", "level 2"]);
        assert_eq!(levels.edges, [(0, 1, false)]);
        let chain = draw((0..1000usize).map(|at| (format!("s{at}"), at.checked_sub(1))).collect());
        assert_eq!((chain.nodes.len(), chain.nodes[0].name.as_str(), chain.edges.len()), (60, "levels 1 to 17", 59));
        assert_eq!(chain.nodes.iter().map(|node| node.members.len()).sum::<usize>(), 1000);
    }

    #[test]
    fn implied_edges_are_left_out() {
        assert_eq!(reduced(3, vec![(0, 1), (1, 2), (0, 2)]).into_iter().collect::<Vec<_>>(), [(0, 1), (1, 2)]);
    }

    #[test]
    fn every_stage_of_a_random_run_is_in_one_node() {
        let mut rng = fastrand::Rng::with_seed(9);
        for most in [20, 300] {
            for _ in 0..50 {
                let dossier = random(&mut rng, most).dossier();
                let folded = folded(&dossier);
                let mut members: Vec<usize> = folded.nodes.iter().flat_map(|node| node.members.iter().copied()).collect();
                members.sort_unstable();
                assert_eq!(members, (0..dossier.history.stages.len()).collect::<Vec<_>>());
                assert!(folded.nodes.len() <= MOST);
                assert!(folded.edges.iter().all(|(from, to, _)| folded.nodes[*from].layer < folded.nodes[*to].layer));
            }
        }
    }
}
