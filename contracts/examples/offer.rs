//! Offers that stand in books, and a payment that goes through two of them.

// Amounts are in cents, and grouped as people write them.
#![allow(clippy::inconsistent_digit_grouping)]

mod town;

use causeway_contracts::{
    ledger::rejection::Rejection,
    money::Amount,
    settlement::{Ending, Offer, PathAmount, PathPayment, SettlementAction, Status},
};
use town::{Town, code, list};

#[cfg_attr(test, test)]
fn main() {
    let mut town = Town::with(&[
        ("ann", "EUR", 1_000_00),
        ("zoe", "THB", 0),
        ("dealer", "USD", 5_000_00),
        ("bureau", "THB", 90_000_00),
    ]);
    let offer = |town: &Town, maker, (sell, buy), rate: &str, amount| {
        SettlementAction::Offer(Offer {
            maker: town.id(maker),
            sell: code(sell),
            buy: code(buy),
            rate: rate.parse().unwrap(),
            amount: Amount(amount),
            min_fill: Amount(0),
            expires_at: town.in_seconds(3_600),
        })
    };

    // The dealer wants 0.92 EUR for a USD, the bureau 0.028 USD for a THB. What they sell is held.
    let terms = offer(&town, "dealer", ("USD", "EUR"), "0.92", 5_000_00);
    let usd = town.act(&["dealer"], terms).unwrap();
    let terms = offer(&town, "bureau", ("THB", "USD"), "0.028", 90_000_00);
    town.act(&["bureau"], terms).unwrap();
    assert_eq!(town.has("dealer", "USD"), (0, 5_000_00));

    // Ann pays 92.00 EUR: 100.00 USD, which buy 3,571.42 THB. She says what must arrive at least.
    let pay = |deliver_min| {
        SettlementAction::PayPath(PathPayment {
            from: town.id("ann"),
            to: town.id("zoe"),
            path: list([code("EUR"), code("USD"), code("THB")]),
            amount: PathAmount::SendExact {
                send: Amount(92_00),
                deliver_min: Amount(deliver_min),
            },
        })
    };
    let (too_much, right) = (pay(3_571_43), pay(3_571_42));
    assert_eq!(town.act(&["ann"], too_much), Err(Rejection::WorseThanBound));
    town.act(&["ann"], right).unwrap();
    assert_eq!(town.has("ann", "EUR"), (908_00, 0));
    assert_eq!(town.has("zoe", "THB"), (3_571_42, 0));
    assert_eq!(town.has("dealer", "EUR"), (92_00, 0));
    // The dealer's dollars went to the bureau, the last cent's fraction with them.
    assert_eq!(town.has("bureau", "USD"), (100_00, 0));
    assert_eq!(town.has("ann", "USD"), (0, 0));

    // One that crosses another takes it, at the rate of the one that was there.
    let terms = offer(&town, "ann", ("EUR", "USD"), "1.05", 460_00);
    let euros = town.act(&["ann"], terms).unwrap();
    assert_eq!(town.has("ann", "USD"), (500_00, 0));
    let status = town.ledger.contract(&euros).unwrap().status;
    assert!(matches!(
        status,
        Status::Ended {
            how: Ending::Filled,
            ..
        }
    ));

    // What nobody takes comes back when its time is over.
    assert!(town.wait(3_600).contains(&(usd, Ending::Expired)));
    assert_eq!(town.has("dealer", "USD"), (4_400_00, 0));
}
