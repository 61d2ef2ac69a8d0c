//! Which stages are evaluated, and in which order: DVC's depth-first post-order.
//!
//! Where networkx would iterate a Python set (a selection under half of the repository), DVC's
//! order is random from run to run; here the order of collection decides always
//! (dvc: `repo/reproduce.py` `plan_repro`).

use super::graph::Graph;
use crate::model::StageId;

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The targets and all they need; without targets everything.
    Upstream,
    /// The whole pipelines that the targets are part of (`-p`).
    Pipeline,
    /// The targets and all that depends on them (`--downstream`).
    Downstream,
    /// Exactly the targets in their order (`-s`).
    Single,
}

/// The stages to evaluate in DVC's order. `graph` is the active one (frozen stages cut off).
pub fn plan(graph: &Graph, targets: &[StageId], scope: &Scope) -> Vec<StageId> {
    let all = || (0..graph.len()).map(|index| StageId(u32::try_from(index).expect("stage numbers fit"))).collect::<Vec<_>>();
    if *scope == Scope::Single {
        return targets.to_vec();
    }
    if targets.is_empty() {
        return post_order(graph, &all(), |_| true);
    }
    match scope {
        Scope::Pipeline => {
            let component = graph.components();
            let mut starts: Vec<StageId> = Vec::new();
            let mut taken = std::collections::HashSet::new();
            for target in targets {
                if taken.insert(component[target.index()]) {
                    starts.extend(all().into_iter().filter(|stage| component[stage.index()] == component[target.index()]));
                }
            }
            post_order(graph, &starts, |_| true)
        }
        Scope::Downstream => restricted(graph, targets, |stage| graph.downstream(stage)),
        Scope::Upstream | Scope::Single => restricted(graph, targets, |stage| graph.upstream(stage)),
    }
}

/// The order over what can be reached from the targets.
fn restricted(graph: &Graph, targets: &[StageId], next: impl Fn(StageId) -> Vec<StageId>) -> Vec<StageId> {
    let mut wanted = vec![false; graph.len()];
    let mut open = targets.to_vec();
    while let Some(stage) = open.pop() {
        if !std::mem::replace(&mut wanted[stage.index()], true) {
            open.extend(next(stage));
        }
    }
    let starts: Vec<StageId> =
        (0..graph.len()).filter(|index| wanted[*index]).map(|index| StageId(u32::try_from(index).expect("stage numbers fit"))).collect();
    post_order(graph, &starts, |stage| wanted[stage.index()])
}

/// Depth-first post-order from each start in turn, upstream first, within what `wanted` allows.
/// Iterative: chains of 100,000 stages must not exhaust the stack.
pub fn post_order(graph: &Graph, starts: &[StageId], wanted: impl Fn(StageId) -> bool) -> Vec<StageId> {
    let mut entered = vec![false; graph.len()];
    let mut order = Vec::with_capacity(starts.len());
    for start in starts {
        if std::mem::replace(&mut entered[start.index()], true) {
            continue;
        }
        let mut stack = vec![(*start, graph.upstream(*start).into_iter())];
        while let Some((stage, rest)) = stack.last_mut() {
            match rest.find(|next| wanted(*next) && !entered[next.index()]) {
                Some(next) => {
                    entered[next.index()] = true;
                    stack.push((next, graph.upstream(next).into_iter()));
                }
                None => {
                    order.push(*stage);
                    stack.pop();
                }
            }
        }
    }
    order
}
