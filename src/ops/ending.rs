//! How a run of `repro` ends: which failures are told on the way, and which one decides.

use std::collections::{BTreeSet, HashMap};

use crate::model::event::Level;
use crate::model::{Class, Event, EventKind, Fault, Outcome, StageId, Status};
use crate::plan::schedule::OnError;
use crate::report::words::quoted;
use crate::run;
use crate::run::signals::Watcher;

use super::load::Repository;
use super::planning::Plan;
use super::repro::Request;
use super::undeclared;

/// DVC's warnings when a failure does not end the run (dvc: `handle_error`).
pub(super) fn remarks(repository: &Repository, request: &Request, plan: &Plan, event: &Event) -> Vec<EventKind> {
    let EventKind::Finished { stage, outcome: Outcome { status: Status::Failed, fault: Some(fault), .. } } = &event.kind else {
        return Vec::new();
    };
    let warning = |text: String| EventKind::Notice { level: Level::Warning, text };
    match request.on_error {
        OnError::Fail => Vec::new(),
        OnError::Ignore => vec![warning(format!("{} (ignored)", fault.message))],
        OnError::KeepGoing | OnError::KeepGoingUntil(_) => {
            let mut notices = vec![warning(fault.message.clone())];
            let names = dependents(repository, plan, *stage);
            if !names.is_empty() {
                let noun = if names.len() > 1 { "Stages" } else { "Stage" };
                notices.push(warning(format!("{noun} {} will be skipped due to this failure", quoted(&names))));
            }
            notices
        }
    }
}

/// All that depends on a stage, directly or not, in the order of collection.
fn dependents(repository: &Repository, plan: &Plan, stage: StageId) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![stage];
    while let Some(here) = open.pop() {
        for next in plan.downstream(here) {
            if found.insert(next) {
                open.push(next);
            }
        }
    }
    found.iter().map(|id| repository.pipeline().get(*id).address.seen_from(repository.cwd())).collect()
}

/// The failure of the run as a whole, if it failed.
pub(super) fn verdict(
    repository: &Repository,
    request: &Request,
    plan: &Plan,
    ends: &HashMap<StageId, Outcome>,
    watcher: &Watcher,
) -> Option<Fault> {
    if watcher.times() > 0 {
        return Some(run::error::interrupted());
    }
    let failed: Vec<(&StageId, &Outcome)> =
        plan.order.iter().filter_map(|stage| Some((stage, ends.get(stage)?))).filter(|(_, end)| end.status == Status::Failed).collect();
    let names: Vec<String> =
        failed.iter().map(|(stage, _)| repository.pipeline().get(**stage).address.seen_from(repository.cwd())).collect();
    match (request.on_error, failed.first()) {
        (OnError::Ignore, _) | (_, None) => unserved(repository, plan, ends),
        (OnError::Fail, Some((_, end))) => {
            let fault = Fault::new(Class::ReproductionError, format!("failed to reproduce '{}'", names[0]));
            let fault = with_hint(fault, undeclared::hint(repository, plan, ends));
            Some(match &end.fault {
                Some(cause) => fault.caused_by(cause.clone()),
                None => fault,
            })
        }
        (OnError::KeepGoing | OnError::KeepGoingUntil(_), Some(_)) => {
            let noun = if names.len() > 1 { " stages:" } else { "" };
            let fault = Fault::new(Class::ReproductionError, format!("failed to reproduce{noun} {}", quoted(&names)));
            Some(with_hint(fault, undeclared::hint(repository, plan, ends)))
        }
    }
}

fn with_hint(fault: Fault, hint: Option<String>) -> Fault {
    match hint {
        Some(text) => fault.with("hint", text),
        None => fault,
    }
}

/// Stages that had to run and whose queue was not served are a failure of a run with `--queues`,
/// unless it was stopped early for another reason.
fn unserved(repository: &Repository, plan: &Plan, ends: &HashMap<StageId, Outcome>) -> Option<Fault> {
    let ended = |at: &usize, status| ends.get(&plan.order[*at]).is_some_and(|end| end.status == status);
    if (0..plan.order.len()).any(|at| ended(&at, Status::Stopped)) {
        return None;
    }
    let left = (0..plan.order.len()).filter(|at| !plan.is_served(*at) && ended(at, Status::NotStarted));
    let names: Vec<String> = left.map(|at| repository.pipeline().get(plan.order[at]).address.seen_from(repository.cwd())).collect();
    (!names.is_empty()).then(|| {
        let text = format!("not started, since {} queue is not served: {}", if names.len() == 1 { "its" } else { "their" }, quoted(&names));
        Fault::new(Class::ReproductionError, text)
    })
}
