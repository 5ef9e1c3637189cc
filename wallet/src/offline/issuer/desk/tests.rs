use causeway_contracts::{
    identity::AccountId,
    money::Amount,
    offline::{
        action::{Revoker, Testimony},
        ids::{Epoch, KeyId, MessageId, RequestSeq},
        messages::{RevocationDelta, Void},
        signed::Signed,
    },
    transaction::TRANSACTION_BYTES_MAX,
};

use super::*;
use crate::offline::issuer::example::{purse, secret};

fn parts(actions: &[OfflineAction]) -> Vec<usize> {
    let mut left: VecDeque<_> = (0..actions.len()).collect();
    let mut lengths = Vec::new();
    let mut next = 0;
    while !left.is_empty() {
        let part = take_part(actions, &mut left);
        assert_eq!(part, (next..next + part.len()).collect::<Vec<_>>(), "in order");
        let bytes: usize = part.iter().map(|at| codec::encode(&actions[*at]).len() + 1).sum();
        assert!(bytes + 512 < TRANSACTION_BYTES_MAX);
        next += part.len();
        lengths.push(part.len());
    }
    lengths
}

#[test]
fn a_transaction_has_at_most_64_actions_and_64_messages() {
    let revoke = OfflineAction::RevokePurse {
        by: Revoker::Owner(AccountId([1; 20])),
        purse: purse(1),
    };
    assert_eq!(parts(&vec![revoke; 130]), [64, 64, 2]);
    let void = Void {
        payee: purse(1),
        seq: RequestSeq(1),
        request: MessageId([2; 32]),
    };
    let void = Testimony::Void(Signed::sign(void, &secret(1)).expect("sound"));
    let testify = |count| OfflineAction::Testify {
        by: AccountId([1; 20]),
        messages: Bounded::new(vec![void.clone(); count]).expect("at most 64"),
    };
    assert_eq!(parts(&[testify(1), testify(63), testify(1), testify(64)]), [2, 1, 1]);
    assert_eq!(parts(&vec![testify(1); 65]), [64, 1]);
}

#[test]
fn a_transaction_adds_to_a_list_once() {
    let delta = RevocationDelta {
        issuer: KeyId([1; 4]),
        version: ListVersion(2),
        previous: ListVersion(1),
        epoch: Epoch(1),
        entries: Bounded::default(),
    };
    let add = OfflineAction::AddRevocations {
        by: AccountId([1; 20]),
        delta: Signed::sign(delta, &secret(1)).expect("sound"),
    };
    let revoke = OfflineAction::RevokePurse {
        by: Revoker::Owner(AccountId([1; 20])),
        purse: purse(1),
    };
    assert_eq!(
        parts(&[revoke.clone(), add.clone(), revoke, add.clone(), add]),
        [3, 1, 1]
    );
}

#[test]
fn a_transaction_has_no_more_bytes_than_are_taken() {
    let by = AccountId([1; 20]);
    let void = Void {
        payee: purse(1),
        seq: RequestSeq(1),
        request: MessageId([2; 32]),
    };
    let void = Testimony::Void(Signed::sign(void, &secret(1)).expect("sound"));
    let one = OfflineAction::Testify {
        by,
        messages: Bounded::new(vec![void; 40]).expect("at most 64"),
    };
    let fund = OfflineAction::FundGuarantee {
        fund: by,
        currency: Currency::new("EUR").expect("a code"),
        amount: Amount(u64::MAX),
    };
    let mixed: Vec<_> = (0..70)
        .map(|at| if at % 2 == 0 { fund.clone() } else { one.clone() })
        .collect();
    assert_eq!(parts(&mixed).iter().sum::<usize>(), 70);
}
