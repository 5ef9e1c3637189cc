//! Chains of payments that tests are made of.

use super::{
    bundle::{Behind, Bundle},
    example::{AMOUNT, certified, granted, spend, transferred},
    ids::Id16,
    messages::Spend,
};

/// A purse's grant as a lot: its name and what is behind it.
pub fn grant_lot(purse: u8) -> (Id16, Behind) {
    let grant = granted(purse);
    (grant.body.load, Behind::Grant(grant))
}

pub fn bundle_lot(bundle: Bundle) -> (Id16, Behind) {
    (bundle.transfer().id().short(), Behind::Bundle(bundle))
}

/// Pays in equal parts of these lots.
pub fn pay(payer: u8, payee: u8, hop: u8, lots: &[(Id16, Behind)]) -> Bundle {
    let count = u64::try_from(lots.len()).expect("four at most");
    let part = AMOUNT.0 / count;
    let rest = AMOUNT.0 - part * (count - 1);
    let amounts = std::iter::once(rest).chain(std::iter::repeat(part));
    let parts: Vec<_> = lots.iter().map(|(lot, _)| *lot).zip(amounts).collect();
    pay_by(payer, payee, spend(hop, &parts), lots)
}

pub fn pay_by(payer: u8, payee: u8, spend: Spend, lots: &[(Id16, Behind)]) -> Bundle {
    let transfer = transferred(payer, payee, spend);
    Bundle::for_transfer(transfer, certified(payer), lots.iter().map(|(_, behind)| behind)).expect("a bundle")
}

/// Purse 1 spends its grant, and what it paid goes on to purse 2 and so on: as many hops.
pub fn chain(hops: u8) -> Bundle {
    (2..=hops).fold(pay(1, 2, 1, &[grant_lot(1)]), |bundle, hop| {
        pay(hop, hop + 1, hop, &[bundle_lot(bundle)])
    })
}
