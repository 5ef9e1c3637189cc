//! Bytes that are stored or hashed. A change here is a new format.

use sha2::{Digest, Sha256};

use super::network::*;
use crate::{
    block::{Checkpoints, GenesisHash, Height, TimeMs},
    codec,
    committee::{ValidatorId, change::FormerValidators, rotation::Rotation},
    evidence::EvidenceRecord,
    governance::Parameters,
    identity::{AccountId, AccountStatus, Freeze, IdentityCommitment, Tier},
    ledger::{
        Account, BalanceRecord, Day, STATE_VALUE_BYTES_MAX, StateKey, StateValue, changes_root,
        receipt::{Outcome, Receipt, Subject},
        rejection::{Rejection, Skip},
    },
    merkle,
    money::{Amount, Balance},
    protocol::{Protocol, ProtocolVersion, Upcoming},
    registry::Registry,
    settlement::{
        ContractId, MerchantCategory, ReferenceRate,
        netting::{Obligation, Position},
    },
    transaction::{FreezeScope, TxId, UnixSeconds},
};

fn hex_of<T: bincode::Encode + bincode::Decode<()> + PartialEq + std::fmt::Debug>(value: &T) -> String {
    let bytes = codec::encode(value);
    assert_eq!(codec::decode::<T>(&bytes, STATE_VALUE_BYTES_MAX).as_ref(), Ok(value));
    hex::encode(bytes)
}

/// For values too long to be written out.
fn sha_of<T: bincode::Encode + bincode::Decode<()> + PartialEq + std::fmt::Debug>(value: &T) -> String {
    hex::encode(&Sha256::digest(hex::decode(hex_of(value)).unwrap())[..8])
}

const ID: AccountId = AccountId([0xaa; 20]);

fn freeze_record() -> Freeze {
    Freeze {
        by: pid("ECB"),
        at: TimeMs(1_800_000_000_123),
        reason: REASON,
    }
}

/// [`freeze_record`].
const FREEZE: &str = "454342000000000000000000fd7b505c18a301000011";

fn key_hex(name: &str) -> String {
    hex::encode(key(name).as_bytes())
}

#[test]
fn state_keys_have_these_bytes() {
    let rows = [
        (StateKey::Account(ID), "00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        (
            StateKey::Balance(ID, code("EUR")),
            "01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa4555520000000000",
        ),
        (StateKey::Currency(code("EUR")), "024555520000000000"),
        (StateKey::Participant(pid("ECB")), "03454342000000000000000000"),
        (StateKey::Parameters, "04"),
        (StateKey::Council, "05"),
        (StateKey::Validators, "06"),
        (StateKey::Rotation, "07"),
        (
            StateKey::Evidence(ValidatorId([0xab; 20]), 15),
            "08abababababababababababababababababababab0f",
        ),
        (StateKey::Protocol, "09"),
        (StateKey::Origin, "0a"),
        (StateKey::NextValidators, "0b"),
        (StateKey::Nodes, "0c"),
        (StateKey::FormerValidators, "0d"),
        (StateKey::Checkpoints, "0e"),
        (
            StateKey::Contract(ContractId([0xab; 20])),
            "0fabababababababababababababababababababab",
        ),
        (
            StateKey::ReferenceRate(code("EUR"), code("USD")),
            "1045555200000000005553440000000000",
        ),
        (StateKey::Category(ID), "11aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        (
            StateKey::Position(ContractId([0xab; 20]), ID, code("EUR")),
            "13ababababababababababababababababababababaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa4555520000000000",
        ),
        (
            StateKey::Obligation(ContractId([0xab; 20]), 300u64.to_be_bytes()),
            "14abababababababababababababababababababab000000000000012c",
        ),
    ];
    for (key, expected) in &rows {
        assert_eq!(hex_of(key), *expected);
    }
    assert!(rows.is_sorted_by_key(|(key, _)| *key));
    assert!(rows.is_sorted_by_key(|(key, _)| codec::encode(key)));
}

#[test]
fn accounts_have_these_bytes() {
    let account = |status| {
        let account = Account {
            operator: pid("BANK"),
            keys: policy("alice"),
            tier: Tier(4),
            status,
            identity: IdentityCommitment([0xbb; 32]),
        };
        hex_of(&StateValue::Account(account))
    };
    let head = format!("0042414e4b0000000000000000010101{}0104", key_hex("alice"));
    let identity = "bb".repeat(32);
    assert_eq!(account(AccountStatus::Active), format!("{head}00{identity}"));
    assert_eq!(
        account(AccountStatus::Frozen(freeze_record())),
        format!("{head}01{FREEZE}{identity}")
    );
    assert_eq!(account(AccountStatus::Closed), format!("{head}02{identity}"));
}

#[test]
fn balances_have_these_bytes() {
    let record = BalanceRecord::default();
    assert_eq!(hex_of(&StateValue::Balance(record)), "010000000000");
    let record = BalanceRecord {
        available: Balance(-100_000),
        held: Amount(7),
        day: Day(20_833),
        spent: Amount(250),
        frozen: Some(freeze_record()),
    };
    assert_eq!(
        hex_of(&StateValue::Balance(record)),
        format!("01fc3f0d030007fb6151fa01{FREEZE}")
    );
}

#[test]
fn registries_and_singles_have_these_bytes() {
    let parameters = Parameters {
        limits: list(vec![limits(4, "EUR", [Some(1), None, Some(3)])]),
        ..Parameters::default()
    };
    let net = small();
    let rotation = Rotation::default();
    let author = ValidatorId::of(&key("v1"));
    let missed = (1..=4)
        .map(Height)
        .find(|height| *rotation.proposer(net.ledger.validators(), *height, 0) != author);
    let absent = rotation.after(
        net.ledger.validators(),
        net.ledger.validators(),
        missed.unwrap(),
        &author,
    );
    assert_eq!(absent.absences().len(), 1);
    let rows = [
        (
            StateValue::Currency(currency("EUR", "ECB", 10_000)),
            "02455552000000000002454342000000000000000000 03455552 fb1027 00".replace(' ', ""),
        ),
        (
            StateValue::Participant(participant("ECB", true)),
            format!("03454342000000000000000000 03454342 0101 01{}01 01 00", key_hex("ECB")).replace(' ', ""),
        ),
        (
            StateValue::Parameters(parameters),
            "04 fb5802 fb0040 fc00093d00 fb100e 01 04 4555520000000000 0101 00 0103".replace(' ', ""),
        ),
        (
            StateValue::Council(policy("council")),
            format!("05010101{}01", key_hex("council")),
        ),
        (StateValue::Rotation(rotation), "0700".into()),
        (
            StateValue::Origin(GenesisHash([0xdd; 32])),
            format!("0a{}", "dd".repeat(32)),
        ),
        (StateValue::Protocol(Protocol::default()), "090100".into()),
        (
            StateValue::Protocol(Protocol {
                version: ProtocolVersion(1),
                upcoming: Some(Upcoming {
                    version: ProtocolVersion(2),
                    height: Height(300),
                }),
            }),
            "09010102fb2c01".into(),
        ),
        (
            StateValue::Nodes(Registry::new([node("v9", "v9 network", &["v9"])]).unwrap()),
            format!(
                "0c010276390 1{}142f6970342f3132372e302e302e312f7463702f310101{}",
                key_hex("v9 network"),
                key_hex("v9")
            )
            .replace(' ', ""),
        ),
        (StateValue::FormerValidators(FormerValidators::default()), "0d00".into()),
        (StateValue::Category(MerchantCategory(5_411)), "11fb2315".into()),
        (
            StateValue::Position(Position {
                prefunded: Amount(300),
                net: Balance(-7),
                queued: 2,
            }),
            "13fb2c010d02".into(),
        ),
        (
            StateValue::Obligation(Obligation {
                cycle: ContractId([0xab; 20]),
                debtor: ID,
                creditor: ID,
                currency: code("EUR"),
                amount: Amount(5),
            }),
            format!("14{}{}455552000000000005", "ab".repeat(20), "aa".repeat(40)),
        ),
        (
            StateValue::Book(ContractId([0xab; 20])),
            format!("12{}", "ab".repeat(20)),
        ),
        (
            StateValue::ReferenceRate(ReferenceRate {
                rate: "36.5".parse().unwrap(),
                as_of: UnixSeconds(300),
            }),
            "10fb6d0101fb2c01".into(),
        ),
        (StateValue::Checkpoints(Checkpoints::default()), "0e0000".into()),
        (
            StateValue::Checkpoints(Checkpoints {
                due: Some(Height(300)),
                certified: Height(7),
            }),
            "0e01fb2c0107".into(),
        ),
    ];
    for (value, expected) in rows {
        assert_eq!(hex_of(&value), expected, "{value:?}");
    }
    let record = EvidenceRecord {
        evidence: net.double_vote("v1", 300),
        reporter: author,
        transaction: TxId([0xcc; 32]),
        height: Height(301),
        time_ms: TimeMs(START_MS),
    };
    let bytes = hex::encode(codec::encode(&record));
    assert_eq!(hex_of(&StateValue::Evidence(Box::new(record))), format!("08{bytes}"));
    let validators = StateValue::Validators(net.ledger.validators().to_list());
    let next = StateValue::NextValidators(net.ledger.validators().to_list());
    assert_eq!(hex_of(&next)[2..], hex_of(&validators)[2..]);
    let hashes = [sha_of(&validators), sha_of(&StateValue::Rotation(absent))];
    assert_eq!(hashes, ["32934b11875f21be", "ba1662adc8fa171e"]);
}

#[test]
fn receipts_have_these_bytes() {
    let mut receipt = Receipt::plain(Subject::Transaction(TxId([0xcc; 32])), 300, Outcome::Applied);
    let head = format!("00{}fb2c01", "cc".repeat(32));
    assert_eq!(hex_of(&receipt), format!("{head}0000"));
    let reasons = [
        Rejection::UnknownAccount,
        Rejection::AccountNotActive,
        Rejection::NotPermitted,
        Rejection::UnknownCurrency,
        Rejection::CurrencyFrozen,
        Rejection::AmountZero,
        Rejection::OverPaymentLimit,
        Rejection::OverDailyLimit,
        Rejection::OverBalanceLimit,
        Rejection::InsufficientFunds,
        Rejection::SamePayerAndPayee,
        Rejection::OverIssuanceCap,
        Rejection::Overflow,
        Rejection::FreezeUnchanged,
        Rejection::AccountNotEmpty,
        Rejection::CurrencyExists,
        Rejection::ParticipantExists,
        Rejection::AccountExists,
        Rejection::UnknownParticipant,
        Rejection::ParameterOutOfRange,
        Rejection::RegistryFull,
        Rejection::UnknownValidator,
        Rejection::EvidenceOutOfTime,
        Rejection::EvidenceKnown,
        Rejection::EvidenceFull,
        Rejection::EvidenceInvalid,
        Rejection::ProtocolNotNext,
        Rejection::ProtocolTooSoon,
        Rejection::ProtocolNotScheduled,
        Rejection::UnknownNode,
        Rejection::NodeUnsound,
        Rejection::NodeKeyTaken,
        Rejection::NodeInUse,
        Rejection::ValidatorSetInvalid,
        Rejection::TooFewUnchangedValidators,
    ];
    assert!(reasons.is_sorted());
    for (at, reason) in reasons.into_iter().enumerate() {
        receipt.outcome = Outcome::Rejected { action: 3, reason };
        assert_eq!(hex_of(&receipt), format!("{head}0103{at:02x}00"));
    }
    let skips = [
        Skip::Expired,
        Skip::TooFarAhead,
        Skip::AlreadyKnown,
        Skip::UnknownSigner,
        Skip::ThresholdNotMet,
    ];
    for (at, skip) in skips.into_iter().enumerate() {
        assert_eq!(hex_of(&skip), format!("{at:02x}"));
    }
}

fn small() -> Network {
    let participants = vec![participant("ECB", false), participant("BANK", true)];
    let accounts = vec![
        opening("BANK", policy("alice"), 4, &[("EUR", 1_000)]),
        opening("BANK", policy("bob"), 0, &[]),
    ];
    let caps = vec![limits(4, "EUR", [Some(500), None, Some(2_000)])];
    Network::new(genesis(
        participants,
        vec![currency("EUR", "ECB", 10_000)],
        caps,
        accounts,
    ))
}

#[test]
fn a_fixed_block_has_these_hashes() {
    let mut net = small();
    let tip = net.ledger.tip().clone();
    let (alice, bob) = (net.account("BANK", "alice"), net.account("BANK", "bob"));
    let transactions = vec![
        net.tx(vec![transfer(alice, bob, "EUR", 300)], &["alice"]),
        net.tx(vec![transfer(alice, bob, "EUR", 501)], &["alice"]),
        net.tx(vec![freeze("BANK", alice, FreezeScope::Account)], &["BANK"]),
        net.tx(vec![issue("EUR", bob, 1)], &["BANK"]),
    ];
    let batch = net.batch("v1", transactions);
    let (block, execution) = net.block_at(TimeMs(START_MS + 1_234), &[batch]);
    assert_eq!(execution.receipts.len(), 3);
    let actual = [
        net.ledger.genesis().to_string(),
        tip.checkpoint_root.to_string(),
        tip.state_hash.to_string(),
        block.header.batches_root.to_string(),
        block.header.receipts_root.to_string(),
        block.header.changes_root.to_string(),
        block.header.state_hash.to_string(),
        block.id().to_string(),
    ];
    let expected = [
        "3829a5f27b2b6234de65d746f7383f5debb55bdc00291181e23f602ab38efdb3",
        "2744b65f9175d3a42f2b32cc6463ae800bb96a84587706936f21edf5e4be9330",
        "1ec1325af9c70792a9855d9746f2ecc93f32fe42013010208fab4796806c95e5",
        "9d4654c2944f2ef74f6cd71138f39018540a26eedd5426d3a70bc03368abaa42",
        "e8ecc43e8119ef03a03001fb928e0cf9b69fe322aac0aaeca22296f3dff37e9a",
        "a3f262ebe18a4dd8f1dd63d0d68b63d7d251d96e8cfe619a9c7a42df31c86af0",
        "cbf9dc117851944d9321f97246cd7b2acfbb42ad1928379a2c25e41add769bea",
        "fe9ea30c7ca0b22f7f8ea13ef2cd8f2247601c7c19aca48c42442f034097b7a4",
    ];
    assert_eq!(actual[..], expected[..]);
    assert_eq!(net.ledger.tip().state_hash, block.header.state_hash);
}

/// The changes root is the Merkle root over (key, value) pairs as they are encoded one by one.
#[test]
fn a_changes_leaf_is_the_encoded_pair() {
    let changes = [
        (StateKey::Account(ID), None),
        (
            StateKey::Balance(ID, code("EUR")),
            Some(StateValue::Balance(BalanceRecord::default())),
        ),
    ];
    let leaves = [
        [codec::encode(&changes[0].0), vec![0]].concat(),
        [
            codec::encode(&changes[1].0),
            vec![1],
            codec::encode(&changes[1].1.clone().unwrap()),
        ]
        .concat(),
    ];
    let expected = merkle::root(leaves.iter().map(|bytes| merkle::leaf(bytes)).collect());
    assert_eq!(changes_root(&changes), expected);
    assert_eq!(changes_root(&[]), merkle::root(Vec::new()));
}
