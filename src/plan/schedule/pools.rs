//! What running stages share: slots of queues, amounts of resources, names that only one may hold.
//!
//! All three are pools with a capacity; a stage claims an amount of each. The slots of a queue
//! also have numbers, because a stage may be told which one it has (a GPU).

use std::collections::BTreeSet;

/// Something of which there is only so much.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pool {
    /// What people call it.
    pub name: String,
    /// How much there is.
    pub capacity: u64,
    /// Whether its units have numbers (slots of a queue).
    pub numbered: bool,
}

/// How much a stage takes of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Claim {
    /// The number of the pool.
    pub pool: usize,
    /// How much.
    pub amount: u64,
}

/// What is left of all pools.
#[derive(Debug)]
pub(super) struct Free {
    amounts: Vec<u64>,
    numbers: Vec<Numbers>,
}

/// Numbers of slots: the smallest free one is given. Those that were never given are not stored, for
/// there may be very many.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    back: BTreeSet<usize>,
    next: usize,
}

impl Numbers {
    /// Gives a number; there must be one left.
    pub fn take(&mut self) -> usize {
        self.back.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Takes numbers back.
    pub fn give_back(&mut self, numbers: &[usize]) {
        self.back.extend(numbers);
    }
}

impl Free {
    /// Nothing is taken yet.
    pub fn all(pools: &[Pool]) -> Self {
        Self { amounts: pools.iter().map(|pool| pool.capacity).collect(), numbers: pools.iter().map(|_| Numbers::default()).collect() }
    }

    /// The pools of which too little is left.
    pub fn lacking<'c>(&self, claims: &'c [Claim]) -> impl Iterator<Item = usize> + use<'_, 'c> {
        claims.iter().filter(|claim| self.amounts[claim.pool] < claim.amount).map(|claim| claim.pool)
    }

    /// Takes what a stage claims, of which there must be enough. Gives the numbers of its slots.
    pub fn take(&mut self, claims: &[Claim], pools: &[Pool]) -> Vec<usize> {
        let mut slots = Vec::new();
        for claim in claims {
            self.amounts[claim.pool] -= claim.amount;
            if pools[claim.pool].numbered {
                slots.extend((0..claim.amount).map(|_| self.numbers[claim.pool].take()));
            }
        }
        slots
    }

    /// Gives back what a stage had.
    pub fn give_back(&mut self, claims: &[Claim], pools: &[Pool], slots: &[usize]) {
        for claim in claims {
            self.amounts[claim.pool] += claim.amount;
            if pools[claim.pool].numbered {
                self.numbers[claim.pool].give_back(slots);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_have_numbers_and_come_back() {
        let pools =
            [Pool { name: "gpu".to_owned(), capacity: 3, numbered: true }, Pool { name: "mem".to_owned(), capacity: 10, numbered: false }];
        let mut free = Free::all(&pools);
        let (one, wide) = ([Claim { pool: 0, amount: 1 }], [Claim { pool: 0, amount: 2 }, Claim { pool: 1, amount: 6 }]);
        assert_eq!(free.take(&one, &pools), [0]);
        assert_eq!(free.take(&wide, &pools), [1, 2]);
        assert_eq!(free.lacking(&wide).collect::<Vec<_>>(), [0, 1]);
        free.give_back(&one, &pools, &[0]);
        assert_eq!(free.lacking(&one).count(), 0);
        free.give_back(&wide, &pools, &[1, 2]);
        assert_eq!(free.take(&wide, &pools), [0, 1]);
    }
}
