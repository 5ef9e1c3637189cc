//! Random sequences of what parties may do with contracts, against a simpler model that predicts whether
//! each takes effect and what everybody then has.

mod action;
mod consent;
mod deals;
mod op;

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use self::{
    consent::{Consents, Happened},
    deals::Model,
    op::Op,
};
use super::*;
use crate::ledger::{StateKey, StateValue};

const NAMES: [&str; 4] = ["ann", "bob", "eve", "zoe"];
const CODES: [&str; 2] = ["EUR", "USD"];
const FUNDS: u64 = 1_000;

/// The ledger and the model side by side, and a second ledger that checks every block.
struct Run {
    net: Network,
    twin: Ledger,
    model: Model,
    consents: Consents,
}

impl Run {
    fn new() -> Self {
        let participants = vec![
            participant("ECB", false),
            participant("FED", false),
            participant("BANK", true),
        ];
        let currencies = vec![currency("EUR", "ECB", 1_000_000), currency("USD", "FED", 1_000_000)];
        let accounts = NAMES.map(|name| opening("BANK", policy(name), 0, &CODES.map(|code| (code, FUNDS))));
        let net = Network::new(genesis(participants, currencies, vec![], accounts.to_vec()));
        let twin = Ledger::from_genesis(&net.genesis, 77);
        Self {
            net,
            twin,
            model: Model::new(),
            consents: Consents::default(),
        }
    }

    fn account(&self, who: usize) -> AccountId {
        self.net.account("BANK", NAMES[who])
    }

    fn id_of(&self, which: usize) -> ContractId {
        self.model.id_of(which)
    }

    /// What everybody has by the ledger: available, and held.
    fn balances(&self) -> BTreeMap<(usize, usize), (i128, u64)> {
        let all = (0..NAMES.len()).flat_map(|who| (0..CODES.len()).map(move |code| (who, code)));
        all.map(|(who, code)| {
            let (account, name) = (self.account(who), CODES[code]);
            (
                (who, code),
                (self.net.available(account, name), self.net.held(account, name)),
            )
        })
        .collect()
    }

    /// Whether it took effect.
    fn step(&mut self, op: &Op) -> bool {
        let op = &self.model.aim(op);
        let (batches, opens, seconds) = match (op, self.action(op)) {
            (Op::Pass(seconds), _) => (vec![], ContractId([0; 20]), *seconds),
            (_, Some((action, signers))) => {
                let signers: Vec<_> = signers.into_iter().collect();
                let tx = self.net.tx(vec![action], &signers);
                let id = ContractId::derive(&tx.id(), 0);
                (vec![self.net.batch("v1", vec![tx])], id, 1)
            }
            _ => unreachable!("every other operation is an action"),
        };
        let before = self.balances();
        let (block, execution) = self.net.block_at(TimeMs(self.net.time().0 + seconds * 1000), &batches);
        let checked = self.twin.check(&block, &batches).expect("the same on every machine");
        assert_eq!(checked.changes, execution.changes);
        self.twin.commit(checked);
        let frozen = self.model.frozen.clone();
        let happened = Happened {
            op,
            is_applied: !batches.is_empty() && fates(&execution, 1)[0].expect("rightly signed") == Outcome::Applied,
            opens,
            on: op.takes_by().map(|which| self.id_of(which)),
            asked: op.pays_request().map_or(0, |which| self.model.asked(which)),
            released: released(&execution),
        };
        self.model.begin(self.net.time().0 / 1000);
        assert_eq!(happened.is_applied, self.model.apply(op, opens), "{op:?}");
        for (purse, has) in self.balances() {
            let expected = (i128::from(self.model.available[&purse]), self.model.held[&purse]);
            assert_eq!(has, expected, "{purse:?} after {op:?}");
        }
        assert_eq!(self.contracts(true), self.model.open_deals(), "{op:?}");
        self.check_losses(&happened, &before, &frozen);
        happened.is_applied
    }

    /// Nothing comes from nowhere, and nobody loses what it has not agreed to, nor anything while it is frozen.
    fn check_losses(
        &mut self,
        happened: &Happened<'_>,
        before: &BTreeMap<(usize, usize), (i128, u64)>,
        frozen: &BTreeSet<usize>,
    ) {
        let total = |(available, held): (i128, u64)| available + i128::from(held);
        let after = self.balances();
        for code in 0..CODES.len() {
            let sum: i128 = (0..NAMES.len()).map(|who| total(after[&(who, code)])).sum();
            assert_eq!(sum, i128::from(FUNDS) * 4, "{}", CODES[code]);
        }
        let lost = before
            .iter()
            .map(|(purse, had)| (*purse, total(*had) - total(after[purse])));
        let lost: BTreeMap<_, _> = lost
            .filter_map(|(purse, lost)| Some((purse, u64::try_from(lost).ok()?)))
            .filter(|(_, lost)| *lost > 0)
            .collect();
        assert!(
            lost.keys().all(|(who, _)| !frozen.contains(who)),
            "{lost:?} of {frozen:?}"
        );
        self.consents.check(happened, &lost);
    }

    /// Those that the ledger knows, or those of them that are open.
    fn contracts(&self, must_be_open: bool) -> BTreeSet<ContractId> {
        let known = self.net.ledger.entries().filter_map(|(key, value)| match (key, value) {
            (StateKey::Contract(id), StateValue::Contract(contract)) => Some((id, contract.is_open())),
            _ => None,
        });
        known
            .filter(|(_, is_open)| *is_open || !must_be_open)
            .map(|(id, _)| id)
            .collect()
    }
}

fn released(execution: &crate::ledger::Execution) -> Vec<ContractId> {
    let ended = execution.receipts.iter().filter_map(|receipt| match receipt.subject {
        Subject::System {
            contract,
            how: Ending::Released,
        } => Some(contract),
        _ => None,
    });
    ended.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// After every step each has what the model says, no money has come or gone, and nobody has lost more than it
    /// agreed to; and time alone ends everything.
    #[test]
    fn invariant_contracts_do_what_a_simple_model_says_and_end_by_time(ops in op::ops(1..60)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        prop_assert_eq!(again(&run.net).snapshot(), run.twin.snapshot());
        // A day after the end nothing is left of any.
        run.step(&Op::Pass(200));
        prop_assert!(run.model.held.values().all(|held| *held == 0));
        prop_assert_eq!(run.contracts(true), BTreeSet::new());
        run.step(&Op::Pass(ENDED_SECONDS + 1));
        run.step(&Op::Pass(1));
        prop_assert_eq!(run.contracts(false), BTreeSet::new());
    }
}

/// A model of what never happens would always be right.
#[test]
fn every_operation_is_done_and_refused_several_times() {
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
    for _ in 0..60 {
        let ops = op::ops(60).new_tree(&mut runner).unwrap().current();
        let mut run = Run::new();
        for op in &ops {
            let is_done = run.step(op);
            if let Some(kind) = op.kind() {
                counts.entry(kind).or_default()[usize::from(is_done)] += 1;
            }
        }
    }
    assert_eq!(counts.len(), op::KINDS, "{counts:?}");
    assert!(counts.values().flatten().all(|count| *count >= 5), "{counts:?}");
}
