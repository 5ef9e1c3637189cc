//! Payments between random accounts, signed and encoded before the clock starts, and laid out so that what
//! is due for a validator lies together.

use std::ops::Range;

use causeway_contracts::{
    block::GenesisHash,
    codec::{Bounded, Text},
    identity::AccountId,
    transaction::{Action, Nonce, TRANSACTION_VERSION, Transaction, TxId, UnixSeconds},
};
use causeway_wallet::clock;
use reqwest::Body;

use super::{
    accounts::{Accounts, PAYMENT, currency},
    parallel,
};
use crate::draw::Draw;

/// Payment `n` goes to validator `n` modulo their number.
pub struct Payments {
    pub ids: Vec<TxId>,
    bundles: Vec<Bundle>,
}

/// One validator's payments, each after its length as four bytes, big-endian.
#[derive(Default)]
struct Bundle {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Which payments are made.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Numbers of the whole run: no two payments of it are equal.
    pub numbers: Range<u64>,
    pub validators: u16,
    /// From now on.
    pub valid_seconds: u64,
}

impl Payments {
    pub fn sign(genesis: &GenesisHash, accounts: &Accounts, wanted: &Wanted) -> Self {
        let valid_until = clock::seconds_from_now(wanted.valid_seconds);
        let signed = parallel::each(wanted.numbers.clone(), |number| {
            let (from, to) = pair(number, accounts.len());
            let route = (accounts.id(from), accounts.id(to));
            let transaction = payment(genesis, number, route, valid_until);
            let signed = transaction.sign([&accounts.key(from)]).expect("one good signature");
            (signed.id(), signed.to_bytes().expect("a transfer is short"))
        });
        let count = usize::from(wanted.validators);
        let mut gathered = vec![(Vec::new(), Vec::new()); count];
        let mut ids = Vec::with_capacity(signed.len());
        for (place, (id, encoded)) in signed.into_iter().enumerate() {
            ids.push(id);
            let (bytes, ends) = &mut gathered[place % count];
            let length = u32::try_from(encoded.len()).expect("a transfer is short");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&encoded);
            ends.push(bytes.len());
        }
        let bundles = gathered.into_iter().map(|(bytes, ends)| Bundle { bytes, ends });
        Self {
            ids,
            bundles: bundles.collect(),
        }
    }

    /// A submission of some of a validator's payments, counted among its own.
    pub fn body(&self, validator: u16, some: Range<usize>) -> Body {
        let Bundle { bytes, ends } = &self.bundles[usize::from(validator)];
        let at = |count: usize| count.checked_sub(1).map_or(0, |last| ends[last]);
        bytes[at(some.start)..at(some.end)].to_vec().into()
    }
}

/// The number makes it another than all others between the same accounts.
pub fn payment(
    genesis: &GenesisHash,
    number: u64,
    (from, to): (AccountId, AccountId),
    valid_until: UnixSeconds,
) -> Transaction {
    let transfer = Action::Transfer {
        from,
        to,
        currency: currency(),
        amount: PAYMENT,
    };
    Transaction {
        version: TRANSACTION_VERSION,
        genesis: genesis.prefix(),
        valid_until,
        nonce: Nonce(number),
        actions: Bounded::new(vec![transfer]).expect("one action"),
        memo: Text::default(),
    }
}

/// Two different accounts.
fn pair(number: u64, accounts: usize) -> (usize, usize) {
    let mut draw = Draw::new(number);
    let from = draw.below(accounts);
    let to = draw.below(accounts - 1);
    (from, if to >= from { to + 1 } else { to })
}

#[cfg(test)]
mod tests {
    use causeway_contracts::api::submission::decode_many;

    use super::*;
    use crate::bench::trial;

    #[test]
    fn an_account_never_pays_itself_and_all_take_part() {
        let pairs: Vec<_> = (0..1000).map(|number| pair(number, 3)).collect();
        assert!(pairs.iter().all(|(from, to)| from != to));
        for pair in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            assert!(pairs.contains(&pair), "{pair:?}");
        }
    }

    #[tokio::test]
    async fn bodies_hold_the_payments_of_their_validator_in_order() {
        let (_place, network) = trial::network(4);
        let genesis = network.genesis.hash();
        let accounts = Accounts::new(&network, 4);
        let wanted = Wanted {
            numbers: 70..90,
            validators: 3,
            valid_seconds: 60,
        };
        let payments = Payments::sign(&genesis, &accounts, &wanted);
        assert_eq!(payments.ids.len(), 20);
        let body = payments.body(1, 2..5);
        let transactions = decode_many(body.as_bytes().unwrap()).unwrap();
        let ids: Vec<_> = transactions.iter().map(|transaction| transaction.id()).collect();
        // Of 1, 4, 7, 10, 13, ...
        assert_eq!(ids, [7, 10, 13].map(|place: usize| payments.ids[place]));
        for transaction in transactions {
            transaction.check(&genesis).unwrap();
            transaction.verify_signatures().unwrap();
        }
    }
}
