//! What is on disk must stay readable: these bytes change only with `FORMAT_VERSION`.

use causeway_contracts::{
    block::{BatchDigest, Height, TimeMs},
    codec,
    committee::ValidatorId,
    identity::AccountId,
    ledger::{StateKey, Tip},
    transaction::{TxId, UnixSeconds},
};

use super::open;
use crate::store::{
    format::{
        BEGINNING_KEY, CERTIFIER_KEY, CURRENCY_TABLE, Column, EVIDENCE_TABLE, FORMAT_KEY, FORMAT_VERSION, GENESIS_KEY,
        IndexEntry, Location, StoredIds, TIP_KEY, balances_prefix, digest_key, digest_of, evidence_after, handover_key,
        handover_of, height_key, height_of, ids_end_of, ids_key, pending_of, tip_of, tip_value,
    },
    trial::{Trial, euro},
};

#[test]
fn names_are_fixed() {
    assert_eq!(FORMAT_VERSION, 4);
    let names = Column::ALL.map(Column::name);
    let fixed = [
        "meta", "blocks", "receipts", "batches", "pending", "index", "state", "ids", "digests",
    ];
    assert_eq!(names, fixed);
}

#[test]
fn keys_of_what_a_database_says_of_itself_are_fixed() {
    let keys = [FORMAT_KEY, GENESIS_KEY, TIP_KEY, BEGINNING_KEY, CERTIFIER_KEY];
    let fixed = ["format", "genesis", "tip", "beginning", "certifier"];
    assert_eq!(keys, fixed.map(str::as_bytes));
    let key = handover_key(Height(0x0102));
    assert_eq!(hex::encode(key), format!("{}0000000000000102", hex::encode("handover")));
    assert_eq!(handover_of(&key), Some(Height(0x0102)));
}

#[test]
fn keys_are_fixed_and_read_back() {
    let height = Height(0x0102_0304);
    assert_eq!(hex::encode(height_key(height)), "0000000001020304");
    assert_eq!(height_of(&height_key(height)), Some(height));

    let (end, key) = (
        UnixSeconds(1_700_000_000),
        ids_key(UnixSeconds(1_700_000_000), height, 5),
    );
    assert_eq!(hex::encode(key), "000000006553f100000000000102030400000005");
    assert_eq!(ids_end_of(&key), Some(end));

    let (time, digest) = (TimeMs(1_700_000_000_123), BatchDigest([0xcd; 32]));
    assert_eq!(
        hex::encode(digest_key(time, &digest)),
        format!("0000018bcfe5687b{}", "cd".repeat(32))
    );
    assert_eq!(digest_of(&digest_key(time, &digest)), Some((time, digest)));
    assert_eq!(pending_of(&[0xcd; 32]), Some(digest));

    for wrong in [&[0; 7][..], &[0; 39], &[0; 41]] {
        assert_eq!(
            (height_of(wrong), ids_end_of(wrong), digest_of(wrong), pending_of(wrong)),
            (None, None, None, None)
        );
    }
}

#[test]
fn values_are_fixed() {
    let entry = IndexEntry {
        location: Location {
            height: Height(300),
            index: 7,
        },
        batch: 2,
        transaction: 1000,
    };
    assert_eq!(hex::encode(codec::encode(&entry)), "fb2c010702fbe803");

    let ids = StoredIds::new(vec![TxId([0xab; 32]), TxId([0xcd; 32])]).expect("two");
    let fixed = format!("02{}{}", "ab".repeat(32), "cd".repeat(32));
    assert_eq!(hex::encode(codec::encode(&ids)), fixed);

    let tip = Tip {
        height: Height(5),
        time_ms: TimeMs(1_700_000_000_123),
        block: causeway_contracts::block::BlockId([1; 32]),
        state_hash: causeway_contracts::block::StateHash([2; 32]),
        checkpoint_root: causeway_contracts::merkle::Root([3; 32]),
    };
    let bytes = codec::encode(&tip_value(&tip));
    let fixed = format!(
        "05fd7b68e5cf8b010000{}{}{}",
        "01".repeat(32),
        "02".repeat(32),
        "03".repeat(32)
    );
    assert_eq!(hex::encode(&bytes), fixed);
    assert_eq!(tip_of(codec::decode(&bytes, 200).expect("a tip")), tip);
}

#[test]
fn a_stored_block_is_a_block_and_its_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(2);
    let (_, ledger) = open(&folder.path().join("db"), &trial);
    let step = trial.step(&ledger, 1);
    let stored = crate::store::StoredBlock {
        block: step.commit.block.clone(),
        certificate: step.commit.certificate.clone(),
    };
    let parts = [codec::encode(&stored.block), codec::encode(&stored.certificate)];
    assert_eq!(codec::encode(&stored), parts.concat());
}

#[test]
fn prefixes_are_those_of_state_keys() {
    let account = AccountId([0xee; 20]);
    let balance = codec::encode(&StateKey::Balance(account, euro()));
    assert!(balance.starts_with(&balances_prefix(account)));
    assert_eq!(balance.len(), 21 + 8);
    assert_eq!(codec::encode(&StateKey::Currency(euro()))[0], CURRENCY_TABLE);
    let [one, next] = [ValidatorId([7; 20]), ValidatorId([8; 20])];
    let last = codec::encode(&StateKey::Evidence(one, 15));
    let first = codec::encode(&StateKey::Evidence(next, 0));
    assert_eq!(last[0], EVIDENCE_TABLE);
    assert!(last < evidence_after(one).to_vec() && evidence_after(one).to_vec() < first);
}
