use sha2::{Digest, Sha256};

use super::*;
use crate::{
    block::{Height, VoteKind},
    codec::TooMany,
    committee::change::ValidatorChange,
    example::{
        GENESIS_HASH, currency, currency_record, double_vote, key, list, not_a_point, participant, participant_id,
        secret, small_order_keys, text, transfer, two_of_three,
    },
    identity::WeightedKey,
    keys::KeyError,
};

fn signed() -> SignedTransaction {
    transfer().sign([&secret(1), &secret(2)]).expect("well-formed")
}

fn open_account(keys: KeyPolicy) -> Action {
    Action::OpenAccount {
        operator: participant_id("BANKA"),
        keys,
        salt: Salt([5; 16]),
        tier: Tier(2),
        identity: IdentityCommitment([6; 32]),
    }
}

/// A transaction that the change makes bad is refused by `check` and, in bytes, by `decode`.
fn check_refused(change: impl FnOnce(&mut SignedTransaction), expected: TransactionError) {
    let mut bad = signed();
    change(&mut bad);
    assert_eq!(bad.check(&GENESIS_HASH), Err(expected.clone()));
    assert_eq!(
        SignedTransaction::decode(&codec::encode(&bad), &GENESIS_HASH),
        Err(expected)
    );
}

/// Every byte of a transfer, laid out by hand.
#[test]
fn the_bytes_of_a_transfer() {
    let body: Vec<u8> = [
        &[1][..],                                             // version
        &[0x47; 8],                                           // genesis prefix
        &[0xfc, 0x00, 0xd2, 0x49, 0x6b],                      // valid_until 1,800,000,000
        &[0xfd, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 1], // nonce
        &[1],                                                 // one action
        &[0],                                                 // the first kind: a transfer
        &[1; 20],                                             // from
        &[2; 20],                                             // to
        b"CNY\0\0\0\0\0",
        &[0xfb, 0xd2, 0x04], // amount 1,234
        &[4],
        b"July",
    ]
    .concat();
    assert_eq!(codec::encode(&transfer()), body);
    let id: [u8; 32] = Sha256::new_with_prefix("causeway/tx/1")
        .chain_update(&body)
        .finalize()
        .into();
    assert_eq!(transfer().id(), TxId(id));

    let signed = signed();
    let mut bytes = body;
    bytes.push(2);
    for entry in &signed.signatures {
        bytes.push(1);
        bytes.extend_from_slice(entry.key.as_bytes());
        bytes.extend_from_slice(entry.signature.as_bytes());
    }
    assert_eq!(signed.to_bytes().expect("short"), bytes);
    assert_eq!(SignedTransaction::decode(&bytes, &GENESIS_HASH), Ok(signed));
}

#[test]
fn the_id_is_of_the_body_alone() {
    let one = transfer().sign([&secret(1)]).expect("well-formed");
    let other = transfer().sign([&secret(2), &secret(3)]).expect("well-formed");
    assert_eq!(one.id(), other.id());
    let changed = Transaction {
        nonce: Nonce(1),
        ..transfer()
    };
    assert_ne!(changed.id(), transfer().id());
}

#[test]
fn a_well_formed_transaction_passes() {
    let signed = signed();
    assert_eq!(signed.check(&GENESIS_HASH), Ok(()));
    assert_eq!(signed.verify_signatures(), Ok(()));
    let signers: Vec<_> = signed.signers().copied().collect();
    let mut expected = vec![key(1), key(2)];
    expected.sort();
    assert_eq!(signers, expected);
}

#[test]
fn each_defect_has_its_error() {
    check_refused(|tx| tx.transaction.version = 2, TransactionError::Version(2));
    check_refused(|tx| tx.transaction.version = 0, TransactionError::Version(0));
    let actual = GenesisPrefix([0; 8]);
    check_refused(
        |tx| tx.transaction.genesis = actual,
        TransactionError::WrongGenesis {
            expected: GENESIS_HASH.prefix(),
            actual,
        },
    );
    check_refused(|tx| tx.transaction.actions = list(vec![]), TransactionError::NoActions);
    check_refused(|tx| tx.signatures = list(vec![]), TransactionError::Signatures);
    check_refused(
        |tx| {
            let mut signatures = tx.signatures.to_vec();
            signatures.reverse();
            tx.signatures = list(signatures);
        },
        TransactionError::Signatures,
    );
    check_refused(
        |tx| tx.signatures = list(vec![tx.signatures[0].clone(), tx.signatures[0].clone()]),
        TransactionError::Signatures,
    );
}

#[test]
fn keys_to_be_registered_are_checked() {
    let weak = small_order_keys()[0];
    let none = not_a_point();
    let rows = [
        (
            KeyPolicy {
                threshold: 1,
                keys: list(vec![]),
            },
            PolicyError::NoKeys,
        ),
        (
            KeyPolicy {
                threshold: 4,
                ..two_of_three()
            },
            PolicyError::Threshold { threshold: 4, sum: 3 },
        ),
        (
            KeyPolicy::single(weak),
            PolicyError::Key {
                key: weak,
                source: KeyError::SmallOrder,
            },
        ),
        (
            KeyPolicy::single(none),
            PolicyError::Key {
                key: none,
                source: KeyError::NotAPoint,
            },
        ),
    ];
    for (keys, source) in rows {
        let mut participant = participant("BANKB", 1, false);
        participant.keys = keys.clone();
        for bad in [
            open_account(keys),
            Action::Council(CouncilAction::RegisterParticipant(participant)),
        ] {
            let error = TransactionError::KeyPolicy {
                action: 1,
                source: source.clone(),
            };
            check_refused(
                |tx| {
                    let first = tx.transaction.actions[0].clone();
                    tx.transaction.actions = list(vec![first, bad]);
                },
                error,
            );
        }
    }
}

#[test]
fn the_limit_of_bytes_holds_however_a_transaction_arrives() {
    let many = |count: u8| {
        let mut keys: Vec<_> = (1..=16)
            .map(|number| WeightedKey {
                key: key(number),
                weight: 300,
            })
            .collect();
        keys.sort_by_key(|entry| entry.key);
        let policy = KeyPolicy {
            threshold: 300,
            keys: list(keys),
        };
        let actions = vec![open_account(policy); count.into()];
        Transaction {
            actions: list(actions),
            ..transfer()
        }
        .sign([&secret(1)])
        .expect("well-formed")
    };
    let fits = many(25);
    let bytes = fits.to_bytes().expect("fits");
    assert_eq!(fits.check(&GENESIS_HASH), Ok(()));
    assert_eq!(SignedTransaction::decode(&bytes, &GENESIS_HASH), Ok(fits));

    let long = many(27);
    let actual = codec::encode(&long).len();
    assert!(actual > TRANSACTION_BYTES_MAX);
    assert_eq!(long.check(&GENESIS_HASH), Err(TransactionError::TooLong { actual }));
    assert_eq!(long.to_bytes(), Err(TransactionError::TooLong { actual }));
    let error = DecodeError::TooLong {
        actual,
        max: TRANSACTION_BYTES_MAX,
    };
    let decoded = SignedTransaction::decode(&codec::encode(&long), &GENESIS_HASH);
    assert_eq!(decoded, Err(TransactionError::Decode(error)));
}

#[test]
fn bytes_that_are_not_a_transaction_are_refused() {
    let bytes = signed().to_bytes().expect("short");
    let decode = |bytes: &[u8]| SignedTransaction::decode(bytes, &GENESIS_HASH);
    let refused = |error| Err(TransactionError::Decode(error));
    assert_eq!(decode(&[&bytes[..], &[0]].concat()), refused(DecodeError::Trailing(1)));
    // Version 1 in three bytes.
    assert_eq!(
        decode(&[&[0xfb, 1, 0], &bytes[1..]].concat()),
        refused(DecodeError::NotCanonical)
    );
    for end in 0..bytes.len() {
        let error = decode(&bytes[..end]).expect_err("cut short").to_string();
        assert_eq!(
            error,
            "not a transaction: malformed: the bytes end before the value does"
        );
    }
    assert_eq!(
        decode(&vec![0; TRANSACTION_BYTES_MAX + 1]),
        refused(DecodeError::TooLong {
            actual: TRANSACTION_BYTES_MAX + 1,
            max: TRANSACTION_BYTES_MAX
        })
    );
}

#[test]
fn signing_refuses_what_cannot_be_accepted() {
    let none: [&SecretKey; 0] = [];
    assert_eq!(transfer().sign(none), Err(TransactionError::Signatures));
    assert_eq!(
        transfer().sign([&secret(1), &secret(1)]),
        Err(TransactionError::Signatures)
    );
    let seventeen: Vec<_> = (1..=17).map(secret).collect();
    assert_eq!(transfer().sign(&seventeen), Err(TransactionError::Signatures));
    assert!(transfer().sign(&seventeen[..16]).is_ok());
    // One after the other they come to the same as together.
    let together = transfer().sign(&seventeen[..3]).expect("three");
    let first = transfer().sign([&seventeen[2]]).expect("one");
    let others = first.also_by(&seventeen[..3]).expect("three");
    assert_eq!(others, together);
    assert_eq!(together.clone().also_by(&seventeen[..3]), Ok(together.clone()));
    assert_eq!(together.also_by(&seventeen), Err(TransactionError::Signatures));
    let empty = Transaction {
        actions: list(vec![]),
        ..transfer()
    };
    assert_eq!(empty.sign([&secret(1)]), Err(TransactionError::NoActions));
    let future = Transaction {
        version: 2,
        ..transfer()
    };
    assert_eq!(future.sign([&secret(1)]), Err(TransactionError::Version(2)));
    assert_eq!(
        Text::<140>::new("x".repeat(141)),
        Err(TooMany { actual: 141, max: 140 })
    );
}

#[test]
fn a_bad_signature_is_blamed_on_its_key() {
    let good = signed();
    for at in 0..2 {
        let mut bad = good.clone();
        let mut signatures = bad.signatures.to_vec();
        signatures[at].signature.0[40] ^= 1;
        let key = signatures[at].key;
        bad.signatures = list(signatures);
        assert_eq!(bad.check(&GENESIS_HASH), Ok(()), "curve arithmetic comes later");
        assert_eq!(bad.verify_signatures(), Err(TransactionError::BadSignature { key }));
    }
    let mut changed = good;
    changed.transaction.memo = text("August");
    let key = changed.signatures[0].key;
    assert_eq!(changed.verify_signatures(), Err(TransactionError::BadSignature { key }));
}

fn report() -> Action {
    let evidence = double_vote(&GENESIS_HASH, &secret(1), VoteKind::Prevote, Height(300));
    Action::ReportEvidence {
        reporter: ValidatorId::of(&key(2)),
        evidence: Box::new(evidence),
    }
}

#[test]
fn evidence_is_reported_at_most_once_in_a_transaction() {
    let of = |actions: Vec<Action>| {
        let transaction = Transaction {
            actions: list(actions),
            ..transfer()
        };
        transaction.sign([&secret(1)]).map(|_| ())
    };
    let transfer = transfer().actions[0].clone();
    assert_eq!(of(vec![report(), transfer.clone()]), Ok(()));
    assert_eq!(of(vec![report(), transfer, report()]), Err(TransactionError::Reports));
}

#[test]
fn a_transaction_brings_at_most_64_messages_of_purses_and_then_no_act_of_the_council() {
    use crate::offline::{
        action::{OfflineAction, Testimony},
        example::{granted, transfer_of},
    };
    let by = AccountId([1; 20]);
    let testify = |count| {
        let messages = list(vec![Testimony::Transfer(transfer_of(&[1_250])); count]);
        Action::Offline(Box::new(OfflineAction::Testify { by, messages }))
    };
    let grant = Action::Offline(Box::new(OfflineAction::Grant { by, grant: granted(1) }));
    let of = |actions: Vec<Action>| {
        let transaction = Transaction {
            actions: list(actions),
            ..transfer()
        };
        transaction.sign([&secret(1)]).map(drop)
    };
    let refused = Err(TransactionError::PurseMessages);
    assert_eq!(of(vec![testify(60), grant.clone()]), Ok(()));
    assert_eq!(of(vec![testify(64)]), Ok(()));
    assert_eq!(of(vec![testify(64), grant.clone()]), refused);
    let council = Action::Council(CouncilAction::WithdrawProtocol);
    assert_eq!(of(vec![council, grant]), refused);
}

#[test]
fn validators_are_changed_at_most_once_in_a_transaction() {
    let of = |count| {
        let change = ValidatorChange {
            remove: list(vec![ValidatorId([1; 20])]),
            set: list(Vec::new()),
        };
        let action = Action::Council(CouncilAction::ChangeValidators(change));
        let transaction = Transaction {
            actions: list(vec![action; count]),
            ..transfer()
        };
        transaction.sign([&secret(1)]).map(drop)
    };
    assert_eq!(of(1), Ok(()));
    assert_eq!(of(2), Err(TransactionError::ValidatorChanges));
}

#[test]
fn each_action_names_whose_word_it_needs() {
    let account = AccountId([3; 20]);
    let bank = participant_id("BANKA");
    let cny = currency("CNY");
    let (scope, reason) = (FreezeScope::Account, ReasonCode(1));
    let rows = [
        (transfer().actions[0].clone(), Authority::Account(AccountId([1; 20]))),
        (
            Action::Redeem {
                currency: cny,
                from: account,
                amount: Amount(1),
            },
            Authority::Account(account),
        ),
        (open_account(two_of_three()), Authority::Participant(bank)),
        (
            Action::SetTier {
                operator: bank,
                account,
                tier: Tier(1),
            },
            Authority::Participant(bank),
        ),
        (
            Action::CloseAccount {
                operator: bank,
                account,
            },
            Authority::Participant(bank),
        ),
        (
            Action::Freeze {
                by: bank,
                account,
                scope,
                reason,
            },
            Authority::Participant(bank),
        ),
        (
            Action::Unfreeze {
                by: bank,
                account,
                scope,
                reason,
            },
            Authority::Participant(bank),
        ),
        (
            Action::Issue {
                currency: cny,
                to: account,
                amount: Amount(1),
            },
            Authority::Issuer(cny),
        ),
        (
            Action::Council(CouncilAction::RegisterCurrency(currency_record("EUR", 2, "ECB"))),
            Authority::Council,
        ),
        (report(), Authority::Validator(ValidatorId::of(&key(2)))),
    ];
    for (action, expected) in rows {
        assert_eq!(action.authorities().collect::<Vec<_>>(), [expected], "{action:?}");
    }
}

#[test]
fn json_form() {
    let json = serde_json::to_value(signed()).expect("json");
    let body = &json["transaction"];
    assert_eq!(body["nonce"], "81985529216486895");
    assert_eq!(body["valid_until"], 1_800_000_000);
    assert_eq!(body["actions"][0]["transfer"]["amount"], "1234");
    assert_eq!(
        serde_json::from_value::<SignedTransaction>(json.clone()).expect("json"),
        signed()
    );

    let refused = |change: fn(&mut serde_json::Value), expected: &str| {
        let mut bad = json.clone();
        change(&mut bad);
        let error = serde_json::from_value::<SignedTransaction>(bad)
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(|tx| tx["transaction"]["fee"] = 1.into(), "unknown field `fee`");
    refused(
        |tx| tx["transaction"]["actions"][0]["transfer"]["tip"] = 1.into(),
        "unknown field `tip`",
    );
    refused(
        |tx| tx["transaction"]["actions"][0]["transfer"]["amount"] = 1234.into(),
        "expected a string",
    );
    refused(|tx| tx["transaction"]["nonce"] = "+1".into(), "digits only");
    refused(
        |tx| tx["transaction"]["nonce"] = "18446744073709551616".into(),
        "digits only",
    );
    refused(
        |tx| tx["transaction"]["memo"] = "x".repeat(141).into(),
        "141 items, and at most 140",
    );
    refused(
        |tx| tx["transaction"]["actions"] = vec![tx["transaction"]["actions"][0].clone(); 65].into(),
        "invalid length 65, expected a list of at most 64 items",
    );
    refused(
        |tx| tx["signatures"][0]["signature"] = "00".into(),
        "expected 128 hexadecimal digits",
    );
}
