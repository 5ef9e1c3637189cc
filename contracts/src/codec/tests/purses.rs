//! One of each answer about purses, whose bytes are in `golden.txt`.

use crate::{
    example::{currency, key, list, participant_id},
    identity::AccountId,
    money::{Amount, Balance},
    offline::{
        example::{
            AMOUNT, CURRENCY, after, beacon, certified, delta, granted, issuer_secret, purse, signed, transfer_of,
        },
        ids::{Id16, ListVersion, LoadCounter, MessageId, RequestSeq, Seq},
        issuer::KeyRole,
    },
    statement::{
        Answer, LoadView, ProofView, PurseCurrencyView, PurseLoad, PurseSpent, PurseView, RevocationPage,
        ServiceKeyView, SpentView,
    },
};

pub fn answers() -> Vec<(&'static str, Answer)> {
    let cny = currency("CNY");
    let missing = PurseLoad {
        purse: purse(1),
        counter: LoadCounter(2),
        load: None,
    };
    vec![
        ("purse_currency", Answer::PurseCurrency(Box::new(opened()))),
        ("no_purse_currency", Answer::NoPurseCurrency(cny)),
        ("revocations", Answer::Revocations(revocations())),
        ("purse", Answer::Purse(Box::new(registered()))),
        ("no_purse", Answer::NoPurse(purse(1))),
        ("purse_load", Answer::PurseLoad(Box::new(loaded()))),
        ("purse_load.none", Answer::PurseLoad(Box::new(missing))),
        ("purse_spent", Answer::PurseSpent(spent())),
    ]
}

fn opened() -> PurseCurrencyView {
    let keys = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon].map(|role| ServiceKeyView {
        key: key(role as u8),
        role,
        is_withdrawn: role == KeyRole::Grant,
    });
    PurseCurrencyView {
        currency: currency("CNY"),
        index: CURRENCY,
        fund: AccountId([1; 20]),
        keys: list(keys.to_vec()),
        beacon: Some(signed(beacon(), &issuer_secret(KeyRole::Beacon))),
        list_version: ListVersion(200),
        guarantee: Amount(66_000),
        claims_waiting: 300,
    }
}

fn revocations() -> RevocationPage {
    RevocationPage {
        currency: currency("CNY"),
        after: ListVersion(199),
        deltas: list(vec![signed(delta(2), &issuer_secret(KeyRole::Beacon))]),
        has_more: true,
    }
}

fn registered() -> PurseView {
    PurseView {
        id: purse(1),
        owner: AccountId([1; 20]),
        operator: participant_id("BANKA"),
        currency: currency("CNY"),
        certificate: certified(1),
        loads: LoadCounter(1),
        owed: Balance(1_000_000),
        is_revoked: true,
        proofs: list(vec![
            ProofView::Place(Seq(200)),
            ProofView::Lot(Id16([2; 16])),
            ProofView::Word(RequestSeq(5)),
            ProofView::Request(MessageId([3; 32])),
        ]),
    }
}

fn loaded() -> PurseLoad {
    PurseLoad {
        purse: purse(1),
        counter: LoadCounter(1),
        load: Some(LoadView {
            lot: Id16([0x41; 16]),
            amount: Amount(200_000),
            left: Amount(300),
            grant: Some(granted(1)),
            due: after(60 * 24),
            is_ended: false,
        }),
    }
}

fn spent() -> PurseSpent {
    let view = SpentView {
        id: MessageId([0; 32]),
        is_void: true,
        is_received: false,
        drawn: Amount(0),
        is_settled: true,
    };
    let paid = SpentView {
        id: transfer_of(&[AMOUNT.0]).id(),
        is_void: false,
        is_received: true,
        drawn: AMOUNT,
        is_settled: false,
    };
    PurseSpent {
        purse: purse(1),
        seq: Seq(200),
        spent: list(vec![view, paid]),
    }
}
