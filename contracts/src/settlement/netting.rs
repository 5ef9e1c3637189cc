//! Netting: operators owe each other in a cycle, and at its end each pays or gets one amount in each currency.

use std::collections::{BTreeMap, BTreeSet};

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{ContractId, TermsError};
use crate::{
    codec::Bounded,
    identity::AccountId,
    money::{Amount, Balance, Currency},
    transaction::UnixSeconds,
};

pub const PARTICIPANTS_MAX: usize = 32;
pub const CURRENCIES_MAX: usize = 8;

/// Obligations of a cycle that wait for headroom, at most.
pub const QUEUE_MAX: usize = 10_000;

/// Who may owe whom, in what, and when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Cycle {
    /// Opens it, and may close it before its time.
    pub opener: AccountId,
    /// 2 to 32 accounts, ascending.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<AccountId>, min_items = 2, max_items = 32))]
    pub participants: Bounded<AccountId, PARTICIPANTS_MAX>,
    /// 1 to 8, ascending.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Currency>, min_items = 1, max_items = 8))]
    pub currencies: Bounded<Currency, CURRENCIES_MAX>,
    pub closes_at: UnixSeconds,
}

impl Cycle {
    pub(super) fn check(&self) -> Result<(), TermsError> {
        let participants = self.participants.is_sorted_by(|a, b| a < b) && self.participants.len() >= 2;
        let currencies = self.currencies.is_sorted_by(|a, b| a < b) && !self.currencies.is_empty();
        match participants && currencies {
            true => Ok(()),
            false => Err(TermsError::Cycle),
        }
    }
}

/// A cycle with what has come of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CycleState {
    pub cycle: Cycle,
    /// Obligations that were recorded, queued ones included.
    pub recorded: u64,
    /// Of those, how many wait.
    pub queued: u32,
    /// Something has changed since the queue was last looked at.
    pub is_changed: bool,
    /// The second in which the queue was last looked at.
    pub looked_at: UnixSeconds,
    /// For each currency, in the order of the cycle's.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Total>, max_items = 8))]
    pub totals: Bounded<Total, CURRENCIES_MAX>,
}

/// What netting comes to in one currency: the liquidity that it saves is `gross` without `paid`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Total {
    /// All obligations that are settled by the cycle.
    pub gross: Amount,
    /// What was really moved when it was closed; zero until then.
    pub paid: Amount,
}

/// Where a participant stands in one currency of a cycle, or stood when it closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Position {
    /// Held in the participant's account for the cycle.
    pub prefunded: Amount,
    /// What it is owed without what it owes; never less than what is prefunded, below zero.
    pub net: Balance,
    /// How many obligations of its own wait.
    pub queued: u32,
}

impl Position {
    /// How much more it may owe.
    pub fn headroom(&self) -> i128 {
        i128::from(self.prefunded.0) + self.net.0
    }
}

/// That one participant owes another. Signed by the debtor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    pub cycle: ContractId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    pub currency: Currency,
    pub amount: Amount,
}

/// Headroom by participant and currency.
pub type Headroom = BTreeMap<(AccountId, Currency), i128>;

/// Settles what it can of a queue, the oldest first: which obligations, ascending, and the headroom after it.
/// Nobody's is below zero then if nobody's was before.
///
/// First those that have headroom, in at most 16 rounds. Then all that are left are taken together;
/// as long as anyone would be below zero in a currency, the newest of what it owes in that is left out, and what
/// is then left settles at once. This finds the largest set in which everybody's obligations are settled in their
/// order (Bech and Soramäki, "Gridlock resolution in interbank payment systems", 2001), and each obligation is
/// left out at most once.
pub fn resolve(headroom: &mut Headroom, queue: &[Obligation]) -> Vec<usize> {
    let mut left: BTreeSet<usize> = (0..queue.len()).collect();
    let mut settled = Vec::new();
    in_order(headroom, queue, &mut left, &mut settled);
    let together = gridlock(headroom, queue, &left);
    for at in together {
        left.remove(&at);
        settled.push(at);
        apply(headroom, &queue[at]);
    }
    in_order(headroom, queue, &mut left, &mut settled);
    settled.sort_unstable();
    settled
}

fn room(headroom: &Headroom, debtor: AccountId, currency: Currency) -> i128 {
    headroom.get(&(debtor, currency)).copied().unwrap_or(0)
}

fn apply(headroom: &mut Headroom, obligation: &Obligation) {
    let Obligation {
        debtor,
        creditor,
        currency,
        amount,
        ..
    } = obligation;
    *headroom.entry((*debtor, *currency)).or_default() -= i128::from(amount.0);
    *headroom.entry((*creditor, *currency)).or_default() += i128::from(amount.0);
}

/// Rounds through a queue, at most: what would take more waits for the next time.
const ROUNDS_MAX: usize = 16;

/// One by one, the oldest first, and again as long as that makes room for others.
fn in_order(headroom: &mut Headroom, queue: &[Obligation], left: &mut BTreeSet<usize>, settled: &mut Vec<usize>) {
    for _ in 0..ROUNDS_MAX {
        let before = settled.len();
        left.retain(|&at| {
            let obligation = &queue[at];
            let has_room = room(headroom, obligation.debtor, obligation.currency) >= i128::from(obligation.amount.0);
            if has_room {
                apply(headroom, obligation);
                settled.push(at);
            }
            !has_room
        });
        if settled.len() == before {
            break;
        }
    }
}

/// The largest set of those left that can be settled at once.
fn gridlock(headroom: &Headroom, queue: &[Obligation], left: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut chosen = left.clone();
    let mut after = headroom.clone();
    let mut owed: BTreeMap<(AccountId, Currency), Vec<usize>> = BTreeMap::new();
    for &at in left {
        let obligation = &queue[at];
        apply(&mut after, obligation);
        owed.entry((obligation.debtor, obligation.currency))
            .or_default()
            .push(at);
    }
    let below = |after: &Headroom| {
        after
            .iter()
            .filter(|(_, room)| **room < 0)
            .map(|(key, _)| *key)
            .collect()
    };
    let mut short: BTreeSet<(AccountId, Currency)> = below(&after);
    while let Some(key) = short.pop_first() {
        while room(&after, key.0, key.1) < 0 {
            let newest = owed.get_mut(&key).and_then(Vec::pop);
            let at = newest.expect("who owes nothing is not below zero by this");
            chosen.remove(&at);
            let Obligation {
                creditor,
                currency,
                amount,
                ..
            } = queue[at];
            *after.entry(key).or_default() += i128::from(amount.0);
            let theirs = after.entry((creditor, currency)).or_default();
            *theirs -= i128::from(amount.0);
            if *theirs < 0 {
                short.insert((creditor, currency));
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> AccountId {
        AccountId([number; 20])
    }

    fn code(number: u8) -> Currency {
        Currency::new(["EUR", "USD", "THB"][usize::from(number)]).unwrap()
    }

    fn owes(debtor: u8, creditor: u8, currency: u8, amount: u64) -> Obligation {
        Obligation {
            cycle: ContractId([0; 20]),
            debtor: id(debtor),
            creditor: id(creditor),
            currency: code(currency),
            amount: Amount(amount),
        }
    }

    fn obligations(people: u8, most: usize) -> impl Strategy<Value = Vec<Obligation>> {
        let one = (0..people, 1..people, 0..2u8, 1..50u64);
        let one = one
            .prop_map(move |(debtor, step, currency, amount)| owes(debtor, (debtor + step) % people, currency, amount));
        prop::collection::vec(one, 0..most)
    }

    fn rooms(people: u8) -> impl Strategy<Value = Headroom> {
        prop::collection::vec(0..40i128, usize::from(people) * 2).prop_map(move |rooms| {
            let keys = (0..people).flat_map(|who| (0..2).map(move |currency| (id(who), code(currency))));
            keys.zip(rooms).collect()
        })
    }

    /// Once through, the oldest first: what a queue without any saving does.
    fn plain(headroom: &Headroom, queue: &[Obligation]) -> Vec<usize> {
        let mut headroom = headroom.clone();
        let mut settled = Vec::new();
        for (at, obligation) in queue.iter().enumerate() {
            if room(&headroom, obligation.debtor, obligation.currency) >= i128::from(obligation.amount.0) {
                apply(&mut headroom, obligation);
                settled.push(at);
            }
        }
        settled
    }

    fn after(headroom: &Headroom, queue: &[Obligation], settled: &[usize]) -> Headroom {
        let mut headroom = headroom.clone();
        settled.iter().for_each(|at| apply(&mut headroom, &queue[*at]));
        headroom
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn invariant_resolving_leaves_nobody_below_zero(queue in obligations(5, 60), before in rooms(5)) {
            let mut headroom = before.clone();
            let settled = resolve(&mut headroom, &queue);
            prop_assert!(settled.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(&headroom, &after(&before, &queue, &settled));
            prop_assert!(headroom.values().all(|room| *room >= 0));
            prop_assert!(plain(&before, &queue).iter().all(|at| settled.contains(at)));
            // Looked at again and again, it comes to a rest in which nothing that could be settled is left.
            let mut left: Vec<_> = (0..queue.len()).filter(|at| !settled.contains(at)).map(|at| queue[at]).collect();
            loop {
                let more = resolve(&mut headroom, &left);
                if more.is_empty() {
                    break;
                }
                left = (0..left.len()).filter(|at| !more.contains(at)).map(|at| left[at]).collect();
            }
            prop_assert_eq!(plain(&headroom, &left), Vec::<usize>::new());
        }

        /// Against all sets in which everybody's obligations in a currency are settled in their order.
        #[test]
        fn invariant_a_gridlock_is_resolved_by_the_largest_set(queue in obligations(4, 9), before in rooms(4)) {
            let all: BTreeSet<_> = (0..queue.len()).collect();
            let found = gridlock(&before, &queue, &all);
            let mut best = 0;
            for bits in 0u32..1 << queue.len() {
                let set: Vec<_> = (0..queue.len()).filter(|at| bits >> at & 1 == 1).collect();
                let key = |at: usize| (queue[at].debtor, queue[at].currency);
                let in_order = (0..queue.len()).all(|at| {
                    set.contains(&at) || (at + 1..queue.len()).all(|later| key(later) != key(at) || !set.contains(&later))
                });
                if in_order && after(&before, &queue, &set).values().all(|room| *room >= 0) {
                    best = best.max(set.len());
                }
            }
            prop_assert_eq!(found.len(), best);
        }
    }

    #[test]
    fn a_circle_without_money_settles_whole() {
        let queue = [owes(0, 1, 0, 10), owes(1, 2, 0, 10), owes(2, 0, 0, 10)];
        assert_eq!(resolve(&mut Headroom::new(), &queue), [0, 1, 2]);
        // With one that does not fit, the circle settles nonetheless.
        let queue = [
            owes(0, 1, 0, 10),
            owes(1, 2, 0, 10),
            owes(1, 2, 0, 5),
            owes(2, 0, 0, 10),
        ];
        assert_eq!(resolve(&mut Headroom::new(), &queue), [0, 1, 3]);
    }
}
