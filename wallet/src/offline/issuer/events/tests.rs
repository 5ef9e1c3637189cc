use causeway_contracts::{
    block::{GenesisHash, Header, StateHash, TimeMs},
    codec::{Bounded, Text},
    committee::ValidatorId,
    identity::{AccountId, ParticipantId},
    ledger::{receipt::Receipt, rejection::Rejection},
    merkle::Root,
    offline::{
        field::Fixed,
        ids::{ListVersion, MessageId, Nonce16, RequestSeq, Seq},
        messages::{Grant, LoadRequest, LotPart, Request, Spend, Transfer, Void},
        signed::{Body, Signed},
    },
    protocol::PROTOCOL_MIN,
    transaction::{Nonce, TRANSACTION_VERSION, UnixSeconds},
};

use super::*;
use crate::offline::issuer::example::{CURRENCY, HOUR, purse, secret};

fn euro() -> Currency {
    Currency::new("EUR").expect("a code")
}

fn signed<M: Body>(body: M) -> Signed<M> {
    Signed::sign(body, &secret(1)).expect("sound")
}

fn load(number: u16, currency: CurrencyIndex) -> OfflineAction {
    let request = LoadRequest {
        purse: purse(number),
        load_counter: LoadCounter(7),
        amount: Amount(500),
        currency,
        nonce: Nonce16([1; 16]),
    };
    OfflineAction::Load {
        account: AccountId([1; 20]),
        request: signed(request),
    }
}

fn transaction(nonce: u64, actions: Vec<OfflineAction>) -> Transaction {
    let actions = actions.into_iter().map(|action| Action::Offline(Box::new(action)));
    Transaction {
        version: TRANSACTION_VERSION,
        genesis: GenesisHash([7; 32]).prefix(),
        valid_until: UnixSeconds(1),
        nonce: Nonce(nonce),
        actions: Bounded::new(actions.collect()).expect("few"),
        memo: Text::default(),
    }
}

/// A block of these transactions, and whether each was applied.
fn events(all: Vec<(Vec<OfflineAction>, bool)>) -> (Events, Vec<TxId>) {
    let (actions, applied): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let transactions: Vec<_> = (1..)
        .zip(actions)
        .map(|(nonce, actions)| transaction(nonce, actions))
        .collect();
    let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
    let rejected = Outcome::Rejected {
        action: 0,
        reason: Rejection::NotPermitted,
    };
    let receipts = ids.iter().zip(applied).zip(0..).map(|((id, is_applied), index)| {
        let outcome = if is_applied { Outcome::Applied } else { rejected };
        Receipt::plain(Subject::Transaction(*id), index, outcome)
    });
    let root = Root([0; 32]);
    let header = Header {
        version: PROTOCOL_MIN,
        genesis: GenesisHash([7; 32]),
        height: Height(4),
        time_ms: TimeMs(u64::from(HOUR) * Epoch::HOUR_MS + 5),
        parent: BlockId([1; 32]),
        proposer: ValidatorId([1; 20]),
        batches_root: root,
        transaction_count: 0,
        receipts_root: root,
        changes_root: root,
        state_hash: StateHash([0; 32]),
        checkpoint_root: root,
        validators_hash: root,
        next_validators_hash: root,
    };
    let block = VerifiedBlock {
        id: BlockId([4; 32]),
        header,
        receipts: receipts.collect(),
        transactions,
    };
    (Events::of(&block, euro(), CURRENCY), ids)
}

fn nothing() -> Events {
    Events::none(Height(4), BlockId([4; 32]), Epoch(HOUR))
}

#[test]
fn a_load_is_called_by_its_transaction_and_only_this_currencys_and_what_was_applied_counts() {
    let other = CurrencyIndex(CURRENCY.0 + 1);
    let (found, ids) = events(vec![
        (vec![load(1, CURRENCY)], true),
        (vec![load(2, CURRENCY)], false),
        (vec![load(3, other)], true),
    ]);
    let expected = Loaded {
        purse: purse(1),
        counter: LoadCounter(7),
        lot: Id16(ids[0].0[..16].try_into().expect("16 bytes")),
        amount: Amount(500),
    };
    let expected = Events {
        loads: vec![expected],
        suspects: [purse(1)].into(),
        ..nothing()
    };
    assert_eq!(found, expected);
}

#[test]
fn revocations_withdrawals_and_grants_are_seen() {
    let revoke = |by, number| OfflineAction::RevokePurse {
        by,
        purse: purse(number),
    };
    let withdraw = |currency, key| OfflineAction::WithdrawServiceKey {
        currency,
        key: KeyId([key; 4]),
    };
    let baht = Currency::new("THB").expect("a code");
    let grant = Grant {
        issuer: KeyId([1; 4]),
        load: Id16([1; 16]),
        purse: purse(5),
        load_counter: LoadCounter(2),
        amount: Amount(1),
        currency: CURRENCY,
        epoch: Epoch(HOUR),
        expiry: Epoch(HOUR + 1),
    };
    let grant = OfflineAction::Grant {
        by: AccountId([1; 20]),
        grant: signed(grant),
    };
    let operator = ParticipantId::new("BANKA").expect("an id");
    let (found, _) = events(vec![(
        vec![
            revoke(Revoker::Owner(AccountId([1; 20])), 1),
            revoke(Revoker::Operator(operator), 2),
            revoke(Revoker::Issuer(euro()), 3),
            revoke(Revoker::Issuer(baht), 4),
            withdraw(euro(), 1),
            withdraw(baht, 2),
            grant,
        ],
        true,
    )]);
    let expected = Events {
        revoked: [1, 2, 3].map(purse).into(),
        withdrawn: [KeyId([1; 4])].into(),
        granted: [(purse(5), LoadCounter(2))].into(),
        ..nothing()
    };
    assert_eq!(found, expected);
}

#[test]
fn who_is_testified_about_is_suspected() {
    let transfer = Transfer {
        payer: purse(1),
        seq: Seq(1),
        previous: MessageId::NONE,
        payee: purse(2),
        request: MessageId([3; 32]),
        spend: Spend {
            amount: Amount(5),
            currency: CURRENCY,
            hop: 1,
            expiry: Epoch(HOUR + 1),
            epoch: Epoch(HOUR),
            lots: Bounded::new(vec![LotPart {
                lot: Id16([1; 16]),
                amount: Amount(5),
            }])
            .expect("one"),
        },
    };
    let request = Request {
        payee: purse(3),
        nonce: Nonce16([4; 16]),
        seq: RequestSeq(5),
        amount: Amount(5),
        epoch: Epoch(HOUR),
        list_version: ListVersion(0),
        flags: Fixed,
        memo: Text::default(),
    };
    let void = Void {
        payee: purse(4),
        seq: RequestSeq(5),
        request: MessageId([7; 32]),
    };
    let messages = vec![
        Testimony::Transfer(signed(transfer)),
        Testimony::Request(signed(request)),
        Testimony::Void(signed(void)),
    ];
    let testify = OfflineAction::Testify {
        by: AccountId([1; 20]),
        messages: Bounded::new(messages).expect("few"),
    };
    let expected = Events {
        suspects: [1, 2, 3, 4].map(purse).into(),
        ..nothing()
    };
    assert_eq!(events(vec![(vec![testify], true)]).0, expected);
}
