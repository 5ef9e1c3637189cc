//! The most that each has agreed to part with. It knows nothing of what the model predicts, and holds whatever
//! becomes of a contract: nobody loses more, and so nobody takes more than its due.

use std::collections::BTreeMap;

use super::{
    ContractId,
    op::{Op, QUOTE_MAX, Trade},
};

/// Of whom, and in which currency.
type Purse = (usize, usize);

/// What contracts may still take. A loss is seen only as far as it is more than what came in by the same block.
#[derive(Debug, Default)]
pub(super) struct Consents(BTreeMap<ContractId, BTreeMap<Purse, u64>>);

/// What the ledger says that a block did.
pub(super) struct Happened<'a> {
    pub(super) op: &'a Op,
    pub(super) is_applied: bool,
    /// What the operation opens, if it opens anything.
    pub(super) opens: ContractId,
    /// What the operation acts on.
    pub(super) on: Option<ContractId>,
    /// What a request that the operation pays asks for.
    pub(super) asked: u64,
    /// Escrows that time released.
    pub(super) released: Vec<ContractId>,
}

impl Consents {
    /// `lost` is by how much purses are less full after the block than before it: no more than was agreed, of which
    /// it is taken off.
    pub(super) fn check(&mut self, happened: &Happened<'_>, lost: &BTreeMap<Purse, u64>) {
        let mut at_once = BTreeMap::new();
        for id in &happened.released {
            add_all(&mut at_once, self.0.remove(id).unwrap_or_default());
        }
        if happened.is_applied {
            add_all(&mut at_once, pays(happened.op, happened.asked));
            let agreed = self.0.entry(happened.opens).or_default();
            add_all(agreed, agrees(happened.op));
        }
        let mut nothing = BTreeMap::new();
        let acted_on = happened.on.filter(|_| happened.is_applied);
        let may_take = acted_on.and_then(|id| self.0.get_mut(&id)).unwrap_or(&mut nothing);
        for (purse, lost) in lost {
            let by_contract = lost.saturating_sub(at_once.get(purse).copied().unwrap_or(0));
            let left = may_take.get(purse).copied().unwrap_or(0);
            let left = left.checked_sub(by_contract);
            let op = happened.op;
            may_take.insert(
                *purse,
                left.unwrap_or_else(|| panic!("{purse:?} lost {lost} by {op:?}")),
            );
        }
    }
}

fn add_all(sums: &mut BTreeMap<Purse, u64>, parts: impl IntoIterator<Item = (Purse, u64)>) {
    for (purse, amount) in parts {
        *sums.entry(purse).or_default() += amount;
    }
}

/// What an operation pays at once, by the word of those who sign it or have signed a quote.
fn pays(op: &Op, asked: u64) -> Vec<(Purse, u64)> {
    match op {
        Op::SplitAmounts { from, code, shares } => shares.iter().map(|(_, amount)| ((*from, *code), *amount)).collect(),
        Op::SplitParts { from, code, amount, .. } => vec![((*from, *code), *amount)],
        Op::Exchange(trade) if trade.held.is_none() => sides(trade),
        // In whichever currency.
        Op::PayRequest { by, more, .. } => vec![((*by, 0), asked + more), ((*by, 1), asked + more)],
        _ => vec![],
    }
}

/// What the contract that an operation opens may take at most, while it lasts.
fn agrees(op: &Op) -> Vec<(Purse, u64)> {
    match op {
        Op::Hold { legs, .. } => legs.iter().map(|leg| ((leg.0, leg.2), leg.3)).collect(),
        Op::Escrow { leg, .. } | Op::Allow { leg, .. } => vec![((leg.0, leg.2), leg.3)],
        Op::Mandate {
            leg,
            max_per_period,
            period,
            lasts,
            ..
        } => vec![((leg.0, leg.2), max_per_period * lasts.div_ceil(*period))],
        Op::Exchange(trade) => {
            let fees = trade.held.iter().flat_map(|held| &held.fees);
            let fees = fees.map(|(_, fee)| ((trade.taker, trade.sell), *fee));
            sides(trade).into_iter().chain(fees).collect()
        }
        _ => vec![],
    }
}

/// The taker what it says, or no more than the quote exchanges; the maker no more than its rate.
fn sides(trade: &Trade) -> Vec<(Purse, u64)> {
    let (sold, bought) = match trade.delivers {
        true => (QUOTE_MAX, trade.amount),
        false => (trade.amount, trade.amount * trade.mantissa / 100),
    };
    vec![
        ((trade.taker, trade.sell), sold + trade.fee),
        ((trade.maker, 1 - trade.sell), bought),
    ]
}

/// Ann has agreed that a hold takes ten of hers.
fn after_a_hold_takes(lost: [u64; 2]) {
    let (mut consents, id) = (Consents::default(), ContractId([1; 20]));
    let opened = Op::Hold {
        legs: vec![(0, 1, 0, 10)],
        seconds: 9,
        post_by: 1,
        void_by: 1,
    };
    let happened = |op, on| Happened {
        op,
        is_applied: true,
        opens: id,
        on,
        asked: 0,
        released: vec![],
    };
    consents.check(&happened(&opened, None), &BTreeMap::new());
    for lost in lost {
        consents.check(
            &happened(&Op::PostGroup(0, 1), Some(id)),
            &BTreeMap::from([((0, 0), lost)]),
        );
    }
}

#[test]
fn a_contract_may_take_what_was_agreed_in_parts() {
    after_a_hold_takes([6, 4]);
}

#[test]
#[should_panic(expected = "lost 5")]
fn a_contract_that_takes_more_in_all_is_noticed() {
    after_a_hold_takes([6, 5]);
}
