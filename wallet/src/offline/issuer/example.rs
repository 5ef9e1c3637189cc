//! Purses, keys and blocks for tests of the service.

use causeway_contracts::{
    block::{BlockId, Height},
    keys::SecretKey,
    money::Amount,
    offline::ids::{CurrencyIndex, Epoch, Id16, LoadCounter, PurseId},
};

use super::{
    client::IssuerLimits,
    events::{Events, Loaded},
    rules::{Rules, ServiceKeys},
};

pub const HOUR: u32 = 490_000;
pub const CURRENCY: CurrencyIndex = CurrencyIndex(3);

pub const LIMITS: IssuerLimits = IssuerLimits {
    payment: Amount(50_000),
    balance: Amount(200_000),
    merchant_balance: Amount(10_000_000),
    out: Amount(200_000),
    payments: 50,
    certificate_hours: 14 * 24,
    lot_hours: 30 * 24,
};

pub const RULES: Rules = Rules {
    currency: CURRENCY,
    exponent: 2,
    limits: LIMITS,
    beacon_hours: 1,
    lot_proof_hours: 24,
};

pub fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

pub fn keys() -> ServiceKeys {
    ServiceKeys {
        certificate: secret(60),
        grant: secret(61),
        beacon: secret(62),
    }
}

pub fn purse(number: u16) -> PurseId {
    let [high, low] = number.to_be_bytes();
    PurseId([1, 0, 0, 0, 0, 0, high, low])
}

pub fn block(height: u64, hours: u32) -> Events {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&height.to_be_bytes());
    Events::none(Height(height), BlockId(id), Epoch(HOUR + hours))
}

/// Of the purse, by its counter.
pub fn load(number: u16, counter: u32) -> Loaded {
    let mut lot = [0x40; 16];
    lot[..2].copy_from_slice(&number.to_be_bytes());
    lot[2..6].copy_from_slice(&counter.to_be_bytes());
    Loaded {
        purse: purse(number),
        counter: LoadCounter(counter),
        lot: Id16(lot),
        amount: Amount(1_000 + u64::from(number)),
    }
}
