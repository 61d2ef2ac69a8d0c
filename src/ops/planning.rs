//! What a run of `repro` will do: its stages in DVC's order, what they wait for, and on which
//! terms they run.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::model::event::Planned;
use crate::model::settings::Terms;
use crate::model::{Fault, StageId};
use crate::plan::claims::claims;
use crate::plan::graph::Graph;
use crate::plan::level::levels;
use crate::plan::schedule::Setup;
use crate::plan::select;
use crate::plan::terms::Rulebook;
use crate::run::durations::Durations;
use crate::run::shell;

use super::load::Repository;
use super::repro::Request;
use super::worker::plan_order;

/// What will be run, and in which order.
pub(super) struct Plan {
    /// The stages.
    pub order: Vec<StageId>,
    /// For each stage of `order` the stages that it waits for.
    pub after: Vec<Vec<StageId>>,
    /// For each stage of `order` the terms on which it runs.
    pub terms: Vec<Terms>,
    /// The queues whose stages may run; none: all.
    served: Option<HashSet<String>>,
    /// The graph without the edges of frozen stages; none for `--single-item`.
    graph: Option<Graph>,
    /// What should be said of paraffin.yaml.
    pub remarks: Vec<String>,
}

impl Plan {
    fn upstream(&self, stage: StageId) -> Vec<StageId> {
        self.graph.as_ref().map(|graph| graph.upstream(stage)).unwrap_or_default()
    }

    /// The stages that depend directly on this one.
    pub fn downstream(&self, stage: StageId) -> Vec<StageId> {
        self.graph.as_ref().map(|graph| graph.downstream(stage)).unwrap_or_default()
    }

    /// Whether the stage at this place may run.
    pub fn is_served(&self, at: usize) -> bool {
        self.served.as_ref().is_none_or(|queues| queues.contains(&self.terms[at].queue))
    }

    /// What the schedule must know.
    pub fn setup(&self, request: &Request, book: &Rulebook<'_>, addresses: &[String], durations: &Durations) -> Setup {
        let (pools, claims) = claims(self.terms.iter(), book);
        Setup {
            plan: self.order.clone(),
            after: self.after.clone(),
            dependents: self.order.iter().map(|stage| self.downstream(*stage)).collect(),
            claims,
            priority: self.terms.iter().map(|terms| terms.priority).collect(),
            weight: durations.weights(addresses),
            served: (0..self.order.len()).map(|at| self.is_served(at)).collect(),
            pools,
            jobs: request.jobs,
            shared: true,
            on_error: request.on_error,
            force: request.options.force,
            force_downstream: request.force_downstream,
            dry: request.dry,
        }
    }

    /// The plan for those who show it.
    pub fn describe(&self, repository: &Repository) -> Vec<Planned> {
        with_levels((0..self.order.len()).map(|at| self.planned(repository, at)).collect())
    }

    /// The queues of the plan's stages that have a limit, with their slots.
    pub fn queues(&self, book: &Rulebook<'_>) -> IndexMap<String, usize> {
        self.terms.iter().filter_map(|terms| Some((terms.queue.clone(), book.slots_of(&terms.queue)?))).collect()
    }

    fn planned(&self, repository: &Repository, at: usize) -> Planned {
        let id = self.order[at];
        let stage = repository.pipeline().get(id);
        Planned {
            stage: id,
            address: stage.address.seen_from(repository.cwd()),
            data_file: stage.is_data_file(),
            frozen: stage.frozen,
            upstream: self.upstream(id),
            cmds: stage.cmd.as_ref().map(shell::lines).unwrap_or_default(),
            level: 0,
            queue: self.terms[at].queue.clone(),
            file: stage.address.file.to_string(),
        }
    }
}

/// Reads the repository and makes the plan.
///
/// # Errors
/// A file, a target or a limit is not as it should be.
pub(super) fn make(repository: &mut Repository, request: &Request, book: &Rulebook<'_>) -> Result<Plan, Fault> {
    let served = request.queues.as_ref().map(|names| names.iter().map(|name| book.known_queue(name)).collect()).transpose()?;
    let single = request.is_single();
    let targets = if request.targets.is_empty() { vec!["dvc.yaml".to_owned()] } else { request.targets.clone() };
    if !request.all_pipelines {
        repository.load_targets(&targets, request.reading)?;
    }
    // What lies in a directory is told in the order of the graph, also where only that is run.
    let graphless = single && !repository.name_a_directory(&targets, request.reading);
    repository.load_all_or(graphless)?;
    let graph = if graphless { None } else { Some(Graph::build(repository.pipeline(), repository.cwd())?) };
    let wanted = if request.all_pipelines { Vec::new() } else { repository.resolve_targets(&targets, request.reading, graph.as_ref())? };
    let graph = graph.filter(|_| !single);
    let active = graph.as_ref().map(|graph| graph.active(repository.pipeline()));
    let order = match &active {
        None => wanted,
        Some(_) if wanted.is_empty() && !request.all_pipelines => Vec::new(),
        Some(active) => select::plan(active, &wanted, &request.scope),
    };
    let after = plan_order(repository.pipeline(), &order, graph.as_ref());
    let terms = order.iter().map(|id| Ok(book.assign(&repository.pipeline().get(*id).address)?.terms)).collect::<Result<_, Fault>>()?;
    // Without the whole repository in sight a pattern may match what was not read.
    let remarks = if graphless { Vec::new() } else { book.remarks(repository.pipeline().iter().map(|(_, stage)| &stage.address)) };
    Ok(Plan { order, after, terms, served, graph: active, remarks })
}

fn with_levels(mut planned: Vec<Planned>) -> Vec<Planned> {
    let members: HashSet<StageId> = planned.iter().map(|stage| stage.stage).collect();
    for stage in &mut planned {
        stage.upstream.retain(|up| members.contains(up));
    }
    let upstream: HashMap<StageId, Vec<StageId>> = planned.iter().map(|stage| (stage.stage, stage.upstream.clone())).collect();
    let order: Vec<StageId> = planned.iter().map(|stage| stage.stage).collect();
    let level = levels(&order, |stage| upstream[&stage].clone());
    for stage in &mut planned {
        stage.level = level[&stage.stage];
    }
    planned
}
