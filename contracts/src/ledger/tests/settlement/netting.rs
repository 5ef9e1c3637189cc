//! Netting cycles.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    ledger::{StateKey, StateValue},
    settlement::{
        Terms,
        netting::{Cycle, CycleState, Obligation, Total},
    },
};

const CODES: [&str; 5] = ["EUR", "USD", "THB", "JPY", "KWD"];

fn network(operators: usize, each: u64) -> Network {
    let mut participants = vec![participant("ECB", false), participant("BANK", true)];
    participants.push(participant("OTHER", false));
    let currencies = CODES.map(|name| currency(name, "ECB", 1_000_000_000));
    let accounts: Vec<_> = (0..operators)
        .map(|at| opening("BANK", policy(&name(at)), 0, &CODES.map(|code| (code, each))))
        .collect();
    Network::new(genesis(participants, currencies.to_vec(), vec![], accounts))
}

fn name(at: usize) -> String {
    format!("op{at}")
}

fn settle(action: SettlementAction) -> Action {
    Action::Settle(action)
}

impl Network {
    fn operator(&self, at: usize) -> AccountId {
        self.account("BANK", &name(at))
    }

    fn open_cycle(&mut self, operators: usize, codes: &[&str], seconds: u64) -> ContractId {
        let mut participants: Vec<_> = (0..operators).map(|at| self.operator(at)).collect();
        participants.sort();
        let mut currencies: Vec<_> = codes.iter().map(|name| code(name)).collect();
        currencies.sort();
        let cycle = Cycle {
            opener: self.operator(0),
            participants: list(participants),
            currencies: list(currencies),
            closes_at: self.after(seconds),
        };
        self.open_contract(settle(SettlementAction::OpenCycle(cycle)), &[&name(0)])
    }

    fn prefund(&self, cycle: ContractId, at: usize, name: &str, amount: u64) -> Action {
        settle(SettlementAction::Prefund {
            cycle,
            participant: self.operator(at),
            currency: code(name),
            amount: Amount(amount),
        })
    }

    fn owes(&self, cycle: ContractId, debtor: usize, creditor: usize, name: &str, amount: u64) -> Action {
        settle(SettlementAction::Oblige(Obligation {
            cycle,
            debtor: self.operator(debtor),
            creditor: self.operator(creditor),
            currency: code(name),
            amount: Amount(amount),
        }))
    }

    fn close(&self, cycle: ContractId, at: usize) -> Action {
        settle(SettlementAction::CloseCycle {
            cycle,
            by: self.operator(at),
        })
    }

    fn cycle(&self, id: &ContractId) -> CycleState {
        match &self.ledger.contract(id).unwrap().terms {
            Terms::Cycle(state) => state.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn total(&self, id: &ContractId, name: &str) -> Total {
        let state = self.cycle(id);
        let at = state.cycle.currencies.iter().position(|one| *one == code(name));
        state.totals[at.unwrap()]
    }
}

#[test]
fn a_circle_of_debts_settles_without_the_money_for_any_of_them() {
    let mut net = network(4, 100);
    // The fourth never takes part.
    let cycle = net.open_cycle(4, &["EUR"], 100);
    for at in 0..3 {
        net.must(vec![net.prefund(cycle, at, "EUR", 1)], &[&name(at)]);
    }
    // Nobody has more than one cent of room for fifty: they wait, and then go together.
    net.must(vec![net.owes(cycle, 0, 1, "EUR", 50)], &["op0"]);
    net.must(vec![net.owes(cycle, 1, 2, "EUR", 50)], &["op1"]);
    assert_eq!(net.cycle(&cycle).queued, 2);
    net.must(vec![net.owes(cycle, 2, 0, "EUR", 51)], &["op2"]);
    assert_eq!(net.pass(1), [(cycle, Ending::Netted)]);
    assert_eq!(net.cycle(&cycle).queued, 0);
    // Nothing has changed since: it is not looked at again.
    assert_eq!(net.pass(1), []);
    net.must(vec![net.close(cycle, 0)], &["op0"]);
    assert_eq!(
        [0, 1, 2].map(|at| net.available(net.operator(at), "EUR")),
        [101, 100, 99]
    );
    let total = net.total(&cycle, "EUR");
    assert_eq!((total.gross, total.paid), (Amount(151), Amount(1)));
    net.refused(net.close(cycle, 0), &["op0"], Rejection::ContractEnded);
    let left = net
        .ledger
        .entries()
        .filter(|(key, _)| matches!(key, StateKey::Obligation(..)));
    assert_eq!(left.count(), 0);
    // Where everybody stood is known for as long as the cycle is.
    let positions = |net: &Network| {
        let positions = net.ledger.entries().filter_map(|(key, value)| match (key, value) {
            (StateKey::Position(_, who, _), StateValue::Position(it)) => Some((who, (it.prefunded.0, it.net.0))),
            _ => None,
        });
        positions.collect::<BTreeMap<_, _>>()
    };
    let stood = [(0, 1), (1, 0), (2, -1)].map(|(at, net_of)| (net.operator(at), (1, net_of)));
    assert_eq!(positions(&net), BTreeMap::from(stood));
    net.ledger = again(&net);
    assert_eq!(
        net.ledger.contracts_of(net.operator(1), None).collect::<Vec<_>>(),
        [cycle]
    );
    net.pass(ENDED_SECONDS);
    assert_eq!(positions(&net), BTreeMap::new());
    assert_eq!(net.ledger.contracts_of(net.operator(1), None).count(), 0);
    net.ledger = again(&net);
}

#[test]
fn contracts_are_listed_under_everybody_whom_they_concern() {
    let mut net = network(4, 100);
    let mut cycles: Vec<_> = (0..3).map(|_| net.open_cycle(3, &["EUR"], 100)).collect();
    cycles.sort_unstable();
    let of = |net: &Network, at, after| net.ledger.contracts_of(net.operator(at), after).collect::<Vec<_>>();
    for at in 0..3 {
        assert_eq!(of(&net, at, None), cycles);
        assert_eq!(of(&net, at, Some(cycles[0])), cycles[1..]);
        assert_eq!(of(&net, at, Some(cycles[2])), []);
    }
    assert_eq!(of(&net, 3, None), []);
}

#[test]
fn a_freeze_refuses_new_obligations_and_stops_no_close() {
    let mut net = network(3, 100);
    let cycle = net.open_cycle(3, &["EUR", "USD"], 100);
    for at in 0..3 {
        net.must(vec![net.prefund(cycle, at, "EUR", 60)], &[&name(at)]);
    }
    net.must(vec![net.owes(cycle, 0, 1, "EUR", 40)], &["op0"]);
    // What waits in the end lapses.
    net.must(vec![net.owes(cycle, 2, 1, "USD", 5)], &["op2"]);
    net.must(vec![freeze("BANK", net.operator(0), FreezeScope::Account)], &["BANK"]);
    net.must(
        vec![freeze("ECB", net.operator(1), FreezeScope::Currency(code("EUR")))],
        &["ECB"],
    );
    let refused = [
        (net.owes(cycle, 0, 1, "EUR", 1), "op0", Rejection::AccountNotActive),
        (net.owes(cycle, 2, 0, "EUR", 1), "op2", Rejection::AccountNotActive),
        (net.owes(cycle, 1, 2, "EUR", 1), "op1", Rejection::CurrencyFrozen),
    ];
    for (action, signer, reason) in refused {
        net.refused(action, &[signer], reason);
    }
    // Time closes it.
    let ended = net.pass(100);
    assert_eq!(ended, [(cycle, Ending::Closed)]);
    assert_eq!(
        [0, 1, 2].map(|at| net.available(net.operator(at), "EUR")),
        [60, 140, 100]
    );
    assert_eq!([0, 1, 2].map(|at| net.available(net.operator(at), "USD")), [100; 3]);
    net.refused(net.prefund(cycle, 2, "EUR", 1), &["op2"], Rejection::ContractEnded);
}

#[test]
fn cycles_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network(4, 100);
    let cycle = net.open_cycle(3, &["EUR"], 1_000);
    let nothing = ContractId([9; 20]);
    net.refused(net.prefund(nothing, 3, "XXX", 0), &["op3"], UnknownContract);
    net.refused(net.prefund(cycle, 3, "EUR", 0), &["op3"], NotInCycle);
    net.refused(net.prefund(cycle, 2, "USD", 0), &["op2"], NotInCycle);
    net.refused(net.prefund(cycle, 2, "EUR", 0), &["op2"], AmountZero);
    net.refused(net.prefund(cycle, 2, "EUR", 101), &["op2"], InsufficientFunds);
    net.refused(net.owes(cycle, 3, 3, "XXX", 0), &["op3"], UnknownCurrency);
    net.refused(net.owes(cycle, 3, 3, "EUR", 0), &["op3"], AmountZero);
    net.refused(net.owes(cycle, 3, 3, "EUR", 1), &["op3"], SamePayerAndPayee);
    net.refused(net.owes(cycle, 0, 3, "EUR", 1), &["op0"], NotInCycle);
    net.refused(net.owes(cycle, 0, 1, "USD", 1), &["op0"], NotInCycle);
    net.must(vec![net.prefund(cycle, 0, "EUR", 1)], &["op0"]);
    net.refused(net.owes(cycle, 0, 1, "EUR", 1), &["op0"], NothingPrefunded);
    net.refused(net.close(cycle, 1), &["op1"], NotPermitted);
    let close = |net: &Network| close("BANK", net.operator(0));
    net.refused(close(&net), &["BANK"], AccountNotEmpty);
}

/// Knuth's generator.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Twenty operators, five currencies, 10,000 obligations: all nets at once, and more than a plain queue settles.
#[test]
fn ten_thousand_obligations_close_at_once() {
    let operators = 20;
    let mut net = network(operators, 2_000);
    let cycle = net.open_cycle(operators, &CODES, 100_000);
    let mut room: BTreeMap<(usize, usize), i128> = BTreeMap::new();
    for at in 0..operators {
        let actions = CODES.map(|name| net.prefund(cycle, at, name, 1_500)).to_vec();
        net.must(actions, &[&name(at)]);
        room.extend((0..CODES.len()).map(|code| ((at, code), 1_500)));
    }
    let mut numbers = Numbers(7);
    let mut made: Vec<(usize, usize, usize, u64)> = Vec::new();
    for _ in 0..10_000 {
        let debtor = numbers.below(operators as u64) as usize;
        let creditor = (debtor + 1 + numbers.below(operators as u64 - 1) as usize) % operators;
        made.push((
            debtor,
            creditor,
            numbers.below(CODES.len() as u64) as usize,
            1 + numbers.below(500),
        ));
    }
    // What a plain queue would do: each when it comes, or never.
    let mut plain = 0;
    for (debtor, creditor, code, amount) in &made {
        if room[&(*debtor, *code)] >= i128::from(*amount) {
            *room.get_mut(&(*debtor, *code)).unwrap() -= i128::from(*amount);
            *room.get_mut(&(*creditor, *code)).unwrap() += i128::from(*amount);
            plain += 1;
        }
    }
    for part in made.chunks(500) {
        let transactions = part.iter().map(|(debtor, creditor, code, amount)| {
            let action = net.owes(cycle, *debtor, *creditor, CODES[*code], *amount);
            (action, name(*debtor))
        });
        let transactions: Vec<_> = transactions.collect();
        let signed = transactions
            .into_iter()
            .map(|(action, signer)| net.tx(vec![action], &[&signer]))
            .collect();
        assert!(net.run(signed).iter().all(|fate| *fate == Ok(Outcome::Applied)));
    }
    net.pass(1);
    let state = net.cycle(&cycle);
    assert_eq!(state.recorded, 10_000);
    let settled = 10_000 - state.queued as usize;
    assert!(settled > plain, "{settled} are settled, and plainly {plain}");
    assert_eq!(net.act(vec![net.close(cycle, 0)], &["op0"]), Ok(Outcome::Applied));
    let state = net.cycle(&cycle);
    let (gross, paid) = state.totals.iter().fold((0, 0), |(gross, paid), total| {
        (gross + total.gross.0, paid + total.paid.0)
    });
    println!("settled {settled} of 10,000, in order alone {plain}; {paid} moved for {gross}");
    assert!(paid * 10 < gross, "{paid} moved for {gross}");
    for code in CODES {
        let sum: i128 = (0..operators).map(|at| net.available(net.operator(at), code)).sum();
        assert_eq!(sum, 20 * 2_000, "{code}");
        assert!((0..operators).all(|at| net.held(net.operator(at), code) == 0));
    }
    net.ledger = again(&net);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is owed: in the end each has what it began with, and the net of all that was settled, of which
    /// nobody paid more than it had prefunded.
    #[test]
    fn invariant_a_close_pays_the_nets_of_what_was_settled(
        obligations in prop::collection::vec((0..4usize, 1..4usize, 0..2usize, 1..80u64, any::<bool>()), 0..40),
        funds in prop::collection::vec(1..60u64, 8),
        closes in any::<bool>(),
    ) {
        let mut net = network(4, 100);
        let cycle = net.open_cycle(4, &["EUR", "USD"], 500);
        for at in 0..4 {
            let actions = (0..2).map(|code| net.prefund(cycle, at, CODES[code], funds[at * 2 + code])).collect();
            net.must(actions, &[&name(at)]);
        }
        for (debtor, step, code, amount, waits) in obligations {
            let creditor = (debtor + step) % 4;
            net.must(vec![net.owes(cycle, debtor, creditor, CODES[code], amount)], &[&name(debtor)]);
            if waits {
                net.pass(1);
            }
        }
        net.pass(1);
        let positions: BTreeMap<_, _> = net.ledger.entries().filter_map(|(key, value)| match (key, value) {
            (StateKey::Position(_, who, code), crate::ledger::StateValue::Position(it)) => Some(((who, code), it)),
            _ => None,
        }).collect();
        prop_assert!(positions.values().all(|position| position.headroom() >= 0));
        for name in ["EUR", "USD"] {
            let nets: i128 = positions.iter().filter(|(key, _)| key.1 == code(name)).map(|(_, it)| it.net.0).sum();
            prop_assert_eq!(nets, 0);
        }
        net.ledger = again(&net);
        if closes {
            net.must(vec![net.close(cycle, 0)], &["op0"]);
        } else {
            let ended = net.pass(1_000);
            prop_assert_eq!(ended, [(cycle, Ending::Closed)]);
        }
        for at in 0..4 {
            for name in ["EUR", "USD"] {
                let net_of = positions[&(net.operator(at), code(name))].net.0;
                prop_assert_eq!(net.available(net.operator(at), name), 100 + net_of);
                prop_assert_eq!(net.held(net.operator(at), name), 0);
            }
        }
    }
}

/// Two that owe each other all the money that can be written down, of which there is none.
#[test]
fn the_largest_obligations_settle_whole_or_not_at_all() {
    let mut net = network(2, 100);
    let cycle = net.open_cycle(2, &["EUR"], 100);
    for at in 0..2 {
        net.must(vec![net.prefund(cycle, at, "EUR", 1)], &[&name(at)]);
    }
    for (debtor, creditor) in [(0, 1), (1, 0), (0, 1), (1, 0), (0, 1)] {
        net.must(
            vec![net.owes(cycle, debtor, creditor, "EUR", u64::MAX)],
            &[&name(debtor)],
        );
    }
    net.pass(1);
    net.ledger = again(&net);
    assert_eq!(net.pass(100), [(cycle, Ending::Closed)]);
    assert_eq!([0, 1].map(|at| net.available(net.operator(at), "EUR")), [100, 100]);
    assert_eq!(net.total(&cycle, "EUR").gross, Amount(u64::MAX));
}

#[test]
fn who_is_frozen_settles_nothing_that_waits() {
    let mut net = network(3, 100);
    let cycle = net.open_cycle(3, &["EUR"], 1_000);
    for at in 0..3 {
        net.must(vec![net.prefund(cycle, at, "EUR", 1)], &[&name(at)]);
    }
    net.must(vec![net.owes(cycle, 0, 1, "EUR", 50)], &["op0"]);
    net.must(vec![freeze("BANK", net.operator(0), FreezeScope::Account)], &["BANK"]);
    net.must(vec![net.owes(cycle, 1, 2, "EUR", 50)], &["op1"]);
    // It would settle a circle if it could.
    assert_eq!(net.pass(1), []);
    assert_eq!(net.cycle(&cycle).queued, 2);
}

/// One debtor alone leaves the others room in the queue.
#[test]
fn a_debtor_fills_no_more_than_its_part_of_the_queue() {
    let mut net = network(2, 100);
    let cycle = net.open_cycle(2, &["EUR"], 100_000);
    for at in 0..2 {
        net.must(vec![net.prefund(cycle, at, "EUR", 1)], &[&name(at)]);
    }
    let most = crate::settlement::netting::QUEUE_MAX / 2;
    for first in (0..most).step_by(50) {
        let count = 50.min(most - first);
        net.must(vec![net.owes(cycle, 0, 1, "EUR", 50); count], &["op0"]);
    }
    net.refused(net.owes(cycle, 0, 1, "EUR", 50), &["op0"], Rejection::QueueFull);
    net.must(vec![net.owes(cycle, 1, 0, "EUR", 60)], &["op1"]);
}
