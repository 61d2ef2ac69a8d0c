//! Single decisions of the schedule, step by step.

use super::*;

/// A stage by its place.
pub(super) fn id(at: usize) -> StageId {
    StageId(u32::try_from(at).unwrap())
}

/// A plan without limits: for each stage the stages that it waits for.
pub(super) fn setup(after: &[&[u32]], jobs: usize) -> Setup {
    let count = after.len();
    let plan: Vec<StageId> = (0..count).map(id).collect();
    let after: Vec<Vec<StageId>> = after.iter().map(|list| list.iter().copied().map(StageId).collect()).collect();
    let dependents = plan.iter().map(|stage| plan.iter().copied().filter(|next| after[next.index()].contains(stage)).collect()).collect();
    Setup {
        plan,
        after,
        dependents,
        claims: vec![Vec::new(); count],
        priority: vec![0; count],
        weight: vec![1; count],
        served: vec![true; count],
        pools: Vec::new(),
        jobs,
        shared: false,
        on_error: OnError::Fail,
        force: false,
        force_downstream: false,
        dry: false,
    }
}

fn started(actions: &[Action]) -> Vec<usize> {
    let stage = |action: &Action| if let Action::Start(stage, _) = action { Some(stage.index()) } else { None };
    actions.iter().filter_map(stage).collect()
}

/// All stages are found to be stale, in their order.
fn all_stale(schedule: &mut Schedule, count: usize) -> Vec<Action> {
    schedule.begin();
    (0..count).flat_map(|at| schedule.step(Input::Stale(id(at)))).collect()
}

#[test]
fn one_job_follows_the_plan() {
    let mut setup = setup(&[&[], &[], &[0]], 1);
    setup.priority = vec![0, 9, 0];
    let mut schedule = Schedule::new(setup);
    assert!(matches!(schedule.begin()[..], [Action::Check(StageId(0), _)]));
    assert_eq!(started(&schedule.step(Input::Stale(id(0)))), [0]);
    assert!(matches!(schedule.step(Input::Finished(id(0), Status::Ran))[..], [Action::Check(StageId(1), _)]));
    assert!(matches!(schedule.step(Input::Fresh(id(1), Status::Unchanged))[..], [Action::Check(StageId(2), _)]));
}

#[test]
fn with_one_job_nothing_comes_between_two_tries() {
    let mut schedule = Schedule::new(setup(&[&[], &[]], 1));
    schedule.begin();
    assert_eq!(started(&schedule.step(Input::Stale(id(0)))), [0]);
    assert_eq!(schedule.step(Input::Rest(id(0))), vec![]);
    assert_eq!(schedule.step(Input::Tick), vec![]);
    assert_eq!(started(&schedule.step(Input::Awake(id(0)))), [0]);
    assert!(matches!(schedule.step(Input::Finished(id(0), Status::Ran))[..], [Action::Check(StageId(1), _)]));
}

#[test]
fn a_failure_stops_what_has_not_begun() {
    let mut schedule = Schedule::new(setup(&[&[], &[], &[0]], 2));
    all_stale(&mut schedule, 2);
    assert_eq!(schedule.step(Input::Finished(id(0), Status::Failed)), vec![]);
    assert_eq!(schedule.step(Input::Finished(id(1), Status::Ran)), vec![Action::Settled(id(2), Status::NotStarted)]);
    assert!(schedule.done());
}

#[test]
fn so_many_failures_are_borne() {
    let mut setup = setup(&[&[], &[], &[], &[0], &[]], 2);
    setup.on_error = OnError::KeepGoingUntil(2);
    let mut schedule = Schedule::new(setup);
    all_stale(&mut schedule, 3);
    schedule.step(Input::Stale(id(4)));
    assert_eq!(schedule.step(Input::Finished(id(0), Status::Failed))[0], Action::Settled(id(3), Status::UpstreamFailed));
    assert!(schedule.goes_on());
    schedule.step(Input::Finished(id(1), Status::Failed));
    assert!(!schedule.goes_on());
    assert_eq!(schedule.step(Input::Finished(id(2), Status::Ran)), vec![Action::Settled(id(4), Status::NotStarted)]);
}

#[test]
fn the_longest_way_starts_first_also_by_what_is_known_of_times() {
    // 0, 1 and 2 stand alone; 3 -> 4 -> 5 is a chain that DVC would start last.
    let chain: [&[u32]; 6] = [&[], &[], &[], &[], &[3], &[4]];
    let mut schedule = Schedule::new(setup(&chain, 2));
    assert_eq!(started(&all_stale(&mut schedule, 4)), [0, 3]);
    let mut known = setup(&chain, 2);
    known.weight = vec![1, 1, 90, 1, 1, 1];
    assert_eq!(started(&all_stale(&mut Schedule::new(known), 4)), [2, 3]);
}

#[test]
fn the_next_of_a_chain_does_not_lose_its_turn_while_it_is_checked() {
    // 0 to 3 stand alone; 4 -> 5 -> 6 -> 7 is a chain.
    let plan: [&[u32]; 8] = [&[], &[], &[], &[], &[], &[4], &[5], &[6]];
    let mut schedule = Schedule::new(setup(&plan, 2));
    assert_eq!(started(&all_stale(&mut schedule, 5)), [0, 4]);
    assert_eq!(started(&schedule.step(Input::Finished(id(0), Status::Ran))), [1]);
    assert!(started(&schedule.step(Input::Finished(id(4), Status::Ran))).is_empty());
    assert_eq!(started(&schedule.step(Input::Stale(id(5)))), [5]);
    // A check that takes long keeps nobody waiting.
    assert!(started(&schedule.step(Input::Finished(id(5), Status::Ran))).is_empty());
    assert!(started(&schedule.step(Input::Tick)).is_empty());
    assert_eq!(started(&schedule.step(Input::Tick)), [2]);
}

#[test]
fn early_stop_ends_the_run_in_order() {
    let mut schedule = Schedule::new(setup(&[&[], &[], &[1], &[]], 2));
    all_stale(&mut schedule, 2);
    schedule.step(Input::Stale(id(3)));
    assert!(schedule.step(Input::Finished(id(0), Status::Stopped)).is_empty());
    let rest = schedule.step(Input::Finished(id(1), Status::Ran));
    assert_eq!(rest, vec![Action::Settled(id(2), Status::NotStarted), Action::Settled(id(3), Status::NotStarted)]);
}

#[test]
fn a_resting_stage_holds_nothing() {
    let mut setup = setup(&[&[], &[]], 2);
    setup.pools = vec![Pool { name: "gpu".to_owned(), capacity: 1, numbered: true }];
    setup.claims = vec![vec![Claim { pool: 0, amount: 1 }]; 2];
    let mut schedule = Schedule::new(setup);
    assert_eq!(started(&all_stale(&mut schedule, 2)), [0]);
    assert_eq!(schedule.lacks(), [(id(1), vec![Lack::Pool(0)])]);
    assert_eq!(schedule.step(Input::Rest(id(0))), vec![Action::Start(id(1), Slots { job: 0, queue: vec![0] })]);
    assert!(schedule.step(Input::Awake(id(0))).is_empty());
    assert_eq!(started(&schedule.step(Input::Finished(id(1), Status::Ran))), [0]);
    schedule.step(Input::Rest(id(0)));
    assert_eq!(schedule.step(Input::Stop), vec![Action::Settled(id(0), Status::Failed)]);
    assert!(schedule.done() && schedule.step(Input::Awake(id(0))).is_empty());
}

#[test]
fn shared_jobs_need_a_token_each_but_one() {
    let mut setup = setup(&[&[], &[], &[]], 3);
    setup.shared = true;
    let mut schedule = Schedule::new(setup);
    let actions = all_stale(&mut schedule, 3);
    assert_eq!(started(&actions), [0]);
    assert_eq!(actions.iter().filter(|action| **action == Action::Want).count(), 1);
    let actions = schedule.step(Input::Granted);
    assert_eq!((started(&actions), actions.contains(&Action::Want)), (vec![1], true));
    assert_eq!(schedule.lacks(), [(id(2), vec![Lack::Token])]);
    // The token of the one that ended serves the next; the one that is still wanted goes back.
    assert_eq!(started(&schedule.step(Input::Finished(id(0), Status::Ran))), [2]);
    assert_eq!(schedule.step(Input::Granted), vec![Action::Return]);
    assert_eq!(schedule.step(Input::Finished(id(1), Status::Ran)), vec![Action::Return]);
    assert!(schedule.step(Input::Finished(id(2), Status::Ran)).is_empty());
}

#[test]
fn what_is_not_served_is_left_with_all_that_needs_it() {
    let mut setup = setup(&[&[], &[0], &[]], 2);
    setup.served[0] = false;
    let mut schedule = Schedule::new(setup);
    schedule.begin();
    let left = [0, 1].map(|at| Action::Settled(id(at), Status::NotStarted));
    assert_eq!(schedule.step(Input::Stale(id(0))), left);
    assert_eq!(started(&schedule.step(Input::Stale(id(2)))), [2]);
    assert_eq!(schedule.status(id(0)), Some(Status::NotStarted));
}
