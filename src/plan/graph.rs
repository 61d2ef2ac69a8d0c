//! The graph of a pipeline: an edge leads from a stage to each stage whose output it reads.
//!
//! Edges come from paths alone (dvc: `repo/graph.py` `build_graph`): a dep or params file that is
//! an output, lies inside one, or holds one. The order of edges matters, since DVC's order of
//! evaluation follows it.

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use super::outs::Outs;
use crate::model::{Class, Fault, Pipeline, RepoPath, StageId};

/// Stages and what they depend on. Legal: no output twice, none inside another, no cycle.
#[derive(Debug)]
pub struct Graph {
    /// Node `n` is stage `n`; edges lead to dependencies, added in DVC's order.
    inner: DiGraph<(), ()>,
}

fn node(id: StageId) -> NodeIndex {
    NodeIndex::new(id.index())
}

fn id(node: NodeIndex) -> StageId {
    StageId(u32::try_from(node.index()).expect("stage numbers fit, see Pipeline"))
}

impl Graph {
    /// Builds and checks the graph. `cwd` is where messages see the stages from.
    ///
    /// # Errors
    /// DVC's own: duplicated and overlapping outputs, a stage file inside an output, a cycle.
    pub fn build(pipeline: &Pipeline, cwd: &RepoPath) -> Result<Self, Fault> {
        Self::over(&Outs::of(pipeline, cwd)?, pipeline, cwd)
    }

    /// The same where the outputs were collected already.
    ///
    /// # Errors
    /// A stage file inside an output, a cycle.
    pub fn over(outs: &Outs, pipeline: &Pipeline, cwd: &RepoPath) -> Result<Self, Fault> {
        for (_, stage) in pipeline.iter() {
            if let Some(out) = outs.around(&stage.address.file).first() {
                let out = &pipeline.get(out.stage).outs[out.index];
                return Err(Fault::new(
                    Class::StagePathAsOutputError,
                    format!("stage: '{}' is within an output '{}' of another stage", stage.address.seen_from(cwd), out.path.seen_from(cwd)),
                ));
            }
        }
        let mut inner = DiGraph::with_capacity(pipeline.len(), pipeline.len());
        for _ in 0..pipeline.len() {
            inner.add_node(());
        }
        for (stage, definition) in pipeline.iter() {
            let foreign = definition.deps.iter().any(|dep| matches!(dep.foreign.as_deref(), Some("repo" | "db")));
            if foreign {
                continue;
            }
            let mut upstream: Vec<StageId> = Vec::new();
            // A URL may be the output of another stage, too.
            for path in definition.deps.iter().map(|dep| &dep.path).chain(definition.params.iter().map(|params| &params.path)) {
                upstream.extend(outs.around(path).iter().map(|out| out.stage));
                upstream.extend(outs.inside(path).iter().map(|out| out.stage));
            }
            let mut seen = std::collections::HashSet::new();
            for dependency in upstream.into_iter().filter(|found| seen.insert(*found)) {
                inner.add_edge(node(stage), node(dependency), ());
            }
        }
        let graph = Self { inner };
        match graph.cycle() {
            Some(cycle) => Err(cyclic(pipeline, cwd, &cycle)),
            None => Ok(graph),
        }
    }

    /// How many stages there are.
    pub fn len(&self) -> usize {
        self.inner.node_count()
    }

    /// Whether there is no stage.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stages that this one depends on directly, in DVC's order.
    pub fn upstream(&self, stage: StageId) -> Vec<StageId> {
        let mut found: Vec<StageId> = self.inner.neighbors_directed(node(stage), Direction::Outgoing).map(id).collect();
        // petgraph lists the newest edge first.
        found.reverse();
        found
    }

    /// The stages that depend on this one directly, in the order of collection.
    pub fn downstream(&self, stage: StageId) -> Vec<StageId> {
        let mut found: Vec<StageId> = self.inner.neighbors_directed(node(stage), Direction::Incoming).map(id).collect();
        found.sort_unstable();
        found
    }

    /// The same graph in which frozen stages depend on nothing (dvc: `get_active_graph`).
    pub fn active(&self, pipeline: &Pipeline) -> Self {
        let mut inner = self.inner.clone();
        inner.retain_edges(|graph, edge| graph.edge_endpoints(edge).is_none_or(|(from, _)| !pipeline.get(id(from)).frozen));
        Self { inner }
    }

    /// For each stage the number of its component (weakly connected), from 0 in the order of
    /// collection.
    pub fn components(&self) -> Vec<usize> {
        let mut component = vec![usize::MAX; self.len()];
        let mut count = 0;
        for start in self.inner.node_indices() {
            if component[start.index()] != usize::MAX {
                continue;
            }
            component[start.index()] = count;
            let mut open = vec![start];
            while let Some(here) = open.pop() {
                for next in self.inner.neighbors_undirected(here) {
                    if component[next.index()] == usize::MAX {
                        component[next.index()] = count;
                        open.push(next);
                    }
                }
            }
            count += 1;
        }
        component
    }

    /// A cycle, if there is one: the stages on it in the order in which a depth-first search
    /// meets them.
    fn cycle(&self) -> Option<Vec<StageId>> {
        if petgraph::algo::toposort(&self.inner, None).is_ok() {
            return None;
        }
        let mut done = vec![false; self.len()];
        for start in self.inner.node_indices().map(id) {
            let mut path: Vec<StageId> = Vec::new();
            let mut on_path = vec![false; self.len()];
            let mut stack: Vec<(StageId, std::vec::IntoIter<StageId>)> = Vec::new();
            let mut enter = Some(start).filter(|start| !done[start.index()]);
            loop {
                if let Some(stage) = enter.take() {
                    if on_path[stage.index()] {
                        let from = path.iter().position(|seen| *seen == stage).unwrap_or(0);
                        return Some(path.split_off(from));
                    }
                    if !done[stage.index()] {
                        on_path[stage.index()] = true;
                        path.push(stage);
                        stack.push((stage, self.upstream(stage).into_iter()));
                    }
                }
                let Some((stage, rest)) = stack.last_mut() else { break };
                match rest.next() {
                    Some(next) => enter = Some(next),
                    None => {
                        done[stage.index()] = true;
                        on_path[stage.index()] = false;
                        path.pop();
                        stack.pop();
                    }
                }
            }
        }
        None
    }
}

/// dvc: `CyclicGraphError`.
fn cyclic(pipeline: &Pipeline, cwd: &RepoPath, cycle: &[StageId]) -> Fault {
    let names: Vec<String> = cycle.iter().map(|stage| pipeline.get(*stage).address.seen_from(cwd)).collect();
    let noun = if names.len() == 1 { "stage" } else { "stages" };
    Fault::new(
        Class::CyclicGraphError,
        format!("Same item(s) are defined as both a dependency and an output in {noun}: {}.", names.join(", ")),
    )
}
