//! What each stage of a plan takes while it runs, as claims on pools.

use std::collections::HashMap;

use crate::model::settings::Terms;

use super::schedule::{Claim, Pool};
use super::terms::Rulebook;

/// Pools in the order in which stages first need them.
#[derive(Default)]
struct Pools {
    list: Vec<Pool>,
    numbers: HashMap<String, usize>,
}

impl Pools {
    fn claim(&mut self, name: String, capacity: u64, numbered: bool, amount: u64) -> Claim {
        let next = self.list.len();
        let pool = *self.numbers.entry(name.clone()).or_insert(next);
        if pool == next {
            self.list.push(Pool { name, capacity, numbered });
        }
        Claim { pool, amount }
    }
}

/// The pools that stages on these terms share, and what each stage claims.
pub fn claims<'t>(terms: impl Iterator<Item = &'t Terms>, book: &Rulebook<'_>) -> (Vec<Pool>, Vec<Vec<Claim>>) {
    let mut pools = Pools::default();
    let each = terms.map(|terms| {
        let mut claims = Vec::new();
        if let Some(slots) = book.slots_of(&terms.queue) {
            claims.push(pools.claim(format!("a slot of the queue '{}'", terms.queue), slots as u64, true, terms.slots as u64));
        }
        for (name, amount) in terms.needs.iter().filter(|(_, amount)| **amount > 0) {
            let there = book.resources().get(name).copied().unwrap_or(0);
            claims.push(pools.claim(format!("the resource '{name}'"), there, false, *amount));
        }
        claims.extend(terms.mutex.iter().map(|name| pools.claim(format!("the mutex '{name}'"), 1, false, 1)));
        claims.sort_unstable();
        // A name that stands twice is held once.
        claims.dedup_by_key(|claim| claim.pool);
        claims
    });
    let each = each.collect();
    (pools.list, each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::paraffin::parse;
    use crate::model::{Address, RepoPath};
    use crate::plan::terms::Overrides;

    #[test]
    fn queues_resources_and_mutexes_are_pools() {
        let text = "queue: {'t*': gpu}\nqueues: {gpu: {slots: 2}}\nresources: {mem: 4}\nstages:\n  t2: {slots: 2, needs: {mem: 3}, mutex: [l, l]}\n  u: {mutex: l}\n";
        let (settings, none) = (parse("f", text).unwrap(), Overrides::default());
        let book = Rulebook::new(&settings, &none).unwrap();
        let terms = ["t1", "t2", "u", "v"].map(|name| {
            let address = Address { file: RepoPath::new("dvc.yaml"), name: Some(name.to_owned()) };
            book.assign(&address).unwrap().terms
        });
        let (pools, claims) = claims(terms.iter(), &book);
        let pool = |name: &str, capacity, numbered| Pool { name: name.to_owned(), capacity, numbered };
        assert_eq!(
            pools,
            [pool("a slot of the queue 'gpu'", 2, true), pool("the resource 'mem'", 4, false), pool("the mutex 'l'", 1, false)]
        );
        let claim = |pool, amount| Claim { pool, amount };
        assert_eq!(claims, [vec![claim(0, 1)], vec![claim(0, 2), claim(1, 3), claim(2, 1)], vec![claim(2, 1)], vec![]]);
    }
}
