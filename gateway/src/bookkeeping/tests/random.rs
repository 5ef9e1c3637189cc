//! Random blocks: what the entries add up to is what the ledger has.

mod action;
mod op;

use std::collections::{BTreeMap, BTreeSet};

use causeway_contracts::{
    identity::AccountId,
    money::{Amount, Currency},
    settlement::{ContractId, Terms},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use self::op::{Block, any_op, blocks, exact};
use super::town::{BANK, CODES, Town, code};
use crate::bookkeeping::{Bookkeeper, Direction, HoldChange, HoldNews, Kind, Touched};

struct Run {
    town: Town,
    opened: Vec<ContractId>,
    /// What each watched account has by its entries.
    sums: BTreeMap<(AccountId, Currency), i128>,
    /// What is held to watched accounts, by what is told of holds.
    held: BTreeMap<ContractId, Amount>,
    quotes: u8,
    kinds: BTreeSet<Kind>,
    /// Balances that were touched and had changed by more than the entries say.
    others: usize,
    touched: usize,
}

impl Run {
    fn new(watched: &[usize], weight_max: u64) -> Self {
        let mut town = Town::watching(&[]);
        town.bookkeeper = town.bookkeeper.clone().with_weight_max(weight_max);
        let mut run = Self {
            town,
            opened: Vec::new(),
            sums: BTreeMap::new(),
            held: BTreeMap::new(),
            quotes: 0,
            kinds: BTreeSet::new(),
            others: 0,
            touched: 0,
        };
        watched.iter().for_each(|who| run.watch(*who));
        run
    }

    /// As of the last block, with the contracts that the account has then.
    fn watch(&mut self, who: usize) {
        let account = self.town.id(who);
        self.town.bookkeeper.watch(account);
        for at in 0..CODES.len() {
            let has = self.town.has(&account, code(at));
            self.sums.insert((account, code(at)), has);
        }
        let ledger = &self.town.ledger;
        for id in ledger.contracts_of(account, None) {
            let contract = ledger.contract(&id).expect("it is listed");
            if contract.is_open() {
                self.town.bookkeeper.remember(id, &contract.terms);
            }
        }
    }

    fn block(&mut self, block: Block) {
        let mut signed = Vec::new();
        for ops in block.transactions {
            let actions: Vec<_> = ops.into_iter().filter_map(|op| self.action(op)).collect();
            if actions.is_empty() {
                continue;
            }
            let transaction = self.town.sign(actions);
            let id = transaction.id();
            let count = transaction.transaction.actions.len();
            self.opened.extend((0..count).map(|at| ContractId::derive(&id, at)));
            signed.push(transaction);
        }
        let booked = self.town.block(block.seconds, signed).booked;
        let mut names = BTreeSet::new();
        for entry in booked.entries {
            assert!(
                names.insert((entry.account, entry.height, entry.index, entry.part)),
                "{entry:?}"
            );
            let change = match entry.direction {
                Direction::Credit => i128::from(entry.amount.0),
                Direction::Debit => -i128::from(entry.amount.0),
            };
            let sum = self.sums.get_mut(&(entry.account, entry.currency));
            *sum.expect("only of watched accounts") += change;
            self.kinds.insert(entry.kind);
        }
        booked.holds.into_iter().for_each(|news| self.hear(news));
        self.touched += booked.touched.len();
        self.compare(&booked.touched);
        let kept = serde_json::to_string(&self.town.bookkeeper).unwrap();
        self.check_memory(&kept);
        let restored: Bookkeeper = serde_json::from_str(&kept).unwrap();
        assert_eq!(restored, self.town.bookkeeper);
        self.town.bookkeeper = restored;
    }

    fn hear(&mut self, news: HoldNews) {
        if let HoldChange::Opened { leg, .. } = &news.change {
            self.held.insert(news.hold, leg.amount);
        }
        let Some(held) = self.held.get_mut(&news.hold) else {
            return;
        };
        match news.change {
            HoldChange::Opened { .. } => {}
            HoldChange::Posted {
                amount,
                keep_rest: true,
            } if amount.is_some_and(|amount| amount < *held) => {
                held.0 -= amount.map_or(0, |amount| amount.0);
            }
            HoldChange::Posted { .. } | HoldChange::Voided | HoldChange::Expired => {
                self.held.remove(&news.hold);
            }
        }
    }

    /// What is told of holds is what the ledger has of them.
    fn compare_holds(&self) {
        let is_watched = |account: &AccountId| self.town.bookkeeper.watches(account);
        let mut open = BTreeMap::new();
        for id in &self.opened {
            let contract = self.town.ledger.contract(id).filter(|contract| contract.is_open());
            if let Some(Terms::Hold(hold)) = contract.map(|contract| &contract.terms)
                && let [leg] = &hold.legs[..]
                && is_watched(&leg.creditor)
            {
                open.insert(*id, leg.amount);
            }
        }
        assert_eq!(self.held, open);
    }

    /// Nothing is remembered of contracts that have ended.
    fn check_memory(&self, kept: &str) {
        let kept: serde_json::Value = serde_json::from_str(kept).unwrap();
        let memory = &kept["memory"];
        let contracts = memory["contracts"].as_object().unwrap();
        for id in contracts.keys() {
            let contract = self.town.ledger.contract(&id.parse().unwrap());
            assert!(contract.is_some_and(|it| it.is_open()), "{id} is not open");
        }
        if contracts.is_empty() && memory["standing"] == serde_json::json!({}) {
            assert_eq!(memory["weight"], 0);
        }
    }

    /// What is touched is taken from the ledger, as a gateway would; all else must be what the ledger has.
    fn compare(&mut self, touched: &BTreeSet<Touched>) {
        for ((account, currency), sum) in &mut self.sums {
            let has = self.town.has(account, *currency);
            let is_touched = [None, Some(*currency)].into_iter().any(|currency| {
                touched.contains(&Touched {
                    account: *account,
                    currency,
                })
            });
            if *sum != has {
                assert!(is_touched, "{account} has {has} {currency}, and its entries make {sum}");
                self.others += 1;
                *sum = has;
            }
        }
    }
}

fn watched() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence((0..=BANK).collect::<Vec<_>>(), 0..=BANK + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn invariant_entries_add_up_to_the_ledgers_balances(blocks in blocks(exact()), watched in watched()) {
        let mut run = Run::new(&watched, 10_000);
        for block in blocks {
            run.block(block);
            run.compare_holds();
        }
        prop_assert_eq!((run.touched, run.others), (0, 0), "nobody has to ask the ledger");
    }

    /// With little room, books and cycles, and accounts that are watched when they have contracts already.
    #[test]
    fn invariant_what_entries_do_not_say_is_touched(
        blocks in prop_oneof![blocks(any_op()), blocks(exact())],
        watched in watched(),
        later in prop::collection::vec((0..16usize, 0..=BANK), 0..4),
        weight_max in prop_oneof![0..12u64, Just(10_000)],
    ) {
        let mut run = Run::new(&watched, weight_max);
        for (at, block) in blocks.into_iter().enumerate() {
            for (_, who) in later.iter().filter(|(height, _)| *height == at) {
                if !run.town.bookkeeper.watches(&run.town.id(*who)) {
                    run.watch(*who);
                }
            }
            run.block(block);
        }
    }
}

/// That the properties above have something to be true of.
#[test]
fn every_kind_of_entry_occurs() {
    let mut runner = TestRunner::deterministic();
    let strategy = blocks(any_op());
    let (mut kinds, mut touched, mut others) = (BTreeSet::new(), 0, 0);
    for _ in 0..200 {
        let mut run = Run::new(&[0, 1, 2, 3, 4, 5, BANK], 10_000);
        for block in strategy.new_tree(&mut runner).unwrap().current() {
            run.block(block);
        }
        kinds.append(&mut run.kinds);
        touched += run.touched;
        others += run.others;
    }
    use Kind::*;
    let all = [
        Transfer, Issue, Redeem, Exchange, Fee, HoldPosted, Split, Escrow, Request, Collection, Spend, Offer, Path,
    ];
    assert_eq!(kinds, BTreeSet::from(all));
    assert!(touched > others && others > 100, "{touched} touched, {others} changed");
}
