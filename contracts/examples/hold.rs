//! A hotel sets a deposit aside, takes a part of it, and the rest comes back.

// Amounts are in cents, and grouped as people write them.
#![allow(clippy::inconsistent_digit_grouping)]

mod town;

use causeway_contracts::{
    ledger::rejection::Rejection,
    money::Amount,
    settlement::{Ending, Hold, Leg, SettlementAction},
};
use town::{Town, code, list};

#[cfg_attr(test, test)]
fn main() {
    let mut town = Town::with(&[("guest", "EUR", 500_00), ("hotel", "EUR", 0)]);
    let (guest, hotel) = (town.id("guest"), town.id("hotel"));
    let deposit = |town: &Town| {
        SettlementAction::Hold(Hold {
            legs: list([Leg {
                debtor: guest,
                creditor: hotel,
                currency: code("EUR"),
                amount: Amount(200_00),
            }]),
            expires_at: town.in_seconds(3 * 86_400),
            post_by: list([hotel]),
            void_by: list([hotel]),
        })
    };

    // The guest signs. The money stays in the guest's account, and nobody can spend it.
    let terms = deposit(&town);
    let hold = town.act(&["guest"], terms).unwrap();
    assert_eq!(town.has("guest", "EUR"), (300_00, 200_00));

    // The minibar. The hotel takes its part, and what is left goes back at once.
    let post = |amount| SettlementAction::Post {
        hold,
        by: hotel,
        amount: Some(Amount(amount)),
        keep_rest: false,
    };
    assert_eq!(town.act(&["hotel"], post(200_01)), Err(Rejection::OverHold));
    town.act(&["hotel"], post(12_50)).unwrap();
    assert_eq!(town.has("guest", "EUR"), (487_50, 0));
    assert_eq!(town.has("hotel", "EUR"), (12_50, 0));
    assert_eq!(town.act(&["hotel"], post(1)), Err(Rejection::ContractEnded));

    // Another guest, another deposit, and a hotel that forgets it: time gives it back.
    let terms = deposit(&town);
    let hold = town.act(&["guest"], terms).unwrap();
    assert_eq!(town.wait(3 * 86_400), [(hold, Ending::Expired)]);
    assert_eq!(town.has("guest", "EUR"), (487_50, 0));
}
