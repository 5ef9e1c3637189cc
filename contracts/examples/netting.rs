//! Three operators owe each other all day, and pay one amount each in the end; and a gridlock that no money could
//! have moved one by one.

// Amounts are in cents, and grouped as people write them.
#![allow(clippy::inconsistent_digit_grouping)]

mod town;

use causeway_contracts::{
    money::Amount,
    settlement::{
        ContractId, Ending, SettlementAction, Terms,
        netting::{Cycle, Obligation},
    },
};
use town::{Town, code, list};

const OPERATORS: [&str; 3] = ["north", "east", "south"];

#[cfg_attr(test, test)]
fn main() {
    let mut town = Town::with(&OPERATORS.map(|name| (name, "EUR", 1_000_00)));
    let mut participants = OPERATORS.map(|name| town.id(name));
    participants.sort();
    let cycle = Cycle {
        opener: town.id("north"),
        participants: list(participants),
        currencies: list([code("EUR")]),
        closes_at: town.in_seconds(86_400),
    };
    let cycle = town.act(&["north"], SettlementAction::OpenCycle(cycle)).unwrap();

    // What is set aside bounds what one may owe, so that the close cannot fail.
    for name in OPERATORS {
        let prefund = SettlementAction::Prefund {
            cycle,
            participant: town.id(name),
            currency: code("EUR"),
            amount: Amount(100_00),
        };
        town.act(&[name], prefund).unwrap();
    }
    owe(&mut town, cycle, "north", "east", 80_00);
    owe(&mut town, cycle, "east", "south", 170_00);
    assert_eq!(waiting(&town, cycle), 0);

    // Each of these is more than its debtor has room for. Together they cancel out.
    owe(&mut town, cycle, "north", "east", 500_00);
    owe(&mut town, cycle, "east", "south", 500_00);
    owe(&mut town, cycle, "south", "north", 500_00);
    assert_eq!(waiting(&town, cycle), 3);
    assert_eq!(town.wait(1), [(cycle, Ending::Netted)]);
    assert_eq!(waiting(&town, cycle), 0);

    // 1,750.00 were owed; 170.00 move.
    assert_eq!(town.wait(86_400), [(cycle, Ending::Closed)]);
    let has = OPERATORS.map(|name| town.has(name, "EUR"));
    assert_eq!(has, [(920_00, 0), (910_00, 0), (1_170_00, 0)]);
    let Terms::Cycle(closed) = &town.ledger.contract(&cycle).unwrap().terms else {
        panic!("a cycle");
    };
    assert_eq!(
        (closed.totals[0].gross, closed.totals[0].paid),
        (Amount(1_750_00), Amount(170_00))
    );
}

fn owe(town: &mut Town, cycle: ContractId, debtor: &str, creditor: &str, amount: u64) {
    let obligation = Obligation {
        cycle,
        debtor: town.id(debtor),
        creditor: town.id(creditor),
        currency: code("EUR"),
        amount: Amount(amount),
    };
    town.act(&[debtor], SettlementAction::Oblige(obligation)).unwrap();
}

fn waiting(town: &Town, cycle: ContractId) -> u32 {
    match &town.ledger.contract(&cycle).unwrap().terms {
        Terms::Cycle(state) => state.queued,
        other => panic!("{other:?}"),
    }
}
