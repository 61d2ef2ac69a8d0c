//! Levels: how many stages at least must end before a stage can start. For charts only; the
//! scheduler knows no levels and waits for none.

use std::collections::HashMap;

use crate::model::StageId;

/// Longest path from a stage without upstream, for each stage of a plan (from 0).
/// `plan` is in an order in which upstream comes first; `upstream` gives the edges, of which
/// those that leave the plan do not count.
pub fn levels(plan: &[StageId], upstream: impl Fn(StageId) -> Vec<StageId>) -> HashMap<StageId, usize> {
    let mut level: HashMap<StageId, usize> = HashMap::with_capacity(plan.len());
    for stage in plan {
        let own = upstream(*stage).iter().filter_map(|up| level.get(up)).map(|up| up + 1).max().unwrap_or(0);
        level.insert(*stage, own);
    }
    level
}
