//! A buyer's money waits until two of three agree where it goes; and a swap with another ledger, whose two sides
//! are tied by one secret.

// Amounts are in cents, and grouped as people write them.
#![allow(clippy::inconsistent_digit_grouping)]

mod town;

use causeway_contracts::{
    ledger::rejection::Rejection,
    money::Amount,
    settlement::{
        Claim, Ending, Escrow, SettlementAction, Side,
        condition::{Condition, Preimage},
    },
};
use town::{Town, code, key, list};

#[cfg_attr(test, test)]
fn main() {
    two_of_three();
    swap();
}

fn two_of_three() {
    let mut town = Town::with(&[("buyer", "EUR", 900_00), ("seller", "EUR", 0)]);
    let mut keys = ["buyer", "seller", "arbiter"].map(|name| key(name).public_key());
    keys.sort();
    let agreed = Condition::SignedBy {
        keys: list(keys),
        threshold: 2,
    };
    let escrow = Escrow {
        payer: town.id("buyer"),
        payee: town.id("seller"),
        currency: code("EUR"),
        amount: Amount(250_00),
        release_when: agreed.clone(),
        refund_when: agreed,
        expires_at: town.in_seconds(30 * 86_400),
        on_expiry: Side::Refund,
    };
    let escrow = town.act(&["buyer"], SettlementAction::Escrow(escrow)).unwrap();
    let claim = |side, by| {
        SettlementAction::Claim(Claim {
            escrow,
            by,
            side,
            preimages: list([]),
        })
    };
    let seller = town.id("seller");
    // The seller alone is not enough; the arbiter, who has no account, is the second.
    assert_eq!(
        town.act(&["seller"], claim(Side::Release, seller)),
        Err(Rejection::ConditionNotMet)
    );
    town.act(&["seller", "arbiter"], claim(Side::Release, seller)).unwrap();
    assert_eq!(town.has("seller", "EUR"), (250_00, 0));
    assert_eq!(town.has("buyer", "EUR"), (650_00, 0));
}

/// Ann has euros here and wants what Bob has on another ledger. Ann draws the secret; its hash is in both escrows.
/// By taking Bob's side there she shows it, and Bob takes hers here. If she does not, both go back: hers later
/// than his, so that he has time.
fn swap() {
    let mut town = Town::with(&[("ann", "EUR", 100_00), ("bob", "EUR", 0)]);
    let secret = Preimage([42; 32]);
    let until = town.in_seconds(3_600);
    let here = |town: &Town| {
        SettlementAction::Escrow(Escrow {
            payer: town.id("ann"),
            payee: town.id("bob"),
            currency: code("EUR"),
            amount: Amount(100_00),
            release_when: Condition::All(list([Condition::Preimage(secret.hash()), Condition::Before(until)])),
            refund_when: Condition::After(until),
            expires_at: town.in_seconds(7_200),
            on_expiry: Side::Refund,
        })
    };
    let terms = here(&town);
    let escrow = town.act(&["ann"], terms).unwrap();
    let bob = town.id("bob");
    let with_secret = SettlementAction::Claim(Claim {
        escrow,
        by: bob,
        side: Side::Release,
        preimages: list([secret]),
    });
    town.act(&["bob"], with_secret).unwrap();
    assert_eq!(town.has("bob", "EUR"), (100_00, 0));

    // The other way round, and nobody shows the secret: time alone ends it.
    let back = Escrow {
        payer: bob,
        payee: town.id("ann"),
        currency: code("EUR"),
        amount: Amount(100_00),
        release_when: Condition::Preimage(secret.hash()),
        refund_when: Condition::After(town.in_seconds(100)),
        expires_at: town.in_seconds(200),
        on_expiry: Side::Refund,
    };
    let escrow = town.act(&["bob"], SettlementAction::Escrow(back)).unwrap();
    assert_eq!(town.wait(200), [(escrow, Ending::Refunded)]);
    assert_eq!(town.has("bob", "EUR"), (100_00, 0));
}
